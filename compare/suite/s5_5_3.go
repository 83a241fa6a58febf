package suite

import (
	"fmt"

	"wslab/reference/wire"
)

// section553 is RFC 6455 §5.5.3: a Pong may come unasked, and is not answered.
func section553() []*Case {
	s := group{name: "5.5.3", section: "5.5.3"}
	const requirement = "A Pong that was not asked for is a heartbeat. No response to it is expected, and a Pong is allowed at any time."
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.add(Case{Name: name, Title: title, Requirement: requirement, Keyword: May, Steps: steps, Outcomes: outcomes})
	}
	for _, n := range []int{0, 1, 124, 125} {
		add(fmt.Sprintf("pong-of-%d", n), fmt.Sprintf("A Pong of %s that nobody asked for", counted(n)), answers(), send(of(wire.Pong, textOf(n))))
	}
	add("pong-not-utf-8", "A Pong with bytes that are no UTF-8", answers(), send(pong("\xff\xfe")))
	add("pong-then-ping", "A Pong that nobody asked for, then a Ping", answers(pongs("ping")), send(pong("unasked"), ping("ping")))
	add("pong-then-text", "A Pong that nobody asked for, then a text", answers(texts("Hello")), send(pong("unasked"), text("Hello")))
	add("pong-then-text-byte-by-byte", "A Pong that nobody asked for, byte by byte, then a text", answers(texts("Hello")), send(pong("unasked"), text("Hello")).every(1))
	hundred := make([]Frame, 100)
	for i := range hundred {
		hundred[i] = pong(fmt.Sprintf("unasked %d", i))
	}
	add("100-pongs-then-ping", "A hundred Pongs, then a Ping", answers(pongs("ping")), send(append(hundred, ping("ping"))...))
	return s.cases
}
