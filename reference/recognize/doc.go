// Package recognize says what a text or some bytes are: the mistake in a wrong
// Sec-WebSocket-Accept, the bytes in a dump that a person pasted, and the protocol of bytes
// that are not WebSocket frames. Where two answers are possible, it returns both.
//
//	accept.go  the slip by which a server computed a Sec-WebSocket-Accept (RFC 6455 §4.2.2)
//	slips.go   the slips that accept.go combines
//	dump.go    the bytes in a dump: hex, a hex dump with offsets, a byte string of a language
//	dress.go   the forms in which languages print bytes
//	kind.go    bytes that are not frames: HTTP, TLS, text, …
package recognize
