package static

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"
)

func TestEveryImportOfAServedFileIsServed(t *testing.T) {
	patterns := []*regexp.Regexp{
		regexp.MustCompile(`(?m)^(?:import|export) [^;]*?from "(\.[^"]+)";`),
		regexp.MustCompile(`(?:=> |await )import\("(\.[^"]+)"\)`),
		regexp.MustCompile(`@import url\("([^"]+)"\)`),
	}
	found := 0
	err := fs.WalkDir(Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(Files, name)
		if err != nil {
			return err
		}
		for _, p := range patterns {
			for _, m := range p.FindAllStringSubmatch(string(text), -1) {
				found++
				if _, err := fs.Stat(Files, path.Join(path.Dir(name), m[1])); err != nil {
					t.Errorf("%s imports %s, which is not embedded: %v", name, m[1], err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 40 {
		t.Errorf("only %d imports were found; the patterns no longer fit the files", found)
	}
}

func TestNothingOfThePageIsInlineOrFromElsewhere(t *testing.T) {
	bad := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|style="|@import url\("http|src="http`)
	err := fs.WalkDir(Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(Files, name)
		if err != nil {
			return err
		}
		if m := bad.Find(text); m != nil {
			t.Errorf("%s has %q, which the page's policy forbids", name, m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// needs names the block of a lesson that makes the page load an element, where the
// two are not called alike.
var needs = map[string]string{"ends": "play", "scenario": "do"}

func TestAFirstVisitOfALessonIsSmallOnTheWire(t *testing.T) {
	element := regexp.MustCompile(`(?m)^  "ws-([a-z-]+)": \(\) => import\("(\.[^"]+)"\)`)
	block := regexp.MustCompile("(?m)^```([a-z]+)")
	app, err := fs.ReadFile(Files, "app.js")
	if err != nil {
		t.Fatal(err)
	}
	lessons, err := filepath.Glob("../lessons/[0-9]*.md")
	if err != nil || len(lessons) == 0 {
		t.Fatalf("no lessons: %v", err)
	}
	for _, lesson := range lessons {
		text, err := os.ReadFile(lesson)
		if err != nil {
			t.Fatal(err)
		}
		has := map[string]bool{}
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			has[cmp.Or(needs[m[1]], m[1])] = true
		}
		queue := []string{"theme.js", "icon.svg", "css/wslab.css", "app.js"}
		for _, m := range element.FindAllStringSubmatch(string(app), -1) {
			if has[m[1]] {
				queue = append(queue, path.Clean(m[2]))
			}
		}
		sum, files := loads(t, queue)
		t.Logf("%s: %d files, compressed: %d bytes", filepath.Base(lesson), files, sum)
		if sum > 138_000 { // a text takes 9 KB at most
			t.Errorf("%s loads %d bytes compressed; at most 138,000 leave room for its text in 150 KB", lesson, sum)
		}
		if files < 30 {
			t.Errorf("only %d files are found to be loaded by %s; the patterns no longer fit the files", files, lesson)
		}
	}
}

// loads returns the compressed size of the files in queue and of all that they
// import, and how many files those are.
func loads(t *testing.T, queue []string) (sum, files int) {
	t.Helper()
	static := regexp.MustCompile(`(?m)^(?:import|export) [^;]*?from "(\.[^"]+)";|@import url\("([^"]+)"\)`)
	loaded := map[string]bool{}
	for ; len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if loaded[name] {
			continue
		}
		loaded[name] = true
		text, err := fs.ReadFile(Files, name)
		if err != nil {
			t.Fatal(err)
		}
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		if _, err := z.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		sum += zipped.Len()
		for _, m := range static.FindAllStringSubmatch(string(text), -1) {
			queue = append(queue, path.Join(path.Dir(name), cmp.Or(m[1], m[2])))
		}
	}
	return sum, len(loaded)
}

func TestFilesForDevelopersAreNotServed(t *testing.T) {
	for _, name := range []string{"static.go", "types.js", "tsconfig.json", "test"} {
		if _, err := fs.Stat(Files, name); err == nil {
			t.Errorf("%s is embedded", name)
		}
	}
}
