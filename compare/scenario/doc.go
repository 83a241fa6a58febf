// Package scenario plays scripted conversations with a WebSocket server: a
// text file says what a client does, and a raw client does just that, right or
// wrong. It follows no rule of RFC 6455 by itself, so it can break any.
//
//	scenario.go  the text format and its parser
//	client.go    the raw client: a TCP connection, a handshake as ordered, octets
//	play.go      a scenario played by a raw client
//
// Nothing is random: the handshake's key and every masking key are the sample
// values of RFC 6455 unless a scenario says otherwise.
package scenario
