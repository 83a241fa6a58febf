package suite

import "wslab/reference/wire"

// section51 is RFC 6455 §5.1: frames from a client are masked, frames from a
// server are not.
func section51() []*Case {
	s := group{name: "5.1", section: "5.1"}
	requirement := "A client masks every frame, a server masks none. The receiver of a frame that breaks this must close the connection."
	for _, f := range []struct {
		what  string
		frame Frame
	}{
		{"A text frame", text("Hello")},
		{"A binary frame", binary(1, 2, 3)},
		{"An empty text frame", text("")},
		{"A Ping", ping("Hello")},
		{"An empty Ping", ping("")},
		{"A Pong", pong("")},
		{"A Close frame", closeWith(1000, "")},
		{"A Close frame without a body", closing()},
		{"The first of two fragments", text("He").more()},
		{"A text frame of 126 bytes", of(wire.Text, textOf(126))},
		{"A text frame of 65,536 bytes", of(wire.Text, textOf(65536))},
	} {
		s.add(Case{
			Title: f.what + " with the mask of the other role", Requirement: requirement, Keyword: Must, Duty: dutyMask,
			Rules: []string{wire.RuleMaskMissing.Code},
			Steps: []Step{send(f.frame.wrongMask())}, Outcomes: fails(wire.ProtocolError),
		})
	}
	s.add(Case{
		Title:       "A text frame as it should be, then one with the mask of the other role",
		Requirement: requirement, Keyword: Must, Duty: dutyMask, Rules: []string{wire.RuleMaskMissing.Code},
		Steps:    []Step{send(text("first")), await(1), send(text("second").wrongMask())},
		Outcomes: failsAfter(wire.ProtocolError, texts("first")),
	})
	s.add(Case{
		Title:       "The second of two fragments with the mask of the other role",
		Requirement: requirement, Keyword: Must, Duty: dutyMask, Rules: []string{wire.RuleMaskMissing.Code},
		Steps:    []Step{send(text("He").more(), cont("llo").wrongMask())},
		Outcomes: fails(wire.ProtocolError),
	})
	return s.cases
}
