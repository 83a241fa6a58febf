package spec

import (
	"wslab/reference/wire"
)

// Masking is what a Frame says of its mask.
type Masking uint8

// The maskings.
const (
	ByRole Masking = iota // as the judge's role demands
	Never
	Always
)

// Frame is a frame that the judge sends, legal or not; or, in an Outcome, a message or
// control frame that is to come, of which Opcode and Payload count. The zero value is a
// continuation frame with FIN 0 and no payload.
type Frame struct {
	Fin     bool
	RSV     uint8 // RSV1, RSV2 and RSV3 as bits 4, 2, 1
	Opcode  wire.Opcode
	Payload Payload

	Form    wire.LengthForm // 0: the shortest
	Claims  uint64          // the length in the header, where it is not that of Payload
	Lies    bool            // Claims counts
	Masking Masking
	Key     *[4]byte // nil: the next one of the case's seed

	// Optional says of a frame that is to come that it may be left out, as a Pong may
	// when a later Ping is answered (RFC 6455 §5.5.3).
	Optional bool
}

// Append writes f, as sent by role, to the end of b. next gives masking keys.
func (f Frame) Append(b []byte, role wire.Role, next func() [4]byte) []byte {
	p := f.Payload.Bytes()
	h := wire.Header{
		Fin: f.Fin, RSV1: f.RSV&4 != 0, RSV2: f.RSV&2 != 0, RSV3: f.RSV&1 != 0,
		Opcode: f.Opcode, Length: uint64(len(p)), Form: f.Form,
	}
	if f.Lies {
		h.Length = f.Claims
	}
	if h.Form == 0 {
		h.Form = wire.FormFor(h.Length)
	}
	switch f.Masking {
	case ByRole:
		h.Masked = role == wire.Client
	case Always:
		h.Masked = true
	case Wrong:
		h.Masked = role != wire.Client
	}
	if h.Masked {
		if f.Key != nil {
			h.Key = *f.Key
		} else {
			h.Key = next()
		}
	}
	b = h.Append(b)
	start := len(b)
	b = append(b, p...)
	if h.Masked {
		wire.Mask(h.Key, 0, b[start:])
	}
	return b
}

// Perhaps returns f as something that may be left out.
func (f Frame) Perhaps() Frame { f.Optional = true; return f }
