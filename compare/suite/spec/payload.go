package spec

import (
	"bytes"
)

// Payload is what a frame or message carries: Data as they are, or, where
// Size is not 0, Data over and over until there are Size of them. So a case
// with 16 MiB takes no memory until it runs. Packed ones are sent compressed, on
// their own.
type Payload struct {
	Data   []byte
	Size   int
	Packed bool
}

// Len returns how many bytes p has, before they are compressed.
func (p Payload) Len() int {
	if p.Size > 0 {
		return p.Size
	}
	return len(p.Data)
}

// Bytes returns the bytes of p as they are sent; they must not be changed.
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

// Equal reports whether b is p.
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

// The patterns that fill large payloads. Their lengths are primes, so that a
// block that is lost, doubled or masked from the wrong position is seen.
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

// TextOf and binaryOf return payloads of n bytes.
func TextOf(n int) Payload { return sized(textPattern, n) }

func BinaryOf(n int) Payload { return sized(binaryPattern, n) }

func sized(pattern []byte, n int) Payload {
	if n <= len(pattern) {
		return Payload{Data: pattern[:n]}
	}
	return Payload{Data: pattern, Size: n}
}
