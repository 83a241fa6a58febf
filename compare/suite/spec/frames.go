package spec

import (
	"wslab/reference/wire"
)

// The words for frames: one with FIN 1 and a payload.
func Text(s string) Frame {
	return Frame{Fin: true, Opcode: wire.Text, Payload: Payload{Data: []byte(s)}}
}

func Binary(b ...byte) Frame {
	return Frame{Fin: true, Opcode: wire.Binary, Payload: Payload{Data: b}}
}

func Cont(s string) Frame { return Frame{Fin: true, Payload: Payload{Data: []byte(s)}} }

func Ping(s string) Frame {
	return Frame{Fin: true, Opcode: wire.Ping, Payload: Payload{Data: []byte(s)}}
}

func Pong(s string) Frame {
	return Frame{Fin: true, Opcode: wire.Pong, Payload: Payload{Data: []byte(s)}}
}

func CloseBody(body ...byte) Frame {
	return Frame{Fin: true, Opcode: wire.Close, Payload: Payload{Data: body}}
}

func Of(op wire.Opcode, p Payload) Frame { return Frame{Fin: true, Opcode: op, Payload: p} }

// Close returns a Close frame with code and reason, legal or not.
func Close(code wire.CloseCode, reason string) Frame {
	return CloseBody(append([]byte{byte(code >> 8), byte(code)}, reason...)...)
}

// More returns f with FIN 0.
func (f Frame) More() Frame { f.Fin = false; return f }

// WithRSV returns f with these reserved bits, RSV1 being 4.
func (f Frame) WithRSV(bits uint8) Frame { f.RSV = bits; return f }

// WithOpcode returns f with another opcode.
func (f Frame) WithOpcode(op wire.Opcode) Frame { f.Opcode = op; return f }

// WithForm returns f with its length written in form.
func (f Frame) WithForm(form wire.LengthForm) Frame { f.Form = form; return f }

// Claiming returns f with the length n in its header, whatever its payload.
func (f Frame) Claiming(n uint64) Frame { f.Claims, f.Lies = n, true; return f }

// WithKey returns f with this masking key.
func (f Frame) WithKey(key ...byte) Frame { k := [4]byte(key); f.Key = &k; return f }

// WrongMask returns f masked just as the judge's role must not do it.
func (f Frame) WrongMask() Frame { f.Masking = Wrong; return f }

// Wrong is the Masking that is the opposite of what the role demands.
const Wrong Masking = 0xff
