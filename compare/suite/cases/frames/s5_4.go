package frames

import (
	"fmt"
	"slices"
	"time"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section54 is RFC 6455 §5.4: messages in fragments.
func Section54() []*Case {
	s := Section{Name: "5.4", In: "5.4"}
	fragments(&s)
	betweenFragments(&s)
	wrongFragments(&s)
	return s.Cases
}

func fragments(s *Section) {
	const requirement = "A receiver must join a first frame and its continuation frames, up to the one with FIN bit 1, into one message. A fragment may have any size and may be empty."
	ways := func(name, title string, outcomes []Outcome, frames ...Frame) {
		for _, how := range []struct {
			name  string
			what  string
			steps []Step
		}{
			{"-one-write", "in one TCP write", []Step{Send(frames...)}},
			{"-own-writes", "each in its own TCP write", Alone(frames...)},
			{"-byte-by-byte", "byte by byte", []Step{Send(frames...).InPieces(1)}},
		} {
			s.Add(Case{Name: name + how.name, Title: title + ", " + how.what, Requirement: requirement, Keyword: Must, Duty: DutyFragments, Steps: how.steps, Outcomes: outcomes})
		}
	}
	ways("two-fragments", "A text message in two fragments", Answers(Text("Hello")), Text("Hel").More(), Cont("lo"))
	ways("two-binary-fragments", "A binary message in two fragments", Answers(Binary(1, 2, 3, 4)), Binary(1, 2).More(), Frame{Fin: true, Payload: Payload{Data: []byte{3, 4}}})
	ways("first-of-3-empty", "A text message in three fragments, the first empty", Answers(Text("Hello")), Text("").More(), Cont("Hel").More(), Cont("lo"))
	ways("second-of-3-empty", "A text message in three fragments, the second empty", Answers(Text("Hello")), Text("Hel").More(), Cont("").More(), Cont("lo"))
	ways("last-of-3-empty", "A text message in three fragments, the last empty", Answers(Text("Hello")), Text("Hel").More(), Cont("lo").More(), Cont(""))
	ways("all-3-empty", "A text message in three empty fragments", Answers(Text("")), Text("").More(), Cont("").More(), Cont(""))
	ways("all-in-last-fragment", "A text message in two fragments, the first empty", Answers(Text("Hello")), Text("").More(), Cont("Hello"))
	ways("two-fragmented-texts", "Two text messages of two fragments each", Answers(Text("first"), Text("second")),
		Text("fi").More(), Cont("rst"), Text("sec").More(), Cont("ond"))
	ways("fragments-then-text", "A fragmented text message, then one in a single frame", Answers(Text("first"), Text("second")), Text("fi").More(), Cont("rst"), Text("second"))
	ways("five-fragments", "A text message in five fragments of one byte", Answers(Text("Hello")), Split(wire.Text, []byte("Hello"), 1)...)

	for _, n := range []int{124, 125, 126, 127, 1000} {
		p := TextOf(3 * n).Bytes()
		s.Add(Case{
			Name: fmt.Sprintf("three-fragments-of-%d", n), Title: fmt.Sprintf("A text message in three fragments of %s", Counted(n)), Requirement: requirement, Keyword: Must, Duty: DutyFragments,
			Steps: []Step{Send(Split(wire.Text, p, n)...)}, Outcomes: Answers(Of(wire.Text, TextOf(3*n))),
		})
	}
	s.Add(Case{
		Name: "1000-fragments-of-1", Title: "A text message in 1,000 fragments of one byte", Requirement: requirement, Keyword: Must, Duty: DutyFragments,
		Steps: []Step{Send(Split(wire.Text, TextOf(1000).Bytes(), 1)...)}, Outcomes: Answers(Of(wire.Text, TextOf(1000))),
	})
	empty := []Frame{Text("").More()}
	for range 1000 {
		empty = append(empty, Cont("").More())
	}
	s.Add(Case{
		Name: "1000-empty-fragments", Title: "A text message in 1,001 empty fragments and a last one of five bytes", Requirement: requirement, Keyword: Must, Duty: DutyFragments,
		Steps: []Step{Send(append(empty, Cont("Hello"))...)}, Outcomes: Answers(Text("Hello")),
	})
}

func betweenFragments(s *Section) {
	const requirement = "A receiver must handle a control frame between the fragments of a message. The control frame does not change the message, and a Ping should be answered as soon as is practical (§5.5.2)."
	late := "it sent its Pong after the message, but an endpoint should answer a Ping as soon as is practical (RFC 6455 §5.5.2)"
	atOnce := func(sees ...Frame) []Outcome {
		orders := [][]Frame{sees}
		// The Pong for a Ping after the last fragment may arrive before the message.
		if at := slices.IndexFunc(sees, func(e Frame) bool { return e.Opcode != wire.Pong }); at < len(sees)-1 {
			orders = append(orders, slices.Concat(sees[:at], sees[at+1:], sees[at:at+1]))
		}
		var outcomes []Outcome
		for _, order := range orders {
			outcomes = append(outcomes, Outcome{Sees: order, InOrder: true})
		}
		some := Coalesced(sees)
		for _, order := range orders {
			if some != nil {
				outcomes = append(outcomes, Outcome{Verdict: Note, Why: CoalescedWhy, Sees: Coalesced(order), InOrder: true})
			}
		}
		outcomes = append(outcomes, Outcome{Verdict: Warning, Why: late, Sees: sees})
		if some != nil {
			outcomes = append(outcomes, Outcome{Verdict: Warning, Why: late, Sees: some})
		}
		return outcomes
	}
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyBetween, Steps: steps, Outcomes: outcomes})
	}
	ping2 := []Frame{Text("Hel").More(), Ping("now"), Cont("lo")}
	add("ping-between-one-write", "A Ping between two fragments, in one TCP write", atOnce(Pong("now"), Text("Hello")), Send(ping2...))
	add("ping-between-own-writes", "A Ping between two fragments, each frame in its own TCP write", atOnce(Pong("now"), Text("Hello")), Alone(ping2...)...)
	add("ping-between-byte-by-byte", "A Ping between two fragments, byte by byte", atOnce(Pong("now"), Text("Hello")), Send(ping2...).InPieces(1))
	// No MUST says how soon is practical. So the judge sends the second fragment after a
	// second, even if no Pong arrived.
	add("ping-between-await-pong", "A Ping between two fragments, the second sent after the Pong", atOnce(Pong("now"), Text("Hello")),
		Send(Text("Hel").More(), Ping("now")), AwaitFor(1, time.Second), Send(Cont("lo")))
	add("empty-ping-between-binary", "An empty Ping between two fragments of a binary message", atOnce(Pong(""), Binary(1, 2, 3)),
		Send(Binary(1).More(), Ping(""), Frame{Fin: true, Payload: Payload{Data: []byte{2, 3}}}))
	add("ping-of-125-between", "A Ping with 125 bytes between two fragments", atOnce(Of(wire.Pong, TextOf(125)), Text("Hello")),
		Send(Text("Hel").More(), Of(wire.Ping, TextOf(125)), Cont("lo")))
	add("pong-between-one-write", "An unsolicited Pong between two fragments, in one TCP write", Answers(Text("Hello")), Send(Text("Hel").More(), Pong("here"), Cont("lo")))
	add("pong-between-byte-by-byte", "An unsolicited Pong between two fragments, byte by byte", Answers(Text("Hello")), Send(Text("Hel").More(), Pong("here"), Cont("lo")).InPieces(1))
	add("two-pings-between", "Two Pings between five fragments",
		atOnce(Pong("one"), Pong("two"), Text("fragment1fragment2fragment3fragment4fragment5")),
		Send(Text("fragment1").More(), Cont("fragment2").More(), Ping("one"), Cont("fragment3").More(), Cont("fragment4").More(), Ping("two"), Cont("fragment5")))
	add("ping-inside-character", "A Ping between two fragments that are cut inside a character", atOnce(Pong("now"), Text("κόσμε")),
		Send(Text("\xce\xba\xcf").More(), Ping("now"), Cont("\x8c\xcf\x83\xce\xbc\xce\xb5")))
	add("ping-before-between-after", "A Ping before, between and after two fragments",
		atOnce(Pong("1"), Pong("2"), Text("Hello"), Pong("3")),
		Send(Ping("1"), Text("Hel").More(), Ping("2"), Cont("lo"), Ping("3")))
}

func wrongFragments(s *Section) {
	// §5.4 binds the sender. No MUST tells a receiver how to handle a frame that breaks
	// it, so any other reaction than the Outcomes is a warning.
	add := func(name, title, requirement, rule, lax string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: May, Rules: []string{rule}, Steps: steps, Outcomes: outcomes, Lax: lax})
	}
	stray := func(name, title string, outcomes []Outcome, steps ...Step) {
		add(name, title, "A sender must send a continuation frame only inside an unfinished message. No MUST tells a receiver how to handle any other continuation frame.",
			wire.RuleStray.Code, "it does not fail the connection for a continuation frame without a message, which a sender must not send (RFC 6455 §5.4)", outcomes, steps...)
	}
	stray("stray-fin-1-first", "A continuation frame with FIN bit 1 as the first frame", Fails(wire.ProtocolError), Send(Cont("stray")))
	stray("stray-fin-0-first", "A continuation frame with FIN bit 0 as the first frame", Fails(wire.ProtocolError), Send(Cont("stray").More()))
	stray("stray-empty-first", "An empty continuation frame as the first frame", Fails(wire.ProtocolError), Send(Cont("")))
	stray("stray-after-ping", "A continuation frame after a Ping and its Pong", FailsAfter(wire.ProtocolError, Pong("")), Send(Ping("")), Await(1), Send(Cont("stray")))
	for _, fin := range []bool{true, false} {
		name, what, f := "stray-fin-1", "FIN bit 1", Cont("stray")
		if !fin {
			name, what, f = "stray-fin-0", "FIN bit 0", f.More()
		}
		stray(name+"-after-text", "A continuation frame with "+what+" after a whole text message", FailsAfter(wire.ProtocolError, Text("Hello")), Send(Text("Hello"), f))
		stray(name+"-after-echo", "A continuation frame with "+what+" after a whole text message and its echo", []Outcome{{Sees: []Frame{Text("Hello")},
			End: End{How: TargetFails, Codes: []wire.CloseCode{wire.ProtocolError}}}}, Send(Text("Hello")), Await(1), Send(f))
		stray(name+"-text-one-write", "A continuation frame with "+what+", then a whole text message, in one TCP write", Fails(wire.ProtocolError), Send(f, Text("Hello")))
		stray(name+"-text-byte-by-byte", "A continuation frame with "+what+", then a whole text message, byte by byte", Fails(wire.ProtocolError), Send(f, Text("Hello")).InPieces(1))
	}
	stray("stray-after-last-fragment", "A continuation frame after the last fragment of a text message", FailsAfter(wire.ProtocolError, Text("Hello")),
		Send(Text("Hel").More(), Cont("lo"), Cont("stray")))
	stray("stray-after-last-binary-fragment", "A continuation frame after the last fragment of a binary message", FailsAfter(wire.ProtocolError, Binary('H', 'i')),
		Send(Binary('H').More(), Cont("i"), Cont("stray").More()))

	inside := func(name, title string, outcomes []Outcome, steps ...Step) {
		add(name, title, "A sender must not begin a message inside another message. No MUST tells a receiver how to handle one that does.",
			wire.RuleInterleaved.Code, "it does not fail the connection for a message inside another message, which a sender must not send (RFC 6455 §5.4)", outcomes, steps...)
	}
	for _, first := range []Frame{Text("Hel").More(), Binary(1, 2).More()} {
		for _, second := range []Frame{Text("new"), Text("new").More(), Binary(3), Binary(3).More(), Text("")} {
			name, what := fmt.Sprintf("%s-fin-%d", kind(second.Opcode), bit(second.Fin)), fmt.Sprintf("a %s frame with FIN bit %d", second.Opcode, bit(second.Fin))
			if second.Payload.Len() == 0 {
				name, what = "empty-text", "an empty text frame"
			}
			inside(name+"-inside-"+kind(first.Opcode), fmt.Sprintf("Inside a %s message: %s", first.Opcode, what), Fails(wire.ProtocolError), Send(first, second))
		}
	}
	inside("text-inside-text-byte-by-byte", "A text frame inside a text message, byte by byte", Fails(wire.ProtocolError), Send(Text("Hel").More(), Text("new"), Cont("lo")).InPieces(1))
	inside("text-inside-text-after-ping", "A text frame after two fragments of a text message and a Ping", []Outcome{
		{Sees: []Frame{Pong("now")}, End: End{How: TargetFails, Codes: []wire.CloseCode{wire.ProtocolError}}},
		{Verdict: Warning, Why: "it failed the connection before it answered the Ping", End: End{How: TargetFails, Codes: []wire.CloseCode{wire.ProtocolError}}},
	}, Send(Text("He").More(), Cont("l").More(), Ping("now"), Text("new")))
}

// bit returns b as a bit.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
