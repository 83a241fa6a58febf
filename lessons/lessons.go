// Package lessons holds the course as text: a Markdown file for each lesson and
// the scenarios that lessons play. labserver/internal/lesson reads the first,
// compare/scenario the second.
package lessons

import "embed"

// Files holds the lessons, NN-name.md, and scenarios/*.txt.
//
//go:embed [0-9][0-9]-*.md scenarios/*.txt
var Files embed.FS
