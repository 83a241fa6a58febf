package session

import (
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/labserver/internal/lesson"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// callGraph maps the name of a function, "PACKAGE SYMBOL", to the functions that it calls
// by name. Calls of interfaces and of function values are not in it.
type callGraph map[string][]string

// sources type-checks packages of this module from their source, and reads the others
// from the build cache.
type sources struct {
	graph   callGraph
	checked map[string]*types.Package
	rest    types.Importer
}

func (s sources) Import(pkg string) (*types.Package, error) {
	if ours, ok := strings.CutPrefix(pkg, "wslab/"); ok {
		return s.add(pkg, filepath.Join("..", "..", "..", ours))
	}
	return s.rest.Import(pkg)
}

// add adds the functions of package pkg, whose source is in dir, to the graph.
func (s sources) add(pkg, dir string) (*types.Package, error) {
	if p := s.checked[pkg]; p != nil {
		return p, nil
	}
	set := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("%s has no source: %v", dir, err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	// A file for another system does not fit, so errors are ignored.
	config := types.Config{Importer: s, Error: func(error) {}}
	p, _ := config.Check(pkg, set, files, info)
	s.checked[pkg] = p
	for _, f := range files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			caller := nameOf(info.Defs[fn.Name])
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					if callee := nameOf(info.Uses[id]); callee != "" {
						s.graph[caller] = append(s.graph[caller], callee)
					}
				}
				return true
			})
		}
	}
	return p, nil
}

// nameOf returns "PACKAGE SYMBOL" for a function, and "" for any other object.
func nameOf(o types.Object) string {
	fn, ok := o.(*types.Func)
	if !ok || fn.Pkg() == nil {
		return ""
	}
	symbol := fn.Name()
	if r := fn.Signature().Recv(); r != nil {
		t, star := r.Type(), false
		if p, ok := t.(*types.Pointer); ok {
			t, star = p.Elem(), true
		}
		named, ok := t.(*types.Named)
		if !ok {
			return ""
		}
		symbol = named.Obj().Name() + "." + symbol
		if star {
			symbol = "(*" + named.Obj().Name() + ")." + fn.Name()
		}
	}
	return fn.Pkg().Path() + " " + symbol
}

// leads reports whether a call of from can lead to a call of to.
func (g callGraph) leads(from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for _, callee := range g[from] {
		if g.leads(callee, to, seen) {
			return true
		}
	}
	return false
}

// onStack reports whether the function called name, "PACKAGE SYMBOL", is on st.
func onStack(st *recording.Stack, name string) bool {
	for _, c := range st.List() {
		if c.Package+" "+c.Func == name {
			return true
		}
	}
	return false
}

// inHex returns a frame of a client as hex. first is its first byte.
func inHex(first byte, payload string) string {
	h := wire.Header{Fin: first&0x80 != 0, Opcode: wire.Opcode(first & 15), Masked: true, Key: scenario.SampleMask,
		Form: wire.FormFor(uint64(len(payload))), Length: uint64(len(payload))}
	b := append(h.Append(nil), payload...)
	wire.Mask(h.Key, 0, b[h.Size():])
	return hex.EncodeToString(b)
}

// A site names the lines that read a bit. Each frame is sent one byte at a time, and the
// stack of the Read of each byte shows whose lines can do that: the function of the site
// is on this stack, or a function on the stack calls it.
func TestTheSiteOfEachBitIsInAFunctionThatReadsIt(t *testing.T) {
	t.Parallel()
	gorillaDir := filepath.Dir(endpoint.GorillaSource())
	const gorilla, reference = "github.com/gorilla/websocket", "wslab/reference"
	graph := callGraph{}
	from := sources{graph, map[string]*types.Package{}, importer.Default()}
	for pkg, dir := range map[string]string{gorilla: gorillaDir, reference: "../../../reference"} {
		if _, err := from.add(pkg, dir); err != nil {
			t.Fatal(err)
		}
	}
	if !graph.leads(gorilla+" (*Conn).ReadMessage", gorilla+" (*Conn).advanceFrame", map[string]bool{}) || len(graph[reference+" (*Conn).advance"]) == 0 {
		t.Fatal("the graph of calls is not complete")
	}
	sites, err := lesson.Resolve(lesson.Sources)
	if err != nil {
		t.Fatal(err)
	}
	// Gorilla unmasks a payload in a function of its own, after the Read.
	called := map[string]bool{"reference.(*Machine).receivePayload#unmask": true}
	frames := []string{
		inHex(0x01, "Hel"), inHex(0x89, "ping"), inHex(0x80, "lo"), // fragments, and a Ping between them
		inHex(0x82, strings.Repeat("\x00", 130)),
		inHex(0x81, "é"),
		inHex(0x8a, ""),
	}
	huge := inHex(0x82, strings.Repeat("\x00", 1<<16))
	checked, same := map[string]bool{}, map[string]bool{}
	for _, name := range []string{"reference", "gorilla"} {
		for _, sent := range [][]string{append(frames, inHex(0x88, "\x03\xe8bye")), {huge}, {inHex(0x88, "\x03\xe8")}} {
			l := start(t)
			s := l.session()
			l.ok(s.Stack(true, nil))
			l.open(s, "a", name)
			l.ok(s.Sip(1, nil))
			for _, f := range sent {
				l.send(s, "a", f)
			}
			if len(sent) == 1 && sent[0] == huge {
				l.await(s, "the header and more are read", func(e recording.Event) bool {
					st, ok := e.Body.(*recording.Stack)
					return ok && st.Op == recording.StackRead && st.Size == 1 && len(stacks(s, "a")) > 20
				})
				l.ok(s.Sip(0, nil))
				l.await(s, "the message is echoed", func(e recording.Event) bool {
					m, ok := e.Body.(*recording.Message)
					return ok && e.From == "server" && m.Size == 1<<16
				})
			} else {
				l.await(s, "the server closes", of("a", s, tcp("closed")))
			}
			read := map[int64]*recording.Stack{}
			for _, st := range stacks(s, "a") {
				if st.Op == recording.StackRead && st.Size == 1 {
					read[st.At] = st
				}
			}
			for _, e := range all(s) {
				f, ok := e.Body.(*dissect.Frame)
				if !ok || e.From != wire.Client.String() {
					continue
				}
				for _, fd := range f.Fields() {
					if fd.Site == "" {
						t.Errorf("%s has no site", fd.Name)
						continue
					}
					for _, bit := range []uint64{fd.Bit, fd.Bit + fd.Bits - 1} {
						st := read[int64(f.Offset+bit/8)]
						if st == nil {
							if bit < 14*8 {
								t.Errorf("%s: no stack shows who reads bit %d of a frame", name, bit)
							}
							continue // after the limit of stacks
						}
						checked[name+" "+fd.Site] = true
						if once := name + fd.Site + text(st); same[once] {
							continue
						} else {
							same[once] = true
						}
						if name == "gorilla" {
							g, ok := lesson.GorillaListing(gorillaDir, fd.Site)
							if !ok {
								continue // gorilla has no counterpart
							}
							want := gorilla + " " + g.Symbol
							if !onStack(st, want) && !(called[fd.Site] && anyLeads(graph, st, want)) {
								t.Errorf("gorilla: %s of a %s frame (%s) is read by%s\nwant %s", fd.Name, f.Header.Opcode, fd.Site, text(st), g.Symbol)
							}
							continue
						}
						place, err := sites.Listing(fd.Site)
						l.ok(err)
						if want := "wslab/" + place.Package + " " + place.Symbol; !anyLeads(graph, st, want) {
							t.Errorf("reference: %s of a %s frame (%s) is read by%s\nwhich does not lead to %s", fd.Name, f.Header.Opcode, fd.Site, text(st), want)
						}
					}
				}
			}
		}
	}
	for _, site := range dissect.Sites {
		for _, name := range []string{"reference", "gorilla"} {
			// Only a server's text is not masked, and a server does not read it.
			if site != "wire.(*UTF8).check#utf8" && !checked[name+" "+site] {
				t.Errorf("no bit of this run has the site %s at %s", site, name)
			}
		}
	}
}

// anyLeads reports whether a function on st is or leads to the function called name.
func anyLeads(g callGraph, st *recording.Stack, name string) bool {
	for _, c := range st.List() {
		if g.leads(c.Package+" "+c.Func, name, map[string]bool{}) {
			return true
		}
	}
	return false
}
