package lesson

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"wslab/lessons"
	"wslab/static"
)

// holds reports whether one of the files that match pattern contains text.
func holds(files fs.FS, pattern, text string) bool {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return false
	}
	for _, name := range names {
		if b, err := fs.ReadFile(files, name); err == nil && strings.Contains(string(b), text) {
			return true
		}
	}
	return false
}

// forgotten returns the step of the recipe in the package doc that b lacks, "" if it lacks
// none. html is the HTML of its example, and err its mistake.
func forgotten(b blockKind, page fs.FS, html string, err error) string {
	switch {
	case b.example == "":
		return fmt.Sprintf("step 1: the row of %s in block.go has no example", b.word)
	case err != nil:
		return fmt.Sprintf("step 1: the example of %s in block.go does not load: %v", b.word, err)
	case b.element == "":
		return ""
	case !strings.Contains(html, "<"+b.element):
		return fmt.Sprintf("step 1: the example of %s is drawn without <%s>: %s", b.word, b.element, html)
	case !holds(page, "elements/*.js", "static tag = \""+b.element+"\""):
		return fmt.Sprintf("step 2: no file in static/elements has an element with the tag %s", b.element)
	case !holds(page, "app.js", "\""+b.element+"\""):
		return fmt.Sprintf("step 3: static/app.js has no line for %s, so no page loads it", b.element)
	case !holds(page, "css/*.css", b.element):
		return fmt.Sprintf("step 4: no style sheet in static/css names %s, so it is not a block", b.element)
	}
	return ""
}

// drawn compiles a lesson with the example as its only block, besides the lab block.
func drawn(t *testing.T, example string) (string, error) {
	t.Helper()
	files := fstest.MapFS{}
	scenarios, err := fs.Glob(lessons.Files, "scenarios/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range scenarios {
		b, err := fs.ReadFile(lessons.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: b}
	}
	text := "---\ntitle: A\nminutes: 1\ngoal: B.\nnext: C.\n---\n\n```" + example + "\n```\n"
	if !strings.HasPrefix(example, "lab") {
		text += "\n```lab\n```\n"
	}
	files["01-one.md"] = &fstest.MapFile{Data: []byte(text)}
	sites, err := Resolve(Sources)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(files, Options{Sites: sites, Mistakes: mistakes})
	if err != nil {
		return "", err
	}
	return string(c.Lessons[0].HTML), nil
}

func TestEveryBlockIsWhole(t *testing.T) {
	for _, b := range blocks() {
		html, err := drawn(t, b.example)
		if word, _, _ := strings.Cut(strings.ReplaceAll(b.example, "\n", " "), " "); word != b.word {
			t.Errorf("the example of %s is one of %s", b.word, word)
		}
		if _, err := fs.Stat(static.Files, "css/"+b.style+".css"); b.style != "" && err != nil {
			t.Errorf("the style sheet of %s is not in static/css: %v", b.word, err)
		}
		if step := forgotten(b, static.Files, html, err); step != "" {
			t.Errorf("%s. The doc of package lesson has all steps.", step)
		}
	}
}

func TestAForgottenStepIsNamed(t *testing.T) {
	row := blockKind{word: "dial", example: "dial", element: "ws-dial"}
	page := fstest.MapFS{}
	put := func(name, text string) { page[name] = &fstest.MapFile{Data: []byte(text)} }
	for _, c := range []struct {
		says  string
		after func()
	}{
		{"step 1", func() { row.example = "dial" }},
		{"step 2", func() { put("elements/dial.js", `static tag = "ws-dial";`) }},
		{"step 3", func() { put("app.js", `"ws-dial": () => import("./elements/dial.js"),`) }},
		{"step 4", func() { put("css/page.css", "ws-dial { display: block; }") }},
	} {
		if c.says == "step 1" {
			row.example = ""
		}
		if got := forgotten(row, page, "<ws-dial></ws-dial>", nil); !strings.HasPrefix(got, c.says) {
			t.Errorf("without %s it says %q", c.says, got)
		}
		c.after()
	}
	if got := forgotten(row, page, "<ws-dial></ws-dial>", nil); got != "" {
		t.Errorf("when all is done it says %q", got)
	}
	if got := forgotten(row, page, "<p></p>", nil); !strings.HasPrefix(got, "step 1") {
		t.Errorf("when it is drawn as something else it says %q", got)
	}
}
