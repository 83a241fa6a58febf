// Package mended is the naive server without its faults. It has the same functions, and a
// region for each fault of the naive server, with the lines that mend the fault. The mends
// that a learner sees are the differences between the two.
//
//	mended.go  the server: compare it with ../naive.go
//	parts.go   functions that the mends use
//
// Each fault also works alone: a test of package compare/bugs puts one region of the naive
// server into this one, and the judge names that mistake. The server stays small. It has no
// deadlines and no extensions, and it does not check the finer rules of HTTP.
package mended

import "embed"

// Source has mended.go.
//
//go:embed mended.go
var Source embed.FS
