package dissect

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"wslab/reference/wire"
)

// Limits of what is kept. Anything longer is still decoded, and its bytes are counted.
const (
	KeepPayload = 4096     // first payload bytes of a frame
	KeepTail    = 16       // last payload bytes, if the frame is longer
	KeepMessage = 200      // first bytes of a message
	MaxHead     = 16 << 10 // a longer handshake is not parsed
	KeepBody    = 1 << 10  // first bytes of a refusal's text
)

// Conversation decodes both directions of one connection from its first byte.
// The zero value is ready. One goroutine at a time may call it.
type Conversation struct {
	directions [2]direction
	request    *Handshake
	items      []Item
	unanswered bool   // the server's 101 is decoded but not yet sent
	ahead      uint64 // the client's next bytes that arrived before the server answered
}

// Item is a handshake, frame or message that some bytes completed. One of its pointers
// is set.
type Item struct {
	End       int // bytes of the given slice that belong to this item or to earlier ones
	Handshake *Handshake
	Frame     *Frame
	Message   *Message
}

// NewFrames returns a Conversation for bytes that begin with a frame, after the opening
// handshake.
func NewFrames() *Conversation {
	c := &Conversation{}
	for role := range c.directions {
		c.directions[role].phase = frames
	}
	return c
}

// phase says how to read the next bytes of a direction.
type phase uint8

const (
	head   phase = iota // the opening handshake
	frames              // frames
	opaque              // other bytes: the body of a refusal, or not HTTP
)

// direction is the state of one sender's bytes.
type direction struct {
	phase   phase
	offset  uint64 // bytes before the current item
	partial []byte // the handshake or frame header that is not complete
	frame   *Frame // the frame whose payload is being read
	left    uint64 // payload bytes of that frame that have not arrived
	context wire.Context
	message *Message // the message that is not finished
	text    wire.UTF8
	badText bool // the unfinished message contains invalid UTF-8
	early   bool // the current frame began before the server's 101
}

// Bytes decodes the next bytes that from sent, and returns the items that they
// completed, in order. The returned slice is valid until the next call. With owned, b
// never changes again, so frames may point into it instead of copying.
func (c *Conversation) Bytes(from wire.Role, b []byte, owned bool) []Item {
	c.items = c.items[:0]
	d := &c.directions[from]
	d.context.Sender = from
	for at := 0; at < len(b); {
		switch d.phase {
		case head:
			at += c.readHead(from, b[at:], at)
		case frames:
			at += c.readFrame(from, b[at:], at, owned)
		case opaque:
			d.offset += uint64(len(b) - at)
			at = len(b)
		}
	}
	c.passed(from, len(b))
	return c.items
}

// passed counts n more bytes of from.
func (c *Conversation) passed(from wire.Role, n int) {
	if from == wire.Client {
		c.ahead -= min(c.ahead, uint64(n))
	}
}

// begins reports whether a frame of from, at offset at in the bytes being read, begins
// before the server's 101.
func (c *Conversation) begins(from wire.Role, at int) (early bool) {
	return from == wire.Client && (c.unanswered || c.directions[wire.Server].phase == head || uint64(at) < c.ahead)
}

// Opaque reports whether the next bytes of from are neither a handshake nor a frame: the
// body of a refusal, or the rest after a handshake that was too long.
func (c *Conversation) Opaque(from wire.Role) bool { return c.directions[from].phase == opaque }

// Answered says whether the server's 101 was sent. Without a call, it counts as sent
// when it is decoded. A caller that holds the 101 must call Answered. Until it is sent,
// a client must not send anything more (RFC 6455 §4.1).
func (c *Conversation) Answered(yes bool) { c.unanswered = !yes }

// Ahead says that the client's next n bytes arrived before the server answered, although
// they are decoded only later.
func (c *Conversation) Ahead(n int) { c.ahead = uint64(n) }

// Clone returns an independent copy of c.
func (c *Conversation) Clone() *Conversation {
	n := *c
	n.items = nil
	for i := range n.directions {
		d := &n.directions[i]
		d.partial = bytes.Clone(d.partial)
		if d.frame != nil {
			f := *d.frame
			f.bytes, f.tail, f.Violations = bytes.Clone(f.bytes), bytes.Clone(f.tail), slices.Clone(f.Violations)
			d.frame = &f
		}
		if d.message != nil {
			m := *d.message
			m.Head = m.head[:len(m.Head)]
			d.message = &m
		}
	}
	return &n
}

// End says that from will not send anything more. It returns the frame that is
// incomplete, or nil. why says what happened to the missing bytes of the frame.
func (c *Conversation) End(from wire.Role, why Missing) *Frame {
	d := &c.directions[from]
	f := d.frame
	switch {
	case f != nil:
		f.Short = d.left
		c.finishPayload(d, f)
	case d.phase == frames && len(d.partial) > 0:
		f = cutHeader(d.partial, d.offset, d.context)
		if d.early {
			f.Violations = append(f.Violations, earlyData)
		}
	}
	if f != nil {
		f.Missing = why
	}
	d.frame, d.partial, d.phase = nil, nil, opaque
	return f
}

// readHead reads bytes of the opening handshake from b and returns their number.
func (c *Conversation) readHead(from wire.Role, b []byte, at int) int {
	d := &c.directions[from]
	before := len(d.partial)
	d.partial = append(d.partial, b[:min(len(b), MaxHead-before)]...)
	size := headSize(d.partial, max(0, before-2))
	whole := size > 0
	if !whole {
		if len(d.partial) < MaxHead {
			return len(b)
		}
		size = MaxHead
	}
	h := parseHandshake(d.partial[:size:size], from, c.request)
	d.partial = nil
	d.offset += uint64(size)
	c.items = append(c.items, Item{End: at + size - before, Handshake: h})
	switch {
	case !whole:
		d.phase = opaque
		if from == wire.Client {
			c.request = h
		}
	case from == wire.Client:
		c.request = h
		d.phase = opaque
		if h.Head.HasToken("Upgrade", "websocket") {
			d.phase = frames
		}
	case h.Head.Status/100 == 1 && h.Head.Status != 101:
		// interim responses such as 100 Continue come before the final one
	case h.Head.Status == 101:
		d.phase = frames
		deflate := h.Head.HasExtension(wire.PermessageDeflate)
		for role := range c.directions {
			c.directions[role].context.RSV1 = deflate
		}
	default:
		if rest := b[size-before:]; utf8.Valid(rest) {
			h.Body = string(wholeCharacters(rest[:min(len(rest), KeepBody)]))
		}
		// The bytes that the client sent before the refusal are not frames.
		d.phase = opaque
		c.directions[wire.Client] = direction{phase: opaque}
	}
	return size - before
}

// headSize returns the size of the HTTP head at the start of b, with its empty line, or
// 0 if b ends before that. It starts looking at from. Lines end in CR LF, or in LF
// alone, which RFC 9112 §2.2 and net/http allow.
func headSize(b []byte, from int) int {
	for at := from; ; {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return 0
		}
		at += n + 1
		for _, empty := range []string{"\r\n", "\n"} {
			if bytes.HasPrefix(b[at:], []byte(empty)) {
				return at + len(empty)
			}
		}
	}
}

// readFrame reads bytes of one frame from b and returns their number.
func (c *Conversation) readFrame(from wire.Role, b []byte, at int, owned bool) int {
	d := &c.directions[from]
	used := 0
	if d.frame == nil {
		if len(d.partial) == 0 {
			d.early = c.begins(from, at)
		}
		// 1. The header, which may arrive in pieces.
		h, ok := wire.ParseHeader(b)
		if len(d.partial) > 0 || !ok {
			before := len(d.partial)
			d.partial = append(d.partial, b[:min(len(b), wire.MaxHeaderSize-before)]...)
			if h, ok = wire.ParseHeader(d.partial); !ok {
				return len(b)
			}
			used = h.Size() - before
		} else {
			used = h.Size()
		}
		f := c.beginFrame(d, h)
		f.From, f.Offset, f.Header, f.came = from, d.offset, h, uint64(h.Size())
		d.offset += f.Size()
		d.frame, d.left = f, h.Length

		// 2. A frame that is complete in an owned slice need not be copied.
		whole := owned && len(d.partial) == 0 && h.Length <= KeepPayload && uint64(len(b)-used) >= h.Length
		d.partial = d.partial[:0]
		if whole {
			n := used + int(h.Length)
			f.bytes = b[:n:n]
		} else {
			f.bytes = h.Append(make([]byte, 0, h.Size()+int(min(h.Length, KeepPayload, uint64(len(b))))))
		}
	}

	// 3. The payload, or the part of it that has arrived.
	f := d.frame
	n := int(min(d.left, uint64(len(b)-used)))
	c.readPayload(d, f, b[used:used+n])
	d.left -= uint64(n)
	used += n
	if d.left > 0 {
		return used
	}
	d.frame = nil
	c.finishPayload(d, f)
	c.items = append(c.items, Item{End: at + used, Frame: f})
	if d.message != nil && f.Header.Opcode.IsData() && f.Header.Fin {
		c.items = append(c.items, Item{End: at + used, Message: d.message})
		d.message = nil
	}
	return used
}

// earlyData is the violation of a client that does not wait for the server's 101.
var earlyData = wire.RuleEarlyData.Broken("The first byte of this frame arrived before the server had answered the request.")

// beginFrame checks h, and updates the state for later frames. It returns the Frame with
// its violations.
func (c *Conversation) beginFrame(d *direction, h wire.Header) *Frame {
	violations := wire.Check(h, d.context)
	if d.early {
		violations = append(violations, earlyData)
	}
	var f *Frame
	switch {
	case h.Opcode == wire.Text || h.Opcode == wire.Binary:
		// One allocation for both, because most messages are one frame.
		first := &struct {
			frame   Frame
			message Message
		}{message: Message{From: d.context.Sender, Opcode: h.Opcode, Compressed: h.RSV1}}
		f, d.message = &first.frame, &first.message
		d.message.Head = d.message.head[:0]
		d.text, d.badText = wire.UTF8{}, false
		d.context.Fragmented = !h.Fin
	case h.Opcode == wire.Continuation:
		d.context.Fragmented = d.context.Fragmented && !h.Fin
	case h.Opcode == wire.Close:
		d.context.CloseSent = true
	}
	if f == nil {
		f = &Frame{}
	}
	f.Violations = violations
	if m := d.message; m != nil && h.Opcode.IsData() {
		f.Message, f.Fragment = m.Opcode, m.Fragments
		m.Fragments++
		f.textual = m.Opcode == wire.Text && !m.Compressed
	}
	return f
}

// readPayload processes the next bytes b of f's payload, masked as on the wire.
func (c *Conversation) readPayload(d *direction, f *Frame, b []byte) {
	pos := f.Header.Length - d.left
	f.came += uint64(len(b))
	if kept := len(f.bytes) - f.Header.Size(); uint64(kept) == pos && kept < KeepPayload {
		f.bytes = append(f.bytes, b[:min(len(b), KeepPayload-kept)]...)
	}
	if f.Header.Length > KeepPayload {
		f.tail = append(f.tail, b[max(0, len(b)-KeepTail):]...)
		f.tail = f.tail[max(0, len(f.tail)-KeepTail):]
	}
	m := d.message
	if m == nil || !f.Header.Opcode.IsData() {
		return
	}
	m.Size += uint64(len(b))
	if n := min(len(b), KeepMessage-len(m.Head)); n > 0 {
		start := len(m.Head)
		m.Head = append(m.Head, b[:n]...)
		f.unmask(int(pos%4), m.Head[start:])
	}
	if !f.textual || d.badText {
		return
	}
	// Unmask piece by piece, so that the whole payload is never in memory.
	var piece [1024]byte
	for len(b) > 0 {
		n := copy(piece[:], b)
		f.unmask(int(pos%4), piece[:n])
		if ok := d.text.Check(piece[:n]); ok < n {
			d.badText = true
			f.badByte(pos+uint64(ok), piece[ok])
			return
		}
		b, pos = b[n:], pos+uint64(n)
	}
}

// finishPayload makes the checks that need the end of f's payload.
func (c *Conversation) finishPayload(d *direction, f *Frame) {
	if f.Header.Opcode == wire.Close && f.Short == 0 {
		body := f.Payload()
		if uint64(len(body)) < f.Header.Length {
			body = wholeCharacters(body) // KeepMessage cut the text, not its sender
		}
		p, vs := wire.ParseClosePayload(body)
		f.Close = &p
		f.Violations = append(f.Violations, vs...)
	}
	if f.textual && f.Header.Fin && f.Short == 0 && !d.badText && !d.text.Complete() {
		d.badText = true
		f.Violations = append(f.Violations, wire.RuleTextUTF8.Broken("The message ends inside a character."))
	}
}
