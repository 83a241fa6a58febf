package runner_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/compare/tcptest"
	"wslab/reference"
	"wslab/reference/wire"
)

// inMemory returns the endpoint called name as a target that listens at l.
func inMemory(name string, l *tcptest.Listener) suite.Target {
	target := runner.TargetOf(name, l.Addr().String())
	target.Dial = l.Dial
	return target
}

// referenceInMemory serves package reference, within a bubble of synctest.
func referenceInMemory(t *testing.T) suite.Target {
	l := tcptest.Listen()
	s := &reference.Server{CheckOrigin: func(wire.Head) bool { return true }, ErrorLog: func(error) {},
		Options: reference.Options{MaxMessage: endpoint.JudgedMessage, Extension: reference.Deflate{}},
		Handler: func(c *reference.Conn, _ wire.Head) {
			for {
				op, p, err := c.ReadMessage()
				if err != nil || c.WriteMessage(op, p) != nil {
					return
				}
			}
		}}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return inMemory("reference", l)
}

// A front relays to the reference and makes it seem slow, full or mortal. It is in a
// bubble of synctest.
type front struct {
	echo   suite.Target
	limit  int // connections at once; the next is answered with 503
	out    func(w io.Writer, b []byte) error
	deadly []byte // what the process dies of
	reborn bool   // it comes back

	mu      sync.Mutex
	l       *tcptest.Listener
	conns   map[net.Conn]bool
	dead    bool
	running sync.WaitGroup
}

// start serves f until the test is over.
func (f *front) start(t *testing.T) suite.Target {
	t.Helper()
	f.echo, f.conns = referenceInMemory(t), map[net.Conn]bool{}
	f.listen()
	t.Cleanup(func() {
		f.mu.Lock()
		f.reborn = false
		f.mu.Unlock()
		f.die()
		f.running.Wait()
	})
	target := f.echo
	target.Name = "front"
	target.Dial = func(ctx context.Context) (net.Conn, error) {
		f.mu.Lock()
		l := f.l
		f.mu.Unlock()
		return l.Dial(ctx)
	}
	return target
}

// listen starts to listen, unless f stays dead.
func (f *front) listen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead && !f.reborn {
		return
	}
	l := tcptest.Listen()
	f.dead, f.l = false, l
	f.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			full := f.limit > 0 && len(f.conns) >= f.limit
			f.conns[c] = !full
			f.mu.Unlock()
			f.running.Go(func() {
				defer f.forget(c)
				if full {
					if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil && r != nil {
						_, _ = io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
					}
					return
				}
				f.serve(c)
			})
		}
	})
}

func (f *front) forget(c net.Conn) {
	c.Close()
	f.mu.Lock()
	delete(f.conns, c)
	f.mu.Unlock()
}

// serve joins c and the reference.
func (f *front) serve(c net.Conn) {
	to, err := f.echo.Dial(context.Background())
	if err != nil {
		return
	}
	defer to.Close()
	f.running.Go(func() {
		b := make([]byte, 32<<10)
		var recent []byte // TCP may cut the deadly bytes into two reads
		for {
			n, err := c.Read(b)
			recent = append(recent, b[:n]...)
			if f.deadly != nil && bytes.Contains(recent, f.deadly) {
				f.die() // first, because a dead process does not accept the judge's next connection
				to.Close()
				return
			}
			recent = bytes.Clone(recent[max(0, len(recent)-len(f.deadly)):])
			if _, failed := to.Write(b[:n]); failed != nil || err != nil {
				_ = to.(*tcptest.Conn).CloseWrite()
				return
			}
		}
	})
	out := f.out
	if out == nil {
		out = func(w io.Writer, b []byte) error {
			_, err := w.Write(b)
			return err
		}
	}
	b := make([]byte, 32<<10)
	for {
		n, err := to.Read(b)
		if n > 0 && out(c, b[:n]) != nil || err != nil {
			return
		}
	}
}

// die ends every connection at once and stops listening, as a process does that
// dies. Where it is to come back it does so when the judge has noticed.
func (f *front) die() {
	f.mu.Lock()
	if f.dead {
		f.mu.Unlock()
		return
	}
	f.dead = true
	f.l.Close()
	for c := range f.conns {
		_ = c.(*tcptest.Conn).SetLinger(0)
		c.Close()
	}
	again := f.reborn
	f.mu.Unlock()
	if again {
		f.running.Go(func() {
			time.Sleep(500 * time.Millisecond)
			f.listen()
		})
	}
}

// some returns the server cases that patterns choose.
func some(t *testing.T, patterns ...string) []*suite.Case {
	t.Helper()
	cases, err := suite.Match(suite.ForRole(suite.All(), wire.Server), patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// noFault complains of every report that holds something against the target.
func noFault(t *testing.T, reports []suite.Report, want int) {
	t.Helper()
	if len(reports) != want {
		t.Errorf("%d reports of %d cases", len(reports), want)
	}
	for _, r := range reports {
		if r.Worst() > suite.Note {
			t.Errorf("%s: %s, closing %s: %s\n\tgot %s", r.Case, r.Verdict, r.Closing, r.Reason, r.Got)
		}
	}
}

func TestLegalServersThatAreSlowOrUnusualFailNothing(t *testing.T) {
	for _, c := range []struct {
		what  string
		front *front
		cases []string
	}{
		{"each answer takes 400 ms", &front{out: func(w io.Writer, b []byte) error {
			time.Sleep(400 * time.Millisecond)
			_, err := w.Write(b)
			return err
		}}, []string{"5.5.2/ping-of-*", "5.5.2/empty-ping", "5.5.2/ping-not-utf-8", "5.5.2/ten-pings-one-write", "5.5.2/ten-pings-byte-by-byte", "5.6/*", "7.1/*-fault", "7.1/*-failing", "7.1/close-only", "7.1/echo-then-close", "5.4/last-*", "5.4/all-3-*", "5.4/second-*", "5.4/all-in-last-fragment-one-write", "4.2.2/status-line"}},
		{"a byte each millisecond", &front{out: func(w io.Writer, b []byte) error {
			for i := range b {
				time.Sleep(time.Millisecond)
				if _, err := w.Write(b[i : i+1]); err != nil {
					return err
				}
			}
			return nil
		}}, []string{"5.5.2/ping-of-*", "5.5.2/empty-ping", "5.5.2/ping-not-utf-8", "5.5.2/ten-pings-one-write", "5.5.2/ten-pings-byte-by-byte", "5.6/*", "7.1/*-fault", "7.1/*-failing", "7.1/close-only", "7.1/echo-then-close", "5.2/opcode-f-*", "5.2/opcode-e-fin-0", "5.2/opcode-e-between-fragments", "5.2/text-opcode-f-ping-one-write", "5.2/text-opcode-f-ping-byte-by-byte", "5.2/text-of-0", "5.2/text-of-1", "5.2/text-of-2", "5.2/text-of-124", "5.2/text-of-125", "5.2/text-of-126", "5.2/text-of-127", "5.2/text-of-128", "5.2/text-of-129", "5.2/text-of-255", "5.2/text-of-256", "5.2/text-of-257"}},
		{"room for one connection", &front{limit: 1}, []string{"5.5.2/ping-of-*", "5.5.2/empty-ping", "5.5.2/ping-not-utf-8", "5.5.2/ten-pings-one-write", "5.5.2/ten-pings-byte-by-byte", "4.2.2/status-line", "4.2.2/upgrade", "4.2.2/connection", "4.2.2/header-grammar", "4.2.2/line-ends", "4.2.2/no-content-length", "4.2.2/no-transfer-encoding", "4.2.2/no-subprotocol-offered", "4.2.2/no-extension-offered", "5.2/rsv3-*", "5.2/rsv2-in-text", "5.2/rsv2-in-binary", "5.2/rsv2-in-continuation"}},
		{"room for three connections", &front{limit: 3}, []string{"5.5.2/ping-of-*", "5.5.2/empty-ping", "5.5.2/ping-not-utf-8", "5.5.2/ten-pings-one-write", "5.5.2/ten-pings-byte-by-byte", "5.6/*", "7.1/*-fault", "7.1/*-failing", "7.1/close-only", "7.1/echo-then-close", "5.2/rsv3-*", "5.2/rsv2-in-text", "5.2/rsv2-in-binary", "5.2/rsv2-in-continuation"}},
		{"no reason phrase, and 100 fields more", &front{out: func(w io.Writer, b []byte) error {
			var more strings.Builder
			for i := range 100 {
				fmt.Fprintf(&more, "X-Field-%d: value %d\r\n", i, i)
			}
			b = bytes.Replace(b, []byte("101 Switching Protocols\r\n"), []byte("101 \r\n"+more.String()), 1)
			_, err := w.Write(b)
			return err
		}}, []string{"5.5.2/ping-of-*", "5.5.2/empty-ping", "5.5.2/ping-not-utf-8", "5.5.2/ten-pings-one-write", "5.5.2/ten-pings-byte-by-byte", "4.2.2/status-line", "4.2.2/upgrade", "4.2.2/connection", "4.2.2/header-grammar", "4.2.2/line-ends", "4.2.2/no-content-length", "4.2.2/no-transfer-encoding", "4.2.2/no-subprotocol-offered", "4.2.2/no-extension-offered", "5.6/*"}},
		{"a Pong in front of everything it sends", &front{out: func(w io.Writer, b []byte) error {
			if !bytes.HasPrefix(b, []byte("HTTP/")) {
				b = append([]byte{0x8a, 0x02, 'h', 'i'}, b...)
			} else if head, rest, ok := bytes.Cut(b, []byte("\r\n\r\n")); ok && bytes.Contains(head, []byte(" 101 ")) {
				b = slices.Concat(head, []byte("\r\n\r\n\x8a\x00"), rest)
			}
			_, err := w.Write(b)
			return err
		}}, []string{"5.5.2/ping-of-1", "5.6/text-binary-text", "7.1/*-fault", "7.1/*-failing", "7.1/close-only", "7.1/echo-then-close"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			cases := some(t, c.cases...)
			synctest.Test(t, func(t *testing.T) {
				target := c.front.start(t)
				noFault(t, runner.Judge(t.Context(), cases, []suite.Target{target}, 0, nil), len(cases))
			})
		})
	}
}

// topBit begins the frame in 5.2 whose 64-bit length has its top bit set.
var topBit = []byte{0x82, 0xFF, 0x80}

func TestAServerThatNeverHasRoomIsNotJudged(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Server)[:200]
	for _, status := range []string{"503 Service Unavailable", "429 Too Many Requests"} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			target := suite.Target{Name: "test", Dial: saying("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n")}
			reports := runner.Judge(t.Context(), cases, []suite.Target{target}, 0, nil)
			n := 0
			for _, r := range reports {
				if r.Worst() == suite.Fail || r.Worst() == suite.NoAnswer {
					t.Errorf("%s: %s: %s", r.Case, r.Worst(), r.Reason)
				}
				if r.Verdict == suite.NotJudged {
					n++
				}
			}
			if len(reports) != len(cases) || n == 0 || time.Since(began) > time.Minute {
				t.Errorf("%d reports, %d not judged, in %s", len(reports), n, time.Since(began))
			}
		})
	}
}

// saying dials a server that reads a request and answers with text.
func saying(text string) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
				_, _ = io.WriteString(theirs, text)
			}
		}()
		return ours, nil
	}
}

func TestAServerThatAnswersNothingIsToldWithinAMinuteAndInOneSentence(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Server)
	opens := opening(func(_ net.Conn, in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) })
	for what, dial := range map[string]func(context.Context) (net.Conn, error){"no response": silent, "a response, and then nothing": opens} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				reports := runner.Judge(t.Context(), cases, []suite.Target{{Name: "test", Dial: dial}}, 0, nil)
				if took := time.Since(began); took > time.Minute {
					t.Errorf("it took %s", took)
				}
				said := map[string]int{}
				for _, r := range reports {
					if r.Verdict == suite.NotJudged {
						said[r.Reason]++
					}
					// One that opens a WebSocket for every request breaks a MUST where it
					// has to refuse.
					if r.Verdict == suite.Fail && (what == "no response" || !r.Case.Refused()) {
						t.Errorf("%s: %s", r.Case, r.Reason)
					}
				}
				if len(reports) != len(cases) || len(said) != 1 {
					t.Errorf("%d reports of %d cases; what was not judged is told so: %v", len(reports), len(cases), said)
				}
			})
		})
	}
}

func TestAServerThatStopsAnsweringIsNoticed(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Server)[:400]
	synctest.Test(t, func(t *testing.T) {
		began, n := time.Now(), 0
		refuses := saying("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		var mu sync.Mutex
		reports := runner.Judge(t.Context(), cases, []suite.Target{{Name: "test", Dial: func(ctx context.Context) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			if n++; n > 100 {
				return silent(ctx)
			}
			return refuses(ctx)
		}}}, 0, nil)
		last := reports[len(reports)-1]
		if took := time.Since(began); took > time.Minute || last.Verdict != suite.NotJudged || !strings.HasPrefix(last.Reason, "It stopped answering. The last case that it answered is ") {
			t.Errorf("in %s; the last: %s: %s", took, last.Verdict, last.Reason)
		}
	})
}

// TestWhatIsTrueOnlyBesideOtherCasesIsNotTold has a server that serves one
// connection at a time, and each only after a while.
func TestWhatIsTrueOnlyBesideOtherCasesIsNotTold(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Server)[:3]
	synctest.Test(t, func(t *testing.T) {
		// Each waits until no other is there, and with all of them that never is.
		var mu sync.Mutex
		here := 0
		dial := func(ctx context.Context) (net.Conn, error) {
			time.Sleep(time.Millisecond) // who has left is gone by then
			ours, theirs := net.Pipe()
			mu.Lock()
			here++
			first := here == 1
			mu.Unlock()
			go func() {
				defer func() {
					theirs.Close()
					mu.Lock()
					here--
					mu.Unlock()
				}()
				if first {
					if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
						_, _ = io.WriteString(theirs, "HTTP/1.1 200 OK\r\n\r\n")
					}
				}
				_, _ = io.Copy(io.Discard, theirs)
			}()
			return ours, nil
		}
		reports := runner.Judge(t.Context(), cases, []suite.Target{{Name: "test", Dial: dial}}, 3, nil)
		for _, r := range reports {
			if r.Verdict == suite.NoAnswer || r.Verdict == suite.NotJudged {
				t.Errorf("%s: %s: %s", r.Case, r.Verdict, r.Reason)
			}
		}
	})
}

func TestAFaultThatShowsOnlyAloneIsFound(t *testing.T) {
	cases := some(t, "5.6", "5.7", "5.5.2")
	// It spoils all frames after as many handshakes as there are cases.
	var mu sync.Mutex
	served := 0
	f := &front{out: func(w io.Writer, b []byte) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case bytes.HasPrefix(b, []byte("HTTP/")):
			served++
		case served > len(cases):
			b = append(bytes.Clone(b[:len(b)-1]), b[len(b)-1]^1)
		}
		_, err := w.Write(b)
		return err
	}}
	alone := 0
	told := map[string][]suite.Verdict{}
	var reports []suite.Report
	synctest.Test(t, func(t *testing.T) {
		reports = runner.Judge(t.Context(), cases, []suite.Target{f.start(t)}, 4, func(r suite.Report) {
			told[r.Case.ID] = append(told[r.Case.ID], r.Worst())
		})
	})
	for _, r := range reports {
		if r.Worst() == suite.Fail && r.Again && strings.HasSuffix(r.Reason, " It passed while other cases ran.") {
			alone++
		}
		if got := told[r.Case.ID]; !slices.Equal(got, []suite.Verdict{r.Worst()}) {
			t.Errorf("%s is reported as %v, want its final result, %s, once", r.Case.ID, got, r.Worst())
		}
	}
	if alone == 0 {
		t.Error("the fault was not found")
	}
}

// opening dials a server that opens a WebSocket for every request, and then does
// what it is to do.
func opening(does func(net.Conn, *bufio.Reader)) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			in := bufio.NewReader(theirs)
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.WriteString(theirs, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+wire.Accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
			does(theirs, in)
		}()
		return ours, nil
	}
}
