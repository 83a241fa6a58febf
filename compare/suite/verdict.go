package suite

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"wslab/compare/recording"
	"wslab/compare/tap"
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
	Took          time.Duration
	Events        []recording.Event
	// Exchange is what crossed the connection, both ways and in order. A pass has it
	// only where the case was recorded.
	Exchange []Crossing

	partial bool   // Events are not all that happened
	answer  answer // the target's half of the opening handshake
	shown   string // the mistake that a check has found, for the diagnosis
	saw     []seen // what came, for it as well
	closed  *seen
	fault   *fault
	over    error
	first   []byte // the first bytes behind the opening handshake
	// unfinished is a message whose end has not come.
	unfinished seen
	trace      trace
	part       part   // a frame that came in part
	raw        []byte // the first bytes of the last frame
	flooded    bool   // more came than the case can call for
	tooLong    *seen  // what announced more bytes than anything called for
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

	framed bool // the reason of the verdict is in the frames, not in the opening handshake
	broke  Duty // where that is another MUST than the one of the case

	lacks string // what the judge waited for in vain, "" where the verdict rests on no wait
	slow  bool   // the case reached its upper bound while bytes still moved
	spoke bool   // a byte came after the opening handshake
}

// Lacks returns what the judge waited for in vain, or lost with the connection,
// when it came to the verdict of r: "a Pong". It is "" where the verdict rests on
// what came. Such a verdict may say more of the machine than of the endpoint.
func (r Report) Lacks() string { return r.lacks }

// Slow reports whether bytes still moved when the case reached its upper bound.
func (r Report) Slow() bool { return r.slow }

// Floods reports whether more came than the case can call for.
func (r Report) Floods() bool { return r.flooded }

// Spoke reports whether anything came after the opening handshake.
func (r Report) Spoke() bool { return r.spoke }

// Lost reports whether TCP ended without a Close frame.
func (r Report) Lost() bool { return r.trace.ended && !r.trace.closed }

// Opened reports whether the target answered the opening handshake.
func (r Report) Opened() bool { return r.answer.head != nil }

// NotPlayed returns the report of a case that was not played at endpoint, and why.
func NotPlayed(c *Case, endpoint, why string) Report {
	return Report{Case: c, Endpoint: endpoint, Verdict: NotJudged, Closing: NotJudged, Reason: sentence(why), Expected: c.expected(), Caret: -1}
}

// NotJudged returns r as one that says nothing of the endpoint, and why.
func (r Report) NotJudged(why string) Report {
	r.Verdict, r.Closing, r.Reason, r.Rule, r.Mistake, r.Bytes, r.Caret = NotJudged, NotJudged, sentence(why), "", "", nil, -1
	r.lacks, r.slow = "", false
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
	h := r.answer.head
	return r.Unreachable || h == nil || h.From == wire.Server && h.Head.Status != 101
}

// MarshalJSON gives r without its events, the bytes in hex, the time in
// milliseconds.
func (r Report) MarshalJSON() ([]byte, error) {
	mistake, _ := MistakeOf(r.Mistake)
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
		r.Caret, r.Rule, r.Mistake, mistake.Says, r.Exchange, r.Withheld, r.Script, float64(r.Took.Microseconds()) / 1000, r.Again, r.Died})
}

// fit says how what was seen stands to what is expected.
type fit uint8

const (
	cannot fit = iota // it can no longer become what is expected
	partly            // more is to come
	wholly
)

// fits holds what was seen against o. wrong is the index in saw of the first
// that o has no place for, or -1, and due what o has in its place. A Pong may
// come unasked (RFC 6455 §5.5.3), so that of one that is idle nothing follows.
func (o Outcome) fits(saw []seen) (f fit, wrong int, due *Expect) { return o.hold(saw, false) }

// hold is fits, and with strict has a place for no idle Pong either.
func (o Outcome) hold(saw []seen, strict bool) (f fit, wrong int, due *Expect) {
	f = wholly
	lanes := []func(wire.Opcode) bool{func(op wire.Opcode) bool { return !op.IsControl() }, wire.Opcode.IsControl}
	if o.InOrder {
		lanes = []func(wire.Opcode) bool{func(wire.Opcode) bool { return true }}
	}
	wrong = -1
	for _, lane := range lanes {
		next := 0
		skip := func() *Expect { // the next of o.Sees in this lane
			for ; next < len(o.Sees); next++ {
				if lane(o.Sees[next].Opcode) {
					return &o.Sees[next]
				}
			}
			return nil
		}
		for i, s := range saw {
			if !lane(s.opcode) {
				continue
			}
			before := next
			e := skip()
			first := e
			for e != nil && e.Optional && !e.is(s) {
				next++
				e = skip()
			}
			if (e == nil || !e.is(s)) && s.idle && !strict {
				next = before
				continue
			}
			if e == nil || !e.is(s) {
				if wrong < 0 || i < wrong {
					wrong, due = i, first
				}
				f = cannot
				break
			}
			next++
		}
		for e := skip(); e != nil; e = skip() {
			if !e.Optional {
				f = min(f, partly)
			}
			next++
		}
	}
	return f, wrong, due
}

// is reports whether s is what is expected.
func (e Expect) is(s seen) bool {
	return s.opcode == e.Opcode && e.Payload.equal(s.payload)
}

// describe says what a message or control frame is: `TEXT "Hello"`.
func describe(op wire.Opcode, head []byte, size int) string {
	name := strings.ToUpper(op.String())
	switch {
	case size == 0:
		return name + " (empty)"
	case op == wire.Close:
		return name
	}
	more := ""
	if size > len(head) {
		more = fmt.Sprintf("… (%d bytes)", size)
	}
	// A character that was cut by us is not the target's fault.
	whole := head
	for i := 0; more != "" && i < utf8.UTFMax-1 && len(whole) > 0 && !utf8.Valid(whole); i++ {
		whole = whole[:len(whole)-1]
	}
	if op != wire.Binary && utf8.Valid(whole) {
		return name + " " + strconv.Quote(string(whole)) + more
	}
	if more != "" {
		head = head[:min(len(head), keepHex)]
	}
	return fmt.Sprintf("%s % x%s", name, head, more)
}

// String describes what came.
func (s seen) String() string {
	if s.opcode == wire.Close {
		if s.close.Code == wire.NoStatusReceived {
			return "CLOSE (empty)"
		}
		text := "CLOSE " + codeText(s.close.Code)
		if s.close.Reason != "" {
			text += fmt.Sprintf(" %q", s.close.Reason)
		}
		return text
	}
	text := describe(s.opcode, s.payload[:min(len(s.payload), keepShown)], len(s.payload))
	if n := len(s.frames); n > 1 {
		text += fmt.Sprintf(" in %d frames", n)
	}
	return text
}

// codeText gives a close code as its number.
func codeText(c wire.CloseCode) string {
	if c == wire.NoStatusReceived {
		return "(empty)"
	}
	return strconv.Itoa(int(c))
}

// got describes all that came, and how it ended.
func (r *Report) got() string {
	parts := make([]string, len(r.saw))
	for i, s := range r.saw {
		parts[i] = s.String()
	}
	parts = shortened(parts)
	if r.fault != nil {
		h := r.fault.of.frames[len(r.fault.of.frames)-1].header
		parts = append(parts, fmt.Sprintf("a frame that breaks %s: %s, %d bytes", r.fault.rule.Code, strings.ToUpper(h.Opcode.String()), h.Length))
	}
	if r.tooLong != nil {
		h := r.tooLong.frames[len(r.tooLong.frames)-1].header
		parts = append(parts, fmt.Sprintf("the header of a %s frame that announces %d bytes", strings.ToUpper(h.Opcode.String()), h.Length))
	}
	if r.closed != nil {
		parts = append(parts, r.closed.String())
	}
	if r.over != nil || len(parts) == 0 {
		parts = append(parts, endText(r.over))
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
func (r *Report) point(s seen, sp, bit int) {
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
func (r *Report) pointAt(s seen, e *Expect) {
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
func (c *Case) judge(r *Report, s state) {
	r.Got = r.got()
	r.Expected = c.expected()

	// After a reset it is chance what has come before; that the target lives is
	// seen on another connection.
	if c.resets() {
		return
	}

	// 1. What breaks a rule by itself is wrong in any case.
	if r.fault != nil {
		r.Verdict, r.Closing = Fail, Fail
		if !r.fault.breaksMust() {
			r.Verdict, r.Closing = Warning, Warning
		}
		r.Rule, r.Reason = r.fault.rule.Code, r.fault.rule.Error()
		r.point(r.fault.of, len(r.fault.of.frames)-1, r.fault.bit)
		if slices.Contains(c.Rules, r.Rule) && c.Outcomes[0].End.How == Fails && r.fault.of.opcode != wire.Close {
			r.Reason = "It sent back what it must fail the connection for. " + r.Reason
		}
		if o := c.best(r.saw, r.closed, s, true); o != nil && s.closeSent {
			r.Verdict = o.Verdict // all that was asked was answered before
		}
		return
	}
	if r.tooLong != nil && !s.flooded {
		r.Verdict, r.Closing, r.Rule, r.framed = Fail, Fail, "", true
		r.Reason = c.overlong(r)
		return
	}
	if s.flooded {
		// No MUST forbids that, and it hides what the case asks for.
		*r = r.NotJudged("it sends more than anything in this case calls for, so the judge stopped reading")
		return
	}

	// 2. The first outcome that fits, or else why the best does not.
	o := c.best(r.saw, r.closed, s, true)
	if o == nil {
		o = c.limited(r.saw, r.closed, s)
	}
	if o == nil {
		if o = c.leftOpen(r.saw, s); o != nil {
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
		r.Verdict, r.Closing, r.framed = Fail, Fail, true
		r.Reason = c.mismatch(r, s)
		return
	}
	r.Verdict, r.Reason = o.Verdict, sentence(o.Why)
	if s.late && o.Verdict != Pass {
		r.lacks = "the failing of the connection at once"
	}
	if c.also != nil {
		if f := c.also(r.saw); f.verdict != Pass {
			r.take(f)
		}
	}

	// 3. How it ended.
	closing, why := o.End.judge(r, s)
	switch {
	case c.Mute && s.timeout:
		closing, why = Warning, fmt.Sprintf("it left TCP open for %s after its Close frame was not answered (RFC 6455 §7.1.7)", c.deadline())
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

// state is what the run knows besides what came.
type state struct {
	closeSent bool // the judge sent the Close frame that ends a ByJudge case
	late      bool // a Patience step ended in vain
	trailing  bool // bytes of the judge stand behind a Close frame of a step
	flooded   bool
	ended     bool          // the target has sent a Close frame, or ended TCP
	timeout   bool          // the wait for the end of TCP was in vain
	waited    time.Duration // for the end of TCP
	quiet     bool          // the case ended because the judge's time was over
	slow      bool          // and bytes still moved
	first     bool          // a client ended TCP before the judge did
}

// best returns the first outcome that what was seen can still be, or, with
// over, is.
func (c *Case) best(saw []seen, closed *seen, s state, over bool) *Outcome {
	for i := range c.Outcomes {
		o := &c.Outcomes[i]
		f, _, _ := o.fits(saw)
		if f == cannot || o.End.Early && s.late || over && f != wholly {
			continue
		}
		if o.End.Exact && closed != nil && !slices.Contains(o.End.Codes, closed.close.Code) {
			continue
		}
		if over {
			switch o.End.How {
			case ByJudge:
				if !s.closeSent {
					continue // it ended before it was asked to
				}
			case Fails, Answers, Drops:
				if s.closeSent || !s.ended || o.End.Exact && closed == nil {
					continue
				}
			case Refuses:
				if c.Judges == wire.Server || s.closeSent || !s.ended {
					continue // a server's refusal has been judged by its answer
				}
			}
		}
		return o
	}
	return nil
}

// couldBe reports whether what was seen can still become a legal outcome, and has
// no Pong in it where another one was expected.
func (c *Case) couldBe(r *Report, s state) bool {
	f, wrong, due := c.Outcomes[0].hold(r.saw, true)
	if f == cannot && (due != nil && due.Opcode == wire.Pong || len(r.saw[wrong].payload) == 0 && c.sent().has(nil)) {
		return false
	}
	return c.best(r.saw, r.closed, s, false) != nil
}

// noAnswer makes r the report of a case in which time ran out.
func (c *Case) noAnswer(r *Report, s state) {
	r.Verdict, r.Closing, r.Rule = NoAnswer, NoAnswer, ""
	r.Reason = fmt.Sprintf("No answer within %s: %s did not come.", c.deadline(), r.lacks)
	if r.slow = s.slow; s.slow {
		c.tooSlow(r)
	}
}

// tooSlow makes r the report of a case that reached its upper bound while bytes
// still moved.
func (c *Case) tooSlow(r *Report) {
	r.Verdict, r.Closing = NotJudged, NotJudged
	r.Reason = fmt.Sprintf("Not finished in time, while bytes still came: %s was not there yet.", r.lacks)
}

// missing says which step of the outcome that is still possible did not come.
func (c *Case) missing(r *Report, s state) string {
	o := c.best(r.saw, r.closed, s, false)
	if o == nil {
		o = &c.Outcomes[0]
	}
	if f, _, _ := o.fits(r.saw); f == partly {
		left := slices.Clone(r.saw)
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
func (c *Case) overlong(r *Report) string {
	of := r.tooLong
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
func (c *Case) mismatch(r *Report, s state) string {
	o := &c.Outcomes[0]
	f, wrong, due := o.fits(r.saw)
	if f != cannot {
		// A Pong that may be a heartbeat has not made the case fail, but may be the
		// answer that went wrong.
		g, i, e := o.hold(r.saw, true)
		if g == cannot && (e != nil && e.Opcode == wire.Pong || len(r.saw[i].payload) == 0 && c.sent().has(nil)) {
			f, wrong, due = g, i, e
		}
	}
	switch {
	case f == cannot:
		r.pointAt(r.saw[wrong], due)
		if due == nil {
			if o.End.How == Refuses && c.Judges == wire.Client {
				return fmt.Sprintf("It took the answer for one that opens a WebSocket, and sent %s.", r.saw[wrong])
			}
			if o.End.How == Fails {
				return fmt.Sprintf("It sent %s, where it must fail the connection.", r.saw[wrong])
			}
			return fmt.Sprintf("It sent %s, which nothing called for.", r.saw[wrong])
		}
		if r.saw[wrong].opcode == due.Opcode && len(r.saw[wrong].payload) == due.Payload.Len() {
			return fmt.Sprintf("The payload of its %s frame is not the one that is due.", due.Opcode)
		}
		return fmt.Sprintf("It sent %s where %s was due.", r.saw[wrong], due)
	case r.closed != nil:
		r.point(*r.closed, 0, 4)
		switch {
		case f == partly:
			return fmt.Sprintf("It ended the connection with %s and left out what was due.", r.closed)
		case o.End.How == ByJudge:
			return fmt.Sprintf("It ended the connection with %s, and nothing gave it a reason to.", r.closed)
		}
		return fmt.Sprintf("It ended the connection with %s.", r.closed)
	case s.ended:
		r.lacks = "the rest of the connection"
		if f == partly {
			return fmt.Sprintf("%s, and what was due had not come.", endText(r.over))
		}
		return fmt.Sprintf("%s, and nothing gave it a reason to.", endText(r.over))
	case f == partly:
		return fmt.Sprintf("What was due did not come within %s.", c.deadline())
	case o.End.How == Answers:
		return fmt.Sprintf("It did not answer the Close frame within %s.", c.deadline())
	case o.End.How == Drops:
		return fmt.Sprintf("It did not close TCP within %s.", c.deadline())
	}
	return fmt.Sprintf("It did not fail the connection within %s.", c.deadline())
}

// judge says whether the connection ended as e asks.
func (e End) judge(r *Report, s state) (Verdict, string) {
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
	case e.How == Refuses && r.closed != nil:
		worse(Warning, "it sent a Close frame, and no WebSocket was open")
	case e.How == Refuses:
	case r.closed == nil && e.How == Fails:
		worse(Warning, "it failed the connection without a Close frame (RFC 6455 §7.1.7: it should send one)")
	case r.closed == nil && e.How == Drops:
	case r.closed == nil && r.over != nil && !isTimeout(r.over):
		r.lacks = "a Close frame in answer"
		worse(Fail, "%s without a Close frame in answer (RFC 6455 §5.5.1)", endText(r.over))
	case r.closed == nil:
		r.lacks = "a Close frame in answer"
		worse(NoAnswer, "no answer within %s: it did not answer the Close frame (RFC 6455 §5.5.1)", r.Case.deadline())
	case len(codes) > 0 && !slices.Contains(codes, r.closed.close.Code) && e.How != Fails && isPlain(r.closed.close.Code):
		worse(Note, "it answers with %s and not with the code that it got, which is usual and no rule (RFC 6455 §5.5.1)", r.closed)
	case len(codes) > 0 && !slices.Contains(codes, r.closed.close.Code):
		r.point(*r.closed, 0, codeBit(*r.closed, codes[0]))
		worse(Warning, "its Close frame has the code %s, and %s is the one for this", codeText(r.closed.close.Code), codeText(codes[0]))
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
	case r.over != nil && tap.IsReset(r.over) && e.How != Fails && e.How != Drops && e.How != Refuses && !s.trailing:
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

// isTimeout reports whether err is no end of TCP but of the judge's patience.
func isTimeout(err error) bool { return !errors.Is(err, io.EOF) && endText(err) == "TCP open" }

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
