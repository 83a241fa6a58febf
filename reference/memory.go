package reference

import "wslab/reference/wire"

// This file manages the memory of payload bytes until they are a message. The protocol
// does not need this: extend could be an append. There are two reasons for more code. The
// length in a header is only a claim, so memory grows with the bytes that arrived
// (space). And a Conn should not copy or allocate without need: it reads from the network
// directly to the final place of the payload (payloadSpace), which may be memory of its
// caller, and it returns a streamed message in parts (takePart).

// memory holds the payloads that are being received.
type memory struct {
	control []byte // of the control frame that is being received
	message []byte // of the message that is being received, unless it is discarded
	packed  []byte // of an encoded message; message stays empty until its end

	lent    []byte // empty memory for the next message; nil: the Machine allocates
	largest int    // bytes of the longest message so far
	taken   int64  // bytes of the message that takePart returned before its end
}

// drop releases the message that is being received.
func (m *memory) drop() { m.message, m.packed = nil, nil }

// payload returns the slice that the frame's payload is added to.
func (m *Machine) payload() *[]byte {
	switch {
	case m.frame.Opcode.IsControl():
		return &m.control
	case m.encoded:
		return &m.packed
	}
	return &m.message
}

// extend makes the payload n bytes longer and returns those bytes. They hold the bytes
// that were read into space, if any.
func (m *Machine) extend(n int) []byte {
	fresh := m.space(n)[:n]
	to := m.payload()
	*to = (*to)[:len(*to)+n]
	return fresh
}

// space returns memory for the frame's next payload bytes: n or more, but never more
// than the frame has left.
//
// It may return more than n: as much as has already arrived, or the size of the peer's
// longest message. Then a message needs only one allocation (BenchmarkEcho).
func (m *Machine) space(n int) []byte {
	if m.message == nil {
		m.message = m.lent
	}
	to := m.payload()
	had := len(*to)
	if need := int(min(m.left, uint64(n))); cap(*to)-had < need {
		more := max(need, had)
		if m.frame.Fin { // the message ends here; a fragment does not show the size of later messages
			if m.taken == 0 { // a message that is read in parts needs only small ones
				more = max(more, m.largest-had)
			}
			more = int(min(m.left, uint64(more)))
		}
		if m.lent != nil || m.encoded {
			more += wire.MaxHeaderSize // room to read the next header with the payload, or for Decode to append
		}
		*to = append(make([]byte, 0, had+more), *to...)
	}
	room := (*to)[had:cap(*to)]
	return room[:min(m.left, uint64(len(room)))]
}

// payloadSpace returns space for a Conn to read into before it calls receivePayload. It
// returns nil if the rest of the frame fits into the Conn's own buffer of size bytes.
func (m *Machine) payloadSpace(size int) []byte {
	if m.left <= uint64(size) || m.frame.Opcode.IsControl() || m.discards() || m.deaf() {
		return nil
	}
	return m.space(readSize)
}

// takePart returns the bytes of the message that arrived since its last call, so that a
// message can be read before its end. For an encoded message there are none.
func (m *Machine) takePart() []byte {
	part := m.message
	m.taken += int64(len(part))
	m.message = nil
	return part
}
