package mistakes

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/reference/wire"
)

// A model is an echoing endpoint that checks no rules and makes one mistake. If an
// endpoint sent exactly the messages of one model, and no other model sends these
// messages, the endpoint makes that mistake.
type model struct {
	mistake string

	// Framing.
	lengthSeven  bool // the seven bits are always the length, even 126 and 127
	length126    bool // 126 is a length, 127 is not
	length32     bool // reads 32 bits of the 64-bit length
	lengthUnused bool // reads the 64-bit length, and uses 127
	little       bool // reads the length with its least significant byte first
	stillMasked  bool
	anew         bool // starts again at byte 0 of the masking key in each read
	shifted      int  // byte 0 of the payload is masked with this byte of the masking key

	// Messages.
	noFirst, lastOnly, eachFragment bool
	emptyEnds, emptyLast            bool
	emptyFirst                      bool // with emptyEnds: an empty first fragment ends the message, too
	controlJoins, controlForgets    bool
	change                          func(said) said

	// Control frames.
	pongEmpty, pingIsText bool

	// Reactions of an endpoint that checks no rules to a frame that breaks a rule.
	skipsReserved, skipsStray      bool
	restarts, apart, textsReserved bool
}

// said is a message or control frame that a model sends, or that the judge received.
type said struct {
	opcode  wire.Opcode
	payload []byte
	partial bool // the rest of the payload may be missing
}

// models are the endpoints that make one mistake.
var models = []model{
	{mistake: "length-126-taken-for-length", lengthSeven: true},
	{mistake: "length-126-taken-for-length", length126: true},
	{mistake: "length-127-read-as-32-bits", length32: true},
	{mistake: "length-64-read-and-ignored", lengthUnused: true},
	{mistake: "length-little-endian", little: true},
	{mistake: "payload-still-masked", stillMasked: true},
	{mistake: "mask-begun-anew-at-each-read", anew: true},
	{mistake: "mask-begun-before-payload", shifted: 1},
	{mistake: "mask-begun-before-payload", shifted: 2},
	{mistake: "mask-begun-before-payload", shifted: 3},
	{mistake: "first-fragment-dropped", noFirst: true},
	{mistake: "only-last-fragment", lastOnly: true},
	{mistake: "fragment-is-message", eachFragment: true},
	{mistake: "empty-fragment-ends-message", emptyEnds: true},
	{mistake: "empty-fragment-ends-message", emptyEnds: true, emptyFirst: true},
	{mistake: "empty-final-fragment-loses-message", emptyLast: true},
	{mistake: "control-frame-in-message", controlJoins: true},
	{mistake: "fragments-forgotten-at-ping", controlForgets: true},
	{mistake: "pong-without-payload", pongEmpty: true},
	{mistake: "ping-delivered-as-message", pingIsText: true},
	{mistake: "utf8-replaced", change: replaced(func(b []byte) []byte { return []byte(string([]rune(string(b)))) })},
	{mistake: "utf8-replaced", change: replaced(func(b []byte) []byte { return bytes.ToValidUTF8(b, []byte("\uFFFD")) })},
	{mistake: "text-read-as-latin1", change: ofText(func(b []byte) []byte {
		var s strings.Builder
		for _, c := range b {
			s.WriteRune(rune(c))
		}
		return []byte(s.String())
	})},
	{mistake: "binary-sent-as-text", change: as(wire.Binary, wire.Text)},
	{mistake: "text-sent-as-binary", change: as(wire.Text, wire.Binary)},
}

// lenient are the endpoints that check no rules. They differ in their reaction to a frame
// that breaks a rule.
var lenient = []model{
	{},
	{skipsReserved: true, skipsStray: true, restarts: true},
	{skipsReserved: true, skipsStray: true, apart: true},
	{textsReserved: true, apart: true},
	{textsReserved: true},
}

// ofText applies change to text messages alone.
func ofText(change func([]byte) []byte) func(said) said {
	return func(s said) said {
		if s.opcode == wire.Text {
			s.payload = change(s.payload)
		}
		return s
	}
}

// replaced applies change to text messages that are not valid UTF-8.
func replaced(change func([]byte) []byte) func(said) said {
	return ofText(func(b []byte) []byte {
		if utf8.Valid(b) {
			return b
		}
		return change(b)
	})
}

// as changes the opcode of messages from one to another.
func as(from, to wire.Opcode) func(said) said {
	return func(s said) said {
		if s.opcode == from {
			s.opcode = to
		}
		return s
	}
}

// stream returns the bytes that the judge sends after the opening handshake, and the
// indexes at which the TCP writes begin. ok is false if there are too many bytes.
func stream(c *spec.Case) (b []byte, writes []int, ok bool) {
	size := 0
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			size += f.Payload.Len()
		}
	}
	if size > transcript.MaxModelled {
		return nil, nil, false
	}
	keys := c.MaskingKeys()
	for _, s := range c.Steps {
		if s.Do != spec.DoSend {
			continue
		}
		for _, w := range s.Chunks(c.Judges.Peer(), keys) {
			writes = append(writes, len(b))
			b = append(b, w...)
		}
	}
	return b, writes, true
}

// answers returns the messages that m sends in response to b. Each index in reads is the
// start of one read in which m receives b.
func (m model) answers(b []byte, reads []int) []said {
	var (
		out     []said
		message said
		open    bool // a message is not finished
		first   bool // the next fragment is the second of its message
	)
	deliver := func(s said) {
		if m.change != nil {
			s = m.change(s)
		}
		out = append(out, s)
	}
	for at := 0; at+2 <= len(b); {
		// 1. The header.
		fin, opcode := b[at]&0x80 != 0, wire.Opcode(b[at]&0x0F)
		masked, length := b[at+1]&0x80 != 0, uint64(b[at+1]&0x7F)
		at += 2
		if size := map[uint64]int{126: 2, 127: 8}[length]; size > 0 && !m.lengthSeven && !(m.length126 && size == 2) {
			if size == 8 && m.length32 {
				size = 4
			}
			if at+size > len(b) {
				return out
			}
			field := slices.Clone(b[at : at+size])
			if m.little {
				slices.Reverse(field)
			}
			if size == 2 || !m.lengthUnused {
				length = 0
				for _, c := range field {
					length = length<<8 | uint64(c)
				}
			}
			at += size
		}
		var key [4]byte
		if masked {
			if at+4 > len(b) {
				return out
			}
			key = [4]byte(b[at : at+4])
			at += 4
		}

		// 2. The payload.
		if length > uint64(len(b)-at) {
			return out
		}
		p := slices.Clone(b[at : at+int(length)])
		if m.anew {
			for from := 0; from < len(p); {
				to := len(p)
				for _, r := range reads {
					if r > at+from && r < at+to {
						to = r - at
						break
					}
				}
				wire.Mask(key, 0, p[from:to])
				from = to
			}
		} else if !m.stillMasked {
			wire.Mask(key, m.shifted, p)
		}
		at += int(length)

		// 3. Control frames.
		switch {
		case opcode.IsControl() && m.controlJoins && open && opcode != wire.Close:
			message.payload = append(message.payload, p...)
			continue
		case opcode == wire.Ping && m.pingIsText:
			deliver(said{opcode: wire.Text, payload: p})
			continue
		case opcode == wire.Ping:
			if m.pongEmpty {
				p = nil
			}
			out = append(out, said{opcode: wire.Pong, payload: p})
			if m.controlForgets && open {
				message.payload = nil
			}
			continue
		case opcode == wire.Pong:
			continue
		case opcode == wire.Close:
			return out
		}

		// 4. Data.
		starts := opcode != wire.Continuation
		switch {
		case opcode > wire.Binary && m.skipsReserved, !starts && !open && m.skipsStray:
			continue
		case opcode > wire.Binary && m.textsReserved, !starts && !open:
			starts, opcode = true, wire.Text
		}
		if starts && open {
			switch {
			case m.restarts:
				open = false
			case m.apart && fin:
				deliver(said{opcode: opcode, payload: p})
				continue
			default:
				starts = false
			}
		}
		if starts {
			message, first = said{opcode: opcode}, true
		}
		if m.eachFragment {
			deliver(said{opcode: message.opcode, payload: p})
			open = !fin
			continue
		}
		switch {
		case m.lastOnly:
			message.payload = p
		case !(m.noFirst && first && !fin):
			message.payload = append(message.payload, p...)
		}
		ends := fin
		if len(p) == 0 && !(fin && first) {
			ends = ends && !m.emptyLast || m.emptyEnds && (m.emptyFirst || !first)
		}
		first, open = false, !fin && !ends
		if fin && !ends {
			message = said{} // lost
		}
		if ends {
			deliver(message)
		}
	}
	return out
}

// explains reports whether came is the start of sends, or all of sends. It compares
// messages and control frames separately.
func explains(sends, came []said) bool {
	for _, control := range []bool{false, true} {
		next := 0
		for _, c := range came {
			if c.opcode.IsControl() != control {
				continue
			}
			for next < len(sends) && sends[next].opcode.IsControl() != control {
				next++
			}
			if next == len(sends) || sends[next].opcode != c.opcode {
				return false
			}
			if s := sends[next].payload; !bytes.Equal(s, c.payload) && !(c.partial && bytes.HasPrefix(s, c.payload)) {
				return false
			}
			next++
		}
	}
	return true
}

// answeredAs reports whether sends fits an outcome of c. If it does, c does not show the
// mistake of the model that sends these messages.
func answeredAs(c *spec.Case, sends []said) bool {
	saw := make([]spec.Message, len(sends))
	for i, s := range sends {
		saw[i] = spec.Message{Opcode: s.opcode, Payload: s.payload}
	}
	for _, o := range c.Outcomes {
		if f, _, _ := transcript.Fits(o, saw); f == transcript.Wholly {
			return true
		}
	}
	return false
}
