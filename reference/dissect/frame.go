package dissect

import (
	"fmt"
	"math/bits"
	"unicode/utf8"

	"wslab/reference/wire"
)

// Frame is one frame as it was on the wire (RFC 6455 §5.2).
type Frame struct {
	From       wire.Role
	Offset     uint64 // bytes that From sent before it, the handshake included
	Header     wire.Header
	Violations []wire.Violation
	Close      *wire.ClosePayload // of a Close frame
	Message    wire.Opcode        // Text or Binary: the message that a data frame belongs to
	Fragment   int                // its index among the frames of that message
	Short      uint64             // bytes that are missing because the stream ended first
	Missing    Missing            // what happened to the missing bytes

	bytes   []byte // header and first payload bytes, as on the wire
	tail    []byte // last payload bytes, still masked, if bytes does not have all payload bytes
	came    uint64 // bytes of the frame that arrived, header included
	cut     bool   // the stream ended inside the header
	textual bool   // part of a text message that is not compressed
}

// Missing says what happened to the missing bytes of a frame.
type Missing uint8

// What happened to the missing bytes, as far as it is known.
const (
	NotThere     Missing = iota
	NeverSent            // the sender ended the stream
	NeverArrived         // the receiver has read all bytes that arrived
	NotRead              // the receiver stopped reading, so it is not known whether the bytes arrived
)

// missing returns words for the missing bytes of f, such as "never arrived".
func (f *Frame) missing() string {
	switch f.Missing {
	case NeverSent:
		return "never sent"
	case NeverArrived:
		return "never arrived"
	case NotRead:
		return "not read by the " + f.From.Peer().String()
	}
	return "missing"
}

// Cut says what f lacks, "2 bytes never arrived", or returns "" if f is complete. If the
// header is incomplete, the number is the smallest possible one.
func (f *Frame) Cut() string {
	if f.Short == 0 {
		return ""
	}
	return fmt.Sprintf("%s%d %s %s", pick(f.cut, "at least ", ""), f.Short, pick(f.Short == 1, "byte", "bytes"), f.missing())
}

// Message is the content of one or more frames (RFC 6455 §5.4, §5.6).
type Message struct {
	From       wire.Role
	Opcode     wire.Opcode
	Compressed bool   // RSV1 was set on its first frame
	Size       uint64 // bytes of all payloads together, before any decompression
	Head       []byte // first bytes, unmasked, at most KeepMessage
	Fragments  int    // its number of frames

	head [KeepMessage]byte // the array that Head points into
}

// Size returns the size that f announces, in bytes, header included. If the sum does not
// fit, Size returns the highest value.
func (f *Frame) Size() uint64 {
	sum, carry := bits.Add64(uint64(f.Header.Size()), f.Header.Length, 0)
	if carry != 0 {
		return ^uint64(0)
	}
	return sum
}

// Came returns how many bytes of f arrived, header included. It is Size minus Short,
// unless Size is at the highest value.
func (f *Frame) Came() uint64 { return f.came }

// Bytes returns the bytes of f that were kept, from its first byte on, as on the wire.
// The slice must not be changed.
func (f *Frame) Bytes() []byte { return f.bytes }

// Tail returns the last bytes of a frame that was too long to be kept, as on the wire.
// Gap returns the number of bytes between Bytes and Tail.
func (f *Frame) Tail() []byte {
	extra := f.came - uint64(len(f.bytes))
	return f.tail[len(f.tail)-int(min(extra, uint64(len(f.tail)))):]
}

// Gap returns the number of bytes between Bytes and Tail, which are counted but not
// kept.
func (f *Frame) Gap() uint64 {
	return f.came - uint64(len(f.bytes)) - uint64(len(f.Tail()))
}

// Payload returns the first payload bytes, unmasked, at most KeepPayload.
func (f *Frame) Payload() []byte {
	if f.cut {
		return nil
	}
	p := append([]byte(nil), f.bytes[f.Header.Size():]...)
	f.unmask(0, p)
	return p
}

// Text returns the payload as text, and whether f has text that was kept completely.
func (f *Frame) Text() (string, bool) {
	if !f.textual {
		return "", false
	}
	p := f.Payload()
	return string(p), uint64(len(p)) == f.Header.Length && utf8.Valid(p)
}

// unmask unmasks b, which begins at payload byte pos, if f is masked.
func (f *Frame) unmask(pos int, b []byte) {
	if f.Header.Masked {
		wire.Mask(f.Header.Key, pos, b)
	}
}

// badByte adds a violation: payload byte i, with the unmasked value c, cannot be UTF-8.
func (f *Frame) badByte(i uint64, c byte) {
	f.Violations = append(f.Violations, wire.RuleTextUTF8.Broken(
		fmt.Sprintf("Payload byte %d, %02x, is not valid UTF-8 at this position.", i, c)))
}

// cutHeader returns a frame whose header is incomplete because the stream ended. Unknown
// parts are zero, and Short is the smallest possible number.
func cutHeader(b []byte, offset uint64, c wire.Context) *Frame {
	whole := make([]byte, wire.MaxHeaderSize)
	copy(whole, b)
	h, _ := wire.ParseHeader(whole)
	f := &Frame{From: c.Sender, Offset: offset, Header: h, bytes: append([]byte(nil), b...), came: uint64(len(b)), cut: true}
	f.Short = uint64(h.Size() - len(b))
	for _, v := range wire.Check(h, c) {
		if f.shows(v.Code) {
			f.Violations = append(f.Violations, v)
		}
	}
	return f
}

// shows reports whether enough of an incomplete header arrived to check the rule called
// code.
func (f *Frame) shows(code string) bool {
	need := 1
	switch violationField[code] {
	case "MASK", "payload length":
		need = 2
	case "extended payload length":
		need = 2 + int(f.Header.Form)/8
		if code == wire.RuleLengthTopBit.Code {
			need = 3
		}
	}
	return len(f.bytes) >= need
}
