package suite

import (
	"errors"
	"fmt"
	"strings"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// judgeOpening judges the target's half of the opening handshake, and reports
// whether that is all there is to judge.
func (c *Case) judgeOpening(r *judging, role wire.Role) bool {
	a := r.Half
	r.Expected = c.expected()
	r.Withheld = a.withheld
	if lacks := c.lacksRequest(a, role); lacks != "" {
		r.Verdict, r.Closing, r.Reason, r.Got = Note, Note, sentence(lacks), a.head.Line
		return true
	}
	refusal := c.refusal()
	switch {
	case c.needsOpen(a, role):
		// 1. A client's half must be right, whatever it is then answered, and so
		// must be a server's that opens a WebSocket.
		if reason, rule := a.refused(); reason != "" {
			r.Verdict, r.Closing, r.Reason, r.Rule = Fail, Fail, reason, rule
			r.Got = "no WebSocket"
			switch {
			case errors.Is(a.err, errSilent):
				c.noHandshake(r)
			case a.busy():
				r.Busy = true
				r.Report = r.Report.NotJudged(fmt.Sprintf("it answered %.60q, so it had no room for this connection", a.head.Line))
			case a.head == nil:
				r.lacks = c.handshakeWords()
			}
			if a.head != nil && !r.Busy {
				r.pointRule(a.head, rule)
			}
			return true
		}
		if lacks := c.lacksDeflate(a, role); lacks != "" {
			r.Verdict, r.Closing, r.Reason, r.Got = Note, Note, sentence(lacks), a.head.Line
			return true
		}
		return false
	case a.head == nil:
		// 2. No answer at all.
		r.Got = a.err.Error()
		r.Verdict, r.Reason = Warning, sentence("it refused the handshake without an answer: "+a.err.Error())
		switch {
		case errors.Is(a.err, errSilent):
			c.noHandshake(r)
		case refusal.End.Silent:
			r.Verdict, r.Reason = refusal.Verdict, sentence(refusal.Why)
		}
	case a.head.Head.Status == 101:
		r.pointRule(a.head, "")
		r.Verdict, r.Closing, r.Reason = Fail, Fail, "It opened a WebSocket, and the handshake was one that it must refuse."
	default:
		// 3. A refusal.
		if r.Got, r.Busy = a.head.Line, a.busy(); r.Busy {
			r.lacks = "room for the connection"
		}
		for _, o := range c.Outcomes {
			if o.End.How == Refuses && o.End.allows(a.head.Head.Status) {
				r.Verdict, r.Reason = o.Verdict, sentence(o.Why)
				return true
			}
		}
		r.Verdict = Warning
		r.Reason = fmt.Sprintf("It refused the handshake with status %d, and %s was due.", a.head.Head.Status, refusal.End)
	}
	return true
}

// noHandshake makes r the report of a case in which the target's half of the
// opening handshake did not come in time.
func (c *Case) noHandshake(r *judging) {
	r.Verdict, r.Closing, r.Rule = NoAnswer, NoAnswer, ""
	r.lacks = c.handshakeWords()
	r.Got = r.Half.err.Error()
	r.Reason = fmt.Sprintf("No answer within %s: %s.", r.Deadline, r.Got)
}

// handshakeWords names the target's half of the opening handshake. That to an
// unusual request is another than that to the usual one.
func (c *Case) handshakeWords() string {
	switch {
	case c.Judges == wire.Client:
		return "a request"
	case len(c.Opening.Writes) > 0 || c.Opening.Each > 0 || c.Opening.Fin:
		return "a response to an unusual request"
	}
	return "a response to the request"
}

// pointRule sets Got, Bytes and Caret to the line of h that breaks rule, or to
// its first line, where that tells.
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
		at = strings.Index(h.Line, " ") + 1 // the status, or the target
	}
	r.pointLine(h.Line, at)
}

// pointLine sets Got to a line, and Bytes and Caret to the byte at of it.
func (r *judging) pointLine(line string, at int) {
	r.Got, r.Skipped = line, 0
	if at >= keepBytes {
		r.Skipped = at - keepBytes/2
	}
	r.Bytes = []byte(line[r.Skipped:min(len(line), r.Skipped+keepBytes)])
	r.Caret = 8 * (at - r.Skipped)
}
