package spec

import (
	"bytes"
)

// Payload is the payload of a frame or message. It is Data. If Size is not 0, it is Data
// repeated up to Size bytes, so a case with 16 MiB takes no memory until it runs. If
// Packed is set, PackAlone compresses the payload.
type Payload struct {
	Data   []byte
	Size   int
	Packed bool
}

// Len returns the number of bytes of p before compression.
func (p Payload) Len() int {
	if p.Size > 0 {
		return p.Size
	}
	return len(p.Data)
}

// Bytes returns the bytes of p as they are sent. The caller must not change them.
func (p Payload) Bytes() []byte {
	b := p.Data
	if p.Size > 0 {
		b = p.Prefix(p.Size)
	}
	if p.Packed {
		return PackAlone(b)
	}
	return b
}

// Prefix returns the first bytes of p, n at most.
func (p Payload) Prefix(n int) []byte {
	n = min(n, p.Len())
	if p.Size == 0 {
		return p.Data[:n]
	}
	b := make([]byte, 0, n+len(p.Data))
	b = append(b, p.Data...)
	for len(b) < n {
		b = append(b, b[:min(len(b), n-len(b))]...)
	}
	return b[:n]
}

// Equal reports whether b is p before compression.
func (p Payload) Equal(b []byte) bool {
	if len(b) != p.Len() || p.Size == 0 {
		return bytes.Equal(b, p.Data)
	}
	for len(b) > 0 {
		n := min(len(b), len(p.Data))
		if !bytes.Equal(b[:n], p.Data[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

// The patterns that fill large payloads. Their lengths are primes, so any lost, repeated
// or wrongly masked block changes the bytes.
var (
	textPattern   = []byte("The quick brown fox jumps over a lazy dog, 0123456789 times!\n")
	binaryPattern = func() []byte {
		b := make([]byte, 251)
		for i := range b {
			b[i] = byte(i*7 + 3)
		}
		return b
	}()
)

// TextOf returns ASCII text of n bytes.
func TextOf(n int) Payload { return sized(textPattern, n) }

// BinaryOf returns n bytes that are not UTF-8.
func BinaryOf(n int) Payload { return sized(binaryPattern, n) }

func sized(pattern []byte, n int) Payload {
	if n <= len(pattern) {
		return Payload{Data: pattern[:n]}
	}
	return Payload{Data: pattern, Size: n}
}
