package tap

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A library's own deadlines must not pass while a learner looks at a frame: gorilla
// allows one second for the write of its answering Close frame.
func TestAShutValveTakesAWriteAsTheKernelDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		in := collect(client)
		server.SetWriteDeadline(time.Now().Add(time.Second))
		for _, text := range []string{"one\ntwo\nthr", "ee\n"} {
			w := write(server, text)
			synctest.Wait()
			if !w.over() || w.n != len(text) || w.err != nil {
				t.Fatalf("Write gave %d, %v, over: %t", w.n, w.err, w.over())
			}
		}
		time.Sleep(time.Hour) // the deadline has long passed
		for _, want := range []string{"one\n", "one\ntwo\n", "one\ntwo\nthree\n"} {
			server.ReleaseOldest(Out)
			synctest.Wait()
			if in.text() != want {
				t.Errorf("%q arrived, want %q", in.text(), want)
			}
		}
		rec.resolved(t)
	})
}

func TestAWriteWaitsForRoomAndGivesUpAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		in := collect(client)
		full := strings.Repeat("x", maxQueue-1) + "\n"
		server.Write([]byte(full))
		began := time.Now()
		server.SetWriteDeadline(began.Add(time.Minute))
		late := write(server, "late\n")
		synctest.Wait()
		if late.over() || !server.Status().Blocked {
			t.Fatalf("a full valve took more: %v", late.err)
		}
		time.Sleep(time.Hour) // nothing can make room meanwhile: the deadline waits as well
		if late.over() {
			t.Fatal("the deadline came while the valve was shut")
		}
		server.ReleaseOldest(Out)
		<-late.done
		synctest.Wait()
		if late.n != 5 || late.err != nil || in.text() != full {
			t.Errorf("Write gave %d, %v; %d bytes arrived", late.n, late.err, len(in.text()))
		}
		if n, err := server.Write([]byte("x\n")); n != 2 || err != nil {
			t.Errorf("Write gave %d, %v with the time standing still", n, err)
		}
		server.SetWriteDeadline(time.Unix(1, 0))
		server.Write([]byte(full))
		server.Run()
		synctest.Wait()
		rec.resolved(t)
	})
}

func TestAReadDeadlineStandsStillWhileTheValveIsShut(t *testing.T) {
	for _, when := range []string{"shut before the Read", "shut during the Read", "set while shut"} {
		synctest.Test(t, func(t *testing.T) {
			client, server, _ := pipe(t, when == "shut before the Read")
			defer client.Close()
			if when == "set while shut" {
				server.Hold()
			}
			server.SetReadDeadline(time.Now().Add(time.Minute))
			in := collect(server)
			synctest.Wait()
			time.Sleep(20 * time.Second)
			server.Hold()
			time.Sleep(time.Hour)
			select {
			case <-in.done:
				t.Fatalf("%s: the deadline came while nothing could", when)
			default:
			}
			server.Run()
			left := time.Minute
			if when == "shut during the Read" {
				left -= 20 * time.Second
			}
			opened := time.Now()
			<-in.done
			isTimeout(t, in.err, "read")
			if waited := time.Since(opened); waited != left {
				t.Errorf("%s: the Read took %v after the valve was opened, want %v", when, waited, left)
			}
		})
	}
}

func TestAReadDeadlineThatHasPassedEndsAReadAtAShutValve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, true)
		write(client, "one\n")
		in := collect(server)
		synctest.Wait()
		server.SetReadDeadline(time.Unix(1, 0)) // net/http does so
		<-in.done
		isTimeout(t, in.err, "read")

		// As at a socket, it comes before what could be read.
		server.ReleaseOldest(In)
		if _, err := server.Read(make([]byte, 10)); err == nil {
			t.Error("a Read after its deadline returns bytes")
		}

		// Nothing is lost by it.
		server.SetReadDeadline(time.Time{})
		b := make([]byte, 10)
		n, err := server.Read(b)
		if string(b[:n]) != "one\n" || err != nil {
			t.Errorf("%q, %v were read", b[:n], err)
		}
	})
}

func TestAReadDeadlineHoldsForTheSocketOnceTheValveIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, true)
		server.SetReadDeadline(time.Now().Add(time.Minute))
		in := collect(server)
		synctest.Wait()
		server.Run()
		write(client, "one\n") // ends the pump; the socket is read directly now
		<-in.done
		isTimeout(t, in.err, "read")
		if in.text() != "one\n" {
			t.Errorf("%q arrived", in.text())
		}
	})
}

// await waits until rec, locked, is as there says.
func (l *lines) await(t *testing.T, what string, there func() bool) {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		is := there()
		l.mu.Unlock()
		switch {
		case is:
			return
		case time.Now().After(until):
			t.Fatalf("it never came that %s", what)
		}
	}
}

func (l *lines) awaitGone(t *testing.T) {
	t.Helper()
	l.await(t, "the socket is closed", func() bool { return l.gone > 0 })
}

func TestWhatWasWrittenBeforeCloseIsDeliveredBeforeItsFIN(t *testing.T) {
	for _, how := range []string{"step", "drop", "run"} {
		synctest.Test(t, func(t *testing.T) {
			client, server, rec := pipe(t, true)
			fromServer, fromClient := collect(client), collect(server)
			write(client, "a\nb")
			synctest.Wait()
			server.Write([]byte("c\nd\ne"))
			synctest.Wait()
			began := time.Now()
			if err := server.Close(); err != nil || time.Since(began) != 0 {
				t.Errorf("%s: Close gave %v after %v", how, err, time.Since(began))
			}
			<-fromClient.done
			var operr *net.OpError
			if !errors.Is(fromClient.err, net.ErrClosed) || !errors.As(fromClient.err, &operr) {
				t.Errorf("%s: a waiting Read returned %T %v", how, fromClient.err, fromClient.err)
			}
			for name, call := range map[string]func() error{
				"Read":  func() error { _, err := server.Read(make([]byte, 1)); return err },
				"Write": func() error { _, err := server.Write([]byte("late\n")); return err },
				"Close": server.Close,
			} {
				if err := call(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s: %s of a closed connection gave %v", how, name, err)
				}
			}
			if got := rec.texts(rec.undone); !slices.Equal(got, []string{"a\n"}) {
				t.Errorf("%s: %q are recorded as unread, want the bytes that were not read", how, got)
			}
			time.Sleep(time.Hour)
			if got := rec.texts(rec.waiting); !slices.Equal(got, []string{"a\n", "c\n", "d\n", "FIN"}) || rec.gone > 0 || fromServer.text() != "" {
				t.Fatalf("%s: %q wait, %q arrived, gone: %d", how, got, fromServer.text(), rec.gone)
			}
			want := "c\nd\ne"
			switch how {
			case "run":
				server.Run()
			case "drop":
				server.DropOldest(Out)
				server.ReleaseOldest(Out)
				want = "d\ne"
			default:
				server.ReleaseOldest(Out)
				synctest.Wait()
				if fromServer.text() != "c\n" || fromServer.err != nil || rec.gone > 0 {
					t.Errorf("%s: %q, %v arrived after one step", how, fromServer.text(), fromServer.err)
				}
				server.ReleaseOldest(Out)
			}
			<-fromServer.done
			synctest.Wait()
			if fromServer.text() != want || fromServer.err != io.EOF {
				t.Errorf("%s: %q, %v arrived, want %q", how, fromServer.text(), fromServer.err, want)
			}
			if rec.closed != 1 || rec.gone != 1 || len(rec.failed) != 0 {
				t.Errorf("%s: closed %d, gone %d, failed %v", how, rec.closed, rec.gone, rec.failed)
			}
			if got := rec.texts(rec.released); got[len(got)-1] != "FIN" {
				t.Errorf("%s: %q were released, and the FIN was not the last", how, got)
			}
			rec.resolved(t)
		})
	}
}

func TestWhatIsStillOnItsWayWhenTheEndpointClosesArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		server.Write([]byte("one\ntwo\n"))
		server.Run() // the client does not read yet
		server.Close()
		in := collect(client)
		<-in.done
		synctest.Wait()
		if in.text() != "one\ntwo\n" || in.err != io.EOF || rec.gone != 1 {
			t.Errorf("%q, %v arrived, gone %d", in.text(), in.err, rec.gone)
		}
	})
}

func TestOnlyBytesThatCanArriveKeepASocketOpen(t *testing.T) {
	client, server, rec := loopback(t, true)
	server.Write([]byte("one\n"))
	server.Close()
	client.SetLinger(0) // Close sends RST
	client.Close()
	rec.awaitGone(t) // the test releases nothing
	if len(rec.failed) != 1 || !IsReset(rec.failed[0]) || !slices.Equal(rec.texts(rec.dropped), []string{"one\n", "FIN"}) {
		t.Errorf("failed %v, dropped %q", rec.failed, rec.texts(rec.dropped))
	}
	rec.resolved(t)
}

// Here the reset is known when bytes are released and the push has not written them yet.
func TestWhatAResetKeptFromLeavingIsNotBlamedOnTheClose(t *testing.T) {
	_, server, _ := loopback(t, true)
	server.mu.Lock()
	defer server.mu.Unlock()
	if err := server.failure(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("without a reset it is %v", err)
	}
	server.pumpErr = syscall.ECONNRESET
	defer func() { server.pumpErr = nil }()
	if err := server.failure(); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("after a reset it is %v", err)
	}
}

func TestThePeersFINIsReportedAfterTheEndpointHasClosed(t *testing.T) {
	client, server, rec := loopback(t, true)
	server.Write([]byte("one\n"))
	server.Close()
	client.CloseWrite()
	rec.await(t, "the peer's FIN is reported", func() bool { return len(rec.fins) == 1 })
	in := collect(client) // it has closed its direction alone, and still reads
	server.ReleaseOldest(Out)
	<-in.done
	if in.text() != "one\n" || in.err != io.EOF {
		t.Errorf("%q, %v arrived", in.text(), in.err)
	}
	rec.awaitGone(t)
}

func TestThePeersFINIsReportedOnceThoughTheEndpointClosesLater(t *testing.T) {
	for range 20 {
		client, server, rec := loopback(t, false)
		read := collect(server) // this Read of the socket begins before the valve is shut
		for !server.Status().Reading {
			time.Sleep(time.Millisecond)
		}
		server.Hold()
		server.Write([]byte("one\n"))
		client.CloseWrite()
		<-read.done
		server.Close() // it lingers, because bytes are held
		in := collect(client)
		time.Sleep(time.Millisecond) // so that a second read of the socket has ended, if there is one
		server.ReleaseOldest(Out)
		<-in.done
		rec.awaitGone(t)
		if !slices.Equal(rec.fins, []Direction{In}) {
			t.Fatalf("the FINs are %v", rec.fins)
		}
	}
}

func TestAbortClosesTheSocketAtOnce(t *testing.T) {
	for _, closed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			client, server, rec := pipe(t, true)
			in := collect(client)
			server.Write([]byte("one\n"))
			if closed {
				server.Close()
			}
			server.Abort()
			<-in.done
			synctest.Wait()
			if in.text() != "" || rec.closed != 1 || rec.gone != 1 {
				t.Errorf("closed before: %t: %q arrived; closed %d, gone %d", closed, in.text(), rec.closed, rec.gone)
			}
			rec.resolved(t)
		})
	}
}

func TestALineThatGoesDeadSwallowsTheFINThatWaits(t *testing.T) {
	client, server, rec := loopback(t, true)
	in := collect(client)
	server.Write([]byte("one\n"))
	server.Close()
	server.Silent()
	rec.awaitGone(t)
	select {
	case <-in.done:
		t.Errorf("the client was told of the end: %v", in.err)
	default:
	}
	client.Close() // lets the socket go
	<-in.done
	if in.text() != "" {
		t.Errorf("%q arrived", in.text())
	}
	rec.resolved(t)
}

func TestAResetDropsWhatWaits(t *testing.T) {
	client, server, rec := loopback(t, true)
	in := collect(client)
	server.Write([]byte("one\n"))
	if err := server.Reset(); err != nil {
		t.Error(err)
	}
	<-in.done
	if in.text() != "" || !IsReset(in.err) || rec.resets != 1 || rec.gone != 1 {
		t.Errorf("%q, %v arrived; resets %d, gone %d", in.text(), in.err, rec.resets, rec.gone)
	}
	rec.resolved(t)
}

// This lets a session notice that a client has left while the server's code does not
// read.
func TestThePeersFINIsSeenThoughTheEndpointDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, false)
		server.Hold()
		server.Write([]byte("one\n"))
		write(client, "two\n")
		synctest.Wait()
		client.Close()
		synctest.Wait()
		if !slices.Equal(rec.fins, []Direction{In}) || !slices.Equal(rec.texts(rec.waiting), []string{"one\n", "two\n", "FIN"}) {
			t.Errorf("fins %v, %q wait", rec.fins, rec.texts(rec.waiting))
		}
	})
}

func TestCloseWriteSendsFINBehindWhatWaits(t *testing.T) {
	client, server, rec := loopback(t, true)
	in := collect(client)
	if _, err := server.Write([]byte("one\ntw")); err != nil {
		t.Fatal(err)
	}
	if err := server.CloseWrite(); err != nil { // it returns at once
		t.Error(err)
	}
	if got := rec.texts(rec.waiting); !slices.Equal(got, []string{"one\n", "FIN"}) {
		t.Errorf("%q wait", got)
	}
	if _, err := server.Write([]byte("late\n")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a Write after CloseWrite returned %v", err)
	}
	server.ReleaseOldest(Out)
	<-in.done
	rec.await(t, "the FIN is released", func() bool { return len(rec.released) == 2 })
	if in.text() != "one\ntw" || in.err != io.EOF {
		t.Errorf("%q, %v arrived", in.text(), in.err)
	}
	if !slices.Equal(rec.fins, []Direction{Out}) || !slices.Equal(rec.texts(rec.released), []string{"one\n", "FIN"}) {
		t.Errorf("fins %v, %q released", rec.fins, rec.texts(rec.released))
	}
	// The other direction is still open.
	client.Write([]byte("back\n"))
	server.Run()
	b := make([]byte, 10)
	n, err := server.Read(b)
	if string(b[:n]) != "back\n" || err != nil {
		t.Errorf("%q, %v were read", b[:n], err)
	}
}

func TestCloseBehindCloseWriteSendsOneFIN(t *testing.T) {
	client, server, rec := loopback(t, true)
	in := collect(client)
	server.Write([]byte("one\n"))
	server.CloseWrite()
	server.Close()
	if got := rec.texts(rec.waiting); !slices.Equal(got, []string{"one\n", "FIN", "FIN"}) {
		t.Errorf("%q wait", got)
	}
	server.ReleaseOldest(Out)
	<-in.done
	rec.awaitGone(t)
	if in.text() != "one\n" || in.err != io.EOF {
		t.Errorf("%q, %v arrived", in.text(), in.err)
	}
	rec.resolved(t)
}

// The kernel resets a connection that is closed with unread bytes. Bytes that only the
// pump has read count as unread.
func TestACloseThatLeavesBytesUnreadResetsThoughTheTapHasReadThem(t *testing.T) {
	client, server, rec := loopback(t, true)
	defer client.Close()
	io.WriteString(client, "one\n")
	for server.Status().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	server.Close()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client meets %v", err)
	}
	if got := rec.texts(rec.undone); !slices.Equal(got, []string{"one\n"}) {
		t.Errorf("%q are unread", got)
	}
}
