package wire

import "unicode/utf8"

// UTF8 checks text that arrives in pieces, cut anywhere (RFC 6455 §8.1). The zero value
// is ready. It keeps no text, only a few bytes about an unfinished character.
type UTF8 struct {
	need   int  // continuation bytes that the character still needs
	lo, hi byte // allowed range of the next byte
}

// Check checks the next bytes of the text. It returns len(b) if they can be part of
// well-formed UTF-8. Otherwise it returns the index of the first byte that cannot, and u
// must not be used again.
func (u *UTF8) Check(b []byte) int {
	// An unfinished character at the start of b is checked byte by byte, and so is one at
	// the end. The bytes between are checked many at a time.
	first := min(u.need, len(b))
	if n := u.check(b[:first]); n < first || u.need > 0 {
		return n
	}
	last := len(b)
	for last > first && last > len(b)-utf8.UTFMax && !utf8.RuneStart(b[last-1]) {
		last--
	}
	if last = max(first, last-1); !utf8.Valid(b[first:last]) {
		last = first
	}
	return last + u.check(b[last:])
}

// check is Check, one byte at a time.
func (u *UTF8) check(b []byte) int {
	//lesson:begin utf8
	for i, c := range b {
		if u.need > 0 {
			if c < u.lo || c > u.hi {
				return i
			}
			u.need, u.lo, u.hi = u.need-1, 0x80, 0xBF
			continue
		}
		// The first byte says how many bytes follow. Four first bytes narrow the range of
		// the second: no overlong form, no surrogate half, nothing above U+10FFFF.
		u.lo, u.hi = 0x80, 0xBF
		switch {
		case c < 0x80:
		case c >= 0xC2 && c <= 0xDF:
			u.need = 1
		case c == 0xE0:
			u.need, u.lo = 2, 0xA0
		case c == 0xED:
			u.need, u.hi = 2, 0x9F
		case c >= 0xE1 && c <= 0xEF:
			u.need = 2
		case c == 0xF0:
			u.need, u.lo = 3, 0x90
		case c == 0xF4:
			u.need, u.hi = 3, 0x8F
		case c >= 0xF1 && c <= 0xF3:
			u.need = 3
		default:
			return i
		}
	}
	//lesson:end
	return len(b)
}

// Complete reports whether the text so far ends on a whole character, as a message must.
func (u *UTF8) Complete() bool { return u.need == 0 }
