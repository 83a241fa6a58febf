package lessons

import (
	"bytes"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// word is a word that this project does not use, and the word to use instead.
type word struct {
	pattern string // of Go's regexp, without case; a space matches any white space
	use     string
	but     string // a match that this pattern matches, too, is allowed
	text    bool   // checked in text alone, and not in comments of code
	exact   bool   // upper and lower case differ
}

var words = []word{
	{pattern: `octets?`, use: "byte"},
	{pattern: `(there )?(is|are|was|were|be) no( \w+)?`, use: "is not a", but: `^(?i:there)|no (longer|more|less|fewer|later|different|better|worse|smaller|larger|shorter|slower|faster|harder)$`},
	{pattern: `(there )?(is|are|was|were) none`, use: "is not a, or: does not exist", but: `^(?i:there)`},
	{pattern: `(falls? |fell |far )?behind( (an? )?(proxy|server|gateway|haproxy|nginx))?`, use: "after", but: `(?i)^(fall|fell|far)|(proxy|server|gateway|haproxy|nginx)$`},
	{pattern: `stands?|stood`, use: "is, appears or means"},
	{pattern: `whoever`, use: "the receiver, the client, a program that"},
	{pattern: `nobody`, use: "the name of the one that did not do it"},
	{pattern: `(is|are|was|were) due`, use: "is expected"},
	{pattern: `anew`, use: "again"},
	{pattern: `taken for`, use: "treated as, or: mistaken for"},
	{pattern: `what (has |have )?(comes?|came|stands|stood|cross|crosse[sd])`, use: "the name of the thing: the next frame, the response, the table above"},
	{pattern: `(has|have|had) come`, use: "arrived, is received"},
	{pattern: `amidst`, use: "inside"},
	{pattern: `ought|shall`, use: "should, will or must"},
	{pattern: `neither[^.]*? nor|nor`, use: "or, and not", but: `^(?i:neither)`},
	{pattern: `(is|are|was|were|be|gets?|got|been) told( apart)?`, use: "receives, is notified, the call returns", but: `apart$`},
	{pattern: `(for|to|by|of|with) who`, use: "a noun: for the reader who"},
	{pattern: `bears? with|bore with`, use: "tolerates"},
	{pattern: `bids?`, use: "requires"},
	{pattern: `goodbyes?`, use: "Close frame, closing handshake"},
	{pattern: `hangs? up|hung up`, use: "closes the TCP connection"},
	{pattern: `illegal(ly)?`, use: "invalid (data), not allowed (behavior)"},
	{pattern: `legal(ly)?`, use: "valid (data), allowed (behavior)", text: true},
	{pattern: `in silence`, use: "silently, or: without a message"},
	{pattern: `overlook(s|ed|ing)?`, use: "ignore"},
	{pattern: `in vain`, use: "without success"},
	{pattern: `for ever`, use: "forever"},
	{pattern: `save (for|that|where)`, use: "except"},
	{pattern: `(they|servers|endpoints|ways) part|parts (it|them|company)`, use: "differ, divide"},
	{pattern: `cross|crosse[sd]|crossing`, use: "is sent, is received", text: true},
	{pattern: `non-strict|informational`, use: "warning, note", text: true},
	{pattern: `(frame )?header maps?`, use: "frame header map", but: `^(?i:frame)`, text: true},
	{pattern: `weekend('s)? server|servers? of (a|the) weekend|the weekend`, use: "naive server"},
	{pattern: `(\}/)?valve`, use: "hold", but: `^\}`, text: true},
	{pattern: `frame('s)? heads?`, use: "frame header"},
	{pattern: `(a|an|the|each|every|any|no|one|its|another|this|that|and|or) (ping|pong)s?`, use: "Ping, Pong", exact: true},
	{pattern: `close frames?`, use: "Close frame", exact: true},
	{pattern: `(un)?(behaviour|colour|favour|honour|neighbour)\w*|labell\w+|cancelled|travell\w+|spelt|centre|grey|catalogue|licence|judgement|programme|(recogn|organ|real|normal|initial|serial|minim|maxim|synchron|summar|apolog)is(e|es|ed|ing)`, use: "the American spelling"},
}

// exceptions allow a word in one place, for a reason.
var exceptions = []struct{ file, sentence, reason string }{
	{"lessons/01-handshake.md", "*octet*", "the lesson says once that the RFC calls a byte an octet"},
	{"compare/scenario/verbs.go", "server hangs up", "this is a command of scenarios"},
	{"compare/scenario/verbs.go", "server octets", "this is the old name of a command, for the error that names the new one"},
	{"compare/suite/cases/deflate/s7692_7_2.go", "Hello, this is no DEFLATE data", "a case sends these bytes"},
}

// piece is text that a person reads.
type piece struct {
	line    int
	text    string
	comment bool // of code
}

// TestWords finds words that LANGUAGE forbids in all text of the module. To check
// one folder while you rewrite it: WORDS=compare/tap go test ./lessons -run TestWords
func TestWords(t *testing.T) {
	folders := strings.FieldsFunc(os.Getenv("WORDS"), func(r rune) bool { return r == ',' || r == ' ' })
	within := func(path string, list []string) bool {
		return slices.ContainsFunc(list, func(f string) bool {
			f = strings.Trim(filepath.ToSlash(f), "./")
			return f == "" || strings.Trim(path, "./") == f || strings.HasPrefix(strings.Trim(path, "./"), f+"/")
		})
	}
	used := make([]bool, len(exceptions))
	files, found := 0, 0
	walk(t, func(path string, src []byte) {
		if len(folders) > 0 && !within(path, folders) {
			return
		}
		files++
		for _, p := range pieces(path, src) {
			for _, m := range check(p) {
				i := slices.IndexFunc(exceptions, func(e struct{ file, sentence, reason string }) bool {
					return e.file == path && strings.Contains(m.sentence, e.sentence)
				})
				if i >= 0 {
					used[i] = true
					continue
				}
				found++
				t.Errorf("%s:%d: %q: write %s\n\t%s", path, m.line, m.word, m.use, m.sentence)
			}
		}
	})
	if files == 0 {
		t.Fatalf("No file was checked. Does the folder %q exist?", os.Getenv("WORDS"))
	}
	if found > 0 {
		t.Logf("%d words to replace in %d files", found, files)
	}
	for i, e := range exceptions {
		if !used[i] && len(folders) == 0 {
			t.Errorf("The exception %q for %s is not needed any more: delete it.", e.sentence, e.file)
		}
	}
}

type finding struct {
	line                int
	word, use, sentence string
}

var quotation = regexp.MustCompile(`"[^"\n]*(\n[^"\n]+)?"|“[^”]*”`)

// check finds the words of the list in p. It skips quotations in double quotes.
func check(p piece) []finding {
	blank := func(s string) string {
		b := []byte(s)
		for i := range b {
			if b[i] != '\n' {
				b[i] = '_'
			}
		}
		return string(b)
	}
	plain := quotation.ReplaceAllStringFunc(p.text, blank)
	var all []finding
	for i, w := range words {
		if w.text && p.comment {
			continue
		}
		for _, at := range compiled[i].FindAllStringIndex(plain, -1) {
			match := strings.Join(strings.Fields(plain[at[0]:at[1]]), " ")
			if w.but != "" && regexp.MustCompile(w.but).MatchString(match) {
				continue
			}
			all = append(all, finding{p.line + strings.Count(plain[:at[0]], "\n"), match, w.use, sentence(p.text, at[0])})
		}
	}
	return all
}

var compiled = func() []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, w := range words {
		flags := "(?i)"
		if w.exact {
			flags = ""
		}
		all = append(all, regexp.MustCompile(flags+`\b(?:`+strings.ReplaceAll(w.pattern, " ", `\s+`)+`)\b`))
	}
	return all
}()

var border = regexp.MustCompile(`[.!?:]['")*]*\s|\n\s*\n`)

// sentence returns the sentence of s in which the byte at is.
func sentence(s string, at int) string {
	from, to := 0, len(s)
	for _, b := range border.FindAllStringIndex(s, -1) {
		if b[1] <= at {
			from = b[1]
		} else if b[0] >= at {
			to = b[0] + 1
			break
		}
	}
	return strings.Join(strings.Fields(s[from:to]), " ")
}

// walk calls visit for each file of the module that has text.
func walk(t *testing.T, visit func(path string, src []byte)) {
	t.Helper()
	const root = ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name == ".git" || name == "testdata" || name == "node_modules" || name == "outputs" {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		src, err := os.ReadFile(path)
		if err == nil {
			visit(filepath.ToSlash(rel), src)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pieces returns the texts in a file, by the kind of file.
func pieces(path string, src []byte) []piece {
	switch {
	case strings.HasSuffix(path, ".md"):
		return []piece{{1, markdownText(string(src)), false}}
	case strings.HasPrefix(path, "lessons/scenarios/"):
		return hashComments(string(src), false)
	case strings.HasSuffix(path, ".go"):
		return goPieces(src, strings.HasSuffix(path, "_test.go"))
	case strings.HasSuffix(path, ".js"):
		return scriptPieces(string(src), strings.HasSuffix(path, ".test.js"))
	case strings.HasSuffix(path, ".html"):
		return []piece{{1, templateCode.ReplaceAllStringFunc(string(src), keepLines), false}}
	case strings.HasSuffix(path, ".css"):
		var all []piece
		for _, at := range cssComment.FindAllIndex(src, -1) {
			all = append(all, piece{1 + bytes.Count(src[:at[0]], []byte("\n")), string(src[at[0]:at[1]]), true})
		}
		return all
	case path == ".ci/run":
		return hashComments(string(src), true)
	}
	return nil
}

var (
	inlineCode   = regexp.MustCompile("`[^`\n]*(\n[^`\n]+)?`")
	blockKey     = regexp.MustCompile(`(?m)^(id|about|value|shows|endpoints?|scenarios|as|runs|steps|hex|from|hold|sizes|gorilla|hint-after): .*$`)
	templateCode = regexp.MustCompile(`(?s)\{\{.*?\}\}|<!--.*?-->|(class|id|href|src|for|name|type|data-[a-z-]+)="[^"]*"`)
	cssComment   = regexp.MustCompile(`(?s)/\*.*?\*/`)
)

// keepLines removes all but the line ends, so that lines are still counted right.
func keepLines(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) }

// markdownText removes code, addresses and the keys of blocks that name values.
func markdownText(s string) string {
	s = inlineCode.ReplaceAllStringFunc(s, func(s string) string { return "_" + keepLines(s) })
	s = regexp.MustCompile(`\]\([^)\s]*\)`).ReplaceAllString(s, "]")
	return blockKey.ReplaceAllString(s, "")
}

// hashComments returns each group of lines that begin with #.
func hashComments(s string, comment bool) []piece {
	var all []piece
	open := false
	for i, line := range strings.Split(s, "\n") {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
		if ok && open && i > 1 { // the first line of a scenario is its title
			all[len(all)-1].text += "\n" + text
		} else if ok {
			all = append(all, piece{i + 1, text, comment})
		}
		open = ok
	}
	return all
}

var structTag = regexp.MustCompile(`^[a-z]+:"`)

// goPieces returns the comments, and the strings of two words or more. Strings of
// tests are data, and are left out.
func goPieces(src []byte, test bool) []piece {
	var all []piece
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	last := -1 // line on which the last comment ended
	for {
		pos, tok, lit := s.Scan()
		line := file.Line(pos)
		switch tok {
		case token.EOF:
			return all
		case token.COMMENT:
			text, lineComment := strings.CutPrefix(lit, "//")
			if lineComment && len(text) > 0 && text[0] != ' ' && text[0] != '\t' {
				continue // a directive
			}
			if lineComment && last == line-1 {
				all[len(all)-1].text += "\n" + text
			} else {
				all = append(all, piece{line, text, true})
			}
			last = line + strings.Count(lit, "\n")
		case token.STRING:
			last = -1
			text, err := strconv.Unquote(lit)
			if test || err != nil || !strings.Contains(text, " ") || structTag.MatchString(text) {
				continue
			}
			if lit[0] != '`' {
				text = strings.ReplaceAll(text, "\n", " ")
			}
			all = append(all, piece{line, text, false})
		default:
			if tok != token.SEMICOLON || lit != "\n" {
				last = -1
			}
		}
	}
}

// scriptPieces is goPieces for JavaScript.
func scriptPieces(s string, test bool) []piece {
	var all []piece
	line, lastComment := 1, -1
	before := byte('(') // the last byte of code that is not a space
	for i := 0; i < len(s); {
		c := s[i]
		end := i + 1
		switch {
		case c == '\n':
			line++
		case strings.HasPrefix(s[i:], "//"):
			end = i + strings.IndexByte(s[i:]+"\n", '\n')
			if lastComment == line-1 {
				all[len(all)-1].text += "\n" + s[i+2:end]
			} else {
				all = append(all, piece{line, s[i+2 : end], true})
			}
			lastComment = line
		case strings.HasPrefix(s[i:], "/*"):
			if n := strings.Index(s[i+2:], "*/"); n >= 0 {
				end = i + 2 + n + 2
			} else {
				end = len(s)
			}
			all = append(all, piece{line, regexp.MustCompile(`(?m)^\s*\*`).ReplaceAllString(s[i+2:end-2], ""), true})
			line += strings.Count(s[i:end], "\n")
		case c == '"' || c == '\'' || c == '`':
			for end < len(s) && s[end] != c {
				if s[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(s))
			text := strings.Trim(s[i:end], string(c))
			if !test && strings.Contains(text, " ") && before != ':' || !test && strings.Count(text, " ") > 1 {
				all = append(all, piece{line, strings.ReplaceAll(text, "${", " ${"), false})
			}
			line += strings.Count(s[i:end], "\n")
			before = c
		case c == '/' && strings.IndexByte("(,=:[!&|?{};+\n>", before) >= 0: // a regular expression
			inClass := false
			for end < len(s) && s[end] != '\n' && (s[end] != '/' || inClass) {
				switch s[end] {
				case '\\':
					end++
				case '[':
					inClass = true
				case ']':
					inClass = false
				}
				end++
			}
			end = min(end+1, len(s))
			before = '/'
		case c != ' ' && c != '\t':
			before = c
		}
		i = end
	}
	return all
}

func TestWordsAreFoundWhereverTextIs(t *testing.T) {
	goSource := "package p\n\n// The reader\n// behind it.\nvar a = \"is no answer\" // whoever\nvar b = `x` + \"octet\"\n"
	script := "// The octet\nconst a = `the ${b} octet`; /* anew */ const r = /'/; const c = 'a ping';\n"
	for _, test := range []struct {
		path, src string
		want      []string
	}{
		{"a.go", goSource, []string{"4 behind", "5 is no answer", "5 whoever"}},
		{"a_test.go", goSource, []string{"4 behind", "5 whoever"}},
		{"a.js", script, []string{"1 octet", "2 octet", "2 anew", "2 a ping"}},
		{"a.md", "One\noctet, `an octet`, \"an octet\".\n\nThere is no answer, and this is no\nanswer.\n", []string{"2 octet", "4 is no answer"}},
		{"a.md", "id: octet\nask: A ping, a Ping, neither this nor that, nor this.\n", []string{"2 nor"}},
		{"a.html", "<p class=\"octet\">{{.Octet}}\nbehind</p>", []string{"2 behind"}},
		{"a.css", "a { color: red }\n/* the\nlegal colour */", []string{"3 colour"}},
		{"lessons/scenarios/a.txt", "# An\n# octet\nopen\n| octet\n", []string{"2 octet"}},
	} {
		var got []string
		for _, p := range pieces(test.path, []byte(test.src)) {
			for _, m := range check(p) {
				got = append(got, fmt.Sprint(m.line, " ", m.word))
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("In %s the words found are %q, and they should be %q.", test.path, got, test.want)
		}
	}
}
