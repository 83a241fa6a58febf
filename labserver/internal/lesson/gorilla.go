package lesson

import (
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"slices"
)

// gorillaVersion is the release that the anchors are for. A test compares it with go.mod
// and looks for every anchor in that release.
const gorillaVersion = "v1.5.3"

// anchor is gorilla's counterpart of one of our sites: a function, and tokens in it. The
// anchor means the lines from the first statement with one of the tokens to the last.
// Without tokens it means the whole function. The text itself is read from the module on
// this computer.
type anchor struct {
	file   string
	symbol string
	tokens []string
}

// anchors maps our sites to gorilla's places. A site without an entry has no counterpart:
// gorilla does not check for the shortest length form, and it leaves the check of UTF-8
// to the application.
var anchors = map[string]anchor{
	"wire.ParseHeader":                               {"conn.go", "(*Conn).advanceFrame", nil},
	"wire.ParseHeader#fin":                           {"conn.go", "(*Conn).advanceFrame", []string{"finalBit"}},
	"wire.ParseHeader#rsv":                           {"conn.go", "(*Conn).advanceFrame", []string{"rsv1Bit", "rsv2Bit", "rsv3Bit"}},
	"wire.ParseHeader#opcode":                        {"conn.go", "(*Conn).advanceFrame", []string{"frameType :="}},
	"wire.ParseHeader#mask":                          {"conn.go", "(*Conn).advanceFrame", []string{"maskBit"}},
	"wire.ParseHeader#length":                        {"conn.go", "(*Conn).advanceFrame", []string{"0x7f"}},
	"wire.ParseHeader#length16":                      {"conn.go", "(*Conn).advanceFrame", []string{"case 126"}},
	"wire.ParseHeader#length64":                      {"conn.go", "(*Conn).advanceFrame", []string{"case 127"}},
	"wire.ParseHeader#key":                           {"conn.go", "(*Conn).advanceFrame", []string{"if mask {"}},
	"wire.MaskSimple":                                {"mask.go", "maskBytes", nil},
	"wire.MaskSimple#unmask":                         {"mask.go", "maskBytes", []string{"^= key"}},
	"wire.Mask":                                      {"mask.go", "maskBytes", nil},
	"wire.ParseClosePayload":                         {"conn.go", "(*Conn).advanceFrame", []string{"closeCode :=", "if len(payload)"}},
	"wire.ParseClosePayload#closecode":               {"conn.go", "(*Conn).advanceFrame", []string{"Uint16(payload)"}},
	"wire.ParseClosePayload#reason":                  {"conn.go", "(*Conn).advanceFrame", []string{"closeText = string", "ValidString(closeText)"}},
	"wire.Accept":                                    {"util.go", "computeAcceptKey", nil},
	"wire.Accept#accept":                             {"util.go", "computeAcceptKey", []string{"New()", "EncodeToString"}},
	"wire.Hash":                                      {"util.go", "computeAcceptKey", nil},
	"wire.Hash#hash":                                 {"util.go", "computeAcceptKey", []string{"New()", "EncodeToString"}},
	"wire.ValidKey":                                  {"util.go", "isValidChallengeKey", nil},
	"wire.ValidKey#validkey":                         {"util.go", "isValidChallengeKey", []string{"DecodeString", "== 16"}},
	"wire.Check#check-rsv":                           {"conn.go", "(*Conn).advanceFrame", []string{"if rsv1", "if rsv3"}},
	"wire.Check#check-opcode":                        {"conn.go", "(*Conn).advanceFrame", []string{"default"}},
	"wire.Check#check-mask":                          {"conn.go", "(*Conn).advanceFrame", []string{"if mask !="}},
	"wire.Check#check-length":                        {"conn.go", "(*Conn).setReadRemaining", []string{"if n < 0"}},
	"wire.Check#check-control":                       {"conn.go", "(*Conn).advanceFrame", []string{"if c.readRemaining > maxControlFramePayloadSize", "if !final"}},
	"wire.Check#check-fragment":                      {"conn.go", "(*Conn).advanceFrame", []string{"if !c.readFinal", "if c.readFinal"}},
	"wire.CheckRequest":                              {"server.go", "(*Upgrader).Upgrade", nil},
	"wire.CheckRequest#check-method":                 {"server.go", "(*Upgrader).Upgrade", []string{"MethodGet"}},
	"wire.CheckRequest#check-upgrade":                {"server.go", "(*Upgrader).Upgrade", []string{`if !tokenListContainsValue(r.Header, "Connection"`, `if !tokenListContainsValue(r.Header, "Upgrade"`}},
	"wire.CheckRequest#check-key":                    {"server.go", "(*Upgrader).Upgrade", []string{"challengeKey :=", "if !isValidChallengeKey"}},
	"wire.CheckRequest#check-version":                {"server.go", "(*Upgrader).Upgrade", []string{`if !tokenListContainsValue(r.Header, "Sec-Websocket-Version"`}},
	"wire.CheckResponse#check-accept":                {"client.go", "(*Dialer).DialContext", []string{"computeAcceptKey"}},
	"wire.CheckResponse":                             {"client.go", "(*Dialer).DialContext", []string{"computeAcceptKey"}},
	"reference.(*Machine).receivePayload#unmask":     {"mask.go", "maskBytes", []string{"^= key"}},
	"reference.(*Machine).endFrame#fragments":        {"conn.go", "(*messageReader).Read", []string{"if c.readFinal"}},
	"reference.(*Machine).receiveControl#control":    {"conn.go", "(*Conn).SetPingHandler", []string{"PongMessage"}},
	"reference.(*Machine).receiveClose#answer-close": {"conn.go", "(*Conn).SetCloseHandler", []string{"FormatCloseMessage", "WriteControl"}},
	"reference.(*Machine).receiveHeader#limit":       {"conn.go", "(*Conn).advanceFrame", []string{"c.readLength +=", "if c.readLimit > 0"}},
	"wire.ClosePayload.Append":                       {"conn.go", "FormatCloseMessage", nil},
}

// GorillaListing returns gorilla's counterpart of site from the source in dir. It returns
// false if gorilla has none. If dir is empty or contains a different source, the Listing
// has only the Link to gorilla's repository.
func GorillaListing(dir, site string) (Listing, bool) {
	a, ok := anchors[site]
	if !ok {
		return Listing{}, false
	}
	l := Listing{
		Package: gorillaPackage,
		File:    a.file,
		Symbol:  a.symbol,
		Version: gorillaVersion,
		Numbers: []int{},
		Lines:   []line{},
		Link:    fmt.Sprintf("https://github.com/gorilla/websocket/blob/%s/%s", gorillaVersion, a.file),
	}
	if dir == "" {
		return l, true
	}
	src, err := os.ReadFile(filepath.Join(dir, a.file))
	if err != nil {
		return l, true
	}
	f, err := parseFile(a.file, src)
	if err != nil {
		return l, true
	}
	fn, from, to, err := a.find(f, src)
	if err != nil {
		return l, true
	}
	first, last := from, to
	if len(a.tokens) == 0 {
		last = min(f.line(fn.End()), from+24)
	}
	cut := f.listing(fn, first, last, from, to)
	cut.Package, cut.Version = l.Package, l.Version
	cut.Link = fmt.Sprintf("%s#L%d-L%d", l.Link, from, max(to, last))
	return cut, true
}

// find returns the function of a in f, and the first and last line that a means.
func (a anchor) find(f *file, src []byte) (fn *ast.FuncDecl, from, to int, err error) {
	for _, d := range f.tree.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && symbol(d) == a.symbol {
			fn = d
		}
	}
	if fn == nil {
		return nil, 0, 0, fmt.Errorf("%s has no %s", a.file, a.symbol)
	}
	if len(a.tokens) == 0 {
		at := f.line(fn.Pos())
		return fn, at, at, nil
	}
	base := f.set.File(fn.Pos())
	words := lex(src, base.Offset(fn.Body.Pos()), base.Offset(fn.Body.End()))
	from = f.line(fn.End())
	for _, t := range a.tokens {
		at := search(words, lex([]byte(t), 0, len(t)))
		if at < 0 {
			return nil, 0, 0, fmt.Errorf("%s has no %q", a.symbol, t)
		}
		stmt := statement(fn, base.Pos(at))
		from = min(from, f.line(stmt.Pos()))
		to = max(to, f.line(stmt.End()-1))
	}
	return fn, from, to, nil
}

// word is a token of Go and its offset.
type word struct {
	text string
	at   int
}

// lex returns the tokens of src between two offsets, without comments.
func lex(src []byte, from, to int) []word {
	set := token.NewFileSet()
	at := set.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(at, src, func(token.Position, string) {}, 0)
	var words []word
	for {
		pos, tok, lit := s.Scan()
		off := at.Offset(pos)
		if tok == token.EOF || off >= to {
			return words
		}
		if off < from || tok == token.SEMICOLON && lit != ";" {
			continue
		}
		if lit == "" {
			lit = tok.String()
		}
		words = append(words, word{lit, off})
	}
}

// search returns the offset of the first occurrence of wanted in words, or -1.
func search(words, wanted []word) int {
	for i := range words {
		rest := words[i:]
		if len(rest) >= len(wanted) && slices.EqualFunc(rest[:len(wanted)], wanted, func(a, b word) bool { return a.text == b.text }) {
			return words[i].at
		}
	}
	return -1
}

// statement returns the innermost statement of fn that contains pos. A case with its body
// counts as one statement. A block does not count as a statement.
func statement(fn *ast.FuncDecl, pos token.Pos) ast.Node {
	var found ast.Node = fn.Body
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if n == nil || pos < n.Pos() || pos >= n.End() {
			return false
		}
		if _, block := n.(*ast.BlockStmt); !block {
			if s, ok := n.(ast.Stmt); ok {
				found = s
			}
		}
		return true
	})
	return found
}
