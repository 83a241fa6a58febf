package frames

import (
	"fmt"

	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section55 is RFC 6455 §5.5: what all control frames have in common.
func Section55() []*Case {
	s := Section{Name: "5.5", In: "5.5"}
	// §5.4 and §5.5 bind the sender. No MUST says what a receiver does with such frames.
	const (
		fragmented    = "A sender does not fragment a control frame. What a receiver does with one that is fragmented no MUST says."
		laxFragmented = "it does not fail the connection for a control frame with FIN 0, which a sender must not send (RFC 6455 §5.5)"
		long          = "A sender puts at most 125 bytes into a control frame. What a receiver does with more no MUST says."
		laxLong       = "it does not fail the connection for a control frame of more than 125 bytes, which a sender must not send (RFC 6455 §5.5)"
	)
	control := []Frame{Ping("Hello"), Pong("Hello"), Close(1000, "")}
	for _, f := range control {
		name := kind(f.Opcode)
		s.Add(Case{
			Name: name + "-fin-0", Title: fmt.Sprintf("A %s frame with FIN 0", f.Opcode), Keyword: May, Rules: []string{wire.RuleControlFragment.Code},
			Requirement: fragmented, Lax: laxFragmented,
			Steps: []Step{Send(f.More())}, Outcomes: Fails(wire.ProtocolError),
		})
		s.Add(Case{
			Name: name + "-fin-0-then-continuation", Title: fmt.Sprintf("A %s frame with FIN 0, and a continuation", f.Opcode), Keyword: May, Rules: []string{wire.RuleControlFragment.Code},
			Requirement: fragmented, Lax: laxFragmented,
			Steps: []Step{Send(f.More(), Cont("more"))}, Outcomes: Fails(wire.ProtocolError),
		})
		s.Add(Case{
			Name: name + "-fin-0-between-fragments", Title: fmt.Sprintf("A %s frame with FIN 0 between two fragments of a text", f.Opcode), Keyword: May, Rules: []string{wire.RuleControlFragment.Code},
			Requirement: fragmented, Lax: laxFragmented,
			Steps: []Step{Send(Text("Hel").More(), f.More(), Cont("lo"))}, Outcomes: Fails(wire.ProtocolError),
		})
		s.Add(Case{
			Name: "empty-" + name + "-fin-0", Title: fmt.Sprintf("An empty %s frame with FIN 0", f.Opcode), Keyword: May, Rules: []string{wire.RuleControlFragment.Code},
			Requirement: fragmented, Lax: laxFragmented,
			Steps: []Step{Send(Frame{Opcode: f.Opcode})}, Outcomes: Fails(wire.ProtocolError),
		})
		for _, n := range []int{126, 127, 128, 65535, 65536} {
			p := TextOf(n)
			if f.Opcode == wire.Close { // with a code that is right, so that only the length is wrong
				p = Payload{Data: append([]byte{0x03, 0xe8}, TextOf(n-2).Bytes()...)}
			}
			s.Add(Case{
				Name: fmt.Sprintf("%s-of-%d", name, n), Title: fmt.Sprintf("A %s frame of %s", f.Opcode, Counted(n)), Keyword: May, Rules: []string{wire.RuleControlLength.Code},
				Requirement: long, Lax: laxLong,
				Steps: []Step{Send(Of(f.Opcode, p))}, Outcomes: Fails(wire.ProtocolError),
			})
		}
		s.Add(Case{
			Name: name + "-of-126-byte-by-byte", Title: fmt.Sprintf("A %s frame of 126 bytes, byte by byte", f.Opcode), Keyword: May, Rules: []string{wire.RuleControlLength.Code},
			Requirement: long, Lax: laxLong,
			Steps: []Step{Send(Of(f.Opcode, Payload{Data: append([]byte{0x03, 0xe8}, TextOf(124).Bytes()...)})).InPieces(1)}, Outcomes: Fails(wire.ProtocolError),
		})
	}
	return s.Cases
}
