package verdict

import (
	"math/bits"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// point sets Bytes, Skipped and Caret to the bit of the frame s.Frames[sp].
func (r *judging) point(s spec.Message, sp, bit int) {
	f := s.Frames[sp]
	if s.Packed != nil {
		s.Payload = s.Packed
	}
	end := len(s.Payload)
	if sp+1 < len(s.Frames) {
		end = s.Frames[sp+1].Start
	}
	head := f.Header.Append(nil)
	r.Skipped = 0
	if at := bit / 8; at >= spec.KeepBytes {
		r.Skipped = at - spec.KeepBytes/2
	}
	from := max(0, r.Skipped-len(head))
	b := append([]byte(nil), head[min(len(head), r.Skipped):]...)
	start := f.Start + from
	if start < end {
		p := append([]byte(nil), s.Payload[start:min(end, start+spec.KeepBytes)]...)
		wire.Mask(f.Header.Key, from%4, p)
		b = append(b, p...)
	}
	r.Bytes = b[:min(len(b), spec.KeepBytes)]
	r.Caret = bit - 8*r.Skipped
	if r.Caret >= 8*len(r.Bytes) {
		r.Caret = max(-1, 8*len(r.Bytes)-1)
	}
}

// pointAt sets Bytes and Caret to the first bit in which s differs from e. e is the
// expected message, or nil.
func (r *judging) pointAt(s spec.Message, e *spec.Frame) {
	f := s.Frames[0].Header
	if e == nil {
		r.point(s, 0, 0)
		r.Caret = -1 // no message was expected, so the whole frame is wrong
		return
	}
	if s.Opcode != e.Opcode {
		bit := 4
		for bit < 7 && (s.Opcode^e.Opcode)>>(7-bit)&1 == 0 {
			bit++
		}
		r.point(s, 0, bit)
		return
	}
	if s.Packed != nil {
		r.point(s, 0, 8*f.Size()) // the wrong compressed byte is unknown
		return
	}
	want := e.Payload.Bytes()
	for i := range min(len(s.Payload), len(want)) {
		if x := s.Payload[i] ^ want[i]; x != 0 {
			sp := 0
			for sp+1 < len(s.Frames) && s.Frames[sp+1].Start <= i {
				sp++
			}
			bit := 0
			for x<<bit&0x80 == 0 {
				bit++
			}
			r.point(s, sp, 8*(s.Frames[sp].Header.Size()+i-s.Frames[sp].Start)+bit)
			return
		}
	}
	if len(s.Frames) == 1 {
		r.point(s, 0, lengthBit(f, uint64(len(want))))
		return
	}
	r.point(s, len(s.Frames)-1, 9)
}

// lengthBit returns the first bit in which the length of h differs from the length
// want.
func lengthBit(h wire.Header, want uint64) int {
	is := h.Append(nil)
	h.Length, h.Form = want, wire.FormFor(want)
	should := h.Append(nil)
	for bit := 9; bit < 8*min(len(is), len(should)); bit++ {
		if (is[bit/8]^should[bit/8])>>(7-bit%8)&1 != 0 {
			return bit
		}
	}
	return 9
}

// codeBit returns the first bit in which the code of the Close frame s differs from want.
// If s has no code, it returns a bit of the length.
func codeBit(s spec.Message, want wire.CloseCode) int {
	h := s.Frames[0].Header
	if len(s.Payload) < 2 {
		return lengthBit(h, 2)
	}
	return 8*h.Size() + bits.LeadingZeros16(uint16(s.Close.Code^want))
}
