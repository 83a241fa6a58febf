// Package dissect decodes the bytes of any WebSocket connection, valid or not: its
// handshakes, frames and messages. For each, it lists the fields, which cover all bits, and
// the rules of RFC 6455 that it breaks.
//
// It is passive: it never rejects, repairs or answers anything. After an invalid frame it
// continues with the next one, as far as the lengths in the headers allow. Like package
// reference, it uses the syntax and the rules of package wire, but the two packages share
// no state. So tests can compare them.
//
//	conversation.go  both directions of one connection: bytes in, items out
//	later.go         a frame that is decoded only when a reader asks for it
//	handshake.go     the opening handshake (RFC 6455 §4)
//	frame.go         one frame and the message that it belongs to (§5)
//	field.go         the fields of a frame, bit by bit (§5.2)
//	http.go          an exchange of plain HTTP (RFC 9112)
//	json.go          all of this as JSON for a page
package dissect
