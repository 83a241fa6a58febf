// Package wire translates between the bits of RFC 6455 and Go values, and
// judges them. It does no I/O and keeps no state: an endpoint has four layers,
// and two of them are here.
//
//	syntax  header.go close.go mask.go utf8.go
//	rules   rules.go (frames), handshake.go, extension.go, deflate.go (the opening handshake)
//	state   package reference, machine.go
//	I/O     package reference, conn.go
//
// Syntax keeps what the wire said, even when it is illegal; rules say what is
// wrong with it. Nothing here keeps a slice that it was given. All functions
// may be called concurrently; a value of type UTF8 belongs to one goroutine.
//
// Comments of the form //lesson:begin NAME and //lesson:end mark the lines that
// a lesson shows beside the bits they read. Source holds the files for that.
package wire

import "embed"

// Source holds the files of this package that lessons show.
//
//go:embed header.go mask.go close.go utf8.go rules.go handshake.go extension.go deflate.go
var Source embed.FS
