package transcript

import (
	"bytes"
	"maps"
	"slices"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// MaxModelled is the largest payload in bytes for which messages are computed.
const MaxModelled = 256 << 10

// SentSet has the judge's payloads and close codes that the target can send back in a
// control frame.
type SentSet struct {
	payloads map[string]bool
	codes    []wire.CloseCode // close codes of the judge's Close frames
}

// Has reports whether the judge sent the payload b.
func (s SentSet) Has(b []byte) bool { return s.payloads[string(b)] }

// Returns reports whether a Close frame with code only sends back a code of the judge,
// which is usual (RFC 6455 §5.5.1). It returns false for 1005, 1006 and 1015, which must
// not be in any Close frame (§7.4.1).
func (s SentSet) Returns(code wire.CloseCode) bool {
	return !code.IsLocal() && slices.Contains(s.codes, code)
}

// SentBy returns the SentSet of the judge in c.
func SentBy(c *spec.Case) SentSet {
	set := SentSet{payloads: map[string]bool{}}
	pongs, pings := map[string]bool{}, map[string]bool{}
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			n := f.Payload.Len()
			switch f.Opcode {
			case wire.Pong:
				pongs[string(f.Payload.Prefix(n))] = true
				continue // an endpoint does not answer a Pong with a Pong
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
	// This holds for a Pong's payload even if a data frame has the same payload.
	maps.DeleteFunc(set.payloads, func(p string, _ bool) bool { return pongs[p] && !pings[p] })
	return set
}

// AnswersPong reports whether saw has a Pong with the payload of a Pong of the judge, in a
// case in which the judge sends no Ping with that payload. An empty Pong may be a heartbeat.
func AnswersPong(c *spec.Case, saw []spec.Message) bool {
	return slices.ContainsFunc(saw, func(s spec.Message) bool { return s.Idle && len(s.Payload) > 0 && HasSent(c, wire.Pong, s.Payload) })
}

// HasSent reports whether the judge sends a frame with this opcode and payload in c.
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

// BreaksMust reports whether f breaks a MUST. The RFC forbids only the close codes 1005,
// 1006 and 1015. Others are undefined (RFC 6455 §7.4).
func (f *Fault) BreaksMust() bool {
	if f.Rule.Code != wire.RuleCloseCode.Code {
		return true
	}
	body, _ := wire.ParseClosePayload(f.Of.Payload)
	return body.Code.IsLocal()
}

// SentBack reports whether the received bytes of f's frame are a frame of the judge that
// the target sent back.
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

// rsvOf returns the reserved bits of h as in spec.Frame.RSV.
func rsvOf(h wire.Header) (bits uint8) {
	for i, set := range []bool{h.RSV3, h.RSV2, h.RSV1} {
		if set {
			bits |= 1 << i
		}
	}
	return bits
}

// messages returns the payloads of the judge's messages in c. It returns the payload so
// far after each fragment.
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
