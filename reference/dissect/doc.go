// Package dissect reads the bytes of any WebSocket connection, right or
// wrong, and tells what they are: handshakes, frames, messages, and for each
// the fields that tile its bits and the rules of RFC 6455 that it breaks.
//
// It is passive. It never rejects, never repairs and never answers; after an
// illegal frame it goes on with the next, as far as the lengths on the wire
// can be followed. It shares the syntax and the rules of package wire with the
// endpoint of package reference, but none of its state: it is a second reader,
// so the two can be held against each other.
//
//	conversation.go  both directions of one connection, bytes in, items out
//	later.go         a frame that is decoded when somebody looks at it
//	handshake.go     the opening handshake (RFC 6455 §4)
//	frame.go         one frame and the message it is part of (§5)
//	field.go         the fields of a frame, bit by bit (§5.2)
//	accept.go        what went wrong with a Sec-WebSocket-Accept (§4.2.2)
//	json.go          the form in which all this reaches a page
package dissect
