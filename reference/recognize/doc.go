// Package recognize names the mistake in a wrong Sec-WebSocket-Accept (RFC 6455 §4.2.2). It
// has no list of wrong values: it makes every slip in every step of the computation, and
// compares the results.
//
//	accept.go  the slip, or the two slips, that give a value
//	slips.go   the slips in each step
package recognize
