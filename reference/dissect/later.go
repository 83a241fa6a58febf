package dissect

import "wslab/reference/wire"

// Later is a frame whose decoding is put off until somebody looks at it.
type Later struct {
	from   wire.Role
	rsv1   bool
	closed bool // its sender has sent a Close frame before
	early  bool
	offset uint64
}

// Later takes b as Bytes does where b is just one whole frame with a message of
// its own, as most are, and puts off its decoding. Else it reports false and has
// taken nothing.
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

// Decode returns the frame and the message that Bytes would have made of b, which
// must be what Later was given and never change again.
func (l Later) Decode(b []byte) (*Frame, *Message) {
	c := NewFrames()
	d := &c.directions[l.from]
	d.offset, d.context.RSV1, d.context.CloseSent = l.offset, l.rsv1, l.closed
	c.unanswered = l.early
	items := c.Bytes(l.from, b, true)
	return items[0].Frame, items[1].Message
}
