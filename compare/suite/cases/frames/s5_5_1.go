package frames

import (
	"fmt"
	"strings"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section551 is RFC 6455 §5.5.1: Close frames, and what comes after them.
func Section551() []*Case {
	s := Section{Name: "5.5.1", In: "5.5.1"}
	answersClose(&s)
	closeBodies(&s)
	afterClose(&s)
	bothClose(&s)
	return s.Cases
}

func answersClose(s *Section) {
	const requirement = "An endpoint answers a Close frame with a Close frame, usually with the same code, and then TCP is closed."
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyAnswers, Steps: steps, Outcomes: outcomes})
	}
	normal := Closes(wire.NormalClosure)
	none := Closes(wire.NoStatusReceived, wire.NormalClosure)
	add("close-first", "A Close frame as the first frame", normal, Send(Close(1000, "")))
	add("close-byte-by-byte", "A Close frame byte by byte", normal, Send(Close(1000, "bye")).InPieces(1))
	add("empty-close", "A Close frame without a body", none, Send(CloseBody()))
	add("empty-close-byte-by-byte", "A Close frame without a body, byte by byte", none, Send(CloseBody()).InPieces(1))
	for _, n := range []int{1, 2, 3, 63, 122, 123} {
		add(fmt.Sprintf("reason-of-%d", n), fmt.Sprintf("A Close frame with a reason of %s", Counted(n)), normal, Send(Close(1000, string(TextOf(n).Bytes()))))
	}
	add("reason-not-ascii", "A Close frame with a reason that is not ASCII", normal, Send(Close(1000, "Hello-µ@ßöäüàá-UTF-8!! κόσμε 😀")))
	add("reason-ends-in-emoji", "A Close frame with a reason of 123 bytes that ends in a character of four", normal, Send(Close(1000, strings.Repeat("*", 119)+"😀")))
	add("close-after-echo", "A text, answered, then a Close frame", []Outcome{{Sees: []Frame{Text("Hello")}, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}}},
		Send(Text("Hello")), Await(1), Send(Close(1000, "")))
	add("close-after-pong", "A Ping, answered, then a Close frame", []Outcome{{Sees: []Frame{Pong("Hello")}, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}}},
		Send(Ping("Hello")), Await(1), Send(Close(1000, "")))
	unanswered := "it took the Close frame before it had answered what stood in front of it"
	add("text-and-close-one-write", "A text and a Close frame in one TCP write", []Outcome{
		{Sees: []Frame{Text("Hello")}, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: unanswered, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
	}, Send(Text("Hello"), Close(1000, "")))
	add("ping-and-close-one-write", "A Ping and a Close frame in one TCP write", []Outcome{
		{Sees: []Frame{Pong("Hello")}, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: unanswered, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
	}, Send(Ping("Hello"), Close(1000, "")))
	s.Add(Case{
		Name: "close-between-fragments", Title: "A Close frame between two fragments of a text", Requirement: requirement, Keyword: Must, Duty: DutyAnswers.WhenReceived(),
		Steps: []Step{Send(Text("Hel").More(), Close(1000, ""), Cont("lo"))}, Outcomes: normal,
	})
	add("close-after-first-fragment", "A Close frame behind the first fragment of a text", normal, Send(Text("Hel").More(), Close(1000, "")))
	add("close-after-half-character", "A Close frame behind half a character", normal, Send(Text("\xe2\x82").More(), Close(1000, "")))
}

func closeBodies(s *Section) {
	// That a body begins with two bytes binds the sender.
	const (
		body = "A sender begins the body of a Close frame with a code of two bytes. What a receiver does with one byte no MUST says, but it answers."
		lax  = "it accepts a Close frame with a body of one byte, which a sender must not send (RFC 6455 §5.5.1)"
	)
	for _, each := range []struct {
		name  string
		title string
		step  Step
	}{
		{"body-of-1", "A Close frame with a body of one byte", Send(CloseBody(3))},
		{"body-of-1-byte-by-byte", "A Close frame with a body of one byte, byte by byte", Send(CloseBody(0xe8)).InPieces(1)},
	} {
		s.Add(Case{
			Name: each.name, Title: each.title, Keyword: Must, Duty: DutyAnswers.WhenReceived(), Rules: []string{wire.RuleCloseBody.Code}, Requirement: body,
			Steps: []Step{each.step}, Outcomes: FailsOr(Outcome{Verdict: Warning, Why: lax, End: End{How: TargetAnswers, Exact: true,
				Codes: []wire.CloseCode{wire.NormalClosure, wire.GoingAway, wire.NoStatusReceived}}}),
		})
	}
	for _, bad := range malformed {
		if !bad.sample {
			continue
		}
		// The RFC names no code for it: 1007 is for messages, 1002 for all else.
		s.Add(Case{
			Name: "bad-reason-" + bad.name, Title: "A reason with " + bad.what, Keyword: Must, Duty: DutyUTF8, Rules: []string{wire.RuleCloseReason.Code},
			Requirement: "The reason in a Close frame is UTF-8. An endpoint that finds that it is not fails the connection.",
			Steps:       []Step{Send(Close(1000, "bye "+bad.bytes))}, Outcomes: Fails(wire.InvalidPayload, wire.ProtocolError),
		})
	}
}

func afterClose(s *Section) {
	const requirement = "A sender sends no data after its Close frame. A receiver answers the Close frame, and need not answer what follows it."
	after := func(name, title string, late []Frame, outcomes []Outcome, steps ...Step) {
		if late != nil {
			outcomes = append(outcomes, Outcome{Verdict: Warning, Why: "it answers what comes after a Close frame, which its peer must not send (RFC 6455 §5.5.1)",
				Sees: late, End: End{How: TargetAnswers, Codes: outcomes[0].End.Codes}})
		}
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyAnswers.WhenReceived(), Rules: []string{wire.RuleAfterClose.Code}, Steps: steps, Outcomes: outcomes})
	}
	normal := func() []Outcome { return Closes(wire.NormalClosure, wire.ProtocolError) }
	text64 := Of(wire.Text, TextOf(65536))
	after("text-after-close-one-write", "A Close frame and a text behind it in one TCP write", []Frame{Text("late")}, normal(), Send(Close(1000, ""), Text("late")))
	after("text-after-close-byte-by-byte", "A Close frame and a text behind it byte by byte", []Frame{Text("late")}, normal(), Send(Close(1000, ""), Text("late")).InPieces(1))
	after("ping-after-close", "A Close frame and a Ping behind it", []Frame{Pong("late")}, normal(), Send(Close(1000, ""), Ping("late")))
	after("pong-after-close", "A Close frame and a Pong behind it", nil, normal(), Send(Close(1000, ""), Pong("late")))
	after("two-closes", "Two Close frames", nil, normal(), Send(Close(1000, ""), Close(1000, "")))
	after("two-closes-with-other-codes", "Two Close frames with different codes", nil, Closes(wire.NormalClosure), Send(Close(1000, "first"), Close(1001, "second")))
	after("three-closes", "Three Close frames", nil, normal(), Send(Close(1000, ""), Close(1000, ""), Close(1000, "")))
	after("bad-frame-after-close", "A Close frame and a frame with every fault behind it", nil, normal(), Send(Close(1000, ""), Text("late").WithRSV(7).WithOpcode(0xf).WrongMask()))
	after("text-of-65536-after-close", "A Close frame and 64 KiB of text behind it", []Frame{text64}, normal(), Send(Close(1000, ""), Of(wire.Text, TextOf(65536))))
	after("close-then-last-fragment", "The first fragment of a text, a Close frame, the last fragment, a Ping", []Frame{Text("Hello"), Pong("late").Perhaps()}, normal(),
		Send(Text("Hel").More(), Close(1000, ""), Cont("lo"), Ping("late")))
	after("text-after-both-closes", "A Close frame, and a text when it has been answered", nil, normal(), Send(Close(1000, "")), Await(1), Send(Text("late")))
}

// bothClose is about a target that closes first. A server that echoes can be
// made to do so by what fails the connection, and by no other means.
func bothClose(s *Section) {
	code := []wire.CloseCode{wire.ProtocolError}
	end := []Outcome{{End: End{How: TargetFails, Codes: code}}}
	fault := Text("fault").WithRSV(2)
	add := func(name, title, requirement string, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyReserved, Rules: []string{wire.RuleAfterClose.Code}, Steps: steps, Outcomes: end})
	}
	add("target-closes-first", "The target closes first, and the judge answers", "The end that began the closing handshake ends TCP when it is answered.", Send(fault))
	add("both-close", "Both close at the same time", "A Close frame that crosses the other's is its answer.", Send(fault, Close(1000, "")))
	add("target-closes-text-then-close", "The target closes first, the judge sends a text and then its answer",
		"An end that has sent a Close frame sends no data any more, so a message is not answered.", Send(fault), Await(1), Send(Text("late"), Close(1002, "")))
	add("target-closes-ping-then-close", "The target closes first, the judge sends a Ping and then its answer",
		"An end that has sent a Close frame is not bound to answer Pings, and it sends no second Close frame.", Send(fault), Await(1), Send(Ping("late"), Close(1002, "")))
	add("target-closes-another-code", "The target closes first, and the answer has another code",
		"The answer ends the connection whatever its code.", Send(fault), Await(1), Send(Close(1000, "")))
	s.Add(Case{
		Name: "target-closes-no-close", Title: "The target closes first, and the judge says nothing", Section: "7.1.7", Keyword: Must, Duty: DutyFails,
		Requirement: "An end that fails the connection closes TCP, whether it is answered or not.",
		Steps:       []Step{Send(fault)}, Outcomes: end, Mute: true, Deadline: 4 * time.Second,
	})
}
