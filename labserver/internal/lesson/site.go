package lesson

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"wslab/reference"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

// SourceSet holds the Go files that sites may name, by the import path of
// their package below the module: "reference/wire" holds header.go and others.
type SourceSet map[string]fs.FS

// Sources are those of this module that lessons and bits lead to.
var Sources = SourceSet{"reference": reference.Source, "reference/naive": naive.Source, "reference/wire": wire.Source}

// Sites resolves names of places in the source. A site is a package, a
// function or method and, where it has one, a region marked in its body with
// the comments //lesson:begin NAME and //lesson:end:
//
//	wire.ParseHeader#mask
//	reference.(*Machine).receiveFrame
//
// Sites is read-only once made, so any number of goroutines may use it.
type Sites struct {
	places map[string]place
}

// place is a resolved site.
type place struct {
	file *file
	pkg  string // "reference/wire"
	fn   *ast.FuncDecl
	from int // first line of the region; of the signature where there is none
	to   int // last line of the region
	all  bool
}

// file is one parsed source file, shared by the places in it.
type file struct {
	path  string // "reference/wire/header.go"
	lines []line // all of its lines, coloured; [0] is line 1
	set   *token.FileSet
	tree  *ast.File
}

// Resolve reads every file of set and finds the sites in it. Its error names
// each file that is not Go and each marker that is out of place.
func Resolve(set SourceSet) (*Sites, error) {
	s := &Sites{places: map[string]place{}}
	var ps Problems
	for pkg, files := range set {
		names, err := fs.Glob(files, "*.go")
		if err != nil || len(names) == 0 {
			ps.add(pkg, 1, "no Go file is embedded here; embed those that lessons show")
			continue
		}
		for _, name := range names {
			src, err := fs.ReadFile(files, name)
			if err != nil {
				ps.add(path.Join(pkg, name), 1, "cannot be read: %v", err)
				continue
			}
			f, err := parseFile(path.Join(pkg, name), src)
			if err != nil {
				ps.add(path.Join(pkg, name), 1, "is not Go: %v", err)
				continue
			}
			s.index(pkg, f, &ps)
		}
	}
	return s, ps.err()
}

func parseFile(path string, src []byte) (*file, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, path, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &file{path: path, lines: colour(src), set: set, tree: tree}, nil
}

func (f *file) line(p token.Pos) int { return f.set.Position(p).Line }

// index enters the functions of f and the regions in them.
func (s *Sites) index(pkg string, f *file, ps *Problems) {
	alias := path.Base(pkg)
	for _, d := range f.tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			s.places[alias+"."+symbol(fn)] = place{
				file: f, pkg: pkg, fn: fn, from: f.line(fn.Pos()), to: f.line(fn.Pos()), all: true,
			}
		}
	}

	var open string // name of the region that has begun
	var begun int
	var in *ast.FuncDecl
	for _, group := range f.tree.Comments {
		for _, c := range group.List {
			verb, name, ok := marker(c.Text)
			if !ok {
				continue
			}
			at := f.line(c.Pos())
			fn := enclosing(f.tree, c.Pos())
			switch {
			case fn == nil:
				ps.add(f.path, at, "a lesson marker stands outside a function; move it into the body")
			case verb == "begin" && open != "":
				ps.add(f.path, at, "region %q begins inside region %q; end that first with //lesson:end", name, open)
			case verb == "begin" && name == "":
				ps.add(f.path, at, "a region needs a name; write //lesson:begin NAME")
			case verb == "begin":
				open, begun, in = name, at+1, fn
			case verb == "end" && (open == "" || in != fn):
				ps.add(f.path, at, "//lesson:end ends nothing; write //lesson:begin NAME before it")
			case verb == "end":
				key := alias + "." + symbol(fn) + "#" + open
				if _, ok := s.places[key]; ok {
					ps.add(f.path, at, "region %q is already in this function; choose another name", open)
				}
				s.places[key] = place{file: f, pkg: pkg, fn: fn, from: begun, to: at - 1}
				open = ""
			default:
				ps.add(f.path, at, "lesson:%s is no marker; write lesson:begin NAME or lesson:end", verb)
			}
		}
	}
	if open != "" {
		ps.add(f.path, begun-1, "region %q does not end; write //lesson:end after it", open)
	}
}

// marker takes the comment //lesson:VERB NAME apart.
func marker(comment string) (verb, name string, ok bool) {
	rest, ok := strings.CutPrefix(comment, "//lesson:")
	verb, name, _ = strings.Cut(rest, " ")
	return verb, strings.TrimSpace(name), ok
}

// enclosing returns the function whose body holds pos, or nil.
func enclosing(tree *ast.File, pos token.Pos) *ast.FuncDecl {
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && fn.Body.Pos() < pos && pos < fn.Body.End() {
			return fn
		}
	}
	return nil
}

// symbol names fn as a site does: "ParseHeader", "Header.Size", "(*Conn).Read".
func symbol(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	star, pointer := t.(*ast.StarExpr)
	if pointer {
		t = star.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	name := "?"
	if id, ok := t.(*ast.Ident); ok {
		name = id.Name
	}
	if pointer {
		name = "(*" + name + ")"
	}
	return name + "." + fn.Name.Name
}

// Has reports whether site resolves.
func (s *Sites) Has(site string) bool {
	_, ok := s.places[site]
	return ok
}

// Names returns every site there is, sorted.
func (s *Sites) Names() []string {
	return slices.Sorted(maps.Keys(s.places))
}

// Listing returns the lines that site names with a few around them, all of the
// same function. Its error says what is near, for a site is typed by hand.
func (s *Sites) Listing(site string) (Listing, error) {
	p, ok := s.places[site]
	if !ok {
		return Listing{}, fmt.Errorf("there is no site %.40q; %s", site, s.advise(site))
	}
	first, last := p.from, p.to
	if p.all {
		last = p.file.line(p.fn.End())
	}
	l := p.file.listing(p.fn, first, last, p.from, p.to)
	l.Package = p.pkg
	return l, nil
}

// advise says which sites are like the one that does not exist.
func (s *Sites) advise(site string) string {
	if near := nearest(site, s.Names()); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	fn, _, _ := strings.Cut(site, "#")
	var regions []string
	for _, n := range s.Names() {
		if strings.HasPrefix(n, fn+"#") {
			regions = append(regions, n)
		}
	}
	switch {
	case len(regions) > 0:
		return "the regions there are " + list(regions)
	case s.Has(fn):
		return fn + " has no region"
	}
	return "write package.Function#region, as wire.ParseHeader#mask"
}
