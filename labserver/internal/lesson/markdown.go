package lesson

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// groups are the words allowed in the braces of a span, [text]{word}. The first five are
// the groups of frame fields, each with its color.
var groups = []string{"head", "len", "key", "data", "code", "kbd", "rfc"}

// converter is goldmark with tables, curly quotes, and our spans and blocks. It renders no
// raw HTML, and no style attributes in tables, because the page's policy forbids them.
var converter = goldmark.New(
	goldmark.WithExtensions(
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
		extension.Typographer,
	),
	goldmark.WithParserOptions(
		parser.WithAutoHeadingID(),
		parser.WithInlineParsers(util.Prioritized(spanParser{}, 150)), // before links, which also begin with [
	),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(ownRenderer{}, 100))),
)

// span is [text]{group}: a term in the color of its field, a key of the keyboard, or a
// section of RFC 6455.
type span struct {
	ast.BaseInline
	group   string
	content string
	code    bool // the content has the typeface of code
	offset  int  // offset of its [ in the source
}

var kindSpan = ast.NewNodeKind("FieldSpan")

// Kind makes span a node of goldmark's tree.
func (s *span) Kind() ast.NodeKind { return kindSpan }

// Dump prints s for people who debug the tree.
func (s *span) Dump(source []byte, level int) { ast.DumpHelper(s, source, level, nil, nil) }

// block replaces one of our fenced blocks by its HTML.
type block struct {
	ast.BaseBlock
	html string
}

var kindBlock = ast.NewNodeKind("LessonBlock")

// Kind makes block a node of goldmark's tree.
func (b *block) Kind() ast.NodeKind { return kindBlock }

// Dump prints b for people who debug the tree.
func (b *block) Dump(source []byte, level int) { ast.DumpHelper(b, source, level, nil, nil) }

type spanParser struct{}

// spanned is the syntax of a span, which may continue on the next line.
var spanned = regexp.MustCompile(`^\[([^\[\]]+)\]\{([^{}\s]*)\}`)

// Trigger makes goldmark ask spanParser about each [.
func (spanParser) Trigger() []byte { return []byte{'['} }

// Parse returns a span if one begins here, otherwise nil.
func (spanParser) Parse(_ ast.Node, r text.Reader, _ parser.Context) ast.Node {
	first, at := r.PeekLine()
	l, pos := r.Position()
	var ahead []byte
	for line := first; line != nil && len(ahead) < 400; line, _ = r.PeekLine() {
		ahead = append(ahead, line...)
		r.AdvanceLine()
	}
	r.SetPosition(l, pos)
	m := spanned.FindSubmatch(ahead)
	if m == nil {
		return nil
	}
	for size := len(m[0]); size > 0; {
		line, _ := r.PeekLine()
		n := min(size, len(line))
		size -= n
		if n == len(line) && size > 0 {
			r.AdvanceLine()
		} else {
			r.Advance(n)
		}
	}
	s := &span{group: string(m[2]), content: strings.Join(strings.Fields(string(m[1])), " "), offset: at.Start}
	if inner, ok := strings.CutPrefix(s.content, "`"); ok && strings.HasSuffix(inner, "`") && len(inner) > 1 {
		s.code, s.content = true, strings.TrimSuffix(inner, "`")
	}
	return s
}

type ownRenderer struct{}

// RegisterFuncs registers the rendering of span and block.
func (ownRenderer) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(kindBlock, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(n.(*block).html)
		}
		return ast.WalkSkipChildren, nil
	})
	reg.Register(kindSpan, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(n.(*span).html())
		}
		return ast.WalkSkipChildren, nil
	})
}

func (s *span) html() string {
	inner := html.EscapeString(s.content)
	if s.code {
		inner = "<code>" + inner + "</code>"
	}
	switch s.group {
	case "kbd":
		return "<kbd>" + inner + "</kbd>"
	case "rfc":
		return `<a class="rfc" href="` + rfcLink(6455, strings.TrimPrefix(s.content, "§")) + `">RFC 6455 ` + inner + "</a>"
	}
	return `<span class="f-` + s.group + `">` + inner + "</span>"
}

var section = regexp.MustCompile(`^§[0-9]{1,2}(\.[0-9]{1,2}){0,2}$`)

// rfcLink returns the address of a section of an RFC, for instance "5.2".
func rfcLink(rfc int, section string) string {
	return fmt.Sprintf("https://www.rfc-editor.org/rfc/rfc%d#section-%s", rfc, section)
}

// markdown turns src into HTML. at is the number of its first line in the file. Our blocks
// are allowed only in the body of a lesson.
func (c *compiler) markdown(src string, at int, body bool) string {
	source := []byte(src)
	doc := converter.Parser().Parse(text.NewReader(source))
	lineOf := func(offset int) int { return at + bytes.Count(source[:min(offset, len(source))], []byte("\n")) }

	type fence struct {
		node *ast.FencedCodeBlock
		line int
	}
	var fences []fence
	last := 0 // offset of the last source seen, for nodes without a position
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			last = n.Segment.Start
			i := bytes.Index(n.Segment.Value(source), []byte("]{"))
			if _, code := n.Parent().(*ast.CodeSpan); i >= 0 && !code {
				c.problem(lineOf(last+i), "]{ does not end a colored term. Write [words]{group}, without [ or ] in the words")
			}
		case *span:
			last = n.offset
			c.checkSpan(n, lineOf(n.offset))
		case *ast.Heading:
			if body && n.Level == 2 && n.Lines().Len() > 0 {
				id, _ := n.AttributeString("id")
				name, _ := id.([]byte)
				c.lesson.Sections = append(c.lesson.Sections, Section{string(name), plain(n, source)})
			}
			if n.Level == 1 && n.Lines().Len() > 0 {
				c.problem(lineOf(n.Lines().At(0).Start), "only the page's title is a heading of the first level. Begin sections with ##")
			}
		case *ast.RawHTML:
			c.problem(lineOf(n.Segments.At(0).Start), "raw HTML is not rendered. Write Markdown, or put it in backticks")
		case *ast.HTMLBlock:
			c.problem(lineOf(n.Lines().At(0).Start), "raw HTML is not rendered. Write Markdown, or put it in backticks")
		case *ast.Image:
			if child, ok := n.FirstChild().(*ast.Text); ok {
				last = child.Segment.Start
			}
			c.problem(lineOf(last), "a lesson cannot have images. Use text or a block instead")
		case *ast.Link:
			if child, ok := n.FirstChild().(*ast.Text); ok {
				last = child.Segment.Start
			}
			c.checkLink(string(n.Destination), lineOf(last))
		case *ast.FencedCodeBlock:
			line := at
			switch {
			case n.Info != nil:
				line = lineOf(n.Info.Segment.Start)
			case n.Lines().Len() > 0:
				line = lineOf(n.Lines().At(0).Start) - 1
			}
			fences = append(fences, fence{n, line})
		}
		return ast.WalkContinue, nil
	})

	for _, f := range fences {
		info := ""
		if f.node.Info != nil {
			info = strings.TrimSpace(string(f.node.Info.Segment.Value(source)))
		}
		word, rest, _ := strings.Cut(info, " ")
		ours := c.checkWord(word, f.line)
		if !ours {
			continue
		}
		if !body {
			c.problem(f.line, "a %s block cannot be inside another block. Move it out", word)
			continue
		}
		var lines []string
		for i := range f.node.Lines().Len() {
			seg := f.node.Lines().At(i)
			lines = append(lines, strings.TrimRight(string(seg.Value(source)), "\n"))
		}
		out := &block{html: c.render(word, strings.TrimSpace(rest), lines, f.line)}
		f.node.Parent().ReplaceChild(f.node.Parent(), f.node, out)
	}

	var w bytes.Buffer
	if err := converter.Renderer().Render(&w, source, doc); err != nil {
		c.problem(at, "cannot render the lesson: %v", err)
	}
	return w.String()
}

// inline turns the value of a key into HTML for use inside a paragraph. A value of several
// paragraphs keeps their tags.
func (c *compiler) inline(src string, line int) string {
	out := strings.TrimSpace(c.markdown(src, line, false))
	if inner, ok := strings.CutPrefix(out, "<p>"); ok && strings.Count(out, "<p>") == 1 {
		if inner, ok = strings.CutSuffix(inner, "</p>"); ok {
			return inner
		}
	}
	return out
}

func (c *compiler) checkSpan(s *span, line int) {
	switch {
	case s.group == "rfc" && !section.MatchString(s.content):
		c.problem(line, "%q is not a section of RFC 6455. Write it like [§5.2]{rfc}", s.content)
	case !contains(groups, s.group):
		c.problem(line, "{%s} is not a group of fields. %s", s.group, meant(s.group, groups))
	}
}

func (c *compiler) checkLink(target string, line int) {
	switch {
	case strings.HasPrefix(target, "https://"), strings.HasPrefix(target, "#"):
	case strings.HasPrefix(target, "/"):
		c.links = append(c.links, pageLink{c.file, line, target})
	default:
		c.problem(line, "the link to %s begins neither with https:// nor with /. Write the whole address", target)
	}
}

// plain returns the text of n without markup.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			switch n := n.(type) {
			case *ast.Text:
				b.Write(n.Segment.Value(source))
				if n.SoftLineBreak() {
					b.WriteByte(' ')
				}
			case *ast.String: // a curly quote, as an entity
				b.WriteString(html.UnescapeString(string(n.Value)))
			case *span:
				b.WriteString(n.content)
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}
