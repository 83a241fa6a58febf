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

	"wslab/compare/endpoint"
	"wslab/reference"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

// SourceSet has the Go files that sites may name, by the path of their package in the
// module: "reference/wire" has header.go and others.
type SourceSet map[string]fs.FS

// Sources are the files of this module that lessons and fields may name.
var Sources = SourceSet{"reference": reference.Source, "reference/naive": naive.Source, "reference/wire": wire.Source, "compare/endpoint": endpoint.DoorSource}

// Sites finds places in the source by name. The name of a site is a package, a function or
// method, and optionally a region in its body between the comments //lesson:begin NAME and
// //lesson:end:
//
//	wire.ParseHeader#mask
//	reference.(*Machine).receiveFrame
//
// Sites is read-only, so any number of goroutines may use it.
type Sites struct {
	places map[string]place
	files  map[string]*file // by path
}

// place is a resolved site.
type place struct {
	file *file
	pkg  string // "reference/wire"
	fn   *ast.FuncDecl
	from int  // first line of the region, or of the signature if there is no region
	to   int  // last line of the region
	all  bool // the site is the whole function
}

// file is one parsed source file, shared by the places in it.
type file struct {
	path  string // "reference/wire/header.go"
	lines []line // all lines, with colors; [0] is line 1
	set   *token.FileSet
	tree  *ast.File
}

// Resolve reads every file of set and finds its sites. Its error is Problems with each
// file that is not Go, and each misplaced marker.
func Resolve(set SourceSet) (*Sites, error) {
	s := &Sites{places: map[string]place{}, files: map[string]*file{}}
	var ps Problems
	for pkg, files := range set {
		names, err := fs.Glob(files, "*.go")
		if err != nil || len(names) == 0 {
			ps.add(pkg, 1, "the program embeds no Go file of this package. Embed the files that lessons show")
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
				ps.add(path.Join(pkg, name), 1, "this is not Go: %v", err)
				continue
			}
			s.files[f.path] = f
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
	return &file{path: path, lines: color(src), set: set, tree: tree}, nil
}

func (f *file) line(p token.Pos) int { return f.set.Position(p).Line }

// index adds the functions of f and their regions.
func (s *Sites) index(pkg string, f *file, ps *Problems) {
	alias := path.Base(pkg)
	for _, d := range f.tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			s.places[alias+"."+symbol(fn)] = place{
				file: f, pkg: pkg, fn: fn, from: f.line(fn.Pos()), to: f.line(fn.Pos()), all: true,
			}
		}
	}

	var open string // name of the region that is still open
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
				ps.add(f.path, at, "a lesson marker is outside a function. Move it into the body")
			case verb == "begin" && open != "":
				ps.add(f.path, at, "region %q begins inside region %q. Write //lesson:end before it", name, open)
			case verb == "begin" && name == "":
				ps.add(f.path, at, "a region needs a name. Write //lesson:begin NAME")
			case verb == "begin":
				open, begun, in = name, at+1, fn
			case verb == "end" && (open == "" || in != fn):
				ps.add(f.path, at, "//lesson:end has no begin. Write //lesson:begin NAME before it")
			case verb == "end":
				key := alias + "." + symbol(fn) + "#" + open
				if _, ok := s.places[key]; ok {
					ps.add(f.path, at, "this function already has a region %q. Choose another name", open)
				}
				s.places[key] = place{file: f, pkg: pkg, fn: fn, from: begun, to: at - 1}
				open = ""
			default:
				ps.add(f.path, at, "lesson:%s is not a marker. Write lesson:begin NAME or lesson:end", verb)
			}
		}
	}
	if open != "" {
		ps.add(f.path, begun-1, "region %q has no end. Write //lesson:end after it", open)
	}
}

// marker parses the comment //lesson:VERB NAME.
func marker(comment string) (verb, name string, ok bool) {
	rest, ok := strings.CutPrefix(comment, "//lesson:")
	verb, name, _ = strings.Cut(rest, " ")
	return verb, strings.TrimSpace(name), ok
}

// enclosing returns the function whose body contains pos, or nil.
func enclosing(tree *ast.File, pos token.Pos) *ast.FuncDecl {
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && fn.Body.Pos() < pos && pos < fn.Body.End() {
			return fn
		}
	}
	return nil
}

// symbol returns the name of fn in a site: "ParseHeader", "Header.Size", "(*Conn).Read".
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

// Has reports whether site exists.
func (s *Sites) Has(site string) bool {
	_, ok := s.places[site]
	return ok
}

// Names returns all sites, sorted.
func (s *Sites) Names() []string {
	return slices.Sorted(maps.Keys(s.places))
}

// Listing returns the lines of site, and a few lines of the same function around them. Its
// error names similar sites.
func (s *Sites) Listing(site string) (Listing, error) {
	p, ok := s.places[site]
	if !ok {
		return Listing{}, fmt.Errorf("there is no site %.40q. %s", site, s.advise(site))
	}
	first, last := p.from, p.to
	if p.all {
		last = p.file.line(p.fn.End())
	}
	l := p.file.listing(p.fn, first, last, p.from, p.to)
	l.Package = p.pkg
	return l, nil
}

// advise names sites with a name like that of site, which does not exist.
func (s *Sites) advise(site string) string {
	if near := nearest(site, s.Names()); near != "" {
		return fmt.Sprintf("Did you mean %s?", near)
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
		return "Its regions are " + list(regions)
	case s.Has(fn):
		return fn + " has no region with that name"
	}
	return "Write package.Function#region, for instance wire.ParseHeader#mask"
}
