package transcript

import (
	"slices"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// fit says how what was seen stands to what is expected.
type fit uint8

const (
	Cannot fit = iota // it can no longer become what is expected
	Partly            // more is to come
	Wholly
)

// Fits holds what was seen against o. wrong is the index in saw of the first
// that o has no place for, or -1, and due what o has in its place. A Pong may
// come unasked (RFC 6455 §5.5.3), so that of one that is idle nothing follows.
func Fits(o spec.Outcome, saw []spec.Message) (f fit, wrong int, due *spec.Frame) {
	return Hold(o, saw, false)
}

// Hold is fits, and with strict has a place for no idle Pong either.
func Hold(o spec.Outcome, saw []spec.Message, strict bool) (f fit, wrong int, due *spec.Frame) {
	f = Wholly
	lanes := []func(wire.Opcode) bool{func(op wire.Opcode) bool { return !op.IsControl() }, wire.Opcode.IsControl}
	if o.InOrder {
		lanes = []func(wire.Opcode) bool{func(wire.Opcode) bool { return true }}
	}
	wrong = -1
	for _, lane := range lanes {
		next := 0
		skip := func() *spec.Frame { // the next of o.Sees in this lane
			for ; next < len(o.Sees); next++ {
				if lane(o.Sees[next].Opcode) {
					return &o.Sees[next]
				}
			}
			return nil
		}
		for i, s := range saw {
			if !lane(s.Opcode) {
				continue
			}
			before := next
			e := skip()
			first := e
			for e != nil && e.Optional && !Is(*e, s) {
				next++
				e = skip()
			}
			if (e == nil || !Is(*e, s)) && s.Idle && !strict {
				next = before
				continue
			}
			if e == nil || !Is(*e, s) {
				if wrong < 0 || i < wrong {
					wrong, due = i, first
				}
				f = Cannot
				break
			}
			next++
		}
		for e := skip(); e != nil; e = skip() {
			if !e.Optional {
				f = min(f, Partly)
			}
			next++
		}
	}
	return f, wrong, due
}

// Is reports whether s is what is expected.
func Is(e spec.Frame, s spec.Message) bool {
	return s.Opcode == e.Opcode && e.Payload.Equal(s.Payload)
}

// Best returns the first outcome that what was seen can still be, or, with
// over, is.
func Best(c *spec.Case, saw []spec.Message, closed *spec.Message, s State, over bool) *spec.Outcome {
	for i := range c.Outcomes {
		o := &c.Outcomes[i]
		f, _, _ := Fits(*o, saw)
		if f == Cannot || o.End.Early && s.Late || over && f != Wholly {
			continue
		}
		if o.End.Exact && closed != nil && !slices.Contains(o.End.Codes, closed.Close.Code) {
			continue
		}
		if over {
			switch o.End.How {
			case spec.JudgeCloses:
				if !s.CloseSent {
					continue // it ended before it was asked to
				}
			case spec.TargetFails, spec.TargetAnswers, spec.TargetDrops:
				if s.CloseSent || !s.Ended || o.End.Exact && closed == nil {
					continue
				}
			case spec.TargetRefuses:
				if c.Judges == wire.Server || s.CloseSent || !s.Ended {
					continue // a server's refusal has been judged by its answer
				}
			}
		}
		return o
	}
	return nil
}
