package bugs

import (
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"wslab/reference/naive"
	"wslab/reference/naive/mended"
)

// Line is one line of a diff.
type Line struct {
	Op   string `json:"op"` // " ", "-" or "+"
	Text string `json:"text"`
}

// Mend returns the mend of a fault: the difference between the lines of the naive server
// and those of package mended.
func Mend(number int) []Line {
	return diff(region(naiveSource(), number), region(mendedSource(), number))
}

var (
	naiveSource  = sync.OnceValue(func() string { return source(naive.Source, "naive.go") })
	mendedSource = sync.OnceValue(func() string { return source(mended.Source, "mended.go") })
)

// source returns the text of an embedded file.
func source(files fs.FS, name string) string {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		panic(err) // the file is embedded
	}
	return string(b)
}

// region returns the lines of the region of a fault, without the comment "Fault N" and
// without the indentation that all of them have.
func region(src string, number int) []string {
	_, after, _ := strings.Cut(src, fmt.Sprintf("//lesson:begin fault-%d\n", number))
	text, _, _ := strings.Cut(after, "//lesson:end")
	lines := strings.Split(strings.TrimRight(text, "\t"), "\n")
	lines = lines[:len(lines)-1] // the text ends with a newline
	if len(lines) > 0 && strings.Contains(lines[0], "// Fault ") {
		for len(lines) > 0 && strings.HasPrefix(strings.TrimSpace(lines[0]), "//") {
			lines = lines[1:]
		}
	}
	indent := -1
	for _, l := range lines {
		if n := len(l) - len(strings.TrimLeft(l, "\t")); l != "" && (indent < 0 || n < indent) {
			indent = n
		}
	}
	for i, l := range lines {
		lines[i] = l[min(max(indent, 0), len(l)):]
	}
	return lines
}

// diff returns the lines of both, with the longest common subsequence unchanged.
func diff(from, to []string) []Line {
	// common[i][j] is the length of the longest common subsequence of from[i:] and to[j:].
	common := make([][]int, len(from)+1)
	for i := range common {
		common[i] = make([]int, len(to)+1)
	}
	for i := len(from) - 1; i >= 0; i-- {
		for j := len(to) - 1; j >= 0; j-- {
			if from[i] == to[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	lines := []Line{}
	i, j := 0, 0
	for i < len(from) || j < len(to) {
		switch {
		case i < len(from) && j < len(to) && from[i] == to[j]:
			lines = append(lines, Line{" ", from[i]})
			i, j = i+1, j+1
		case j == len(to) || i < len(from) && common[i+1][j] >= common[i][j+1]:
			lines = append(lines, Line{"-", from[i]})
			i++
		default:
			lines = append(lines, Line{"+", to[j]})
			j++
		}
	}
	return lines
}
