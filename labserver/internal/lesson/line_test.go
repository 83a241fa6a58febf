package lesson

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// stdDir returns GOROOT/src of this computer, from the source of a compiled function.
func stdDir(t *testing.T) string {
	t.Helper()
	f := runtime.FuncForPC(reflect.ValueOf(strconv.Itoa).Pointer())
	file, _ := f.FileLine(f.Entry()) // SRC/strconv/itoa.go
	return filepath.Dir(filepath.Dir(file))
}

// lineOf returns the number of the first line of file that has text.
func lineOf(t *testing.T, file, text string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(string(b), "\n") {
		if strings.Contains(l, text) {
			return i + 1
		}
	}
	t.Fatalf("%s has no %s", file, text)
	return 0
}

func TestALineIsShownWithItsWholeFunction(t *testing.T) {
	sites, err := Resolve(Sources)
	if err != nil {
		t.Fatal(err)
	}
	libs := Libraries{Gorilla: gorillaDir(t), Std: stdDir(t)}
	for _, c := range []struct {
		call Call
		link string // part of it; "" for none
	}{
		{Call{gorillaPackage, "(*Conn).advanceFrame", "conn.go", 809}, "conn.go#L"},
		{Call{gorillaPackage, "(*Conn).SetPingHandler.func1", "conn.go", 1167}, "conn.go#L"},
		{Call{"bufio", "(*Reader).fill", "bufio.go", lineOf(t, filepath.Join(libs.Std, "bufio", "bufio.go"), "b.rd.Read(b.buf[b.w:])")}, "golang/go/blob/go1"},
		{Call{"net/http", "(*conn).serve", "server.go", lineOf(t, filepath.Join(libs.Std, "net", "http", "server.go"), "w, err := c.readRequest(ctx)")}, "src/net/http/server.go#L"},
		{Call{"net/textproto", "(*Reader).ReadLine", "reader.go", lineOf(t, filepath.Join(libs.Std, "net", "textproto", "reader.go"), "line, err := r.readLineSlice(-1)")}, "src/net/textproto/"},
		{Call{"wslab/reference", "(*Conn).fill", "connread.go", lineOf(t, "../../../reference/connread.go", ") fill(")}, ""},
		{Call{"wslab/reference/wire", "ParseHeader", "header.go", lineOf(t, "../../../reference/wire/header.go", "func ParseHeader(") + 1}, ""},
	} {
		l, ok := LineListing(sites, libs, c.call)
		if !ok || len(l.Lines) == 0 {
			t.Errorf("%+v is not shown: %t, %+v", c.call, ok, l)
			continue
		}
		if first, last := l.Numbers[0], l.Numbers[len(l.Numbers)-1]; l.Hot != [2]int{c.call.Line, c.call.Line} || first > c.call.Line || last < c.call.Line {
			t.Errorf("%+v: lines %d to %d, and %v are marked", c.call, first, last, l.Hot)
		}
		var text strings.Builder
		for _, x := range l.Lines[0] {
			text.WriteString(x[1])
		}
		name := l.Symbol[strings.LastIndex(l.Symbol, ".")+1:]
		if !strings.HasPrefix(text.String(), "func ") || !strings.Contains(text.String(), name+"(") {
			t.Errorf("%+v: the listing begins with %q", c.call, text.String())
		}
		if !strings.Contains(l.Link, c.link) || (c.link == "") != (l.Link == "") {
			t.Errorf("%+v: the link is %q", c.call, l.Link)
		}
	}
}

func TestOnlyTheSourceOfEndpointsIsShown(t *testing.T) {
	sites, err := Resolve(Sources)
	if err != nil {
		t.Fatal(err)
	}
	libs := Libraries{Gorilla: gorillaDir(t), Std: stdDir(t)}
	for _, c := range []Call{
		{"os", "Open", "file.go", 1},
		{"crypto/tls", "(*Conn).Read", "conn.go", 1},
		{"net/http/httptest", "NewServer", "server.go", 100},
		{"wslab/compare/endpoint", "perform", "actor.go", 30},
		{"wslab/labserver", "main", "main.go", 1},
		{"wslab/reference", "", "nothing.go", 1},
		{"wslab/reference", "(*Conn).fill", "../labserver/main.go", 1},
		{"wslab/", "", "go.mod", 1},
		{"", "", "conn.go", 1},
		{gorillaPackage, "", "../../../../../../etc/passwd", 1},
		{gorillaPackage, "", "/etc/passwd", 1},
		{gorillaPackage, "", `..\conn.go`, 1},
		{gorillaPackage, "", "go.mod", 1},
		{gorillaPackage, "", "conn_test.go", 10},
		{gorillaPackage, "", "", 10},
		{gorillaPackage, "", "conn.go\x00.go", 10},
		{gorillaPackage + "/examples/chat", "main", "main.go", 10},
		{gorillaPackage + "/..", "", "conn.go", 10},
		{gorillaPackage, "(*Conn).read", "conn.go", 0},
		{gorillaPackage, "(*Conn).read", "conn.go", -5},
		{"net/../os", "Open", "file.go", 10},
		{"net/", "Dial", "dial.go", 10},
	} {
		if l, ok := LineListing(sites, libs, c); ok {
			t.Errorf("%+v is shown: %d lines of %s", c, len(l.Lines), l.File)
		}
	}
}

func TestALineWithoutItsSourceHasALink(t *testing.T) {
	sites, err := Resolve(Sources)
	if err != nil {
		t.Fatal(err)
	}
	gorilla, std := gorillaDir(t), stdDir(t)
	other := t.TempDir() // another version of gorilla: the function is elsewhere
	if err := os.WriteFile(filepath.Join(other, "conn.go"), []byte("package websocket\n\nfunc (c *Conn) read(n int) ([]byte, error) {\n\treturn nil, nil\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "conn.go"), []byte("not Go"), 0o644); err != nil {
		t.Fatal(err)
	}
	reading := Call{gorillaPackage, "(*Conn).advanceFrame", "conn.go", 809}
	for _, c := range []struct {
		what string
		libs Libraries
		call Call
		link string
	}{
		{"no source", Libraries{}, reading, "https://github.com/gorilla/websocket/blob/" + gorillaVersion + "/conn.go#L809"},
		{"an empty folder", Libraries{Gorilla: t.TempDir()}, reading, "/conn.go#L809"},
		{"a folder that does not exist", Libraries{Gorilla: filepath.Join(other, "none")}, reading, "/conn.go#L809"},
		{"another version", Libraries{Gorilla: other}, reading, "/conn.go#L809"},
		{"a broken file", Libraries{Gorilla: broken}, reading, "/conn.go#L809"},
		{"another function at that line", Libraries{Gorilla: gorilla}, Call{gorillaPackage, "(*Conn).write", "conn.go", 809}, "/conn.go#L809"},
		{"a line after the end", Libraries{Gorilla: gorilla}, Call{gorillaPackage, "(*Conn).write", "conn.go", 1 << 40}, "/conn.go#L"},
		{"a file that does not exist", Libraries{Std: std}, Call{"net/http", "f", "none.go", 1}, "/src/net/http/none.go#L1"},
		{"no standard library", Libraries{}, Call{"bufio", "(*Reader).fill", "bufio.go", 113}, "https://github.com/golang/go/blob/"},
	} {
		l, ok := LineListing(sites, c.libs, c.call)
		if !ok || len(l.Lines) != 0 || !strings.Contains(l.Link, c.link) || l.Lines == nil || l.Numbers == nil {
			t.Errorf("%s: %t, %+v", c.what, ok, l)
		}
	}
}
