package lesson

import (
	"go/ast"
	"go/scanner"
	"go/token"
	"strings"
)

// A Listing is a piece of Go source with its line numbers and colours.
type Listing struct {
	Package string `json:"package"`           // "reference/wire"
	File    string `json:"file"`              // "reference/wire/header.go"
	Symbol  string `json:"symbol"`            // "ParseHeader"
	Version string `json:"version,omitempty"` // of a module that is not this one
	First   int    `json:"first"`             // number of the first line; 0 where the source is absent
	Hot     [2]int `json:"hot"`               // first and last number of the lines meant
	Numbers []int  `json:"numbers"`           // number of each of Lines: a marker's line is left out, its number too
	Lines   []line `json:"lines"`
	Link    string `json:"link"` // a page that shows the whole file; empty for this module
}

// line is one line of Go as tokens; each is a class and the text it covers.
type line []lexeme

// lexeme is class and text. The classes are those of the page's style sheet:
// keyword, string, number, comment, ident, and "" for the rest.
type lexeme [2]string

// around is how many lines stand above and below the lines meant.
const around = 4

// listing cuts lines first to last out of f, with some more of fn around them.
func (f *file) listing(fn *ast.FuncDecl, first, last, hotFrom, hotTo int) Listing {
	top, bottom := f.line(fn.Pos()), f.line(fn.End())
	l := Listing{File: f.path, Symbol: symbol(fn), Hot: [2]int{hotFrom, hotTo}}
	show := func(n int) bool { return !f.lines[n-1].isMarker() }

	for n := around; n > 0 && first > top; {
		if first--; show(first) {
			n--
		}
	}
	for n := around; n > 0 && last < bottom; {
		if last++; show(last) {
			n--
		}
	}
	for n := first; n <= last; n++ {
		if show(n) {
			l.Numbers = append(l.Numbers, n)
			l.Lines = append(l.Lines, f.lines[n-1])
		}
	}
	if len(l.Numbers) > 0 {
		l.First = l.Numbers[0]
	}
	return l
}

func (l line) isMarker() bool {
	for _, x := range l {
		if x[0] == "comment" && strings.HasPrefix(x[1], "//lesson:") {
			return true
		}
	}
	return false
}

// colour splits src into lines of coloured lexemes. The texts of all of them,
// joined by newlines, are src again.
func colour(src []byte) []line {
	set := token.NewFileSet()
	var s scanner.Scanner
	at := set.AddFile("", -1, len(src))
	s.Init(at, src, func(token.Position, string) {}, scanner.ScanComments)

	lines := []line{{}}
	put := func(class, text string) {
		for i, part := range strings.Split(text, "\n") {
			if i > 0 {
				lines = append(lines, line{})
			}
			if part == "" {
				continue
			}
			cur := &lines[len(lines)-1]
			if n := len(*cur); n > 0 && (*cur)[n-1][0] == class && class == "" {
				(*cur)[n-1][1] += part
				continue
			}
			*cur = append(*cur, lexeme{class, part})
		}
	}

	end := 0
	for {
		pos, tok, lit := s.Scan()
		from := at.Offset(pos)
		if tok == token.EOF {
			put("", string(src[end:]))
			break
		}
		if tok == token.SEMICOLON && lit != ";" {
			continue // put in by the scanner at the end of a line
		}
		put("", string(src[end:from]))
		text := tok.String()
		if lit != "" {
			text = lit
		}
		end = from + len(text)
		put(class(tok), text)
	}
	if n := len(lines); n > 1 && len(lines[n-1]) == 0 {
		lines = lines[:n-1]
	}
	return lines
}

func class(tok token.Token) string {
	switch {
	case tok == token.COMMENT:
		return "comment"
	case tok == token.STRING || tok == token.CHAR:
		return "string"
	case tok == token.INT || tok == token.FLOAT || tok == token.IMAG:
		return "number"
	case tok == token.IDENT:
		return "ident"
	case tok.IsKeyword():
		return "keyword"
	}
	return ""
}
