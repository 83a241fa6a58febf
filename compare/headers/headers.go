// Package headers sends endpoints every pair of bytes that a frame can begin with:
// 65,536 pairs, each in a connection of its own.
//
//	headers.go  the frame for a pair, and the rules of RFC 6455 that it breaks
//	outcome.go  how an endpoint answered, and whether that conforms
//	conn.go     the connection: a script instead of a network
//	run.go      the endpoints, and a run of every pair
//	text.go     a map as text, which can be diffed
//
// Follow a pair by these names: Header.Bytes makes the frame, Target.Run sends it on a
// conn, seen.outcome reads the answer, and Header.Judge marks it.
//
// The endpoints run their own code from the handshake on, as they do on a socket. Only
// the network is replaced by a connection that returns prepared bytes. When the
// endpoint reads and no byte is left, the connection knows that the endpoint waits. So
// a run takes microseconds, needs no timeout and always has the same result. A test
// compares a sample of the runs with TCP.
package headers

import (
	"wslab/reference/wire"
)

// Count is how many pairs there are.
const Count = 1 << 16

// A Header is the first two bytes of a frame: FIN, RSV1–3 and opcode; MASK and
// the 7-bit length.
type Header [2]byte

// At returns the header numbered n. Its two bytes are that number.
func At(n int) Header { return Header{byte(n >> 8), byte(n)} }

// Number is the inverse of At.
func (h Header) Number() int { return int(h[0])<<8 | int(h[1]) }

// A Context says which frames are sent before the header.
type Context uint8

// The contexts.
const (
	Fresh      Context = iota // none
	Fragmented                // the first frame of a fragmented text message
	contexts
)

// Contexts has all contexts.
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

// Payloads of the frames before and after a header.
const (
	begun = "before " // of the frame that begins a message
	probe = "still?"  // of the Ping after the header
)

// frame returns the whole header that begins with h. The length is the smallest that its
// form allows. The header has a masking key if MASK is 1.
func (h Header) frame() wire.Header {
	longest := append([]byte{h[0], h[1]}, make([]byte, wire.MaxHeaderSize-2)...)
	f, _ := wire.ParseHeader(longest)
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

// payload returns the payload of f. The payload is letters, which are valid UTF-8. In a
// Close frame, the code 1000 is before the letters.
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

// Bytes returns the whole frame of h: header, extended length, masking key and payload.
func (h Header) Bytes() []byte {
	f := h.frame()
	return encode(f, payload(f))
}

// encode returns a frame with the payload p. It masks p if f says so.
func encode(f wire.Header, p []byte) []byte {
	b := append(f.Append(make([]byte, 0, f.Size()+len(p))), p...)
	if f.Masked {
		wire.Mask(f.Key, 0, b[f.Size():])
	}
	return b
}

// legal returns a valid frame of sender.
func legal(sender wire.Role, op wire.Opcode, fin bool, p string) []byte {
	f := wire.Header{Fin: fin, Opcode: op, Form: wire.Length7, Length: uint64(len(p))}
	if sender == wire.Client {
		f.Masked, f.Key = true, key
	}
	return encode(f, []byte(p))
}

// Before returns the bytes that sender sends before the header in c.
func (c Context) Before(sender wire.Role) []byte {
	if c == Fragmented {
		return legal(sender, wire.Text, false, begun)
	}
	return nil
}

// Probe returns the Ping that sender sends after the frame. A Pong shows that the
// endpoint has read the frame and does not wait for more bytes of it.
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
