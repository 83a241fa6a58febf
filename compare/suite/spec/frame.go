package spec

import (
	"wslab/reference/wire"
)

// Masking says whether a Frame is masked.
type Masking uint8

// The maskings.
const (
	ByRole Masking = iota // if the judge is a client
	Never
	Always
)

// Frame is a frame that the judge sends, valid or not. In an Outcome, Frame is a message
// or control frame that the target sends, and only Opcode and Payload are compared. The
// zero value is an empty continuation frame without the FIN bit.
type Frame struct {
	Fin     bool
	RSV     uint8 // RSV1, RSV2 and RSV3 as bits 4, 2, 1
	Opcode  wire.Opcode
	Payload Payload

	Form    wire.LengthForm // 0: the shortest
	Claims  uint64          // the length in the header, if Lies
	Lies    bool            // the header has Claims instead of the length of Payload
	Masking Masking
	Key     *[4]byte // nil: the next one of Case.MaskingKeys

	// Optional says that the target may leave the frame out. For example, the target may
	// leave out a Pong when it answers a later Ping (RFC 6455 §5.5.3).
	Optional bool
}

// Append appends f to b, as role sends it. next gives masking keys.
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

// Perhaps returns f with Optional set.
func (f Frame) Perhaps() Frame { f.Optional = true; return f }
