package frames

import (
	"fmt"
	"strings"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section52 is RFC 6455 §5.2: the frame header, bit by bit. It has four groups of
// cases: reserved bits, reserved opcodes, valid lengths and invalid lengths.
func Section52() []*Case {
	s := Section{Name: "5.2", In: "5.2"}
	reservedBits(&s)
	reservedOpcodes(&s)
	lengths(&s)
	wrongLengths(&s)
	return s.Cases
}

// rsvName returns the name, the title and the rules of reserved bits: "rsv13", "RSV1 and RSV3".
func rsvName(bits uint8) (name, title string, rules []string) {
	var names []string
	for i, rule := range []wire.Rule{wire.RuleRSV1, wire.RuleRSV2, wire.RuleRSV3} {
		if bits>>(2-i)&1 != 0 {
			names, rules = append(names, fmt.Sprintf("RSV%d", i+1)), append(rules, rule.Code)
		}
	}
	name = "rsv" + strings.ReplaceAll(strings.Join(names, ""), "RSV", "")
	if n := len(names); n > 1 {
		names[n-2] += " and " + names[n-1]
		names = names[:n-1]
	}
	return name, strings.Join(names, ", "), rules
}

func reservedBits(s *Section) {
	const requirement = "A sender must set RSV1, RSV2 and RSV3 to 0 unless a negotiated extension uses them. A receiver must fail the connection for any other value."
	for bits := uint8(1); bits < 8; bits++ {
		name, title, rules := rsvName(bits)
		for _, f := range []struct {
			name   string
			what   string
			frames []Frame
		}{
			{"text", "a text frame", []Frame{Text("Hello").WithRSV(bits)}},
			{"binary", "a binary frame", []Frame{Binary(0, 1, 2).WithRSV(bits)}},
			{"continuation", "a continuation frame", []Frame{Text("He").More(), Cont("llo").WithRSV(bits)}},
			{"ping", "a Ping", []Frame{Ping("Hello").WithRSV(bits)}},
			{"pong", "a Pong", []Frame{Pong("Hello").WithRSV(bits)}},
			{"close", "a Close frame", []Frame{Close(1000, "").WithRSV(bits)}},
		} {
			s.Add(Case{
				Name: name + "-in-" + f.name, Title: title + " in " + f.what, Requirement: requirement, Keyword: Must, Duty: DutyReserved, Rules: rules,
				Steps: []Step{Send(f.frames...)}, Outcomes: Fails(wire.ProtocolError),
			})
		}
	}
	for bits := uint8(1); bits < 8; bits++ {
		name, title, rules := rsvName(bits)
		frames := []Frame{Text("Hello"), Text("Hello").WithRSV(bits), Ping("")}
		for _, how := range []struct {
			name string
			what string
			step Step
		}{
			{"one-write", "in one TCP write", Send(frames...)},
			{"byte-by-byte", "byte by byte", Send(frames...).InPieces(1)},
		} {
			s.Add(Case{
				Name:        "text-then-" + name + "-" + how.name,
				Title:       fmt.Sprintf("A text message, one with %s, then a Ping, %s", title, how.what),
				Requirement: requirement, Keyword: Must, Duty: DutyReserved, Rules: rules,
				Steps: []Step{how.step}, Outcomes: FailsAfter(wire.ProtocolError, Text("Hello")),
			})
		}
	}
	s.Add(Case{
		Name: "rsv-opcode-and-mask-wrong", Title: "All reserved bits, a reserved opcode and the wrong MASK bit in one frame",
		Requirement: requirement, Keyword: Must, Duty: DutyReserved, Rules: []string{wire.RuleRSV1.Code, wire.RuleOpcode.Code, wire.RuleMaskMissing.Code},
		Steps: []Step{Send(Text("Hello").WithRSV(7).WithOpcode(0xB).WrongMask())}, Outcomes: Fails(wire.ProtocolError),
	})
}

func reservedOpcodes(s *Section) {
	const requirement = "The opcodes 3 to 7 and B to F are reserved. A receiver must fail the connection if it does not know an opcode."
	rules := []string{wire.RuleOpcode.Code}
	add := func(name, title string, outcomes []Outcome, steps ...Step) {
		s.Add(Case{Name: name, Title: title, Requirement: requirement, Keyword: Must, Duty: DutyOpcode, Rules: rules, Steps: steps, Outcomes: outcomes})
	}
	for _, op := range []wire.Opcode{3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		name := fmt.Sprintf("opcode-%x", uint8(op))
		add(name+"-empty", fmt.Sprintf("Opcode %X without a payload", uint8(op)), Fails(wire.ProtocolError),
			Send(Text("").WithOpcode(op)))
		add(name+"-with-payload", fmt.Sprintf("Opcode %X with a payload", uint8(op)), Fails(wire.ProtocolError),
			Send(Text("Hello").WithOpcode(op)))
		add("text-"+name+"-ping-one-write", fmt.Sprintf("A text message, opcode %X and a Ping, in one TCP write", uint8(op)), FailsAfter(wire.ProtocolError, Text("Hello")),
			Send(Text("Hello"), Text("reserved").WithOpcode(op), Ping("")))
		add("text-"+name+"-ping-byte-by-byte", fmt.Sprintf("A text message, opcode %X and a Ping, byte by byte", uint8(op)), FailsAfter(wire.ProtocolError, Text("Hello")),
			Send(Text("Hello"), Text("reserved").WithOpcode(op), Ping("")).InPieces(1))
		add(name+"-fin-0", fmt.Sprintf("Opcode %X with FIN bit 0", uint8(op)), Fails(wire.ProtocolError),
			Send(Text("Hello").WithOpcode(op).More()))
		add(name+"-between-fragments", fmt.Sprintf("Opcode %X between two fragments", uint8(op)), Fails(wire.ProtocolError),
			Send(Text("He").More(), Text("").WithOpcode(op), Cont("llo")))
	}
}

// edges are the lengths at which the length form changes, or at which an integer
// type of a program may overflow.
var edges = []int{0, 1, 2, 124, 125, 126, 127, 128, 129, 255, 256, 257, 32767, 32768, 65533, 65534, 65535, 65536, 65537}

func lengths(s *Section) {
	const requirement = "A receiver must read the whole payload, whether its length is in 7, 16 or 64 bits."
	for _, op := range []wire.Opcode{wire.Text, wire.Binary} {
		payload := TextOf
		if op == wire.Binary {
			payload = BinaryOf
		}
		for _, n := range edges {
			s.Add(Case{
				Name: fmt.Sprintf("%s-of-%d", kind(op), n), Title: fmt.Sprintf("A %s message of %s", op, Counted(n)), Requirement: requirement, Keyword: Must, Duty: DutyParses,
				Steps: []Step{Send(Of(op, payload(n)))}, Outcomes: Answers(Of(op, payload(n))),
			})
		}
		s.Add(Case{
			Name: kind(op) + "-of-65536-in-writes-of-997", Title: fmt.Sprintf("A %s message of 65,536 bytes in TCP writes of 997 bytes", op), Requirement: requirement, Keyword: Must, Duty: DutyParses,
			Steps: []Step{Send(Of(op, payload(65536))).InPieces(997)}, Outcomes: Answers(Of(op, payload(65536))),
		})
	}
	var frames []Frame
	var echoes []Frame
	for n := range 300 {
		frames, echoes = append(frames, Of(wire.Text, TextOf(n))), append(echoes, Of(wire.Text, TextOf(n)))
	}
	s.Add(Case{
		Name: "texts-of-0-to-299", Title: "Text messages of every length from 0 to 299 bytes", Requirement: requirement, Keyword: Must, Duty: DutyParses,
		Steps: []Step{Send(frames...)}, Outcomes: Answers(echoes...), Deadline: 2 * DefaultDeadline,
	})
}

// wrongLengths has the lengths that a sender must not write. §5.2 binds only the sender.
// No MUST tells a receiver how to handle such lengths.
func wrongLengths(s *Section) {
	const minimal = "A sender must write the length in the shortest form. No MUST tells a receiver how to handle a longer form."
	for _, f := range []struct {
		n    int
		form wire.LengthForm
	}{
		{0, wire.Length16}, {1, wire.Length16}, {5, wire.Length16}, {125, wire.Length16},
		{0, wire.Length64}, {5, wire.Length64}, {125, wire.Length64}, {126, wire.Length64}, {1000, wire.Length64}, {65535, wire.Length64},
	} {
		for _, frame := range []Frame{Of(wire.Text, TextOf(f.n)), Of(wire.Binary, BinaryOf(f.n)), Of(wire.Ping, TextOf(f.n))} {
			if frame.Opcode.IsControl() && f.n > wire.MaxControlPayload {
				continue
			}
			name := fmt.Sprintf("length-%d-for-%d", f.form, f.n)
			if frame.Opcode != wire.Text {
				name += "-" + kind(frame.Opcode)
			}
			echo := Of(frame.Opcode, frame.Payload)
			if frame.Opcode == wire.Ping {
				echo.Opcode = wire.Pong
			}
			const lax = "it accepts a length that is not in the shortest form, which a sender must not write (RFC 6455 §5.2)"
			s.Add(Case{
				Name:        name,
				Title:       fmt.Sprintf("The length %s of a %s in %d bits", Grouped(f.n), titleOf(frame.Opcode), f.form),
				Requirement: minimal, Keyword: May, Rules: []string{wire.RuleLengthMinimal.Code},
				Steps: []Step{Send(frame.WithForm(f.form))}, Outcomes: FailsOrTakes(wire.ProtocolError, lax, echo), Lax: lax,
			})
		}
	}
	const topBit = "A sender must write 0 as the top bit of a 64-bit length. No MUST tells a receiver how to handle a 1."
	for _, f := range []struct {
		name string
		what string
		n    uint64
	}{
		{"alone", "whose top bit is 1 and whose other bits are 0", 1 << 63},
		{"and-65536", "whose top bit is 1 and whose other bits say 65,536", 1<<63 | 65536},
		{"and-all-others", "whose bits are all 1", 1<<64 - 1},
	} {
		for _, op := range []wire.Opcode{wire.Text, wire.Binary} {
			s.Add(Case{
				Name:        "top-bit-" + f.name + "-" + kind(op),
				Title:       fmt.Sprintf("A %s frame with a 64-bit length %s", op, f.what),
				Requirement: topBit, Keyword: May, Rules: []string{wire.RuleLengthTopBit.Code},
				Steps: []Step{Send(Text("Hello").WithOpcode(op).Claiming(f.n))}, Outcomes: Fails(wire.ProtocolError),
				Lax: "it does not fail the connection for a length with the top bit 1, which a sender must not write (RFC 6455 §5.2)",
			})
		}
	}
}

// kind returns op as the names of cases write it: "text".
func kind(op wire.Opcode) string { return strings.ToLower(op.String()) }

// titleOf returns a frame with op as titles write it: "text frame", "Ping", "Close frame".
func titleOf(op wire.Opcode) string {
	switch op {
	case wire.Ping:
		return "Ping"
	case wire.Pong:
		return "Pong"
	case wire.Close:
		return "Close frame"
	}
	return op.String() + " frame"
}
