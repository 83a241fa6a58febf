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

	"wslab/reference/wire"
)

// replay is a net.Conn on which the same bytes come again and again; what is
// written to it is counted.
type replay struct {
	net.Conn
	bytes         []byte
	at            int
	mu            sync.Mutex
	writes, wrote int
}

func (c *replay) Read(p []byte) (int, error) {
	n := copy(p, c.bytes[c.at:])
	c.at = (c.at + n) % len(c.bytes)
	return n, nil
}

func (c *replay) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes, c.wrote = c.writes+1, c.wrote+len(p)
	return len(p), nil
}

func (c *replay) SetWriteDeadline(time.Time) error { return nil }
func (c *replay) SetReadDeadline(time.Time) error  { return nil }

func TestMessagesReadIntoLentMemoryAreTheSameHoweverTheyAreCut(t *testing.T) {
	sizes := []int{2000, 5000, 5000, 5000, 10, 0, 4999, 100, 5000, 1200, 70000, 70000, 3, 70000, 1}
	var stream []byte
	for i, n := range sizes {
		p := strings.Repeat(string(rune('a'+i)), n)
		stream = append(stream, from(wire.Client, n%2 == 0, wire.Binary, p)...)
		if n%2 != 0 {
			stream = join(stream, from(wire.Client, true, wire.Ping, "p"), from(wire.Client, true, wire.Continuation, "!"))
		}
	}
	for _, n := range []int{len(stream), 65536, 5006, 1153, 1152, 7, 1} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			c := NewConn(ours, wire.Server, Options{})
			defer c.CloseNow()
			go io.Copy(io.Discard, theirs)
			go func() {
				for piece := range slices.Chunk(stream, n) {
					if _, err := theirs.Write(piece); err != nil {
						return
					}
				}
			}()
			var buf []byte
			for i, size := range sizes {
				want := strings.Repeat(string(rune('a'+i)), size)
				if size%2 != 0 {
					want += "!"
				}
				_, p, err := c.ReadMessageInto(buf)
				if err != nil || string(p) != want {
					t.Fatalf("in pieces of %d: message %d has %d bytes, want %d, %v", n, i, len(p), len(want), err)
				}
				buf = p
			}
		})
	}
}

func TestADeadlineGivesLentMemoryBack(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		f := from(c.m.role.Peer(), true, wire.Text, "Hello")
		sendAll(peer, f[:len(f)-2])
		must(c.SetReadDeadline(time.Now().Add(time.Second)))
		lent := make([]byte, 0, 100)
		if _, _, err := c.ReadMessageInto(lent); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("ReadMessageInto gives %v", err)
		}
		copy(lent[:cap(lent)], "XXXXXXXX") // it is the caller's again
		must(c.SetReadDeadline(time.Time{}))
		sendAll(peer, f[len(f)-2:])
		if _, p, err := c.ReadMessage(); err != nil || string(p) != "Hello" {
			t.Errorf("the rest makes %q, %v", p, err)
		}
	})
}

func TestAnIdleConnectionIsEnded(t *testing.T) {
	bothRoles(t, Options{IdleTimeout: time.Minute}, func(t *testing.T, c *Conn, peer net.Conn) {
		start := time.Now()
		time.AfterFunc(40*time.Second, func() { sendAll(peer, from(c.m.role.Peer(), true, wire.Pong, "")) })
		told := make(chan []string)
		go func() { told <- readFrames(t, peer, c.m.role, 1) }()
		_, _, err := c.ReadMessage()
		var ce *CloseError
		if !errors.As(err, &ce) || ce.Code != wire.AbnormalClosure || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ReadMessage gives %v", err)
		}
		if got := <-told; got[0] != "close 1001 nothing came in the idle timeout" {
			t.Errorf("the peer is told %q", got)
		}
		if d := time.Since(start); d < 85*time.Second || d > 100*time.Second {
			t.Errorf("it took %v", d)
		}
		if c.State() != Closed {
			t.Errorf("the state is %s", c.State())
		}
	})
}

func TestASoonerReadDeadlineIsNotTheIdleTimeout(t *testing.T) {
	bothRoles(t, Options{IdleTimeout: time.Minute}, func(t *testing.T, c *Conn, peer net.Conn) {
		start := time.Now()
		must(c.SetReadDeadline(start.Add(time.Second)))
		if _, _, err := c.ReadMessage(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ReadMessage gives %v", err)
		}
		since(t, start, time.Second)
		must(c.SetReadDeadline(time.Time{}))
		sendAll(peer, from(c.m.role.Peer(), true, wire.Text, "x"))
		if _, p, err := c.ReadMessage(); err != nil || string(p) != "x" {
			t.Errorf("after it ReadMessage gives %q, %v", p, err)
		}
	})
}

func TestAReadThatWaitsIsEndedAsIdleThoughItsDeadlineIsTakenAway(t *testing.T) {
	bothRoles(t, Options{IdleTimeout: time.Minute}, func(t *testing.T, c *Conn, peer net.Conn) {
		defer time.AfterFunc(time.Hour, func() { peer.Close() }).Stop()
		go io.Copy(io.Discard, peer)
		start := time.Now()
		for i, d := range []time.Duration{0, 2 * time.Second, 0} {
			time.AfterFunc(time.Duration(i+1)*time.Second, func() {
				if d == 0 {
					must(c.SetReadDeadline(time.Time{}))
				} else {
					must(c.SetReadDeadline(time.Now().Add(d)))
				}
			})
		}
		_, _, err := c.ReadMessage()
		var ce *CloseError
		if !errors.As(err, &ce) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ReadMessage gives %v", err)
		}
		since(t, start, 63*time.Second) // the last deadline was taken away after three
	})
}

// lateWaker is a net.Conn of which a Read that has timed out returns only after
// its reader has been given more time.
type lateWaker struct {
	net.Conn
	c *Conn
}

func (l *lateWaker) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		must(l.c.SetReadDeadline(time.Time{}))
	}
	return n, err
}

func TestADeadlineThatIsTakenAwayTooLateIsNotTheIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		nc := &lateWaker{Conn: ours}
		c := NewConn(nc, wire.Server, Options{IdleTimeout: time.Minute})
		defer c.CloseNow()
		nc.c = c
		must(c.SetReadDeadline(time.Now().Add(time.Second)))
		if _, _, err := c.ReadMessage(); !errors.Is(err, os.ErrDeadlineExceeded) || c.State() != Open {
			t.Errorf("ReadMessage gives %v, and the state is %s", err, c.State())
		}
	})
}

// readAll reads a message by NextReader with a buffer of n bytes.
func readAll(c *Conn, n int) (wire.Opcode, string, error) {
	op, r, err := c.NextReader()
	if err != nil {
		return 0, "", err
	}
	var all []byte
	for buf := make([]byte, n); ; {
		n, err := r.Read(buf)
		all = append(all, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return op, string(all), nil
		}
		if err != nil {
			return op, string(all), err
		}
	}
}

func TestAMessageReadAsAStreamIsTheSameHoweverItIsCut(t *testing.T) {
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		other := role.Peer()
		big := strings.Repeat("0123456789", 4000)
		stream := join(from(other, false, wire.Text, "Hel"), from(other, true, wire.Ping, "p"), from(other, true, wire.Continuation, "lo"),
			from(other, true, wire.Binary, ""), from(other, true, wire.Binary, big), from(other, false, wire.Text, ""), from(other, true, wire.Continuation, "end"))
		for _, n := range []int{len(stream), 1000, 7} {
			inMemory(t, role, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
				go io.Copy(io.Discard, peer)
				sendAll(peer, slices.Collect(slices.Chunk(stream, n))...)
				for _, want := range []string{"text Hello", "binary ", "binary " + big, "text end"} {
					op, p, err := readAll(c, 100)
					if got := op.String() + " " + p; err != nil || got != want {
						t.Fatalf("in pieces of %d: %.40q, %v, want %.40q", n, got, err, want)
					}
				}
			})
		}
	}
}

func TestAStreamNeedsNoMemoryForTheWholeMessage(t *testing.T) {
	const size = 8 << 20
	nc := &replay{bytes: from(wire.Client, true, wire.Binary, strings.Repeat("x", size))}
	c := NewConn(nc, wire.Server, Options{MaxMessage: size})
	_, r, err := c.NextReader()
	must(err)
	held := 0
	total := 0
	for buf := make([]byte, 1000); ; {
		n, err := r.Read(buf)
		total += n
		held = max(held, cap(c.m.message)+cap(r.(*reader).rest))
		if err != nil {
			break
		}
	}
	if total != size || held > 4*readSize {
		t.Errorf("%d bytes were read, and %d were held at once", total, held)
	}
}

func TestWhatIsLeftOfAStreamIsSkipped(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		other := c.m.role.Peer()
		sendAll(peer, from(other, false, wire.Text, "first"), from(other, true, wire.Continuation, "rest"),
			from(other, true, wire.Text, "second"), from(other, true, wire.Text, "third"))
		_, r, err := c.NextReader()
		must(err)
		var one [1]byte
		if n, err := r.Read(one[:]); n != 1 || err != nil || one[0] != 'f' {
			t.Errorf("the first byte is %q, %v", one, err)
		}
		if _, p, err := c.ReadMessage(); err != nil || string(p) != "second" {
			t.Errorf("ReadMessage gives %q, %v", p, err)
		}
		if _, err := r.Read(one[:]); err == nil {
			t.Error("a Reader outlives its message")
		}
		if _, _, err := c.NextReader(); err != nil {
			t.Error(err)
		}
	})
}

func TestAStreamThatTurnsBadEndsWithTheCause(t *testing.T) {
	bothRoles(t, Options{MaxMessage: 10}, func(t *testing.T, c *Conn, peer net.Conn) {
		go io.Copy(io.Discard, peer)
		other := c.m.role.Peer()
		sendAll(peer, from(other, false, wire.Text, "good"), from(other, true, wire.Continuation, "b\xff"))
		op, p, err := readAll(c, 100)
		if op != wire.Text || p != "good" || codes(err) != "8.1/text-utf8" {
			t.Errorf("%s %q, %v", op, p, err)
		}
	})
	bothRoles(t, Options{MaxMessage: 10}, func(t *testing.T, c *Conn, peer net.Conn) {
		go io.Copy(io.Discard, peer)
		other := c.m.role.Peer()
		sendAll(peer, from(other, false, wire.Text, "12345678"), from(other, true, wire.Continuation, "901"))
		_, p, err := readAll(c, 3)
		if p != "12345678" || codes(err) != "10.4/message-size" {
			t.Errorf("%q, %v", p, err)
		}
	})
}

func TestAClaimedLengthTakesNoMemoryOfAConnEither(t *testing.T) {
	for _, length := range []uint64{1<<63 - 1, 1 << 40, 1 << 20} {
		h := wire.Header{Fin: true, Opcode: wire.Binary, Masked: true, Form: wire.Length64, Length: length}
		inMemory(t, wire.Server, Options{MaxMessage: 1 << 30}, func(t *testing.T, c *Conn, peer net.Conn) {
			go io.Copy(io.Discard, peer)
			sendAll(peer, h.Append(nil), make([]byte, 100))
			go c.ReadMessage()
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			if held := cap(c.m.message); held > 2*readSize {
				t.Errorf("a frame that claims %d holds %d", length, held)
			}
		})
	}
}

func ExampleConn_ReadMessageInto() {
	// A server's echo loop that needs no memory but that of the longest message.
	server := Server{Handler: func(c *Conn, _ wire.Head) {
		var buf []byte
		for {
			opcode, p, err := c.ReadMessageInto(buf)
			if err != nil {
				return
			}
			if err := c.WriteMessage(opcode, p); err != nil {
				return
			}
			buf = p
		}
	}}
	c, stop := connectTo(&server)
	defer stop()
	_ = c.WriteMessage(wire.Text, []byte("Hello"))
	_, p, err := c.ReadMessage()
	fmt.Printf("%s %v\n", p, err)
	// Output: Hello <nil>
}

func ExampleConn_ReadMessages() {
	// The shortest echo server. WriteMessage is finished with a payload when it returns.
	server := Server{Handler: func(c *Conn, _ wire.Head) { _ = c.ReadMessages(c.WriteMessage) }}
	c, stop := connectTo(&server)
	defer stop()
	_ = c.WriteMessage(wire.Text, []byte("Hello"))
	_, p, err := c.ReadMessage()
	fmt.Printf("%s %v\n", p, err)
	// Output: Hello <nil>
}

func TestReadMessagesReusesMemoryAndEndsWithTheFirstError(t *testing.T) {
	stop := errors.New("enough")
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		text := strings.Repeat("x", size)
		frame := from(wire.Client, true, wire.Text, text)
		c := NewConn(&replay{bytes: frame}, wire.Server, Options{})
		var last *byte
		moved, calls := 0, 0
		err := c.ReadMessages(func(opcode wire.Opcode, p []byte) error {
			if opcode != wire.Text || string(p) != text {
				t.Fatalf("%s of %d bytes", opcode, len(p))
			}
			if &p[0] != last {
				moved++
			}
			last = &p[0]
			if calls++; calls == 20 {
				return stop
			}
			return nil
		})
		if err != stop || calls != 20 {
			t.Errorf("%d bytes: %v after %d calls", size, err, calls)
		}
		if reused := moved <= 3; reused != (size <= 64<<10) {
			t.Errorf("%d bytes: %d of 20 messages lie in other memory than the last", size, moved)
		}
	}
	c := NewConn(&replay{bytes: from(wire.Client, true, wire.Close, "\x03\xe8")}, wire.Server, Options{})
	var ended *CloseError
	if err := c.ReadMessages(c.WriteMessage); !errors.As(err, &ended) || ended.Code != wire.NormalClosure {
		t.Errorf("after the peer's Close: %v", err)
	}
}

func ExampleConn_NextReader() {
	server := Server{Handler: func(c *Conn, _ wire.Head) {
		for {
			opcode, r, err := c.NextReader()
			if err != nil {
				return
			}
			w, err := c.NextWriter(opcode)
			if err != nil {
				return
			}
			_, err = io.Copy(w, r)
			if err := errors.Join(err, w.Close()); err != nil {
				return
			}
		}
	}}
	c, stop := connectTo(&server)
	defer stop()
	_ = c.WriteMessage(wire.Binary, bytes.Repeat([]byte("0123456789"), 1000))
	_, p, err := c.ReadMessage()
	fmt.Println(len(p), err)
	// Output: 10000 <nil>
}

func TestAnEmptyMessageGivesLentMemoryBack(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		lent := make([]byte, 0, 100)
		sendAll(peer, from(c.m.role.Peer(), true, wire.Binary, ""))
		if _, p, err := c.ReadMessageInto(lent); err != nil || len(p) > 0 || cap(p) < cap(lent) {
			t.Errorf("an empty message has %d bytes in memory of %d, %v; want those that were lent", len(p), cap(p), err)
		}
	})
}
