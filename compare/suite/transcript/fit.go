package transcript

import (
	"slices"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// fit is the result of comparing the messages of the target with an outcome.
type fit uint8

const (
	Cannot fit = iota // they do not fit, and no further message can change that
	Partly            // they are the beginning of the outcome
	Wholly            // they are the whole outcome
)

// Fits compares saw with o. wrong is the index in saw of the first message that does not
// fit, or -1. due is the message that o expects in its place, or nil. Fits ignores an
// idle Pong, because an endpoint may send a Pong at any time (RFC 6455 §5.5.3).
func Fits(o spec.Outcome, saw []spec.Message) (f fit, wrong int, due *spec.Frame) {
	return Hold(o, saw, false)
}

// Hold is Fits. If strict is set, Hold does not ignore an idle Pong.
func Hold(o spec.Outcome, saw []spec.Message, strict bool) (f fit, wrong int, due *spec.Frame) {
	f = Wholly
	lanes := []func(wire.Opcode) bool{func(op wire.Opcode) bool { return !op.IsControl() }, wire.Opcode.IsControl}
	if o.InOrder {
		lanes = []func(wire.Opcode) bool{func(wire.Opcode) bool { return true }}
	}
	wrong = -1
	for _, lane := range lanes {
		next := 0
		skip := func() *spec.Frame { // returns the next of o.Sees in this lane
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

// Is reports whether s is the expected message e.
func Is(e spec.Frame, s spec.Message) bool {
	return s.Opcode == e.Opcode && e.Payload.Equal(s.Payload)
}

// Best returns the first outcome of c that saw can still become, or nil. If over is set,
// no more messages follow. Best then returns the first outcome that saw is.
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
		if closed != nil && slices.Contains(o.End.Never, closed.Close.Code) {
			continue
		}
		if over {
			switch o.End.How {
			case spec.JudgeCloses:
				if !s.CloseSent {
					continue // the target closed first
				}
			case spec.TargetFails, spec.TargetAnswers, spec.TargetDrops:
				if s.CloseSent || !s.Ended || o.End.Exact && closed == nil {
					continue
				}
			case spec.TargetRefuses:
				if c.Judges == wire.Server || s.CloseSent || !s.Ended {
					continue // a server's refusal was judged by its response
				}
			}
		}
		return o
	}
	return nil
}
