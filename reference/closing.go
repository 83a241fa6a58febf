package reference

import (
	"strings"

	"wslab/reference/wire"
)

// MaxReason is the bytes that a Close frame's reason can have: a control
// frame's payload without the two of the code.
const MaxReason = wire.MaxControlPayload - 2

// SendClose starts the closing handshake, or does nothing when a Close frame
// was sent before: there is one in each direction (RFC 6455 §7.1.2). The code
// NoStatusReceived sends an empty body. Data that comes afterwards is discarded.
func (m *Machine) SendClose(code wire.CloseCode, reason string) error {
	if err := checkClose(code, reason); err != nil {
		return err
	}
	switch {
	case m.state == Connecting || m.state == Closed:
		return errNotOpen
	case !m.closeSent:
		m.appendClose(wire.ClosePayload{Code: code, Reason: reason}, "a Close frame was sent")
	}
	return nil
}

// checkClose refuses what must not stand in a Close frame (RFC 6455 §5.5.1,
// §7.4).
func checkClose(code wire.CloseCode, reason string) error {
	_, vs := wire.ParseClosePayload(wire.ClosePayload{Code: code, Reason: reason}.Append(nil))
	if code == wire.NoStatusReceived && reason != "" { // the empty body that it stands for has no room
		vs = append(vs, broken(wire.RuleCloseCode, "The code is %s.", code))
	}
	if len(reason) > MaxReason {
		vs = append(vs, broken(wire.RuleControlLength, "The reason has %d bytes, but the limit is %d.", len(reason), MaxReason))
	}
	if vs != nil {
		return &SendError{vs}
	}
	return nil
}

// receiveClose acts on the peer's Close frame.
func (m *Machine) receiveClose(payload []byte) {
	p, violations := wire.ParseClosePayload(payload)
	if violations != nil {
		m.fail(violations...)
		return
	}
	m.closeReceived, m.peerClose = true, p
	m.enter(Closing, "a Close frame was received: "+p.Code.String())
	if m.o.Misbehave.IgnoreClose {
		return
	}
	//lesson:begin answer-close
	if !m.closeSent {
		answer, why := wire.ClosePayload{Code: p.Code}, "the Close frame was answered with its code"
		if choose := m.o.AnswerClose; choose != nil {
			if chosen := choose(p); checkClose(chosen.Code, chosen.Reason) == nil {
				answer, why = chosen, "the Close frame was answered with the code "+chosen.Code.String()
			}
		}
		m.appendClose(answer, why)
	}
	//lesson:end
}

// fail Fails the WebSocket Connection (RFC 6455 §7.1.7): a Close frame with the
// code of the first violation, unless one was sent before, and no ear for
// anything else. The TCP connection is for the owner of m to close.
func (m *Machine) fail(violations ...wire.Violation) {
	m.failed = &ProtocolError{violations}
	m.control = nil
	m.drop()
	why := "the connection failed: " + violations[0].Code
	if m.closeSent {
		m.enter(Closing, why)
		return
	}
	m.appendClose(wire.ClosePayload{Code: violations[0].CloseCode, Reason: closeReason(violations)}, why)
}

// appendClose puts the one Close frame of this end out.
func (m *Machine) appendClose(p wire.ClosePayload, why string) {
	m.appendFrame(true, wire.Close, p.Append(nil))
	m.closeSent = true
	m.drop() // what is unfinished now will not be delivered
	m.enter(Closing, why)
}

// closeReason names violations in few words, as many of them as fit: of each
// sentence the part that tells what was seen.
func closeReason(violations []wire.Violation) string {
	reason := ""
	for _, v := range violations {
		seen, _, _ := strings.Cut(v.Sentence, ". ")
		seen = "; " + strings.TrimSuffix(seen, ".")
		if len(reason)+len(seen) <= len("; ")+MaxReason {
			reason += seen
		}
	}
	return strings.TrimPrefix(reason, "; ")
}
