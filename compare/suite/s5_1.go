package suite

import (
	"wslab/reference/wire"
)

// section51 is RFC 6455 §5.1: frames from a client are masked, frames from a
// server are not.
func section51() []*Case {
	s := group{name: "5.1", section: "5.1"}
	requirement := "A client masks every frame, a server masks none. The receiver of a frame that breaks this must close the connection."
	for _, f := range []struct {
		name  string
		what  string
		frame Frame
	}{
		{"text", "A text frame", text("Hello")},
		{"binary", "A binary frame", binary(1, 2, 3)},
		{"empty-text", "An empty text frame", text("")},
		{"ping", "A Ping", ping("Hello")},
		{"empty-ping", "An empty Ping", ping("")},
		{"pong", "A Pong", pong("")},
		{"close", "A Close frame", closeWith(1000, "")},
		{"empty-close", "A Close frame without a body", closing()},
		{"first-fragment", "The first of two fragments", text("He").more()},
		{"text-of-126", "A text frame of 126 bytes", of(wire.Text, textOf(126))},
		{"text-of-65536", "A text frame of 65,536 bytes", of(wire.Text, textOf(65536))},
	} {
		s.add(Case{
			Name: "wrong-mask-in-" + f.name, Title: f.what + " with the mask of the other role", Requirement: requirement, Keyword: Must, Duty: dutyMask,
			Rules: []string{wire.RuleMaskMissing.Code},
			Steps: []Step{send(f.frame.wrongMask())}, Outcomes: fails(wire.ProtocolError),
		})
	}
	s.add(Case{
		Name: "wrong-mask-after-text", Title: "A text frame as it should be, then one with the mask of the other role",
		Requirement: requirement, Keyword: Must, Duty: dutyMask, Rules: []string{wire.RuleMaskMissing.Code},
		Steps:    []Step{send(text("first")), await(1), send(text("second").wrongMask())},
		Outcomes: failsAfter(wire.ProtocolError, texts("first")),
	})
	s.add(Case{
		Name: "wrong-mask-in-second-fragment", Title: "The second of two fragments with the mask of the other role",
		Requirement: requirement, Keyword: Must, Duty: dutyMask, Rules: []string{wire.RuleMaskMissing.Code},
		Steps:    []Step{send(text("He").more(), cont("llo").wrongMask())},
		Outcomes: fails(wire.ProtocolError),
	})
	return s.cases
}
