package wire

import (
	"encoding/binary"
	"math/bits"
)

// MaskSimple is the algorithm of RFC 6455 §5.3 as written there: byte i is XORed with
// byte i mod 4 of the key. A second call restores b. It is here for readers; Mask does
// the same with eight bytes at a time.
func MaskSimple(key [4]byte, b []byte) {
	for i := range b {
		//lesson:begin unmask
		b[i] ^= key[i%4]
		//lesson:end
	}
}

// Mask XORs b in place with key, after pos payload bytes, and returns the position after
// b, so that a payload can be masked in pieces.
//
// Eight bytes are the key twice, so one 64-bit XOR masks eight bytes. The main loop
// masks 32 bytes in each turn, so that the loop counter does not limit the speed.
// Shorter loops mask the rest. BenchmarkMask compares it with MaskSimple.
func Mask(key [4]byte, pos int, b []byte) int {
	mask(bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*pos), b)
	return pos + len(b)
}

// mask XORs b with turn, the four bytes of the key in the order in which b needs them,
// the first one lowest. It is separate so that the compiler can inline Mask.
func mask(turn uint32, b []byte) {
	word := uint64(turn)<<32 | uint64(turn)
	for len(b) >= 256 {
		mask32((*[32]byte)(b), word)
		mask32((*[32]byte)(b[32:]), word)
		mask32((*[32]byte)(b[64:]), word)
		mask32((*[32]byte)(b[96:]), word)
		mask32((*[32]byte)(b[128:]), word)
		mask32((*[32]byte)(b[160:]), word)
		mask32((*[32]byte)(b[192:]), word)
		mask32((*[32]byte)(b[224:]), word)
		b = b[256:]
	}
	for ; len(b) >= 64; b = b[64:] {
		mask32((*[32]byte)(b), word)
		mask32((*[32]byte)(b[32:]), word)
	}
	if len(b) >= 32 {
		mask32((*[32]byte)(b), word)
		b = b[32:]
	}
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
	}
	if len(b) >= 4 {
		binary.LittleEndian.PutUint32(b, binary.LittleEndian.Uint32(b)^turn)
		b = b[4:] // the key starts again
	}
	for i := range b {
		b[i] ^= byte(turn)
		turn >>= 8
	}
}

// mask32 XORs 32 bytes. It is small enough for the compiler to inline it.
func mask32(b *[32]byte, word uint64) {
	binary.LittleEndian.PutUint64(b[0:], binary.LittleEndian.Uint64(b[0:])^word)
	binary.LittleEndian.PutUint64(b[8:], binary.LittleEndian.Uint64(b[8:])^word)
	binary.LittleEndian.PutUint64(b[16:], binary.LittleEndian.Uint64(b[16:])^word)
	binary.LittleEndian.PutUint64(b[24:], binary.LittleEndian.Uint64(b[24:])^word)
}
