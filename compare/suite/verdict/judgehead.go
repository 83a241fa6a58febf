package verdict

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// take makes f the verdict of the behavior, its reason and its mistake.
func (r *judging) take(f spec.Finding) {
	r.Verdict, r.Reason, r.Mistake = f.Verdict, sentence(f.Why), f.Mistake
}

// judgeHead adds the result of c.Head to r, unless r has a worse verdict. The result
// replaces an equal verdict, because the case is about the head.
func judgeHead(c *spec.Case, r *judging) {
	if c.Head == nil || r.Half.Head == nil {
		return
	}
	if f := c.Head(r.Half); f.Verdict != spec.Pass && f.Verdict >= r.Verdict {
		r.take(f)
		r.framed = false
		if r.lacks != "" && f.Verdict == spec.Fail {
			r.lacks = "" // the finding is about the head, which arrived
		}
		for _, v := range r.Half.Head.Violations {
			if slices.Contains(c.Rules, v.Code) {
				r.Rule = v.Code
				break
			}
		}
	}
}

// judgeOpening judges the target's half of the opening handshake. It reports whether r is
// then complete.
func judgeOpening(c *spec.Case, r *judging, role wire.Role) bool {
	a := r.Half
	r.Expected = expected(c)
	r.Withheld = a.Withheld
	if lacks := transcript.LacksRequest(c, a, role); lacks != "" {
		r.Verdict, r.Closing, r.Reason, r.Got = spec.Note, spec.Note, sentence(lacks), a.Head.Line
		return true
	}
	refusal := c.Refusal()
	switch {
	case transcript.NeedsOpen(c, a, role):
		// 1. The half must be valid.
		if reason, rule := transcript.Refused(a); reason != "" {
			r.Verdict, r.Closing, r.Reason, r.Rule = spec.Fail, spec.Fail, reason, rule
			r.Got = "no WebSocket"
			switch {
			case errors.Is(a.Err, transcript.ErrSilent):
				noHandshake(c, r)
			case transcript.Busy(a):
				r.Busy = true
				r.Report = r.Report.NotJudged(fmt.Sprintf("it responded %.60q, so it had no room for this connection", a.Head.Line))
			case a.Head == nil:
				r.lacks = handshakeWords(c)
			}
			if a.Head != nil && !r.Busy {
				r.pointRule(a.Head, rule)
			}
			return true
		}
		if lacks := transcript.LacksDeflate(c, a, role); lacks != "" {
			r.Verdict, r.Closing, r.Reason, r.Got = spec.Note, spec.Note, sentence(lacks), a.Head.Line
			return true
		}
		return false
	case a.Head == nil:
		// 2. There is no response.
		r.Got = a.Err.Error()
		r.Verdict, r.Reason = spec.Warning, sentence("it refused the handshake without a response: "+a.Err.Error())
		switch {
		case errors.Is(a.Err, transcript.ErrSilent):
			noHandshake(c, r)
		case refusal.End.Silent:
			r.Verdict, r.Reason = refusal.Verdict, sentence(refusal.Why)
		}
	case a.Head.Head.Status == 101:
		r.pointRule(a.Head, "")
		r.Verdict, r.Closing, r.Reason = spec.Fail, spec.Fail, "It opened a WebSocket, but it must refuse this handshake."
	default:
		// 3. A refusal.
		if r.Got, r.Busy = a.Head.Line, transcript.Busy(a); r.Busy {
			r.lacks = "room for the connection"
		}
		for _, o := range c.Outcomes {
			if o.End.How == spec.TargetRefuses && o.End.Allows(a.Head.Head.Status) {
				r.Verdict, r.Reason = o.Verdict, sentence(o.Why)
				return true
			}
		}
		r.Verdict = spec.Warning
		r.Reason = fmt.Sprintf("It refused the handshake with status %d, where %s was expected.", a.Head.Head.Status, refusal.End)
	}
	return true
}

// noHandshake sets r to a NoAnswer: the target's half of the opening handshake did not
// arrive in time.
func noHandshake(c *spec.Case, r *judging) {
	r.Verdict, r.Closing, r.Rule = spec.NoAnswer, spec.NoAnswer, ""
	r.lacks = handshakeWords(c)
	r.Got = r.Half.Err.Error()
	if r.slow {
		r.Got = strings.TrimSuffix(r.Got, transcript.ThenNothing)
		tooSlow(r)
		return
	}
	r.Reason = fmt.Sprintf("No answer within %s: %s.", r.Deadline, r.Got)
}

// handshakeWords returns the name of the target's half of the opening handshake, for
// Lacks. The response to an unusual request has a name of its own.
func handshakeWords(c *spec.Case) string {
	switch {
	case c.Judges == wire.Client:
		return "a request"
	case len(c.Opening.Writes) > 0 || c.Opening.Each > 0 || c.Opening.Fin:
		return "a response to an unusual request"
	}
	return "a response to the request"
}

// pointRule sets Got, Bytes and Caret to the line of h that breaks rule. If there is
// none, it uses the first line.
func (r *judging) pointRule(h *dissect.Handshake, rule string) {
	name := dissect.HeaderField(rule)
	for _, l := range h.Lines {
		if name == "" || !strings.EqualFold(l.Name, name) {
			continue
		}
		line := string(h.Bytes()[l.Offset : l.Offset+l.Size])
		line = strings.TrimRight(line, "\r\n")
		at := min(len(l.Name)+len(": "), len(line)-1)
		if rule == wire.RuleAcceptWrong.Code && h.Accept != nil {
			r.Expected = "Sec-WebSocket-Accept: " + h.Accept.Expected
			value := strings.Index(line, l.Value)
			for at = value; at < len(line)-1 && at-value < len(h.Accept.Expected) && line[at] == h.Accept.Expected[at-value]; {
				at++
			}
		}
		r.pointLine(line, at)
		return
	}
	at := 0
	if h.From == wire.Server || rule == wire.RuleTarget.Code {
		at = strings.Index(h.Line, " ") + 1 // the position of the status or of the target
	}
	r.pointLine(h.Line, at)
}

// pointLine sets Got to line. It sets Bytes and Caret to the byte at of line.
func (r *judging) pointLine(line string, at int) {
	r.Got, r.Skipped = line, 0
	if at >= spec.KeepBytes {
		r.Skipped = at - spec.KeepBytes/2
	}
	r.Bytes = []byte(line[r.Skipped:min(len(line), r.Skipped+spec.KeepBytes)])
	r.Caret = 8 * (at - r.Skipped)
}
