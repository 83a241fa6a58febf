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
	"slices"
	"strings"
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

// styles names the style sheet that a lesson loads for a block, besides wslab.css.
var styles = map[string]string{"ways": "css/ways.css", "streams": "css/ways.css", "chat": "css/ways.css"}

func TestAFirstVisitOfALessonIsSmallOnTheWire(t *testing.T) {
	block := regexp.MustCompile("(?m)^```([a-z]+)")
	modules, parts := elements(t)
	sheets := map[string]string{}
	for _, m := range regexp.MustCompile(`"(ws-[a-z-]+)": "([a-z]+)"`).FindAllStringSubmatch(source(t, "app.js"), -1) {
		sheets[m[1]] = "css/" + m[2] + ".css"
	}
	if len(sheets) == 0 {
		t.Fatal("app.js has no table of sheets; the pattern no longer fits the file")
	}
	sometimes := map[string]bool{}
	for _, m := range regexp.MustCompile(`"(ws-[a-z-]+)": "\[data-play\*=tutorials\]"`).FindAllStringSubmatch(source(t, "app.js"), -1) {
		sometimes[m[1]] = true
	}
	if len(sometimes) == 0 {
		t.Fatal("app.js has no table of parts that only ends blocks need; the pattern no longer fits the file")
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
		tags := []string{"ws-lab"}
		queue := []string{"theme.js", "icon.svg", "css/wslab.css", "app.js"}
		for name := range has {
			tags = append(tags, "ws-"+name)
			if sheet := styles[name]; sheet != "" {
				queue = append(queue, sheet)
			}
		}
		for ; len(tags) > 0; tags = tags[1:] {
			if sometimes[tags[0]] && !strings.Contains(string(text), "```ends ") {
				continue
			}
			if file, ok := modules[tags[0]]; ok {
				queue = append(queue, file)
			}
			if sheet, ok := sheets[tags[0]]; ok {
				queue = append(queue, sheet)
			}
			tags = append(tags, parts[tags[0]]...)
		}
		sum, files := loads(t, queue)
		t.Logf("%s: %d files, compressed: %d bytes", filepath.Base(lesson), files, sum)
		if sum > 142_800 { // the texts take 5.5 to 9.5 KB, and that of the heaviest lesson takes 7.2
			t.Errorf("%s loads %d bytes compressed; at most 142,800 leave room for its text in 150 KB", lesson, sum)
		}
		if files < 30 {
			t.Errorf("only %d files are found to be loaded by %s; the patterns no longer fit the files", files, lesson)
		}
	}
}

// source returns the text of a file of the page.
func source(t *testing.T, name string) string {
	t.Helper()
	b, err := fs.ReadFile(Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// elements returns the tables of app.js: the module of each element by its tag, and
// the elements that an element is made of.
func elements(t *testing.T) (modules map[string]string, parts map[string][]string) {
	t.Helper()
	app := source(t, "app.js")
	modules, parts = map[string]string{}, map[string][]string{}
	list := regexp.MustCompile(`(?s)const tags = \[(.*?)\];`).FindStringSubmatch(app)
	if list == nil {
		t.Fatal("app.js has no list of tags")
	}
	for _, m := range regexp.MustCompile(`"ws-([a-z-]+)"`).FindAllStringSubmatch(list[1], -1) {
		modules["ws-"+m[1]] = "elements/" + m[1] + ".js"
	}
	for _, m := range regexp.MustCompile(`(?m)^  "(ws-[a-z-]+)": \[([^\]]*)\],$`).FindAllStringSubmatch(app, -1) {
		for _, tag := range strings.Split(m[2], ", ") {
			parts[m[1]] = append(parts[m[1]], strings.Trim(tag, `"`))
		}
	}
	if len(modules) < 20 || len(parts) < 5 {
		t.Fatalf("app.js lists %d elements and parts of %d elements; the patterns no longer fit the file", len(modules), len(parts))
	}
	return modules, parts
}

// The header's elements are on every page, so app.js imports them at once.
var header = []string{"ws-keys", "ws-progress", "ws-theme"}

func TestElementsAreListed(t *testing.T) {
	modules, parts := elements(t)
	files, err := fs.Glob(Files, "elements/*.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no elements: %v", err)
	}
	defined := map[string]string{}
	for _, name := range files {
		text, err := fs.ReadFile(Files, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^  static tag = "(ws-[a-z-]+)";$`).FindAllStringSubmatch(string(text), -1) {
			tag := m[1]
			defined[tag] = name
			if !slices.Contains(header, tag) && modules[tag] != name {
				t.Errorf("%s defines %s: add it to tags in app.js, and name the file elements/%s.js", name, tag, tag[len("ws-"):])
			}
		}
		for _, m := range regexp.MustCompile(`\bh\("(ws-[a-z-]+)"`).FindAllStringSubmatch(string(text), -1) {
			whole := ""
			for tag, file := range modules {
				if file == name {
					whole = tag
				}
			}
			made := slices.Contains(parts[whole], m[1]) || strings.Contains(string(text), `this.load("`+m[1]+`")`)
			if !made {
				t.Errorf("%s makes a %s: add it to parts of %s in app.js, or load it first", name, m[1], whole)
			}
		}
	}
	for tag, name := range modules {
		if defined[tag] != name {
			t.Errorf("tags in app.js names %s, and %s does not define it", tag, name)
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
	for _, name := range []string{"static.go", "types.d.ts", "elements.d.ts", "tsconfig.json", "test"} {
		if _, err := fs.Stat(Files, name); err == nil {
			t.Errorf("%s is embedded", name)
		}
	}
}
