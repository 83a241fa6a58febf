package lesson

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is a mistake in the lessons. It says where the mistake is, what it is, and how
// to correct it.
type Problem struct {
	File string // "lessons/02-frames.md"
	Line int    // from 1
	What string
}

// String formats p as editors expect it: "lessons/02-frames.md:41: the mistake".
func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What) }

// Problems are all mistakes in the lessons, in order of file and line.
type Problems []Problem

// Error returns one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps *Problems) add(file string, line int, format string, args ...any) {
	*ps = append(*ps, Problem{file, line, fmt.Sprintf(format, args...)})
}

// err returns ps in order, or nil if there are none.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return ps
}

// list formats names for a message: "a, b or c".
func list(names []string) string {
	switch len(names) {
	case 0:
		return "nothing"
	case 1:
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// nearest returns the name that is most like word, or "" if every name differs by more
// than two slips.
func nearest(word string, names []string) string {
	best, least := "", 3
	for _, n := range names {
		if d := slips(strings.ToLower(word), strings.ToLower(n)); d < least && d < len(n) {
			best, least = n, d
		}
	}
	return best
}

// meant returns advice about an unknown name, as a sentence: the nearest known name, or
// all known names.
func meant(word string, names []string) string {
	if n := nearest(word, names); n != "" {
		return fmt.Sprintf("Did you mean %s?", n)
	}
	return "Write " + list(names)
}

// slips counts the letters to insert, delete, replace or swap with a neighbor to turn a
// into b. A module for this would not be worth a dependency.
func slips(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
