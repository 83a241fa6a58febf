package lesson

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"

	"wslab/compare/bugs"
	"wslab/compare/endpoint"
	"wslab/compare/scenario"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

// blockKind is one kind of our fenced blocks. Any other fenced block is code.
type blockKind struct {
	word    string   // its first word, after ```
	names   bool     // a name follows the word
	keys    []string // keys allowed in its lines, "key: value"
	lists   []string // keys whose value is a list of items
	free    bool     // its lines have a form other than "key: value"
	element string   // tag of the page's element; "" if HTML is enough
	style   string   // a style sheet in static/css that only lessons with this block load; "" if wslab.css has its style
	example string   // an example, without ```
	draw    func(*compiler, blockText) string
}

// blockText is a block as the author wrote it.
type blockText struct {
	word  string
	name  string   // the name after the word
	lines []string // its body
	line  int      // line number of its first line
	keys  map[string]entry
}

// blocks returns the table of our blocks. The package doc says how to add one.
func blocks() []blockKind {
	return []blockKind{
		{word: "lab", keys: []string{"endpoints", "hold", "stack"}, example: "lab\nendpoints: both\nhold: on",
			draw: (*compiler).lab},
		{word: "do", free: true, element: "ws-do", example: "do\nSend Hello: send \"Hello\"",
			draw: (*compiler).buttons},
		{word: "predict", keys: predictKeys, lists: []string{"choices"}, element: "ws-predict",
			example: "predict\nid: 01-fin\nask: Is FIN set?\nabout: frame from client\nvalue: fin\nchoices:\n  - 1: Yes\n  - 0: No\nhint: Look.\nexplain: It is.",
			draw:    (*compiler).predict},
		{word: "accept", element: "ws-accept", example: "accept", draw: alone("ws-accept")},
		{word: "unmask", element: "ws-unmask", example: "unmask", draw: alone("ws-unmask")},
		{word: "heartbeat", element: "ws-heartbeat", example: "heartbeat", draw: alone("ws-heartbeat")},
		{word: "decoder", keys: []string{"hex", "from"}, element: "ws-decoder", example: "decoder\nhex: 81 05 48 65 6c 6c 6f\nfrom: server",
			draw: (*compiler).decoder},
		{word: "doors", keys: []string{"run", "start"}, element: "ws-doors", example: "doors\nrun: whole",
			draw: (*compiler).doors},
		{word: "lengths", keys: []string{"sizes"}, element: "ws-lengths", example: "lengths\nsizes: 125 126",
			draw: (*compiler).lengths},
		{word: "source", names: true, keys: []string{"gorilla"}, example: "source wire.ParseHeader#mask\ngorilla: no",
			draw: (*compiler).source},
		{word: "rule", names: true, example: "rule 5.2/rsv1",
			draw: (*compiler).rule},
		{word: "opcodes", example: "opcodes", draw: opcodes},
		{word: "codes", element: "ws-codes", example: "codes", draw: codes},
		{word: "scenario", names: true, keys: []string{"steps", "shows"}, element: "ws-do", example: "scenario masked-hello\nsteps: folded",
			draw: (*compiler).scenario},
		{word: "play", names: true, keys: []string{"as", "endpoint"}, element: "ws-play", example: "play masked-hello\nas: raw",
			draw: (*compiler).play},
		{word: "ends", names: true, keys: []string{"as", "endpoint", "tutorials"}, element: "ws-play", example: "ends disconnect-1\ntutorials: They say that it is clean.",
			draw: (*compiler).play},
		{word: "checks", keys: []string{"scenarios"}, element: "ws-checks", example: "checks\nscenarios: no-key wrong-version",
			draw: (*compiler).checks},
		{word: "stack", keys: []string{"send", "reads", "find"}, element: "ws-stack", example: "stack\nsend: 130\nreads: 1",
			draw: (*compiler).stack},
		{word: "bugs", keys: []string{"find"}, element: "ws-bugs", example: "bugs\nfind: 12",
			draw: (*compiler).bugs},
		{word: "tally", keys: []string{"scenarios", "runs"}, element: "ws-tally", example: "tally\nscenarios: disconnect-5\nruns: 3",
			draw: (*compiler).tally},
		{word: "ways", element: "ws-ways", style: "ways", example: "ways", draw: alone("ws-ways")},
		{word: "streams", element: "ws-streams", style: "ways", example: "streams", draw: alone("ws-streams")},
		{word: "chat", element: "ws-chat", style: "ways", example: "chat", draw: alone("ws-chat")},
	}
}

// alone returns a function that draws an element without data.
func alone(element string) func(*compiler, blockText) string {
	return func(*compiler, blockText) string { return "<" + element + "></" + element + ">\n" }
}

// blockWords returns the words of our blocks.
func blockWords() []string {
	var words []string
	for _, b := range blocks() {
		words = append(words, b.word)
	}
	return words
}

// languages are words of code blocks that resemble one of our words.
var languages = []string{"go", "c", "cs", "py", "js", "ts", "sh", "rs", "text", "http", "html", "json", "diff", "abnf"}

func contains(names []string, word string) bool { return slices.Contains(names, word) }

// checkWord reports whether word begins one of our blocks. A word that resembles one of
// ours is a problem: a typing error would turn the block into code.
func (c *compiler) checkWord(word string, line int) bool {
	if contains(blockWords(), word) {
		return true
	}
	if word != "" && !contains(languages, word) {
		if near := nearest(word, blockWords()); near != "" {
			c.problem(line, "%q is not a block. Did you mean %s?", word, near)
		}
	}
	return false
}

// render returns the HTML of one of our blocks. lines are its body; line is the
// number of its first line.
func (c *compiler) render(word, name string, lines []string, line int) string {
	all := blocks()
	kind := all[slices.IndexFunc(all, func(b blockKind) bool { return b.word == word })] // checkWord has checked that it exists
	where := "a " + word + " block"
	if strings.ContainsAny(word[:1], "aeiou") {
		where = "an " + word + " block"
	}
	if name != "" && !kind.names {
		c.problem(line, "%s has no name after its word. Write its keys in the lines below", where)
	}
	if name == "" && kind.names {
		c.problem(line, "%s needs a name after its word", where)
		return ""
	}
	text := blockText{word: word, name: name, lines: lines, line: line}
	if !kind.free {
		text.keys = c.entries(lines, line+1, where, kind.keys, kind.lists)
	}
	if kind.style != "" && !contains(c.lesson.Styles, kind.style) {
		c.lesson.Styles = append(c.lesson.Styles, kind.style)
	}
	return kind.draw(c, text)
}

// lab stores the settings of the panel beside the lesson. It draws nothing.
func (c *compiler) lab(text blockText) string {
	e, line := text.keys, text.line
	if c.labs++; c.labs > 1 {
		c.problem(line, "this is a second lab block. Keep one")
		return ""
	}
	c.lesson.Lab.Endpoints = c.oneOf(e, "endpoints", "both", append(endpoint.Names(endpoint.All()), "both"))
	c.lesson.Lab.Hold = c.oneOf(e, "hold", "off", []string{"on", "off"})
	c.lesson.Lab.Stack = c.oneOf(e, "stack", "off", []string{"on", "off"})
	return ""
}

func (c *compiler) decoder(text blockText) string {
	e, line := text.keys, text.line
	from := c.oneOf(e, "from", "client", []string{"client", "server"})
	h, ok := e["hex"]
	if !ok {
		c.problem(line, "a decoder block needs bytes. Add a line hex: 81 05 …")
		return ""
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(h.value), ""))
	if err != nil {
		c.problem(h.line, "hex is %q. Write two hexadecimal digits for each byte", h.value)
		return ""
	}
	return fmt.Sprintf("<ws-decoder data-hex=\"% x\" data-from=\"%s\"></ws-decoder>\n", b, from)
}

func (c *compiler) lengths(text blockText) string {
	e, line := text.keys, text.line
	s, ok := e["sizes"]
	if !ok || s.value == "" {
		c.problem(line, "a lengths block needs sizes. Add a line sizes: 125 126")
		return ""
	}
	for n := range strings.FieldsSeq(s.value) {
		if v, err := strconv.Atoi(n); err != nil || v < 0 || v > maxRepeat {
			c.problem(s.line, "the size %q is not a whole number from 0 to %d", n, maxRepeat)
			return ""
		}
	}
	return fmt.Sprintf("<ws-lengths data-sizes=\"%s\"></ws-lengths>\n", strings.Join(strings.Fields(s.value), " "))
}

// bugs draws the game with the faults of the naive server.
func (c *compiler) bugs(text blockText) string {
	find, ok := text.keys["find"]
	n, err := strconv.Atoi(find.value)
	if !ok || err != nil || n < 1 || n > len(naive.Faults) {
		c.problem(cmp.Or(find.line, text.line), "a bugs block needs the number of faults to find. Add a line find: N with N from 1 to %d", len(naive.Faults))
		return ""
	}
	for _, a := range bugs.Attacks {
		if _, ok := c.course.Scenarios[a.Scenario]; !ok {
			c.problem(text.line, "the attack %q of the game needs the scenario %s, which does not exist", a.Name, a.Scenario)
		}
		c.plays(a.Scenario)
	}
	return fmt.Sprintf("<ws-bugs data-goal=\"%d\"></ws-bugs>\n", n)
}

// source draws the lines of a site and, with gorilla: yes, those of gorilla below them.
func (c *compiler) source(text blockText) string {
	site, e, line := text.name, text.keys, text.line
	l, err := c.Sites.Listing(site)
	if err != nil {
		c.problem(line, "%v", err)
		return ""
	}
	out := figure(l)
	if c.oneOf(e, "gorilla", "no", []string{"yes", "no"}) == "yes" {
		g, ok := GorillaListing(c.GorillaDir, site)
		if !ok {
			c.problem(e["gorilla"].line, "gorilla has no code for %s. Remove the line", site)
		}
		out += figure(g)
	}
	return out
}

// rule draws one of wire.Rules.
func (c *compiler) rule(text blockText) string {
	code, line := text.name, text.line
	i := slices.IndexFunc(wire.Rules, func(r wire.Rule) bool { return r.Code == code })
	if i < 0 {
		c.problem(line, "there is no rule %q. %s", code, nearRule(code))
		return ""
	}
	r := wire.Rules[i]
	var b strings.Builder
	fmt.Fprintf(&b, "<aside class=\"rule\">\n<p class=\"code\"><a href=\"/rules#%s\">rule %s</a></p>\n<p>%s</p>\n", r.Code, r.Code, html.EscapeString(r.Sentence))
	fmt.Fprintf(&b, "<p class=\"origin\"><a class=\"rfc\" href=\"%s\">RFC %d §%s</a>", rfcLink(cmp.Or(r.RFC, 6455), r.Section), cmp.Or(r.RFC, 6455), r.Section)
	switch {
	case r.CloseCode != 0:
		fmt.Fprintf(&b, " · if broken: fail the connection with close code %s", html.EscapeString(r.CloseCode.String()))
	case r.Status != 0:
		fmt.Fprintf(&b, " · if broken: refuse with HTTP status %d", r.Status)
	default:
		b.WriteString(" · if broken: the client fails the connection")
	}
	b.WriteString("</p>\n</aside>\n")
	return b.String()
}

// nearRule returns advice about an unknown rule: the most similar name, or the names in
// its section.
func nearRule(code string) string {
	if near := nearest(code, ruleCodes()); near != "" {
		return fmt.Sprintf("Did you mean %s?", near)
	}
	section, _, _ := strings.Cut(code, "/")
	var same []string
	for _, k := range ruleCodes() {
		if strings.HasPrefix(k, section+"/") {
			same = append(same, k)
		}
	}
	if len(same) > 0 {
		return "That section has " + list(same)
	}
	return "See the names in reference/wire/rules.go"
}

// scenario draws the steps and a button that runs them. If the steps are folded, they do
// not reveal the answer of a prediction.
func (c *compiler) scenario(text blockText) string {
	name, e, line := text.name, text.keys, text.line
	s, ok := c.course.Scenarios[name]
	if !ok {
		c.problem(line, "there is no scenario %q. %s", name, meant(name, c.scenarioNames()))
		return ""
	}
	c.plays(name)
	shown := script(s)
	if c.oneOf(e, "steps", "open", []string{"open", "folded"}) == "folded" {
		shown = strings.Replace(shown, "<pre ", "<details><summary>Show the steps</summary>\n<pre ", 1)
		shown = strings.Replace(shown, "</pre>\n", "</pre>\n</details>\n", 1)
	}
	a := action{Do: "scenario", Name: name}
	if shows, ok := e["shows"]; ok {
		a.Shows = c.shows(a.Do, shows.value, shows.line)
	}
	return strings.TrimSuffix(shown, "</figure>\n") + "<ws-do>" + button("Run it on "+c.players(), a) + "</ws-do>\n</figure>\n"
}

// script draws the commands of a scenario under its title.
func script(s *scenario.Scenario) string {
	_, text, _ := strings.Cut(s.WithTranscripts(nil), "\n")
	var b strings.Builder
	fmt.Fprintf(&b, "<figure class=\"scenario\">\n<figcaption>%s</figcaption>\n<pre class=\"script\" tabindex=\"0\" aria-label=\"scenario %s\"><code>", html.EscapeString(s.Title), s.Name)
	for l := range strings.Lines(strings.Trim(text, "\n") + "\n") {
		l = html.EscapeString(l)
		if strings.HasPrefix(l, "#") {
			l = "<span class=\"comment\">" + strings.TrimSuffix(l, "\n") + "</span>\n"
		}
		b.WriteString(l)
	}
	b.WriteString("</code></pre>\n</figure>\n")
	return b.String()
}

// players names the servers of the lesson's panel.
func (c *compiler) players() string {
	if c.lesson.Lab.Endpoints == "both" {
		return "both servers"
	}
	return c.lesson.Lab.Endpoints
}

// plays records that the lesson runs a scenario.
func (c *compiler) plays(name string) {
	if !contains(c.lesson.Scenarios, name) {
		c.lesson.Scenarios = append(c.lesson.Scenarios, name)
	}
}

func (c *compiler) scenarioNames() []string {
	return slices.Sorted(maps.Keys(c.course.Scenarios))
}

// attribute returns JSON of v for an attribute of HTML in single quotes.
func attribute(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // v is always one of our structs of strings and numbers
	}
	return strings.ReplaceAll(string(b), "'", `\u0027`) // & < > are escaped by Marshal
}
