package reference

import "wslab/reference/wire"

// Where payload bytes stand until they are a message. The protocol asks for
// nothing of this: who reads receive.go may take extend for an append. There is
// more to it for two reasons. The length in a header is a claim, so memory grows
// with the bytes that have come (space). And a Conn is not to copy or allocate
// without need: it reads from the network to where the message will stand
// (payloadSpace), which may be memory that its caller has lent, and it gives out
// a message that is read as a stream in parts (takePart).

// memory holds the payloads that are coming in.
type memory struct {
	control []byte // of a control frame so far
	message []byte // of the message so far, unless it is being discarded
	packed  []byte // of an encoded message so far; message stays empty until its end

	lent    []byte // empty, for the next message to stand in; nil: the Machine makes memory
	largest int    // bytes of the longest message so far
	taken   int64  // bytes of the message that have been taken before its end
}

// drop lets go of the message that is coming in.
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
// How much more is a question of trust: as much again as has come, or what the
// peer's longest message had. BenchmarkEcho holds that a message then needs one
// allocation.
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

// takePart returns what has come of the message since it was last called, so
// that a message can be read before its end. Of an encoded one that is nothing.
func (m *Machine) takePart() []byte {
	part := m.message
	m.taken += int64(len(part))
	m.message = nil
	return part
}
