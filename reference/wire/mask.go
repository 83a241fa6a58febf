package wire

import "encoding/binary"

// MaskSimple is the algorithm of RFC 6455 §5.3 as it stands there: octet i is
// XORed with octet i mod 4 of the key. Doing it twice gives b back. It is here
// to be read; Mask does the same eight octets at a time.
func MaskSimple(key [4]byte, b []byte) {
	for i := range b {
		//lesson:begin unmask
		b[i] ^= key[i%4]
		//lesson:end
	}
}

// Mask XORs b in place with key, where pos payload octets have gone before b,
// and returns the position after it. A payload can so be masked in pieces.
//
// Eight octets are two turns of the key, so one 64-bit XOR does the work of
// eight; BenchmarkMask holds it against MaskSimple.
func Mask(key [4]byte, pos int, b []byte) int {
	end := pos + len(b)
	turned := [8]byte{}
	for i := range turned {
		turned[i] = key[(pos+i)%4]
	}
	word := binary.LittleEndian.Uint64(turned[:])
	for len(b) >= 32 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
		binary.LittleEndian.PutUint64(b[8:], binary.LittleEndian.Uint64(b[8:])^word)
		binary.LittleEndian.PutUint64(b[16:], binary.LittleEndian.Uint64(b[16:])^word)
		binary.LittleEndian.PutUint64(b[24:], binary.LittleEndian.Uint64(b[24:])^word)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= turned[i]
	}
	return end
}
