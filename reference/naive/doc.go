// Package naive is a WebSocket server as tutorials build one from a bare TCP connection. It
// was written for this lab in their style, with their faults, each on purpose. It works in
// a demonstration: with a browser on the same computer and a short greeting. Do not use it
// anywhere else.
//
//	naive.go   the server: read it beside RFC 6455
//	mended     a package with the same server without the faults
//	faults.go  Faults: the list of faults, numbered as in the comments of naive.go
//	program.go Program and Serve: the only ways to run the server
//	cage.go    the bounds of the server in memory, time and depth
//
// The cage does not change the server's behavior. It only ends a connection if the server
// would never end by itself, or would end the whole program. Then the error names the
// result without the cage. So a learner can watch a fault without harm. A Program has one
// goroutine while it has a client.
package naive

import "embed"

// Source holds the files of this package that lessons show.
//
//go:embed naive.go cage.go program.go
var Source embed.FS
