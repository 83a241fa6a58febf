package play

import (
	"fmt"

	"wslab/reference/wire"
)

// An inflater reads the target's compressed messages.
type inflater struct {
	takeover bool
	window   int // bytes that a distance may reach back
	bits     int
	limit    int
	history  []byte
}

// newInflater returns an inflater for the messages of sender, limit bytes each at most.
func newInflater(p wire.DeflateParams, sender wire.Role, limit int) *inflater {
	takeover, bits := !p.ServerNoContextTakeover, p.ServerMaxWindowBits
	if sender == wire.Client {
		takeover, bits = !p.ClientNoContextTakeover, p.ClientMaxWindowBits
	}
	if bits == 0 {
		bits = 15
	}
	return &inflater{takeover: takeover, window: 1 << bits, bits: bits, limit: limit}
}

// message decompresses payload (RFC 7692 §7.2.2). It returns the rule that payload
// breaks, or nil.
func (i *inflater) message(payload []byte) ([]byte, *wire.Violation) {
	history := i.history
	if !i.takeover {
		history = nil
	}
	broke := func(r wire.Rule, format string, args ...any) ([]byte, *wire.Violation) {
		v := r.Broken(fmt.Sprintf(format, args...))
		return nil, &v
	}
	message, farthest, err := inflate(history, payload, i.limit)
	if err != nil && !i.takeover {
		if _, _, with := inflate(i.history, payload, i.limit); with == nil && len(i.history) > 0 {
			return broke(wire.RuleDeflateTakeover, "This message can only be read with the messages before it.")
		}
	}
	if err != nil {
		return broke(wire.RuleDeflateData, "It cannot be inflated: %v.", err)
	}
	if farthest > i.window {
		return broke(wire.RuleDeflateWindow, "It refers back %d bytes, but the window has %d bits.", farthest, i.bits)
	}
	i.history = append(i.history, message...)
	i.history = i.history[max(0, len(i.history)-1<<15):]
	return message, nil
}
