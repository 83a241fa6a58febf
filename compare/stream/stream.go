// Package stream cuts a byte stream into frames. It does not check the frame headers, so
// a caller can read the frames of a faulty peer.
package stream

import "wslab/reference/wire"

// A Sink receives the frames of a Reader. Each method returns false to stop the Reader.
type Sink interface {
	// Begin receives a frame header, parsed and as raw bytes. It also receives the bytes
	// after the header that are already there. Payload receives these bytes, too.
	Begin(h wire.Header, head, rest []byte) bool
	// Payload receives the next bytes of the payload, still masked if h.Masked. The first
	// of them is byte at of the payload. b may be empty.
	Payload(h wire.Header, at uint64, b []byte) bool
	// End is called after the last byte of a frame.
	End(h wire.Header) bool
}

// A Reader reads frames from any pieces of the stream. The zero value is ready to use.
type Reader struct {
	head   []byte // the first bytes of a header that is not whole yet
	header wire.Header
	left   uint64 // bytes of the payload that have not arrived yet
	inside bool
}

// Read passes the frames in b to s. It returns false if s stopped it.
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

// Inside returns the header of the frame whose payload is incomplete, and whether there
// is such a frame.
func (r *Reader) Inside() (wire.Header, bool) { return r.header, r.inside }

// Head returns the bytes of an incomplete header. They are valid until the next Read.
func (r *Reader) Head() []byte { return r.head }
