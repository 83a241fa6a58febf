package static

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"path"
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

func TestFilesOfThePageAreSmallOnTheWire(t *testing.T) {
	var all bytes.Buffer
	z := gzip.NewWriter(&all)
	err := fs.WalkDir(Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(Files, name)
		if err != nil {
			return err
		}
		if _, err := z.Write(text); err != nil {
			return err
		}
		return z.Flush()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("all files together, compressed: %d octets", all.Len())
	if all.Len() > 100_000 {
		t.Errorf("all files together are %d octets compressed; at most 100,000 leave room for a lesson in 150 KB", all.Len())
	}
}

func TestFilesForDevelopersAreNotServed(t *testing.T) {
	for _, name := range []string{"static.go", "types.js", "tsconfig.json", "test"} {
		if _, err := fs.Stat(Files, name); err == nil {
			t.Errorf("%s is embedded", name)
		}
	}
}
