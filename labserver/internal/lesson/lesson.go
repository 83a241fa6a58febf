// Package lesson turns the Markdown of the lessons into pages. A lesson names
// what it shows: a line of source, a rule, a scenario, a field of the
// learner's own frame. Load looks every name up once, when the program starts,
// so that a lesson which names something that is not there ends the start with
// the file and line of the mistake.
//
//	lesson.go   front matter, order, the checks that need the whole course
//	markdown.go Markdown to HTML, and the spans of ours inside a paragraph
//	block.go    the table of our fenced blocks; entries.go: the keys in them
//	play.go     blocks that play scenarios; tables.go: opcodes and close codes
//	action.go   what a button does; predict.go: a question and its choices
//	site.go     names of places in the source; listing.go: their lines
//	gorilla.go  the same places in gorilla/websocket
//
// To add a block NAME, change at most four files:
//
//  1. block.go: add a row to blocks, with an example, and a function that draws it.
//     If HTML is enough, leave element empty, and you are done.
//  2. static/elements/NAME.js: export the element, with static tag = "ws-NAME".
//  3. static/app.js: add a line that imports it where a page has the tag.
//  4. static/css/page.css: style ws-NAME, and at least say that it is a block.
//
// Then run go test ./labserver/internal/lesson. TestEveryBlockIsWhole compiles the
// example of each row and fails with the step that was forgotten. A lesson may use the
// block from then on.
//
// A Course and the Sites it was made with are read-only.
package lesson

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"wslab/reference/wire"
)

// Options are the things that lessons may name, known to other packages.
type Options struct {
	Sites      *Sites   // places in the source
	Mistakes   []string // last elements of /ws/broken/MISTAKE
	GorillaDir string   // folder with gorilla's source; empty where it is absent
}

// A Course is all lessons in their order, and the scenarios they may play.
type Course struct {
	Lessons   []*Lesson
	Scenarios map[string]Scenario
}

// A Lesson is one page of the course.
type Lesson struct {
	Number    int           // from 1
	Slug      string        // "01-handshake", the last element of its address
	Name      string        // "Handshake", for narrow places
	Title     string        // plain text
	Minutes   int           // how long it takes
	Goal      template.HTML // what the learner will be able to do, one sentence
	HTML      template.HTML // the body, below title and goal
	Lab       Lab
	Sections  []Section // the second-level headings, for a table of contents
	Scenarios []string  // names of those it plays, in order, each once
	Prev      *Lesson   // nil in the first lesson
	Next      *Lesson   // nil in the last lesson
}

// Lab is how the lesson wants the panel at its side.
type Lab struct {
	Endpoints string // "reference", "gorilla" or "both"
	Hold      string // "on" or "off": whether the valve holds at the start
}

// A Section is a heading and the fragment that leads to it.
type Section struct{ ID, Title string }

// A Scenario is a script that a raw client plays.
type Scenario struct {
	Name  string // "unmasked"
	Title string // its first line, a comment
	Text  string // the whole file
}

// Lesson returns the lesson with that slug.
func (c *Course) Lesson(slug string) (*Lesson, bool) {
	i := slices.IndexFunc(c.Lessons, func(l *Lesson) bool { return l.Slug == slug })
	if i < 0 {
		return nil, false
	}
	return c.Lessons[i], true
}

// folder is where the lessons stand, as their author sees it.
const folder = "lessons"

var fileName = regexp.MustCompile(`^([0-9]{2})-([a-z0-9]+(?:-[a-z0-9]+)*)\.md$`)

// Load reads every lesson and scenario of files. What is wrong in them comes
// back as Problems, all of them together.
func Load(files fs.FS, o Options) (*Course, error) {
	if o.Sites == nil {
		return nil, errors.New("lesson: Load needs the Sites that source blocks name; make them with Resolve")
	}
	c := &compiler{
		Options: o,
		course:  &Course{Scenarios: map[string]Scenario{}},
		ids:     map[string]string{},
	}
	c.loadScenarios(files)

	names, err := fs.Glob(files, "*.md")
	if err != nil {
		return nil, fmt.Errorf("lesson: list the lessons: %w", err)
	}
	for _, name := range names {
		if name == "README.md" {
			continue
		}
		if !fileName.MatchString(name) {
			c.problems.add(folder+"/"+name, 1, "a lesson is called NN-name.md, as 02-frames.md; rename it")
			continue
		}
		src, err := fs.ReadFile(files, name)
		if err != nil {
			c.problems.add(folder+"/"+name, 1, "cannot be read: %v", err)
			continue
		}
		c.compile(name, strings.ReplaceAll(string(src), "\r\n", "\n"))
	}
	if len(names) == 0 {
		c.problems.add(folder, 1, "there is no lesson; write %s/01-name.md", folder)
	}
	c.link()
	if err := c.problems.err(); err != nil {
		return nil, err
	}
	return c.course, nil
}

// compiler holds what Load needs to know while it goes from lesson to lesson.
type compiler struct {
	Options
	course   *Course
	problems Problems
	ids      map[string]string // id of a predict block: where it was first seen
	links    []pageLink

	file   string  // the lesson being compiled
	lesson *Lesson // the same
	labs   int     // lab blocks seen in it
}

// pageLink is a link to a page of ours, checked when all pages are known.
type pageLink struct {
	file   string
	line   int
	target string
}

func (c *compiler) problem(line int, format string, args ...any) {
	c.problems.add(c.file, line, format, args...)
}

func (c *compiler) loadScenarios(files fs.FS) {
	names, _ := fs.Glob(files, "scenarios/*.txt") // the pattern is well formed
	for _, name := range names {
		file := folder + "/" + name
		src, err := fs.ReadFile(files, name)
		if err != nil {
			c.problems.add(file, 1, "cannot be read: %v", err)
			continue
		}
		text := strings.ReplaceAll(string(src), "\r\n", "\n")
		first, _, _ := strings.Cut(text, "\n")
		title, ok := strings.CutPrefix(first, "# ")
		if !ok || strings.TrimSpace(title) == "" {
			c.problems.add(file, 1, "a scenario begins with its title; write # and a sentence in the first line")
		}
		short := strings.TrimSuffix(strings.TrimPrefix(name, "scenarios/"), ".txt")
		c.course.Scenarios[short] = Scenario{Name: short, Title: strings.TrimSpace(title), Text: text}
	}
}

// compile makes a Lesson of one file.
func (c *compiler) compile(name, src string) {
	m := fileName.FindStringSubmatch(name)
	number, _ := strconv.Atoi(m[1]) // two digits
	c.file, c.labs = folder+"/"+name, 0
	c.lesson = &Lesson{
		Number: number,
		Slug:   strings.TrimSuffix(name, ".md"),
		Name:   strings.ToUpper(m[2][:1]) + strings.ReplaceAll(m[2][1:], "-", " "),
		Lab:    Lab{Endpoints: "both", Hold: "off"},
	}
	l := c.lesson
	c.course.Lessons = append(c.course.Lessons, l)
	if want := len(c.course.Lessons); number != want {
		c.problem(1, "lesson number %02d where %02d is due; lessons are numbered from 01 without a gap", number, want)
	}

	body, at, front := c.frontMatter(src)
	l.Title = front["title"].value
	if v, ok := front["minutes"]; ok {
		n, err := strconv.Atoi(v.value)
		if err != nil || n < 1 || n > 120 {
			c.problem(v.line, "minutes is %q; write a whole number from 1 to 120", v.value)
		}
		l.Minutes = n
	}
	if v, ok := front["goal"]; ok {
		l.Goal = template.HTML(c.inline(v.value, v.line))
	}
	html := c.markdown(body, at, true)
	if v, ok := front["next"]; ok {
		html += "<section class=\"next\" id=\"next\">\n<h2>What to try next</h2>\n<p>" + c.inline(v.value, v.line) + "</p>\n</section>\n"
		l.Sections = append(l.Sections, Section{"next", "What to try next"})
	}
	l.HTML = template.HTML(html)
	if c.labs == 0 {
		c.problem(at, "there is no lab block; every lesson has one, which says endpoints and hold")
	}
}

// frontMatter cuts the block of "key: value" lines between two lines of --- off
// the head of src. It returns the rest and the number of its first line.
func (c *compiler) frontMatter(src string) (body string, at int, front map[string]entry) {
	keys := []string{"title", "minutes", "goal", "next"}
	rest, ok := strings.CutPrefix(src, "---\n")
	head, body, closed := strings.Cut(rest, "\n---\n")
	if !ok || !closed {
		c.problem(1, "there is no front matter; begin with a line ---, then %s, then a line ---", list(keys))
		return src, 1, nil
	}
	front = c.entries(strings.Split(head, "\n"), 2, "the front matter", keys, nil)
	for _, k := range keys {
		if front[k].value == "" {
			c.problem(1, "the front matter has no %s; add a line %q", k, k+": …")
		}
	}
	return body, 3 + strings.Count(head, "\n") + 1, front
}

// link does what needs all lessons: the order, and the links between pages.
func (c *compiler) link() {
	ls := c.course.Lessons
	for i, l := range ls {
		if i > 0 {
			l.Prev, ls[i-1].Next = ls[i-1], l
		}
	}
	for _, r := range c.links {
		if what := c.dangling(r.target); what != "" {
			c.problems.add(r.file, r.line, "the link to %s leads nowhere; %s", r.target, what)
		}
	}
}

// dangling says what to do about a link into our own pages that leads nowhere,
// and "" about any other.
func (c *compiler) dangling(target string) string {
	page, fragment, _ := strings.Cut(target, "#")
	page, _, _ = strings.Cut(page, "?")
	switch {
	case page == "/" || page == "/lab":
		return ""
	case page == "/rules":
		if fragment != "" && !isRule(fragment) {
			return meant(fragment, ruleCodes())
		}
		return ""
	}
	slugs := make([]string, len(c.course.Lessons))
	for i, l := range c.course.Lessons {
		slugs[i] = "/lessons/" + l.Slug
	}
	if slices.Contains(slugs, page) {
		return ""
	}
	return meant(page, append(slugs, "/", "/lab", "/rules"))
}

func ruleCodes() []string {
	codes := make([]string, len(wire.Rules))
	for i, r := range wire.Rules {
		codes[i] = r.Code
	}
	return codes
}

func isRule(code string) bool { return slices.Contains(ruleCodes(), code) }
