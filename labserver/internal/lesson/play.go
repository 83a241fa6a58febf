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

// playing is a play or ends block as the page reads it. Tutorials is HTML, which
// an ends block has and a play block has not.
type playing struct {
	Scenario  string        `json:"scenario"`
	As        string        `json:"as"`
	Endpoint  string        `json:"endpoint"`
	Tutorials string        `json:"tutorials,omitempty"`
	Plan      scenario.Plan `json:"plan"`
}

// planOf reads the commands of a scenario. Its text has no transcripts: they
// are of another run.
func planOf(s Scenario) (scenario.Plan, error) {
	var text strings.Builder
	for l := range strings.Lines(s.Text) {
		if !strings.HasPrefix(l, "|") {
			text.WriteString(l)
		}
	}
	sc, err := scenario.Parse(s.Name, text.String())
	if err != nil {
		return scenario.Plan{}, err
	}
	return sc.Plan(), nil
}

// play draws a scenario that is stepped through. An ends block is one whose
// picture of both ends, and what the tutorials say of it beside what the learner
// guesses and what comes, stands below.
func (c *compiler) play(text blockText) string {
	word, name, e, line := text.word, text.name, text.keys, text.line
	s, ok := c.course.Scenarios[name]
	if !ok {
		c.problem(line, "there is no scenario %q; %s", name, meant(name, c.scenarioNames()))
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
	var err error
	if p.Plan, err = planOf(s); err != nil {
		c.problem(line, "the scenario cannot be played: %v", err)
		return ""
	}
	if p.As == "browser" && !p.Plan.Browser {
		c.problem(cmp.Or(e["as"].line, line), "no browser can be the client of %s; write as: raw", name)
	}
	if word == "ends" {
		t := e["tutorials"]
		if t.value == "" {
			c.problem(cmp.Or(t.line, line), "an ends block says what the tutorials claim; add a line tutorials: …")
		}
		p.Tutorials = c.inline(t.value, t.line)
	}
	return fmt.Sprintf("<ws-play data-play='%s'>\n%s</ws-play>\n", attribute(p), script(s))
}

// tallying is a tally block as the page reads it.
type tallying struct {
	Runs      int       `json:"runs"`
	Scenarios []tallied `json:"scenarios"`
}

type tallied struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// mostRuns bounds the runs that one press of a tally's button begins.
const mostRuns = 20

// tally draws a table of scenarios that the learner's browser runs again and
// again, and of how many runs ended in which way.
func (c *compiler) tally(text blockText) string {
	e, line := text.keys, text.line
	t := tallying{}
	names := strings.Fields(e["scenarios"].value)
	if len(names) == 0 {
		c.problem(line, "a tally block counts the runs of scenarios; add a line scenarios: NAME NAME")
	}
	for _, name := range names {
		s, ok := c.course.Scenarios[name]
		if !ok {
			c.problem(e["scenarios"].line, "there is no scenario %q; %s", name, meant(name, c.scenarioNames()))
			continue
		}
		if plan, err := planOf(s); err != nil {
			c.problem(e["scenarios"].line, "the scenario cannot be played: %v", err)
		} else if !plan.Browser {
			c.problem(e["scenarios"].line, "no browser can be the client of %s", name)
		}
		c.plays(name)
		t.Scenarios = append(t.Scenarios, tallied{s.Name, s.Title})
	}
	var err error
	if t.Runs, err = strconv.Atoi(e["runs"].value); err != nil || t.Runs < 1 || t.Runs > mostRuns {
		c.problem(cmp.Or(e["runs"].line, line), "runs is %q; write a whole number from 1 to %d", e["runs"].value, mostRuns)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<ws-tally data-tally='%s'>\n<ul>\n", attribute(t))
	for _, s := range t.Scenarios {
		fmt.Fprintf(&b, "<li>%s</li>\n", html.EscapeString(s.Title))
	}
	return b.String() + "</ul>\n</ws-tally>\n"
}
