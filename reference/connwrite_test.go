package reference

import (
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

func TestAnswersToMessagesThatCameTogetherLeaveTogether(t *testing.T) {
	one := from(wire.Client, true, wire.Binary, "0123456789abcdef")
	for _, o := range []struct {
		hold time.Duration
		want int
	}{{time.Hour, 1}, {-1, 16}} {
		nc := &replay{bytes: join(slices.Repeat([][]byte{one}, 16)...)}
		c := NewConn(nc, wire.Server, Options{HoldFlush: o.hold})
		for range 16 {
			op, p, err := c.ReadMessage()
			must(err)
			must(c.WriteMessage(op, p))
		}
		if nc.writes != o.want || nc.wrote != 16*18 {
			t.Errorf("HoldFlush %v: %d writes, %d bytes", o.hold, nc.writes, nc.wrote)
		}
		must(c.shut("the test is over"))
	}
}

func (c *replay) Close() error { return nil }

func TestWhatIsHeldBackLeavesThoughNobodyReadsOn(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		other := c.m.role.Peer()
		sendAll(peer, join(from(other, true, wire.Text, "a"), from(other, true, wire.Text, "b")))
		_, p, err := c.ReadMessage()
		must(err)
		start := time.Now()
		must(c.WriteMessage(wire.Text, p)) // the b is here already
		if got := readFrames(t, peer, c.m.role, 1); got[0] != `text "a"` {
			t.Errorf("the peer gets %q", got)
		}
		since(t, start, time.Millisecond)
		// From now on nothing is held: the handler is slow.
		done := make(chan error)
		go func() { done <- c.WriteMessage(wire.Text, []byte("c")) }()
		readFrames(t, peer, c.m.role, 1)
		must(<-done)
		since(t, start, time.Millisecond)
	})
}

func TestCloseIsNotHeldBack(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		other := c.m.role.Peer()
		sendAll(peer, join(from(other, true, wire.Text, "a"), from(other, true, wire.Text, "b")))
		_, _, err := c.ReadMessage()
		must(err)
		must(c.WriteMessage(wire.Text, []byte("answer")))
		go c.Close(wire.NormalClosure, "")
		if got := readFrames(t, peer, c.m.role, 2); !slices.Equal(got, []string{`text "answer"`, "close 1000"}) {
			t.Errorf("the peer gets %q", got)
		}
	})
}

func TestPingsInAFloodAreAnsweredInFewWritesAndBoundedMemory(t *testing.T) {
	ping := from(wire.Client, true, wire.Ping, strings.Repeat("p", 125))
	nc := &replay{bytes: join(join(slices.Repeat([][]byte{ping}, 10000)...), from(wire.Client, true, wire.Text, "x"))}
	c := NewConn(nc, wire.Server, Options{})
	held := 0
	c.m.o.OnControl = func(wire.Opcode, []byte) {
		c.mu.Lock()
		held = max(held, cap(c.m.out))
		c.mu.Unlock()
	}
	if _, p, err := c.ReadMessage(); err != nil || string(p) != "x" {
		t.Fatalf("%q, %v", p, err)
	}
	must(c.shut("the test is over"))
	nc.mu.Lock()
	defer nc.mu.Unlock()
	if nc.wrote < 10000*127-maxBacklog || nc.writes > 2000 || held > 2*maxBacklog {
		t.Errorf("%d bytes in %d writes, %d held", nc.wrote, nc.writes, held)
	}
}

func TestALargeFrameCrossesTCPWhole(t *testing.T) {
	for _, size := range []int{64 << 10, 1 << 20} {
		url := serve(t, &Upgrader{}, func(c *Conn) {
			if _, tcp := c.nc.(*net.TCPConn); !tcp {
				t.Error("the connection is not known to be TCP's")
			}
			must(c.WriteMessage(wire.Text, []byte(strings.Repeat("x", size))))
			must(c.Ping([]byte("p")))
			must(c.Close(wire.NormalClosure, ""))
		})
		c := dialTest(t, url, nil)
		if op, p, err := c.ReadMessage(); err != nil || op != wire.Text || strings.Trim(string(p), "x") != "" || len(p) != size {
			t.Errorf("%s, %d bytes, %v", op, len(p), err)
		}
		_, _, err := c.ReadMessage()
		var ce *CloseError
		if !errors.As(err, &ce) || ce.Code != wire.NormalClosure {
			t.Errorf("then %v", err)
		}
	}
}

func TestAWriteThatWaitsEndsThoughItsDeadlineIsTakenAway(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		defer time.AfterFunc(time.Hour, func() { peer.Close() }).Stop()
		wrote := make(chan error)
		go func() { wrote <- c.WriteMessage(wire.Text, []byte("Hello")) }()
		synctest.Wait() // the peer does not read
		start := time.Now()
		must(c.SetWriteDeadline(time.Time{}))
		if err := <-wrote; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the write gives %v", err)
		}
		since(t, start, 10*time.Second)
	})
}

func TestWhatWaitsForAWriterLeavesThoughItsFrameIsRefused(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		refused := errors.New("refused")
		done := make(chan error)
		go func() {
			done <- c.send(func() ([]byte, error) { // while it has its turn, a reader puts a Pong out
				c.m.appendFrame(true, wire.Pong, []byte("p"))
				return nil, refused
			})
		}()
		if got := readFrames(t, peer, c.m.role, 1); got[0] != `pong "p"` {
			t.Errorf("the peer gets %q", got)
		}
		if err := <-done; err != refused {
			t.Errorf("the writer is told %v", err)
		}
	})
}

func TestAWriterSendsFragmentsAndOthersWaitForItsEnd(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		w, err := c.NextWriter(wire.Text)
		must(err)
		other := make(chan error)
		go func() { other <- c.WriteMessage(wire.Text, []byte("next")) }()
		done := make(chan error)
		go func() {
			_, err := io.WriteString(w, strings.Repeat("ä", fragmentSize/2+1))
			must(c.Ping([]byte("between")))
			done <- errors.Join(err, w.Close())
		}()
		got := readFrames(t, peer, c.m.role, 4)
		want := []string{fmt.Sprintf("text %q", strings.Repeat("ä", fragmentSize/2)), `ping "between"`, `continuation "ä"`, `text "next"`}
		if !slices.Equal(got, want) {
			t.Errorf("the peer gets %.300q", got)
		}
		if err := errors.Join(<-done, <-other); err != nil {
			t.Error(err)
		}
		if _, err := w.Write(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write after Close gives %v", err)
		}
		if err := w.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a second Close gives %v", err)
		}
	})
}

func TestAWriterThatIsNeverClosedDoesNotHoldOthersForever(t *testing.T) {
	bothRoles(t, Options{WriteTimeout: time.Second}, func(t *testing.T, c *Conn, peer net.Conn) {
		_, err := c.NextWriter(wire.Text)
		must(err)
		start := time.Now()
		if err := c.WriteMessage(wire.Text, nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("another message gives %v", err)
		}
		since(t, start, time.Second)
	})
}

func TestWhoWaitsForAWriterIsWokenByTheEndAndByADeadline(t *testing.T) {
	for name, o := range map[string]struct {
		do   func(c *Conn)
		want error
	}{
		"CloseNow":                  {func(c *Conn) { c.CloseNow() }, net.ErrClosed},
		"Close":                     {func(c *Conn) { go c.Close(wire.NormalClosure, "") }, net.ErrClosed},
		"a deadline that is past":   {func(c *Conn) { must(c.SetWriteDeadline(time.Now().Add(-time.Second))) }, os.ErrDeadlineExceeded},
		"a deadline that is sooner": {func(c *Conn) { must(c.SetWriteDeadline(time.Now())) }, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			bothRoles(t, Options{WriteTimeout: time.Hour}, func(t *testing.T, c *Conn, peer net.Conn) {
				go io.Copy(io.Discard, peer)
				_, err := c.NextWriter(wire.Text)
				must(err)
				gave := make(chan error, 1)
				go func() { gave <- c.WriteMessage(wire.Text, nil) }()
				synctest.Wait()
				start := time.Now()
				o.do(c)
				if err := <-gave; !errors.Is(err, o.want) {
					t.Errorf("the message that waits gives %v", err)
				}
				since(t, start, 0)
			})
		})
	}
	bothRoles(t, Options{WriteTimeout: time.Second}, func(t *testing.T, c *Conn, peer net.Conn) {
		go io.Copy(io.Discard, peer)
		w, err := c.NextWriter(wire.Text)
		must(err)
		gave := make(chan error, 1)
		go func() { gave <- c.WriteMessage(wire.Text, nil) }()
		synctest.Wait()
		must(c.SetWriteDeadline(time.Now().Add(time.Minute))) // later than WriteTimeout
		time.Sleep(30 * time.Second)
		must(w.Close())
		must(<-gave)
	})
}

func TestAPeerThatReadsSlowlyIsServedToTheEnd(t *testing.T) {
	const size, part, pause = 1 << 20, 32 << 10, 4 * time.Second
	for _, length := range []int{32 << 10, size} {
		bothRoles(t, Options{WriteTimeout: 10 * time.Second}, func(t *testing.T, c *Conn, peer net.Conn) {
			wrote := make(chan error, 1)
			go func() { wrote <- c.WriteMessage(wire.Binary, make([]byte, length)) }()
			got := 0
			for buf := make([]byte, part); got < length; {
				time.Sleep(pause) // of the bubble
				n, err := peer.Read(buf[:min(part, length/3)])
				must(err)
				got += n
			}
			go io.Copy(io.Discard, peer)
			must(<-wrote)
		})
	}
}

func TestAPeerThatStopsReadingIsGivenUp(t *testing.T) {
	bothRoles(t, Options{WriteTimeout: 10 * time.Second}, func(t *testing.T, c *Conn, peer net.Conn) {
		wrote := make(chan error, 1)
		start := time.Now()
		go func() { wrote <- c.WriteMessage(wire.Binary, make([]byte, 1<<20)) }()
		time.Sleep(3 * time.Second)
		_, err := io.ReadFull(peer, make([]byte, 1000))
		must(err)
		if err := <-wrote; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the write gives %v", err)
		}
		since(t, start, 20*time.Second)
	})
}

func TestAWriteDeadlineOfTheCallersIsNotRenewed(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		start := time.Now()
		must(c.SetWriteDeadline(start.Add(5 * time.Second)))
		var reads sync.WaitGroup
		defer reads.Wait()
		defer peer.Close()
		reads.Go(func() {
			for _, err := peer.Read(make([]byte, 1000)); err == nil; _, err = peer.Read(make([]byte, 1000)) {
				time.Sleep(time.Second)
			}
		})
		if err := c.WriteMessage(wire.Binary, make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the write gives %v", err)
		}
		since(t, start, 5*time.Second)
	})
}

func TestAStreamOfTextThatIsNotUTF8EndsTheConnectionOnlyOnceItHasBegun(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		go io.Copy(io.Discard, peer)
		w, err := c.NextWriter(wire.Text)
		must(err)
		_, err = io.WriteString(w, "\xff")
		must(err) // it is judged when it leaves
		if codes(w.Close()) != "8.1/text-utf8" || c.State() != Open {
			t.Errorf("before anything has left, the state is %s", c.State())
		}
		w, err = c.NextWriter(wire.Text)
		must(err)
		_, err = io.WriteString(w, strings.Repeat("x", fragmentSize)+"\xe6")
		must(err)
		if codes(w.Close()) != "8.1/text-utf8" || c.State() != Closed {
			t.Errorf("after half a message, the state is %s", c.State())
		}
	})
}

func TestAPreparedMessageIsSentAsItStands(t *testing.T) {
	p, err := Prepare(wire.Text, []byte("Hello"))
	must(err)
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		done := make(chan error)
		go func() { done <- errors.Join(c.WritePrepared(p), c.WritePrepared(p)) }()
		if got := readFrames(t, peer, c.m.role, 2); !slices.Equal(got, []string{`text "Hello"`, `text "Hello"`}) {
			t.Errorf("the peer gets %q", got)
		}
		must(<-done)
		must(c.CloseNow())
		if err := c.WritePrepared(p); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the end it gives %v", err)
		}
	})
	if _, err := Prepare(wire.Text, []byte("\xff")); codes(err) != "8.1/text-utf8" {
		t.Errorf("text that is not UTF-8 gives %v", err)
	}
	if _, err := Prepare(wire.Ping, nil); err == nil {
		t.Error("a Ping was prepared")
	}
}

func TestWriteControlSendsPingsAndPongsAlone(t *testing.T) {
	bothRoles(t, Options{}, func(t *testing.T, c *Conn, peer net.Conn) {
		go func() {
			must(c.WriteControl(wire.Ping, []byte("a")))
			must(c.WriteControl(wire.Pong, []byte("b")))
		}()
		if got := readFrames(t, peer, c.m.role, 2); !slices.Equal(got, []string{`ping "a"`, `pong "b"`}) {
			t.Errorf("the peer gets %q", got)
		}
		synctest.Wait()
		for _, opcode := range []wire.Opcode{wire.Close, wire.Text, wire.Continuation, 0xB} {
			if c.WriteControl(opcode, nil) == nil {
				t.Errorf("%s was sent", opcode)
			}
		}
	})
}

func ExamplePrepare() {
	news, err := Prepare(wire.Text, []byte("the same for everybody"))
	if err != nil {
		fmt.Println(err)
		return
	}
	server := Server{Handler: func(c *Conn, _ wire.Head) { _ = c.WritePrepared(news) }}
	c, stop := connectTo(&server)
	defer stop()
	_, p, err := c.ReadMessage()
	fmt.Printf("%s %v\n", p, err)
	_, _, err = c.ReadMessage()
	fmt.Println(err)
	// Output:
	// the same for everybody <nil>
	// the peer closed the connection: 1000 normal closure
}

// A peer that takes TCP's buffers full and reads nothing must not hold a writer
// longer than WriteTimeout, whichever way the message goes.
func TestAPeerThatReadsNothingHoldsNoWriter(t *testing.T) {
	const patience = 200 * time.Millisecond
	large := make([]byte, 1<<20)
	prepared, err := Prepare(wire.Binary, large)
	must(err)
	for name, write := range map[string]func(*Conn) error{
		"WriteMessage":   func(c *Conn) error { return c.WriteMessage(wire.Binary, large) },
		"short messages": func(c *Conn) error { return c.WriteMessage(wire.Binary, large[:100]) },
		"WriteFragments": func(c *Conn) error { return c.WriteFragments(wire.Binary, large, large) },
		"WritePrepared":  func(c *Conn) error { return c.WritePrepared(prepared) },
		"Ping":           func(c *Conn) error { return c.Ping(large[:125]) },
		"NextWriter": func(c *Conn) error {
			w, err := c.NextWriter(wire.Binary)
			if err != nil {
				return err
			}
			_, err = w.Write(large)
			return errors.Join(err, w.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slowest := make(chan time.Duration, 1)
			url := serve(t, &Upgrader{Options: Options{WriteTimeout: patience}}, func(c *Conn) {
				if tcp, ok := c.NetConn().(*net.TCPConn); ok {
					must(tcp.SetWriteBuffer(64 << 10))
				}
				var most time.Duration
				for {
					start := time.Now()
					err := write(c)
					most = max(most, time.Since(start))
					if err != nil {
						if !errors.Is(err, os.ErrDeadlineExceeded) {
							t.Errorf("the write gives %v", err)
						}
						break
					}
				}
				slowest <- most
			})
			rawDial(t, url, []byte(handshake))
			if most := <-slowest; most < patience/2 || most > time.Minute {
				t.Errorf("a writer was held for %v", most)
			}
		})
	}
}
