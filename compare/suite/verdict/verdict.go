package verdict

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/reference/wire"
)

// mildly turns a failure of a case about browsers into a note if the client is not a
// browser.
func mildly(c *spec.Case, r *Report, browser bool) {
	if c.Browser && !browser && r.Worst() == spec.Fail {
		r.Verdict, r.Closing = spec.Note, spec.Note
		r.Reason += " This requirement binds browsers. RFC 6455 §4.1 leaves the choice to other clients."
	}
}

// temper turns a failure of a case without a MUST into a warning. A case of a SHOULD is
// still failed if a frame of the target breaks a MUST. Frames of the judge that the
// target sent back do not count.
func temper(c *spec.Case, r *judging) {
	switch {
	case c.Keyword != spec.Should && c.Keyword != spec.May, r.Unreachable, r.Verdict != spec.Fail && r.Closing != spec.Fail:
		return
	case c.Keyword == spec.Should && r.Fault != nil && !transcript.SentBack(c, r.Fault):
		return
	}
	r.Verdict, r.Closing = min(r.Verdict, spec.Warning), min(r.Closing, spec.Warning)
	switch {
	case c.Lax != "":
		r.Reason = sentence(c.Lax)
	case r.Reason != "" && c.Keyword == spec.May:
		r.Reason += " No MUST of an RFC forbids this here."
	}
}

// conclude completes r after the frames or the opening handshake were judged.
func conclude(c *spec.Case, r *judging) {
	judgeHead(c, r)
	temper(c, r)
	r.broke = broken(c, r)
}

// judging is a report in progress, with its transcript.
type judging struct {
	Report
	*transcript.Transcript

	framed bool // the reason of the verdict is in the frames, not in the opening handshake
	pong   bool // a Pong is wrong or missing
}

// Results of Lacks.
const (
	lacksPong  = "a Pong"
	lacksClose = "an answering Close frame"
	lacksEnd   = "TCP to be closed"
)

// Judge returns the report of c. The case was played at endpoint, and t is its
// transcript.
func Judge(c *spec.Case, endpoint string, t *transcript.Transcript) Report {
	r := &judging{Report: Report{Case: c, Endpoint: endpoint, Caret: -1, Expected: expected(c), Took: t.Lasted, Events: t.Events, partial: t.Partial, Handshake: t.Half.Head, floods: t.Flooded, slow: t.SlowHalf}, Transcript: t}
	switch {
	case t.NoElsewhere != nil:
		r.Verdict, r.Closing = spec.Note, spec.Note
		r.Reason = sentence("the judge has no second address to redirect it to: " + t.NoElsewhere.Error())
		return r.Report
	case t.NoConn != nil:
		r.Verdict, r.Closing, r.Unreachable, r.lacks = spec.NotJudged, spec.NotJudged, true, "a connection"
		r.Report.Refused = errors.Is(t.NoConn, syscall.ECONNREFUSED)
		r.Got, r.Reason = "no connection", cannotConnect(t.NoConn)
		return r.Report
	}
	if !judgeOpening(c, r, t.Judge) {
		r.spoke = len(t.First) > 0
		judgeFrames(c, r, t.State)
		if r.Worst() == spec.Fail && (t.RanOut || t.State.Timeout) {
			r.lacks = "the end of the case"
		}
	}
	conclude(c, r)
	if t.Second != nil {
		r.Verdict, r.Closing = spec.Fail, spec.Pass
		r.Got += "; a second request, to the address in Location"
		r.Reason = `It followed the redirect and sent a second request, to the address in Location. The WHATWG WebSockets Standard sets the redirect mode to "error".`
	}
	// A pass does not need evidence. Exceptions: the case is recorded, or Unless may
	// follow.
	if t.Kept || r.Worst() != spec.Pass || c.Redirects || c.Resets() {
		r.Exchange = t.Journal.Crossings(t.Judge)
		if t.Second != nil {
			r.Exchange = append(r.Exchange, *t.Second)
		}
	}
	mildly(c, &r.Report, t.Browser || c.Judges == wire.Server)
	return r.Report
}

// got returns as text all that the target sent, and how the target ended.
func (r *judging) got() string {
	parts := make([]string, len(r.Saw))
	for i, s := range r.Saw {
		parts[i] = s.String()
	}
	parts = spec.Shortened(parts)
	if r.Fault != nil {
		h := r.Fault.Of.Frames[len(r.Fault.Of.Frames)-1].Header
		parts = append(parts, fmt.Sprintf("a frame that breaks %s: %s, %d bytes", r.Fault.Rule.Code, strings.ToUpper(h.Opcode.String()), h.Length))
	}
	if r.TooLong != nil {
		h := r.TooLong.Frames[len(r.TooLong.Frames)-1].Header
		parts = append(parts, fmt.Sprintf("the header of a %s frame that announces %d bytes", strings.ToUpper(h.Opcode.String()), h.Length))
	}
	if r.Closed != nil {
		parts = append(parts, r.Closed.String())
	}
	if r.Over != nil || len(parts) == 0 {
		parts = append(parts, transcript.EndText(r.Over))
	}
	return strings.Join(parts, "; ")
}

// expected returns the outcomes of c as text.
func expected(c *spec.Case) string {
	list := make([]string, 0, len(c.Outcomes))
	for i, o := range c.Outcomes {
		if i == 3 && len(c.Outcomes) > 4 {
			break
		}
		s := o.String()
		if i > 0 && o.End.How == c.Outcomes[0].End.How && slices.ContainsFunc(o.Sees, func(e spec.Frame) bool { return e.Optional }) {
			s = "the same without some of the Pongs"
		}
		if o.Verdict != spec.Pass {
			s += " (" + o.Verdict.Word() + ")"
		}
		if slices.Contains(list, s) {
			continue // they differ in flags that the text does not show
		}
		list = append(list, s)
	}
	return strings.Join(list, ", or ")
}

// judgeFrames sets the verdicts of r from the frames and from how TCP ended.
func judgeFrames(c *spec.Case, r *judging, s transcript.State) {
	r.Got = r.got()
	r.Expected = expected(c)

	// Which bytes arrive before a reset is chance. Unless checks with a second connection
	// whether the target is alive.
	if c.Resets() {
		return
	}

	// 1. A frame that breaks a rule fails every case.
	if r.Fault != nil {
		r.Verdict, r.Closing = spec.Fail, spec.Fail
		if !r.Fault.BreaksMust() {
			r.Verdict, r.Closing = spec.Warning, spec.Warning
		}
		r.Rule, r.Reason = r.Fault.Rule.Code, r.Fault.Rule.Error()
		r.point(r.Fault.Of, len(r.Fault.Of.Frames)-1, r.Fault.Bit)
		if slices.Contains(c.Rules, r.Rule) && c.Outcomes[0].End.How == spec.TargetFails && r.Fault.Of.Opcode != wire.Close {
			r.Reason = "It sent back a frame for which it must fail the connection. " + r.Reason
		}
		if o := transcript.Best(c, r.Saw, r.Closed, s, true); o != nil && s.CloseSent {
			r.Verdict = o.Verdict // the outcome was complete before the fault
		}
		return
	}
	if r.TooLong != nil && !s.Flooded {
		r.Verdict, r.Closing, r.Rule, r.framed = spec.Fail, spec.Fail, "", true
		r.Reason = overlong(c, r)
		return
	}
	if s.Flooded {
		// No MUST forbids this, and the case cannot be judged.
		r.Report = r.Report.NotJudged("it sends more than this case can cause, so the judge stopped reading")
		return
	}

	// 2. Choose the first outcome that fits, or say why the best one does not fit.
	o := transcript.Best(c, r.Saw, r.Closed, s, true)
	if o == nil {
		o = limited(c, r.Saw, r.Closed, s)
	}
	if o == nil {
		if o = leftOpen(c, r.Saw, s); o != nil {
			r.lacks = lacksEnd
		}
	}
	if o == nil {
		if s.Quiet && !s.Ended {
			r.lacks = missing(c, r, s)
			if couldBe(c, r, s) {
				noAnswer(c, r, s)
				return
			}
		}
		r.Verdict, r.Closing, r.framed = spec.Fail, spec.Fail, true
		r.Reason = mismatch(c, r, s)
		return
	}
	r.Verdict, r.Reason = o.Verdict, sentence(o.Why)
	if s.Late && o.Verdict != spec.Pass {
		r.lacks = "the connection to fail at once"
	}
	if c.Also != nil {
		if f := c.Also(r.Saw); f.Verdict != spec.Pass {
			r.take(f)
		}
	}

	if r.Verdict == spec.Pass && transcript.AnswersPong(c, r.Saw) {
		r.Verdict, r.Reason = spec.Note, "It answered a Pong with a Pong, which RFC 6455 §5.5.3 allows, but does not expect."
	}

	// 3. Judge how the connection ended.
	closing, why := judgeEnd(o.End, r, s)
	switch {
	case c.Mute && s.Timeout:
		closing, why = spec.Warning, fmt.Sprintf("it left TCP open for %s after the judge did not answer its Close frame (RFC 6455 §7.1.7)", r.Deadline)
		r.lacks = lacksEnd
	case closing == spec.Pass && s.First:
		closing, why = spec.Note, "it closed TCP first, which a client should leave to the server (RFC 6455 §7.1.1)"
	}
	r.Closing = closing
	if closing != spec.Pass {
		r.ClosingReason = sentence(why)
	}
	if closing >= spec.NoAnswer {
		r.Rule = "" // the rule of the case is not about the closing
	}
	if closing != spec.Pass && (r.Reason == "" || closing == spec.Fail) {
		r.Reason = sentence(why)
	}
}

// couldBe reports whether the messages can still become an outcome, and contain no wrong
// Pong.
func couldBe(c *spec.Case, r *judging, s transcript.State) bool {
	f, wrong, due := transcript.Hold(c.Outcomes[0], r.Saw, true)
	if f == transcript.Cannot && (due != nil && due.Opcode == wire.Pong || len(r.Saw[wrong].Payload) == 0 && transcript.SentBy(c).Has(nil)) {
		return false
	}
	return transcript.Best(c, r.Saw, r.Closed, s, false) != nil
}

// noAnswer sets r to a NoAnswer: the judge's time ended.
func noAnswer(c *spec.Case, r *judging, s transcript.State) {
	r.Verdict, r.Closing, r.Rule = spec.NoAnswer, spec.NoAnswer, ""
	r.Reason = fmt.Sprintf("No answer within %s. The judge was waiting for %s.", r.Deadline, r.lacks)
	if r.slow = s.Slow; s.Slow {
		tooSlow(r)
	}
}

// tooSlow sets r to a NotJudged: the case reached its upper bound while bytes still
// moved.
func tooSlow(r *judging) {
	r.Verdict, r.Closing = spec.NotJudged, spec.NotJudged
	r.Reason = fmt.Sprintf("Not finished in time, while bytes still arrived. The judge was waiting for %s.", r.lacks)
}

// missing returns the first thing that the possible outcome still lacks.
func missing(c *spec.Case, r *judging, s transcript.State) string {
	o := transcript.Best(c, r.Saw, r.Closed, s, false)
	if o == nil {
		o = &c.Outcomes[0]
	}
	if f, _, _ := transcript.Fits(*o, r.Saw); f == transcript.Partly {
		left := slices.Clone(r.Saw)
		for _, e := range o.Sees {
			i := slices.IndexFunc(left, func(s spec.Message) bool { return transcript.Is(e, s) })
			switch {
			case i >= 0:
				left = slices.Delete(left, i, i+1)
			case e.Optional:
			case e.Opcode == wire.Pong:
				return lacksPong
			default:
				return fmt.Sprintf("the echo of a %s message", e.Opcode)
			}
		}
	}
	switch {
	case o.End.How == spec.TargetAnswers || s.CloseSent:
		return lacksClose
	case o.End.How == spec.TargetDrops:
		return lacksEnd
	}
	return "the connection to fail"
}

// overlong sets r to the bit of a length that no outcome can have, and returns the
// reason.
func overlong(c *spec.Case, r *judging) string {
	of := r.TooLong
	last := of.Frames[len(of.Frames)-1]
	due := uint64(0)
	for _, e := range c.Outcomes[0].Sees {
		if e.Opcode == of.Opcode {
			due = max(due, uint64(e.Payload.Len()))
		}
	}
	r.point(*of, len(of.Frames)-1, lengthBit(last.Header, due-min(due, uint64(last.Start))))
	if due == 0 {
		return fmt.Sprintf("Its frame header announces a payload of %d bytes, where no message is expected.", last.Header.Length)
	}
	return fmt.Sprintf("Its frame header announces a payload of %d bytes, but the expected message has %d.", last.Header.Length, due)
}

// leastLimit is the size in bytes from which a message may be too large for an endpoint.
// The RFC does not set such a number (§10.4). An endpoint that fails below leastLimit has
// probably misread the length.
const leastLimit = 4 << 10

// limited returns the outcome of a target for which c's messages are too large. Such a
// target sends 1009, 1008 or 1011, or only closes TCP. limited returns nil if the target
// does not fit that.
func limited(c *spec.Case, saw []spec.Message, closed *spec.Message, s transcript.State) *spec.Outcome {
	o := c.Outcomes[0]
	if o.End.How != spec.JudgeCloses || largest(c) < leastLimit || s.CloseSent {
		return nil
	}
	if f, _, _ := transcript.Fits(o, saw); f != transcript.Partly {
		return nil
	}
	switch {
	case closed == nil && s.Ended:
		return &spec.Outcome{Verdict: spec.Warning, Why: "it closed TCP at a message of this size without a Close frame. If it has a limit, it should send a Close frame with 1009 (RFC 6455 §7.1.7)", End: spec.End{How: spec.TargetFails}}
	case closed == nil || !slices.Contains(spec.TooMuch, closed.Close.Code) && closed.Close.Code != wire.InternalServerError:
		return nil
	}
	return &spec.Outcome{Verdict: spec.Note, Why: spec.LimitWhy, End: spec.End{How: spec.TargetFails, Codes: spec.TooMuch}}
}

// leftOpen returns the outcome of a target that only left TCP open, which breaks no MUST.
// It returns nil if the target does not fit that. There are two such targets. One is a
// server whose client closed its side of TCP, since only a client must fail such a
// connection (RFC 6455 §7.2.1). The other is a client after a response that does not open
// a WebSocket.
func leftOpen(c *spec.Case, saw []spec.Message, s transcript.State) *spec.Outcome {
	o := c.Outcomes[0]
	if s.Ended || c.Resets() {
		return nil
	}
	if f, _, _ := transcript.Fits(o, saw); f == transcript.Cannot {
		return nil
	}
	switch {
	case o.End.How == spec.TargetDrops && c.Judges == wire.Server:
		return &spec.Outcome{Verdict: spec.Warning, Why: "it left its side of TCP open after the client closed its side, which no MUST forbids", End: spec.End{How: spec.TargetDrops, NoTCP: true}}
	case o.End.How == spec.TargetRefuses && c.Judges == wire.Client:
		return &spec.Outcome{Verdict: spec.Warning, Why: "it did not open a WebSocket, but left TCP open for some time", End: spec.End{How: spec.TargetRefuses, NoTCP: true}}
	}
	return nil
}

// largest returns the size in bytes of the largest message in c, after decompression.
func largest(c *spec.Case) (most int) {
	for _, e := range c.Outcomes[0].Sees {
		if !e.Opcode.IsControl() {
			most = max(most, e.Payload.Len())
		}
	}
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

// mismatch returns why no outcome fits, and points r at the first wrong bit.
func mismatch(c *spec.Case, r *judging, s transcript.State) string {
	o := &c.Outcomes[0]
	f, wrong, due := transcript.Fits(*o, r.Saw)
	if f != transcript.Cannot {
		// Fits ignores an idle Pong, but the Pong may be the wrong answer to a Ping.
		g, i, e := transcript.Hold(*o, r.Saw, true)
		if g == transcript.Cannot && (e != nil && e.Opcode == wire.Pong || len(r.Saw[i].Payload) == 0 && transcript.SentBy(c).Has(nil)) {
			f, wrong, due = g, i, e
		}
	}
	r.pong = f == transcript.Cannot && due != nil && due.Opcode == wire.Pong || f == transcript.Partly && missing(c, r, s) == lacksPong
	switch {
	case f == transcript.Cannot:
		r.pointAt(r.Saw[wrong], due)
		if due == nil {
			if o.End.How == spec.TargetRefuses && c.Judges == wire.Client {
				return fmt.Sprintf("It treated the response as one that opens a WebSocket, and sent %s.", r.Saw[wrong])
			}
			if o.End.How == spec.TargetFails {
				return fmt.Sprintf("It sent %s, where it must fail the connection.", r.Saw[wrong])
			}
			return fmt.Sprintf("It sent %s, where no message was expected.", r.Saw[wrong])
		}
		if r.Saw[wrong].Opcode == due.Opcode && len(r.Saw[wrong].Payload) == due.Payload.Len() {
			return fmt.Sprintf("The payload of its %s frame differs from the expected one.", due.Opcode)
		}
		return fmt.Sprintf("It sent %s where %s was expected.", r.Saw[wrong], due)
	case r.Closed != nil:
		r.point(*r.Closed, 0, 4)
		switch {
		case f == transcript.Partly:
			return fmt.Sprintf("It ended the connection with %s before it sent all that was expected.", r.Closed)
		case o.End.How == spec.JudgeCloses:
			return fmt.Sprintf("It ended the connection with %s, without a reason.", r.Closed)
		}
		return fmt.Sprintf("It ended the connection with %s.", r.Closed)
	case s.Ended:
		r.lacks = "the rest of the connection"
		if f == transcript.Partly {
			return fmt.Sprintf("%s before all that was expected had arrived.", transcript.EndText(r.Over))
		}
		return fmt.Sprintf("%s, without a reason.", transcript.EndText(r.Over))
	case f == transcript.Partly:
		return fmt.Sprintf("The expected answer did not arrive within %s.", r.Deadline)
	case o.End.How == spec.TargetAnswers:
		return fmt.Sprintf("It did not answer the Close frame within %s.", r.Deadline)
	case o.End.How == spec.TargetDrops:
		return fmt.Sprintf("It did not close TCP within %s.", r.Deadline)
	}
	return fmt.Sprintf("It did not fail the connection within %s.", r.Deadline)
}

// isPlain reports whether a close code reports no error.
func isPlain(code wire.CloseCode) bool {
	return code == wire.NormalClosure || code == wire.GoingAway || code == wire.NoStatusReceived || code >= 3000
}

// sentence returns s with a capital at its start and a period at its end.
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
