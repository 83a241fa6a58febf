package wire

import (
	"encoding/binary"
	"fmt"
)

// Role is one of the two ends of a connection. A client masks every frame, a server
// masks none (RFC 6455 §5.1).
type Role uint8

// The two roles.
const (
	Client Role = iota
	Server
)

// Peer returns the role at the other end.
func (r Role) Peer() Role { return r ^ 1 }

// String returns "client" or "server".
func (r Role) String() string { return [...]string{"client", "server"}[r&1] }

// Opcode says what a frame's payload is: four bits, RFC 6455 §5.2.
type Opcode uint8

// The opcodes that RFC 6455 §11.8 registers. 0x3–0x7 and 0xB–0xF are reserved.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

// IsControl reports whether o is in the control half, 0x8–0xF (RFC 6455 §5.5),
// reserved values included.
func (o Opcode) IsControl() bool { return o&0x8 != 0 }

// IsData reports whether o starts or continues a message: Continuation, Text
// or Binary (RFC 6455 §5.6, §5.4).
func (o Opcode) IsData() bool { return o <= Binary }

// IsReserved reports whether RFC 6455 gives o no meaning, so that a frame with it fails
// the connection (§5.2). Three opcodes in each half have a meaning. A value of more than
// four bits is not an opcode.
func (o Opcode) IsReserved() bool { return o&0x7 > 2 || o > 0xF }

// String names o as the RFC does; a reserved value prints as "opcode(0xB)".
func (o Opcode) String() string {
	if o.IsReserved() {
		return fmt.Sprintf("opcode(0x%X)", uint8(o))
	}
	return [...]string{
		Continuation: "continuation", Text: "text", Binary: "binary",
		Close: "close", Ping: "ping", Pong: "pong",
	}[o]
}

// LengthForm is the number of bits that hold the payload length: 7, 16 or 64 (RFC 6455
// §5.2). The form is stored apart from the length, because a frame can break a rule with
// a longer form than its length needs.
type LengthForm uint8

// The three forms.
const (
	Length7  LengthForm = 7
	Length16 LengthForm = 16
	Length64 LengthForm = 64
)

// The values of the 7-bit length that announce a longer form.
const (
	announces16 = 126
	announces64 = 127
)

// MaxHeaderSize is the size of the longest frame header in bytes: two, the 64-bit length
// and the masking key.
const MaxHeaderSize = 2 + 8 + 4

// MaxControlPayload is the maximum payload of a control frame in bytes (RFC 6455 §5.5).
const MaxControlPayload = 125

// Header is a frame header with every bit as on the wire, valid or not (RFC 6455 §5.2).
// Check checks it; ParseHeader and Append only translate.
type Header struct {
	Fin    bool
	RSV1   bool
	RSV2   bool
	RSV3   bool
	Opcode Opcode
	Masked bool
	Form   LengthForm // zero: the shortest form that can hold Length
	Length uint64     // payload length in bytes, including the top bit of the 64-bit form
	Key    [4]byte    // masking key; zero if not Masked
}

// RSV returns RSV1, RSV2 and RSV3 of h.
func (h Header) RSV() [3]bool { return [3]bool{h.RSV1, h.RSV2, h.RSV3} }

// FormFor returns the shortest form that can hold length, the only one that RFC 6455
// §5.2 allows.
func FormFor(length uint64) LengthForm {
	switch {
	case length < announces16:
		return Length7
	case length < 1<<16:
		return Length16
	}
	return Length64
}

// form returns the form in which Append writes h. A Form that cannot hold Length is
// replaced, because ParseHeader must read back the same Length.
func (h Header) form() LengthForm { return max(h.Form, FormFor(h.Length)) }

// Size returns the size of h on the wire in bytes, 2 to MaxHeaderSize.
func (h Header) Size() int {
	n := 2 + int(h.form())/8 // the shortest form has 7 bits and adds no byte
	if h.Masked {
		n += len(h.Key)
	}
	return n
}

// ParseHeader parses the frame header at the start of b. Its size is h.Size(). ok is
// false if b ends inside the header. Nothing else can fail, because every bit pattern is
// a header.
func ParseHeader(b []byte) (h Header, ok bool) {
	// 1. Two bytes that every frame has.
	if len(b) < 2 {
		return h, false
	}
	//lesson:begin fin
	h.Fin = b[0]&0x80 != 0
	//lesson:end
	//lesson:begin rsv
	h.RSV1 = b[0]&0x40 != 0
	h.RSV2 = b[0]&0x20 != 0
	h.RSV3 = b[0]&0x10 != 0
	//lesson:end
	//lesson:begin opcode
	h.Opcode = Opcode(b[0] & 0x0f)
	//lesson:end
	//lesson:begin mask
	h.Masked = b[1]&0x80 != 0
	//lesson:end
	//lesson:begin length
	length := b[1] & 0x7f
	//lesson:end
	b = b[2:]

	// 2. The length. Its first value says how many bytes follow.
	switch length {
	case announces16:
		//lesson:begin length16
		if len(b) < 2 {
			return h, false
		}
		h.Form, h.Length = Length16, uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
		//lesson:end
	case announces64:
		//lesson:begin length64
		if len(b) < 8 {
			return h, false
		}
		h.Form, h.Length = Length64, binary.BigEndian.Uint64(b)
		b = b[8:]
		//lesson:end
	default:
		h.Form, h.Length = Length7, uint64(length)
	}

	// 3. The masking key, present when MASK is set.
	if h.Masked {
		//lesson:begin key
		if len(b) < 4 {
			return h, false
		}
		h.Key = [4]byte(b)
		//lesson:end
	}
	return h, true
}

// Append appends h to dst, with each bit as in h. It reverses ParseHeader. A Form that
// cannot hold Length becomes the shortest that can.
func (h Header) Append(dst []byte) []byte {
	// 1. Two bytes that every frame has.
	b0 := bit(h.Fin, 0x80) | bit(h.RSV1, 0x40) | bit(h.RSV2, 0x20) | bit(h.RSV3, 0x10) | byte(h.Opcode)&0x0f
	b1 := bit(h.Masked, 0x80)

	// 2. The length.
	switch h.form() {
	case Length16:
		dst = append(dst, b0, b1|announces16)
		dst = binary.BigEndian.AppendUint16(dst, uint16(h.Length))
	case Length64:
		dst = append(dst, b0, b1|announces64)
		dst = binary.BigEndian.AppendUint64(dst, h.Length)
	default:
		dst = append(dst, b0, b1|byte(h.Length))
	}

	// 3. The masking key.
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// bit returns next if set is true, otherwise 0.
func bit(set bool, next byte) byte {
	if set {
		return next
	}
	return 0
}
