// Package outputs holds the files that go run ./compare writes and the page shows. Runs
// make them and tests check them. Do not edit them by hand.
package outputs

import "embed"

// Headers has the files headers/ENDPOINT-ROLE.txt, which package headers reads.
//
//go:embed headers/*.txt
var Headers embed.FS
