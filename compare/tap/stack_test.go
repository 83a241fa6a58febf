package tap

import (
	"io"
	"net"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// span is the part of a direction that a stack is about.
type span struct {
	at    int64
	n     int
	calls []uintptr
}

// spans collects what Callers reports.
type spans struct {
	mu  sync.Mutex
	all [2][]span
}

func stackSpans(c *Conn) *spans {
	s := &spans{}
	c.Callers(s.add)
	return s
}

func (s *spans) add(d Direction, at int64, n int, calls []uintptr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[d] = append(s.all[d], span{at, n, slices.Clone(calls)})
}

func (s *spans) of(d Direction) []span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all[d])
}

// text returns the bytes of all stacks of d, in order.
func (s *spans) text(d Direction, rec *lines) string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	var b strings.Builder
	for _, one := range s.of(d) {
		b.Write(rec.bytes[d][one.at : one.at+int64(one.n)])
	}
	return b.String()
}

// function returns the innermost function of one, without its package.
func (one span) function() string {
	f, _ := runtime.CallersFrames(one.calls).Next()
	return path.Base(f.Function)
}

func TestASipGivesAtMostThatManyBytesAndRecordsTheSameReads(t *testing.T) {
	for _, hold := range []bool{false, true} {
		client, server, rec := loopback(t, hold)
		read := stackSpans(server)
		server.Sip(3)
		const text = "first line\nsecond line\n"
		if _, err := io.WriteString(client, text); err != nil {
			t.Fatal(err)
		}
		if hold {
			for released := 0; released < 2; {
				if _, ok := server.ReleaseOldest(); ok {
					released++
				}
				runtime.Gosched() // the pump may not have read the socket yet
			}
		}
		got := make([]byte, len(text))
		for at := 0; at < len(got); {
			n, err := server.Read(got[at:])
			if err != nil || n > 3 {
				t.Fatalf("with hold %t a Read gives %d bytes, %v", hold, n, err)
			}
			at += n
		}
		if string(got) != text || read.text(In, rec) != text {
			t.Errorf("with hold %t, the endpoint read %q, and the stacks are of %q", hold, got, read.text(In, rec))
		}
		if n := len(rec.order); n > 2 {
			t.Errorf("the reads of the socket are recorded as %q", rec.order)
		}
		if s := server.Status(); s.Moving || s.In != int64(len(text)) {
			t.Errorf("after the last byte the status is %+v", s)
		}
	}
}

func TestASipReachesAReadThatWaits(t *testing.T) {
	for _, hold := range []bool{false, true} {
		client, server, _ := loopback(t, hold)
		got := make(chan int, 1)
		go func() {
			n, _ := server.Read(make([]byte, 9))
			got <- n
		}()
		for !server.Status().Reading {
			runtime.Gosched()
		}
		server.Sip(2)
		io.WriteString(client, "line\n")
		server.Run()
		if n := <-got; n != 2 {
			t.Errorf("with hold %t, the Read gives %d bytes", hold, n)
		}
	}
}

// An endpoint that answers while a sip has left bytes for it writes to its socket itself,
// as without a sip: the Write has an effect when it returns.
func TestBytesThatASipHasLeftDoNotDelayAWrite(t *testing.T) {
	client, server, rec := loopback(t, false)
	server.Sip(1)
	io.WriteString(client, "ab\n")
	if n, err := server.Read(make([]byte, 9)); n != 1 || err != nil {
		t.Fatalf("Read gives %d, %v", n, err)
	}
	if _, err := io.WriteString(server, "x\n"); err != nil {
		t.Fatal(err)
	}
	if s := server.Status(); s.Out != 2 || s.Taken != 0 {
		t.Errorf("after Write, the status is %+v", s)
	}
	if got := string(rec.bytes[Out]); got != "x\n" {
		t.Errorf("%q is recorded", got)
	}
}

func TestTheStacksOfARequestReachWhoAsksBeforeAttach(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	var wanted atomic.Bool
	server := New(b)
	defer server.Abort()
	server.keepStacks(wanted.Load)
	exchange := func(request string) {
		go io.WriteString(a, request)
		io.ReadFull(server, make([]byte, len(request)))
	}
	exchange("nobody asks\n")
	wanted.Store(true)
	answer := write(server, "an answer\n")
	io.ReadFull(a, make([]byte, 10))
	<-answer.done
	exchange("first, ")
	exchange("second\n")
	s, rec := &spans{}, newLines()
	server.Callers(s.add)
	server.Attach(rec, false)
	if got := s.text(In, rec); got != "first, second\n" || len(s.of(In)) != 2 {
		t.Errorf("the stacks of the request are of %q", got)
	}
	exchange("third\n")
	if got := s.text(In, rec); got != "first, second\nthird\n" {
		t.Errorf("after Attach, the stacks are of %q", got)
	}
	server.Callers(nil)
	exchange("fourth\n")
	if n := len(s.of(In)); n != 3 {
		t.Errorf("Callers(nil) does not end the reports: %d", n)
	}
}

func TestWithoutCallersAttachForgetsTheStacksOfTheRequest(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	server := New(b)
	defer server.Abort()
	server.keepStacks(func() bool { return true })
	go io.WriteString(a, "request\n")
	io.ReadFull(server, make([]byte, 8))
	server.Attach(newLines(), false)
	if server.stack.Load() != nil || server.early.stacks != nil {
		t.Error("stacks are still kept")
	}
}

// asks is the caller that the stacks must begin with.
func asks(c *Conn) { io.ReadFull(c, make([]byte, 1)) }

func TestAStackBeginsWithTheCallerOfReadOrWrite(t *testing.T) {
	client, server, _ := pipe(t, false)
	s := stackSpans(server)
	write(client, "a")
	asks(server)
	collect(client)
	server.Write([]byte("b"))
	if got := s.of(In)[0].function(); got != "io.ReadAtLeast" {
		t.Errorf("the stack of a Read begins with %s", got)
	}
	if got := s.of(Out)[0].function(); got != "tap.TestAStackBeginsWithTheCallerOfReadOrWrite" {
		t.Errorf("the stack of a Write begins with %s", got)
	}
}

func TestDuringWriteRunsOnceBeforeTheBytesAreSent(t *testing.T) {
	client, server, rec := loopback(t, false)
	var before []string
	server.DuringWrite(func() { before = append(before, string(rec.bytes[Out])) })
	server.Write([]byte("one\n"))
	server.Write([]byte("two\n"))
	server.DuringWrite(func() { t.Error("it was taken back") })
	server.DuringWrite(nil)
	server.Write([]byte("three\n"))
	if !slices.Equal(before, []string{""}) {
		t.Errorf("it ran with %q written", before)
	}
	io.ReadFull(client, make([]byte, 14))
}
