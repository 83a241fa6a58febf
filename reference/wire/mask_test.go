package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestMaskDoesWhatMaskSimpleDoesAtEveryOffsetAndLength(t *testing.T) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	plain := make([]byte, 8+300)
	for i := range plain {
		plain[i] = byte(i * 7)
	}
	for offset := range 8 {
		for length := range 301 {
			// The bytes at offset of a payload, in memory that begins at offset
			// too, so that every alignment is met.
			want := bytes.Clone(plain[:offset+length])
			MaskSimple(key, want)
			got := bytes.Clone(plain)
			if end := Mask(key, offset, got[offset:offset+length]); end != offset+length {
				t.Fatalf("offset %d, length %d: the position after it is %d", offset, length, end)
			}
			if !bytes.Equal(got[offset:offset+length], want[offset:]) {
				t.Fatalf("offset %d, length %d: % x, want % x", offset, length, got[offset:offset+length], want[offset:])
			}
			if !bytes.Equal(got[:offset], plain[:offset]) || !bytes.Equal(got[offset+length:], plain[offset+length:]) {
				t.Fatalf("offset %d, length %d: a byte outside was touched", offset, length)
			}
		}
	}
}

func TestMaskingInPiecesIsMaskingAtOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	key := [4]byte{1, 2, 3, 4}
	for range 200 {
		whole := make([]byte, r.IntN(300))
		pieces := bytes.Clone(whole)
		MaskSimple(key, whole)
		pos := 0
		for pos < len(pieces) {
			n := 1 + r.IntN(len(pieces)-pos)
			pos = Mask(key, pos, pieces[pos:pos+n])
		}
		if !bytes.Equal(whole, pieces) {
			t.Fatalf("% x, want % x", pieces, whole)
		}
	}
}

func TestMaskingTwiceGivesThePayloadBack(t *testing.T) {
	b := []byte("Hello, every byte of this comes back.")
	want := bytes.Clone(b)
	key := [4]byte{0xff, 0, 0x80, 1}
	Mask(key, 3, b)
	Mask(key, 3, b)
	if !bytes.Equal(b, want) {
		t.Errorf("%q", b)
	}
}

func BenchmarkMask(b *testing.B) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	for _, size := range []int{16, 125, 1 << 10, 16 << 10, 64 << 10, 1 << 20} {
		p := make([]byte, size)
		for _, f := range []struct {
			name string
			mask func()
		}{
			{"simple", func() { MaskSimple(key, p) }},
			{"words", func() { Mask(key, 0, p) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", f.name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					f.mask()
				}
			})
		}
	}
}

func ExampleMask() {
	// The masked "Hello" of RFC 6455 §5.7, in two pieces.
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	hel, lo := []byte{0x7f, 0x9f, 0x4d}, []byte{0x51, 0x58}
	pos := Mask(key, 0, hel)
	Mask(key, pos, lo)
	fmt.Printf("%s%s\n", hel, lo)
	// Output: Hello
}
