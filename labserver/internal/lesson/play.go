package lesson

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"

	"wslab/compare/scenario"
)

// playing is a play or ends block for the page. Tutorials is HTML, which only an ends block
// has.
type playing struct {
	Scenario  string        `json:"scenario"`
	As        string        `json:"as"`
	Endpoint  string        `json:"endpoint"`
	Tutorials string        `json:"tutorials,omitempty"`
	Plan      scenario.Plan `json:"plan"`
}

// play draws a scenario that the learner steps through. An ends block also has a picture of
// both ends, and a table of the claims of tutorials, the learner's predictions, and the
// results.
func (c *compiler) play(text blockText) string {
	word, name, e, line := text.word, text.name, text.keys, text.line
	s, ok := c.course.Scenarios[name]
	if !ok {
		c.problem(line, "there is no scenario %q. %s", name, meant(name, c.scenarioNames()))
		return ""
	}
	c.plays(name)
	as := "choose"
	if word == "ends" {
		as = "browser"
	}
	p := playing{
		Scenario: name,
		As:       c.oneOf(e, "as", as, []string{"browser", "raw", "choose"}),
		Endpoint: c.oneOf(e, "endpoint", "choose", slices.Concat(servers, []string{"choose"})),
	}
	p.Plan = s.Plan()
	if p.As == "browser" && !p.Plan.Browser {
		c.problem(cmp.Or(e["as"].line, line), "a browser cannot be the client of %s. Write as: raw", name)
	}
	if word == "ends" {
		t := e["tutorials"]
		if t.value == "" {
			c.problem(cmp.Or(t.line, line), "an ends block needs the claims of tutorials. Add a line tutorials: …")
		}
		p.Tutorials = c.inline(t.value, t.line)
	}
	return fmt.Sprintf("<ws-play data-play='%s'>\n%s</ws-play>\n", attribute(p), script(s))
}

// tallying is a tally block for the page.
type tallying struct {
	Runs      int       `json:"runs"`
	Scenarios []tallied `json:"scenarios"`
}

type tallied struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// mostRuns limits the runs that one press of a tally's button starts.
const mostRuns = 20

// tally draws a table of scenarios that the learner's browser runs several times, with the
// number of runs for each outcome.
func (c *compiler) tally(text blockText) string {
	e, line := text.keys, text.line
	t := tallying{}
	names := strings.Fields(e["scenarios"].value)
	if len(names) == 0 {
		c.problem(line, "a tally block needs scenarios. Add a line scenarios: NAME NAME")
	}
	for _, name := range names {
		s, ok := c.course.Scenarios[name]
		if !ok {
			c.problem(e["scenarios"].line, "there is no scenario %q. %s", name, meant(name, c.scenarioNames()))
			continue
		}
		if !s.Browser() {
			c.problem(e["scenarios"].line, "a browser cannot be the client of %s. Choose another scenario", name)
		}
		c.plays(name)
		t.Scenarios = append(t.Scenarios, tallied{s.Name, s.Title})
	}
	var err error
	if t.Runs, err = strconv.Atoi(e["runs"].value); err != nil || t.Runs < 1 || t.Runs > mostRuns {
		c.problem(cmp.Or(e["runs"].line, line), "runs is %q. Write a whole number from 1 to %d", e["runs"].value, mostRuns)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<ws-tally data-tally='%s'>\n<ul>\n", attribute(t))
	for _, s := range t.Scenarios {
		fmt.Fprintf(&b, "<li>%s</li>\n", html.EscapeString(s.Title))
	}
	return b.String() + "</ul>\n</ws-tally>\n"
}
