package frames

import (
	"fmt"
	"slices"
	"strings"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section552 is RFC 6455 §5.5.2: an endpoint answers a Ping.
func Section552() []*Case {
	s := Section{Name: "5.5.2", In: "5.5.2"}
	const requirement = "An endpoint must answer a Ping with a Pong that has the same payload (§5.5.3)."
	add := func(name, title, payload string) {
		s.Add(Case{
			Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyPong,
			Steps: []Step{Send(Ping(payload))}, Outcomes: Answers(Pong(payload)),
		})
	}
	add("empty-ping", "An empty Ping", "")
	add("ping-of-1", "A Ping with one byte", "!")
	add("ping-of-5", "A Ping with five bytes of text", "Hello")
	add("ping-not-utf-8", "A Ping with bytes that are not UTF-8", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff")
	add("ping-of-124", "A Ping with 124 bytes", strings.Repeat("*", 124))
	add("ping-of-125", "A Ping with 125 bytes, the maximum", strings.Repeat("\xfe", 125))
	s.Add(Case{
		Name: "ping-of-125-byte-by-byte", Title: "A Ping with 125 bytes, byte by byte", Requirement: requirement, Keyword: Must, Duty: DutyPong,
		Steps: []Step{Send(Of(wire.Ping, TextOf(125))).InPieces(1)}, Outcomes: Answers(Of(wire.Pong, TextOf(125))),
	})

	many := func(name, title string, n int, payload func(i int) string, how func(Step) Step) {
		var frames []Frame
		var strict []Frame
		for i := range n {
			p := payload(i)
			frames, strict = append(frames, Ping(p)), append(strict, Pong(p))
		}
		some := Coalesced(strict)
		outcomes := []Outcome{{Sees: strict}, {Verdict: Note, Why: CoalescedWhy, Sees: some}}
		if n > 100 {
			few := slices.Clone(some)
			few[n-1] = few[n-1].Perhaps()
			outcomes = append(outcomes, Outcome{Verdict: Note, Sees: few, End: End{How: TargetDrops},
				Why: "it ends the connection because of so many Pings at once, as a guard against floods"})
		}
		s.Add(Case{
			Name: name, Title: title, Requirement: "An endpoint must answer Pings in order. If Pings wait for an answer, it may answer only the last one (§5.5.3).", Keyword: Must, Duty: DutyPong,
			Steps: []Step{how(Send(frames...))}, Outcomes: outcomes,
		})
	}
	whole := func(s Step) Step { return s }
	bytewise := func(s Step) Step { return s.InPieces(1) }
	numbered := func(i int) string { return fmt.Sprintf("payload %d", i) }
	many("ten-pings-one-write", "Ten Pings in one TCP write", 10, numbered, whole)
	many("ten-pings-byte-by-byte", "Ten Pings, byte by byte", 10, numbered, bytewise)
	many("pings-of-0-to-125", "Pings of every length from 0 to 125 bytes", 126, func(i int) string { return string(TextOf(i).Bytes()) }, whole)
	many("1000-pings", "A thousand Pings", 1000, numbered, whole)

	s.Add(Case{
		Name: "ping-text-ping", Title: "A Ping, a text message, a Ping", Requirement: requirement, Keyword: Must, Duty: DutyPong,
		Steps: []Step{Send(Ping("1"), Text("Hello"), Ping("2"))}, Outcomes: AnswersPings(Pong("1"), Text("Hello"), Pong("2")),
	})
	s.Add(Case{
		Name: "five-pings-await-each-pong", Title: "Five Pings, each sent after the Pong for the previous one", Requirement: requirement, Keyword: Must, Duty: DutyPong,
		Steps:    []Step{Send(Ping("1")), Await(1), Send(Ping("2")), Await(2), Send(Ping("3")), Await(3), Send(Ping("4")), Await(4), Send(Ping("5"))},
		Outcomes: Answers(Pong("1"), Pong("2"), Pong("3"), Pong("4"), Pong("5")),
	})
	return s.Cases
}
