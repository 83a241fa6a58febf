package suite

import (
	"fmt"
	"slices"
)

// refusal returns the first outcome that is a refusal, or nil.
func (c *Case) refusal() *Outcome {
	for i := range c.Outcomes {
		if c.Outcomes[i].End.How == Refuses {
			return &c.Outcomes[i]
		}
	}
	return nil
}

// mayOpen reports whether an outcome of c is an open WebSocket.
func (c *Case) mayOpen() bool {
	for _, o := range c.Outcomes {
		if o.End.How != Refuses {
			return true
		}
	}
	return false
}

// allows reports whether a refusal may have this status.
func (e End) allows(status int) bool {
	return slices.Contains(e.Statuses, status) || len(e.Statuses) == 0 && status >= 400
}

// A headCheck judges one thing about the target's half of the opening
// handshake.
type headCheck func(a answer) finding

// A finding is what a check has found. The zero value is that all is well.
type finding struct {
	verdict Verdict
	why     string // for people, with the target as it
	mistake string // code of the one mistake that this shows, "" where it may be several
}

// found returns a finding that shows no certain mistake.
func found(v Verdict, why string, args ...any) finding {
	return finding{verdict: v, why: fmt.Sprintf(why, args...)}
}

// shows returns f as what shows the mistake with this code.
func (f finding) shows(mistake string) finding {
	f.mistake = mistake
	return f
}

// take makes f what r says of the behaviour.
func (r *judging) take(f finding) {
	r.Verdict, r.Reason, r.Mistake = f.verdict, sentence(f.why), f.mistake
}

// judgeHead adds what c.Head says to r, where nothing graver is said: it is what
// the case is about.
func (c *Case) judgeHead(r *judging) {
	if c.Head == nil || r.Half.head == nil {
		return
	}
	if f := c.Head(r.Half); f.verdict != Pass && f.verdict >= r.Verdict {
		r.take(f)
		if r.lacks != "" && f.verdict == Fail {
			r.lacks = "" // the head is there, whatever came or did not come after it
		}
		for _, v := range r.Half.head.Violations {
			if slices.Contains(c.Rules, v.Code) {
				r.Rule = v.Code
				break
			}
		}
	}
}

// resets reports whether a step of c resets TCP.
func (c *Case) resets() bool {
	for _, s := range c.Steps {
		if s.Do == Reset {
			return true
		}
	}
	return false
}
