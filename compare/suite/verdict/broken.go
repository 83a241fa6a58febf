package verdict

import "wslab/compare/suite/spec"

// broken returns the MUST that the target broke in the frames. It returns the zero value
// if c.Duty is that MUST, or if c is not the case of a MUST.
func broken(c *spec.Case, r *judging) (d spec.Duty) {
	switch {
	case r.Worst() != spec.Fail || r.Rule != "" || c.Duty == (spec.Duty{}) || r.Half.Head == nil || c.Refused() || !r.framed:
	case r.TooLong != nil:
		d = spec.DutyLength
	case r.lacks == lacksClose:
		d = spec.DutyAnswers
	case r.pong:
		d = spec.DutyPong
	case c.Duty.Handshake():
		d = spec.DutyParses
	}
	if d == c.Duty {
		return spec.Duty{}
	}
	return d
}

// Source returns the place of the MUST that the target broke and the party that this MUST
// binds. If the target broke none, Source returns the source of the case.
func (r Report) Source() string {
	if r.broke != (spec.Duty{}) {
		return r.broke.String()
	}
	return r.Case.Source()
}
