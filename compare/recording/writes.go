package recording

import (
	"bytes"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Writes describes the bytes that a call will send. It tells apart calls that write at
// the same time. Its slices are read until the call returns, and are not kept.
type Writes struct {
	Frames []Sent // whole frames, in this order
	Bytes  []byte // raw bytes, which need not be frames
	Data   bool   // data frames that the library may fragment
	Inner  bool   // this call makes another recorded call, which writes
}

// Sent is a frame that a call sends.
type Sent struct {
	Opcode  wire.Opcode
	Payload []byte
}

// Frame describes one whole frame.
func Frame(op wire.Opcode, payload []byte) Writes {
	return Writes{Frames: []Sent{{op, payload}}}
}

// Fragments describes a message with each part in a frame of its own.
func Fragments(op wire.Opcode, parts [][]byte) Writes {
	w := Writes{Frames: make([]Sent, len(parts))}
	for i, p := range parts {
		w.Frames[i] = Sent{op, p}
		op = wire.Continuation
	}
	return w
}

// seen is a recorded frame, as far as the concerns need it.
type seen struct {
	header wire.Header
	bytes  []byte // the kept bytes of the frame
	long   bool   // the frame has more bytes
	fault  bool   // it breaks a rule
	code   int    // of a Close frame
	lazy   *whole // if not nil, the frame is not decoded yet and fault is unknown
}

func seenFrame(f *dissect.Frame) seen {
	s := seen{header: f.Header, bytes: f.Bytes(), fault: len(f.Violations) > 0, code: int(wire.NoStatusReceived)}
	s.long = uint64(len(s.bytes)) < f.Came()
	if f.Close != nil {
		s.code = int(f.Close.Code)
	}
	return s
}

func seenWhole(w *whole) seen {
	h, _ := wire.ParseHeader(w.bytes)
	return seen{header: h, bytes: w.bytes, lazy: w}
}

// sends reports whether f can be the frame of w after the first n.
func (w *Writes) sends(n int, f *seen) bool {
	h := &f.header
	switch {
	case w.Data:
		return h.Opcode.IsData()
	case w.Bytes != nil:
		return endsIn(w.Bytes, f)
	case n >= len(w.Frames) || w.Frames[n].Opcode != h.Opcode:
		return false
	}
	p := w.Frames[n].Payload
	// On the wire a compressed payload differs. Of a long one only the beginning is kept.
	return h.RSV1 || uint64(len(p)) == h.Length && f.begins(p)
}

// begins reports whether p begins with the kept payload of f.
func (f *seen) begins(p []byte) bool {
	if len(f.bytes) < f.header.Size() {
		return true
	}
	kept := f.bytes[f.header.Size():]
	if f.header.Masked {
		kept = bytes.Clone(kept)
		wire.Mask(f.header.Key, 0, kept)
	}
	return bytes.HasPrefix(p, kept)
}

// endsIn reports whether b has the last bytes of f.
func endsIn(b []byte, f *seen) bool {
	if f.long {
		return len(b) > 0
	}
	if bytes.Contains(b, f.bytes) {
		return true
	}
	for n := min(len(f.bytes), len(b)); n > 0; n-- {
		if bytes.HasSuffix(f.bytes, b[:n]) {
			return true
		}
	}
	return false
}
