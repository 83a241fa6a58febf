package transcript

import (
	"bytes"
	"maps"
	"slices"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// MaxModelled is how many bytes a case may send whose answers are worked out.
const MaxModelled = 256 << 10

// SentSet has what of the judge's frames a control frame can send back.
type SentSet struct {
	payloads map[string]bool
	codes    []wire.CloseCode // of its Close frames
}

// Has reports whether b is one of the payloads.
func (s SentSet) Has(b []byte) bool { return s.payloads[string(b)] }

// Returns reports whether a Close frame with code only sends back what the judge
// has sent, as is usual (RFC 6455 §5.5.1). 1005, 1006 and 1015 must not stand in
// any Close frame, whoever began with them (§7.4.1).
func (s SentSet) Returns(code wire.CloseCode) bool {
	return !code.IsLocal() && slices.Contains(s.codes, code)
}

// SentBy returns what c sends in frames that a control frame could send back.
func SentBy(c *spec.Case) SentSet {
	set := SentSet{payloads: map[string]bool{}}
	pongs, pings := map[string]bool{}, map[string]bool{}
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			n := f.Payload.Len()
			switch f.Opcode {
			case wire.Pong:
				pongs[string(f.Payload.Prefix(n))] = true
				continue // a Pong for a Pong answers nothing, and may come at any time
			case wire.Ping:
				pings[string(f.Payload.Prefix(n))] = true
			}
			if n <= wire.MaxControlPayload && (n > 0 || f.Opcode.IsControl()) {
				set.payloads[string(f.Payload.Prefix(n))] = true
			}
			if f.Opcode == wire.Close && n >= 2 {
				body, _ := wire.ParseClosePayload(f.Payload.Prefix(n))
				set.codes = append(set.codes, body.Code)
			}
		}
	}
	// So may one whose payload a data frame has as well.
	maps.DeleteFunc(set.payloads, func(p string, _ bool) bool { return pongs[p] && !pings[p] })
	return set
}

// HasSent reports whether the judge has sent such a frame.
func HasSent(c *spec.Case, op wire.Opcode, payload []byte) bool {
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			if f.Opcode == op && f.Payload.Equal(payload) {
				return true
			}
		}
	}
	return false
}

// BreaksMust reports whether a MUST forbids what f's frame has. Of the codes in a
// Close frame the RFC forbids 1005, 1006 and 1015 alone; others are only not
// defined (RFC 6455 §7.4).
func (f *Fault) BreaksMust() bool {
	if f.Rule.Code != wire.RuleCloseCode.Code {
		return true
	}
	body, _ := wire.ParseClosePayload(f.Of.Payload)
	return body.Code.IsLocal()
}

// SentBack reports whether the frame of f is one that the judge sent, as
// far as it came.
func SentBack(c *spec.Case, f *Fault) bool {
	of := f.Of
	h := of.Frames[len(of.Frames)-1].Header
	switch f.Rule.Code {
	case wire.RuleCloseCode.Code, wire.RuleCloseBody.Code, wire.RuleCloseReason.Code:
		return HasSent(c, wire.Close, of.Payload)
	case wire.RuleTextUTF8.Code:
		return slices.ContainsFunc(messages(c), func(m []byte) bool { return bytes.HasPrefix(m, of.Payload) })
	}
	for _, s := range c.Steps {
		for _, own := range s.Frames {
			length := uint64(own.Payload.Len())
			if own.Lies {
				length = own.Claims
			}
			same := own.Opcode == h.Opcode || own.Opcode == wire.Ping && h.Opcode == wire.Pong
			if same && own.RSV == rsvOf(h) && length == h.Length {
				return true
			}
		}
	}
	return false
}

// rsvOf returns the reserved bits of h as a Frame has them.
func rsvOf(h wire.Header) (bits uint8) {
	for i, set := range []bool{h.RSV3, h.RSV2, h.RSV1} {
		if set {
			bits |= 1 << i
		}
	}
	return bits
}

// messages returns the payloads of c's messages, fragments joined.
func messages(c *spec.Case) (list [][]byte) {
	var message []byte
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			if f.Opcode.IsControl() || f.Payload.Len() > MaxModelled {
				continue
			}
			if f.Opcode != wire.Continuation {
				message = nil
			}
			message = append(message, f.Payload.Bytes()...)
			list = append(list, bytes.Clone(message))
		}
	}
	return list
}
