package spec

import (
	"slices"

	"wslab/reference/wire"
)

// Answers: the target answers with these, and then the judge closes.
func Answers(sees ...Frame) []Outcome { return []Outcome{{Sees: sees}} }

// CoalescedWhy is why an endpoint may leave out Pongs.
const CoalescedWhy = "it answered only some of the Pings, the last among them, as RFC 6455 §5.5.3 allows"

// Coalesced returns sees with no Pong but the last needed, or nil where there is
// only one.
func Coalesced(list []Frame) []Frame {
	some := slices.Clone(list)
	n := 0
	for i := len(some) - 1; i >= 0; i-- {
		if some[i].Opcode == wire.Pong {
			if n++; n > 1 {
				some[i] = some[i].Perhaps()
			}
		}
	}
	if n < 2 {
		return nil
	}
	return some
}

// AnswersPings is answers for Pings that no answer was waited for between.
func AnswersPings(sees ...Frame) []Outcome {
	return append(Answers(sees...), Outcome{Verdict: Note, Why: CoalescedWhy, Sees: Coalesced(sees)})
}

// Fails: the target fails the connection with one of codes, and nothing else.
func Fails(codes ...wire.CloseCode) []Outcome {
	return []Outcome{{End: End{How: TargetFails, Codes: codes}}}
}

// FailsOrTakes: the target fails the connection with code, or takes what no MUST
// of a receiver forbids and answers with these, which is warning.
func FailsOrTakes(code wire.CloseCode, why string, sees ...Frame) []Outcome {
	return append(Fails(code), Outcome{Verdict: Warning, Why: why, Sees: sees})
}

// Closes: the target answers the Close frame of a step with one of codes.
func Closes(codes ...wire.CloseCode) []Outcome {
	return []Outcome{{End: End{How: TargetAnswers, Codes: codes}}}
}

// FailsAfter: the target answers what came before with these, and then fails
// the connection. An endpoint that reads ahead may find the fault before it has
// answered. No message has to be answered, and who echoes is an application that
// cannot know what the endpoint has read meanwhile: to fail without its echoes is
// legal. A Pong should be sent as soon as is practical (RFC 6455 §5.5.2), so to
// fail without one is warning.
func FailsAfter(code wire.CloseCode, sees ...Frame) []Outcome {
	end := End{How: TargetFails, Codes: []wire.CloseCode{code}}
	outcomes := []Outcome{{Sees: sees, End: end}}
	verdict, why := Note, "it failed the connection before the messages in front of the fault were echoed"
	for n := len(sees) - 1; n >= 0; n-- {
		if sees[n].Opcode == wire.Pong {
			verdict, why = Warning, "it failed the connection before it had answered a Ping that stood in front of the fault"
		}
		outcomes = append(outcomes, Outcome{Verdict: verdict, Sees: sees[:n], End: end, Why: why})
	}
	return outcomes
}

// FailsFast: the target fails the connection at once, before the Patience step
// is over; doing so later is legal.
func FailsFast(code wire.CloseCode, why string) []Outcome {
	end := End{How: TargetFails, Codes: []wire.CloseCode{code}}
	early := end
	early.Early = true
	return []Outcome{{End: early}, {Verdict: Note, Why: why, End: end}}
}

// Opens: the WebSocket is opened and echoes.
func Opens() []Outcome { return Answers(Text("Hello")) }

// Refuses: no WebSocket is opened.
func Refuses() []Outcome { return []Outcome{{End: End{How: TargetRefuses}}} }

// OpensOr: a refusal has this verdict.
func OpensOr(v Verdict, why string) []Outcome {
	return append(Opens(), Outcome{Verdict: v, Why: why, End: End{How: TargetRefuses}})
}

// RefusesOr: an open WebSocket has this verdict.
func RefusesOr(v Verdict, why string) []Outcome {
	return append(Refuses(), Outcome{Verdict: v, Why: why, Sees: []Frame{Text("Hello")}})
}

// FailsOr: the target fails the connection with 1002, or does one of others.
func FailsOr(others ...Outcome) []Outcome {
	strict := Fails(wire.ProtocolError)
	strict[0].End.Exact = true
	return slices.Concat(strict, others, Fails(wire.ProtocolError))
}

// WithLimit: the target answers with these, or says that they are too large for
// it.
func WithLimit(sees []Frame) []Outcome {
	outcomes := Answers(sees...)
	some := make([]Frame, len(sees))
	for i, e := range sees {
		some[i] = e.Perhaps()
	}
	return append(outcomes, Outcome{Verdict: Note, Why: LimitWhy, Sees: some,
		End: End{How: TargetFails, Codes: TooMuch}})
}

// TooMuch are the codes for what is above a limit: to the size of a message, or
// to the number of its fragments.
var TooMuch = []wire.CloseCode{wire.MessageTooBig, wire.PolicyViolation}

const LimitWhy = "it has a limit below this size, as RFC 6455 §10.4 allows"
