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
	const requirement = "The payloads of a first frame and of the continuation frames up to FIN 1 are one message, whatever their sizes. Each may be empty."
	ways := func(name, title string, outcomes []Outcome, frames ...Frame) {
		for _, how := range []struct {
			name  string
			what  string
			steps []Step
		}{
			{"-one-write", "in one TCP write", []Step{Send(frames...)}},
			{"-own-writes", "in a TCP write each", Alone(frames...)},
			{"-byte-by-byte", "byte by byte", []Step{Send(frames...).InPieces(1)}},
		} {
			s.Add(Case{Name: name + how.name, Title: title + ", " + how.what, Requirement: requirement, Keyword: Must, Duty: DutyFragments, Steps: how.steps, Outcomes: outcomes})
		}
	}
	ways("two-fragments", "A text in two fragments", Answers(Text("Hello")), Text("Hel").More(), Cont("lo"))
	ways("two-binary-fragments", "A binary message in two fragments", Answers(Binary(1, 2, 3, 4)), Binary(1, 2).More(), Frame{Fin: true, Payload: Payload{Data: []byte{3, 4}}})
	ways("first-of-3-empty", "A text in three fragments, the first empty", Answers(Text("Hello")), Text("").More(), Cont("Hel").More(), Cont("lo"))
	ways("second-of-3-empty", "A text in three fragments, the second empty", Answers(Text("Hello")), Text("Hel").More(), Cont("").More(), Cont("lo"))
	ways("last-of-3-empty", "A text in three fragments, the last empty", Answers(Text("Hello")), Text("Hel").More(), Cont("lo").More(), Cont(""))
	ways("all-3-empty", "A text in three empty fragments", Answers(Text("")), Text("").More(), Cont("").More(), Cont(""))
	ways("all-in-last-fragment", "A text in two fragments, all of it in the last", Answers(Text("Hello")), Text("").More(), Cont("Hello"))
	ways("two-fragmented-texts", "Two texts of two fragments each", Answers(Text("first"), Text("second")),
		Text("fi").More(), Cont("rst"), Text("sec").More(), Cont("ond"))
	ways("fragments-then-text", "A text in fragments, then a whole one", Answers(Text("first"), Text("second")), Text("fi").More(), Cont("rst"), Text("second"))
	ways("five-fragments", "A text in five fragments of one byte", Answers(Text("Hello")), Split(wire.Text, []byte("Hello"), 1)...)

	for _, n := range []int{124, 125, 126, 127, 1000} {
		p := TextOf(3 * n).Bytes()
		s.Add(Case{
			Name: fmt.Sprintf("three-fragments-of-%d", n), Title: fmt.Sprintf("A text in three fragments of %s", Counted(n)), Requirement: requirement, Keyword: Must, Duty: DutyFragments,
			Steps: []Step{Send(Split(wire.Text, p, n)...)}, Outcomes: Answers(Of(wire.Text, TextOf(3*n))),
		})
	}
	s.Add(Case{
		Name: "1000-fragments-of-1", Title: "A text of 1,000 bytes in fragments of one", Requirement: requirement, Keyword: Must, Duty: DutyFragments,
		Steps: []Step{Send(Split(wire.Text, TextOf(1000).Bytes(), 1)...)}, Outcomes: Answers(Of(wire.Text, TextOf(1000))),
	})
	empty := []Frame{Text("").More()}
	for range 1000 {
		empty = append(empty, Cont("").More())
	}
	s.Add(Case{
		Name: "1000-empty-fragments", Title: "A text in a thousand empty fragments and a last with five bytes", Requirement: requirement, Keyword: Must, Duty: DutyFragments,
		Steps: []Step{Send(append(empty, Cont("Hello"))...)}, Outcomes: Answers(Text("Hello")),
	})
}

func betweenFragments(s *Section) {
	const requirement = "A control frame may be between the fragments of a message. It does not change the message, and is handled as soon as is practical."
	late := "its Pong came behind the message, and a Ping should be answered as soon as is practical (RFC 6455 §5.5.2)"
	atOnce := func(sees ...Frame) []Outcome {
		orders := [][]Frame{sees}
		// The Pong for a Ping behind the last fragment may overtake the message.
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
	add("ping-between-one-write", "A Ping between two fragments in one TCP write", atOnce(Pong("now"), Text("Hello")), Send(ping2...))
	add("ping-between-own-writes", "A Ping between two fragments, in a TCP write each", atOnce(Pong("now"), Text("Hello")), Alone(ping2...)...)
	add("ping-between-byte-by-byte", "A Ping between two fragments byte by byte", atOnce(Pong("now"), Text("Hello")), Send(ping2...).InPieces(1))
	// How soon is practical no MUST says: the second fragment comes in any case.
	add("ping-between-await-pong", "A Ping between two fragments, and the second only after the Pong", atOnce(Pong("now"), Text("Hello")),
		Send(Text("Hel").More(), Ping("now")), AwaitFor(1, time.Second), Send(Cont("lo")))
	add("empty-ping-between-binary", "An empty Ping between two fragments of a binary message", atOnce(Pong(""), Binary(1, 2, 3)),
		Send(Binary(1).More(), Ping(""), Frame{Fin: true, Payload: Payload{Data: []byte{2, 3}}}))
	add("ping-of-125-between", "A Ping with 125 bytes between two fragments", atOnce(Of(wire.Pong, TextOf(125)), Text("Hello")),
		Send(Text("Hel").More(), Of(wire.Ping, TextOf(125)), Cont("lo")))
	add("pong-between-one-write", "A Pong that nobody asked for between two fragments", Answers(Text("Hello")), Send(Text("Hel").More(), Pong("here"), Cont("lo")))
	add("pong-between-byte-by-byte", "A Pong between two fragments byte by byte", Answers(Text("Hello")), Send(Text("Hel").More(), Pong("here"), Cont("lo")).InPieces(1))
	add("two-pings-between", "Two Pings between five fragments",
		atOnce(Pong("one"), Pong("two"), Text("fragment1fragment2fragment3fragment4fragment5")),
		Send(Text("fragment1").More(), Cont("fragment2").More(), Ping("one"), Cont("fragment3").More(), Cont("fragment4").More(), Ping("two"), Cont("fragment5")))
	add("ping-inside-character", "A Ping between two fragments that meet inside a character", atOnce(Pong("now"), Text("κόσμε")),
		Send(Text("\xce\xba\xcf").More(), Ping("now"), Cont("\x8c\xcf\x83\xce\xbc\xce\xb5")))
	add("ping-before-between-after", "A Ping before, between and behind the fragments",
		atOnce(Pong("1"), Pong("2"), Text("Hello"), Pong("3")),
		Send(Ping("1"), Text("Hel").More(), Ping("2"), Cont("lo"), Ping("3")))
}

func wrongFragments(s *Section) {
	// §5.4 says what a sender must do. No MUST says what a receiver does with other
	// frames, so to take them is warning, whatever it makes of them.
	add := func(name, title, requirement, rule, lax string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: May, Rules: []string{rule}, Steps: steps, Outcomes: outcomes, Lax: lax})
	}
	stray := func(name, title string, outcomes []Outcome, steps ...Step) {
		add(name, title, "A sender sends a continuation frame only in a message that is not finished. What a receiver does with another no MUST says.",
			wire.RuleStray.Code, "it does not fail the connection for a continuation frame without a message, which a sender must not send (RFC 6455 §5.4)", outcomes, steps...)
	}
	stray("stray-fin-1-first", "A continuation frame with FIN 1 as the first frame of all", Fails(wire.ProtocolError), Send(Cont("stray")))
	stray("stray-fin-0-first", "A continuation frame with FIN 0 as the first frame of all", Fails(wire.ProtocolError), Send(Cont("stray").More()))
	stray("stray-empty-first", "An empty continuation frame as the first frame of all", Fails(wire.ProtocolError), Send(Cont("")))
	stray("stray-after-ping", "A continuation frame behind a Ping", FailsAfter(wire.ProtocolError, Pong("")), Send(Ping("")), Await(1), Send(Cont("stray")))
	for _, fin := range []bool{true, false} {
		name, what, f := "stray-fin-1", "FIN 1", Cont("stray")
		if !fin {
			name, what, f = "stray-fin-0", "FIN 0", f.More()
		}
		stray(name+"-after-text", "A continuation frame with "+what+" behind a whole text", FailsAfter(wire.ProtocolError, Text("Hello")), Send(Text("Hello"), f))
		stray(name+"-after-echo", "A continuation frame with "+what+" behind a whole text, once that is answered", []Outcome{{Sees: []Frame{Text("Hello")},
			End: End{How: TargetFails, Codes: []wire.CloseCode{wire.ProtocolError}}}}, Send(Text("Hello")), Await(1), Send(f))
		stray(name+"-text-one-write", "A continuation frame with "+what+", then a whole text, in one TCP write", Fails(wire.ProtocolError), Send(f, Text("Hello")))
		stray(name+"-text-byte-by-byte", "A continuation frame with "+what+", then a whole text, byte by byte", Fails(wire.ProtocolError), Send(f, Text("Hello")).InPieces(1))
	}
	stray("stray-after-last-fragment", "A continuation frame behind the last fragment of a text", FailsAfter(wire.ProtocolError, Text("Hello")),
		Send(Text("Hel").More(), Cont("lo"), Cont("stray")))
	stray("stray-after-last-binary-fragment", "A continuation frame behind the last fragment of a binary message", FailsAfter(wire.ProtocolError, Binary('H', 'i')),
		Send(Binary('H').More(), Cont("i"), Cont("stray").More()))

	inside := func(name, title string, outcomes []Outcome, steps ...Step) {
		add(name, title, "A sender does not begin a message inside another one. What a receiver does with one no MUST says.",
			wire.RuleInterleaved.Code, "it does not fail the connection for a message inside another one, which a sender must not send (RFC 6455 §5.4)", outcomes, steps...)
	}
	for _, first := range []Frame{Text("Hel").More(), Binary(1, 2).More()} {
		for _, second := range []Frame{Text("new"), Text("new").More(), Binary(3), Binary(3).More(), Text("")} {
			name, what := fmt.Sprintf("%s-fin-%d", kind(second.Opcode), bit(second.Fin)), fmt.Sprintf("a %s frame with FIN %d", second.Opcode, bit(second.Fin))
			if second.Payload.Len() == 0 {
				name, what = "empty-text", "an empty text frame"
			}
			inside(name+"-inside-"+kind(first.Opcode), fmt.Sprintf("Inside a %s message: %s", first.Opcode, what), Fails(wire.ProtocolError), Send(first, second))
		}
	}
	inside("text-inside-text-byte-by-byte", "Inside a text: a text, byte by byte", Fails(wire.ProtocolError), Send(Text("Hel").More(), Text("new"), Cont("lo")).InPieces(1))
	inside("text-inside-text-after-ping", "Behind two fragments of a text and a Ping: a text", []Outcome{
		{Sees: []Frame{Pong("now")}, End: End{How: TargetFails, Codes: []wire.CloseCode{wire.ProtocolError}}},
		{Verdict: Warning, Why: "it failed the connection before it had answered the Ping", End: End{How: TargetFails, Codes: []wire.CloseCode{wire.ProtocolError}}},
	}, Send(Text("He").More(), Cont("l").More(), Ping("now"), Text("new")))
}

// bit is b as the wire has it.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
