package tap

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestASilentLineSwallowsBytesAndEnds(t *testing.T) {
	client, server, rec := loopback(t, false)
	in := collect(client)
	server.Silent()
	if n, err := server.Write([]byte("lost\n")); n != 5 || err != nil {
		t.Errorf("Write gives %d, %v", n, err)
	}
	if _, err := client.Write([]byte("lost, too\n")); err != nil {
		t.Error(err)
	}
	server.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := server.Read(make([]byte, 10)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read gives %d, %v", n, err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	for name, call := range map[string]func() error{
		"Read":  func() error { _, err := server.Read(make([]byte, 10)); return err },
		"Write": func() error { _, err := server.Write([]byte("x")); return err },
		"Close": server.Close,
	} {
		if err := call(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close, %s gives %v", name, err)
		}
	}
	if in.text() != "" {
		t.Errorf("%q has arrived", in.text())
	}
	select {
	case <-in.done:
		t.Errorf("the client was told of the end: %v", in.err)
	default:
	}
	client.Close() // lets the socket go
	<-in.done
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if got := rec.texts(rec.dropped); len(got) != 2 || got[0] != "lost\n" || got[1] != "lost, too\n" || rec.closed != 1 {
		t.Errorf("dropped %q, closed %d times", got, rec.closed)
	}
}

func TestASilentLineSwallowsFINAndRST(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){
		"FIN": func(c *net.TCPConn) { c.Close() },
		"RST": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
	} {
		client, server, rec := loopback(t, false)
		server.Silent()
		end(client)
		server.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: Read gives %v", name, err)
		}
		read := make(chan error)
		server.SetReadDeadline(time.Time{})
		go func() {
			_, err := server.Read(make([]byte, 1))
			read <- err
		}()
		server.Close()
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: Close ends a Read with %v", name, err)
		}
		rec.mu.Lock()
		if len(rec.fins) > 0 || len(rec.failed) > 0 {
			t.Errorf("%s: the recorder has FINs %v and failures %v", name, rec.fins, rec.failed)
		}
		rec.mu.Unlock()
	}
}

func TestWhatWaitsAtTheValveIsLostWhenTheLineGoesDead(t *testing.T) {
	_, server, rec := loopback(t, true)
	rec.arrived = make(chan struct{}, 10)
	w := write(server, "held\n")
	for len(server.Waiting()) == 0 {
		<-rec.arrived
	}
	server.Silent()
	<-w.done
	rec.resolved(t)
	if w.err != nil || server.Status().Waiting != 0 {
		t.Errorf("the Write gives %v", w.err)
	}
}

func TestASlowLineTakesItsTimeInBothDirections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, false)
		server.SetDelay(time.Second)
		began := time.Now()
		in := collect(client)
		if _, err := server.Write([]byte("out\n")); err != nil || time.Since(began) != time.Second {
			t.Errorf("Write gives %v after %v", err, time.Since(began))
		}
		w := write(client, "in\n")
		if n, err := server.Read(make([]byte, 10)); n != 3 || err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("Read gives %d, %v after %v", n, err, time.Since(began))
		}
		<-w.done
		late := write(server, "never\n")
		synctest.Wait()
		server.Close() // ends who waits
		<-late.done
		client.Close()
		<-in.done
		if late.err == nil || in.text() != "out\n" || server.Delay() != time.Second {
			t.Errorf("the late Write gives %v, and %q came", late.err, in.text())
		}
	})
}

func TestASplitLineWritesInPieces(t *testing.T) {
	client, server, rec := pipe(t, false)
	server.Split(2)
	w := write(server, "abcde\n")
	b := make([]byte, 10)
	for _, want := range []string{"ab", "cd", "e\n"} {
		if n, err := client.Read(b); err != nil || string(b[:n]) != want {
			t.Errorf("%q, %v came, want %q", b[:n], err, want)
		}
	}
	if <-w.done; w.n != 6 || w.err != nil || string(rec.bytes[Out]) != "abcde\n" {
		t.Errorf("Write gives %d, %v, and %q is recorded", w.n, w.err, rec.bytes[Out])
	}
}

func TestResetIsSeenAsOneAtTheOtherEnd(t *testing.T) {
	client, server, rec := loopback(t, false)
	if err := server.Reset(); err != nil {
		t.Error(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client reads %v", err)
	}
	if err := server.Reset(); !errors.Is(err, net.ErrClosed) || rec.resets != 1 || rec.closed != 1 {
		t.Errorf("a second Reset gives %v; told %d resets, %d closes", err, rec.resets, rec.closed)
	}
	_, piped, _ := pipe(t, false)
	if err := piped.Reset(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a pipe gives %v", err)
	}
}

// The test reads and writes at random. Whenever Status says that all bytes have arrived
// and that the endpoint reads, the endpoint must have all of them.
func TestStatusTellsWhenTheEndpointHasTakenAll(t *testing.T) {
	for _, hold := range []bool{false, true} {
		client, server, _ := loopback(t, false)
		changed := make(chan struct{}, 1)
		server.Watch(func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
		taken := make(chan int, 1000)
		go func() {
			b := make([]byte, 64)
			for {
				n, err := server.Read(b)
				if err != nil {
					close(taken)
					return
				}
				taken <- n
			}
		}()
		if hold {
			server.Hold()
		}
		sent, got := 0, 0
		for range 200 {
			n, err := io.WriteString(client, "line\n")
			if err != nil {
				t.Fatal(err)
			}
			sent += n
			for {
				if s := server.Status(); s.In == int64(sent) && s.Reading {
					break
				}
				<-changed
			}
			if hold {
				if server.Status().Waiting != 1 {
					t.Fatalf("%d units wait", server.Status().Waiting)
				}
				server.ReleaseOldest()
				for !server.Status().Reading {
					<-changed
				}
			}
			for got < sent {
				select {
				case n := <-taken:
					got += n
				default:
					t.Fatalf("%d bytes are said to be taken, and %d are", sent, got)
				}
			}
		}
		client.Close()
		for range taken {
		}
		if s := server.Status(); !s.FinIn || s.Reading || s.Closed {
			t.Errorf("after FIN the status is %+v", s)
		}
	}
}

// noted is a connection that reports when it is closed.
type noted struct {
	net.Conn
	closed chan struct{}
}

func (c noted) Close() error {
	defer func() { _ = recover() }() // closed twice
	close(c.closed)
	return c.Conn.Close()
}

// Close is called while a Read is about to begin. The Read ends at once, so Close must
// not wait for it.
func TestTheSocketOfASilentLineGoesWithItsPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		socket := noted{b, make(chan struct{})}
		server := New(socket)
		server.Attach(newLines(), false)
		server.Silent()
		begun, goOn := make(chan struct{}), make(chan struct{})
		var once atomic.Bool
		server.Watch(func() {
			if once.CompareAndSwap(false, true) {
				close(begun)
				<-goOn
			}
		})
		read := make(chan error, 1)
		go func() {
			_, err := server.Read(make([]byte, 1))
			read <- err
		}()
		<-begun // it is counted as reading, and has not looked whether the socket is closed
		server.Close()
		synctest.Wait()
		close(goOn)
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read gives %v", err)
		}
		a.Close()
		synctest.Wait()
		select {
		case <-socket.closed:
		default:
			t.Error("the peer has closed TCP, and the socket is still open")
		}
	})
}

func TestCloseEndsAWriteThatWaitsOnASilentLine(t *testing.T) {
	_, server, rec := loopback(t, false)
	rec.arrived = make(chan struct{}, 10)
	w := write(server, strings.Repeat("x", 64<<20))
	<-rec.arrived // it is recorded, and on its way to buffers that it fills
	server.Silent()
	server.Close()
	select {
	case <-w.done:
	case <-time.After(time.Minute):
		t.Fatal("the Write still waits after Close")
	}
	if !errors.Is(w.err, net.ErrClosed) {
		t.Errorf("Write gives %v", w.err)
	}
}

func TestAClosedConnTakesNoDeadline(t *testing.T) {
	for _, silent := range []bool{false, true} {
		_, server, _ := loopback(t, false)
		if silent {
			server.Silent()
		}
		server.Close()
		if err := server.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("silent %t: SetDeadline gives %v", silent, err)
		}
		if err := server.SetWriteDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("silent %t: SetWriteDeadline gives %v", silent, err)
		}
	}
}

// Bytes arrive and are lost while the endpoint's deadline has passed and the pump reads.
func TestADeadlineThatHasPassedOnASilentLineIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, true)
		server.SetReadDeadline(time.Unix(1, 0))
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read gives %v", err)
		}
		server.Silent()
		if _, err := io.WriteString(client, "lost\n"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		began := time.Now()
		server.SetReadDeadline(began.Add(time.Second))
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("the next Read gives %v after %v", err, time.Since(began))
		}
		server.Close()
		client.Close()
	})
}
