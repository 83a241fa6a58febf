package lesson

import (
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"html"
	"strings"
)

// A Listing is a part of a Go source file, with line numbers and colors.
type Listing struct {
	Package string `json:"package"`           // "reference/wire"
	File    string `json:"file"`              // "reference/wire/header.go"
	Symbol  string `json:"symbol"`            // "ParseHeader"
	Version string `json:"version,omitempty"` // of another module
	First   int    `json:"first"`             // number of the first line; 0 without source
	Hot     [2]int `json:"hot"`               // first and last number of the lines that the site names
	Numbers []int  `json:"numbers"`           // number of each of Lines; lines with markers are left out
	Lines   []line `json:"lines"`
	Link    string `json:"link"` // address of the whole file; empty for this module
}

// line is one line of Go as tokens.
type line []lexeme

// lexeme is a class and a text. The classes are those of the style sheet: keyword, string,
// number, comment, ident, and "" for the rest.
type lexeme [2]string

// around is how many more lines a listing shows above and below the lines of the site.
const around = 4

// listing returns lines first to last of f, and some lines of fn around them.
func (f *file) listing(fn *ast.FuncDecl, first, last, hotFrom, hotTo int) Listing {
	top, bottom := f.line(fn.Pos()), f.line(fn.End())
	l := Listing{File: f.path, Symbol: symbol(fn), Hot: [2]int{hotFrom, hotTo}}
	show := func(n int) bool {
		return !f.lines[n-1].isMarker() && (n >= hotFrom && n <= hotTo || !f.namesFault(n))
	}

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

// namesFault reports whether line n belongs to a comment that names a fault. A listing of
// one fault must not name the next one, which the learner may not have found.
func (f *file) namesFault(n int) bool {
	for ; n > 0; n-- {
		text := f.lines[n-1].comment()
		if text == "" {
			return false
		}
		if strings.HasPrefix(text, "// Fault ") {
			return true
		}
	}
	return false
}

// comment returns the text of a line that has only a comment, and "" for any other line.
func (l line) comment() string {
	text := ""
	for _, x := range l {
		switch {
		case x[0] == "comment":
			text = x[1]
		case strings.TrimSpace(x[1]) != "":
			return ""
		}
	}
	return text
}

func (l line) isMarker() bool {
	for _, x := range l {
		if x[0] == "comment" && strings.HasPrefix(x[1], "//lesson:") {
			return true
		}
	}
	return false
}

// color splits src into lines of lexemes. If their texts are joined by newlines, the
// result is src.
func color(src []byte) []line {
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
			continue // added by the scanner at the end of a line
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

// figure draws a listing. The classes of its spans are those of lexeme.
func figure(l Listing) string {
	var b strings.Builder
	name := l.File
	if l.Version != "" {
		name = "gorilla/websocket " + l.Version + ", " + l.File
	}
	fmt.Fprintf(&b, "<figure class=\"source\">\n<figcaption><code>%s</code> in <code>%s</code></figcaption>\n",
		html.EscapeString(l.Symbol), html.EscapeString(name))
	if len(l.Lines) > 0 {
		fmt.Fprintf(&b, "<pre class=\"listing\" tabindex=\"0\" aria-label=\"%s\"><code>", html.EscapeString(l.Symbol+" in "+name))
		for i, tokens := range l.Lines {
			n, class := l.Numbers[i], "line"
			if n >= l.Hot[0] && n <= l.Hot[1] {
				class = "line hot"
			}
			fmt.Fprintf(&b, "<span class=\"%s\" data-line=\"%d\">", class, n)
			for _, t := range tokens {
				if t[0] == "" {
					b.WriteString(html.EscapeString(t[1]))
				} else {
					fmt.Fprintf(&b, "<span class=\"%s\">%s</span>", t[0], html.EscapeString(t[1]))
				}
			}
			b.WriteString("\n</span>")
		}
		b.WriteString("</code></pre>\n")
	}
	if l.Link != "" {
		fmt.Fprintf(&b, "<p class=\"origin\"><a href=\"%s\">%s in its repository</a></p>\n", html.EscapeString(l.Link), html.EscapeString(l.File))
	}
	b.WriteString("</figure>\n")
	return b.String()
}
