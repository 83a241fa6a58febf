package dissect

import (
	"fmt"
	"math/bits"
	"unicode/utf8"

	"wslab/reference/wire"
)

// Frame is one frame as it crossed the wire (RFC 6455 §5.2).
type Frame struct {
	From       wire.Role
	Offset     uint64 // bytes that From had sent before it, the handshake included
	Header     wire.Header
	Violations []wire.Violation
	Close      *wire.ClosePayload // of a Close frame
	Message    wire.Opcode        // Text or Binary: the message that a data frame is part of
	Fragment   int                // its index among the frames of that message
	Short      uint64             // bytes that are missing: the stream ended first
	Missing    Missing            // what became of them

	bytes   []byte // header and first payload bytes, as on the wire
	tail    []byte // last payload bytes, masked still, when not all are in bytes
	came    uint64 // bytes of it that came, header included
	cut     bool   // the stream ended inside the header
	textual bool   // part of a text message that is not compressed
}

// Missing says what is known of the bytes that a frame lacks.
type Missing uint8

// What is known of them: nothing more, or that one end has ended the stream.
const (
	NotThere     Missing = iota
	NeverSent            // their sender ended the stream
	NeverArrived         // their receiver has read all that arrived
	NotRead              // their receiver stopped reading: whether they arrived is not known
)

// missing returns the words for f's missing bytes: "never arrived".
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

// Cut says in words what f lacks, "2 bytes never arrived", or "" where it is
// whole. Of a header that is not whole only the least that it lacks is known.
func (f *Frame) Cut() string {
	if f.Short == 0 {
		return ""
	}
	return fmt.Sprintf("%s%d %s %s", pick(f.cut, "at least ", ""), f.Short, pick(f.Short == 1, "byte", "bytes"), f.missing())
}

// Message is what one or more frames carried (RFC 6455 §5.4, §5.6).
type Message struct {
	From       wire.Role
	Opcode     wire.Opcode
	Compressed bool   // RSV1 was set on its first frame
	Size       uint64 // bytes of all payloads together, as they crossed
	Head       []byte // first bytes, unmasked, at most KeepMessage
	Fragments  int    // frames it came in

	head [KeepMessage]byte // what Head points into
}

// Size returns the bytes that f announces for itself, header included; it
// stays at the highest value where the sum would not fit.
func (f *Frame) Size() uint64 {
	sum, carry := bits.Add64(uint64(f.Header.Size()), f.Header.Length, 0)
	if carry != 0 {
		return ^uint64(0)
	}
	return sum
}

// Came returns how many bytes of f came, header included: Size without Short,
// where Size is not at its highest value.
func (f *Frame) Came() uint64 { return f.came }

// Bytes returns the bytes from f's first on that were kept, as on the wire.
// The slice must not be changed.
func (f *Frame) Bytes() []byte { return f.bytes }

// Tail returns the last bytes of a frame too long to be kept whole, as on the
// wire, and Gap how many lie between Bytes and Tail.
func (f *Frame) Tail() []byte {
	extra := f.came - uint64(len(f.bytes))
	return f.tail[len(f.tail)-int(min(extra, uint64(len(f.tail)))):]
}

// Gap returns how many bytes lie between Bytes and Tail, counted only.
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

// Text returns the payload as text where it is text and was kept whole.
func (f *Frame) Text() (string, bool) {
	if !f.textual {
		return "", false
	}
	p := f.Payload()
	return string(p), uint64(len(p)) == f.Header.Length && utf8.Valid(p)
}

// unmask XORs b, which begins at payload byte pos, when f is masked.
func (f *Frame) unmask(pos int, b []byte) {
	if f.Header.Masked {
		wire.Mask(f.Header.Key, pos, b)
	}
}

// badByte notes that payload byte i, c once unmasked, cannot be UTF-8.
func (f *Frame) badByte(i uint64, c byte) {
	f.Violations = append(f.Violations, wire.RuleTextUTF8.Broken(
		fmt.Sprintf("Payload byte %d, %02x, cannot stand there in UTF-8.", i, c)))
}

// cutHeader returns the frame whose header the stream ended in. What is not
// known of it reads as zero, and Short is what is missing at least.
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

// shows reports whether enough of a cut header came to judge it by the rule
// called code.
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
