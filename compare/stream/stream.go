// Package stream cuts a byte stream into frames, whatever their headers say: it
// judges nothing, so a caller that looks for mistakes can read a peer that makes
// them.
package stream

import "wslab/reference/wire"

// A Sink takes what a Reader finds. Each method reports whether to go on.
type Sink interface {
	// Begin takes a header, as parsed and as it came, and what is already there of
	// the bytes after it.
	Begin(h wire.Header, head, rest []byte) bool
	// Payload takes the next bytes of the payload as they came, still masked where
	// h.Masked. The first of them is byte at of the payload.
	Payload(h wire.Header, at uint64, b []byte) bool
	// End follows the last byte of a frame.
	End(h wire.Header) bool
}

// A Reader reads frames in the pieces in which they arrive. The zero value is one
// that has read nothing.
type Reader struct {
	head   []byte // of a header that is not whole
	header wire.Header
	left   uint64 // bytes of the payload that have not come
	inside bool
}

// Read passes the frames in b to s. It reports false when s wants no more.
func (r *Reader) Read(b []byte, s Sink) bool {
	for {
		if r.inside {
			n := int(min(r.left, uint64(len(b))))
			at := r.header.Length - r.left
			r.left -= uint64(n)
			if !s.Payload(r.header, at, b[:n]) {
				return false
			}
			if b = b[n:]; r.left > 0 {
				return true
			}
			r.inside = false
			if !s.End(r.header) {
				return false
			}
			continue
		}
		if len(b) == 0 {
			return true
		}
		had := len(r.head)
		r.head = append(r.head, b[:min(len(b), wire.MaxHeaderSize-had)]...)
		h, ok := wire.ParseHeader(r.head)
		if !ok {
			return true
		}
		b = b[h.Size()-had:]
		head := r.head[:h.Size()]
		r.head = r.head[:0]
		r.header, r.left, r.inside = h, h.Length, true
		if !s.Begin(h, head, b) {
			return false
		}
	}
}

// Inside returns the header of the frame whose payload is being read, if there is
// one.
func (r *Reader) Inside() (wire.Header, bool) { return r.header, r.inside }

// Head returns the bytes of a header that is not whole yet.
func (r *Reader) Head() []byte { return r.head }
