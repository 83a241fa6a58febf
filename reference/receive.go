package reference

import "wslab/reference/wire"

// Receive processes bytes from the peer, cut anywhere. Afterwards TakeEvents has the
// messages and control frames, and TakeOutput the answers. Receive neither keeps nor
// changes b.
//
// The error is Err. After the connection has failed, or after the peer's Close frame,
// further bytes are ignored (RFC 6455 §7.1.7, §1.4).
func (m *Machine) Receive(b []byte) error {
	if m.state == Connecting {
		return errNotOpen
	}
	for len(b) > 0 {
		b = m.receiveFrame(b)
	}
	return m.Err()
}

// receiveFrame processes bytes of at most one frame, of its header or its payload, and
// returns the rest, or nil if further input is ignored.
func (m *Machine) receiveFrame(b []byte) []byte {
	if m.deaf() {
		return nil
	}
	if m.left == 0 {
		return m.receiveHeader(b)
	}
	n := int(min(m.left, uint64(len(b))))
	m.receivePayload(b[:n])
	return b[n:]
}

// deaf reports whether all further input is ignored.
func (m *Machine) deaf() bool { return m.failed != nil || m.closeReceived || m.state == Closed }

// receiveHeader collects the bytes of a header, judges it, and returns the bytes after
// it.
func (m *Machine) receiveHeader(b []byte) []byte {
	// 1. At most as many bytes as a header can have, minus those already received.
	had := m.headLen
	m.headLen += copy(m.head[had:], b)
	h, ok := wire.ParseHeader(m.head[:m.headLen])
	if !ok {
		return nil
	}
	b = b[h.Size()-had:]
	m.headLen = 0

	// 2. Whether the frame is allowed here. No need to check for a frame after the
	// peer's Close: it is never read.
	//lesson:begin judge
	violations := wire.Check(h, wire.Context{
		Sender: m.role.Peer(), Fragmented: m.opcode != wire.Continuation,
		RSV1: m.rsv[0], RSV2: m.rsv[1], RSV3: m.rsv[2],
	})
	if violations != nil {
		m.fail(violations...)
		return nil
	}
	//lesson:end

	// 3. Whether the message stays within the limit. The length is only a claim: it
	// is compared, never allocated.
	//lesson:begin limit
	limit := uint64(m.o.MaxMessage)
	marked := h.RSV() != [3]bool{}
	if marked || m.encoded && h.Opcode == wire.Continuation {
		limit = m.codec.MaxEncoded(m.o.MaxMessage) // the message itself is measured when it is decoded
	}
	if h.Opcode.IsData() && !m.closeSent && h.Length > limit-uint64(m.bytes) {
		m.fail(broken(wire.RuleMessageSize, "%d more bytes are announced after %d bytes, but the limit is %d.", h.Length, m.bytes, limit))
		return nil
	}
	//lesson:end

	// 4. The payload follows. An empty payload is already complete.
	m.frame, m.left = h, h.Length
	if h.Opcode == wire.Text || h.Opcode == wire.Binary {
		m.opcode, m.text, m.encoded = h.Opcode, wire.UTF8{}, marked
		m.taken = 0
	}
	if m.left == 0 {
		m.endFrame()
	}
	return b
}

// receivePayload processes the frame's next payload bytes, at most as many as are left.
// They may already be in payloadSpace.
func (m *Machine) receivePayload(b []byte) {
	if !m.discards() {
		pos := int((m.frame.Length - m.left) % 4) // the key has four bytes
		//lesson:begin unmask
		fresh := m.extend(len(b))
		copy(fresh, b)                     // does nothing if b is already there
		wire.Mask(m.frame.Key, pos, fresh) // a frame that is not masked has the key 0
		//lesson:end
		// an encoded message is checked when it is decoded
		if !m.frame.Opcode.IsControl() && !m.encoded { // an encoded message is judged when it is decoded
			m.checkText(fresh)
		}
	}
	m.left -= uint64(len(b))
	if m.left == 0 && m.failed == nil {
		m.endFrame()
	}
}

// discards reports whether the frame's payload is ignored: this end has sent a Close
// frame, or TCP is closed.
func (m *Machine) discards() bool {
	return m.state == Closed || m.closeSent && m.frame.Opcode.IsData()
}

// checkText checks the new bytes of the message. The first wrong byte fails the
// connection at once: more bytes cannot make it valid.
func (m *Machine) checkText(fresh []byte) {
	//lesson:begin utf8
	if m.opcode == wire.Text {
		if i := m.text.Check(fresh); i < len(fresh) {
			at := m.taken + int64(len(m.message)-len(fresh)+i)
			m.fail(broken(wire.RuleTextUTF8, "Byte %d of the text, 0x%02X, is not valid there.", at, fresh[i]))
		}
	}
	//lesson:end
}

// endFrame handles a frame whose last byte has arrived.
func (m *Machine) endFrame() {
	if m.frame.Opcode.IsControl() {
		payload := m.control
		m.control = nil
		m.receiveControl(m.frame.Opcode, payload)
		return
	}

	//lesson:begin fragments
	m.fragments, m.bytes = m.fragments+1, m.bytes+int64(m.frame.Length)
	if !m.frame.Fin {
		m.tell("fragment %[1]d of a %[2]s message received", m.fragments)
		return // the next continuation frame continues the message
	}
	//lesson:end

	if m.encoded && !m.closeSent {
		if m.decode(); m.failed != nil {
			return
		}
	}
	if m.opcode == wire.Text && !m.closeSent && !m.text.Complete() {
		m.fail(broken(wire.RuleTextUTF8, "The text ends inside a character."))
		return
	}
	message, opcode, fragments := m.message, m.opcode, m.fragments
	m.opcode, m.fragments, m.bytes = wire.Continuation, 0, 0
	m.drop()
	if !m.closeSent {
		m.largest = max(m.largest, len(message))
		m.events = append(m.events, Event{opcode, message})
	}
	if fragments > 1 {
		m.tell("the last of %[1]d fragments received", fragments)
	}
}

// receiveControl handles a control frame at once, even inside a message (RFC 6455 §5.4,
// §5.5).
func (m *Machine) receiveControl(opcode wire.Opcode, payload []byte) {
	//lesson:begin control
	switch opcode {
	case wire.Ping:
		m.appendFrame(true, wire.Pong, payload) // §5.5.2: the same payload back
	case wire.Pong:
		// §5.5.3: nothing to do. An unsolicited Pong is allowed.
	case wire.Close:
		m.receiveClose(payload)
	}
	//lesson:end
	if m.failed == nil {
		m.events = append(m.events, Event{opcode, payload})
	}
}
