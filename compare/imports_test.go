package main

import (
	"fmt"
	"go/build"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// allowed lists, for each package of the module, the packages that it and its tests may
// import, from this module and from others. All may import the standard library. A path
// that ends in /... means all packages below it.
var allowed = map[string][]string{
	"reference/uri":          nil,
	"reference/wire":         {"reference/uri"},
	"reference/dissect":      {"reference/wire", "reference/recognize"},
	"reference":              {"reference/uri", "reference/deflate", "reference/wire"},
	"reference/deflate":      nil,
	"reference/naive":        nil, // it shares nothing with those who do it right
	"reference/naive/mended": nil,
	"compare/tap":            nil,
	"compare/sse":            nil,
	"compare/stream":         {"reference/wire"},
	"compare/tcptest":        nil,
	"compare/recording":      {"reference/wire", "reference/dissect", "compare/tap"},
	"compare/scenario":       {"reference/wire", "reference/dissect", "compare/tap", "compare/recording"},
	"compare/endpoint":       {"reference", "reference/naive", "reference/wire", "reference/recognize", "reference/dissect", "compare/tap", "compare/recording", "compare/scenario", gorillaModule},
	// What a text or some bytes are.
	"reference/recognize": {"reference/wire"},
	// The suite, from below: the words of a case (spec), the cases, the transcript, the
	// verdict, the mistakes, the engine (play). Authors of cases only need spec.
	"compare/suite/spec":          {"reference/wire", "reference/dissect", "compare/recording"},
	"compare/suite/cases/opening": {"reference/wire", "compare/suite/spec"},
	"compare/suite/cases/frames":  {"reference/wire", "compare/suite/spec"},
	"compare/suite/cases/deflate": {"reference/wire", "compare/suite/spec"},
	"compare/suite/cases":         {"reference/wire", "compare/suite/spec", "compare/suite/cases/..."},
	"compare/suite/transcript":    {"reference/wire", "reference/dissect", "compare/tap", "compare/recording", "compare/suite/spec"},
	"compare/suite/verdict":       {"reference/wire", "reference/dissect", "compare/tap", "compare/recording", "compare/suite/spec", "compare/suite/transcript"},
	"compare/suite/mistakes":      {"reference/wire", "reference/recognize", "compare/suite/spec", "compare/suite/transcript", "compare/suite/verdict"},
	"compare/suite/play":          {"reference/wire", "reference/recognize", "reference/dissect", "compare/stream", "compare/tap", "compare/recording", "compare/suite/spec", "compare/suite/transcript"},
	"compare/suite":               {"reference/wire", "reference/recognize", "reference/dissect", "compare/tap", "compare/recording", "compare/suite/..."},
	"compare/runner":              {"reference/wire", "reference/dissect", "compare/tap", "compare/recording", "compare/scenario", "compare/endpoint", "compare/suite", "compare/suite/spec"},
	"compare/browser":             {"reference/wire", "reference/dissect", "compare/sse", "compare/tap", "compare/recording", "compare/scenario", "compare/endpoint", "compare/runner"},
	"compare/headers":             {"reference/wire", "compare/stream", "compare/endpoint"},
	"compare/bugs":                {"reference/naive", "reference/naive/mended", "reference/wire", "reference/dissect", "compare/recording", "compare/endpoint"},
	"compare/outputs":             nil,
	"compare":                     {"reference/wire", "reference/uri", "reference/dissect", "compare/...", "lessons"},
	"lessons":                     nil,
	"static":                      nil,
	"labserver/internal/lesson": {
		"reference", "reference/naive", "reference/wire", "reference/dissect", "compare/...", "labserver/internal/doors", "lessons", goldmarkModule,
	},
	// Tests in real browsers.
	"labserver/internal/browsertest": {"compare/endpoint", "labserver/internal/program", chromedpModule, "github.com/chromedp/cdproto/...", goleakModule},
	// The lab server shows the source of package reference, which that embeds.
	"labserver/...": {"reference", "reference/uri", "reference/recognize", "reference/naive", "reference/wire", "reference/dissect", "compare/...", "lessons", "static", "labserver/internal/..."},
}

// allowedInTests is what the tests of a package may import besides.
var allowedInTests = map[string][]string{
	"reference":                 {"reference/dissect"}, // the second reader judges what the first wrote
	"reference/naive":           {"reference", "reference/wire", goleakModule},
	"reference/naive/mended":    {"reference/wire"},
	"compare/bugs":              {"compare/runner", "compare/scenario", "compare/suite", "compare/suite/spec", "compare/tap", "lessons"},
	"compare/runner":            {"reference", "reference/naive", "compare/tcptest", "lessons"},
	"compare/scenario":          {"lessons"},
	"compare/suite":             {"compare/tcptest"},
	"compare/suite/mistakes":    {"compare/suite/cases"},
	"compare/suite/play":        {"compare/suite/cases"},
	"compare/suite/verdict":     {"compare/suite/cases"},
	"labserver/internal/lesson": {"static"},
	"labserver/...":             {chromedpModule, "github.com/chromedp/cdproto/...", gorillaModule}, // a client that is not ours
}

const (
	gorillaModule  = "github.com/gorilla/websocket"
	goldmarkModule = "github.com/yuin/goldmark/..."
	chromedpModule = "github.com/chromedp/chromedp/..."
	goleakModule   = "go.uber.org/goleak"
)

// covers reports whether the pattern means path.
func covers(pattern, path string) bool {
	root, all := strings.CutSuffix(pattern, "/...")
	return path == root || all && strings.HasPrefix(path, root+"/")
}

// find returns the entry of rules for the package dir, the longest that covers
// it.
func find(rules map[string][]string, dir string) (entry string, ok bool) {
	for pattern := range rules {
		if covers(pattern, dir) && (!ok || len(pattern) > len(entry)) {
			entry, ok = pattern, true
		}
	}
	return entry, ok
}

func TestImportsRunDownwardOnly(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if path != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules") {
			return fs.SkipDir
		}
		pkg, err := build.ImportDir(path, build.IgnoreVendor)
		if _, empty := err.(*build.NoGoError); empty {
			return nil
		}
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		seen[dir] = true
		checkImports(t, dir, pkg.Imports, allowed)
		for _, path := range pkg.Imports {
			if strings.HasPrefix(path, "wslab/") && strings.HasSuffix(path, "test") {
				t.Errorf("%s imports %s, which is for tests only", dir, path)
			}
		}
		inTests := append(slices.Clone(pkg.TestImports), pkg.XTestImports...)
		both := map[string][]string{}
		if entry, ok := find(allowed, dir); ok {
			both[dir] = append(append(slices.Clone(allowed[entry]), goleakModule, dir), testsOf(dir)...)
		}
		checkImports(t, dir+" (its tests)", inTests, map[string][]string{dir + " (its tests)": both[dir]})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range allowed {
		if !strings.HasSuffix(dir, "/...") && !seen[dir] {
			t.Errorf("the package %s is in the list of who may import what, and not in the module: is the list stale?", dir)
		}
	}
}

// testsOf returns what the tests of dir may import besides.
func testsOf(dir string) []string {
	entry, _ := find(allowedInTests, dir)
	return allowedInTests[entry]
}

// checkImports fails for each of imports that rules do not allow to dir.
func checkImports(t *testing.T, dir string, imports []string, rules map[string][]string) {
	t.Helper()
	entry, ok := find(rules, dir)
	if !ok {
		t.Errorf("%s is a package that nothing says about what it may import: put it into compare/imports_test.go, on the floor where it belongs", dir)
		return
	}
	for _, path := range imports {
		ours, isOurs := strings.CutPrefix(path, "wslab/")
		first, _, _ := strings.Cut(path, "/")
		if !isOurs && !strings.Contains(first, ".") {
			continue // the standard library
		}
		if !slices.ContainsFunc(rules[entry], func(pattern string) bool { return covers(pattern, ours) }) {
			t.Errorf("%s imports %s. %s", dir, path, mayImport(rules[entry]))
		}
	}
}

func mayImport(list []string) string {
	if len(list) == 0 {
		return "It may import the standard library alone."
	}
	return fmt.Sprintf("Besides the standard library it may import only %s: imports run downward.", strings.Join(list, ", "))
}
