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
	"sync/atomic"
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

func TestCloseGivesUpOnAPeerThatDoesNotAnswer(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		go io.Copy(io.Discard, peer)
		start := time.Now()
		err := c.Close(wire.NormalClosure, "")
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Close gives %v", err)
		}
		since(t, start, 5*time.Second)
		if c.State() != Closed {
			t.Errorf("the state is %s", c.State())
		}
	})
}

func TestCloseGivesUpOnAPeerThatReadsNothingEither(t *testing.T) {
	bothRoles(t, Options{CloseTimeout: time.Second}, func(t *testing.T, c *Conn, peer net.Conn) {
		start := time.Now()
		err := c.Close(wire.NormalClosure, "")
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Close gives %v", err)
		}
		since(t, start, 3*time.Second) // two of them to find a Close that the peer sent without reading
	})
}

func TestCloseEndsInTimeWhateverAnotherWriterWaitsFor(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		defer time.AfterFunc(2*time.Hour, func() { peer.Close() }).Stop()
		must(c.SetWriteDeadline(time.Now().Add(time.Hour)))
		wrote := make(chan error)
		go func() { wrote <- c.WriteMessage(wire.Text, []byte("Hello")) }()
		synctest.Wait() // the peer does not read
		start := time.Now()
		done := make(chan error)
		go func() { done <- c.Close(wire.NormalClosure, "") }()
		synctest.Wait()
		must(c.SetWriteDeadline(start.Add(time.Hour))) // too late to matter
		if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Close gives %v", err)
		}
		if d := time.Since(start); d < 5*time.Second || d > 7*time.Second {
			t.Errorf("Close took %v", d)
		}
		if err := <-wrote; err == nil {
			t.Error("the write, which nobody has read, gives no error")
		}
	})
}

func TestCloseFindsAPeersCloseThatIsThereThoughNothingCanBeWritten(t *testing.T) {
	for name, test := range map[string]struct {
		pings  int // that stand before the Close
		before func(c *Conn)
	}{
		"nobody else writes":   {0, func(*Conn) {}},
		"another writer waits": {0, func(c *Conn) { go c.WriteMessage(wire.Text, []byte("Hello")) }},
		"another writer waits, and a reader for it": {1000, func(c *Conn) {
			go c.WriteMessage(wire.Text, []byte("Hello"))
			synctest.Wait()
			go c.ReadMessage() // the Pongs are more than may wait
		}},
		"writing has failed long ago": {0, func(c *Conn) {
			must(c.SetWriteDeadline(time.Now()))
			if c.WriteMessage(wire.Text, []byte("Hello")) == nil {
				t.Error("a write that is too late gives no error")
			}
			time.Sleep(time.Minute)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
				other := c.m.role.Peer()
				ping := from(other, true, wire.Ping, strings.Repeat("p", 125))
				sendAll(peer, append(slices.Repeat([][]byte{ping}, test.pings), closeFrame(other, wire.GoingAway, ""))...)
				test.before(c)
				synctest.Wait() // the peer reads nothing
				start := time.Now()
				if err := c.Close(wire.NormalClosure, ""); err != nil {
					t.Errorf("Close gives %v", err)
				}
				if d := time.Since(start); d > 7*time.Second {
					t.Errorf("Close took %v", d)
				}
			})
		})
	}
}

func TestCloseDiscardsDataUntilThePeersClose(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		done := make(chan error)
		go func() { done <- c.Close(4000, "bye") }()
		if got := readFrames(t, peer, c.m.role, 1); got[0] != "close 4000 bye" {
			t.Errorf("the peer is told %q", got)
		}
		other := c.m.role.Peer()
		sendAll(peer, from(other, true, wire.Text, "late"), from(other, false, wire.Binary, "later"), closeFrame(other, 4000, ""))
		if c.m.role == wire.Client {
			time.AfterFunc(time.Second, func() { peer.Close() }) // the server's FIN is late, within FinTimeout
		}
		if err := <-done; err != nil {
			t.Errorf("Close gives %v", err)
		}
		if err := c.Close(wire.NormalClosure, ""); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a second Close gives %v", err)
		}
	})
}

func TestTheServerClosesTCPAtOnceAndTheClientWaitsForIt(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		sendAll(peer, closeFrame(c.m.role.Peer(), wire.GoingAway, "bye"))
		go io.Copy(io.Discard, peer)
		start := time.Now()
		_, _, err := c.ReadMessage()
		var ce *CloseError
		if !errors.As(err, &ce) || ce.Code != wire.GoingAway || ce.Reason != "bye" || ce.Err != nil {
			t.Errorf("ReadMessage gives %v", err)
		}
		wait := time.Duration(0)
		if c.m.role == wire.Client {
			wait = 2 * time.Second // the peer never closes TCP
		}
		since(t, start, wait)
		if c.State() != Closed {
			t.Errorf("the state is %s", c.State())
		}
		if err := c.WriteMessage(wire.Text, nil); !errors.As(err, &ce) {
			t.Errorf("a write after it gives %v", err)
		}
		if _, _, err := c.ReadMessage(); !errors.As(err, &ce) {
			t.Errorf("a read after it gives %v", err)
		}
	})
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

func TestAPeerThatVanishesGives1006(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		go func() {
			peer.Write(from(c.m.role.Peer(), true, wire.Text, "Hello")[:3])
			peer.Close()
		}()
		_, _, err := c.ReadMessage()
		var ce *CloseError
		if !errors.As(err, &ce) || ce.Code != wire.AbnormalClosure || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("ReadMessage gives %v", err)
		}
		if err := c.WriteMessage(wire.Text, nil); !errors.As(err, &ce) {
			t.Errorf("a write after it gives %v", err)
		}
	})
}

func TestCloseNowEndsAReadThatWaits(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		done := make(chan error)
		go func() {
			_, _, err := c.ReadMessage()
			done <- err
		}()
		synctest.Wait()
		if err := c.CloseNow(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("ReadMessage gives %v", err)
		}
		if err := c.CloseNow(); err != nil {
			t.Errorf("a second CloseNow gives %v", err)
		}
		if err := c.Ping(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Ping gives %v", err)
		}
	})
}

func TestCloseTakesOverFromAReadThatWaits(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		read := make(chan error)
		go func() {
			_, _, err := c.ReadMessage()
			read <- err
		}()
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- c.Close(wire.NormalClosure, "") }()
		readFrames(t, peer, c.m.role, 1)
		sendAll(peer, from(c.m.role.Peer(), true, wire.Text, "late"), closeFrame(c.m.role.Peer(), wire.NormalClosure, ""))
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Errorf("ReadMessage gives %v", err)
		}
		synctest.Wait()
		if c.m.role == wire.Client {
			peer.Close()
		}
		if err := <-closed; err != nil {
			t.Errorf("Close gives %v", err)
		}
	})
}

func TestCloseFromOnControlEndsInTime(t *testing.T) {
	var c *Conn
	var got error
	o := Options{OnControl: func(wire.Opcode, []byte) { got = c.Close(wire.NormalClosure, "") }}
	bothRoles(t, o, func(t *testing.T, conn *Conn, peer net.Conn) {
		c = conn
		go io.Copy(io.Discard, peer)
		sendAll(peer, from(c.m.role.Peer(), true, wire.Pong, ""))
		start := time.Now()
		if _, _, err := c.ReadMessage(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("ReadMessage gives %v", err)
		}
		if got == nil {
			t.Error("Close waited for its own caller, and says that all is well")
		}
		since(t, start, 7*time.Second)
	})
}

func TestAFailureIsToldToBothEnds(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		sendAll(peer, from(c.m.role.Peer(), true, wire.Text, "good"), from(c.m.role.Peer(), true, 0x3, "bad"))
		if _, p, err := c.ReadMessage(); err != nil || string(p) != "good" {
			t.Errorf("ReadMessage gives %q, %v", p, err)
		}
		told := make(chan []string)
		go func() { told <- readFrames(t, peer, c.m.role, 1) }()
		_, _, err := c.ReadMessage()
		if codes(err) != "5.2/opcode-reserved" {
			t.Errorf("ReadMessage gives %v", err)
		}
		if got := <-told; got[0] != "close 1002 The opcode is 0x3" {
			t.Errorf("the peer is told %q", got)
		}
		if codes(c.WriteMessage(wire.Text, nil)) != "5.2/opcode-reserved" {
			t.Errorf("a write after it gives %v", err)
		}
		if c.State() != Closed {
			t.Errorf("the state is %s", c.State())
		}
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
		go c.WriteMessage(wire.Text, []byte("Hello")) // nobody reads it
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
		synctest.Wait() // everybody waits: the pings are not taken any more
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

func TestAFailureArrivesThoughBytesAreUnread(t *testing.T) {
	// A megabyte behind the header that fails: closing TCP on it would send a
	// reset, and the Close frame might never be seen.
	url := serve(t, &Upgrader{Options: Options{MaxMessage: 10}}, echo)
	c := dialTest(t, url, nil)
	go c.WriteMessage(wire.Binary, make([]byte, 1<<20))
	var ce *CloseError
	if _, _, err := c.ReadMessage(); !errors.As(err, &ce) || ce.Code != wire.MessageTooBig {
		t.Errorf("the client reads %v", err)
	}
}

func TestBothEndsMayCloseAtTheSameTime(t *testing.T) {
	result := make(chan error, 1)
	url := serve(t, &Upgrader{}, func(c *Conn) { result <- c.Close(4001, "") })
	c := dialTest(t, url, nil)
	if err := c.Close(4002, ""); err != nil {
		t.Errorf("the client's Close gives %v", err)
	}
	if err := <-result; err != nil {
		t.Errorf("the server's Close gives %v", err)
	}
}

func TestEveryChangeOfStateIsObserved(t *testing.T) {
	var mu sync.Mutex
	seen := map[wire.Role][]string{}
	observe := func(role wire.Role) func(Observation) {
		return func(o Observation) {
			mu.Lock()
			defer mu.Unlock()
			seen[role] = append(seen[role], fmt.Sprintf("%s %s: %s", o.Was, o.State, o.Why))
		}
	}
	done := make(chan bool)
	url := serve(t, &Upgrader{Options: Options{Observe: observe(wire.Server)}}, func(c *Conn) {
		echo(c)
		close(done)
	})
	c := dialTest(t, url, &DialOptions{Options: Options{Observe: observe(wire.Client)}})
	must(c.WriteFragments(wire.Text, []byte("a"), []byte("b")))
	if _, _, err := c.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	must(c.Close(wire.NormalClosure, ""))
	<-done
	for role, want := range map[wire.Role][]string{
		wire.Client: {
			"CONNECTING OPEN: the opening handshake is done",
			"OPEN CLOSING: a Close frame was sent",
			"CLOSING CLOSING: a Close frame was received: 1000 normal closure",
			"CLOSING CLOSED: this end closed TCP",
		},
		wire.Server: {
			"CONNECTING OPEN: the opening handshake is done",
			"OPEN OPEN: fragment 1 of a text message received",
			"OPEN OPEN: the last of 2 fragments received",
			"OPEN CLOSING: a Close frame was received: 1000 normal closure",
			"CLOSING CLOSING: the Close frame was answered with its code",
			"CLOSING CLOSED: this end closed TCP",
		},
	} {
		if !slices.Equal(seen[role], want) {
			t.Errorf("the %s observed\n\t%s", role, strings.Join(seen[role], "\n\t"))
		}
	}
}

func TestOnControlIsToldInOrderWithTheMessages(t *testing.T) {
	var told []string
	o := Options{OnControl: func(opcode wire.Opcode, p []byte) { told = append(told, fmt.Sprintf("%s %q", opcode, p)) }}
	bothRoles(t, o, func(t *testing.T, c *Conn, peer net.Conn) {
		told = nil
		other := c.m.role.Peer()
		go io.Copy(io.Discard, peer)
		sendAll(peer, join(from(other, true, wire.Ping, "1"), from(other, true, wire.Text, "x"), from(other, true, wire.Pong, "2"), closeFrame(other, 1000, "")))
		if _, _, err := c.ReadMessage(); err != nil || !slices.Equal(told, []string{`ping "1"`}) {
			t.Errorf("before the message it was told %q, %v", told, err)
		}
		if _, _, err := c.ReadMessage(); err == nil || !slices.Equal(told, []string{`ping "1"`, `pong "2"`, `close "\x03\xe8"`}) {
			t.Errorf("in the end it was told %q, %v", told, err)
		}
	})
}

func TestAMessageMayBeAnsweredThoughACloseIsRightBehindIt(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		other := c.m.role.Peer()
		sendAll(peer, join(from(other, true, wire.Text, "x"), closeFrame(other, 1000, "")))
		go echo(c)
		if got := readFrames(t, peer, c.m.role, 2); !slices.Equal(got, []string{`text "x"`, "close 1000"}) {
			t.Errorf("the peer gets %q", got)
		}
	})
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

func TestTheAnsweringCloseCanBeChosen(t *testing.T) {
	chosen := wire.ClosePayload{Code: 4000, Reason: "so be it"}
	for _, o := range []struct {
		name   string
		answer wire.ClosePayload
		want   string
	}{
		{"another code and a reason", chosen, "close 4000 so be it"},
		{"no code", wire.ClosePayload{Code: wire.NoStatusReceived}, "close 1005"},
		{"a code that cannot be sent", wire.ClosePayload{Code: wire.AbnormalClosure}, "close 1000"},
		{"a reason that is too long", wire.ClosePayload{Code: 4000, Reason: strings.Repeat("x", MaxReason+1)}, "close 1000"},
	} {
		t.Run(o.name, func(t *testing.T) {
			var received wire.ClosePayload
			options := Options{AnswerClose: func(p wire.ClosePayload) wire.ClosePayload {
				received = p
				return o.answer
			}}
			bothRoles(t, options, func(t *testing.T, c *Conn, peer net.Conn) {
				sendAll(peer, closeFrame(c.m.role.Peer(), 1000, "bye"))
				go c.ReadMessage()
				if got := readFrames(t, peer, c.m.role, 1); got[0] != o.want {
					t.Errorf("the answer is %s, want %s", got[0], o.want)
				}
				if received != (wire.ClosePayload{Code: 1000, Reason: "bye"}) {
					t.Errorf("AnswerClose is given %+v", received)
				}
			})
		})
	}
}

// TestAConnOutlastsThePanicOfAFunctionInItsOptions has each of them panic in each
// call that can run it. What is locked stays locked, so the calls that follow would
// wait for ever.
func TestAConnOutlastsThePanicOfAFunctionInItsOptions(t *testing.T) {
	var armed atomic.Bool
	trip := func() {
		if armed.Swap(false) {
			panic("tripped")
		}
	}
	options := map[string]Options{
		"MaskKey":     {MaskKey: func() [4]byte { trip(); return testKey }},
		"Now":         {Now: func() time.Time { trip(); return time.Now() }, IdleTimeout: time.Hour},
		"Observe":     {MaskKey: func() [4]byte { return testKey }, Observe: func(Observation) { trip() }},
		"OnControl":   {MaskKey: func() [4]byte { return testKey }, OnControl: func(wire.Opcode, []byte) { trip() }},
		"AnswerClose": {MaskKey: func() [4]byte { return testKey }, AnswerClose: func(p wire.ClosePayload) wire.ClosePayload { trip(); return p }},
	}
	calls := map[string]func(c *Conn, peer net.Conn){
		"WriteMessage": func(c *Conn, _ net.Conn) { c.WriteMessage(wire.Text, []byte("Hello")) },
		"large":        func(c *Conn, _ net.Conn) { c.WriteMessage(wire.Binary, make([]byte, 64<<10)) },
		"Ping":         func(c *Conn, _ net.Conn) { c.Ping(nil) },
		"NextWriter": func(c *Conn, _ net.Conn) {
			w, err := c.NextWriter(wire.Text)
			if err == nil {
				defer w.Close()
				w.Write(make([]byte, 2*fragmentSize))
			}
		},
		"ReadMessage of a Ping": func(c *Conn, peer net.Conn) {
			sendAll(peer, from(c.m.role.Peer(), true, wire.Ping, "a"), from(c.m.role.Peer(), true, wire.Text, "b"))
			c.ReadMessage()
		},
		"ReadMessage of a Close": func(c *Conn, peer net.Conn) {
			sendAll(peer, closeFrame(c.m.role.Peer(), 1000, ""))
			c.ReadMessage()
		},
		"NextReader": func(c *Conn, peer net.Conn) {
			sendAll(peer, from(c.m.role.Peer(), false, wire.Text, "a"), from(c.m.role.Peer(), true, wire.Continuation, "b"))
			if _, r, err := c.NextReader(); err == nil {
				io.ReadAll(r)
			}
		},
		"Close":            func(c *Conn, _ net.Conn) { c.Close(wire.NormalClosure, "") },
		"CloseNow":         func(c *Conn, _ net.Conn) { c.CloseNow() },
		"SetWriteDeadline": func(c *Conn, _ net.Conn) { c.SetWriteDeadline(time.Time{}) },
		"SetReadDeadline":  func(c *Conn, _ net.Conn) { c.SetReadDeadline(time.Time{}) },
	}
	for option, o := range options {
		tripped := 0
		for call, f := range calls {
			t.Run(option+" in "+call, func(t *testing.T) {
				bothRoles(t, o, func(t *testing.T, c *Conn, peer net.Conn) {
					go io.Copy(io.Discard, peer)
					armed.Store(true)
					func() {
						defer func() {
							if recover() != nil {
								tripped++
							}
						}()
						f(c, peer)
					}()
					armed.Store(false)
					start := time.Now()
					c.WriteMessage(wire.Text, nil)
					c.State()
					c.Close(wire.NormalClosure, "")
					c.CloseNow()
					if got := time.Since(start); got > time.Minute {
						t.Errorf("to close took %v", got)
					}
					if c.State() != Closed {
						t.Errorf("the state is %s", c.State())
					}
				})
			})
		}
		if tripped == 0 {
			t.Errorf("%s panicked in no call", option)
		}
	}
}

func TestErrorsSayWhatHappened(t *testing.T) {
	for want, err := range map[string]error{
		"the peer closed the connection: 1001 going away":                                              &CloseError{Code: 1001},
		`the peer closed the connection: 4000 private use, "bye"`:                                      &CloseError{Code: 4000, Reason: "bye"},
		"the connection ended without a Close frame (1006 abnormal closure): unexpected EOF":           &CloseError{Code: 1006, Err: io.ErrUnexpectedEOF},
		"nothing was sent: The reason in a Close frame must be valid UTF-8. (RFC 6455 §5.5.1)":         &SendError{[]wire.Violation{wire.RuleCloseReason.Broken("")}},
		"the opening handshake failed: unexpected EOF":                                                 &HandshakeError{Err: io.ErrUnexpectedEOF},
		`the opening handshake was refused with status 301 (to "http://a", not followed)`:              &HandshakeError{Status: 301, Head: wire.Head{Fields: []wire.Field{{Name: "Location", Value: "http://a"}}}},
		"the opening handshake was refused with status 405: The method must be GET. (RFC 6455 §4.2.1)": &HandshakeError{Status: 405, Violations: []wire.Violation{wire.RuleMethod.Broken("")}},
	} {
		if err.Error() != want {
			t.Errorf("the error says %q\nwant           %q", err, want)
		}
	}
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
