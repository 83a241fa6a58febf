package suite

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// How much of what came, and of what is expected, a text shows.
const (
	keepShown  = 24 // bytes of a payload
	keepHex    = 8  // of a long one that is no text
	keepListed = 6  // messages and frames
	keepBytes  = 64 // bytes of the frame that is wrong
)

// Report is what came of one case at one endpoint.
type Report struct {
	Case     *Case
	Endpoint string
	Verdict  Verdict // of the behaviour
	Closing  Verdict // of how the connection ended
	Reason   string  // one line; empty for what is right
	// ClosingReason is one line for Closing, where Reason may be about Verdict.
	ClosingReason string
	Expected      string
	Got           string
	Bytes         []byte // of the first wrong frame, as on the wire
	Skipped       int    // bytes of that frame left out before Bytes
	Caret         int    // the first wrong bit, counted from the first of Bytes; -1: none
	Rule          string // code of the rule that the target broke in what it sent; "" where it broke none
	Mistake       string // code of the mistake that this shows, see MistakeOf; "" where it is not known
	Says          string // the sentence of the mistake
	Took          time.Duration
	Events        []recording.Event
	// Exchange is what crossed the connection, both ways and in order. A pass has it
	// only where the case was recorded.
	Exchange []Crossing

	// Handshake is the target's half of the opening handshake, nil where none came.
	Handshake *dissect.Handshake
	// Trace is what DiagnoseAll looks at.
	Trace Trace

	partial bool // Events are not all that happened
	// Unreachable says that there was no connection to judge, and Refused that
	// nothing listened.
	Unreachable bool
	Refused     bool
	// Busy says that a server had no room: it answered 503 or 429.
	Busy bool
	// Died says that the target's process died in this case.
	Died bool
	// Again says that the case was played a second time, alone and with more
	// patience, because its first verdict rested on time or on a lost connection.
	Again bool

	// Withheld says that the judge did not send what the case is about: see the
	// constant.
	Withheld bool
	// Script is what the client's JavaScript was told, where it is a page's.
	Script []recording.Script

	lacks string // what the judge waited for in vain, "" where the verdict rests on no wait
	slow  bool   // the case reached its upper bound while bytes still moved
	spoke bool   // a byte came after the opening handshake
}

// judging is the report of a case while it is made, with what came.
type judging struct {
	Report
	*Transcript
}

// Judge returns the report of c, which was played at endpoint and gave t.
func Judge(c *Case, endpoint string, t *Transcript) Report {
	r := &judging{Report{Case: c, Endpoint: endpoint, Caret: -1, Expected: c.expected(), Took: t.Lasted, Events: t.Events, partial: t.Partial, Handshake: t.Half.head}, t}
	switch {
	case t.NoElsewhere != nil:
		r.Verdict, r.Closing = Note, Note
		r.Reason = sentence("there is no second address to redirect it to: " + t.NoElsewhere.Error())
		return r.Report
	case t.NoConn != nil:
		r.Verdict, r.Closing, r.Unreachable, r.lacks = NotJudged, NotJudged, true, "a connection"
		r.Report.Refused = errors.Is(t.NoConn, syscall.ECONNREFUSED)
		r.Got, r.Reason = "no connection", cannotConnect(t.NoConn)
		return r.Report
	}
	if !c.judgeOpening(r, t.Judge) {
		r.spoke = len(t.First) > 0
		c.judge(r, t.State)
		if r.Worst() == Fail && (t.RanOut || t.State.timeout) {
			r.lacks = "the end of the case"
		}
	}
	c.conclude(r)
	if t.Second != nil {
		r.Verdict, r.Closing = Fail, Pass
		r.Got += "; a second request, to the address in Location"
		r.Reason = `It followed the redirect: it sent a second request, to the address in Location. The WHATWG WebSockets Standard sets the redirect mode to "error".`
	}
	// A pass needs no evidence unless the case is recorded, or what a reset did is
	// still to be seen.
	if t.Kept || r.Worst() != Pass || c.Redirects || c.resets() {
		r.Exchange = t.Journal.crossings(t.Judge)
		if t.Second != nil {
			r.Exchange = append(r.Exchange, *t.Second)
		}
	}
	c.mildly(&r.Report, t.Browser || c.Judges == wire.Server)
	return r.Report
}

// unless makes r, of a case that resets TCP, what alive says, the report of another
// connection, if the target is not there any more.
func (r *Report) unless(alive Report) {
	if alive.Verdict > Warning {
		r.Verdict, r.Reason = alive.Verdict, "After the reset it served no further connection: "+alive.Reason
		r.Refused, r.Busy, r.lacks = alive.Refused, alive.Busy, alive.lacks
	}
}

// Lacks returns what the judge waited for in vain, or lost with the connection,
// when it came to the verdict of r: "a Pong". It is "" where the verdict rests on
// what came. Such a verdict may say more of the machine than of the endpoint.
func (r Report) Lacks() string { return r.lacks }

// Slow reports whether bytes still moved when the case reached its upper bound.
func (r Report) Slow() bool { return r.slow }

// Spoke reports whether anything came after the opening handshake.
func (r Report) Spoke() bool { return r.spoke }

// Lost reports whether TCP ended without a Close frame.
func (r Report) Lost() bool { return r.Trace.ended && !r.Trace.closed }

// Opened reports whether the target answered the opening handshake.
func (r Report) Opened() bool { return r.Handshake != nil }

// NotPlayed returns the report of a case that was not played at endpoint, and why.
func NotPlayed(c *Case, endpoint, why string) Report {
	return Report{Case: c, Endpoint: endpoint, Verdict: NotJudged, Closing: NotJudged, Reason: sentence(why), Expected: c.expected(), Caret: -1}
}

// NotJudged returns r as one that says nothing of the endpoint, and why.
func (r Report) NotJudged(why string) Report {
	r.Verdict, r.Closing, r.Reason, r.Rule, r.Mistake, r.Bytes, r.Caret = NotJudged, NotJudged, sentence(why), "", "", nil, -1
	return r
}

// Worst returns the graver of the two verdicts.
func (r Report) Worst() Verdict { return max(r.Verdict, r.Closing) }

// Why returns the sentence for the graver of the two verdicts.
func (r Report) Why() string {
	if r.Closing > r.Verdict && r.ClosingReason != "" {
		return r.ClosingReason
	}
	return r.Reason
}

// NoWebSocket reports whether there is nothing to judge: no connection, or no
// 101 in answer to a handshake that is right.
func (r Report) NoWebSocket() bool {
	h := r.Handshake
	return r.Unreachable || h == nil || h.From == wire.Server && h.Head.Status != 101
}

// MarshalJSON gives r without its events, the bytes in hex, the time in
// milliseconds.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Case          string             `json:"case"`
		Endpoint      string             `json:"endpoint"`
		Verdict       Verdict            `json:"verdict"`
		Closing       Verdict            `json:"closing"`
		Reason        string             `json:"reason"`
		ClosingReason string             `json:"closingReason,omitempty"`
		Expected      string             `json:"expected"`
		Got           string             `json:"got"`
		Bytes         string             `json:"bytes"`
		Skipped       int                `json:"skipped,omitempty"`
		Caret         int                `json:"caret"`
		Rule          string             `json:"rule"`
		Mistake       string             `json:"mistake"`
		Says          string             `json:"says,omitempty"` // the mistake's sentence
		Exchange      []Crossing         `json:"exchange,omitempty"`
		Withheld      bool               `json:"withheld,omitempty"`
		Script        []recording.Script `json:"script,omitempty"`
		Took          float64            `json:"took"`
		Again         bool               `json:"again,omitempty"`
		Died          bool               `json:"died,omitempty"`
	}{r.Case.ID, r.Endpoint, r.Verdict, r.Closing, r.Reason, r.ClosingReason, r.Expected, r.Got, hex.EncodeToString(r.Bytes), r.Skipped,
		r.Caret, r.Rule, r.Mistake, r.Says, r.Exchange, r.Withheld, r.Script, float64(r.Took.Microseconds()) / 1000, r.Again, r.Died})
}

// got describes all that came, and how it ended.
func (r *judging) got() string {
	parts := make([]string, len(r.Saw))
	for i, s := range r.Saw {
		parts[i] = s.String()
	}
	parts = shortened(parts)
	if r.Fault != nil {
		h := r.Fault.of.frames[len(r.Fault.of.frames)-1].header
		parts = append(parts, fmt.Sprintf("a frame that breaks %s: %s, %d bytes", r.Fault.rule.Code, strings.ToUpper(h.Opcode.String()), h.Length))
	}
	if r.TooLong != nil {
		h := r.TooLong.frames[len(r.TooLong.frames)-1].header
		parts = append(parts, fmt.Sprintf("the header of a %s frame that announces %d bytes", strings.ToUpper(h.Opcode.String()), h.Length))
	}
	if r.Closed != nil {
		parts = append(parts, r.Closed.String())
	}
	if r.Over != nil || len(parts) == 0 {
		parts = append(parts, endText(r.Over))
	}
	return strings.Join(parts, "; ")
}

// expected describes the outcomes.
func (c *Case) expected() string {
	list := make([]string, 0, len(c.Outcomes))
	for i, o := range c.Outcomes {
		if i == 3 && len(c.Outcomes) > 4 {
			break
		}
		s := o.String()
		if i > 0 && o.End.How == c.Outcomes[0].End.How && slices.ContainsFunc(o.Sees, func(e Expect) bool { return e.Optional }) {
			s = "the same without some of the Pongs"
		}
		if o.Verdict != Pass {
			s += " (" + o.Verdict.Word() + ")"
		}
		if slices.Contains(list, s) {
			continue // they differ in what else may be
		}
		list = append(list, s)
	}
	return strings.Join(list, ", or ")
}

// point sets Bytes and Caret to bit of the frame sp of s.
func (r *judging) point(s seen, sp, bit int) {
	f := s.frames[sp]
	if s.packed != nil {
		s.payload = s.packed
	}
	end := len(s.payload)
	if sp+1 < len(s.frames) {
		end = s.frames[sp+1].start
	}
	head := f.header.Append(nil)
	r.Skipped = 0
	if at := bit / 8; at >= keepBytes {
		r.Skipped = at - keepBytes/2
	}
	from := max(0, r.Skipped-len(head))
	b := append([]byte(nil), head[min(len(head), r.Skipped):]...)
	start := f.start + from
	if start < end {
		p := append([]byte(nil), s.payload[start:min(end, start+keepBytes)]...)
		wire.Mask(f.header.Key, from%4, p)
		b = append(b, p...)
	}
	r.Bytes = b[:min(len(b), keepBytes)]
	r.Caret = bit - 8*r.Skipped
	if r.Caret >= 8*len(r.Bytes) {
		r.Caret = max(-1, 8*len(r.Bytes)-1)
	}
}

// pointAt sets Bytes and Caret to the first bit in which s is not e.
func (r *judging) pointAt(s seen, e *Expect) {
	f := s.frames[0].header
	if e == nil {
		r.point(s, 0, 0)
		r.Caret = -1 // nothing at all was expected, so no one bit of it is wrong
		return
	}
	if s.opcode != e.Opcode {
		bit := 4
		for bit < 7 && (s.opcode^e.Opcode)>>(7-bit)&1 == 0 {
			bit++
		}
		r.point(s, 0, bit)
		return
	}
	if s.packed != nil {
		r.point(s, 0, 8*f.Size()) // which of the compressed bytes it was cannot be told
		return
	}
	want := e.Payload.Bytes()
	for i := range min(len(s.payload), len(want)) {
		if x := s.payload[i] ^ want[i]; x != 0 {
			sp := 0
			for sp+1 < len(s.frames) && s.frames[sp+1].start <= i {
				sp++
			}
			bit := 0
			for x<<bit&0x80 == 0 {
				bit++
			}
			r.point(s, sp, 8*(s.frames[sp].header.Size()+i-s.frames[sp].start)+bit)
			return
		}
	}
	if len(s.frames) == 1 {
		r.point(s, 0, lengthBit(f, uint64(len(want))))
		return
	}
	r.point(s, len(s.frames)-1, 9)
}

// lengthBit returns the first bit of the length of h that is not that of want
// bytes.
func lengthBit(h wire.Header, want uint64) int {
	is := h.Append(nil)
	h.Length, h.Form = want, wire.FormFor(want)
	should := h.Append(nil)
	for bit := 9; bit < 8*min(len(is), len(should)); bit++ {
		if (is[bit/8]^should[bit/8])>>(7-bit%8)&1 != 0 {
			return bit
		}
	}
	return 9
}

// judge sets r's verdicts by what r saw.
func (c *Case) judge(r *judging, s state) {
	r.Got = r.got()
	r.Expected = c.expected()

	// After a reset it is chance what has come before; that the target lives is
	// seen on another connection.
	if c.resets() {
		return
	}

	// 1. What breaks a rule by itself is wrong in any case.
	if r.Fault != nil {
		r.Verdict, r.Closing = Fail, Fail
		if !r.Fault.breaksMust() {
			r.Verdict, r.Closing = Warning, Warning
		}
		r.Rule, r.Reason = r.Fault.rule.Code, r.Fault.rule.Error()
		r.point(r.Fault.of, len(r.Fault.of.frames)-1, r.Fault.bit)
		if slices.Contains(c.Rules, r.Rule) && c.Outcomes[0].End.How == Fails && r.Fault.of.opcode != wire.Close {
			r.Reason = "It sent back what it must fail the connection for. " + r.Reason
		}
		if o := c.best(r.Saw, r.Closed, s, true); o != nil && s.closeSent {
			r.Verdict = o.Verdict // all that was asked was answered before
		}
		return
	}
	if r.TooLong != nil && !s.flooded {
		r.Verdict, r.Closing, r.Rule = Fail, Fail, ""
		r.Reason = c.overlong(r)
		return
	}
	if s.flooded {
		// No MUST forbids that, and it hides what the case asks for.
		r.Report = r.Report.NotJudged("it sends more than anything in this case calls for, so the judge stopped reading")
		return
	}

	// 2. The first outcome that fits, or else why the best does not.
	o := c.best(r.Saw, r.Closed, s, true)
	if o == nil {
		o = c.limited(r.Saw, r.Closed, s)
	}
	if o == nil {
		if o = c.leftOpen(r.Saw, s); o != nil {
			r.lacks = "the end of TCP"
		}
	}
	if o == nil {
		if s.quiet && !s.ended {
			r.lacks = c.missing(r, s)
			if c.couldBe(r, s) {
				c.noAnswer(r, s)
				return
			}
		}
		r.Verdict, r.Closing = Fail, Fail
		r.Reason = c.mismatch(r, s)
		return
	}
	r.Verdict, r.Reason = o.Verdict, sentence(o.Why)
	if s.late && o.Verdict != Pass {
		r.lacks = "the failing of the connection at once"
	}
	if c.also != nil {
		if f := c.also(r.Saw); f.verdict != Pass {
			r.take(f)
		}
	}

	// 3. How it ended.
	closing, why := o.End.judge(r, s)
	switch {
	case c.Mute && s.timeout:
		closing, why = Warning, fmt.Sprintf("it left TCP open for %s after its Close frame was not answered (RFC 6455 §7.1.7)", r.Deadline)
		r.lacks = "the end of TCP"
	case closing == Pass && s.first:
		closing, why = Note, "it closed TCP itself, which a client should leave to the server (RFC 6455 §7.1.1)"
	}
	r.Closing = closing
	if closing != Pass {
		r.ClosingReason = sentence(why)
	}
	if closing >= NoAnswer {
		r.Rule = "" // the case is not about this
	}
	if closing != Pass && (r.Reason == "" || closing == Fail) {
		r.Reason = sentence(why)
	}
}

// couldBe reports whether what was seen can still become a legal outcome, and has
// no Pong in it where another one was expected.
func (c *Case) couldBe(r *judging, s state) bool {
	f, wrong, due := c.Outcomes[0].hold(r.Saw, true)
	if f == cannot && (due != nil && due.Opcode == wire.Pong || len(r.Saw[wrong].payload) == 0 && c.sent().has(nil)) {
		return false
	}
	return c.best(r.Saw, r.Closed, s, false) != nil
}

// noAnswer makes r the report of a case in which time ran out.
func (c *Case) noAnswer(r *judging, s state) {
	r.Verdict, r.Closing, r.Rule = NoAnswer, NoAnswer, ""
	r.Reason = fmt.Sprintf("No answer within %s: %s did not come.", r.Deadline, r.lacks)
	if r.slow = s.slow; s.slow {
		r.Verdict, r.Closing = NotJudged, NotJudged
		r.Reason = fmt.Sprintf("Not finished within %s, while bytes still came: %s was not there yet.", r.Most, r.lacks)
	}
}

// missing says which step of the outcome that is still possible did not come.
func (c *Case) missing(r *judging, s state) string {
	o := c.best(r.Saw, r.Closed, s, false)
	if o == nil {
		o = &c.Outcomes[0]
	}
	if f, _, _ := o.fits(r.Saw); f == partly {
		left := slices.Clone(r.Saw)
		for _, e := range o.Sees {
			i := slices.IndexFunc(left, e.is)
			switch {
			case i >= 0:
				left = slices.Delete(left, i, i+1)
			case e.Optional:
			case e.Opcode == wire.Pong:
				return "a Pong"
			default:
				return fmt.Sprintf("the echo of a %s message", e.Opcode)
			}
		}
	}
	switch {
	case o.End.How == Answers || s.closeSent:
		return "a Close frame in answer"
	case o.End.How == Drops:
		return "the end of TCP"
	}
	return "the failing of the connection"
}

// overlong points at a length that no outcome can have, and says so.
func (c *Case) overlong(r *judging) string {
	of := r.TooLong
	last := of.frames[len(of.frames)-1]
	due := uint64(0)
	for _, e := range c.Outcomes[0].Sees {
		if e.Opcode == of.opcode {
			due = max(due, uint64(e.Payload.Len()))
		}
	}
	r.point(*of, len(of.frames)-1, lengthBit(last.header, due-min(due, uint64(last.start))))
	if due == 0 {
		return fmt.Sprintf("Its frame header announces a payload of %d bytes, and no message is expected here.", last.header.Length)
	}
	return fmt.Sprintf("Its frame header announces a payload of %d bytes, and the message expected here has %d.", last.header.Length, due)
}

// leastLimit is the size from which a message may be too large for an endpoint.
// The RFC names none (§10.4); one that takes less has read the length wrong more
// likely than that it has a limit.
const leastLimit = 4 << 10

// limited returns the outcome that c's messages are too large for the target, which
// says so with 1009 or only ends TCP, or nil if that is not what was seen.
func (c *Case) limited(saw []seen, closed *seen, s state) *Outcome {
	o := c.Outcomes[0]
	if o.End.How != ByJudge || c.largest() < leastLimit || s.closeSent {
		return nil
	}
	if f, _, _ := o.fits(saw); f != partly {
		return nil
	}
	switch {
	case closed == nil && s.ended:
		return &Outcome{Verdict: Warning, Why: "it ended TCP at a message of this size without a Close frame. If it has a limit, it should say so with 1009 (RFC 6455 §7.1.7)", End: End{How: Fails}}
	case closed == nil || !slices.Contains(tooMuch, closed.close.Code):
		return nil
	}
	return &Outcome{Verdict: Note, Why: limitWhy, End: End{How: Fails, Codes: tooMuch}}
}

// leftOpen returns the outcome that nothing is wrong but that the target has not
// closed TCP, where time is all that speaks against it, or nil if that is not what
// was seen: a server whose client has ended its side of TCP, for only a client must
// fail such a connection (RFC 6455 §7.2.1), or a client that took no notice of a
// response that opens no WebSocket.
func (c *Case) leftOpen(saw []seen, s state) *Outcome {
	o := c.Outcomes[0]
	if s.ended || c.resets() {
		return nil
	}
	if f, _, _ := o.fits(saw); f == cannot {
		return nil
	}
	switch {
	case o.End.How == Drops && c.Judges == wire.Server:
		return &Outcome{Verdict: Warning, Why: "it left its side of TCP open when the client had ended its own, which no MUST forbids", End: End{How: Drops, NoTCP: true}}
	case o.End.How == Refuses && c.Judges == wire.Client:
		return &Outcome{Verdict: Warning, Why: "it opened no WebSocket, and left TCP open for some time", End: End{How: Refuses, NoTCP: true}}
	}
	return nil
}

// tooMuch are the codes for what is above a limit: to the size of a message, or
// to the number of its fragments.
var tooMuch = []wire.CloseCode{wire.MessageTooBig, wire.PolicyViolation}

const limitWhy = "it has a limit below this size, as RFC 6455 §10.4 allows"

// largest returns how many bytes the largest message has that c sends.
func (c *Case) largest() (most int) {
	n := 0
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			if f.Opcode.IsControl() {
				continue
			}
			n += f.Payload.Len()
			most = max(most, n)
			if f.Fin {
				n = 0
			}
		}
	}
	return most
}

// mismatch says why no outcome fits, and points at the first wrong bit.
func (c *Case) mismatch(r *judging, s state) string {
	o := &c.Outcomes[0]
	f, wrong, due := o.fits(r.Saw)
	if f != cannot {
		// A Pong that may be a heartbeat has not made the case fail, but may be the
		// answer that went wrong.
		g, i, e := o.hold(r.Saw, true)
		if g == cannot && (e != nil && e.Opcode == wire.Pong || len(r.Saw[i].payload) == 0 && c.sent().has(nil)) {
			f, wrong, due = g, i, e
		}
	}
	switch {
	case f == cannot:
		r.pointAt(r.Saw[wrong], due)
		if due == nil {
			if o.End.How == Refuses && c.Judges == wire.Client {
				return fmt.Sprintf("It took the answer for one that opens a WebSocket, and sent %s.", r.Saw[wrong])
			}
			if o.End.How == Fails {
				return fmt.Sprintf("It sent %s, where it must fail the connection.", r.Saw[wrong])
			}
			return fmt.Sprintf("It sent %s, which nothing called for.", r.Saw[wrong])
		}
		if r.Saw[wrong].opcode == due.Opcode && len(r.Saw[wrong].payload) == due.Payload.Len() {
			return fmt.Sprintf("The payload of its %s frame is not the one that is due.", due.Opcode)
		}
		return fmt.Sprintf("It sent %s where %s was due.", r.Saw[wrong], due)
	case r.Closed != nil:
		r.point(*r.Closed, 0, 4)
		switch {
		case f == partly:
			return fmt.Sprintf("It ended the connection with %s and left out what was due.", r.Closed)
		case o.End.How == ByJudge:
			return fmt.Sprintf("It ended the connection with %s, and nothing gave it a reason to.", r.Closed)
		}
		return fmt.Sprintf("It ended the connection with %s.", r.Closed)
	case s.ended:
		r.lacks = "the rest of the connection"
		if f == partly {
			return fmt.Sprintf("%s, and what was due had not come.", endText(r.Over))
		}
		return fmt.Sprintf("%s, and nothing gave it a reason to.", endText(r.Over))
	case f == partly:
		return fmt.Sprintf("What was due did not come within %s.", r.Deadline)
	case o.End.How == Answers:
		return fmt.Sprintf("It did not answer the Close frame within %s.", r.Deadline)
	case o.End.How == Drops:
		return fmt.Sprintf("It did not close TCP within %s.", r.Deadline)
	}
	return fmt.Sprintf("It did not fail the connection within %s.", r.Deadline)
}

// judge says whether the connection ended as e asks.
func (e End) judge(r *judging, s state) (Verdict, string) {
	codes := e.Codes
	if e.How == ByJudge {
		codes = []wire.CloseCode{wire.NormalClosure}
	}
	verdict, why := Pass, ""
	worse := func(v Verdict, text string, args ...any) {
		if v > verdict {
			verdict, why = v, fmt.Sprintf(text, args...)
		}
	}
	switch {
	case e.How == Refuses && r.Closed != nil:
		worse(Warning, "it sent a Close frame, and no WebSocket was open")
	case e.How == Refuses:
	case r.Closed == nil && e.How == Fails:
		worse(Warning, "it failed the connection without a Close frame (RFC 6455 §7.1.7: it should send one)")
	case r.Closed == nil && e.How == Drops:
	case r.Closed == nil && r.Over != nil && !isTimeout(r.Over):
		r.lacks = "a Close frame in answer"
		worse(Fail, "%s without a Close frame in answer (RFC 6455 §5.5.1)", endText(r.Over))
	case r.Closed == nil:
		r.lacks = "a Close frame in answer"
		worse(NoAnswer, "no answer within %s: it did not answer the Close frame (RFC 6455 §5.5.1)", r.Deadline)
	case len(codes) > 0 && !slices.Contains(codes, r.Closed.close.Code) && e.How != Fails && isPlain(r.Closed.close.Code):
		worse(Note, "it answers with %s and not with the code that it got, which is usual and no rule (RFC 6455 §5.5.1)", r.Closed)
	case len(codes) > 0 && !slices.Contains(codes, r.Closed.close.Code):
		r.point(*r.Closed, 0, codeBit(*r.Closed, codes[0]))
		worse(Warning, "its Close frame has the code %s, and %s is the one for this", codeText(r.Closed.close.Code), codeText(codes[0]))
	}
	switch {
	case e.NoTCP:
	case s.timeout && r.Case.Judges == wire.Client:
		r.lacks = "the end of TCP"
		worse(Warning, "it left TCP open for some time after the closing handshake. When a client closes it is its own choice (RFC 6455 §5.5.1)")
	case s.timeout:
		if r.lacks == "" {
			r.lacks = "the end of TCP"
		}
		worse(NoAnswer, "no answer within %s: it left TCP open after the closing handshake (RFC 6455 §7.1.1)", s.waited)
	case r.Over != nil && tap.IsReset(r.Over) && e.How != Fails && e.How != Drops && e.How != Refuses && !s.trailing:
		worse(Warning, "it reset TCP after the closing handshake, where it should close it (RFC 6455 §7.1.1)")
	}
	return verdict, why
}

// codeBit returns the first bit in which the Close frame s does not have the code
// want: of its code, or of its length where it has none.
func codeBit(s seen, want wire.CloseCode) int {
	h := s.frames[0].header
	if len(s.payload) < 2 {
		return lengthBit(h, 2)
	}
	return 8*h.Size() + bits.LeadingZeros16(uint16(s.close.Code^want))
}

// isPlain reports whether a Close frame with code complains of nothing.
func isPlain(code wire.CloseCode) bool {
	return code == wire.NormalClosure || code == wire.GoingAway || code == wire.NoStatusReceived || code >= 3000
}

// sentence makes s one: a capital, a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
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
