package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Scripted is the Client that acts on a Raw. It can do every command. If Answers is set,
// it answers Ping and Close frames. It does nothing else by itself.
type Scripted struct {
	Dial    func(context.Context) (net.Conn, error)
	Target  string // target of the request
	Host    string
	Answers bool
	Log     Log // may be nil

	// Delivered begins to count the bytes that the server reads from conn. wait waits, for
	// a bounded time, until the server has read n bytes. It is needed for a request that
	// is cut. Nil: the parts of such a request may arrive in one read.
	Delivered func(conn net.Conn) (wait func(ctx context.Context, n int))

	// Clock measures how long it waits for the server. Nil: the real time.
	Clock *tap.Clock

	answering sync.Mutex // locked while an answer is sent, and by holdAnswers

	mu        sync.Mutex
	raw       *Raw // nil until open
	changed   func()
	came      []arrival
	next      int // index in came of the first arrival that no expect has used
	frames    int // number of frames received so far
	awaited   int // number of frames that read and expect have used
	closeSent bool
}

// maxCame bounds how many arrivals a client keeps for a later expect.
const maxCame = 4096

// arrival is a received message or control frame.
type arrival struct {
	kind    string
	payload []byte
	frame   int // its last frame, counted from 1
}

// Watch implements Client.
func (s *Scripted) Watch(changed func()) { s.changed = changed }

// Progress implements Client.
func (s *Scripted) Progress() Progress {
	if raw := s.connection(); raw != nil {
		return raw.Progress()
	}
	return Progress{Known: true, Refused: true}
}

// Close implements Client.
func (s *Scripted) Close() error {
	if raw := s.connection(); raw != nil {
		return raw.Close()
	}
	return nil
}

func (s *Scripted) connection() *Raw {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw
}

// Do implements Client. A failed write goes to Log and is not an error: the server
// may have closed TCP.
func (s *Scripted) Do(ctx context.Context, c *Command) error {
	if c.verb.awaits == AwaitsOpening {
		return s.open(ctx, c.Opening)
	}
	raw := s.connection()
	switch {
	case raw == nil:
		return errors.New("there is no connection")
	case c.verb.raw == nil:
		return fmt.Errorf("a raw client cannot %s", c.Verb)
	}
	return c.verb.raw(s, ctx, raw, c)
}

// sayClose sends a Close frame. The server's Close frame then needs no answer.
func (s *Scripted) sayClose(_ context.Context, raw *Raw, c *Command) error {
	s.mu.Lock()
	s.closeSent = true
	s.mu.Unlock()
	raw.Frame(wire.Close, c.CloseBody())
	return nil
}

// fragmented returns a text in fragments, which leave in one write. So TCP cuts them in
// the same way in every run.
func fragmented(parts [][]byte) (b []byte) {
	op := wire.Text
	for i, p := range parts {
		b = AppendFrame(b, op, i == len(parts)-1, p)
		op = wire.Continuation
	}
	return b
}

func (s *Scripted) open(ctx context.Context, opening Opening) error {
	if s.Log == nil {
		s.Log = func(string, string, int) {}
	}
	conn, err := s.Dial(ctx)
	if err != nil {
		s.Log("error", "dial: "+tap.Plain(err), -1)
		return fmt.Errorf("dial: %w", err)
	}
	s.Log("dial", s.Target, -1)
	ready := make(chan struct{}) // hear needs s.raw
	delivered := func() {}
	if opening.Cut > 0 && s.Delivered != nil {
		wait := s.Delivered(conn)
		delivered = func() { wait(ctx, opening.Cut) }
	}
	raw, err := newRaw(conn, opening.Request(s.Target, s.Host), opening.Cut, s.Log, func(it dissect.Item) { <-ready; s.hear(it) }, s.changed, delivered)
	if err != nil {
		return fmt.Errorf("the request could not be written: %w", err)
	}
	raw.Use(s.Clock)
	s.mu.Lock()
	s.raw = raw
	s.mu.Unlock()
	close(ready)
	status, err := raw.Status(ctx)
	if err == nil && status != 101 {
		// The server closes TCP after its refusal. Wait for that, so that the server
		// closes first in every run.
		err = raw.EOF(ctx)
	}
	return err
}

// hear processes and answers a received item.
func (s *Scripted) hear(it dissect.Item) {
	s.mu.Lock()
	raw := s.raw
	var answer wire.Opcode
	var payload []byte
	switch {
	case it.Frame != nil:
		s.frames++
		op := it.Frame.Header.Opcode
		if op.IsControl() {
			payload = it.Frame.Payload()
			s.keep(arrival{op.String(), payload, s.frames})
		}
		switch {
		case !s.Answers:
		case op == wire.Ping:
			answer = wire.Pong
		case op == wire.Close && !s.closeSent:
			s.closeSent = true
			answer = wire.Close
			payload = payload[:min(2, len(payload))] // keep only the close code
		}
	case it.Message != nil:
		s.keep(arrival{it.Message.Opcode.String(), it.Message.Head, s.frames})
	}
	s.mu.Unlock()
	if answer == 0 {
		return
	}
	s.answering.Lock()
	defer s.answering.Unlock()
	raw.Frame(answer, payload)
}

// keep appends a to the arrivals that no expect has used. If there are too many, it
// removes the oldest heartbeat, because any number may arrive while a learner thinks.
// The caller holds s.mu.
func (s *Scripted) keep(a arrival) {
	s.came, s.next = s.came[s.next:], 0
	if len(s.came) == maxCame {
		i := slices.IndexFunc(s.came, func(a arrival) bool { return heartbeat(a.kind) })
		s.came = slices.Delete(s.came, max(i, 0), max(i, 0)+1)
	}
	s.came = append(s.came, a)
}

// heartbeat reports whether kind is Ping or Pong.
func heartbeat(kind string) bool { return kind == "ping" || kind == "pong" }

// holdAnswers keeps the client from answering until resume.
func (s *Scripted) holdAnswers() (resume func()) {
	s.answering.Lock()
	return s.answering.Unlock
}

// read waits for n more frames, or for the end of TCP if n is 0.
func (s *Scripted) read(ctx context.Context, raw *Raw, n int) error {
	if n == 0 {
		return raw.EOF(ctx)
	}
	s.mu.Lock()
	s.awaited += n
	all := s.awaited
	s.mu.Unlock()
	return raw.await(ctx, func() bool { return s.skip(all) })
}

// skip skips the arrivals of the first n frames, and reports whether n frames have
// arrived.
func (s *Scripted) skip(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.next < len(s.came) && s.came[s.next].frame <= n {
		s.next++
	}
	return s.frames >= n
}

// expect waits for the next message, control frame or end of TCP. It returns an error if
// that is not w.
func (s *Scripted) expect(ctx context.Context, raw *Raw, w Want) error {
	err := raw.await(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for s.next < len(s.came) && s.ignores(w, s.came[s.next]) {
			s.next++
		}
		return s.next < len(s.came)
	})
	if err != nil {
		return fmt.Errorf("%w, but %s was expected", err, w)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	got := Want{Kind: raw.ended(), Any: true}
	if s.next < len(s.came) {
		a := s.came[s.next]
		s.next++
		s.awaited = a.frame
		got = Want{Kind: a.kind, Payload: a.payload}
	}
	if !w.Fits(got) {
		return fmt.Errorf("%s arrived, but %s was expected", got, w)
	}
	return nil
}

// ignores reports whether an expect of w ignores a. A client that answers by itself does
// not see heartbeats, just as the page of a browser does not.
func (s *Scripted) ignores(w Want, a arrival) bool {
	return s.Answers && heartbeat(a.kind) && !heartbeat(w.Kind)
}

// patience waits until the connection has ended, and closes TCP after d.
func (s *Scripted) patience(ctx context.Context, raw *Raw, d time.Duration) error {
	waiting, stop := s.Clock.WithTimeout(ctx, d, context.DeadlineExceeded)
	defer stop()
	if raw.EOF(waiting) != nil && ctx.Err() == nil {
		s.Log("close", fmt.Sprintf("gave up after %v", d), -1)
	}
	raw.Close()
	return context.Cause(ctx)
}

// Fits reports whether got is what w describes. A close without a reason in w fits any
// reason.
func (w Want) Fits(got Want) bool {
	switch {
	case w.Kind != got.Kind:
		return false
	case w.Any:
		return true
	case w.Kind == "close" && len(w.Payload) == 2:
		return bytes.HasPrefix(got.Payload, w.Payload)
	}
	return bytes.Equal(w.Payload, got.Payload)
}

// String returns w as in a scenario: close 1000 "bye".
func (w Want) String() string {
	switch {
	case w.Any:
		return w.Kind
	case w.Kind == "close":
		p, _ := wire.ParseClosePayload(w.Payload)
		return fmt.Sprintf("close %s %q", p.Code, p.Reason)
	case w.Kind == "binary":
		return "binary " + clipHex(w.Payload)
	}
	return fmt.Sprintf("%s %q", w.Kind, clip(string(w.Payload)))
}
