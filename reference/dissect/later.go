package dissect

import "wslab/reference/wire"

// Later is a frame that is decoded only when a reader asks for it.
type Later struct {
	from   wire.Role
	rsv1   bool
	closed bool // its sender has already sent a Close frame
	early  bool
	offset uint64
}

// Later postpones the decoding of b if b is exactly one frame with a whole message. Most
// frames are. Otherwise it reports false and has processed nothing.
func (c *Conversation) Later(from wire.Role, b []byte) (l Later, ok bool) {
	d := &c.directions[from]
	if d.phase != frames || d.frame != nil || len(d.partial) > 0 || d.context.Fragmented {
		return Later{}, false
	}
	h, ok := wire.ParseHeader(b)
	if !ok || !h.Fin || h.Opcode != wire.Text && h.Opcode != wire.Binary || h.Length > KeepPayload || int(h.Length) != len(b)-h.Size() {
		return Later{}, false
	}
	l = Later{from: from, rsv1: d.context.RSV1, closed: d.context.CloseSent, early: c.begins(from, 0), offset: d.offset}
	d.offset += uint64(len(b))
	d.message = nil
	c.passed(from, len(b))
	return l, true
}

// Decode returns the frame and the message that Bytes would have returned for b. b must
// be the bytes that Later received, unchanged.
func (l Later) Decode(b []byte) (*Frame, *Message) {
	c := NewFrames()
	d := &c.directions[l.from]
	d.offset, d.context.RSV1, d.context.CloseSent = l.offset, l.rsv1, l.closed
	c.unanswered = l.early
	items := c.Bytes(l.from, b, true)
	return items[0].Frame, items[1].Message
}
