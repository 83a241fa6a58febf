package frames

import (
	"fmt"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section55 is RFC 6455 §5.5: the rules for all control frames.
func Section55() []*Case {
	s := Section{Name: "5.5", In: "5.5"}
	// §5.4 and §5.5 bind the sender. No MUST tells a receiver how to handle such frames.
	const (
		fragmented    = "A sender must not fragment a control frame. No MUST tells a receiver how to handle a fragmented one."
		laxFragmented = "it does not fail the connection for a control frame with FIN bit 0, which a sender must not send (RFC 6455 §5.5)"
		long          = "A sender must not put more than 125 bytes into a control frame. No MUST tells a receiver how to handle a longer one."
		laxLong       = "it does not fail the connection for a control frame of more than 125 bytes, which a sender must not send (RFC 6455 §5.5)"
	)
	control := []Frame{Ping("Hello"), Pong("Hello"), Close(1000, "")}
	for _, f := range control {
		name := kind(f.Opcode)
		s.Add(Case{
			Name: name + "-fin-0", Title: fmt.Sprintf("A %s with FIN bit 0", titleOf(f.Opcode)), Keyword: May, Rules: []string{wire.RuleControlFragment.Code},
			Requirement: fragmented, Lax: laxFragmented,
			Steps: []Step{Send(f.More())}, Outcomes: Fails(wire.ProtocolError),
		})
		s.Add(Case{
			Name: name + "-fin-0-then-continuation", Title: fmt.Sprintf("A %s with FIN bit 0, then a continuation frame", titleOf(f.Opcode)), Keyword: May, Rules: []string{wire.RuleControlFragment.Code},
			Requirement: fragmented, Lax: laxFragmented,
			Steps: []Step{Send(f.More(), Cont("more"))}, Outcomes: Fails(wire.ProtocolError),
		})
		s.Add(Case{
			Name: name + "-fin-0-between-fragments", Title: fmt.Sprintf("A %s with FIN bit 0 between two fragments of a text message", titleOf(f.Opcode)), Keyword: May, Rules: []string{wire.RuleControlFragment.Code},
			Requirement: fragmented, Lax: laxFragmented,
			Steps: []Step{Send(Text("Hel").More(), f.More(), Cont("lo"))}, Outcomes: Fails(wire.ProtocolError),
		})
		s.Add(Case{
			Name: "empty-" + name + "-fin-0", Title: fmt.Sprintf("An empty %s with FIN bit 0", titleOf(f.Opcode)), Keyword: May, Rules: []string{wire.RuleControlFragment.Code},
			Requirement: fragmented, Lax: laxFragmented,
			Steps: []Step{Send(Frame{Opcode: f.Opcode})}, Outcomes: Fails(wire.ProtocolError),
		})
		for _, n := range []int{126, 127, 128, 65535, 65536} {
			p := TextOf(n)
			if f.Opcode == wire.Close { // with a valid code, so that only the length is wrong
				p = Payload{Data: append([]byte{0x03, 0xe8}, TextOf(n-2).Bytes()...)}
			}
			s.Add(Case{
				Name: fmt.Sprintf("%s-of-%d", name, n), Title: fmt.Sprintf("A %s with a payload of %s", titleOf(f.Opcode), Counted(n)), Keyword: May, Rules: []string{wire.RuleControlLength.Code},
				Requirement: long, Lax: laxLong,
				Steps: []Step{Send(Of(f.Opcode, p))}, Outcomes: Fails(wire.ProtocolError),
			})
		}
		s.Add(Case{
			Name: name + "-of-126-byte-by-byte", Title: fmt.Sprintf("A %s with a payload of 126 bytes, byte by byte", titleOf(f.Opcode)), Keyword: May, Rules: []string{wire.RuleControlLength.Code},
			Requirement: long, Lax: laxLong,
			Steps: []Step{Send(Of(f.Opcode, Payload{Data: append([]byte{0x03, 0xe8}, TextOf(124).Bytes()...)})).InPieces(1)}, Outcomes: Fails(wire.ProtocolError),
		})
	}
	return s.Cases
}
