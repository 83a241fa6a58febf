package spec

import (
	"wslab/reference/wire"
)

// Text returns a text frame with the FIN bit.
func Text(s string) Frame {
	return Frame{Fin: true, Opcode: wire.Text, Payload: Payload{Data: []byte(s)}}
}

// Binary returns a binary frame with the FIN bit.
func Binary(b ...byte) Frame {
	return Frame{Fin: true, Opcode: wire.Binary, Payload: Payload{Data: b}}
}

// Cont returns a continuation frame with the FIN bit.
func Cont(s string) Frame { return Frame{Fin: true, Payload: Payload{Data: []byte(s)}} }

// Ping returns a Ping frame.
func Ping(s string) Frame {
	return Frame{Fin: true, Opcode: wire.Ping, Payload: Payload{Data: []byte(s)}}
}

// Pong returns a Pong frame.
func Pong(s string) Frame {
	return Frame{Fin: true, Opcode: wire.Pong, Payload: Payload{Data: []byte(s)}}
}

// CloseBody returns a Close frame with this body, valid or not.
func CloseBody(body ...byte) Frame {
	return Frame{Fin: true, Opcode: wire.Close, Payload: Payload{Data: body}}
}

// Of returns a frame with the FIN bit.
func Of(op wire.Opcode, p Payload) Frame { return Frame{Fin: true, Opcode: op, Payload: p} }

// Close returns a Close frame with code and reason, valid or not.
func Close(code wire.CloseCode, reason string) Frame {
	return CloseBody(append([]byte{byte(code >> 8), byte(code)}, reason...)...)
}

// More returns f without the FIN bit.
func (f Frame) More() Frame { f.Fin = false; return f }

// WithRSV returns f with these reserved bits: 4 is RSV1, 2 is RSV2, 1 is RSV3.
func (f Frame) WithRSV(bits uint8) Frame { f.RSV = bits; return f }

// WithOpcode returns f with another opcode.
func (f Frame) WithOpcode(op wire.Opcode) Frame { f.Opcode = op; return f }

// WithForm returns f with its length written in form.
func (f Frame) WithForm(form wire.LengthForm) Frame { f.Form = form; return f }

// Claiming returns f with the length n in its header, instead of the length of its
// payload.
func (f Frame) Claiming(n uint64) Frame { f.Claims, f.Lies = n, true; return f }

// WithKey returns f with this masking key.
func (f Frame) WithKey(key ...byte) Frame { k := [4]byte(key); f.Key = &k; return f }

// WrongMask returns f with the MASK bit that the judge's role must not send.
func (f Frame) WrongMask() Frame { f.Masking = Wrong; return f }

// Wrong is the Masking opposite to ByRole.
const Wrong Masking = 0xff
