package verdict

import (
	"slices"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// broken returns the MUST that the target broke in the frames, for a case about the
// opening handshake. It returns the zero value if c.Duty is that MUST.
func broken(c *spec.Case, r *judging) spec.Duty {
	switch {
	case r.Worst() != spec.Fail || r.Rule != "" || !c.Duty.Handshake() || r.Half.Head == nil || c.Refused() || !r.framed:
	case r.TooLong != nil:
		return spec.DutyLength
	case r.lacks == lacksClose:
		return spec.DutyAnswers
	case asksPong(c.Outcomes[0]):
		return spec.DutyPong
	default:
		return spec.DutyParses
	}
	return spec.Duty{}
}

// asksPong reports whether o expects Pongs alone.
func asksPong(o spec.Outcome) bool {
	return len(o.Sees) > 0 && !slices.ContainsFunc(o.Sees, func(f spec.Frame) bool { return f.Opcode != wire.Pong })
}

// Source returns the place of the MUST that the target broke and the party that this MUST
// binds. If the target broke none, Source returns the source of the case.
func (r Report) Source() string {
	if r.broke != (spec.Duty{}) {
		return r.broke.String()
	}
	return r.Case.Source()
}
