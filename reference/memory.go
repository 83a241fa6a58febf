package reference

import "wslab/reference/wire"

// This file holds the memory of payload bytes until they are a message. The protocol
// needs none of this: read extend as an append. There are two reasons for more. The
// length in a header is only a claim, so memory grows with the bytes that arrived
// (space). And a Conn should not copy or allocate without need: it reads from the network
// directly to the final place of the payload (payloadSpace), which may be memory of its
// caller, and it returns a streamed message in parts (takePart).

// memory holds the payloads that are coming in.
type memory struct {
	control []byte // of a control frame so far
	message []byte // of the message so far, unless it is being discarded
	packed  []byte // of an encoded message so far; message stays empty until its end

	lent    []byte // empty, memory for the next message; nil: the Machine allocates
	largest int    // bytes of the longest message so far
	taken   int64  // bytes of the message that have been taken before its end
}

// drop releases the message that is coming in.
func (m *memory) drop() { m.message, m.packed = nil, nil }

// payload returns where the frame's payload goes.
func (m *Machine) payload() *[]byte {
	switch {
	case m.frame.Opcode.IsControl():
		return &m.control
	case m.encoded:
		return &m.packed
	}
	return &m.message
}

// extend makes the payload longer by n bytes and returns those. They hold what
// was read to space, or nothing yet.
func (m *Machine) extend(n int) []byte {
	fresh := m.space(n)[:n]
	to := m.payload()
	*to = (*to)[:len(*to)+n]
	return fresh
}

// space returns memory for the frame's next payload bytes, n of them or more,
// but no more than are left of the frame.
//
// It may return more than n: as much as has already arrived, or the size of the peer's
// longest message. With that, a message needs one allocation (BenchmarkEcho).
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
		if m.lent != nil || m.encoded {
			more += wire.MaxHeaderSize // it will be lent again, the header read with the payload; or Decode appends
		}
		*to = append(make([]byte, 0, had+more), *to...)
	}
	room := (*to)[had:cap(*to)]
	return room[:min(m.left, uint64(len(room)))]
}

// payloadSpace returns space for a Conn to read into before it calls
// receivePayload, or nil when its own buffer, of size bytes, will do for what is
// left of the frame.
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
