package frames

import (
	"fmt"
	"strings"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section551 is RFC 6455 §5.5.1: Close frames, and the frames after them.
func Section551() []*Case {
	s := Section{Name: "5.5.1", In: "5.5.1"}
	answersClose(&s)
	closeBodies(&s)
	afterClose(&s)
	bothClose(&s)
	return s.Cases
}

func answersClose(s *Section) {
	const requirement = "An endpoint must answer a Close frame with a Close frame, usually with the same code. Then it must close the TCP connection."
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyAnswers, Steps: steps, Outcomes: outcomes})
	}
	normal := Closes(wire.NormalClosure)
	none := Closes(wire.NoStatusReceived, wire.NormalClosure)
	add("close-first", "A Close frame as the first frame", normal, Send(Close(1000, "")))
	add("close-byte-by-byte", "A Close frame, byte by byte", normal, Send(Close(1000, "bye")).InPieces(1))
	add("empty-close", "A Close frame without a body", none, Send(CloseBody()))
	add("empty-close-byte-by-byte", "A Close frame without a body, byte by byte", none, Send(CloseBody()).InPieces(1))
	for _, n := range []int{1, 2, 3, 63, 122, 123} {
		add(fmt.Sprintf("reason-of-%d", n), fmt.Sprintf("A Close frame with a close reason of %s", Counted(n)), normal, Send(Close(1000, string(TextOf(n).Bytes()))))
	}
	add("reason-not-ascii", "A Close frame with a close reason that is not ASCII", normal, Send(Close(1000, "Hello-µ@ßöäüàá-UTF-8!! κόσμε 😀")))
	add("reason-ends-in-emoji", "A Close frame with a close reason of 123 bytes that ends in a character of four bytes", normal, Send(Close(1000, strings.Repeat("*", 119)+"😀")))
	add("close-after-echo", "A text message and its echo, then a Close frame", []Outcome{{Sees: []Frame{Text("Hello")}, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}}},
		Send(Text("Hello")), Await(1), Send(Close(1000, "")))
	add("close-after-pong", "A Ping and its Pong, then a Close frame", []Outcome{{Sees: []Frame{Pong("Hello")}, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}}},
		Send(Ping("Hello")), Await(1), Send(Close(1000, "")))
	unanswered := "it answered the Close frame, but not the frame before it"
	add("text-and-close-one-write", "A text message and a Close frame in one TCP write", []Outcome{
		{Sees: []Frame{Text("Hello")}, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: unanswered, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
	}, Send(Text("Hello"), Close(1000, "")))
	add("ping-and-close-one-write", "A Ping and a Close frame in one TCP write", []Outcome{
		{Sees: []Frame{Pong("Hello")}, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: unanswered, End: End{How: TargetAnswers, Codes: []wire.CloseCode{1000}}},
	}, Send(Ping("Hello"), Close(1000, "")))
	s.Add(Case{
		Name: "close-between-fragments", Title: "A Close frame between two fragments of a text message", Requirement: requirement, Keyword: Must, Duty: DutyAnswers.WhenReceived(),
		Steps: []Step{Send(Text("Hel").More(), Close(1000, ""), Cont("lo"))}, Outcomes: normal,
	})
	add("close-after-first-fragment", "A Close frame after the first fragment of a text message", normal, Send(Text("Hel").More(), Close(1000, "")))
	add("close-after-half-character", "A Close frame after a fragment that ends inside a character", normal, Send(Text("\xe2\x82").More(), Close(1000, "")))
}

func closeBodies(s *Section) {
	// The rule that a body begins with two bytes binds only the sender.
	const (
		body = "A sender must begin the body of a Close frame with a code of two bytes. No MUST tells a receiver how to handle a body of one byte, but the receiver must answer."
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
		// The RFC does not name a code for an invalid close reason. 1007 is for messages,
		// 1002 for protocol errors.
		s.Add(Case{
			Name: "bad-reason-" + bad.name, Title: "A close reason with " + bad.what, Keyword: Must, Duty: DutyUTF8, Rules: []string{wire.RuleCloseReason.Code},
			Requirement: "A sender must encode the close reason in UTF-8. An endpoint that finds an invalid close reason must fail the connection.",
			Steps:       []Step{Send(Close(1000, "bye "+bad.bytes))}, Outcomes: Fails(wire.InvalidPayload, wire.ProtocolError),
		})
	}
}

func afterClose(s *Section) {
	const requirement = "A sender must not send data after its Close frame. A receiver must answer the Close frame, but need not answer later frames."
	after := func(name, title string, late []Frame, outcomes []Outcome, steps ...Step) {
		if late != nil {
			outcomes = append(outcomes, Outcome{Verdict: Warning, Why: "it answers a frame that follows a Close frame, instead of discarding it (RFC 6455 §1.4)",
				Sees: late, End: End{How: TargetAnswers, Codes: outcomes[0].End.Codes}})
		}
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyAnswers.WhenReceived(), Rules: []string{wire.RuleAfterClose.Code}, Steps: steps, Outcomes: outcomes})
	}
	normal := func() []Outcome { return Closes(wire.NormalClosure, wire.ProtocolError) }
	text64 := Of(wire.Text, TextOf(65536))
	after("text-after-close-one-write", "A Close frame, then a text message, in one TCP write", []Frame{Text("late")}, normal(), Send(Close(1000, ""), Text("late")))
	after("text-after-close-byte-by-byte", "A Close frame, then a text message, byte by byte", []Frame{Text("late")}, normal(), Send(Close(1000, ""), Text("late")).InPieces(1))
	after("ping-after-close", "A Close frame, then a Ping", []Frame{Pong("late")}, normal(), Send(Close(1000, ""), Ping("late")))
	after("pong-after-close", "A Close frame, then a Pong", nil, normal(), Send(Close(1000, ""), Pong("late")))
	after("two-closes", "Two Close frames", nil, normal(), Send(Close(1000, ""), Close(1000, "")))
	after("two-closes-with-other-codes", "Two Close frames with different close codes", nil, Closes(wire.NormalClosure), Send(Close(1000, "first"), Close(1001, "second")))
	after("three-closes", "Three Close frames", nil, normal(), Send(Close(1000, ""), Close(1000, ""), Close(1000, "")))
	after("bad-frame-after-close", "A Close frame, then a frame with reserved bits, a reserved opcode and the wrong MASK bit", nil, normal(), Send(Close(1000, ""), Text("late").WithRSV(7).WithOpcode(0xf).WrongMask()))
	after("text-of-65536-after-close", "A Close frame, then a text message of 64 KiB", []Frame{text64}, normal(), Send(Close(1000, ""), Of(wire.Text, TextOf(65536))))
	after("close-then-last-fragment", "The first fragment of a text message, a Close frame, the last fragment, a Ping", []Frame{Text("Hello"), Pong("late").Perhaps()}, normal(),
		Send(Text("Hel").More(), Close(1000, ""), Cont("lo"), Ping("late")))
	after("text-after-both-closes", "A Close frame and its answer, then a text message", nil, normal(), Send(Close(1000, "")), Await(1), Send(Text("late")))
}

// bothClose has the cases in which the target closes first. An echo server closes first
// only if a frame makes it fail the connection.
func bothClose(s *Section) {
	code := []wire.CloseCode{wire.ProtocolError}
	end := []Outcome{{End: End{How: TargetFails, Codes: code}}}
	fault := Text("fault").WithRSV(2)
	add := func(name, title, requirement string, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyReserved, Rules: []string{wire.RuleAfterClose.Code}, Steps: steps, Outcomes: end})
	}
	add("target-closes-first", "The implementation closes first, and its peer answers", "An endpoint that fails the connection must close TCP (§7.1.7). It need not wait for the answering Close frame.", Send(fault))
	add("both-close", "Both endpoints close at the same time", "If both endpoints send a Close frame at the same time, each has sent and received one, and must close TCP.", Send(fault, Close(1000, "")))
	add("target-closes-text-then-close", "The implementation closes first, and its peer sends a text message, then its answer",
		"An endpoint must not send data after its Close frame, so it does not answer a later message.", Send(fault), Await(1), Send(Text("late"), Close(1002, "")))
	add("target-closes-ping-then-close", "The implementation closes first, and its peer sends a Ping, then its answer",
		"An endpoint that has failed the connection must not process later frames (§7.1.7), so it does not answer a Ping. It sends only one Close frame.", Send(fault), Await(1), Send(Ping("late"), Close(1002, "")))
	add("target-closes-another-code", "The implementation closes first, and its peer answers with another close code",
		"The answering Close frame ends the connection, whatever its close code.", Send(fault), Await(1), Send(Close(1000, "")))
	s.Add(Case{
		Name: "target-closes-no-close", Title: "The implementation closes first, and its peer does not answer", Section: "7.1.7", Keyword: Must, Duty: DutyFails,
		Requirement: "An endpoint that fails the connection must close TCP, even if its peer does not answer.",
		Steps:       []Step{Send(fault)}, Outcomes: end, Mute: true, Deadline: 4 * time.Second,
	})
}
