package reference

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"wslab/reference/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inMemory runs f in a bubble with a Conn of the given role and the other end
// of its pipe. Time in the bubble passes only while everybody waits.
func inMemory(t *testing.T, role wire.Role, o Options, f func(t *testing.T, c *Conn, peer net.Conn)) {
	t.Run(role.String(), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			if o.MaskKey == nil {
				o.MaskKey = func() [4]byte { return testKey }
			}
			c := NewConn(ours, role, o)
			defer c.CloseNow()
			f(t, c, theirs)
		})
	})
}

// bothRoles runs f as inMemory does, for a server and for a client.
func bothRoles(t *testing.T, o Options, f func(t *testing.T, c *Conn, peer net.Conn)) {
	inMemory(t, wire.Server, o, f)
	inMemory(t, wire.Client, o, f)
}

// readFrames reads n frames of sender from nc and spells them out.
func readFrames(t *testing.T, nc net.Conn, sender wire.Role, n int) []string {
	t.Helper()
	var b []byte
	for range n {
		start := len(b)
		for {
			if h, ok := wire.ParseHeader(b[start:]); ok && len(b)-start >= h.Size()+int(h.Length) {
				break
			}
			var one [1]byte
			if _, err := io.ReadFull(nc, one[:]); err != nil {
				t.Fatalf("the peer sees %v after % x", err, b)
			}
			b = append(b, one[0])
		}
	}
	return frames(t, sender, b)
}

// sendAll writes to nc in another goroutine, for a pipe has no room of its own.
func sendAll(nc net.Conn, parts ...[]byte) {
	go func() {
		for _, p := range parts {
			if _, err := nc.Write(p); err != nil {
				return
			}
		}
	}()
}

// since fails t unless exactly d has passed; a bubble's time makes that exact.
func since(t *testing.T, start time.Time, d time.Duration) {
	t.Helper()
	if got := time.Since(start); got != d {
		t.Errorf("it took %v, want %v", got, d)
	}
}

func TestAReadDeadlineLeavesEverythingInPlace(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		f := from(c.m.role.Peer(), true, wire.Text, "Hello")
		for i, next := range f {
			if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.ReadMessage(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("after %d bytes ReadMessage gives %v", i, err)
			}
			must(c.SetReadDeadline(time.Time{}))
			sendAll(peer, []byte{next})
		}
		if op, p, err := c.ReadMessage(); err != nil || op != wire.Text || string(p) != "Hello" {
			t.Errorf("ReadMessage gives %s, %q, %v", op, p, err)
		}
	})
}

func TestAWriteThatNobodyReadsTimesOutAndIsTheLast(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		start := time.Now()
		if err := c.WriteMessage(wire.Text, []byte("Hello")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the write gives %v", err)
		}
		since(t, start, 10*time.Second)
		if err := c.Ping(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a write after it gives %v", err)
		}
		// What the peer had sent can still be read; then it is over.
		sendAll(peer, from(c.m.role.Peer(), true, wire.Text, "Hello"))
		if _, p, err := c.ReadMessage(); err != nil || string(p) != "Hello" {
			t.Errorf("ReadMessage gives %q, %v", p, err)
		}
		var ce *CloseError
		if _, _, err := c.ReadMessage(); !errors.As(err, &ce) || ce.Code != wire.AbnormalClosure {
			t.Errorf("ReadMessage gives %v", err)
		}
		since(t, start, 12*time.Second)
	})
}

func TestAWriteDeadlineTakesThePlaceOfTheTimeout(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		start := time.Now()
		must(c.SetWriteDeadline(start.Add(3 * time.Second)))
		if err := c.WriteMessage(wire.Text, []byte("Hello")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the write gives %v", err)
		}
		since(t, start, 3*time.Second)
	})
}

func TestAPongDoesNotWaitForAWriterThatWaits(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		wrote := make(chan error)
		go func() { wrote <- c.WriteMessage(wire.Text, []byte("Hello")) }()
		synctest.Wait() // the writer waits: the peer does not read
		other := c.m.role.Peer()
		sendAll(peer, from(other, true, wire.Ping, "p"), from(other, true, wire.Text, "x"))
		if _, p, err := c.ReadMessage(); err != nil || string(p) != "x" {
			t.Fatalf("ReadMessage gives %q, %v", p, err)
		}
		got := readFrames(t, peer, c.m.role, 2)
		if err := <-wrote; err != nil {
			t.Error(err)
		}
		if !slices.Equal(got, []string{`text "Hello"`, `pong "p"`}) {
			t.Errorf("the peer gets %q", got)
		}
	})
}

func TestAPeerThatOnlyPingsIsMadeToWait(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		go c.WriteMessage(wire.Text, []byte("Hello")) // the peer does not read it
		synctest.Wait()
		ping := from(c.m.role.Peer(), true, wire.Ping, strings.Repeat("p", 125))
		sent := 0
		go func() {
			for ; sent < 10000; sent++ {
				if _, err := peer.Write(ping); err != nil {
					return
				}
			}
		}()
		go c.ReadMessage()
		synctest.Wait() // all goroutines wait: c reads no more Pings
		if held := len(c.m.out); held < maxBacklog || held > maxBacklog+3*readSize || sent == 10000 {
			t.Errorf("%d bytes wait to be sent after %d pings", held, sent)
		}
	})
}

// countWrites is a net.Conn that remembers what each write wrote.
type countWrites struct {
	net.Conn
	mu     sync.Mutex
	writes [][]byte
}

func (c *countWrites) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.writes = append(c.writes, bytes.Clone(b))
	c.mu.Unlock()
	return len(b), nil
}

func TestEachFrameLeavesInOneWrite(t *testing.T) {
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		nc := &countWrites{Conn: ours}
		c := NewConn(nc, role, Options{})
		must(c.WriteMessage(wire.Binary, make([]byte, 70000)))
		must(c.WriteFragments(wire.Text, []byte("H\xe6"), []byte("\x97"), []byte("\xa5!")))
		must(c.Ping([]byte("p")))
		must(c.Pong(nil))
		must(c.CloseNow())
		for _, w := range nc.writes {
			if h, _ := wire.ParseHeader(w); h.Size()+int(h.Length) != len(w) {
				t.Errorf("a write of %d bytes is not one frame", len(w))
			}
		}
		got := frames(t, role, slices.Concat(nc.writes...))
		got[0] = fmt.Sprintf("%.30s", got[0])
		want := []string{`binary "\x00\x00\x00\x00\x00\x`, `text "H\xe6"`, `continuation "\x97"`, `continuation "\xa5!"`, `ping "p"`, `pong ""`}
		if !slices.Equal(got, want) {
			t.Errorf("the %s wrote %q", role, got)
		}
	}
}

func TestMessagesOfManyWritersArriveWhole(t *testing.T) {
	const writers, each = 8, 50
	url := serve(t, &Upgrader{}, func(c *Conn) {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					part := bytes.Repeat([]byte{byte('a' + w)}, 1+i*37)
					if err := c.WriteFragments(wire.Text, part, nil, part); err != nil {
						t.Error(err)
					}
					if err := c.Ping(nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := c.Close(wire.NormalClosure, ""); err != nil {
			t.Error(err)
		}
	})
	c := dialTest(t, url, nil)
	for n := 0; ; n++ {
		_, p, err := c.ReadMessage()
		if err != nil {
			var ce *CloseError
			if n != writers*each || !errors.As(err, &ce) || ce.Code != wire.NormalClosure {
				t.Errorf("%d messages, then %v", n, err)
			}
			return
		}
		if len(bytes.Trim(p, string(p[:1]))) != 0 {
			t.Fatalf("a message is mixed: %q", p)
		}
	}
}

func TestWhatCannotBeSentIsRefusedAndTheConnectionGoesOn(t *testing.T) {
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		nc := &countWrites{Conn: ours}
		c := NewConn(nc, role, Options{})
		for name, err := range map[string]error{
			"an opcode that is no message": c.WriteMessage(wire.Ping, nil),
			"a continuation":               c.WriteMessage(wire.Continuation, nil),
			"no fragment":                  c.WriteFragments(wire.Text),
			"text that is not UTF-8":       c.WriteMessage(wire.Text, []byte("\xff")),
			"a later part of that kind":    c.WriteFragments(wire.Text, []byte("a"), []byte("\xff")),
			"text that is cut":             c.WriteFragments(wire.Text, []byte("a"), []byte("\xe6")),
			"a ping of 126":                c.Ping(make([]byte, 126)),
			"the code 1006":                c.Close(wire.AbnormalClosure, ""),
		} {
			if err == nil {
				t.Errorf("the %s sent %s", role, name)
			}
		}
		if len(nc.writes) != 0 || c.State() != Open {
			t.Errorf("%d writes, state %s", len(nc.writes), c.State())
		}
		must(c.CloseNow())
	}
}

func TestRawBytesPassTheMachineBy(t *testing.T) {
	result := make(chan error, 1)
	url := serve(t, &Upgrader{}, func(c *Conn) {
		_, _, err := c.ReadMessage()
		result <- err
	})
	c := dialTest(t, url, nil)
	must(c.WriteRaw([]byte{0x81, 0x00}))
	if err := <-result; codes(err) != "5.1/mask-missing" {
		t.Errorf("the server reads %v", err)
	}
	var ce *CloseError
	if _, _, err := c.ReadMessage(); !errors.As(err, &ce) || ce.Code != wire.ProtocolError || ce.Reason != "MASK is 0 in a frame from a client" {
		t.Errorf("the client reads %v", err)
	}
}

func TestMaskingKeysComeFromTheirSourceInOrder(t *testing.T) {
	source := make([]byte, 512)
	for i := range source {
		source[i] = byte(i / 4)
	}
	keys := bufferedKeys(bytes.NewReader(source))
	for i := range 128 {
		if want := [4]byte{byte(i), byte(i), byte(i), byte(i)}; keys() != want {
			t.Fatalf("key %d is not %v", i, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("keys go on without randomness")
		}
	}()
	keys()
}

func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{125, 4 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(err)
			defer l.Close()
			go func() {
				nc, err := l.Accept()
				if err != nil {
					return
				}
				echo(NewConn(nc, wire.Server, Options{}))
			}()
			nc, err := net.Dial("tcp", l.Addr().String())
			must(err)
			c := NewConn(nc, wire.Client, Options{})
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				must(c.WriteMessage(wire.Binary, p))
				if _, _, err := c.ReadMessage(); err != nil {
					b.Fatal(err)
				}
			}
			must(c.Close(wire.NormalClosure, ""))
		})
	}
}
