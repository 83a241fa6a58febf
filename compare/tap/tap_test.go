package tap

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func TestAnUnrecordedConnectionPassesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		server := New(b)
		defer server.Close()
		defer a.Close()
		server.Hold() // without a Recorder there is no valve
		fromClient, fromServer := collect(server), collect(a)
		write(a, "one\ntwo")
		write(server, "three\nfour")
		synctest.Wait()
		if fromClient.text() != "one\ntwo" || fromServer.text() != "three\nfour" {
			t.Errorf("%q and %q arrived", fromClient.text(), fromServer.text())
		}
	})
}

func TestARecordedConnectionPassesEverythingAndTellsEveryByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, false)
		fromClient, fromServer := collect(server), collect(client)
		write(client, "one\ntwo")
		out := write(server, "three\nfour")
		synctest.Wait()
		client.Close()
		synctest.Wait()
		if fromClient.text() != "one\ntwo" || fromServer.text() != "three\nfour" || out.n != 10 || out.err != nil {
			t.Errorf("%q and %q arrived; Write gave %d, %v", fromClient.text(), fromServer.text(), out.n, out.err)
		}
		if string(rec.bytes[In]) != "one\ntwo" || string(rec.bytes[Out]) != "three\nfour" {
			t.Errorf("%q were told", rec.bytes)
		}
		if len(rec.waiting) > 0 || !slices.Equal(rec.fins, []Direction{In}) || fromClient.err != io.EOF {
			t.Errorf("waiting %v, fins %v, the Read ended with %v", rec.waiting, rec.fins, fromClient.err)
		}
		server.Close()
		server.Close()
		if rec.closed != 1 || len(rec.failed) != 0 {
			t.Errorf("closed %d times, failed %v", rec.closed, rec.failed)
		}
	})
}

func TestBytesReadBeforeAttachAreToldFromTheRequestsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		server, rec := New(b), newLines()
		defer server.Close()
		defer a.Close()
		read := func() {
			if _, err := server.Read(make([]byte, 100)); err != nil {
				t.Error(err)
			}
		}
		write(a, "GET /page\n")
		read()
		go io.CopyN(io.Discard, a, 7)
		server.Write([]byte("200 OK\n"))
		write(a, "GET /ws")
		read()
		write(a, "\nHost\n")
		read()
		server.Attach(rec, false)
		if got := string(rec.bytes[In]); got != "GET /ws\nHost\n" || len(rec.bytes[Out]) > 0 {
			t.Errorf("%q were told, and %q out", got, rec.bytes[Out])
		}
	})
}

func TestConcurrentWritersLeaveInTheOrderThatWasRecorded(t *testing.T) {
	client, server, rec := loopback(t, false)
	in := collect(client)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 200 {
				if _, err := fmt.Fprintf(server, "writer %d, line %d\n", w, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop, steps := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(steps)
		for i := 0; ; i++ {
			select {
			case <-stop:
				server.Run()
				return
			default:
			}
			switch i % 3 {
			case 0:
				server.Hold()
			case 1:
				server.ReleaseOldest(Out)
			case 2:
				server.Run()
			}
		}
	}()
	writers.Wait()
	close(stop)
	<-steps
	server.Close()
	<-in.done
	if in.text() != string(rec.bytes[Out]) {
		t.Error("the bytes arrived in another order than they were told")
	}
	if n := strings.Count(in.text(), "\n"); n != 1600 {
		t.Errorf("%d lines arrived, want 1600", n)
	}
	rec.resolved(t)
}

// slow is a connection whose Writes wait for a signal. It notes two Writes at once.
type slow struct {
	net.Conn
	mu   sync.Mutex
	busy bool
	both bool
	word chan struct{}
}

func (s *slow) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.both = s.both || s.busy
	s.busy = true
	s.mu.Unlock()
	<-s.word
	s.mu.Lock()
	s.busy = false
	s.mu.Unlock()
	return len(p), nil
}

func TestTheSocketIsWrittenByOneAtATimeHoweverTheValveTurns(t *testing.T) {
	for _, hold := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			defer a.Close()
			under := &slow{Conn: b, word: make(chan struct{})}
			server, rec := New(under), newLines()
			defer server.Close()
			server.Attach(rec, hold)
			first := write(server, "one\n") // stays in the socket's Write
			synctest.Wait()
			server.ReleaseOldest(Out)
			synctest.Wait()
			server.Run()
			second := write(server, "two\n")
			synctest.Wait()
			server.Hold()
			third := write(server, "three\n")
			synctest.Wait()
			server.Run()
			for waits := true; waits; synctest.Wait() {
				select {
				case under.word <- struct{}{}:
				default:
					waits = false
				}
			}
			for _, w := range []*written{first, second, third} {
				if !w.over() || w.err != nil {
					t.Errorf("a Write gave %v, over: %t", w.err, w.over())
				}
			}
			if got := server.Status(); got.Out != int64(len("one\ntwo\nthree\n")) {
				t.Errorf("%d bytes were written", got.Out)
			}
			if under.both {
				t.Errorf("held at first %t: two Writes were at the socket at once", hold)
			}
		})
	}
}

func TestCloseWriteIsUnsupportedWhereTheConnectionCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, server, rec := pipe(t, false)
		if err := server.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) || len(rec.fins) != 0 {
			t.Errorf("%v; fins %v", err, rec.fins)
		}
	})
}

func TestAResetIsToldAsOne(t *testing.T) {
	for _, hold := range []bool{false, true} {
		client, server, rec := loopback(t, hold)
		client.SetLinger(0) // Close sends RST
		client.Close()
		if _, err := server.Read(make([]byte, 1)); !IsReset(err) {
			t.Errorf("hold %t: Read gave %v", hold, err)
		}
		if len(rec.failed) != 1 || !IsReset(rec.failed[0]) || len(rec.fins) != 0 {
			t.Errorf("hold %t: failed %v, fins %v", hold, rec.failed, rec.fins)
		}
	}
}

func TestAnErrorIsToldPlainlyWithoutAddresses(t *testing.T) {
	client, server, _ := loopback(t, false)
	client.SetLinger(0)
	client.Close()
	_, reset := server.Read(make([]byte, 1))
	for err, want := range map[error]string{
		reset:                           "connection reset by peer",
		fmt.Errorf("answer: %w", reset): "connection reset by peer",
		io.EOF:                          "EOF",
	} {
		if got := Plain(err); got != want {
			t.Errorf("the plain text of %v is %q", err, got)
		}
	}
}
