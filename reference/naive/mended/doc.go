// Package mended is the naive server without its faults. It has the same functions, and a
// region for each fault of the naive server, with the lines that mend the fault. The mends
// that a learner sees are the differences between the two.
//
//	mended.go  the server: compare it with ../naive.go
//	parts.go   functions that the mends use
//
// Each mend also works alone. A test replaces one region of the naive server at a time, and
// the judge of package compare then finds one mistake less. The server stays small: it has
// no deadlines and no extensions.
package mended

import "embed"

// Source has mended.go.
//
//go:embed mended.go
var Source embed.FS
