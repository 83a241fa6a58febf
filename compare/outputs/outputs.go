// Package outputs holds what go run ./compare has written and others show. The
// files are made by runs and held by tests; nobody writes them by hand.
package outputs

import "embed"

// Headers holds headers/ENDPOINT-ROLE.txt, which package headers reads.
//
//go:embed headers/*.txt
var Headers embed.FS
