package suite

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// Seed is what the masking keys of all cases are made from, with their IDs.
const Seed = 6455

// dialTime bounds the way to a connection, TLS included.
const dialTime = 5 * time.Second

// closeWait is how long the end of TCP is waited for after the closing
// handshake.
const closeWait = time.Second

// finWait is how long the FIN behind a target's Close frame is waited for before
// the Close is answered.
const finWait = 50 * time.Millisecond

// slack is how many bytes a target may send beyond those that a case calls for,
// and many how many messages and control frames, before the judge stops reading.
const (
	slack = 256 << 10
	many  = 10_000
)

// The most that is kept of a case that runs without a recording of its own.
var caseLimits = recording.Limits{Events: 1000, Bytes: 256 << 10}

// heavy lets few cases that need much memory run at once.
var heavy = make(chan struct{}, 2)

// Run plays c, which judges servers, on a connection of its own to t. What
// passes is recorded in rec, tapped at the judge's end; nil records it for the
// Report alone. Run returns when the connection is closed.
func (c *Case) Run(ctx context.Context, t Target, rec *recording.Recording) Report {
	path := t.Path
	if path == "" {
		path = "/"
	}
	slow := *c
	slow.patience = t.Patience
	switch {
	case t.Silent:
		slow.Deadline = min(slow.Deadline, DefaultDeadline)
	case t.Stalls:
		slow.Deadline = min(slow.Deadline, slowly)
	}
	r := slow.run(ctx, wire.Client, t.Name, t.Host, path, t.Dial, nil, rec)
	r.Case = c
	if r.Verdict != Fail && c.resets() {
		// The judge cannot see how the target takes a reset, but that it lives.
		alive := *stillThere
		alive.patience = t.Patience
		again := alive.run(ctx, wire.Client, t.Name, t.Host, path, t.Dial, nil, nil)
		if again.Verdict > Warning {
			r.Verdict, r.Reason, r.Refused, r.Busy, r.lacks = again.Verdict, "After the reset it served no further connection: "+again.Reason, again.Refused, again.Busy, again.lacks
		}
	}
	return r
}

// stillThere is the least that is asked of an endpoint.
var stillThere = &Case{ID: "alive", Judges: wire.Server, Steps: []Step{send(text("Hello"))}, Outcomes: answers(texts("Hello"))}

// Probe plays the least that is asked of a server, one message that it echoes,
// to see whether there is anything to judge.
func Probe(ctx context.Context, t Target) Report { return stillThere.Run(ctx, t, nil) }

// resets reports whether a step of c resets TCP.
func (c *Case) resets() bool {
	for _, s := range c.Steps {
		if s.Do == Reset {
			return true
		}
	}
	return false
}

// RunClient plays c, which judges clients, on the next connection that t
// accepts.
func (c *Case) RunClient(ctx context.Context, t ClientTarget, rec *recording.Recording) Report {
	slow := *c
	slow.patience, slow.risky = t.Patience, t.Risky
	play := func(c *Case, t ClientTarget) Report {
		return c.run(ctx, wire.Server, t.Name, "", "", t.Accept, t.Keys, rec)
	}
	var r Report
	if c.Redirects {
		r = slow.runRedirect(ctx, t, play)
	} else {
		r = play(&slow, t)
	}
	c.mildly(&r, t.Browser)
	r.Case = c
	return r
}

// run plays c with the judge in role.
func (c *Case) run(ctx context.Context, role wire.Role, name, host, path string, connect func(context.Context) (net.Conn, error), known *Keys, rec *recording.Recording) (r Report) {
	r = Report{Case: c, Endpoint: name, Caret: -1}
	if c.Heavy && role == wire.Client {
		select {
		case heavy <- struct{}{}:
			defer func() { <-heavy }()
		case <-ctx.Done():
		}
	}

	// 1. A connection, tapped at the judge's end.
	dial := ctx
	if role == wire.Client {
		// A server may accept TCP and then say nothing of TLS.
		var cancel context.CancelFunc
		dial, cancel = context.WithTimeout(ctx, dialTime*c.slowness())
		defer cancel()
	}
	conn, err := connect(dial)
	began := time.Now()
	defer func() { r.Took = time.Since(began) }()
	if err != nil {
		r.Verdict, r.Closing, r.Unreachable, r.lacks = NotJudged, NotJudged, true, "a connection"
		r.Refused = errors.Is(err, syscall.ECONNREFUSED)
		r.Expected, r.Got, r.Reason = c.expected(), "no connection", cannotConnect(err)
		return r
	}
	keeps, recorded := recording.DefaultLimits.Events, rec != nil
	if rec == nil {
		rec, keeps = recording.New(nil, caseLimits), caseLimits.Events
	}
	before := rec.Last()
	info := recording.Info{Endpoint: name, Client: "judge", As: recording.AsRaw, Path: path, Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String()}
	observed := rec.Connect(info, role)
	tapped := tap.New(conn)
	tapped.Attach(observed, false)
	passed := &journal{rec: rec, conn: observed.ID, last: before}
	defer func() {
		passed.take()
		// A pass needs no evidence unless the case is recorded. A redirect or a reset
		// may still become a fail.
		if recorded || r.Worst() != Pass || c.Redirects || c.resets() {
			r.Exchange = passed.crossings(role)
		}
		events, gone := rec.After(before, keeps)
		r.partial = gone > 0 || len(events) == keeps
		for _, e := range events {
			if e.Conn == observed.ID {
				r.Events = append(r.Events, e)
			}
		}
	}()
	defer tapped.Close()
	line := &movingConn{Conn: tapped}
	course := c.course()
	ctx, cancel := line.follow(ctx, c.deadline(), c.most(), course)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = tapped.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	// 2. The opening handshake.
	keys := c.keys()
	steps := c.Steps
	var glued []byte
	if c.Glued && len(steps) > 0 {
		for _, b := range steps[0].chunks(role, keys) {
			glued = append(glued, b...)
		}
		steps = steps[1:]
	}
	r.answer = c.open(ctx, line, role, host, path, glued)
	r.slow = errors.Is(context.Cause(ctx), errSlow)
	course.open(line)
	passed.take()
	if role == wire.Server && r.answer.head != nil {
		r.answer.known = known.add(r.answer.head.Head.Key())
	}
	_, r.answer.port, _ = net.SplitHostPort(info.Local)
	if done := c.judgeOpening(&r, role); done {
		c.conclude(&r)
		return r
	}

	// 3. The steps, and what comes of them.
	p := newPeer(line, role, c.bounds(), c.sent(), r.answer.deflate, r.answer.rest)
	p.answerPings(c)
	s := c.play(ctx, p, role, steps, keys, passed)
	s = c.finish(ctx, p, s)
	s.quiet, s.slow = ranOut(ctx), errors.Is(context.Cause(ctx), errSlow)
	p.mu.Lock()
	r.over = p.over // before the judge itself hangs up
	p.mu.Unlock()
	tapped.Close()
	p.untilDone()
	r.spoke = len(p.first) > 0
	r.saw, r.closed, r.fault, r.first, r.tooLong = p.seen, p.closed, p.fault, p.first, p.tooLong
	r.flooded = p.flooded
	r.raw, r.part = p.raw, p.rest()
	if p.context.Fragmented && !p.inFrame {
		r.unfinished = p.message
	}
	ranOut := ctx.Err() != nil || r.over != nil && isTimeout(r.over)
	c.judge(&r, s)
	if r.Worst() == Fail && (ranOut || s.timeout) {
		r.lacks = "the end of the case"
	}
	c.conclude(&r)
	r.saw, r.closed, r.fault, r.unfinished, r.part = nil, nil, nil, seen{}, part{} // they may hold many megabytes
	return r
}

// sent returns what c sends in frames that a control frame could send back.
func (c *Case) sent() sentSet {
	set := sentSet{payloads: map[string]bool{}}
	pongs, pings := map[string]bool{}, map[string]bool{}
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			n := f.Payload.Len()
			switch f.Opcode {
			case wire.Pong:
				pongs[string(f.Payload.prefix(n))] = true
				continue // a Pong for a Pong answers nothing, and may come at any time
			case wire.Ping:
				pings[string(f.Payload.prefix(n))] = true
			}
			if n <= wire.MaxControlPayload && (n > 0 || f.Opcode.IsControl()) {
				set.payloads[string(f.Payload.prefix(n))] = true
			}
			if f.Opcode == wire.Close && n >= 2 {
				body, _ := wire.ParseClosePayload(f.Payload.prefix(n))
				set.codes = append(set.codes, body.Code)
			}
		}
	}
	// So may one whose payload a data frame has as well.
	maps.DeleteFunc(set.payloads, func(p string, _ bool) bool { return pongs[p] && !pings[p] })
	return set
}

// answerPings lets p answer the target's Pings while it waits, unless a frame of
// c can be unfinished then, or silence is what c is about.
func (p *peer) answerPings(c *Case) {
	if c.Mute || c.Glued || len(c.Opening.Writes) > 1 {
		return
	}
	for _, s := range c.Steps {
		if s.Keep > 0 || s.Skip > 0 || len(s.Bytes) > 0 || slices.ContainsFunc(s.Frames, func(f Frame) bool { return f.Lies }) {
			return
		}
	}
	keys := c.keys()
	p.pong = func(payload []byte) []byte {
		return of(wire.Pong, Payload{Data: payload}).append(nil, p.role, keys)
	}
}

// keys returns the source of the masking keys of c, the same in every run.
func (c *Case) keys() func() [4]byte {
	h := fnv.New64a()
	_, _ = io.WriteString(h, c.ID)
	rng := rand.New(rand.NewPCG(Seed, h.Sum64()))
	return func() [4]byte {
		k := rng.Uint32()
		return [4]byte{byte(k >> 24), byte(k >> 16), byte(k >> 8), byte(k)}
	}
}

// bounds says how much may come from a target before it is wrong, whatever comes
// after.
type bounds struct {
	bytes   int    // of payload in all
	message uint64 // of the longest message or, compressed, its frames
	extras  int    // messages, control frames, and fragments without a payload
}

// bounds returns what c calls for at most, with some slack.
func (c *Case) bounds() bounds {
	b := bounds{bytes: slack, extras: many}
	most := 0
	for _, o := range c.Outcomes {
		n := 0
		for _, e := range o.Sees {
			n += e.Payload.Len()
			if !e.Opcode.IsControl() {
				b.message = max(b.message, uint64(e.Payload.Len()))
			}
		}
		most = max(most, n)
		b.extras = max(b.extras, many+len(o.Sees))
	}
	b.bytes += most
	if c.Deflate != nil {
		// What cannot be compressed grows a little, by how much is the target's choice.
		b.message += b.message/8 + 1024
	}
	return b
}

// fewest returns the least messages and control frames that any outcome needs.
func (c *Case) fewest() int {
	fewest := -1
	for _, o := range c.Outcomes {
		n := 0
		for _, e := range o.Sees {
			if !e.Optional {
				n++
			}
		}
		if fewest < 0 || n < fewest {
			fewest = n
		}
	}
	return fewest
}

// play takes the steps one after the other, until the target has ended the
// connection or does not read any more.
func (c *Case) play(ctx context.Context, p *peer, role wire.Role, steps []Step, keys func() [4]byte, passed *journal) (s state) {
	closed := false // a step has sent a Close frame
	for _, step := range steps {
		if ctx.Err() != nil {
			return s
		}
		switch step.Do {
		case Send:
			for _, f := range step.Frames {
				s.trailing = s.trailing || closed
				closed = closed || f.Opcode == wire.Close
			}
			s.trailing = s.trailing || closed && len(step.Bytes) > 0
			if closed {
				p.pong = nil
			}
			list := step.chunks(role, keys)
			for i, b := range list {
				err := p.write(b)
				passed.take()
				if err != nil {
					return s
				}
				if step.Gap > 0 && i < len(list)-1 {
					sleep(ctx, step.Gap)
				}
			}
		case Await:
			short, cancel := ctx, context.CancelFunc(func() {})
			if step.Time > 0 {
				short, cancel = within(ctx, step.Time*c.slowness())
			}
			p.expect(short, c.grace(), func() bool { return p.answers() >= step.N || p.closed != nil })
			cancel()
		case Patience:
			short, cancel := within(ctx, step.Time*c.slowness())
			p.await(short, func() bool { return p.closed != nil })
			cancel()
			p.mu.Lock()
			s.late = p.closed == nil && !p.ended()
			p.mu.Unlock()
		case Pause:
			sleep(ctx, step.Time)
		case Fin:
			p.pong = nil
			_ = p.conn.CloseWrite()
		case Reset:
			p.reset()
		}
	}
	return s
}

// finish waits until it is clear which outcome it is, does the judge's part of
// the closing handshake, and waits for the end of TCP.
func (c *Case) finish(ctx context.Context, p *peer, s state) state {
	// 1. Until the target ends it, or the judge is to, or no outcome fits.
	var o *Outcome
	fewest, looked := c.fewest(), -1
	p.expect(ctx, c.grace(), func() bool {
		// Of many messages not each is worth looking at all again.
		n := p.answers()
		if p.closed == nil && !p.ended() && (n == looked || n < fewest && n&(n-1) != 0) {
			return false
		}
		looked = n
		o = c.best(p.seen, p.closed, s, false)
		if o == nil || p.closed != nil {
			return true
		}
		f, _, _ := o.fits(p.seen)
		return f == wholly && o.End.How == ByJudge
	})
	p.mu.Lock()
	s.ended = p.closed != nil || p.over != nil && !isTimeout(p.over)
	s.flooded = p.flooded
	wrong := o == nil || p.fault != nil || p.flooded || p.tooLong != nil || !s.ended && o.End.How != ByJudge
	var code wire.CloseCode = wire.NormalClosure
	if p.closed != nil {
		code = p.closed.close.Code
	}
	p.mu.Unlock()
	if wrong {
		// Whether it sends without end shows soon.
		short, cancel := p.conn.watch(ctx, finWait, DefaultDeadline)
		defer cancel()
		p.await(short, func() bool { return false })
		return s
	}

	// 2. The judge's Close frame, unless a step has sent one. A target that has
	// failed the connection for that one may wait for another.
	p.pong = nil
	unheard := s.ended && o != nil && o.End.How == Fails
	gone := false
	if s.ended { // one that has sent FIN as well waits for nothing
		short, cancel := within(ctx, finWait)
		p.await(short, func() bool { return false })
		cancel()
		p.mu.Lock()
		gone = p.over != nil && !isTimeout(p.over)
		p.mu.Unlock()
	}
	if (!c.sendsClose() || unheard) && !gone && !c.silent() && !c.Mute {
		if !s.ended {
			s.closeSent = true
			o = nil // decided again below, when the target has answered
		}
		body := wire.ClosePayload{Code: code}.Append(nil)
		_ = p.write(closing(body...).append(nil, p.role, c.keys()))
	}
	if s.closeSent {
		p.await(ctx, func() bool { return p.closed != nil })
	}

	// 3. TCP. A server ends it first, a client after the judge has.
	if c.Waits > 0 && p.role == wire.Server {
		short, cancel := within(ctx, c.Waits)
		p.await(short, func() bool { return false })
		cancel()
		p.mu.Lock()
		s.first = p.over != nil && !isTimeout(p.over)
		p.mu.Unlock()
	}
	if p.role == wire.Server && !c.Mute {
		_ = p.conn.CloseWrite()
	}
	patience := closeWait * c.slowness()
	if c.Mute {
		patience = c.deadline() // it may wait a little for the answer that does not come
	}
	wait, cancel := p.conn.watch(ctx, patience, 0)
	defer cancel()
	p.await(wait, func() bool { return false })
	p.mu.Lock()
	defer p.mu.Unlock()
	s.timeout, s.waited = (p.over == nil || isTimeout(p.over)) && p.fault == nil && !p.flooded, patience
	s.flooded = p.flooded
	return s
}

// longestCase is the longest time that a case may need whose bytes move slowly.
const longestCase = 90 * time.Second

// course returns how much c moves. Of compressed messages nothing is known. Few
// Heavy cases run at once, so a slow one is not worth more than its usual time.
func (c *Case) course() *course {
	p := &course{longest: longestCase}
	if c.Heavy {
		p.longest = 0
	}
	if c.Deflate != nil {
		return p
	}
	for _, s := range c.Steps {
		p.sends += int64(len(s.Bytes))
		for _, f := range s.Frames {
			p.sends += int64(f.Payload.Len())
		}
	}
	for _, e := range c.Outcomes[0].Sees {
		p.receives += int64(e.Payload.Len())
	}
	return p
}

// grace is how long the judge waits for what is not needed for a verdict.
func (c *Case) grace() time.Duration { return finWait * c.slowness() }

// sendsClose reports whether a step of c sends a Close frame.
func (c *Case) sendsClose() bool {
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			if f.Opcode == wire.Close {
				return true
			}
		}
	}
	return false
}

// silent reports whether the judge cannot send any more: a step has ended its
// side of TCP, or left a frame unfinished.
func (c *Case) silent() bool {
	for _, s := range c.Steps {
		if s.Do == Fin || s.Do == Reset {
			return true
		}
	}
	return false
}

// Untrusted begins the Reason of a Report where TLS fails for the certificate.
const Untrusted = "Its certificate is not to be trusted"

// errTLS is why there is no connection where there is one of TCP.
var errTLS = errors.New("TLS was not agreed on")

// OverTLS returns what dials as dial does and agrees on TLS there.
func OverTLS(dial func(context.Context) (net.Conn, error), config *tls.Config) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, fmt.Errorf("%w: %w", errTLS, err)
		}
		return secure, nil
	}
}

// cannotConnect says in a plain sentence why there is no connection.
func cannotConnect(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		// What Go tried besides, in brackets, is about Go.
		why, _, _ := strings.Cut(strings.TrimPrefix(certificate.Err.Error(), "x509: "), " (")
		return Untrusted + ": " + why + "."
	case errors.As(err, &record):
		return "It does not speak TLS there."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Nothing listens there: the connection was refused."
	case errors.As(err, &dns):
		return fmt.Sprintf("There is no host called %q.", dns.Name)
	case errors.Is(err, errTLS) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)):
		return "It accepted the connection and did not answer to TLS in time."
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return "It cannot be reached: the connection was not made in time."
	case errors.Is(err, context.Canceled):
		return "The run was stopped."
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "It cannot be reached: there is no way to this host."
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return "It closed the connection before TLS was agreed on."
	}
	return "There is no connection: " + tap.Plain(err) + "."
}
