// Package lesson turns the Markdown of the lessons into pages. A lesson shows things by
// name: a line of source, a rule, a scenario, a field of the learner's own frame. Load
// looks up every name when the program starts. If a name does not exist, the program
// reports the file and line, and ends.
//
//	lesson.go   front matter, order, and checks of the whole course
//	markdown.go Markdown to HTML, with our spans inside a paragraph
//	block.go    the table of our fenced blocks; entries.go: their keys
//	play.go     blocks that run scenarios; tables.go: opcodes and close codes
//	doors.go    blocks that compare a bare listener with net/http
//	action.go   buttons; predict.go: a question and its choices
//	site.go     names of places in the source; listing.go: their lines
//	gorilla.go  the same places in gorilla/websocket
//	stack.go    walks through the bytes of a message, with the calls at the wire
//
// To add a block NAME, change at most four files:
//
//  1. block.go: add a row with an example to blocks, and a function that draws the block.
//     If HTML is enough, leave element empty. Nothing more is needed.
//  2. static/elements/NAME.js: export the element, with static tag = "ws-NAME".
//  3. static/app.js: add the line that imports the element for its tag.
//  4. static/css/page.css: add the style of ws-NAME, at least display: block. If few
//     lessons have the block, write a style sheet of its own and name it in the row.
//
// Then run go test ./labserver/internal/lesson. TestEveryBlockIsWhole compiles the
// example of each row. If you forgot a step, the test fails and names the step. Lessons
// can then use the block.
//
// A Course and its Sites are read-only.
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

	"wslab/compare/scenario"
	"wslab/reference/wire"
)

// Options has names from other packages that lessons may use.
type Options struct {
	Sites      *Sites   // places in the source
	Mistakes   []string // names for /ws/broken/NAME
	GorillaDir string   // folder of gorilla's source; empty if this computer has none
}

// A Course has all lessons in order, and all scenarios.
type Course struct {
	Lessons   []*Lesson
	Scenarios map[string]*scenario.Scenario
}

// A Lesson is one page of the course.
type Lesson struct {
	Number    int           // from 0 or 1
	Slug      string        // "01-handshake", as in its address
	Name      string        // short title, "Handshake"
	Title     string        // plain text
	Minutes   int           // how long the lesson takes
	Goal      template.HTML // the learner's aim, in one sentence
	HTML      template.HTML // the body, below title and goal
	Lab       Lab
	Sections  []Section // the second-level headings
	Scenarios []string  // names of the scenarios that the lesson runs, in order, each once
	Styles    []string  // style sheets in static/css that its page loads besides wslab.css, without .css
	Prev      *Lesson   // nil in the first lesson
	Next      *Lesson   // nil in the last lesson
}

// Lab has the settings of the panel beside the lesson.
type Lab struct {
	Endpoints string // "reference", "gorilla" or "both"
	Hold      string // "on" or "off": whether the panel holds frames at the start
	Stack     string // "on" or "off": whether the recording has call stacks from the start
}

// A Section is a heading, and its anchor in the address.
type Section struct{ ID, Title string }

// Lesson returns the lesson with that slug, and whether it exists.
func (c *Course) Lesson(slug string) (*Lesson, bool) {
	i := slices.IndexFunc(c.Lessons, func(l *Lesson) bool { return l.Slug == slug })
	if i < 0 {
		return nil, false
	}
	return c.Lessons[i], true
}

// folder is the folder of the lessons, for messages.
const folder = "lessons"

var fileName = regexp.MustCompile(`^([0-9]{2})-([a-z0-9]+(?:-[a-z0-9]+)*)\.md$`)

// Load reads every lesson and scenario of files. Its error is Problems with all mistakes
// in them.
func Load(files fs.FS, o Options) (*Course, error) {
	if o.Sites == nil {
		return nil, errors.New("lesson: Options have no Sites. Make them with Resolve")
	}
	c := &compiler{
		Options: o,
		course:  &Course{Scenarios: map[string]*scenario.Scenario{}},
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
			c.problems.add(folder+"/"+name, 1, "this is not the name of a lesson. Rename the file to NN-name.md, for instance 02-frames.md")
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
		c.problems.add(folder, 1, "there is no lesson. Write %s/01-name.md", folder)
	}
	c.link()
	if err := c.problems.err(); err != nil {
		return nil, err
	}
	return c.course, nil
}

// compiler is the state of Load.
type compiler struct {
	Options
	course   *Course
	problems Problems
	ids      map[string]string // where each id of a predict block was used first
	links    []pageLink

	file   string  // file name of the lesson that is being compiled
	lesson *Lesson // the same
	labs   int     // how many lab blocks it has
}

// pageLink is a link to one of our pages. link checks it when all pages are known.
type pageLink struct {
	file   string
	line   int
	target string
}

func (c *compiler) problem(line int, format string, args ...any) {
	c.problems.add(c.file, line, format, args...)
}

func (c *compiler) loadScenarios(files fs.FS) {
	all, err := scenario.Load(files, "scenarios")
	for _, s := range all {
		c.course.Scenarios[s.Name] = s
	}
	joined, _ := err.(interface{ Unwrap() []error })
	if joined == nil {
		return
	}
	for _, err := range joined.Unwrap() {
		var at *scenario.LineError
		if errors.As(err, &at) {
			c.problems.add(folder+"/"+at.File, at.Line, "%v", at.Err)
		}
	}
}

// compile adds the Lesson of one file.
func (c *compiler) compile(name, src string) {
	m := fileName.FindStringSubmatch(name)
	number, _ := strconv.Atoi(m[1]) // two digits
	c.file, c.labs = folder+"/"+name, 0
	c.lesson = &Lesson{
		Number: number,
		Slug:   strings.TrimSuffix(name, ".md"),
		Name:   strings.ToUpper(m[2][:1]) + strings.ReplaceAll(m[2][1:], "-", " "),
		Lab:    Lab{Endpoints: "both", Hold: "off", Stack: "off"},
	}
	l := c.lesson
	c.course.Lessons = append(c.course.Lessons, l)
	first := min(c.course.Lessons[0].Number, 1)
	if want := first + len(c.course.Lessons) - 1; number != want {
		c.problem(1, "this is lesson %02d, but %02d is expected. Number the lessons from 00 or 01 without a gap", number, want)
	}

	body, at, front := c.frontMatter(src)
	l.Title = front["title"].value
	if v, ok := front["minutes"]; ok {
		n, err := strconv.Atoi(v.value)
		if err != nil || n < 1 || n > 120 {
			c.problem(v.line, "minutes is %q. Write a whole number from 1 to 120", v.value)
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
		c.problem(at, "the lesson has no lab block. Add one with endpoints and hold")
	}
}

// frontMatter reads the "key: value" lines between two lines of --- at the beginning of
// src. It returns the rest, and the number of its first line.
func (c *compiler) frontMatter(src string) (body string, at int, front map[string]entry) {
	keys := []string{"title", "minutes", "goal", "next"}
	rest, ok := strings.CutPrefix(src, "---\n")
	head, body, closed := strings.Cut(rest, "\n---\n")
	if !ok || !closed {
		c.problem(1, "the lesson has no front matter. Begin with a line ---, then %s, then a line ---", list(keys))
		return src, 1, nil
	}
	front = c.entries(strings.Split(head, "\n"), 2, "the front matter", keys, nil)
	for _, k := range keys {
		if front[k].value == "" {
			c.problem(1, "the front matter has no %s. Add a line %q", k, k+": …")
		}
	}
	return body, 3 + strings.Count(head, "\n") + 1, front
}

// link sets the order of the lessons and checks the links between pages.
func (c *compiler) link() {
	ls := c.course.Lessons
	for i, l := range ls {
		if i > 0 {
			l.Prev, ls[i-1].Next = ls[i-1], l
		}
	}
	for _, r := range c.links {
		if what := c.dangling(r.target); what != "" {
			c.problems.add(r.file, r.line, "there is no page %s. %s", r.target, what)
		}
	}
}

// dangling returns advice about a link to one of our pages that does not exist, and "" for
// any other link.
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
