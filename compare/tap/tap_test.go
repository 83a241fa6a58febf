package tap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnUnrecordedConnectionPassesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		server := New(b)
		defer server.Close()
		defer a.Close()
		server.Hold() // nobody watches, so there is no valve
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

func TestReadSeesNothingUntilRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		in := collect(server)
		write(client, "one\ntwo\nthr")
		synctest.Wait()
		if in.text() != "" || len(server.Waiting()) != 2 {
			t.Fatalf("%q passed a shut valve; %v wait", in.text(), server.Waiting())
		}
		write(client, "ee\n")
		synctest.Wait()
		if got := rec.texts(rec.waiting); !slices.Equal(got, []string{"one\n", "two\n", "three\n"}) {
			t.Errorf("%q wait", got)
		}
		for _, want := range []string{"one\n", "one\ntwo\n", "one\ntwo\nthree\n"} {
			if _, ok := server.ReleaseOldest(In); !ok {
				t.Error("nothing waits")
			}
			synctest.Wait()
			if in.text() != want {
				t.Errorf("%q arrived, want %q", in.text(), want)
			}
		}
		if _, ok := server.ReleaseOldest(In); ok {
			t.Error("one unit too many was released")
		}
		rec.resolved(t)
	})
}

func TestAnUnfinishedUnitIsTakenAtOnceAndLeavesWithItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, true)
		in := collect(client)
		first := write(server, "on")
		synctest.Wait()
		if !first.over() || first.n != 2 || in.text() != "" {
			t.Fatalf("over: %t, %d; %q arrived", first.over(), first.n, in.text())
		}
		write(server, "e\n")
		synctest.Wait()
		server.ReleaseOldest(Out)
		synctest.Wait()
		if in.text() != "one\n" {
			t.Errorf("%q arrived", in.text())
		}
	})
}

func TestRunLetsAnUnfinishedUnitGoWithNobodyWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, true)
		fromServer, fromClient := collect(client), collect(server)
		write(server, "out")
		write(client, "in")
		synctest.Wait()
		if ids := server.Run(); len(ids) != 0 {
			t.Errorf("units %v were released", ids)
		}
		synctest.Wait()
		if fromServer.text() != "out" || fromClient.text() != "in" {
			t.Errorf("%q and %q arrived", fromServer.text(), fromClient.text())
		}
	})
}

func TestBytesOfNoUnitGoAlongWithTheOneBeforeThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		rec.loose = true
		in := collect(client)
		w := write(server, "head\nbody")
		synctest.Wait()
		if in.text() != "" {
			t.Fatalf("%q arrived", in.text())
		}
		more := write(server, "more")
		synctest.Wait()
		server.ReleaseOldest(Out)
		synctest.Wait()
		if in.text() != "head\nbodymore" || !w.over() || !more.over() {
			t.Errorf("%q arrived, over: %t, %t", in.text(), w.over(), more.over())
		}
		last := write(server, "last")
		synctest.Wait()
		if in.text() != "head\nbodymorelast" || !last.over() {
			t.Errorf("%q arrived with nothing before it to wait for", in.text())
		}
	})
}

func TestDropTakesTheOldestUnitAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		fromServer, fromClient := collect(client), collect(server)
		w := write(server, "a\nb\n")
		write(client, "c\nd\n")
		synctest.Wait()
		server.DropOldest(Out)
		server.DropOldest(In)
		ids := server.Run()
		synctest.Wait()
		if fromServer.text() != "b\n" || fromClient.text() != "d\n" || w.n != 4 || w.err != nil || len(ids) != 2 {
			t.Errorf("%q and %q arrived, Write gave %d, %v; %v were released", fromServer.text(), fromClient.text(), w.n, w.err, ids)
		}
		if _, ok := server.DropOldest(In); ok {
			t.Error("something was dropped where nothing waits")
		}
		rec.resolved(t)
	})
}

func TestRunLetsEverythingGoAndTheSocketIsReadDirectlyAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		in := collect(server)
		write(client, "one\ntwo\nthr")
		synctest.Wait()
		if ids := server.Run(); !slices.Equal(rec.texts(ids), []string{"one\n", "two\n"}) {
			t.Errorf("%q were released", rec.texts(ids))
		}
		for _, s := range []string{"ee\n", "four\n", "five\n"} {
			write(client, s)
			synctest.Wait()
		}
		if in.text() != "one\ntwo\nthree\nfour\nfive\n" {
			t.Errorf("%q arrived", in.text())
		}
		if server.busy.Load() {
			t.Error("the queue is still in use")
		}
		rec.resolved(t)
	})
}

func TestHoldShutsTheValveForAReadThatIsInTheKernel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, false)
		in := collect(server)
		synctest.Wait() // the Read is in the kernel now
		server.Hold()
		write(client, "one\n")
		synctest.Wait()
		if in.text() != "" || len(server.Waiting()) != 1 {
			t.Fatalf("%q passed, %v wait", in.text(), server.Waiting())
		}
		server.ReleaseOldest(In)
		synctest.Wait()
		if in.text() != "one\n" {
			t.Errorf("%q arrived", in.text())
		}
	})
}

func TestHoldAndRunWhileAReadIsInTheKernelChangeNothing(t *testing.T) {
	for _, hold := range []bool{false, true} { // by the Read itself, or by the pump
		synctest.Test(t, func(t *testing.T) {
			client, server, _ := pipe(t, hold)
			in := collect(server)
			synctest.Wait()
			for range 3 {
				server.Hold()
				server.Run()
				synctest.Wait()
			}
			write(client, "one\ntw")
			synctest.Wait()
			if in.text() != "one\ntw" {
				t.Errorf("held at first %t: %q arrived", hold, in.text())
			}
		})
	}
}

// isTimeout fails unless err is what a socket returns at its deadline.
func isTimeout(t *testing.T, err error, op string) {
	t.Helper()
	var operr *net.OpError
	if !errors.As(err, &operr) || operr.Op != op || !operr.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the error is %T %v, want an i/o timeout of %s", err, err, op)
	}
}

func TestTheEndOfTheStreamStaysBehindWhatWaits(t *testing.T) {
	for _, c := range []struct{ sent, held string }{{"one\ntwo\n", "two\n"}, {"one\ntwo\nthr", "two\nthr"}} {
		synctest.Test(t, func(t *testing.T) {
			client, server, rec := pipe(t, true)
			in := collect(server)
			write(client, c.sent)
			synctest.Wait()
			client.Close()
			synctest.Wait()
			if !slices.Equal(rec.fins, []Direction{In}) || in.text() != "" || in.err != nil {
				t.Errorf("fins %v; %q, %v passed", rec.fins, in.text(), in.err)
			}
			server.ReleaseOldest(In)
			synctest.Wait()
			if in.text() != "one\n" || in.err != nil {
				t.Errorf("%q, %v passed", in.text(), in.err)
			}
			server.ReleaseOldest(In)
			<-in.done
			if in.text() != "one\n"+c.held || in.err != io.EOF {
				t.Errorf("%q, %v arrived", in.text(), in.err)
			}
			if n, err := server.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("the next Read gave %d, %v", n, err)
			}
		})
	}
}

func TestTheEndOfTheStreamFollowsAnUnfinishedUnitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, true)
		in := collect(server)
		write(client, "half")
		synctest.Wait()
		client.Close()
		<-in.done // no unit waits, so no step could let it go
		if in.text() != "half" || in.err != io.EOF {
			t.Errorf("%q, %v arrived", in.text(), in.err)
		}
	})
}

func TestAPeerThatHangsUpFailsTheNextWriteAfterARelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		for _, text := range []string{"one\ntwo\n", "three\n"} {
			if _, err := server.Write([]byte(text)); err != nil {
				t.Error(err)
			}
		}
		client.Close()
		synctest.Wait()
		server.ReleaseOldest(Out)
		synctest.Wait()
		if len(server.Waiting()) != 0 || len(rec.failed) != 1 {
			t.Errorf("%v wait; failed %v", server.Waiting(), rec.failed)
		}
		if _, err := server.Write([]byte("four\n")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the next Write gave %v", err)
		}
		rec.resolved(t)
	})
}

func TestAFullQueueMakesThePeerWaitAndStillOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		line := strings.Repeat("x", 1023) + "\n"
		w := write(client, strings.Repeat(line, 3*maxQueue/len(line)))
		first := make([]byte, 1)
		read := make(chan error)
		go func() {
			_, err := server.Read(first)
			read <- err
		}()
		synctest.Wait()
		if w.over() {
			t.Fatal("three queues' worth was taken")
		}
		server.ReleaseOldest(In)
		if err := <-read; err != nil {
			t.Fatal(err)
		}
		server.Run() // the pump waits for room, and nobody reads
		synctest.Wait()
		in := collect(server)
		synctest.Wait()
		if got := len(in.text()); got != 3*maxQueue-1 || !w.over() {
			t.Errorf("%d bytes arrived behind the first, all taken: %t", got, w.over())
		}
		if string(first)+in.text() != string(rec.bytes[In]) {
			t.Error("they are others than were sent")
		}
	})
}

func TestCloseEndsAPumpThatWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		w := write(client, strings.Repeat("x\n", maxQueue))
		in := collect(server)
		synctest.Wait()
		server.Close()
		<-in.done
		<-w.done
		rec.resolved(t)
	})
}

func TestAUnitLongerThanTheQueuePassesButForItsEnd(t *testing.T) {
	long := strings.Repeat("x", 2*maxQueue) + "\n"
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		fromServer, fromClient := collect(client), collect(server)
		write(client, long)
		var parts []*written
		for i := 0; i < len(long); i += maxQueue / 2 {
			parts = append(parts, write(server, long[i:min(len(long), i+maxQueue/2)]))
			synctest.Wait()
		}
		if len(rec.waiting) != 2 {
			t.Fatalf("%v wait; %d and %d bytes arrived", rec.waiting, len(fromServer.text()), len(fromClient.text()))
		}
		server.ReleaseOldest(In)
		server.ReleaseOldest(Out)
		synctest.Wait()
		if fromServer.text() != long || fromClient.text() != long {
			t.Errorf("%d and %d bytes arrived of %d", len(fromServer.text()), len(fromClient.text()), len(long))
		}
		for _, w := range parts {
			if !w.over() || w.err != nil {
				t.Errorf("a Write gave %v, over: %t", w.err, w.over())
			}
		}
		rec.resolved(t)
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

// slow is a connection whose every Write waits for a word. It notes when two
// are at it at once.
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

// model is what the valve is to do, for one direction.
type model struct {
	arrived string
	waiting []string
	partial string
}

func (m *model) data(b string, hold bool) {
	if !hold {
		m.arrived += m.partial + b
		m.partial = ""
		return
	}
	m.partial += b
	for {
		n := strings.IndexByte(m.partial, '\n')
		if n < 0 {
			return
		}
		m.waiting = append(m.waiting, m.partial[:n+1])
		m.partial = m.partial[n+1:]
	}
}

func (m *model) step(drop bool) {
	if len(m.waiting) > 0 {
		if !drop {
			m.arrived += m.waiting[0]
		}
		m.waiting = m.waiting[1:]
	}
}

func (m *model) run() {
	m.arrived += strings.Join(m.waiting, "") + m.partial
	m.waiting, m.partial = nil, ""
}

func TestWhatArrivesIsWhatWasSentButForWhatWasDropped(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			hold := r.IntN(2) > 0
			client, server, rec := pipe(t, hold)
			inbox := [2]*inbox{In: collect(server), Out: collect(client)}
			var want [2]model
			ends := [2]io.Writer{In: client, Out: server}
			var log []string
			for range 60 {
				d := Direction(r.IntN(2))
				switch what := r.IntN(8); {
				case what < 4:
					chunk := bytes.Repeat([]byte("ab"), r.IntN(4))
					for range r.IntN(3) {
						chunk = append(chunk, "\ncd"[:1+r.IntN(3)]...)
					}
					if len(chunk) == 0 {
						continue
					}
					log = append(log, fmt.Sprintf("%d %q", d, chunk))
					write(ends[d], string(chunk))
					want[d].data(string(chunk), hold)
				case what == 4:
					log = append(log, "hold")
					hold = true
					server.Hold()
				case what == 5:
					log = append(log, "run")
					hold = false
					server.Run()
					want[In].run()
					want[Out].run()
				case what == 6:
					log = append(log, fmt.Sprintf("release %d", d))
					server.ReleaseOldest(d)
					want[d].step(false)
				case what == 7:
					log = append(log, fmt.Sprintf("drop %d", d))
					server.DropOldest(d)
					want[d].step(true)
				}
				synctest.Wait()
				for d := range want {
					if got := inbox[d].text(); got != want[d].arrived {
						t.Fatalf("seed %d, direction %d: %q arrived, want %q, after %s", seed, d, got, want[d].arrived, log)
					}
				}
				if n := len(server.Waiting()); n != len(want[In].waiting)+len(want[Out].waiting) {
					t.Fatalf("seed %d: %d units wait, want %q and %q, after %s", seed, n, want[In].waiting, want[Out].waiting, log)
				}
			}
			server.Abort()
			synctest.Wait()
			rec.resolved(t)
		})
	}
}

func TestNothingIsLostOnRealTCPWhileTheValveIsWorked(t *testing.T) {
	client, server, rec := loopback(t, true)
	fromClient, fromServer := collect(server), collect(client)
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "line %d of some\n", i)
	}
	send := func(w io.Writer, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		for s := text.String(); s != ""; {
			n := min(len(s), 1+r.IntN(200))
			if _, err := io.WriteString(w, s[:n]); err != nil {
				t.Error(err)
				return
			}
			s = s[n:]
		}
	}
	var senders sync.WaitGroup
	senders.Go(func() { send(client, 1) })
	senders.Go(func() { send(server, 2) })
	stop, steps := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(steps)
		r := rand.New(rand.NewPCG(3, 0))
		for {
			select {
			case <-stop:
				server.Run()
				return
			default:
			}
			switch r.IntN(6) {
			case 0:
				server.Hold()
			case 1:
				server.Run()
			case 2:
				server.SetReadDeadline(time.Now().Add(time.Hour))
			default:
				server.ReleaseOldest(Direction(r.IntN(2)))
			}
		}
	}()
	senders.Wait()
	close(stop)
	<-steps
	client.CloseWrite()
	<-fromClient.done
	server.Close()
	<-fromServer.done
	if fromClient.text() != text.String() || fromServer.text() != text.String() {
		t.Errorf("%d and %d bytes arrived of %d", len(fromClient.text()), len(fromServer.text()), text.Len())
	}
	if len(rec.dropped) > 0 {
		t.Errorf("units %v were dropped", rec.dropped)
	}
	rec.resolved(t)
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
		if got := Plain(err); !strings.HasSuffix(got, want) || strings.Contains(got, "127.0.0.1") {
			t.Errorf("%v is told as %q", err, got)
		}
	}
}
