package reference

import (
	"errors"

	"wslab/reference/wire"
)

// Receive takes octets that came from the peer, cut anywhere. What they mean is
// in TakeEvents afterwards, what they call for in TakeOutput. It keeps nothing
// of b and does not write to it.
//
// The error is Err: once the connection has failed, or the peer's Close has
// come, further octets are ignored, as RFC 6455 §7.1.7 and §1.4 say.
func (m *Machine) Receive(b []byte) error {
	if m.state == Connecting {
		return errNotOpen
	}
	for len(b) > 0 {
		b = m.receive(b)
	}
	return m.Err()
}

// receive takes octets of one frame at most, and returns those that are left:
// none when they are of no interest any more.
func (m *Machine) receive(b []byte) []byte {
	switch {
	case m.failed != nil || m.closeReceived || m.state == Closed:
		return nil
	case m.left > 0:
		n := int(min(m.left, uint64(len(b))))
		if !m.discards() {
			m.space(n)
		}
		m.took(b[:n])
		return b[n:]
	}
	return m.receiveHeader(b)
}

// receiveHeader takes octets until a header is whole and judged, and returns
// those that it did not need.
func (m *Machine) receiveHeader(b []byte) []byte {
	// 1. As many octets as a header can have, minus those that are here.
	had := m.headLen
	m.headLen += copy(m.head[had:], b)
	h, ok := wire.ParseHeader(m.head[:m.headLen])
	if !ok {
		return nil
	}
	b = b[h.Size()-had:]
	m.headLen = 0

	// 2. Whether it may stand here.
	//lesson:begin judge
	violations := wire.Check(h, wire.Context{
		Sender:     m.role.Peer(),
		RSV1:       m.inflate != nil,
		Fragmented: m.opcode != wire.Continuation,
	})
	if violations != nil {
		m.fail(violations...)
		return nil
	}
	//lesson:end

	// 3. Whether its message is one that this end is willing to hold. The
	// length is a claim: it is compared, and never allocated.
	//lesson:begin limit
	limit := uint64(m.o.MaxMessage)
	if h.RSV1 || m.compressed && h.Opcode == wire.Continuation {
		limit = maxPacked(m.o.MaxMessage) // what it inflates to is measured then
	}
	if h.Opcode.IsData() && !m.closeSent && h.Length > limit-uint64(m.octets) {
		m.fail(broken(wire.RuleMessageSize, "%d octets are announced after %d, and the limit is %d.", h.Length, m.octets, limit))
		return nil
	}
	//lesson:end

	// 4. The payload comes next, and one of no octets is already here.
	m.frame, m.left = h, h.Length
	if h.Opcode == wire.Text || h.Opcode == wire.Binary {
		m.opcode, m.text, m.compressed = h.Opcode, wire.UTF8{}, h.RSV1
		m.taken = 0
	}
	if m.left == 0 {
		m.endFrame()
	}
	return b
}

// discards reports whether the frame's payload is of no interest: this end has
// said goodbye, or TCP is closed.
func (m *Machine) discards() bool {
	return m.state == Closed || m.closeSent && m.frame.Opcode.IsData()
}

// space returns memory for the frame's next payload octets, n of them or more,
// but no more than are left of the frame. Whoever fills it calls took; so a
// Conn reads from the network to where the message will stand.
//
// How much more is a question of trust, for the length of a frame is a claim:
// as much again as has come, or what the peer's longest message had.
// BenchmarkEcho holds that a message then needs one allocation.
func (m *Machine) space(n int) []byte {
	if m.message == nil {
		m.message = m.lent
	}
	to := m.payload()
	had := len(*to)
	if need := int(min(m.left, uint64(n))); cap(*to)-had < need {
		more := max(need, had)
		if m.frame.Fin { // the message ends here; a fragment tells nothing of the next ones
			if m.taken == 0 { // where it is read in parts, each of them is small
				more = max(more, m.largest-had)
			}
			more = int(min(m.left, uint64(more)))
		}
		if m.lent != nil || m.compressed {
			more += wire.MaxHeaderSize // it will be lent again, the header read with the payload; or a tail follows
		}
		grown := make([]byte, had, had+more)
		copy(grown, *to)
		*to = grown
	}
	room := (*to)[had:cap(*to)]
	return room[:min(m.left, uint64(len(room)))]
}

// payload returns where the frame's payload goes.
func (m *Machine) payload() *[]byte {
	switch {
	case m.frame.Opcode.IsControl():
		return &m.control
	case m.compressed:
		return &m.packed
	}
	return &m.message
}

// payloadSpace returns space for a Conn to read into, or nil when its own
// buffer, of size octets, will do for what is left of the frame.
func (m *Machine) payloadSpace(size int) []byte {
	if m.left <= uint64(size) || m.frame.Opcode.IsControl() || m.discards() || m.failed != nil || m.closeReceived {
		return nil
	}
	return m.space(readSize)
}

// took acts on payload octets: those that have been put into space, or others,
// for which it has room.
func (m *Machine) took(b []byte) {
	pos := int((m.frame.Length - m.left) % 4) // the key has four octets
	m.left -= uint64(len(b))

	if len(b) > 0 && !m.discards() {
		//lesson:begin unmask
		to := m.payload()
		had := len(*to)
		*to = (*to)[:had+len(b)]
		fresh := (*to)[had:]
		copy(fresh, b)                     // nothing to do where b stands there already
		wire.Mask(m.frame.Key, pos, fresh) // a frame that is not masked has the key 0
		//lesson:end
		if to == &m.message {
			m.checkText(fresh)
		}
	}
	if m.left == 0 && m.failed == nil {
		m.endFrame()
	}
}

// checkText judges the octets that the message has now grown by. The first
// wrong one fails the connection, not the end of the message: what is wrong
// already cannot become right.
func (m *Machine) checkText(fresh []byte) {
	//lesson:begin utf8
	if m.opcode == wire.Text {
		if i := m.text.Check(fresh); i < len(fresh) {
			at := m.taken + int64(len(m.message)-len(fresh)+i)
			m.fail(broken(wire.RuleTextUTF8, "Octet %d of the text, 0x%02X, cannot stand there.", at, fresh[i]))
		}
	}
	//lesson:end
}

// inflated makes the message what the payload of a compressed one stands for
// (RFC 7692 §7.2.2). The limit holds while it is inflated.
func (m *Machine) inflated() {
	var err error
	m.message, err = m.inflate.inflate(m.message, m.packed, m.o.MaxMessage)
	switch {
	case err == nil:
		m.checkText(m.message)
	case errors.Is(err, errInflatedSize):
		m.fail(broken(wire.RuleMessageSize, "The message inflates to more than the limit of %d octets.", m.o.MaxMessage))
	default:
		m.fail(wire.RuleDeflateData.Broken(err.Error() + "."))
	}
}

// endFrame acts on the frame whose last octet has come.
func (m *Machine) endFrame() {
	if m.frame.Opcode.IsControl() {
		payload := m.control
		m.control = nil
		m.receiveControl(m.frame.Opcode, payload)
		return
	}

	//lesson:begin fragments
	m.fragments, m.octets = m.fragments+1, m.octets+int64(m.frame.Length)
	if !m.frame.Fin {
		m.tell("fragment %[1]d of a %[2]s message received", m.fragments)
		return // the message goes on in the next continuation frame
	}
	//lesson:end

	if m.compressed && !m.closeSent {
		if m.inflated(); m.failed != nil {
			return
		}
	}
	if m.opcode == wire.Text && !m.closeSent && !m.text.Complete() {
		m.fail(broken(wire.RuleTextUTF8, "The text ends inside a character."))
		return
	}
	message, opcode, fragments := m.message, m.opcode, m.fragments
	m.opcode, m.fragments, m.octets = wire.Continuation, 0, 0
	m.drop()
	if !m.closeSent {
		m.largest = max(m.largest, len(message))
		m.events = append(m.events, Event{opcode, message})
	}
	if fragments > 1 {
		m.tell("the last of %[1]d fragments received", fragments)
	}
}

// takePart returns what has come of the message since it was last called, so
// that a message can be read before its end. Of a compressed one that is nothing.
func (m *Machine) takePart() []byte {
	part := m.message
	m.taken += int64(len(part))
	m.message = nil
	return part
}

// receiveControl acts on a control frame, at once and whatever message is in
// progress (RFC 6455 §5.4, §5.5).
func (m *Machine) receiveControl(opcode wire.Opcode, payload []byte) {
	//lesson:begin control
	switch opcode {
	case wire.Ping:
		m.appendFrame(true, wire.Pong, payload) // §5.5.2: the same payload back
	case wire.Pong:
		// §5.5.3: nobody waits for one; a Pong that was never asked for is fine.
	case wire.Close:
		m.receiveClose(payload)
	}
	//lesson:end
	if m.failed == nil {
		m.events = append(m.events, Event{opcode, payload})
	}
}
