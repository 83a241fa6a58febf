package frames

import (
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section51 is RFC 6455 §5.1: frames from a client are masked, frames from a
// server are not.
func Section51() []*Case {
	s := Section{Name: "5.1", In: "5.1"}
	requirement := "A client must mask every frame, and a server must not mask any. The receiver of a frame that breaks this must close the connection."
	for _, f := range []struct {
		name  string
		what  string
		frame Frame
	}{
		{"text", "A text frame", Text("Hello")},
		{"binary", "A binary frame", Binary(1, 2, 3)},
		{"empty-text", "An empty text frame", Text("")},
		{"ping", "A Ping", Ping("Hello")},
		{"empty-ping", "An empty Ping", Ping("")},
		{"pong", "A Pong", Pong("")},
		{"close", "A Close frame", Close(1000, "")},
		{"empty-close", "A Close frame without a body", CloseBody()},
		{"first-fragment", "The first of two fragments", Text("He").More()},
		{"text-of-126", "A text frame of 126 bytes", Of(wire.Text, TextOf(126))},
		{"text-of-65536", "A text frame of 65,536 bytes", Of(wire.Text, TextOf(65536))},
	} {
		s.Add(Case{
			Name: "wrong-mask-in-" + f.name, Title: f.what + " with the wrong MASK bit", Requirement: requirement, Keyword: Must, Duty: DutyMask,
			Rules: []string{wire.RuleMaskMissing.Code},
			Steps: []Step{Send(f.frame.WrongMask())}, Outcomes: Fails(wire.ProtocolError),
		})
	}
	s.Add(Case{
		Name: "wrong-mask-after-text", Title: "A valid text frame, then one with the wrong MASK bit",
		Requirement: requirement, Keyword: Must, Duty: DutyMask, Rules: []string{wire.RuleMaskMissing.Code},
		Steps:    []Step{Send(Text("first")), Await(1), Send(Text("second").WrongMask())},
		Outcomes: FailsAfter(wire.ProtocolError, Text("first")),
	})
	s.Add(Case{
		Name: "wrong-mask-in-second-fragment", Title: "The second of two fragments with the wrong MASK bit",
		Requirement: requirement, Keyword: Must, Duty: DutyMask, Rules: []string{wire.RuleMaskMissing.Code},
		Steps:    []Step{Send(Text("He").More(), Cont("llo").WrongMask())},
		Outcomes: Fails(wire.ProtocolError),
	})
	return s.Cases
}
