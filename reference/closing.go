package reference

import (
	"strings"

	"wslab/reference/wire"
)

// MaxReason is the maximum size of a close reason in bytes: the payload of a control
// frame without the two bytes of the code.
const MaxReason = wire.MaxControlPayload - 2

// SendClose starts the closing handshake. It does nothing if a Close frame was
// already sent: each end sends one (RFC 6455 §7.1.2). The code
// NoStatusReceived sends an empty body. Data that arrives afterwards is discarded.
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

// checkClose refuses a code or reason that a Close frame must not have (RFC 6455 §5.5.1,
// §7.4).
func checkClose(code wire.CloseCode, reason string) error {
	_, vs := wire.ParseClosePayload(wire.ClosePayload{Code: code, Reason: reason}.Append(nil))
	if code == wire.NoStatusReceived && reason != "" { // with this code, the body is empty
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

// fail Fails the WebSocket Connection (RFC 6455 §7.1.7): it sends a Close frame with the
// code of the first violation, unless a Close frame was already sent. All further input
// is ignored. The owner of m closes the TCP connection.
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

// appendClose sends the only Close frame of this end.
func (m *Machine) appendClose(p wire.ClosePayload, why string) {
	m.appendFrame(true, wire.Close, p.Append(nil))
	m.closeSent = true
	m.drop() // an unfinished message will not be delivered
	m.enter(Closing, why)
}

// closeReason returns as many violations as fit into a Close frame. Of each violation, it
// returns the sentence about the received bytes.
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
