package tap

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
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// resets closes client with RST and returns when the RST has arrived at server.
func resets(t *testing.T, client *net.TCPConn, server *Conn) {
	t.Helper()
	client.SetLinger(0)
	client.Close()
	if _, err := server.Conn.Read(make([]byte, 1)); !IsReset(err) {
		t.Fatalf("the RST is recorded as %v", err)
	}
}

func TestWhatTheSocketRefusesIsNotRecordedAsSent(t *testing.T) {
	client, server, rec := loopback(t, false)
	resets(t, client, server)
	n, err := server.Write([]byte("one\ntwo\n"))
	var op *net.OpError
	if n != 0 || !errors.Is(err, syscall.EPIPE) || !errors.As(err, &op) || op.Op != "write" || op.Source == nil || op.Addr == nil {
		t.Errorf("Write gives %d, %T %v", n, err, err)
	}
	if want := "write tcp " + server.LocalAddr().String() + "->" + server.RemoteAddr().String() + ": write: broken pipe"; err == nil || err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
	if len(rec.bytes[Out]) > 0 || string(rec.unsent) != "one\ntwo\n" || !slices.ContainsFunc(rec.failed, IsReset) {
		t.Errorf("%q is recorded as sent, %q as not sent; failed %v", rec.bytes[Out], rec.unsent, rec.failed)
	}
	server.Close()
	if n, err := server.Write([]byte("three\n")); n != 0 || !errors.Is(err, net.ErrClosed) || !errors.As(err, &op) || op.Op != "write" {
		t.Errorf("after Close, Write gives %d, %T %v", n, err, err)
	}
	if len(rec.bytes[Out]) > 0 || string(rec.unsent) != "one\ntwo\nthree\n" {
		t.Errorf("%q is recorded as sent, %q as not sent", rec.bytes[Out], rec.unsent)
	}
}

// The kernel keeps the bytes that arrived before an RST. If a Write meets the RST, it is
// recorded after those bytes: when they are read or when the endpoint closes.
func TestAResetThatAWriteMeetsComesAfterWhatCameBeforeIt(t *testing.T) {
	for _, reads := range []bool{true, false} {
		client, server, rec := loopback(t, false)
		io.WriteString(client, "one\n")
		client.SetLinger(0)
		client.Close()
		for { // until the RST is here
			if _, err := server.Write([]byte("answer\n")); IsReset(err) {
				break
			}
		}
		if len(rec.failed) > 0 {
			t.Errorf("%v is recorded before the earlier bytes are read", rec.failed)
		}
		if reads {
			if n, err := server.Read(make([]byte, 10)); n != 4 || err != nil {
				t.Fatalf("Read gives %d, %v", n, err)
			}
			if _, err := server.Read(make([]byte, 10)); err == nil {
				t.Error("Read gives no error")
			}
		} else {
			server.Close()
		}
		if len(rec.failed) != 1 || !IsReset(rec.failed[0]) || len(rec.fins) > 0 {
			t.Errorf("reads: %t: failed %v, fins %v", reads, rec.failed, rec.fins)
		}
	}
}

func TestOfAWriteThatEndsInTheMiddleTheSentPartIsRecorded(t *testing.T) {
	client, server, rec := loopback(t, false)
	rec.arrived = make(chan struct{}, 1000)
	text := strings.Repeat(strings.Repeat("x", 1<<20-1)+"\n", 40)
	w := write(server, text)
	<-rec.arrived // the kernel has taken the first of it, and will not take all
	server.SetWriteDeadline(time.Unix(1, 0))
	<-w.done
	var op *net.OpError
	if !errors.Is(w.err, os.ErrDeadlineExceeded) || !errors.As(w.err, &op) || op.Op != "write" || !op.Timeout() || w.n == 0 || w.n == len(text) {
		t.Fatalf("Write gives %d, %T %v", w.n, w.err, w.err)
	}
	in := collect(client)
	server.CloseWrite()
	<-in.done
	if in.text() != text[:w.n] || string(rec.bytes[Out]) != text[:w.n] || string(rec.unsent) != text[w.n:] {
		t.Errorf("%d bytes arrived, %d are recorded as sent and %d as not sent, of %d", len(in.text()), len(rec.bytes[Out]), len(rec.unsent), w.n)
	}
}

func TestAHeldUnitThatTheSocketRefusesIsTakenBack(t *testing.T) {
	client, server, rec := loopback(t, true)
	if n, err := io.WriteString(server, "one\ntwo\nthree\n"); n != 14 || err != nil {
		t.Fatal(n, err)
	}
	in := make([]byte, 4)
	server.ReleaseOldest(Out)
	if _, err := io.ReadFull(client, in); err != nil {
		t.Fatal(err)
	}
	server.Hold()
	rec.arrived = make(chan struct{}, 10)
	client.SetLinger(0)
	client.Close()
	for !server.Status().Failed {
		time.Sleep(time.Millisecond) // until the pump has met the RST
	}
	server.ReleaseOldest(Out)
	for len(server.Waiting()) > 0 || server.Status().Moving {
		time.Sleep(time.Millisecond)
	}
	rec.mu.Lock()
	got := rec.texts(rec.undone)
	rec.mu.Unlock()
	if !slices.Equal(got, []string{"two\n", "three\n"}) || string(in) != "one\n" {
		t.Errorf("%q arrived, and %q are taken back", in, got)
	}
	rec.resolved(t)
}

// The client answers each line at once, while the server writes and reads in two
// goroutines.
func TestAReplyIsRecordedAfterWhatItAnswers(t *testing.T) {
	const rounds = 2000
	client, server, rec := loopback(t, false)
	go io.Copy(client, client)
	replies := make(chan string)
	go func() {
		b := make([]byte, 100)
		for {
			n, err := server.Read(b)
			if err != nil {
				close(replies)
				return
			}
			replies <- string(b[:n])
		}
	}()
	for i := range rounds {
		line := fmt.Sprintf("%d\n", i)
		if _, err := io.WriteString(server, line); err != nil {
			t.Fatal(err)
		}
		if got := <-replies; got != line {
			t.Fatalf("%q came back, want %q", got, line)
		}
	}
	client.Close()
	for range replies {
	}
	for i, line := range rec.order[:2*rounds] {
		if want := fmt.Sprintf("%s %q", []string{"wrote", "read"}[i%2], fmt.Sprintf("%d\n", i/2)); line != want {
			t.Fatalf("call %d is %s, want %s", i, line, want)
		}
	}
}

// The server writes two units. The peer reads one, answers it and closes.
func TestOnAPipeAReplyIsRecordedAfterTheWholeWriteThatItMayAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, false)
		w := write(server, "one\ntwo\nthr")
		if _, err := io.ReadFull(client, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		in := collect(server)
		write(client, "reply\n")
		synctest.Wait()
		if w.over() || in.text() != "reply\n" {
			t.Fatalf("the Write is over: %t; %q came", w.over(), in.text())
		}
		client.Close()
		<-w.done
		<-in.done
		if want := []string{`wrote "one\ntwo\nthr"`, `read "reply\n"`}; !slices.Equal(rec.order[:2], want) {
			t.Errorf("recorded are %q, want %q first", rec.order, want)
		}
		if got := rec.texts(rec.undone); w.n != 4 || w.err == nil || !slices.Equal(got, []string{"two\n"}) || len(rec.unsent) > 0 {
			t.Errorf("Write gives %d, %v; %q are taken back, and %q is not sent", w.n, w.err, got, rec.unsent)
		}
	})
}

func TestOnAPipeWhatIsNotTakenIsNotRecordedAsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, false)
		w := write(server, "one\ntwo\n")
		io.ReadFull(client, make([]byte, 6))
		client.Close()
		<-w.done
		if string(rec.bytes[Out]) != "one\ntw" || string(rec.unsent) != "o\n" || w.n != 6 {
			t.Errorf("%q is recorded as sent, %q as not sent; Write gives %d, %v", rec.bytes[Out], rec.unsent, w.n, w.err)
		}
	})
}

func TestConcurrentWritesDoNotMixOnASplitLine(t *testing.T) {
	const writers, each, lines = 4, 50, "writer %d writes line %02d\nand another one\n"
	for _, kind := range []string{"TCP", "pipe"} {
		for _, hold := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, held %t", kind, hold), func(t *testing.T) {
				client, server, rec := pipe(t, hold)
				if kind == "TCP" {
					client, server, rec = loopback(t, hold)
				}
				server.Split(3)
				in := collect(client)
				rec.arrived = make(chan struct{}, writers*each*40)
				var all sync.WaitGroup
				for w := range writers {
					all.Go(func() {
						for i := range each {
							if _, err := fmt.Fprintf(server, lines, w, i); err != nil {
								t.Error(err)
							}
						}
					})
				}
				over := make(chan struct{})
				go func() {
					all.Wait()
					close(over)
				}()
				for done := false; !done; {
					select {
					case <-rec.arrived:
						server.ReleaseOldest()
					case <-over:
						done = true
					}
				}
				server.Run()
				server.Close()
				<-in.done
				got := strings.SplitAfter(in.text(), "another one\n")
				if len(got) != writers*each+1 {
					t.Errorf("%d Writes arrived, want %d", len(got)-1, writers*each)
				}
				for _, text := range got[:len(got)-1] {
					var w, i int
					fmt.Sscanf(text, "writer %d writes line %d", &w, &i)
					if text != fmt.Sprintf(lines, w, i) {
						t.Fatalf("%q arrived", text)
					}
				}
				if in.text() != string(rec.bytes[Out]) {
					t.Error("the bytes arrived in another order than they were recorded in")
				}
			})
		}
	}
}

func TestASlowAndSplitLineIsSoForWhatWasHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, true)
		server.Split(2)
		server.SetDelay(time.Second)
		w := write(server, "abcde\n")
		synctest.Wait()
		began := time.Now()
		server.ReleaseOldest(Out)
		b := make([]byte, 10)
		for i, want := range []string{"ab", "cd", "e\n"} {
			n, err := client.Read(b)
			if took := time.Since(began); err != nil || string(b[:n]) != want || took != time.Duration(i+1)*time.Second {
				t.Errorf("%q, %v came after %v, want %q", b[:n], err, took, want)
			}
		}
		if <-w.done; w.n != 6 || w.err != nil {
			t.Errorf("Write gives %d, %v", w.n, w.err)
		}
	})
}

// Looking at the socket must not change the behavior of TCP: a socket that is closed
// with unread bytes sends RST.
func TestWhatArrivedAndWasNotReadIsReportedAtClose(t *testing.T) {
	for _, c := range []struct {
		read int
		end  error
	}{{4, syscall.ECONNRESET}, {8, io.EOF}} {
		client, server, rec := loopback(t, false)
		io.WriteString(client, "one\ntwo\n")
		for server.socket != nil && arrivedUnread(server) < 8 {
			time.Sleep(time.Millisecond)
		}
		if _, err := io.ReadFull(server, make([]byte, c.read)); err != nil {
			t.Fatal(err)
		}
		server.Close()
		if got, want := string(rec.unread), "one\ntwo\n"[c.read:]; got != want || string(rec.bytes[In]) != "one\ntwo\n"[:c.read] {
			t.Errorf("%q is recorded as unread, want %q; read %q", got, want, rec.bytes[In])
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, c.end) {
			t.Errorf("%d bytes read: the client's Read gives %v, want %v", c.read, err, c.end)
		}
	}
}

func arrivedUnread(c *Conn) int {
	_, size := c.socket.unread()
	return size
}

func TestOfMuchThatWasNotReadTheBeginningIsReported(t *testing.T) {
	client, server, rec := loopback(t, false)
	long := bytes.Repeat([]byte("line\n"), 20<<10)
	if n, err := client.Write(long); n != len(long) || err != nil {
		t.Fatal(n, err)
	}
	for arrivedUnread(server) < len(long) {
		time.Sleep(time.Millisecond)
	}
	server.Close()
	if len(rec.unread) != maxUnread || !bytes.HasPrefix(long, rec.unread) {
		t.Errorf("%d bytes are reported", len(rec.unread))
	}
}

func TestWhatWasReleasedAndNotReadIsTakenBackAtClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		write(client, "one\ntwo\n")
		read := make(chan string)
		go func() {
			b := make([]byte, 2)
			n, _ := server.Read(b)
			read <- string(b[:n])
		}()
		synctest.Wait()
		server.ReleaseOldest(In)
		if got := <-read; got != "on" {
			t.Errorf("%q was read", got)
		}
		server.Close()
		if got := rec.texts(rec.undone); !slices.Equal(got, []string{"one\n", "two\n"}) || len(rec.dropped) > 0 {
			t.Errorf("%q are taken back, %q dropped", got, rec.texts(rec.dropped))
		}
	})
}

func TestWhatArrivedBeforeTheFirstWriteIsReported(t *testing.T) {
	client, server, rec := loopback(t, false)
	io.WriteString(client, "request\nearly\n")
	for arrivedUnread(server) < 14 {
		time.Sleep(time.Millisecond)
	}
	if _, err := io.ReadFull(server, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second write is not recorded
		if _, err := io.WriteString(server, "answer\n"); err != nil {
			t.Fatal(err)
		}
	}
	if rec.ahead != 6 {
		t.Errorf("%d bytes are said to be ahead, want 6", rec.ahead)
	}
}
