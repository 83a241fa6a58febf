package recording

import (
	"bytes"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Writes says what a call is about to send. Calls that write at the same time are
// told apart by it. The slices are read until the call returns and are not kept.
type Writes struct {
	Frames []Sent // whole frames, in this order
	Bytes  []byte // bytes as they are, whatever they mean
	Data   bool   // data frames, cut as the library likes
	Inner  bool   // another call, which this one makes, does the writing
}

// Sent is a frame that a call sends.
type Sent struct {
	Opcode  wire.Opcode
	Payload []byte
}

// Frame says that one whole frame is sent.
func Frame(op wire.Opcode, payload []byte) Writes {
	return Writes{Frames: []Sent{{op, payload}}}
}

// Fragments says that a message is sent, each part in a frame.
func Fragments(op wire.Opcode, parts [][]byte) Writes {
	w := Writes{Frames: make([]Sent, len(parts))}
	for i, p := range parts {
		w.Frames[i] = Sent{op, p}
		op = wire.Continuation
	}
	return w
}

// seen is a frame, as far as it is looked at here.
type seen struct {
	header wire.Header
	bytes  []byte // those of it that were kept
	long   bool   // there are more
	fault  bool   // it breaks a rule
	code   int    // of a Close frame
	lazy   *whole // it has not been decoded, so fault is not known
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

// sends reports whether f can be the frame of w that follows the first n.
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
	// A compressed payload is another on the wire; of a long one the beginning is kept.
	return h.RSV1 || uint64(len(p)) == h.Length && f.begins(p)
}

// begins reports whether p begins with the payload bytes of f that were kept.
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

// endsIn reports whether the last bytes of f are among b.
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
