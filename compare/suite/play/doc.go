// Package play is the engine: it plays a case at a target and returns what came.
// It judges nothing.
//
//	run.go       PlayServer, PlayClient: a connection, the handshake, the steps
//	opening.go   the opening handshake from the judge's side
//	peer.go      the judge's end of one connection: bytes out, frames in
//	watch.go     how long the judge waits: since a byte last moved
//	target.go    Target, ClientTarget
//	redirect.go  a second address, for cases about redirects
//	inflater.go  reads compressed messages, with inflate.go
package play
