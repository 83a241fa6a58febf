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

// question is a predict block for the page. Ask, Hint, Explain and the texts of the choices
// are HTML.
type question struct {
	ID      string         `json:"id"`
	Ask     string         `json:"ask"`
	About   map[string]any `json:"about"` // with numbers if the event has numbers
	Value   string         `json:"value"`
	Choices []choice       `json:"choices"`
	Explain string         `json:"explain"`
	Hint    string         `json:"hint"`
}

// choice is correct if Is, evaluated on the same event, equals the question's Value. Is can
// also be has "words": then the Value must contain the words. Or Is is a range: "0 to 99"
// or "100 or more". The answer itself is not stored.
type choice struct {
	Is   string `json:"is"`
	Text string `json:"text"`
}

// differs is the choice that is correct if every other choice is wrong.
const differs = "differs"

// kind says what a question may ask about one kind of event.
type kind struct {
	names *regexp.Regexp      // allowed in an expression
	hint  string              // the same names, for an error message
	about map[string][]string // properties that select the event, and their allowed values; nil allows a number
}

// servers are the implementations that a block can name.
var servers = endpoint.Names(endpoint.Named())

// recorded are the names of the endpoints in a recording.
var recorded = append(slices.Clone(servers), endpoint.Listener, endpoint.NetHTTP)

var kinds = map[string]kind{
	"frame": {
		names: regexp.MustCompile(`^(fin|rsv[123]|opcode|masked|form|length|header\.size|size|fragment|read|(byte|key|payload)\.[0-9]+|close\.code|violation|pieces|stack\.[0-9]+)$`),
		hint:  "fin, rsv1–rsv3, opcode, masked, form, length, header.size, size, fragment, read, byte.N, key.N, payload.N, close.code, violation, pieces or stack.N",
		about: map[string][]string{
			"from":     {"client", "server"},
			"opcode":   {"continuation", "text", "binary", "close", "ping", "pong"},
			"fin":      {"0", "1"},
			"form":     {"7", "16", "64"},
			"length":   nil,
			"endpoint": recorded, // broken/MISTAKE is also allowed
			"run":      endpoint.DoorRuns,
		},
	},
	"handshake": {
		names: regexp.MustCompile(`^(status|field\.[A-Za-z0-9-]+|accept\.expected|accept\.got|violation|pieces|stack\.[0-9]+)$`),
		hint:  "status, field.NAME, accept.expected, accept.got, violation, pieces or stack.N",
		about: map[string][]string{
			"what":     {"request", "response"},
			"endpoint": recorded, // broken/MISTAKE is also allowed
			"run":      endpoint.DoorRuns,
		},
	},
	"script": {
		names: regexp.MustCompile(`^(what|code|wasClean|text)$`),
		hint:  "what, code, wasClean or text",
		about: map[string][]string{
			"what":     {"new WebSocket", "send", "close", "onopen", "onmessage", "onerror", "onclose", "read"}, // read is for a raw client
			"endpoint": servers,                                                                                 // broken/MISTAKE is also allowed
		},
	},
	"call": { // a call that has returned
		names: regexp.MustCompile(`^(name|result|error\.(type|text))$`),
		hint:  "name, result, error.type or error.text",
		about: map[string][]string{
			"name":     {}, // any
			"failed":   {"0", "1"},
			"endpoint": recorded,
			"run":      endpoint.DoorRuns,
		},
	},
	// The page computes these from a run of a block.
	"ways": { // a run of the four ways in which all of them received every event
		names: regexp.MustCompile(`^(cheapest|dearest|(poll|long|events|socket)\.(requests|connections|bytes))$`),
		hint:  "cheapest, dearest, or WAY.requests, WAY.connections or WAY.bytes, where WAY is poll, long, events or socket",
		about: map[string][]string{"rate": nil, "count": nil, "interval": nil, "wait": nil, "up": nil},
	},
	"streams": { // seven streams and seven WebSockets
		names: regexp.MustCompile(`^(streams|sockets)$`),
		hint:  "streams or sockets",
	},
	"chat": { // a raw TCP chat beside a WebSocket chat
		names: regexp.MustCompile(`^(tcp|socket)\.(writes|reads|bytes)$`),
		hint:  "tcp.writes, tcp.reads or tcp.bytes, or the same of socket",
		about: map[string][]string{"split": nil},
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

// units has the words that a question must contain, by the question's value. So each number
// in the choices has a unit.
var units = []struct {
	value, ask *regexp.Regexp
	word       string
}{
	{regexp.MustCompile(`^(length|size|header\.size|read|byte\.[0-9]+)$`), regexp.MustCompile(`\bbytes?\b`), "byte"},
	{regexp.MustCompile(`^(close\.code|code)$`), regexp.MustCompile(`\bcode\b`), "code"},
	{regexp.MustCompile(`^status$`), regexp.MustCompile(`\bstatus\b`), "status"},
	{regexp.MustCompile(`^violation$`), regexp.MustCompile(`\brules?\b`), "rule"},
	{regexp.MustCompile(`^payload\.[0-9]+$`), regexp.MustCompile(`\bpayload\b`), "payload"},
	{regexp.MustCompile(`\.(requests|connections|writes|reads)$`), regexp.MustCompile(`\b(requests|connections|writes|reads)\b`), "requests, connections, writes or reads"},
	{regexp.MustCompile(`\.bytes$`), regexp.MustCompile(`\bbytes\b`), "bytes"},
	{regexp.MustCompile(`^error\.`), regexp.MustCompile(`\berror\b|\breturn`), "error"},
}

// predict draws a question. The element contains the question as HTML, so that it is
// readable without scripts.
func (c *compiler) predict(text blockText) string {
	e, line := text.keys, text.line
	for _, k := range []string{"id", "ask", "about", "value", "explain", "hint"} {
		if e[k].value == "" {
			c.problem(line, "a predict block needs %s. Add a line %s: …", k, k)
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
			c.problem(e["ask"].line, "the question is about %s but does not contain the word %s. Add it", q.Value, u.word)
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
		c.problem(line, "a predict block needs at least two choices. Add lines  - EXPRESSION: text  below choices:")
	}
	for _, it := range e["choices"].items {
		is, label, ok := cutExpression(it.text)
		if !ok {
			c.problem(it.line, "%q is not a choice. Write - EXPRESSION: text", it.text)
			continue
		}
		for _, other := range q.Choices {
			if other.Is == is {
				c.problem(it.line, "two choices have the expression %s. Give each its own expression", is)
			}
		}
		if is != differs && !hasWords.MatchString(is) && !rangeForm.MatchString(is) {
			if what := check(is, k); what != "" {
				c.problem(it.line, "choice: %s", what)
			}
			if rule := strings.Trim(is, `"`); q.Value == "violation" && rule != "" && !isRule(rule) {
				c.problem(it.line, "choice: there is no rule %q. %s", rule, nearRule(rule))
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

// checkRanges checks that choices with ranges cover every number once. The first range
// begins with 0, each begins after the one before it, and the last has no end.
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
			c.problem(line, "the range %s does not begin right after the range before it. Change its first number", ch.Is)
			return
		}
		if next = -1; m[2] != "" {
			to, _ := strconv.Atoi(m[2])
			next = to + 1
		}
	}
	if ranges > 0 && (ranges < len(choices) || next >= 0) {
		c.problem(line, "the ranges do not cover every number. Write all choices as ranges, and the last as N or more")
	}
}

// checkID checks the form of an id, and that the course uses it once. The page stores the
// learner's answers by id.
func (c *compiler) checkID(id string, line int) {
	if id == "" {
		return
	}
	if !idForm.MatchString(id) || !strings.HasPrefix(id, fmt.Sprintf("%02d-", c.lesson.Number)) {
		c.problem(line, "the id %q has the wrong form. Write %02d-word", id, c.lesson.Number)
	}
	if first, ok := c.ids[id]; ok {
		c.problem(line, "%[2]s already uses the id %[1]q. Choose another", id, first)
	}
	c.ids[id] = fmt.Sprintf("%s:%d", c.file, line)
}

// about reads "frame from client opcode text": a kind of event, then pairs of a property
// and a value. A value with a space is in double quotes. name is used in problems.
func (c *compiler) about(name, s string, line int) (map[string]any, kind) {
	fields := lexer.FindAllString(s, -1)
	k, ok := kinds[fields[0]]
	if !ok {
		c.problem(line, "%s begins with %q. Begin with frame, handshake, script, call, ways, streams or chat", name, fields[0])
		return nil, k
	}
	if len(fields)%2 == 0 {
		c.problem(line, "%s ends with %q, which has no value. Write pairs, for instance from client", name, fields[len(fields)-1])
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
				c.problem(line, "there is no scenario %q. %s", value, meant(value, c.scenarioNames()))
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
			c.problem(line, "a %s has no property %q. Write %s", fields[0], key, list(append(slices.Sorted(maps.Keys(k.about)), "scenario")))
		case values == nil && (err != nil || n < 0):
			c.problem(line, "%s is %q. Write a whole number", key, value)
		case len(values) > 0 && !contains(values, value):
			c.problem(line, "%s is %q. %s", key, value, meant(value, values))
		case err == nil:
			about[key] = n
		}
	}
	return about, k
}

// check returns the mistake in an expression about an event of kind k, or "". An expression
// is a number, a "text" or a name, or several of them with xor or + between.
func check(expression string, k kind) string {
	for i, w := range lexer.FindAllString(expression, -1) {
		switch {
		case i%2 == 1 && w != "xor" && w != "+":
			return fmt.Sprintf("%q is in the place of xor or + in %s", w, expression)
		case i%2 == 1 || number.MatchString(w) || stringLit.MatchString(w) || k.names.MatchString(w):
		default:
			return fmt.Sprintf("%q is not a name. Write a number, a \"text\" or %s", w, k.hint)
		}
	}
	if n := len(lexer.FindAllString(expression, -1)); n%2 == 0 {
		return fmt.Sprintf("%q is not complete. Write A xor B", expression)
	}
	return ""
}

// cutExpression splits "EXPRESSION: text" at the first colon outside quotes.
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
