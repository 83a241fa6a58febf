package wire

import "fmt"

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

// IsReserved reports whether RFC 6455 gives o no meaning, so that a frame with
// it fails the connection (§5.2). Each half has three that mean something, and
// what needs more than four bits is no opcode.
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
