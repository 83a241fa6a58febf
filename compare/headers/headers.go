// Package headers asks endpoints what they make of every way in which a frame
// can begin: 65,536 pairs of bytes, each in a connection of its own.
//
//	headers.go  what is sent for a pair, and what RFC 6455 says of it
//	outcome.go  what came back, and whether it should have
//	conn.go     the connection: a script in place of a network
//	run.go      the endpoints, and a run of every pair
//	text.go     a map as text, which can be diffed
//
// The endpoints run their own code from the handshake on, as they do behind a
// socket. Only the network is replaced: a connection that hands out what was
// written down beforehand and that knows, when the endpoint reads on and nothing
// is left, that it waits. So a run takes microseconds, needs no timeout and comes
// out the same each time. A test holds a sample of it against TCP.
package headers

import (
	"wslab/reference/wire"
)

// Count is how many pairs there are.
const Count = 1 << 16

// A Header is the first two bytes of a frame: FIN, RSV1–3 and opcode; MASK and
// the 7-bit length.
type Header [2]byte

// At returns the header numbered n: its bytes read as a number.
func At(n int) Header { return Header{byte(n >> 8), byte(n)} }

// Number is the inverse of At.
func (h Header) Number() int { return int(h[0])<<8 | int(h[1]) }

// A Context is what the peer was sent before the header.
type Context uint8

// The contexts.
const (
	Fresh      Context = iota // nothing
	Fragmented                // the first frame of a text message that is not finished
	contexts
)

// Contexts lists all.
var Contexts = [contexts]Context{Fresh, Fragmented}

// String returns "fresh" or "fragmented".
func (c Context) String() string {
	if c == Fragmented {
		return "fragmented"
	}
	return "fresh"
}

// key is the masking key of RFC 6455 §5.7.
var key = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// What is sent around a header.
const (
	begun = "before " // payload of the frame that begins a message
	probe = "still?"  // of the Ping behind the header
)

// frame returns the whole header that h begins: with the least length that its
// form may carry, and the masking key where MASK announces one.
func (h Header) frame() wire.Header {
	data := append([]byte{h[0], h[1]}, make([]byte, wire.MaxHeaderSize-2)...)
	f, _ := wire.ParseHeader(data) // long enough for any
	switch f.Form {
	case wire.Length16:
		f.Length = 126
	case wire.Length64:
		f.Length = 1 << 16
	}
	if f.Masked {
		f.Key = key
	}
	return f
}

// payload returns what f carries: letters, which are UTF-8, and in a Close frame
// the code 1000 before them.
func payload(f wire.Header) []byte {
	p := make([]byte, f.Length)
	for i := range p {
		p[i] = 'a' + byte(i%26)
	}
	if f.Opcode == wire.Close && len(p) >= 2 {
		p[0], p[1] = byte(wire.NormalClosure>>8), byte(wire.NormalClosure&0xFF)
	}
	return p
}

// Bytes returns h and all that it announces: extended length, masking key and
// payload.
func (h Header) Bytes() []byte {
	f := h.frame()
	return encode(f, payload(f))
}

// encode returns a frame with the payload p, masked where f says so.
func encode(f wire.Header, p []byte) []byte {
	b := append(f.Append(make([]byte, 0, f.Size()+len(p))), p...)
	if f.Masked {
		wire.Mask(f.Key, 0, b[f.Size():])
	}
	return b
}

// legal returns a frame as sender must send it.
func legal(sender wire.Role, op wire.Opcode, fin bool, p string) []byte {
	f := wire.Header{Fin: fin, Opcode: op, Form: wire.Length7, Length: uint64(len(p))}
	if sender == wire.Client {
		f.Masked, f.Key = true, key
	}
	return encode(f, []byte(p))
}

// Before returns what sender sends ahead of the header in c.
func (c Context) Before(sender wire.Role) []byte {
	if c == Fragmented {
		return legal(sender, wire.Text, false, begun)
	}
	return nil
}

// Probe returns the Ping that sender sends behind the header: its Pong tells an
// endpoint that has read the frame from one that still waits for more of it.
func Probe(sender wire.Role) []byte { return legal(sender, wire.Ping, true, probe) }

// Broken returns the rules that h breaks when sender sends it in c.
func (h Header) Broken(sender wire.Role, c Context) []wire.Violation {
	f := h.frame()
	vs := wire.Check(f, wire.Context{Sender: sender, Fragmented: c == Fragmented})
	if f.Opcode == wire.Close && f.Length == 1 {
		vs = append(vs, wire.RuleCloseBody.Broken("The Close body has one byte."))
	}
	return vs
}
