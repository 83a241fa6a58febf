package recording

import (
	"bytes"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Writes describes the bytes that a call will send, to distinguish calls that write at
// the same time. The recording reads its slices until the call returns, and does not keep
// them.
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

// seen has the properties of a recorded frame that the concerns need.
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

// sends reports whether f can be the frame that w sends after its first n frames.
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
	// A compressed payload differs on the wire. Only the beginning of a long payload is
	// kept.
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
