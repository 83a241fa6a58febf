package verdict

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// mildly makes r, of a case about browsers, a note where the client is none.
func mildly(c *spec.Case, r *Report, browser bool) {
	if c.Browser && !browser && r.Worst() == spec.Fail {
		r.Verdict, r.Closing = spec.Note, spec.Note
		r.Reason += " That binds browsers; RFC 6455 §4.1 leaves it to other clients."
	}
}

// temper makes a failure of a case that no MUST speaks of a warning: what it asks
// for an endpoint may do otherwise. Only a frame of the target's own that breaks a
// MUST, not one that it sends back, still fails a case of a SHOULD.
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
		r.Reason += " No MUST of an RFC forbids that here."
	}
}

// conclude is what remains when the behavior was judged.
func conclude(c *spec.Case, r *judging) {
	judgeHead(c, r)
	temper(c, r)
	r.broke = broken(c, r)
}

// judging is the report of a case while it is made, with what came.
type judging struct {
	Report
	*transcript.Transcript

	framed bool // the reason of the verdict is in the frames, not in the opening handshake
}

// Judge returns the report of c, which was played at endpoint and gave t.
func Judge(c *spec.Case, endpoint string, t *transcript.Transcript) Report {
	r := &judging{Report: Report{Case: c, Endpoint: endpoint, Caret: -1, Expected: expected(c), Took: t.Lasted, Events: t.Events, partial: t.Partial, Handshake: t.Half.Head, floods: t.Flooded, slow: t.SlowHalf}, Transcript: t}
	switch {
	case t.NoElsewhere != nil:
		r.Verdict, r.Closing = spec.Note, spec.Note
		r.Reason = sentence("there is no second address to redirect it to: " + t.NoElsewhere.Error())
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
		r.Reason = `It followed the redirect: it sent a second request, to the address in Location. The WHATWG WebSockets Standard sets the redirect mode to "error".`
	}
	// A pass needs no evidence unless the case is recorded, or what a reset did is
	// still to be seen.
	if t.Kept || r.Worst() != spec.Pass || c.Redirects || c.Resets() {
		r.Exchange = t.Journal.Crossings(t.Judge)
		if t.Second != nil {
			r.Exchange = append(r.Exchange, *t.Second)
		}
	}
	mildly(c, &r.Report, t.Browser || c.Judges == wire.Server)
	return r.Report
}

// got describes all that came, and how it ended.
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

// expected describes the outcomes.
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
			continue // they differ in what else may be
		}
		list = append(list, s)
	}
	return strings.Join(list, ", or ")
}

// judgeFrames sets r's verdicts by what r saw.
func judgeFrames(c *spec.Case, r *judging, s transcript.State) {
	r.Got = r.got()
	r.Expected = expected(c)

	// After a reset it is chance what has come before; that the target lives is
	// seen on another connection.
	if c.Resets() {
		return
	}

	// 1. What breaks a rule by itself is wrong in any case.
	if r.Fault != nil {
		r.Verdict, r.Closing = spec.Fail, spec.Fail
		if !r.Fault.BreaksMust() {
			r.Verdict, r.Closing = spec.Warning, spec.Warning
		}
		r.Rule, r.Reason = r.Fault.Rule.Code, r.Fault.Rule.Error()
		r.point(r.Fault.Of, len(r.Fault.Of.Frames)-1, r.Fault.Bit)
		if slices.Contains(c.Rules, r.Rule) && c.Outcomes[0].End.How == spec.TargetFails && r.Fault.Of.Opcode != wire.Close {
			r.Reason = "It sent back what it must fail the connection for. " + r.Reason
		}
		if o := transcript.Best(c, r.Saw, r.Closed, s, true); o != nil && s.CloseSent {
			r.Verdict = o.Verdict // all that was asked was answered before
		}
		return
	}
	if r.TooLong != nil && !s.Flooded {
		r.Verdict, r.Closing, r.Rule, r.framed = spec.Fail, spec.Fail, "", true
		r.Reason = overlong(c, r)
		return
	}
	if s.Flooded {
		// No MUST forbids that, and it hides what the case asks for.
		r.Report = r.Report.NotJudged("it sends more than anything in this case calls for, so the judge stopped reading")
		return
	}

	// 2. The first outcome that fits, or else why the best does not.
	o := transcript.Best(c, r.Saw, r.Closed, s, true)
	if o == nil {
		o = limited(c, r.Saw, r.Closed, s)
	}
	if o == nil {
		if o = leftOpen(c, r.Saw, s); o != nil {
			r.lacks = "the end of TCP"
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
		r.lacks = "the failing of the connection at once"
	}
	if c.Also != nil {
		if f := c.Also(r.Saw); f.Verdict != spec.Pass {
			r.take(f)
		}
	}

	// 3. How it ended.
	closing, why := judgeEnd(o.End, r, s)
	switch {
	case c.Mute && s.Timeout:
		closing, why = spec.Warning, fmt.Sprintf("it left TCP open for %s after its Close frame was not answered (RFC 6455 §7.1.7)", r.Deadline)
		r.lacks = "the end of TCP"
	case closing == spec.Pass && s.First:
		closing, why = spec.Note, "it closed TCP itself, which a client should leave to the server (RFC 6455 §7.1.1)"
	}
	r.Closing = closing
	if closing != spec.Pass {
		r.ClosingReason = sentence(why)
	}
	if closing >= spec.NoAnswer {
		r.Rule = "" // the case is not about this
	}
	if closing != spec.Pass && (r.Reason == "" || closing == spec.Fail) {
		r.Reason = sentence(why)
	}
}

// couldBe reports whether what was seen can still become a legal outcome, and has
// no Pong in it where another one was expected.
func couldBe(c *spec.Case, r *judging, s transcript.State) bool {
	f, wrong, due := transcript.Hold(c.Outcomes[0], r.Saw, true)
	if f == transcript.Cannot && (due != nil && due.Opcode == wire.Pong || len(r.Saw[wrong].Payload) == 0 && transcript.SentBy(c).Has(nil)) {
		return false
	}
	return transcript.Best(c, r.Saw, r.Closed, s, false) != nil
}

// noAnswer makes r the report of a case in which time ran out.
func noAnswer(c *spec.Case, r *judging, s transcript.State) {
	r.Verdict, r.Closing, r.Rule = spec.NoAnswer, spec.NoAnswer, ""
	r.Reason = fmt.Sprintf("No answer within %s: %s did not come.", r.Deadline, r.lacks)
	if r.slow = s.Slow; s.Slow {
		tooSlow(r)
	}
}

// tooSlow makes r the report of a case that reached its upper bound while bytes
// still moved.
func tooSlow(r *judging) {
	r.Verdict, r.Closing = spec.NotJudged, spec.NotJudged
	r.Reason = fmt.Sprintf("Not finished in time, while bytes still came: %s was not there yet.", r.lacks)
}

// missing says which step of the outcome that is still possible did not come.
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
				return "a Pong"
			default:
				return fmt.Sprintf("the echo of a %s message", e.Opcode)
			}
		}
	}
	switch {
	case o.End.How == spec.TargetAnswers || s.CloseSent:
		return "a Close frame in answer"
	case o.End.How == spec.TargetDrops:
		return "the end of TCP"
	}
	return "the failing of the connection"
}

// overlong points at a length that no outcome can have, and says so.
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
		return fmt.Sprintf("Its frame header announces a payload of %d bytes, and no message is expected here.", last.Header.Length)
	}
	return fmt.Sprintf("Its frame header announces a payload of %d bytes, and the message expected here has %d.", last.Header.Length, due)
}

// leastLimit is the size from which a message may be too large for an endpoint.
// The RFC names none (§10.4); one that takes less has read the length wrong more
// likely than that it has a limit.
const leastLimit = 4 << 10

// limited returns the outcome that c's messages are too large for the target, which
// says so with 1009 or only ends TCP, or nil if that is not what was seen.
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
		return &spec.Outcome{Verdict: spec.Warning, Why: "it ended TCP at a message of this size without a Close frame. If it has a limit, it should say so with 1009 (RFC 6455 §7.1.7)", End: spec.End{How: spec.TargetFails}}
	case closed == nil || !slices.Contains(spec.TooMuch, closed.Close.Code):
		return nil
	}
	return &spec.Outcome{Verdict: spec.Note, Why: spec.LimitWhy, End: spec.End{How: spec.TargetFails, Codes: spec.TooMuch}}
}

// leftOpen returns the outcome that nothing is wrong but that the target has not
// closed TCP, where time is all that speaks against it, or nil if that is not what
// was seen: a server whose client has ended its side of TCP, for only a client must
// fail such a connection (RFC 6455 §7.2.1), or a client that took no notice of a
// response that opens no WebSocket.
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
		return &spec.Outcome{Verdict: spec.Warning, Why: "it left its side of TCP open when the client had ended its own, which no MUST forbids", End: spec.End{How: spec.TargetDrops, NoTCP: true}}
	case o.End.How == spec.TargetRefuses && c.Judges == wire.Client:
		return &spec.Outcome{Verdict: spec.Warning, Why: "it opened no WebSocket, and left TCP open for some time", End: spec.End{How: spec.TargetRefuses, NoTCP: true}}
	}
	return nil
}

// largest returns how many bytes the largest message has that c sends.
func largest(c *spec.Case) (most int) {
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
func mismatch(c *spec.Case, r *judging, s transcript.State) string {
	o := &c.Outcomes[0]
	f, wrong, due := transcript.Fits(*o, r.Saw)
	if f != transcript.Cannot {
		// A Pong that may be a heartbeat has not made the case fail, but may be the
		// answer that went wrong.
		g, i, e := transcript.Hold(*o, r.Saw, true)
		if g == transcript.Cannot && (e != nil && e.Opcode == wire.Pong || len(r.Saw[i].Payload) == 0 && transcript.SentBy(c).Has(nil)) {
			f, wrong, due = g, i, e
		}
	}
	switch {
	case f == transcript.Cannot:
		r.pointAt(r.Saw[wrong], due)
		if due == nil {
			if o.End.How == spec.TargetRefuses && c.Judges == wire.Client {
				return fmt.Sprintf("It took the answer for one that opens a WebSocket, and sent %s.", r.Saw[wrong])
			}
			if o.End.How == spec.TargetFails {
				return fmt.Sprintf("It sent %s, where it must fail the connection.", r.Saw[wrong])
			}
			return fmt.Sprintf("It sent %s, which nothing called for.", r.Saw[wrong])
		}
		if r.Saw[wrong].Opcode == due.Opcode && len(r.Saw[wrong].Payload) == due.Payload.Len() {
			return fmt.Sprintf("The payload of its %s frame is not the one that is due.", due.Opcode)
		}
		return fmt.Sprintf("It sent %s where %s was due.", r.Saw[wrong], due)
	case r.Closed != nil:
		r.point(*r.Closed, 0, 4)
		switch {
		case f == transcript.Partly:
			return fmt.Sprintf("It ended the connection with %s and left out what was due.", r.Closed)
		case o.End.How == spec.JudgeCloses:
			return fmt.Sprintf("It ended the connection with %s, and nothing gave it a reason to.", r.Closed)
		}
		return fmt.Sprintf("It ended the connection with %s.", r.Closed)
	case s.Ended:
		r.lacks = "the rest of the connection"
		if f == transcript.Partly {
			return fmt.Sprintf("%s, and what was due had not come.", transcript.EndText(r.Over))
		}
		return fmt.Sprintf("%s, and nothing gave it a reason to.", transcript.EndText(r.Over))
	case f == transcript.Partly:
		return fmt.Sprintf("What was due did not come within %s.", r.Deadline)
	case o.End.How == spec.TargetAnswers:
		return fmt.Sprintf("It did not answer the Close frame within %s.", r.Deadline)
	case o.End.How == spec.TargetDrops:
		return fmt.Sprintf("It did not close TCP within %s.", r.Deadline)
	}
	return fmt.Sprintf("It did not fail the connection within %s.", r.Deadline)
}

// judgeEnd says whether the connection ended as e asks.
func judgeEnd(e spec.End, r *judging, s transcript.State) (spec.Verdict, string) {
	codes := e.Codes
	if e.How == spec.JudgeCloses {
		codes = []wire.CloseCode{wire.NormalClosure}
	}
	verdict, why := spec.Pass, ""
	worse := func(v spec.Verdict, text string, args ...any) {
		if v > verdict {
			verdict, why = v, fmt.Sprintf(text, args...)
		}
	}
	switch {
	case e.How == spec.TargetRefuses && r.Closed != nil:
		worse(spec.Warning, "it sent a Close frame, and no WebSocket was open")
	case e.How == spec.TargetRefuses:
	case r.Closed == nil && e.How == spec.TargetFails:
		worse(spec.Warning, "it failed the connection without a Close frame (RFC 6455 §7.1.7: it should send one)")
	case r.Closed == nil && e.How == spec.TargetDrops:
	case r.Closed == nil && r.Over != nil && !transcript.IsTimeout(r.Over):
		r.lacks = "a Close frame in answer"
		worse(spec.Fail, "%s without a Close frame in answer (RFC 6455 §5.5.1)", transcript.EndText(r.Over))
	case r.Closed == nil:
		r.lacks = "a Close frame in answer"
		worse(spec.NoAnswer, "no answer within %s: it did not answer the Close frame (RFC 6455 §5.5.1)", r.Deadline)
	case len(codes) > 0 && !slices.Contains(codes, r.Closed.Close.Code) && e.How != spec.TargetFails && isPlain(r.Closed.Close.Code):
		worse(spec.Note, "it answers with %s and not with the code that it got, which is usual and no rule (RFC 6455 §5.5.1)", r.Closed)
	case len(codes) > 0 && !slices.Contains(codes, r.Closed.Close.Code):
		r.point(*r.Closed, 0, codeBit(*r.Closed, codes[0]))
		worse(spec.Warning, "its Close frame has the code %s, and %s is the one for this", spec.CodeText(r.Closed.Close.Code), spec.CodeText(codes[0]))
	}
	switch {
	case e.NoTCP:
	case s.Timeout && r.Case.Judges == wire.Client:
		r.lacks = "the end of TCP"
		worse(spec.Warning, "it left TCP open for some time after the closing handshake. When a client closes it is its own choice (RFC 6455 §5.5.1)")
	case s.Timeout:
		if r.lacks == "" {
			r.lacks = "the end of TCP"
		}
		worse(spec.NoAnswer, "no answer within %s: it left TCP open after the closing handshake (RFC 6455 §7.1.1)", s.Waited)
	case r.Over != nil && tap.IsReset(r.Over) && e.How != spec.TargetFails && e.How != spec.TargetDrops && e.How != spec.TargetRefuses && !s.Trailing:
		worse(spec.Warning, "it reset TCP after the closing handshake, where it should close it (RFC 6455 §7.1.1)")
	}
	return verdict, why
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
