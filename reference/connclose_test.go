package reference

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wslab/reference/wire"
)

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
		pings  int // before the Close frame
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

func TestAFailureArrivesThoughBytesAreUnread(t *testing.T) {
	// A megabyte follows the invalid header. Closing TCP with unread bytes would send
	// a reset, and the peer might never see the Close frame.
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
