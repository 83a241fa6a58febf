package suite

import (
	"fmt"
	"strings"
	"time"

	"wslab/reference/wire"
)

// section551 is RFC 6455 §5.5.1: Close frames, and what comes after them.
func section551() []*Case {
	s := group{name: "5.5.1", section: "5.5.1"}
	answersClose(&s)
	closeBodies(&s)
	afterClose(&s)
	bothClose(&s)
	return s.cases
}

func answersClose(s *group) {
	const requirement = "An endpoint answers a Close frame with a Close frame, usually with the same code, and then TCP is closed."
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: dutyAnswers, Steps: steps, Outcomes: outcomes})
	}
	normal := closes(wire.NormalClosure)
	none := closes(wire.NoStatusReceived, wire.NormalClosure)
	add("close-first", "A Close frame as the first frame", normal, send(closeWith(1000, "")))
	add("close-byte-by-byte", "A Close frame byte by byte", normal, send(closeWith(1000, "bye")).every(1))
	add("empty-close", "A Close frame without a body", none, send(closing()))
	add("empty-close-byte-by-byte", "A Close frame without a body, byte by byte", none, send(closing()).every(1))
	for _, n := range []int{1, 2, 3, 63, 122, 123} {
		add(fmt.Sprintf("reason-of-%d", n), fmt.Sprintf("A Close frame with a reason of %s", counted(n)), normal, send(closeWith(1000, string(textOf(n).Bytes()))))
	}
	add("reason-not-ascii", "A Close frame with a reason that is not ASCII", normal, send(closeWith(1000, "Hello-µ@ßöäüàá-UTF-8!! κόσμε 😀")))
	add("reason-ends-in-emoji", "A Close frame with a reason of 123 bytes that ends in a character of four", normal, send(closeWith(1000, strings.Repeat("*", 119)+"😀")))
	add("close-after-echo", "A text, answered, then a Close frame", []Outcome{{Sees: []Expect{texts("Hello")}, End: End{How: Answers, Codes: []wire.CloseCode{1000}}}},
		send(text("Hello")), await(1), send(closeWith(1000, "")))
	add("close-after-pong", "A Ping, answered, then a Close frame", []Outcome{{Sees: []Expect{pongs("Hello")}, End: End{How: Answers, Codes: []wire.CloseCode{1000}}}},
		send(ping("Hello")), await(1), send(closeWith(1000, "")))
	unanswered := "it took the Close frame before it had answered what stood in front of it"
	add("text-and-close-one-write", "A text and a Close frame in one TCP write", []Outcome{
		{Sees: []Expect{texts("Hello")}, End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: unanswered, End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
	}, send(text("Hello"), closeWith(1000, "")))
	add("ping-and-close-one-write", "A Ping and a Close frame in one TCP write", []Outcome{
		{Sees: []Expect{pongs("Hello")}, End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
		{Verdict: Note, Why: unanswered, End: End{How: Answers, Codes: []wire.CloseCode{1000}}},
	}, send(ping("Hello"), closeWith(1000, "")))
	s.add(Case{
		Name: "close-between-fragments", Title: "A Close frame between two fragments of a text", Requirement: requirement, Keyword: Must, Duty: dutyAnswers.onReceipt(),
		Steps: []Step{send(text("Hel").more(), closeWith(1000, ""), cont("lo"))}, Outcomes: normal,
	})
	add("close-after-first-fragment", "A Close frame behind the first fragment of a text", normal, send(text("Hel").more(), closeWith(1000, "")))
	add("close-after-half-character", "A Close frame behind half a character", normal, send(text("\xe2\x82").more(), closeWith(1000, "")))
}

func closeBodies(s *group) {
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
		{"body-of-1", "A Close frame with a body of one byte", send(closing(3))},
		{"body-of-1-byte-by-byte", "A Close frame with a body of one byte, byte by byte", send(closing(0xe8)).every(1)},
	} {
		s.add(Case{
			Name: each.name, Title: each.title, Keyword: Must, Duty: dutyAnswers.onReceipt(), Rules: []string{wire.RuleCloseBody.Code}, Requirement: body,
			Steps: []Step{each.step}, Outcomes: failsOr(Outcome{Verdict: Warning, Why: lax, End: End{How: Answers, Exact: true,
				Codes: []wire.CloseCode{wire.NormalClosure, wire.GoingAway, wire.NoStatusReceived}}}),
		})
	}
	for _, bad := range malformed {
		if !bad.sample {
			continue
		}
		// The RFC names no code for it: 1007 is for messages, 1002 for all else.
		s.add(Case{
			Name: "bad-reason-" + bad.name, Title: "A reason with " + bad.what, Keyword: Must, Duty: dutyUTF8, Rules: []string{wire.RuleCloseReason.Code},
			Requirement: "The reason in a Close frame is UTF-8. An endpoint that finds that it is not fails the connection.",
			Steps:       []Step{send(closeWith(1000, "bye "+bad.bytes))}, Outcomes: fails(wire.InvalidPayload, wire.ProtocolError),
		})
	}
}

func afterClose(s *group) {
	const requirement = "A sender sends no data after its Close frame. A receiver answers the Close frame, and need not answer what follows it."
	after := func(name, title string, late []Expect, outcomes []Outcome, steps ...Step) {
		if late != nil {
			outcomes = append(outcomes, Outcome{Verdict: Warning, Why: "it answers what comes after a Close frame, which its peer must not send (RFC 6455 §5.5.1)",
				Sees: late, End: End{How: Answers, Codes: outcomes[0].End.Codes}})
		}
		s.add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: dutyAnswers.onReceipt(), Rules: []string{wire.RuleAfterClose.Code}, Steps: steps, Outcomes: outcomes})
	}
	normal := func() []Outcome { return closes(wire.NormalClosure, wire.ProtocolError) }
	text64 := sees(wire.Text, textOf(65536))
	after("text-after-close-one-write", "A Close frame and a text behind it in one TCP write", []Expect{texts("late")}, normal(), send(closeWith(1000, ""), text("late")))
	after("text-after-close-byte-by-byte", "A Close frame and a text behind it byte by byte", []Expect{texts("late")}, normal(), send(closeWith(1000, ""), text("late")).every(1))
	after("ping-after-close", "A Close frame and a Ping behind it", []Expect{pongs("late")}, normal(), send(closeWith(1000, ""), ping("late")))
	after("pong-after-close", "A Close frame and a Pong behind it", nil, normal(), send(closeWith(1000, ""), pong("late")))
	after("two-closes", "Two Close frames", nil, normal(), send(closeWith(1000, ""), closeWith(1000, "")))
	after("two-closes-with-other-codes", "Two Close frames with different codes", nil, closes(wire.NormalClosure), send(closeWith(1000, "first"), closeWith(1001, "second")))
	after("three-closes", "Three Close frames", nil, normal(), send(closeWith(1000, ""), closeWith(1000, ""), closeWith(1000, "")))
	after("bad-frame-after-close", "A Close frame and a frame with every fault behind it", nil, normal(), send(closeWith(1000, ""), text("late").rsv(7).opcode(0xf).wrongMask()))
	after("text-of-65536-after-close", "A Close frame and 64 KiB of text behind it", []Expect{text64}, normal(), send(closeWith(1000, ""), of(wire.Text, textOf(65536))))
	after("close-then-last-fragment", "The first fragment of a text, a Close frame, the last fragment, a Ping", []Expect{texts("Hello"), pongs("late").perhaps()}, normal(),
		send(text("Hel").more(), closeWith(1000, ""), cont("lo"), ping("late")))
	after("text-after-both-closes", "A Close frame, and a text when it has been answered", nil, normal(), send(closeWith(1000, "")), await(1), send(text("late")))
}

// bothClose is about a target that closes first. A server that echoes can be
// made to do so by what fails the connection, and by no other means.
func bothClose(s *group) {
	code := []wire.CloseCode{wire.ProtocolError}
	end := []Outcome{{End: End{How: Fails, Codes: code}}}
	fault := text("fault").rsv(2)
	add := func(name, title, requirement string, steps ...Step) {
		s.add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: dutyReserved, Rules: []string{wire.RuleAfterClose.Code}, Steps: steps, Outcomes: end})
	}
	add("target-closes-first", "The target closes first, and the judge answers", "The end that began the closing handshake ends TCP when it is answered.", send(fault))
	add("both-close", "Both close at the same time", "A Close frame that crosses the other's is its answer.", send(fault, closeWith(1000, "")))
	add("target-closes-text-then-close", "The target closes first, the judge sends a text and then its answer",
		"An end that has sent a Close frame sends no data any more, so a message is not answered.", send(fault), await(1), send(text("late"), closeWith(1002, "")))
	add("target-closes-ping-then-close", "The target closes first, the judge sends a Ping and then its answer",
		"An end that has sent a Close frame is not bound to answer Pings, and it sends no second Close frame.", send(fault), await(1), send(ping("late"), closeWith(1002, "")))
	add("target-closes-another-code", "The target closes first, and the answer has another code",
		"The answer ends the connection whatever its code.", send(fault), await(1), send(closeWith(1000, "")))
	s.add(Case{
		Name: "target-closes-no-close", Title: "The target closes first, and the judge says nothing", Section: "7.1.7", Keyword: Must, Duty: dutyFails,
		Requirement: "An end that fails the connection closes TCP, whether it is answered or not.",
		Steps:       []Step{send(fault)}, Outcomes: end, Mute: true, Deadline: 4 * time.Second,
	})
}
