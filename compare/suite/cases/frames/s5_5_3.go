package frames

import (
	"fmt"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section553 is RFC 6455 §5.5.3: an endpoint may send an unsolicited Pong, and its peer
// does not answer.
func Section553() []*Case {
	s := Section{Name: "5.5.3", In: "5.5.3"}
	const requirement = "An endpoint may send an unsolicited Pong at any time, as a heartbeat. The receiver is not expected to respond."
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: May, Steps: steps, Outcomes: outcomes})
	}
	for _, n := range []int{0, 1, 124, 125} {
		add(fmt.Sprintf("pong-of-%d", n), fmt.Sprintf("An unsolicited Pong with %s", Counted(n)), Answers(), Send(Of(wire.Pong, TextOf(n))))
	}
	add("pong-not-utf-8", "An unsolicited Pong with bytes that are not UTF-8", Answers(), Send(Pong("\xff\xfe")))
	add("pong-then-ping", "An unsolicited Pong, then a Ping", Answers(Pong("ping")), Send(Pong("unasked"), Ping("ping")))
	add("pong-then-text", "An unsolicited Pong, then a text message", Answers(Text("Hello")), Send(Pong("unasked"), Text("Hello")))
	add("pong-then-text-byte-by-byte", "An unsolicited Pong, then a text message, byte by byte", Answers(Text("Hello")), Send(Pong("unasked"), Text("Hello")).InPieces(1))
	hundred := make([]Frame, 100)
	for i := range hundred {
		hundred[i] = Pong(fmt.Sprintf("unasked %d", i))
	}
	add("100-pongs-then-ping", "100 unsolicited Pongs, then a Ping", Answers(Pong("ping")), Send(append(hundred, Ping("ping"))...))
	return s.Cases
}
