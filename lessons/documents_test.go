package lessons

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// Bounds of README.md, so that a newcomer reads all of it.
const (
	maxReadmeWords   = 700
	maxReadmeColumns = 130
)

func TestREADMEIsShort(t *testing.T) {
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(string(b))); n > maxReadmeWords {
		t.Errorf("README.md has %d words, and it may have %d. Move details to the README of a folder.", n, maxReadmeWords)
	}
	for i, line := range strings.Split(string(b), "\n") {
		if n := utf8.RuneCountInString(line); n > maxReadmeColumns {
			t.Errorf("README.md:%d has %d columns, and it may have %d.", i+1, n, maxReadmeColumns)
		}
	}
}

var (
	fenced      = regexp.MustCompile("(?ms)^```.*?^```$")
	link        = regexp.MustCompile(`\]\(\s*([^)\s]+)\s*\)`)
	heading     = regexp.MustCompile(`(?m)^#{1,6} +(.+)$`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors returns the anchors that a Markdown page gives to its headings.
func anchors(src string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(src, ""), -1) {
		all[strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}

// TestLinksLeadToFilesAndHeadings checks the links of all Markdown files. Links of
// a lesson to pages of the lab are checked by the loader of lessons.
func TestLinksLeadToFilesAndHeadings(t *testing.T) {
	checked := 0
	walk(t, func(file string, src []byte) {
		if !strings.HasSuffix(file, ".md") {
			return
		}
		text := inlineCode.ReplaceAllStringFunc(fenced.ReplaceAllStringFunc(string(src), keepLines), keepLines)
		for _, at := range link.FindAllStringSubmatchIndex(text, -1) {
			target := text[at[2]:at[3]]
			line := 1 + strings.Count(text[:at[2]], "\n")
			if strings.HasPrefix(target, "https://") || strings.HasPrefix(target, "/") && isLesson.MatchString(file) {
				continue
			}
			checked++
			name, anchor, _ := strings.Cut(target, "#")
			to := path.Join(path.Dir(file), name)
			if name == "" {
				to = file
			}
			info, err := os.Stat(filepath.Join("..", filepath.FromSlash(to)))
			if err != nil || strings.HasPrefix(to, "..") {
				t.Errorf("%s:%d: the link %s leads to %s, and that file does not exist.", file, line, target, to)
				continue
			}
			if anchor == "" {
				continue
			}
			if info.IsDir() {
				to = path.Join(to, "README.md")
			}
			b, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(to)))
			if err != nil || !anchors(string(b))[anchor] {
				t.Errorf("%s:%d: the link %s leads to a heading that %s does not have.", file, line, target, to)
			}
		}
	})
	if checked == 0 {
		t.Error("No link was checked.")
	}
}

var isLesson = regexp.MustCompile(`^lessons/[0-9][0-9]-.*\.md$`)
