package lesson

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"

	"wslab/compare/scenario"
	"wslab/reference/wire"
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

// play draws a scenario that is stepped through. An ends block is one whose
// picture of both ends, and what the tutorials say of it beside what the learner
// guesses and what comes, stands below.
func (c *compiler) play(word, name string, e map[string]entry, line int) string {
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
	p.Plan = s.Plan()
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
func (c *compiler) tally(e map[string]entry, line int) string {
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
		if !s.Browser() {
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

// sayings tell what a close code is for and who says it; the names and what
// may cross the wire are wire's own.
var sayings = map[wire.CloseCode][2]string{
	wire.NormalClosure:       {"done: what the connection was for is finished", "both"},
	wire.GoingAway:           {"a server shuts down, or a person leaves the page", "both"},
	wire.ProtocolError:       {"the peer broke a rule of the protocol", "both"},
	wire.UnsupportedData:     {"data of a kind that cannot be taken, as binary where text is due", "both"},
	1004:                     {"reserved; it has no meaning yet", "nobody"},
	wire.NoStatusReceived:    {"told to an application: the Close frame carried no code", "nobody"},
	wire.AbnormalClosure:     {"told to an application: there was no Close frame at all", "nobody"},
	wire.InvalidPayload:      {"data that is not what it says, as text that is no UTF-8", "both"},
	wire.PolicyViolation:     {"a message against the receiver's own rules; for when no other code fits", "both"},
	wire.MessageTooBig:       {"a message larger than the receiver takes", "both"},
	wire.MandatoryExtension:  {"the server did not agree to an extension that the client needs", "the client"},
	wire.InternalServerError: {"something unexpected kept it from doing what was asked", "the server"},
	wire.ServiceRestart:      {"the server restarts: come again after a random while", "the server"},
	wire.TryAgainLater:       {"the server is overloaded: come again later", "the server"},
	wire.BadGateway:          {"a gateway got a wrong answer from the server behind it", "the server"},
	wire.TLSHandshake:        {"told to an application: TLS failed, so there was no WebSocket", "nobody"},
}

// ranges are the codes that have no row of their own, and the one of each that
// is tried.
var ranges = []struct {
	from, to, try wire.CloseCode
	name, saying  string
	who           string
}{
	{0, 999, 999, "not used", "below the range of the protocol", "nobody"},
	{1016, 2999, 2999, "reserved", "kept for later versions and for extensions", "nobody yet"},
	{3000, 3999, 3000, "", "registered with IANA, for all to understand", "both"},
	{4000, 4999, 4000, "", "between two ends that agreed on them", "both"},
	{5000, 65535, 5000, "not used", "above the range of the protocol", "nobody"},
}

// codes draws all close codes. The page adds what comes of trying them.
func codes() string {
	var b strings.Builder
	b.WriteString("<ws-codes>\n<div class=\"wide\"><table class=\"codes\">\n<thead><tr><th scope=\"col\">code</th><th scope=\"col\">name</th><th scope=\"col\">what it says</th><th scope=\"col\">who says it</th><th scope=\"col\">on the wire</th></tr></thead>\n<tbody>\n")
	row := func(number string, try wire.CloseCode, name, saying, who string) {
		wireCell := "<span class=\"bad\">× never</span>"
		if try.MayBeSent() {
			wireCell = "✔"
		}
		fmt.Fprintf(&b, "<tr data-code=\"%d\"><th scope=\"row\"><code class=\"f-code\">%s</code></th><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n", try, number, html.EscapeString(name), html.EscapeString(saying), who, wireCell)
	}
	for _, r := range ranges {
		if r.from > 1015 {
			continue
		}
		row(fmt.Sprintf("%d–%d", r.from, r.to), r.try, r.name, r.saying, r.who)
	}
	for code := wire.NormalClosure; code <= wire.TLSHandshake; code++ {
		row(strconv.Itoa(int(code)), code, cmp.Or(code.Name(), "reserved"), sayings[code][0], sayings[code][1])
	}
	for _, r := range ranges {
		if r.from < 1016 {
			continue
		}
		row(fmt.Sprintf("%d–%d", r.from, r.to), r.try, cmp.Or(r.name, r.try.Name()), r.saying, r.who)
	}
	b.WriteString("</tbody>\n</table></div>\n</ws-codes>\n")
	return b.String()
}
