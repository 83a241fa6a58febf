package play

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"wslab/compare/recording"
	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// dialTime is the time limit to connect, TLS included.
const dialTime = 5 * time.Second

// closeWait is how long the judge waits for the target to close TCP after the closing
// handshake.
const closeWait = time.Second

// finWait is how long the judge waits for a TCP FIN after the target's Close frame,
// before it answers the Close frame.
const finWait = 50 * time.Millisecond

// slack and many bound what a target may send in addition to the bytes (slack) and to the
// messages and control frames (many) of the case. After more, the judge stops reading.
const (
	slack = 256 << 10
	many  = 10_000
)

// caseLimits are the limits of the recording of a case if the caller gives none.
var caseLimits = recording.Limits{Events: 1000, Bytes: 256 << 10}

// heavy limits how many Heavy cases run at once.
var heavy = make(chan struct{}, 2)

// A player plays one case at one target.
type player struct {
	c        *spec.Case
	role     wire.Role // the judge's
	patience int       // of the target
	risky    bool      // see ClientTarget.Risky
	keys     *Keys     // keys of a client's connections
}

// PlayServer plays c, a case for servers, on a new connection to t. It records the
// connection at the judge's end in rec. If rec is nil, only the Transcript has the
// record. PlayServer returns when the connection is closed.
func PlayServer(ctx context.Context, c *spec.Case, t Target, rec *recording.Recording) *transcript.Transcript {
	path := cmp.Or(t.Path, "/")
	limited := *c
	switch {
	case t.Silent:
		limited.Deadline = min(c.Deadline, spec.DefaultDeadline)
	case t.Stalls:
		limited.Deadline = min(c.Deadline, spec.Slowly)
	}
	p := &player{c: &limited, role: wire.Client, patience: t.Patience}
	return p.run(ctx, t.Name, t.Host, path, t.Dial, rec)
}

// PlayClient plays c, a case for clients, on the next connection that t accepts.
func PlayClient(ctx context.Context, c *spec.Case, t ClientTarget, rec *recording.Recording) *transcript.Transcript {
	p := &player{c: c, role: wire.Server, patience: t.Patience, risky: t.Risky, keys: t.Keys}
	var came *transcript.Transcript
	if c.Redirects {
		came = p.runRedirect(ctx, t, rec)
	} else {
		came = p.run(ctx, t.Name, "", "", t.Accept, rec)
	}
	came.Browser = t.Browser
	return came
}

// run plays the case on the connection that connect returns.
func (y *player) run(ctx context.Context, name, host, path string, connect func(context.Context) (net.Conn, error), rec *recording.Recording) *transcript.Transcript {
	c, role := y.c, y.role
	t := &transcript.Transcript{Judge: role, Deadline: y.deadline(), Most: y.most()}
	if c.Heavy && role == wire.Client {
		select {
		case heavy <- struct{}{}:
			defer func() { <-heavy }()
		case <-ctx.Done():
		}
	}

	// 1. Connect, with a tap at the judge's end.
	dial := ctx
	if role == wire.Client {
		// A server may accept TCP and not answer the TLS handshake.
		var cancel context.CancelFunc
		dial, cancel = context.WithTimeout(ctx, dialTime*y.slowness())
		defer cancel()
	}
	conn, err := connect(dial)
	began := time.Now()
	defer func() { t.Lasted = time.Since(began) }()
	if err != nil {
		t.NoConn = err
		return t
	}
	keeps := recording.DefaultLimits.Events
	if t.Kept = rec != nil; rec == nil {
		rec, keeps = recording.New(nil, caseLimits), caseLimits.Events
	}
	before := rec.Last()
	info := recording.Info{Endpoint: name, Client: "judge", As: recording.AsRaw, Path: path, Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String()}
	observed := rec.Connect(info, role)
	tapped := tap.New(conn)
	tapped.Attach(observed, false)
	t.Journal = &transcript.Journal{Rec: rec, Conn: observed.ID, Last: before}
	defer func() {
		t.Journal.Take()
		events, gone := rec.After(before, keeps)
		t.Partial = gone > 0 || len(events) == keeps
		for _, e := range events {
			if e.Conn == observed.ID {
				t.Events = append(t.Events, e)
			}
		}
	}()
	defer tapped.Close()
	line := &movingConn{Conn: tapped}
	course := y.course()
	ctx, cancel := line.follow(ctx, y.deadline(), y.most(), course)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = tapped.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	// 2. Do the opening handshake.
	keys := c.MaskingKeys()
	steps := c.Steps
	var glued []byte
	if c.Glued && len(steps) > 0 {
		for _, b := range steps[0].Chunks(role, keys) {
			glued = append(glued, b...)
		}
		steps = steps[1:]
	}
	t.Half = y.open(ctx, line, host, path, glued)
	t.SlowHalf = errors.Is(context.Cause(ctx), errSlow)
	course.open(line)
	t.Journal.Take()
	if role == wire.Server && t.Half.Head != nil {
		t.Half.Known = y.keys.Add(t.Half.Head.Head.Key())
	}
	_, t.Half.Port, _ = net.SplitHostPort(info.Local)
	if !transcript.Opens(t.Half, c, role) {
		return t
	}

	// 3. Play the steps, and close.
	p := newPeer(line, role, boundsOf(c), transcript.SentBy(c), t.Half.Deflate, t.Half.Rest)
	p.answerPings(c)
	s := y.play(ctx, p, steps, keys, t.Journal)
	s = y.finish(ctx, p, s)
	s.Quiet, s.Slow = ranOut(ctx), errors.Is(context.Cause(ctx), errSlow)
	p.mu.Lock()
	t.Over = p.over // before the judge closes the connection
	p.mu.Unlock()
	tapped.Close()
	p.untilDone()
	t.Played, t.State = true, s
	t.Saw, t.Closed, t.Fault, t.First, t.TooLong = p.seen, p.closed, p.fault, p.first, p.tooLong
	t.Flooded, t.Raw, t.Part = p.flooded, p.raw, p.rest()
	if p.context.Fragmented && !p.inside() {
		t.Unfinished = p.message
	}
	t.RanOut = ctx.Err() != nil || t.Over != nil && transcript.IsTimeout(t.Over)
	return t
}

// answerPings lets p answer the target's Pings while p waits. It does not if a frame of
// the judge can be incomplete then, or if the judge must be silent in c.
func (p *peer) answerPings(c *spec.Case) {
	if c.Mute || c.Glued || len(c.Opening.Writes) > 1 {
		return
	}
	for _, s := range c.Steps {
		if s.Keep > 0 || s.Skip > 0 || len(s.Bytes) > 0 || slices.ContainsFunc(s.Frames, func(f spec.Frame) bool { return f.Lies }) {
			return
		}
	}
	keys := c.MaskingKeys()
	p.pong = func(payload []byte) []byte {
		return spec.Of(wire.Pong, spec.Payload{Data: payload}).Append(nil, p.role, keys)
	}
}

// bounds is how much a target may send. A target that sends more is wrong.
type bounds struct {
	bytes   int    // of all payloads
	message uint64 // bytes of the longest message, in its frames
	extras  int    // messages, control frames, and fragments without a payload
}

// boundsOf returns the bounds of c: its largest outcome, with slack.
func boundsOf(c *spec.Case) bounds {
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
		// Compression makes some data longer. The target decides how much longer.
		b.message += b.message/8 + 1024
	}
	return b
}

// fewest returns the smallest number of messages and control frames of any outcome.
func fewest(c *spec.Case) int {
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

// play plays the steps in order, until the judge's time ends or a write fails.
func (y *player) play(ctx context.Context, p *peer, steps []spec.Step, keys func() [4]byte, passed *transcript.Journal) (s transcript.State) {
	closed := false // a step has sent a Close frame
	for _, step := range steps {
		if ctx.Err() != nil {
			return s
		}
		switch step.Do {
		case spec.DoSend:
			for _, f := range step.Frames {
				s.Trailing = s.Trailing || closed
				closed = closed || f.Opcode == wire.Close
			}
			s.Trailing = s.Trailing || closed && len(step.Bytes) > 0
			if closed {
				p.pong = nil
			}
			list := step.Chunks(y.role, keys)
			for i, b := range list {
				err := p.write(b)
				passed.Take()
				if err != nil {
					return s
				}
				if step.Gap > 0 && i < len(list)-1 {
					sleep(ctx, step.Gap)
				}
			}
		case spec.DoAwait:
			short, cancel := ctx, context.CancelFunc(func() {})
			if step.Time > 0 {
				short, cancel = within(ctx, step.Time*y.slowness())
			}
			p.expect(short, y.grace(), func() bool { return p.answers() >= step.N || p.closed != nil })
			cancel()
		case spec.DoPatience:
			short, cancel := within(ctx, step.Time*y.slowness())
			p.await(short, func() bool { return p.closed != nil })
			cancel()
			p.mu.Lock()
			s.Late = p.closed == nil && !p.ended()
			p.mu.Unlock()
		case spec.DoPause:
			sleep(ctx, step.Time)
		case spec.DoFin:
			p.pong = nil
			_ = p.conn.CloseWrite()
		case spec.DoReset:
			p.reset()
		}
	}
	return s
}

// finish waits until the outcome is clear, does the judge's side of the closing
// handshake, and waits for the target to close TCP.
func (y *player) finish(ctx context.Context, p *peer, s transcript.State) transcript.State {
	c := y.c
	// 1. Wait until the target closes, it is the judge's turn to close, or no outcome fits.
	var o *spec.Outcome
	fewest, looked := fewest(c), -1
	p.expect(ctx, y.grace(), func() bool {
		// If there are many messages, comparing all of them after each one would be slow.
		n := p.answers()
		if p.closed == nil && !p.ended() && (n == looked || n < fewest && n&(n-1) != 0) {
			return false
		}
		looked = n
		o = transcript.Best(c, p.seen, p.closed, s, false)
		if o == nil || p.closed != nil {
			return true
		}
		f, _, _ := transcript.Fits(*o, p.seen)
		return f == transcript.Wholly && o.End.How == spec.JudgeCloses
	})
	p.mu.Lock()
	s.Ended = p.closed != nil || p.over != nil && !transcript.IsTimeout(p.over)
	s.Flooded = p.flooded
	wrong := o == nil || p.fault != nil || p.flooded || p.tooLong != nil || !s.Ended && o.End.How != spec.JudgeCloses
	var code wire.CloseCode = wire.NormalClosure
	if p.closed != nil {
		code = p.closed.Close.Code
	}
	p.mu.Unlock()
	if wrong {
		// Read on for a moment: the target may send without end.
		short, cancel := p.conn.watch(ctx, finWait, spec.DefaultDeadline)
		defer cancel()
		p.await(short, func() bool { return false })
		return s
	}

	// 2. Send the judge's Close frame, unless a step has sent one. A target may have
	// failed the connection because of the step's Close frame, and wait for another.
	p.pong = nil
	unheard := s.Ended && o != nil && o.End.How == spec.TargetFails
	gone := false
	if s.Ended { // after sending FIN, the target does not wait for a Close frame
		short, cancel := within(ctx, finWait)
		p.await(short, func() bool { return false })
		cancel()
		p.mu.Lock()
		gone = p.over != nil && !transcript.IsTimeout(p.over)
		p.mu.Unlock()
	}
	if (!c.SendsClose() || unheard) && !gone && !silent(c) && !c.Mute {
		if !s.Ended {
			s.CloseSent = true
			o = nil // the verdict finds the outcome again after the target's answer
		}
		body := wire.ClosePayload{Code: code}.Append(nil)
		_ = p.write(spec.CloseBody(body...).Append(nil, p.role, c.MaskingKeys()))
	}
	if s.CloseSent {
		p.await(ctx, func() bool { return p.closed != nil })
	}

	// 3. Wait for TCP to close. A server closes it first, a client after the judge.
	if c.Waits > 0 && p.role == wire.Server {
		short, cancel := within(ctx, c.Waits)
		p.await(short, func() bool { return false })
		cancel()
		p.mu.Lock()
		s.First = p.over != nil && !transcript.IsTimeout(p.over)
		p.mu.Unlock()
	}
	if p.role == wire.Server && !c.Mute {
		_ = p.conn.CloseWrite()
	}
	patience := closeWait * y.slowness()
	if c.Mute {
		patience = y.deadline() // the target may wait for the answering Close frame
	}
	wait, cancel := p.conn.watch(ctx, patience, 0)
	defer cancel()
	p.await(wait, func() bool { return false })
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Timeout, s.Waited = (p.over == nil || transcript.IsTimeout(p.over)) && p.fault == nil && !p.flooded, patience
	s.Flooded = p.flooded
	return s
}

// longestCase is the longest time for a case whose bytes move slowly.
const longestCase = 90 * time.Second

// course returns the course of the case. If messages are compressed, the course has no
// sizes. A Heavy case gets no additional time, because few Heavy cases run at once.
func (y *player) course() *course {
	p := &course{longest: longestCase}
	if y.c.Heavy {
		p.longest = 0
	}
	if y.c.Deflate != nil {
		return p
	}
	for _, s := range y.c.Steps {
		p.sends += int64(len(s.Bytes))
		for _, f := range s.Frames {
			p.sends += int64(f.Payload.Len())
		}
	}
	for _, f := range y.c.Outcomes[0].Sees {
		p.receives += int64(f.Payload.Len())
	}
	return p
}

// grace is how long the judge waits for bytes that the verdict does not need.
func (y *player) grace() time.Duration { return finWait * y.slowness() }

// silent reports whether a step closes the judge's side of TCP, so that the judge can no
// longer send.
func silent(c *spec.Case) bool {
	for _, s := range c.Steps {
		if s.Do == spec.DoFin || s.Do == spec.DoReset {
			return true
		}
	}
	return false
}
