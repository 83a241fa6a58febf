package lesson

import (
	"fmt"
	"go/ast"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// Libraries are the folders on this computer with the source of other modules. An empty
// folder means that this computer does not have the source.
type Libraries struct {
	Gorilla string // of gorilla/websocket
	Std     string // GOROOT/src
}

const gorillaPackage = "github.com/gorilla/websocket"

// stdPackages are the packages of the standard library whose source LineListing shows:
// those that read and write a connection for an endpoint.
var stdPackages = map[string]bool{"bufio": true, "io": true, "io/ioutil": true, "net": true, "net/http": true, "net/textproto": true}

// Call is one call of a stack, as package runtime reports it: line of file in the function
// fn of package pkg. file has no folder.
type Call struct {
	Package, Func, File string
	Line                int
}

// goFile matches the name of a source file without a folder.
var goFile = regexp.MustCompile(`^[A-Za-z0-9_]+\.go$`)

// maxSource bounds the size of a source file, in bytes. The longest file of net/http has
// 400 KB.
const maxSource = 4 << 20

// LineListing returns the whole function of c, with the line of c marked. It reads only
// the embedded files of this module, gorilla's module and some packages of the standard
// library. It returns false for any other package or file. If the source of c is not on
// this computer, or differs from the source of this program, the Listing has only a Link.
func LineListing(s *Sites, libs Libraries, c Call) (Listing, bool) {
	if !goFile.MatchString(c.File) || strings.HasSuffix(c.File, "_test.go") || c.Line < 1 {
		return Listing{}, false
	}
	if pkg, ours := strings.CutPrefix(c.Package, "wslab/"); ours {
		f, ok := s.files[path.Join(pkg, c.File)]
		if !ok {
			return Listing{}, false
		}
		l, ok := f.whole(c)
		l.Package = pkg
		return l, ok
	}
	l := Listing{Package: c.Package, File: c.File, Symbol: c.Func, Hot: [2]int{c.Line, c.Line}, Numbers: []int{}, Lines: []line{}}
	dir := ""
	switch {
	case c.Package == gorillaPackage:
		dir = libs.Gorilla
		l.Version, l.Link = gorillaVersion, fmt.Sprintf("https://github.com/gorilla/websocket/blob/%s/%s", gorillaVersion, c.File)
	case stdPackages[c.Package]:
		if libs.Std != "" {
			dir = filepath.Join(libs.Std, filepath.FromSlash(c.Package))
		}
		var release string
		l.Version, release = goVersion()
		l.Link = fmt.Sprintf("https://github.com/golang/go/blob/%s/src/%s/%s", release, c.Package, c.File)
	default:
		return Listing{}, false
	}
	bare := l.Link
	l.Link = fmt.Sprintf("%s#L%d", bare, c.Line)
	if dir == "" {
		return l, true
	}
	src, err := readSource(filepath.Join(dir, c.File))
	if err != nil {
		return l, true
	}
	f, err := parseFile(c.File, src)
	if err != nil {
		return l, true
	}
	whole, ok := f.whole(c)
	if !ok {
		return l, true
	}
	whole.Package, whole.Version = l.Package, l.Version
	whole.Link = fmt.Sprintf("%s#L%d-L%d", bare, whole.Numbers[0], whole.Numbers[len(whole.Numbers)-1])
	return whole, true
}

// goVersion returns the version of Go that compiled this program, and the name of its
// source in Go's repository.
func goVersion() (version, release string) {
	version, _, _ = strings.Cut(runtime.Version(), " ")
	if strings.HasPrefix(version, "go1") {
		return version, version
	}
	return version, "master"
}

func readSource(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSource))
}

// whole returns the function of c in f. It returns false if that line is not in a function
// with that name.
func (f *file) whole(c Call) (Listing, bool) {
	for _, d := range f.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		top, bottom := f.line(fn.Pos()), f.line(fn.End())
		if c.Line < top || c.Line > bottom {
			continue
		}
		// A function literal has the name of its function and a number.
		name := strings.ReplaceAll(c.Func, "[...]", "")
		if !strings.HasPrefix(name+".", symbol(fn)+".") {
			return Listing{}, false
		}
		return f.listing(fn, top, bottom, c.Line, c.Line), true
	}
	return Listing{}, false
}
