package suite

import (
	"wslab/reference/wire"
)

// section57 is RFC 6455 §5.7: its examples, byte by byte as they stand there.
func section57() []*Case {
	s := group{name: "5.7", section: "5.7"}
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		duty := dutyParses
		if steps[0].Frames[0].Opcode == wire.Ping {
			duty = dutyPong
		}
		s.add(Case{Name: name, Title: "The example: " + title, Requirement: "The examples of the RFC are understood.", Keyword: Must, Duty: duty, Steps: steps, Outcomes: outcomes})
	}
	hello := text("Hello").key(0x37, 0xfa, 0x21, 0x3d)
	add("text-in-one-frame", "a text of one frame", answers(texts("Hello")), send(hello))
	add("text-in-two-frames", "a text of two frames", answers(texts("Hello")), send(text("Hel").more(), cont("lo")))
	add("ping-and-pong", "a Ping, and its Pong", answers(pongs("Hello")), send(ping("Hello").key(0x37, 0xfa, 0x21, 0x3d)))
	add("binary-of-256", "256 bytes of binary data in one frame", answers(sees(wire.Binary, binaryOf(256))), send(of(wire.Binary, binaryOf(256))))
	add("binary-of-65536", "64 KiB of binary data in one frame", answers(sees(wire.Binary, binaryOf(65536))), send(of(wire.Binary, binaryOf(65536))))
	return s.cases
}
