package suite

import (
	"fmt"

	"wslab/reference/wire"
)

// section553 is RFC 6455 §5.5.3: a Pong may come unasked, and is not answered.
func section553() []*Case {
	s := group{name: "5.5.3", section: "5.5.3"}
	const requirement = "A Pong that was not asked for is a heartbeat. No response to it is expected, and a Pong is allowed at any time."
	add := func(title string, outcomes []Outcome, steps ...Step) {
		s.add(Case{Title: title, Requirement: requirement, Keyword: May, Steps: steps, Outcomes: outcomes})
	}
	for _, n := range []int{0, 1, 124, 125} {
		add(fmt.Sprintf("A Pong of %s that nobody asked for", counted(n)), answers(), send(of(wire.Pong, textOf(n))))
	}
	add("A Pong with bytes that are no UTF-8", answers(), send(pong("\xff\xfe")))
	add("A Pong that nobody asked for, then a Ping", answers(pongs("ping")), send(pong("unasked"), ping("ping")))
	add("A Pong that nobody asked for, then a text", answers(texts("Hello")), send(pong("unasked"), text("Hello")))
	add("A Pong that nobody asked for, byte by byte, then a text", answers(texts("Hello")), send(pong("unasked"), text("Hello")).every(1))
	hundred := make([]Frame, 100)
	for i := range hundred {
		hundred[i] = pong(fmt.Sprintf("unasked %d", i))
	}
	add("A hundred Pongs, then a Ping", answers(pongs("ping")), send(append(hundred, ping("ping"))...))
	return s.cases
}
