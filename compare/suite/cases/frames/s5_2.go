package frames

import (
	"fmt"
	"strings"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section52 is RFC 6455 §5.2: the frame header, bit by bit. Its cases come in
// four families: reserved bits, reserved opcodes, lengths as they should be, and
// lengths as they must not be.
func Section52() []*Case {
	s := Section{Name: "5.2", In: "5.2"}
	reservedBits(&s)
	reservedOpcodes(&s)
	lengths(&s)
	wrongLengths(&s)
	return s.Cases
}

// rsvName names reserved bits: "rsv13", "RSV1 and RSV3".
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
	const requirement = "RSV1, RSV2 and RSV3 are 0 unless an agreed extension uses them. A receiver of another value must fail the connection."
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
				Title:       fmt.Sprintf("A text, then one with %s, then a Ping, %s", title, how.what),
				Requirement: requirement, Keyword: Must, Duty: DutyReserved, Rules: rules,
				Steps: []Step{how.step}, Outcomes: FailsAfter(wire.ProtocolError, Text("Hello")),
			})
		}
	}
	s.Add(Case{
		Name: "rsv-opcode-and-mask-wrong", Title: "Reserved bits, a reserved opcode and the mask of the other role together",
		Requirement: requirement, Keyword: Must, Duty: DutyReserved, Rules: []string{wire.RuleRSV1.Code, wire.RuleOpcode.Code, wire.RuleMaskMissing.Code},
		Steps: []Step{Send(Text("Hello").WithRSV(7).WithOpcode(0xB).WrongMask())}, Outcomes: Fails(wire.ProtocolError),
	})
}

func reservedOpcodes(s *Section) {
	const requirement = "The opcodes 3 to 7 and B to F are unknown. A receiver of one must fail the connection."
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
		add("text-"+name+"-ping-one-write", fmt.Sprintf("A text, opcode %X, a Ping in one TCP write", uint8(op)), FailsAfter(wire.ProtocolError, Text("Hello")),
			Send(Text("Hello"), Text("reserved").WithOpcode(op), Ping("")))
		add("text-"+name+"-ping-byte-by-byte", fmt.Sprintf("A text, opcode %X, a Ping byte by byte", uint8(op)), FailsAfter(wire.ProtocolError, Text("Hello")),
			Send(Text("Hello"), Text("reserved").WithOpcode(op), Ping("")).InPieces(1))
		add(name+"-fin-0", fmt.Sprintf("Opcode %X with FIN 0", uint8(op)), Fails(wire.ProtocolError),
			Send(Text("Hello").WithOpcode(op).More()))
		add(name+"-between-fragments", fmt.Sprintf("Opcode %X between two fragments", uint8(op)), Fails(wire.ProtocolError),
			Send(Text("He").More(), Text("").WithOpcode(op), Cont("llo")))
	}
}

// edges are the lengths at which something changes, or which a sign or a size
// of type makes special.
var edges = []int{0, 1, 2, 124, 125, 126, 127, 128, 129, 255, 256, 257, 32767, 32768, 65533, 65534, 65535, 65536, 65537}

func lengths(s *Section) {
	const requirement = "A payload of any length is received whole, with the length in 7, 16 or 64 bits."
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
			Name: kind(op) + "-of-65536-in-writes-of-997", Title: fmt.Sprintf("A %s message of 65,536 bytes in TCP writes of 997", op), Requirement: requirement, Keyword: Must, Duty: DutyParses,
			Steps: []Step{Send(Of(op, payload(65536))).InPieces(997)}, Outcomes: Answers(Of(op, payload(65536))),
		})
	}
	var frames []Frame
	var echoes []Frame
	for n := range 300 {
		frames, echoes = append(frames, Of(wire.Text, TextOf(n))), append(echoes, Of(wire.Text, TextOf(n)))
	}
	s.Add(Case{
		Name: "texts-of-0-to-299", Title: "Messages of every length from 0 to 299 in a row", Requirement: requirement, Keyword: Must, Duty: DutyParses,
		Steps: []Step{Send(frames...)}, Outcomes: Answers(echoes...), Deadline: 2 * DefaultDeadline,
	})
}

// wrongLengths is about lengths that no sender may write. §5.2 binds the sender
// alone: no MUST says what a receiver does with them.
func wrongLengths(s *Section) {
	const minimal = "A sender writes the length in the shortest form that can carry it. What a receiver does with another form no MUST says."
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
				Title:       fmt.Sprintf("The length %s of a %s frame in %d bits", Grouped(f.n), frame.Opcode, f.form),
				Requirement: minimal, Keyword: May, Rules: []string{wire.RuleLengthMinimal.Code},
				Steps: []Step{Send(frame.WithForm(f.form))}, Outcomes: FailsOrTakes(wire.ProtocolError, lax, echo), Lax: lax,
			})
		}
	}
	const topBit = "A sender writes 0 as the top bit of a 64-bit length. What a receiver does with a 1 no MUST says."
	for _, f := range []struct {
		name string
		what string
		n    uint64
	}{
		{"alone", "and the rest 0", 1 << 63},
		{"and-65536", "before a length of 65,536", 1<<63 | 65536},
		{"and-all-others", "and all others as well", 1<<64 - 1},
	} {
		for _, op := range []wire.Opcode{wire.Text, wire.Binary} {
			s.Add(Case{
				Name:        "top-bit-" + f.name + "-" + kind(op),
				Title:       fmt.Sprintf("A 64-bit length of a %s frame with the top bit 1 %s", op, f.what),
				Requirement: topBit, Keyword: May, Rules: []string{wire.RuleLengthTopBit.Code},
				Steps: []Step{Send(Text("Hello").WithOpcode(op).Claiming(f.n))}, Outcomes: Fails(wire.ProtocolError),
				Lax: "it does not fail the connection for a length with the top bit 1, which a sender must not write (RFC 6455 §5.2)",
			})
		}
	}
}

// kind is op as names of cases have it: "text".
func kind(op wire.Opcode) string { return strings.ToLower(op.String()) }
