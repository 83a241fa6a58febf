// Package wire translates between the bits of RFC 6455 and Go values, and checks them by
// the rules of the RFC. It does no I/O and keeps no state. An endpoint has four layers, of
// which this package has two.
//
//	syntax  header.go close.go mask.go utf8.go
//	rules   rules.go (frames), handshake.go, extension.go, deflate.go (the opening handshake)
//	state   package reference, machine.go
//	I/O     package reference, conn.go
//
// The syntax files keep every bit as received, even if it is invalid. The rules say which
// requirements it breaks. No function keeps a slice that it received. All functions may be
// called concurrently; only one goroutine may use a UTF8.
//
// The comments //lesson:begin NAME and //lesson:end mark lines that a lesson shows beside
// the bits that they read. Source holds these files.
package wire

import "embed"

// Source holds the files of this package that lessons show.
//
//go:embed header.go mask.go close.go utf8.go rules.go handshake.go extension.go deflate.go
var Source embed.FS
