// Package play is the engine: it plays a case at a target and returns the transcript.
// It does not judge.
//
//	run.go       PlayServer, PlayClient: a connection, the handshake, the steps
//	opening.go   the judge's side of the opening handshake; deflate.go: its extension
//	peer.go      the judge's end of one connection: bytes out, frames in
//	watch.go     how long the judge waits after the last byte
//	target.go    Target, ClientTarget
//	redirect.go  a second address, for cases about redirects
//	inflater.go  reads compressed messages, with inflate.go
package play
