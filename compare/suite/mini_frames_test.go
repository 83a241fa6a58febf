package suite

import (
	bits "encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"wslab/compare/suite/mistakes"
	"wslab/reference/wire"
)

// need sees to it that there are n bytes of what, "header" or "payload". It
// reports whether the frame can go on.
func (m *mini) need(n int, what string) bool {
	once := m.is("one-read-one-frame") || m.is("read-not-full") || m.is(what+"-read-once")
	for reads := 0; len(m.in) < n; reads++ {
		switch {
		case once && (reads > 0 || len(m.in) > 0) && m.is("one-read-one-frame", "header-read-once"):
			return false
		case once && (reads > 0 || len(m.in) > 0 && !m.is("read-not-full")):
			m.in = append(m.in, make([]byte, n-len(m.in))...) // as a buffer of zeros
			return true
		}
		limit := 64 << 10
		if m.is("read-not-full") || what == "payload" && m.is("payload-read-once") {
			limit = n - len(m.in) // no buffer, so that nothing is read ahead
		}
		if m.more(limit) != nil {
			m.over = true
			return false
		}
	}
	return true
}

// frame reads a frame. ok is false where what there is of it is lost; then over
// tells whether more can come. p is not checked, and its mask is off.
func (m *mini) frame() (h wire.Header, p []byte, ok bool) {
	if m.is("one-read-one-frame", "second-frame-lost") {
		m.in = nil
	}
	if !m.need(2, "header") {
		return h, nil, false
	}
	size := 2 + map[byte]int{126: 2, 127: 8}[m.in[1]&0x7F]
	if m.in[1]&0x80 != 0 {
		size += 4
	}
	if !m.need(size, "header") {
		return h, nil, false
	}
	h, _ = wire.ParseHeader(m.in)
	seven := uint64(m.in[1] & 0x7F)
	switch {
	case m.is("length-126-taken-for-length") && seven == 126:
		size -= 2
		h.Length = 126
	case m.is("length-127-read-as-32-bits") && seven == 127:
		size -= 4
		h.Length = uint64(bits.BigEndian.Uint32(m.in[2:]))
	case m.is("length-64-read-and-ignored") && seven == 127:
		h.Length = 127
	case m.is("length-little-endian") && seven == 126:
		h.Length = uint64(bits.LittleEndian.Uint16(m.in[2:]))
	case m.is("length-little-endian") && seven == 127:
		h.Length = bits.LittleEndian.Uint64(m.in[2:])
	}
	if strings.HasPrefix(m.makes, "length-") {
		h.Form = wire.FormFor(h.Length) // it does not know better
	}
	if h.Masked {
		h.Key = [4]byte(m.in[size-4 : size])
	}
	m.in = m.in[size:]
	if m.wrong(h) || h.Length > 1<<24 && !m.is("length-little-endian") {
		return h, nil, true // not worth the wait
	}
	if m.is("mask-begun-anew-at-each-read", "utf8-checked-per-read") {
		for len(p) < int(h.Length) {
			if len(m.in) == 0 && m.more(int(h.Length)-len(p)) != nil {
				m.over = true
				return h, nil, false
			}
			piece := m.in[:min(len(m.in), int(h.Length)-len(p))]
			m.in = m.in[len(piece):]
			if m.is("utf8-checked-per-read") {
				wire.Mask(h.Key, len(p)%4, piece)
				m.bad = m.bad || h.Opcode == wire.Text && !utf8.Valid(piece)
			} else {
				wire.Mask(h.Key, 0, piece)
			}
			p = append(p, piece...)
		}
		return h, p, true
	}
	if !m.need(int(h.Length), "payload") {
		return h, nil, false
	}
	p, m.in = slices.Clone(m.in[:h.Length]), m.in[h.Length:]
	switch {
	case m.is("payload-still-masked"):
	case m.is("mask-begun-before-payload"):
		wire.Mask(h.Key, 2, p)
	default:
		wire.Mask(h.Key, 0, p)
	}
	return h, p, true
}

// ignores reports whether m does not check v.
func (m *mini) ignores(v wire.Violation) bool {
	return mistakes.Unchecked([]string{v.Code}) == m.makes
}

// wrong reports whether h by itself breaks a rule.
func (m *mini) wrong(h wire.Header) bool {
	of := wire.Context{Sender: m.role.Peer(), Fragmented: h.Opcode == wire.Continuation}
	return slices.ContainsFunc(wire.Check(h, of), func(v wire.Violation) bool { return !m.ignores(v) })
}

// send sends a frame.
func (m *mini) send(op wire.Opcode, p []byte) {
	n := len(p)
	switch {
	case m.is("payload-without-header") && !op.IsControl():
		_, _ = m.conn.Write(p)
		return
	case m.is("length-in-characters") && op == wire.Text:
		n = utf8.RuneCount(p)
	case m.is("length-125-refused") && n == 125:
		return
	}
	h := wire.Header{Fin: true, Opcode: op, Length: uint64(n), Form: wire.FormFor(uint64(n))}
	if m.is("length-not-minimal") && n == 125 {
		h.Form = wire.Length16
	}
	switch {
	case m.is("length-too-large"):
		h.Length++
	case m.is("length-counts-masking-key"):
		h.Length += 4
	case m.is("length-too-small") && n > 0 && !op.IsControl():
		h.Length--
	}
	if strings.HasPrefix(m.makes, "length-too-") || m.is("length-counts-masking-key") {
		h.Form = wire.FormFor(h.Length)
	}
	h.Fin = !(m.is("fin-inverted") && !op.IsControl() || m.is("control-sent-fragmented") && op.IsControl())
	h.Masked = m.role == wire.Client
	switch {
	case m.is("server-masks"):
		h.Masked = true
	case m.is("client-does-not-mask"), m.is("mask-left-out-when-empty") && n == 0, m.is("mask-left-out-in-control-frames") && op.IsControl():
		h.Masked = false
	}
	if h.Masked {
		if m.keys++; m.is("masking-key-constant") {
			m.keys = 1
		}
		h.Key = [4]byte{m.keys, 0x5A, m.keys ^ 0xFF, 7}
	}
	b := h.Append(nil)
	if m.is("nibbles-swapped") {
		b[0] = byte(op)<<4 | 1
	}
	size := map[wire.LengthForm]int{wire.Length16: 2, wire.Length64: 8}[h.Form]
	switch {
	case m.is("length-sent-little-endian"):
		slices.Reverse(b[2 : 2+size])
	case m.is("length-sent-in-32-bits") && size == 8:
		b = slices.Delete(b, 2, 6)
	case m.is("length-in-one-byte") && n > 125:
		b = append(b[:1], byte(n))
	case m.is("mask-bit-without-key"):
		b[1] |= 0x80
	case m.is("mask-bit-missing"):
		b[1] &^= 0x80
	}
	start := len(b)
	b = append(b, p...)
	wire.Mask(h.Key, 0, b[start:])
	if m.is("byte-after-frame") {
		b = append(b, 0)
	}
	_, _ = m.conn.Write(b)
}
