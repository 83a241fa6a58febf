package reference

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheMapInDocNamesFilesAndTestsThatExist(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "wire/*_test.go", "deflate/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no file is called %s, %v", pattern, err)
		}
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(src)
		}
	}
	lines := regexp.MustCompile(`(?m)^\t§([0-9.]+) +(\S+) +(\S+)$`).FindAllStringSubmatch(f.Doc.Text(), -1)
	if len(lines) < 20 {
		t.Fatalf("the map has %d lines", len(lines))
	}
	for _, line := range lines {
		if _, err := os.Stat(filepath.FromSlash(line[2])); err != nil {
			t.Errorf("§%s: %v", line[1], err)
		}
		if !strings.Contains(tests.String(), "\nfunc "+line[3]+"(") {
			t.Errorf("§%s: no test is called %s", line[1], line[3])
		}
	}
	if n := strings.Count(f.Doc.Text(), "\t§"); n != len(lines) {
		t.Errorf("%d lines of the map have another form", n-len(lines))
	}
}
