package spec

import (
	"slices"

	"wslab/reference/wire"
)

// Answers: the target sends these messages, and then the judge closes.
func Answers(sees ...Frame) []Outcome { return []Outcome{{Sees: sees}} }

// CoalescedWhy is the reason of a note: the endpoint left out Pongs.
const CoalescedWhy = "it answered only some of the Pings, including the last one, as RFC 6455 §5.5.3 allows"

// Coalesced returns list with all Pongs but the last optional. It returns nil if list has
// fewer than two Pongs.
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

// AnswersPings is Answers for a judge that sent the Pings without waiting for Pongs. The
// target may answer only the last Ping.
func AnswersPings(sees ...Frame) []Outcome {
	return append(Answers(sees...), Outcome{Verdict: Note, Why: CoalescedWhy, Sees: Coalesced(sees)})
}

// Fails: the target sends no message, and fails the connection with one of codes.
func Fails(codes ...wire.CloseCode) []Outcome {
	return []Outcome{{End: End{How: TargetFails, Codes: codes}}}
}

// FailsOrTakes: the target fails the connection with code. If the target accepts the
// input and sends these messages, it breaks no MUST of a receiver: the verdict is a
// warning.
func FailsOrTakes(code wire.CloseCode, why string, sees ...Frame) []Outcome {
	return append(Fails(code), Outcome{Verdict: Warning, Why: why, Sees: sees})
}

// Closes: the target answers the Close frame of a step with one of codes.
func Closes(codes ...wire.CloseCode) []Outcome {
	return []Outcome{{End: End{How: TargetAnswers, Codes: codes}}}
}

// FailsAfter: the target sends these messages, and then fails the connection. An endpoint
// that reads ahead may find the fault before it answers. A missing echo is a note,
// because no rule requires an application to echo. A missing Pong is a warning: an
// endpoint should send it as soon as is practical (RFC 6455 §5.5.2).
func FailsAfter(code wire.CloseCode, sees ...Frame) []Outcome {
	end := End{How: TargetFails, Codes: []wire.CloseCode{code}}
	outcomes := []Outcome{{Sees: sees, End: end}}
	verdict, why := Note, "it failed the connection before it echoed the messages that preceded the fault"
	for n := len(sees) - 1; n >= 0; n-- {
		if sees[n].Opcode == wire.Pong {
			verdict, why = Warning, "it failed the connection before it answered a Ping that preceded the fault"
		}
		outcomes = append(outcomes, Outcome{Verdict: verdict, Sees: sees[:n], End: end, Why: why})
	}
	return outcomes
}

// FailsFast: the target fails the connection before the Patience step ends. A later
// failure is a note.
func FailsFast(code wire.CloseCode, why string) []Outcome {
	end := End{How: TargetFails, Codes: []wire.CloseCode{code}}
	early := end
	early.Early = true
	return []Outcome{{End: early}, {Verdict: Note, Why: why, End: end}}
}

// Opens: the WebSocket is opened, and the target echoes.
func Opens() []Outcome { return Answers(Text("Hello")) }

// Refuses: no WebSocket is opened.
func Refuses() []Outcome { return []Outcome{{End: End{How: TargetRefuses}}} }

// OpensOr is Opens. A refusal is also allowed, with this verdict.
func OpensOr(v Verdict, why string) []Outcome {
	return append(Opens(), Outcome{Verdict: v, Why: why, End: End{How: TargetRefuses}})
}

// RefusesOr is Refuses. An open WebSocket is also allowed, with this verdict.
func RefusesOr(v Verdict, why string) []Outcome {
	return append(Refuses(), Outcome{Verdict: v, Why: why, Sees: []Frame{Text("Hello")}})
}

// FailsOr: the target fails the connection with 1002, or does one of others. Failing with
// another close code is a warning.
func FailsOr(others ...Outcome) []Outcome {
	strict := Fails(wire.ProtocolError)
	strict[0].End.Exact = true
	return slices.Concat(strict, others, Fails(wire.ProtocolError))
}

// WithLimit: the target sends these messages, or fails the connection because they are
// too large for it.
func WithLimit(sees []Frame) []Outcome {
	outcomes := Answers(sees...)
	some := make([]Frame, len(sees))
	for i, e := range sees {
		some[i] = e.Perhaps()
	}
	return append(outcomes, Outcome{Verdict: Note, Why: LimitWhy, Sees: some,
		End: End{How: TargetFails, Codes: TooMuch, Never: Misread}})
}

// Misread are the close codes of an endpoint that found a fault. They say nothing about a
// limit: the endpoint has misread a valid message.
var Misread = []wire.CloseCode{wire.ProtocolError, wire.InvalidPayload}

// TooMuch are the close codes for a message above a limit: of its size, or of the number
// of its fragments.
var TooMuch = []wire.CloseCode{wire.MessageTooBig, wire.PolicyViolation}

// LimitWhy is the reason of a note: the endpoint has a limit.
const LimitWhy = "it has a limit below this size, as RFC 6455 §10.4 allows"
