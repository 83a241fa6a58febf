package lesson

import (
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"wslab/compare/endpoint"
)

var predictKeys = []string{"id", "ask", "about", "value", "hint", "explain"}

// question is a predict block as the page reads it. Ask, the texts of the
// choices, Hint and Explain are HTML.
type question struct {
	ID      string         `json:"id"`
	Ask     string         `json:"ask"`
	About   map[string]any `json:"about"` // a number where the event has a number
	Value   string         `json:"value"`
	Choices []choice       `json:"choices"`
	Explain string         `json:"explain"`
	Hint    string         `json:"hint"`
}

// choice is right when Is, evaluated on the same event, equals the question's
// Value; or when Is is has "words" and the Value contains them; or when Is is a
// range, "0 to 99" or "100 or more", and the Value is within it. No answer is
// stored anywhere.
type choice struct {
	Is   string `json:"is"`
	Text string `json:"text"`
}

// differs is the choice that is right when no other is.
const differs = "differs"

// kind is what may be asked about one kind of event.
type kind struct {
	names *regexp.Regexp      // the names that an expression may use
	hint  string              // the same for an error message
	about map[string][]string // what may narrow the event down, and its values; nil: a number
}

// servers are the implementations that a block can name.
var servers = endpoint.Names(endpoint.Named())

var kinds = map[string]kind{
	"frame": {
		names: regexp.MustCompile(`^(fin|rsv[123]|opcode|masked|form|length|header\.size|size|read|(byte|key|payload)\.[0-9]+|close\.code|violation)$`),
		hint:  "fin, rsv1–rsv3, opcode, masked, form, length, header.size, size, read, byte.N, key.N, payload.N, close.code or violation",
		about: map[string][]string{
			"from":     {"client", "server"},
			"opcode":   {"continuation", "text", "binary", "close", "ping", "pong"},
			"fin":      {"0", "1"},
			"form":     {"7", "16", "64"},
			"length":   nil,
			"endpoint": servers, // and broken/MISTAKE
		},
	},
	"handshake": {
		names: regexp.MustCompile(`^(status|field\.[A-Za-z0-9-]+|accept\.expected|accept\.got|violation)$`),
		hint:  "status, field.NAME, accept.expected, accept.got or violation",
		about: map[string][]string{
			"what":     {"request", "response"},
			"endpoint": servers, // and broken/MISTAKE
		},
	},
	"script": {
		names: regexp.MustCompile(`^(what|code|wasClean|text)$`),
		hint:  "what, code, wasClean or text",
		about: map[string][]string{
			"what":     {"new WebSocket", "send", "close", "onopen", "onmessage", "onerror", "onclose", "read"}, // read: a raw client's
			"endpoint": servers,                                                                                 // and broken/MISTAKE
		},
	},
	"call": { // one that has come back
		names: regexp.MustCompile(`^(name|result|error\.(type|text))$`),
		hint:  "name, result, error.type or error.text",
		about: map[string][]string{
			"name":     {}, // any
			"failed":   {"0", "1"},
			"endpoint": servers,
		},
	},
}

var (
	headerField = regexp.MustCompile(`^field\.[A-Za-z0-9-]+$`)
	idForm      = regexp.MustCompile(`^[0-9]{2}-[a-z0-9]+(-[a-z0-9]+)*$`)
	number      = regexp.MustCompile(`^(0x[0-9a-fA-F]+|[0-9]+)$`)
	stringLit   = regexp.MustCompile(`^"[^"]*"$`)
	lexer       = regexp.MustCompile(`"[^"]*"|[^\s"]+`)
	hasWords    = regexp.MustCompile(`^has "[^"]+"$`)
	rangeForm   = regexp.MustCompile(`^([0-9]+) (?:to ([0-9]+)|or more)$`)
)

// units are what a question must name, by its value, so that a number among the
// choices can mean one thing only.
var units = []struct {
	value, ask *regexp.Regexp
	word       string
}{
	{regexp.MustCompile(`^(length|size|header\.size|read|byte\.[0-9]+)$`), regexp.MustCompile(`\bbytes?\b`), "byte"},
	{regexp.MustCompile(`^(close\.code|code)$`), regexp.MustCompile(`\bcode\b`), "code"},
	{regexp.MustCompile(`^status$`), regexp.MustCompile(`\bstatus\b`), "status"},
	{regexp.MustCompile(`^violation$`), regexp.MustCompile(`\brules?\b`), "rule"},
	{regexp.MustCompile(`^payload\.[0-9]+$`), regexp.MustCompile(`\bpayload\b`), "payload"},
	{regexp.MustCompile(`^error\.`), regexp.MustCompile(`\berror\b|\breturn`), "error"},
}

// predict draws a question. Its fallback inside the element is the question
// itself, so that it can be read, if not answered, where no script runs.
func (c *compiler) predict(text blockText) string {
	e, line := text.keys, text.line
	for _, k := range []string{"id", "ask", "about", "value", "explain", "hint"} {
		if e[k].value == "" {
			c.problem(line, "a predict block needs %s; add a line %s: …", k, k)
		}
	}
	q := question{ID: e["id"].value, Value: e["value"].value}
	c.checkID(q.ID, e["id"].line)
	for k, to := range map[string]*string{"ask": &q.Ask, "explain": &q.Explain, "hint": &q.Hint} {
		if v := e[k]; v.value != "" {
			*to = c.inline(v.value, v.line)
		}
	}

	for _, u := range units {
		if u.value.MatchString(q.Value) && q.Ask != "" && !u.ask.MatchString(q.Ask) {
			c.problem(e["ask"].line, "the question asks for %s and does not say so; write the word %s in it", q.Value, u.word)
		}
	}

	about := e["about"]
	if about.value == "" {
		return ""
	}
	var k kind
	q.About, k = c.about("about", about.value, about.line)
	if q.About == nil {
		return ""
	}
	if what := check(q.Value, k); q.Value != "" && what != "" {
		c.problem(e["value"].line, "value: %s", what)
	}

	if len(e["choices"].items) < 2 {
		c.problem(line, "a predict block needs two choices or more; add lines  - EXPRESSION: text  under choices:")
	}
	for _, it := range e["choices"].items {
		is, label, ok := cutExpression(it.text)
		if !ok {
			c.problem(it.line, "%q is no choice; write - EXPRESSION: text", it.text)
			continue
		}
		for _, other := range q.Choices {
			if other.Is == is {
				c.problem(it.line, "two choices are right for %s; give each its own expression", is)
			}
		}
		if is != differs && !hasWords.MatchString(is) && !rangeForm.MatchString(is) {
			if what := check(is, k); what != "" {
				c.problem(it.line, "choice: %s", what)
			}
			if rule := strings.Trim(is, `"`); q.Value == "violation" && rule != "" && !isRule(rule) {
				c.problem(it.line, "choice: there is no rule %q; %s", rule, nearRule(rule))
			}
		}
		q.Choices = append(q.Choices, choice{is, c.inline(label, it.line)})
	}
	c.checkRanges(q.Choices, e["choices"].line)

	var b strings.Builder
	fmt.Fprintf(&b, "<ws-predict id=\"predict-%s\" data-predict='%s'>\n", html.EscapeString(q.ID), attribute(q))
	fmt.Fprintf(&b, "<p class=\"ask\">%s</p>\n<ul class=\"choices\">\n", q.Ask)
	for _, ch := range q.Choices {
		fmt.Fprintf(&b, "<li>%s</li>\n", ch.Text)
	}
	b.WriteString("</ul>\n</ws-predict>\n")
	return b.String()
}

// checkRanges holds choices that are ranges to one that covers every number once:
// the first begins with 0, each begins where the one before ended, and the last has
// no end.
func (c *compiler) checkRanges(choices []choice, line int) {
	next, ranges := 0, 0
	for _, ch := range choices {
		m := rangeForm.FindStringSubmatch(ch.Is)
		if m == nil {
			continue
		}
		ranges++
		from, _ := strconv.Atoi(m[1])
		if next < 0 || from != next {
			c.problem(line, "the range %s does not begin where the one before it ends", ch.Is)
			return
		}
		if next = -1; m[2] != "" {
			to, _ := strconv.Atoi(m[2])
			next = to + 1
		}
	}
	if ranges > 0 && (ranges < len(choices) || next >= 0) {
		c.problem(line, "ranges must cover every number: write all choices as ranges, and the last as N or more")
	}
}

// checkID holds ids to one form and to one use in the whole course, since a
// learner's answers are kept by them.
func (c *compiler) checkID(id string, line int) {
	if id == "" {
		return
	}
	if !idForm.MatchString(id) || !strings.HasPrefix(id, fmt.Sprintf("%02d-", c.lesson.Number)) {
		c.problem(line, "the id %q does not fit; write %02d-word", id, c.lesson.Number)
	}
	if first, ok := c.ids[id]; ok {
		c.problem(line, "the id %q is already used in %s; choose another", id, first)
	}
	c.ids[id] = fmt.Sprintf("%s:%d", c.file, line)
}

// about reads "frame from client opcode text": the kind of event, then pairs
// of a property and its value. A value with a space is in double quotes. name
// is what a problem calls it.
func (c *compiler) about(name, s string, line int) (map[string]any, kind) {
	fields := lexer.FindAllString(s, -1)
	k, ok := kinds[fields[0]]
	if !ok {
		c.problem(line, "%s begins with %q; begin with frame, handshake, script or call", name, fields[0])
		return nil, k
	}
	if len(fields)%2 == 0 {
		c.problem(line, "%s ends in %q without a value; write pairs, as from client", name, fields[len(fields)-1])
		return nil, k
	}
	about := map[string]any{"kind": fields[0]}
	if fields[0] == "call" {
		about["phase"] = "return"
	}
	for i := 1; i < len(fields); i += 2 {
		key, value := fields[i], strings.Trim(fields[i+1], `"`)
		about[key] = value
		if fields[0] == "handshake" && headerField.MatchString(key) {
			continue // any field may have any value
		}
		if key == "scenario" {
			if _, ok := c.course.Scenarios[value]; !ok {
				c.problem(line, "there is no scenario %q; %s", value, meant(value, c.scenarioNames()))
			}
			continue
		}
		values, ok := k.about[key]
		if key == "endpoint" {
			values = slices.Clone(values)
			for _, m := range c.Mistakes {
				values = append(values, "broken/"+m)
			}
		}
		n, err := strconv.Atoi(value)
		switch {
		case !ok:
			c.problem(line, "a %s has no %q to look for; write %s", fields[0], key, list(append(slices.Sorted(maps.Keys(k.about)), "scenario")))
		case values == nil && (err != nil || n < 0):
			c.problem(line, "%s is %q; write a whole number", key, value)
		case len(values) > 0 && !contains(values, value):
			c.problem(line, "%s is %q; %s", key, value, meant(value, values))
		case err == nil:
			about[key] = n
		}
	}
	return about, k
}

// check says what is wrong with an expression about an event of kind k: a
// number, a "text" or a name, or several of them with xor or + between.
func check(expression string, k kind) string {
	for i, w := range lexer.FindAllString(expression, -1) {
		switch {
		case i%2 == 1 && w != "xor" && w != "+":
			return fmt.Sprintf("%q stands where xor or + is due in %s", w, expression)
		case i%2 == 1 || number.MatchString(w) || stringLit.MatchString(w) || k.names.MatchString(w):
		default:
			return fmt.Sprintf("%q is no name; write a number, a \"text\" or %s", w, k.hint)
		}
	}
	if n := len(lexer.FindAllString(expression, -1)); n%2 == 0 {
		return fmt.Sprintf("%q is not finished; write A xor B", expression)
	}
	return ""
}

// cutExpression parts "EXPRESSION: text" at the first colon outside quotes.
func cutExpression(s string) (is, label string, ok bool) {
	inside := false
	for i, r := range s {
		switch {
		case r == '"':
			inside = !inside
		case r == ':' && !inside:
			is, label = strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+1:])
			return is, label, is != "" && label != ""
		}
	}
	return "", "", false
}
