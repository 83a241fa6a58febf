package frames

import (
	"fmt"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section553 is RFC 6455 §5.5.3: a Pong may come unasked, and is not answered.
func Section553() []*Case {
	s := Section{Name: "5.5.3", In: "5.5.3"}
	const requirement = "A Pong that was not asked for is a heartbeat. No response to it is expected, and a Pong is allowed at any time."
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: May, Steps: steps, Outcomes: outcomes})
	}
	for _, n := range []int{0, 1, 124, 125} {
		add(fmt.Sprintf("pong-of-%d", n), fmt.Sprintf("A Pong of %s that nobody asked for", Counted(n)), Answers(), Send(Of(wire.Pong, TextOf(n))))
	}
	add("pong-not-utf-8", "A Pong with bytes that are no UTF-8", Answers(), Send(Pong("\xff\xfe")))
	add("pong-then-ping", "A Pong that nobody asked for, then a Ping", Answers(Pong("ping")), Send(Pong("unasked"), Ping("ping")))
	add("pong-then-text", "A Pong that nobody asked for, then a text", Answers(Text("Hello")), Send(Pong("unasked"), Text("Hello")))
	add("pong-then-text-byte-by-byte", "A Pong that nobody asked for, byte by byte, then a text", Answers(Text("Hello")), Send(Pong("unasked"), Text("Hello")).InPieces(1))
	hundred := make([]Frame, 100)
	for i := range hundred {
		hundred[i] = Pong(fmt.Sprintf("unasked %d", i))
	}
	add("100-pongs-then-ping", "A hundred Pongs, then a Ping", Answers(Pong("ping")), Send(append(hundred, Ping("ping"))...))
	return s.Cases
}
