package lesson

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wslab/compare/endpoint"
	"wslab/lessons"
)

func TestAStackBlockHasTheMessageOfItsKeys(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		{"", `{"send":130,"reads":1,"find":0}`},
		{"send: 5\nreads: 2", `{"send":5,"reads":2,"find":0}`},
		{"send: 65536\nreads: 0\nfind: 2", `{"send":65536,"reads":0,"find":2}`},
	} {
		html, err := drawn(t, "stack\n"+c.keys)
		if err != nil || !strings.Contains(html, "<ws-stack data-stack='"+c.want+"'>") {
			t.Errorf("%q is drawn as %s, %v; want %s", c.keys, html, err, c.want)
		}
	}
}

func TestAStackBlockNamesANumberThatItCannotUse(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		{"send: many", `send is "many". Write a whole number from 0 to 1000`},
		{"send: 1001", `send is "1001". Write a whole number from 0 to 1000`},
		{"send: 65537\nreads: 0", `send is "65537". Write a whole number from 0 to 65536`},
		{"reads: -1", `reads is "-1". Write a whole number from 0 to 1000`},
		{"find: 5", `find is "5". Write a whole number from 0 to 4`},
		{"sends: 5", `sends`},
	} {
		if _, err := drawn(t, "stack\n"+c.keys); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %s", c.keys, err, c.want)
		}
	}
}

// TestTheNamesInLesson11AreInGorillasSource holds each name of a function or type that
// the text types against the source on this computer.
func TestTheNamesInLesson11AreInGorillasSource(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(filepath.Dir(endpoint.GorillaSource()), "*.go"))
	if err != nil || len(files) == 0 {
		t.Skip("gorilla's source is not on this computer")
	}
	names := map[string]bool{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				names[n.Name.Name] = true
			case *ast.TypeSpec:
				names[n.Name.Name] = true
			case *ast.Field:
				for _, name := range n.Names {
					names[name.Name] = true
				}
			}
			return true
		})
	}
	text, err := fs.ReadFile(lessons.Files, "11-gorilla.md")
	if err != nil {
		t.Fatal(err)
	}
	others := map[string]bool{"Connection": true, "Host": true, "Origin": true, "bufio": true, "true": true}
	checked := 0
	for _, m := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(string(text), -1) {
		if others[m[1]] {
			continue
		}
		checked++
		if !names[m[1]] {
			t.Errorf("the lesson names %s, which gorilla's source does not have", m[1])
		}
	}
	if checked < 20 {
		t.Errorf("only %d names were checked", checked)
	}
}
