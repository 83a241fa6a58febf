package suite

import (
	"fmt"
	"io"

	"wslab/reference/wire"
)

// fail fails the connection.
func (m *mini) fail(code wire.CloseCode) {
	if !m.is("fails-without-close") {
		m.send(wire.Close, wire.ClosePayload{Code: code}.Append(nil))
	}
	m.leave()
}

// echo sends every message back, until the end.
func (m *mini) echo() {
	var (
		op      wire.Opcode
		message []byte
		text    wire.UTF8
		open    bool // a message is not finished
		first   bool
		late    [][]byte
	)
	deliver := func(op wire.Opcode, p []byte) {
		switch {
		case m.is("utf8-replaced") && op == wire.Text:
			p = []byte(string([]rune(string(p))))
		case m.is("text-read-as-latin1") && op == wire.Text:
			runes := make([]rune, len(p))
			for i, c := range p {
				runes[i] = rune(c)
			}
			p = []byte(string(runes))
		case m.is("binary-sent-as-text"):
			op = wire.Text
		case m.is("text-sent-as-binary"):
			op = wire.Binary
		case m.is("length-64-not-supported") && len(p) > 65535:
			return
		}
		m.send(op, p)
	}
	for {
		h, p, ok := m.frame()
		switch {
		case m.over:
			m.leave()
			return
		case !ok && m.is("header-read-once"):
			m.fail(wire.ProtocolError)
			return
		case !ok:
			continue
		}

		// 1. What breaks a rule.
		for _, v := range wire.Check(h, wire.Context{Sender: m.role.Peer(), Fragmented: open}) {
			if !m.ignores(v) {
				m.fail(wire.ProtocolError)
				return
			}
		}
		if m.bad {
			m.fail(wire.InvalidPayload)
			return
		}
		if h.Length > 1<<24 {
			m.fail(wire.MessageTooBig)
			return
		}
		if h.Opcode > wire.Binary && h.Opcode < wire.Close || h.Opcode > wire.Pong {
			h.Opcode = wire.Text
		}

		// 2. Control frames.
		switch {
		case h.Opcode == wire.Close:
			if m.is("close-ignored") {
				continue
			}
			m.close(p)
			return
		case h.Opcode.IsControl() && open && m.is("control-frame-in-message"):
			message = append(message, p...)
			continue
		case h.Opcode == wire.Ping && m.is("ping-delivered-as-message"):
			deliver(wire.Text, p)
			continue
		case h.Opcode == wire.Ping && open && m.is("ping-answered-late"):
			late = append(late, p)
			continue
		case h.Opcode == wire.Ping:
			switch {
			case m.is("ping-not-answered"):
			case m.is("pong-without-payload"):
				m.send(wire.Pong, nil)
			default:
				m.send(wire.Pong, p)
			}
			if m.is("fragments-forgotten-at-ping") {
				message = nil
			}
			continue
		case h.Opcode == wire.Pong:
			if m.is("pong-answered") {
				m.send(wire.Pong, p)
			}
			continue
		}

		// 3. Data.
		if h.Opcode != wire.Continuation && !open || !open {
			op, message, text, first = h.Opcode, nil, wire.UTF8{}, true
			if op == wire.Continuation {
				op = wire.Text
			}
		}
		if op == wire.Text && !m.is("utf8-not-checked", "utf8-replaced", "text-read-as-latin1") {
			if m.is("utf8-checked-per-fragment") {
				text = wire.UTF8{}
			}
			if text.Check(p) < len(p) || (h.Fin || m.is("utf8-checked-per-fragment")) && !text.Complete() {
				m.fail(wire.InvalidPayload)
				return
			}
		}
		if m.is("fragment-is-message") {
			deliver(op, p)
			open = !h.Fin
			continue
		}
		switch {
		case m.is("only-last-fragment"):
			message = p
		case m.is("first-fragment-dropped") && first && !h.Fin:
		default:
			message = append(message, p...)
		}
		open = !h.Fin
		switch {
		case m.is("empty-fragment-ends-message") && len(p) == 0 && !first && open:
			deliver(op, message)
			message = nil
		case m.is("empty-final-fragment-loses-message") && len(p) == 0 && !first && !open:
			message = nil
		case !open:
			deliver(op, message)
			for _, p := range late {
				m.send(wire.Pong, p)
			}
			late = nil
		}
		first = false
	}
}

// close answers a Close frame.
func (m *mini) close(p []byte) {
	body, violations := wire.ParseClosePayload(p)
	for _, v := range violations {
		ignored := map[string]string{
			wire.RuleCloseCode.Code: "close-code-not-checked", wire.RuleCloseReason.Code: "close-reason-not-checked", wire.RuleCloseBody.Code: "close-body-not-checked",
		}
		if !m.is(ignored[v.Code]) {
			m.fail(v.CloseCode)
			return
		}
	}
	answer := p
	switch {
	case m.is("close-not-answered"):
		m.leave()
		return
	case m.is("close-code-as-text") && len(p) >= 2:
		answer = fmt.Append(nil, uint16(body.Code))
	case m.is("close-code-little-endian") && len(p) >= 2:
		answer = []byte{p[1], p[0]}
	case m.is("close-code-in-32-bits") && len(p) >= 2:
		answer = []byte{0, 0, p[0], p[1]}
	case m.is("close-1005-sent") && body.Code == wire.NoStatusReceived:
		answer = []byte{0x03, 0xED}
	}
	m.send(wire.Close, answer)
	if m.is("data-after-close") {
		m.send(wire.Text, []byte("bye"))
	}
	if m.is("tcp-left-open") {
		_, _ = io.Copy(io.Discard, m.conn)
		return
	}
	m.leave()
}
