package suite

import (
	"fmt"
	"slices"
	"time"

	"wslab/reference/wire"
)

// section54 is RFC 6455 §5.4: messages in fragments.
func section54() []*Case {
	s := group{name: "5.4", section: "5.4"}
	fragments(&s)
	betweenFragments(&s)
	wrongFragments(&s)
	return s.cases
}

// split returns payload as a message in fragments of size bytes.
func split(op wire.Opcode, payload []byte, size int) []Frame {
	var frames []Frame
	for {
		n := min(size, len(payload))
		frames = append(frames, Frame{Opcode: op, Payload: Payload{Data: payload[:n]}})
		if payload, op = payload[n:], wire.Continuation; len(payload) == 0 {
			frames[len(frames)-1].Fin = true
			return frames
		}
	}
}

func fragments(s *group) {
	const requirement = "The payloads of a first frame and of the continuation frames up to FIN 1 are one message, whatever their sizes. Each may be empty."
	ways := func(name, title string, outcomes []Outcome, frames ...Frame) {
		for _, how := range []struct {
			name  string
			what  string
			steps []Step
		}{
			{"-one-write", "in one TCP write", []Step{send(frames...)}},
			{"-own-writes", "in a TCP write each", each(frames...)},
			{"-byte-by-byte", "byte by byte", []Step{send(frames...).every(1)}},
		} {
			s.add(Case{Name: name + how.name, Title: title + ", " + how.what, Requirement: requirement, Keyword: Must, Duty: dutyFragments, Steps: how.steps, Outcomes: outcomes})
		}
	}
	ways("two-fragments", "A text in two fragments", answers(texts("Hello")), text("Hel").more(), cont("lo"))
	ways("two-binary-fragments", "A binary message in two fragments", answers(binaries(1, 2, 3, 4)), binary(1, 2).more(), Frame{Fin: true, Payload: Payload{Data: []byte{3, 4}}})
	ways("first-of-3-empty", "A text in three fragments, the first empty", answers(texts("Hello")), text("").more(), cont("Hel").more(), cont("lo"))
	ways("second-of-3-empty", "A text in three fragments, the second empty", answers(texts("Hello")), text("Hel").more(), cont("").more(), cont("lo"))
	ways("last-of-3-empty", "A text in three fragments, the last empty", answers(texts("Hello")), text("Hel").more(), cont("lo").more(), cont(""))
	ways("all-3-empty", "A text in three empty fragments", answers(texts("")), text("").more(), cont("").more(), cont(""))
	ways("all-in-last-fragment", "A text in two fragments, all of it in the last", answers(texts("Hello")), text("").more(), cont("Hello"))
	ways("two-fragmented-texts", "Two texts of two fragments each", answers(texts("first"), texts("second")),
		text("fi").more(), cont("rst"), text("sec").more(), cont("ond"))
	ways("fragments-then-text", "A text in fragments, then a whole one", answers(texts("first"), texts("second")), text("fi").more(), cont("rst"), text("second"))
	ways("five-fragments", "A text in five fragments of one byte", answers(texts("Hello")), split(wire.Text, []byte("Hello"), 1)...)

	for _, n := range []int{124, 125, 126, 127, 1000} {
		p := textOf(3 * n).Bytes()
		s.add(Case{
			Name: fmt.Sprintf("three-fragments-of-%d", n), Title: fmt.Sprintf("A text in three fragments of %s", counted(n)), Requirement: requirement, Keyword: Must, Duty: dutyFragments,
			Steps: []Step{send(split(wire.Text, p, n)...)}, Outcomes: answers(sees(wire.Text, textOf(3*n))),
		})
	}
	s.add(Case{
		Name: "1000-fragments-of-1", Title: "A text of 1,000 bytes in fragments of one", Requirement: requirement, Keyword: Must, Duty: dutyFragments,
		Steps: []Step{send(split(wire.Text, textOf(1000).Bytes(), 1)...)}, Outcomes: answers(sees(wire.Text, textOf(1000))),
	})
	empty := []Frame{text("").more()}
	for range 1000 {
		empty = append(empty, cont("").more())
	}
	s.add(Case{
		Name: "1000-empty-fragments", Title: "A text in a thousand empty fragments and a last with five bytes", Requirement: requirement, Keyword: Must, Duty: dutyFragments,
		Steps: []Step{send(append(empty, cont("Hello"))...)}, Outcomes: answers(texts("Hello")),
	})
}

func betweenFragments(s *group) {
	const requirement = "A control frame may be between the fragments of a message. It does not change the message, and is handled as soon as is practical."
	late := "its Pong came behind the message, and a Ping should be answered as soon as is practical (RFC 6455 §5.5.2)"
	atOnce := func(sees ...Expect) []Outcome {
		orders := [][]Expect{sees}
		// The Pong for a Ping behind the last fragment may overtake the message.
		if at := slices.IndexFunc(sees, func(e Expect) bool { return e.Opcode != wire.Pong }); at < len(sees)-1 {
			orders = append(orders, slices.Concat(sees[:at], sees[at+1:], sees[at:at+1]))
		}
		var outcomes []Outcome
		for _, order := range orders {
			outcomes = append(outcomes, Outcome{Sees: order, InOrder: true})
		}
		some := coalesced(sees)
		for _, order := range orders {
			if some != nil {
				outcomes = append(outcomes, Outcome{Verdict: Note, Why: coalescedWhy, Sees: coalesced(order), InOrder: true})
			}
		}
		outcomes = append(outcomes, Outcome{Verdict: Warning, Why: late, Sees: sees})
		if some != nil {
			outcomes = append(outcomes, Outcome{Verdict: Warning, Why: late, Sees: some})
		}
		return outcomes
	}
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: dutyBetween, Steps: steps, Outcomes: outcomes})
	}
	ping2 := []Frame{text("Hel").more(), ping("now"), cont("lo")}
	add("ping-between-one-write", "A Ping between two fragments in one TCP write", atOnce(pongs("now"), texts("Hello")), send(ping2...))
	add("ping-between-own-writes", "A Ping between two fragments, in a TCP write each", atOnce(pongs("now"), texts("Hello")), each(ping2...)...)
	add("ping-between-byte-by-byte", "A Ping between two fragments byte by byte", atOnce(pongs("now"), texts("Hello")), send(ping2...).every(1))
	// How soon is practical no MUST says: the second fragment comes in any case.
	add("ping-between-await-pong", "A Ping between two fragments, and the second only after the Pong", atOnce(pongs("now"), texts("Hello")),
		send(text("Hel").more(), ping("now")), awaitFor(1, time.Second), send(cont("lo")))
	add("empty-ping-between-binary", "An empty Ping between two fragments of a binary message", atOnce(pongs(""), binaries(1, 2, 3)),
		send(binary(1).more(), ping(""), Frame{Fin: true, Payload: Payload{Data: []byte{2, 3}}}))
	add("ping-of-125-between", "A Ping with 125 bytes between two fragments", atOnce(sees(wire.Pong, textOf(125)), texts("Hello")),
		send(text("Hel").more(), of(wire.Ping, textOf(125)), cont("lo")))
	add("pong-between-one-write", "A Pong that nobody asked for between two fragments", answers(texts("Hello")), send(text("Hel").more(), pong("here"), cont("lo")))
	add("pong-between-byte-by-byte", "A Pong between two fragments byte by byte", answers(texts("Hello")), send(text("Hel").more(), pong("here"), cont("lo")).every(1))
	add("two-pings-between", "Two Pings between five fragments",
		atOnce(pongs("one"), pongs("two"), texts("fragment1fragment2fragment3fragment4fragment5")),
		send(text("fragment1").more(), cont("fragment2").more(), ping("one"), cont("fragment3").more(), cont("fragment4").more(), ping("two"), cont("fragment5")))
	add("ping-inside-character", "A Ping between two fragments that meet inside a character", atOnce(pongs("now"), texts("κόσμε")),
		send(text("\xce\xba\xcf").more(), ping("now"), cont("\x8c\xcf\x83\xce\xbc\xce\xb5")))
	add("ping-before-between-after", "A Ping before, between and behind the fragments",
		atOnce(pongs("1"), pongs("2"), texts("Hello"), pongs("3")),
		send(ping("1"), text("Hel").more(), ping("2"), cont("lo"), ping("3")))
}

func wrongFragments(s *group) {
	// §5.4 says what a sender must do. No MUST says what a receiver does with other
	// frames, so to take them is warning, whatever it makes of them.
	add := func(name, title, requirement, rule, lax string, outcomes []Outcome, steps ...Step) {
		s.add(Case{Name: name, Title: title, Requirement: requirement, Keyword: May, Rules: []string{rule}, Steps: steps, Outcomes: outcomes, Lax: lax})
	}
	stray := func(name, title string, outcomes []Outcome, steps ...Step) {
		add(name, title, "A sender sends a continuation frame only in a message that is not finished. What a receiver does with another no MUST says.",
			wire.RuleStray.Code, "it does not fail the connection for a continuation frame without a message, which a sender must not send (RFC 6455 §5.4)", outcomes, steps...)
	}
	stray("stray-fin-1-first", "A continuation frame with FIN 1 as the first frame of all", fails(wire.ProtocolError), send(cont("stray")))
	stray("stray-fin-0-first", "A continuation frame with FIN 0 as the first frame of all", fails(wire.ProtocolError), send(cont("stray").more()))
	stray("stray-empty-first", "An empty continuation frame as the first frame of all", fails(wire.ProtocolError), send(cont("")))
	stray("stray-after-ping", "A continuation frame behind a Ping", failsAfter(wire.ProtocolError, pongs("")), send(ping("")), await(1), send(cont("stray")))
	for _, fin := range []bool{true, false} {
		name, what, f := "stray-fin-1", "FIN 1", cont("stray")
		if !fin {
			name, what, f = "stray-fin-0", "FIN 0", f.more()
		}
		stray(name+"-after-text", "A continuation frame with "+what+" behind a whole text", failsAfter(wire.ProtocolError, texts("Hello")), send(text("Hello"), f))
		stray(name+"-after-echo", "A continuation frame with "+what+" behind a whole text, once that is answered", []Outcome{{Sees: []Expect{texts("Hello")},
			End: End{How: Fails, Codes: []wire.CloseCode{wire.ProtocolError}}}}, send(text("Hello")), await(1), send(f))
		stray(name+"-text-one-write", "A continuation frame with "+what+", then a whole text, in one TCP write", fails(wire.ProtocolError), send(f, text("Hello")))
		stray(name+"-text-byte-by-byte", "A continuation frame with "+what+", then a whole text, byte by byte", fails(wire.ProtocolError), send(f, text("Hello")).every(1))
	}
	stray("stray-after-last-fragment", "A continuation frame behind the last fragment of a text", failsAfter(wire.ProtocolError, texts("Hello")),
		send(text("Hel").more(), cont("lo"), cont("stray")))
	stray("stray-after-last-binary-fragment", "A continuation frame behind the last fragment of a binary message", failsAfter(wire.ProtocolError, binaries('H', 'i')),
		send(binary('H').more(), cont("i"), cont("stray").more()))

	inside := func(name, title string, outcomes []Outcome, steps ...Step) {
		add(name, title, "A sender does not begin a message inside another one. What a receiver does with one no MUST says.",
			wire.RuleInterleaved.Code, "it does not fail the connection for a message inside another one, which a sender must not send (RFC 6455 §5.4)", outcomes, steps...)
	}
	for _, first := range []Frame{text("Hel").more(), binary(1, 2).more()} {
		for _, second := range []Frame{text("new"), text("new").more(), binary(3), binary(3).more(), text("")} {
			name, what := fmt.Sprintf("%s-fin-%d", kind(second.Opcode), bit(second.Fin)), fmt.Sprintf("a %s frame with FIN %d", second.Opcode, bit(second.Fin))
			if second.Payload.Len() == 0 {
				name, what = "empty-text", "an empty text frame"
			}
			inside(name+"-inside-"+kind(first.Opcode), fmt.Sprintf("Inside a %s message: %s", first.Opcode, what), fails(wire.ProtocolError), send(first, second))
		}
	}
	inside("text-inside-text-byte-by-byte", "Inside a text: a text, byte by byte", fails(wire.ProtocolError), send(text("Hel").more(), text("new"), cont("lo")).every(1))
	inside("text-inside-text-after-ping", "Behind two fragments of a text and a Ping: a text", []Outcome{
		{Sees: []Expect{pongs("now")}, End: End{How: Fails, Codes: []wire.CloseCode{wire.ProtocolError}}},
		{Verdict: Warning, Why: "it failed the connection before it had answered the Ping", End: End{How: Fails, Codes: []wire.CloseCode{wire.ProtocolError}}},
	}, send(text("He").more(), cont("l").more(), ping("now"), text("new")))
}

// bit is b as the wire has it.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
