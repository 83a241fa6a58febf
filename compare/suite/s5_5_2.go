package suite

import (
	"fmt"
	"slices"
	"strings"

	"wslab/reference/wire"
)

// section552 is RFC 6455 §5.5.2: a Ping is answered.
func section552() []*Case {
	s := group{name: "5.5.2", section: "5.5.2"}
	const requirement = "An endpoint answers a Ping with a Pong that has the same payload (§5.5.3)."
	add := func(name, title, payload string) {
		s.add(Case{
			Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: dutyPong,
			Steps: []Step{send(ping(payload))}, Outcomes: answers(pongs(payload)),
		})
	}
	add("empty-ping", "An empty Ping", "")
	add("ping-of-1", "A Ping with one byte", "!")
	add("ping-of-5", "A Ping with five bytes of text", "Hello")
	add("ping-not-utf-8", "A Ping with bytes that are no UTF-8", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff")
	add("ping-of-124", "A Ping with 124 bytes", strings.Repeat("*", 124))
	add("ping-of-125", "A Ping with 125 bytes, the most there can be", strings.Repeat("\xfe", 125))
	s.add(Case{
		Name: "ping-of-125-byte-by-byte", Title: "A Ping with 125 bytes, byte by byte", Requirement: requirement, Keyword: Must, Duty: dutyPong,
		Steps: []Step{send(of(wire.Ping, textOf(125))).every(1)}, Outcomes: answers(sees(wire.Pong, textOf(125))),
	})

	many := func(name, title string, n int, payload func(i int) string, how func(Step) Step) {
		var frames []Frame
		var strict []Expect
		for i := range n {
			p := payload(i)
			frames, strict = append(frames, ping(p)), append(strict, pongs(p))
		}
		some := coalesced(strict)
		outcomes := []Outcome{{Sees: strict}, {Verdict: Note, Why: coalescedWhy, Sees: some}}
		if n > 100 {
			few := slices.Clone(some)
			few[n-1] = few[n-1].perhaps()
			outcomes = append(outcomes, Outcome{Verdict: Note, Sees: few, End: End{How: Drops},
				Why: "it ends the connection for so many Pings at once, as a guard against floods"})
		}
		s.add(Case{
			Name: name, Title: title, Requirement: "Each Ping is answered, in order, or at least the last.", Keyword: Must, Duty: dutyPong,
			Steps: []Step{how(send(frames...))}, Outcomes: outcomes,
		})
	}
	whole := func(s Step) Step { return s }
	bytewise := func(s Step) Step { return s.every(1) }
	numbered := func(i int) string { return fmt.Sprintf("payload %d", i) }
	many("ten-pings-one-write", "Ten Pings in one TCP write", 10, numbered, whole)
	many("ten-pings-byte-by-byte", "Ten Pings byte by byte", 10, numbered, bytewise)
	many("pings-of-0-to-125", "A Ping of every length from 0 to 125", 126, func(i int) string { return string(textOf(i).Bytes()) }, whole)
	many("1000-pings", "A thousand Pings", 1000, numbered, whole)

	s.add(Case{
		Name: "ping-text-ping", Title: "A Ping, a text, a Ping", Requirement: requirement, Keyword: Must, Duty: dutyPong,
		Steps: []Step{send(ping("1"), text("Hello"), ping("2"))}, Outcomes: answersPings(pongs("1"), texts("Hello"), pongs("2")),
	})
	s.add(Case{
		Name: "five-pings-await-each-pong", Title: "A Ping, and the next when the first was answered, five times", Requirement: requirement, Keyword: Must, Duty: dutyPong,
		Steps:    []Step{send(ping("1")), await(1), send(ping("2")), await(2), send(ping("3")), await(3), send(ping("4")), await(4), send(ping("5"))},
		Outcomes: answers(pongs("1"), pongs("2"), pongs("3"), pongs("4"), pongs("5")),
	})
	return s.cases
}
