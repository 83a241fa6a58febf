// Package naive is the WebSocket server of a weekend: the one that tutorials
// build from a bare TCP connection, written again for this lab in their style,
// with their faults, each on purpose. It works in a demonstration, with a
// browser on the same machine and a short greeting. It must be used nowhere
// else.
//
//	naive.go   the server: read it with RFC 6455 beside it
//	faults.go  Faults: what is wrong with it, numbered as the comments are
//	cage.go    Serve: the only way to run it, bounded in memory, time and depth
//
// The cage changes nothing of what the server does; it ends a connection where
// the server would not end by itself, or would take the program with it, and
// says what would have happened there. So a fault can be looked at and does no
// harm. Serve uses no goroutine of its own.
package naive

import "embed"

// Source holds the files of this package that lessons show.
//
//go:embed naive.go cage.go
var Source embed.FS
