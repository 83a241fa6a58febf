package frames

import (
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section57 is RFC 6455 §5.7: the messages of its examples.
func Section57() []*Case {
	s := Section{Name: "5.7", In: "5.7"}
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		duty := DutyParses
		if steps[0].Frames[0].Opcode == wire.Ping {
			duty = DutyPong
		}
		s.Add(Case{Name: name, Title: "Example: " + title, Requirement: "A receiver must understand the examples of the RFC.", Keyword: Must, Duty: duty, Steps: steps, Outcomes: outcomes})
	}
	hello := Text("Hello").WithKey(0x37, 0xfa, 0x21, 0x3d)
	add("text-in-one-frame", "a text message in one frame", Answers(Text("Hello")), Send(hello))
	add("text-in-two-frames", "a text message in two frames", Answers(Text("Hello")), Send(Text("Hel").More(), Cont("lo")))
	add("ping-and-pong", "a Ping and its Pong", Answers(Pong("Hello")), Send(Ping("Hello").WithKey(0x37, 0xfa, 0x21, 0x3d)))
	add("binary-of-256", "256 bytes of binary data in one frame", Answers(Of(wire.Binary, BinaryOf(256))), Send(Of(wire.Binary, BinaryOf(256))))
	add("binary-of-65536", "64 KiB of binary data in one frame", Answers(Of(wire.Binary, BinaryOf(65536))), Send(Of(wire.Binary, BinaryOf(65536))))
	return s.Cases
}
