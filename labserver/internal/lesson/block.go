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

	"wslab/compare/endpoint"
	"wslab/reference/wire"
)

// blockKind is a kind of fenced block of ours. Any other fence is code.
type blockKind struct {
	word    string   // after the ``` of its fence
	names   bool     // it names what it shows after its word
	keys    []string // of its lines, "key: value"
	lists   []string // keys below which items are listed
	free    bool     // its lines have a form of their own, and no keys
	element string   // the page's element that it becomes; "" where HTML is enough
	example string   // one as an author writes it, without its fence
	draw    func(*compiler, blockText) string
}

// blockText is a block as an author has written it.
type blockText struct {
	word  string
	name  string   // after its word
	lines []string // its body
	line  int      // number of the fence that opens it
	keys  map[string]entry
}

// blocks is the table of our blocks. Package doc has the recipe for another.
func blocks() []blockKind {
	return []blockKind{
		{word: "lab", keys: []string{"endpoints", "hold"}, example: "lab\nendpoints: both\nhold: on",
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
		{word: "tally", keys: []string{"scenarios", "runs"}, element: "ws-tally", example: "tally\nscenarios: disconnect-5\nruns: 3",
			draw: (*compiler).tally},
	}
}

// alone draws an element that needs nothing from the lesson.
func alone(element string) func(*compiler, blockText) string {
	return func(*compiler, blockText) string { return "<" + element + "></" + element + ">\n" }
}

// blockWords are the words that open blocks of ours.
func blockWords() []string {
	var words []string
	for _, b := range blocks() {
		words = append(words, b.word)
	}
	return words
}

// languages are info words of ordinary code that look like a slip in one of
// ours.
var languages = []string{"go", "c", "cs", "py", "js", "ts", "sh", "rs", "text", "http", "html", "json", "diff", "abnf"}

func contains(names []string, word string) bool { return slices.Contains(names, word) }

// checkWord reports whether word opens a block of ours. A word that is nearly
// one is a problem: without this a slip would turn a block into listed code.
func (c *compiler) checkWord(word string, line int) bool {
	if contains(blockWords(), word) {
		return true
	}
	if word != "" && !contains(languages, word) {
		if near := nearest(word, blockWords()); near != "" {
			c.problem(line, "%q is no block; did you mean %s?", word, near)
		}
	}
	return false
}

// render makes the HTML of one block of ours. lines are its body; line is the
// number of the fence that opens it.
func (c *compiler) render(word, name string, lines []string, line int) string {
	all := blocks()
	kind := all[slices.IndexFunc(all, func(b blockKind) bool { return b.word == word })] // checkWord has found it
	where := "a " + word + " block"
	if strings.ContainsAny(word[:1], "aeiou") {
		where = "an " + word + " block"
	}
	if name != "" && !kind.names {
		c.problem(line, "%s takes nothing after its word; write its keys in the lines below", where)
	}
	if name == "" && kind.names {
		c.problem(line, "%s names what it shows; write it after the word", where)
		return ""
	}
	text := blockText{word: word, name: name, lines: lines, line: line}
	if !kind.free {
		text.keys = c.entries(lines, line+1, where, kind.keys, kind.lists)
	}
	return kind.draw(c, text)
}

// lab sets how the panel at the side begins. It shows nothing in the text.
func (c *compiler) lab(text blockText) string {
	e, line := text.keys, text.line
	if c.labs++; c.labs > 1 {
		c.problem(line, "this is the second lab block; a lesson has one")
		return ""
	}
	c.lesson.Lab.Endpoints = c.oneOf(e, "endpoints", "both", append(endpoint.Names(endpoint.All()), "both"))
	c.lesson.Lab.Hold = c.oneOf(e, "hold", "off", []string{"on", "off"})
	return ""
}

func (c *compiler) decoder(text blockText) string {
	e, line := text.keys, text.line
	from := c.oneOf(e, "from", "client", []string{"client", "server"})
	h, ok := e["hex"]
	if !ok {
		c.problem(line, "a decoder block needs bytes to begin with; add a line hex: 81 05 …")
		return ""
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(h.value), ""))
	if err != nil {
		c.problem(h.line, "hex is %q; write two hexadecimal digits for each byte", h.value)
		return ""
	}
	return fmt.Sprintf("<ws-decoder data-hex=\"% x\" data-from=\"%s\"></ws-decoder>\n", b, from)
}

func (c *compiler) lengths(text blockText) string {
	e, line := text.keys, text.line
	s, ok := e["sizes"]
	if !ok || s.value == "" {
		c.problem(line, "a lengths block needs sizes; add a line sizes: 125 126")
		return ""
	}
	for n := range strings.FieldsSeq(s.value) {
		if v, err := strconv.Atoi(n); err != nil || v < 0 || v > maxRepeat {
			c.problem(s.line, "the size %q is no whole number from 0 to %d", n, maxRepeat)
			return ""
		}
	}
	return fmt.Sprintf("<ws-lengths data-sizes=\"%s\"></ws-lengths>\n", strings.Join(strings.Fields(s.value), " "))
}

// source shows the lines of a site, and below them gorilla's where asked.
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
			c.problem(e["gorilla"].line, "gorilla has no place that does what %s does; take the line away", site)
		}
		out += figure(g)
	}
	return out
}

// rule quotes one of wire.Rules.
func (c *compiler) rule(text blockText) string {
	code, line := text.name, text.line
	i := slices.IndexFunc(wire.Rules, func(r wire.Rule) bool { return r.Code == code })
	if i < 0 {
		c.problem(line, "there is no rule %q; %s", code, nearRule(code))
		return ""
	}
	r := wire.Rules[i]
	var b strings.Builder
	fmt.Fprintf(&b, "<aside class=\"rule\">\n<p class=\"code\"><a href=\"/rules#%s\">rule %s</a></p>\n<p>%s</p>\n", r.Code, r.Code, html.EscapeString(r.Sentence))
	fmt.Fprintf(&b, "<p class=\"origin\"><a class=\"rfc\" href=\"%s\">RFC %d §%s</a>", rfcLink(cmp.Or(r.RFC, 6455), r.Section), cmp.Or(r.RFC, 6455), r.Section)
	switch {
	case r.CloseCode != 0:
		fmt.Fprintf(&b, " · broken: fail the connection, close code %s", html.EscapeString(r.CloseCode.String()))
	case r.Status != 0:
		fmt.Fprintf(&b, " · broken: refuse with HTTP status %d", r.Status)
	default:
		b.WriteString(" · broken: the client fails the connection")
	}
	b.WriteString("</p>\n</aside>\n")
	return b.String()
}

// nearRule advises on a rule's name: the nearest, or those of its section.
func nearRule(code string) string {
	if near := nearest(code, ruleCodes()); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	section, _, _ := strings.Cut(code, "/")
	var same []string
	for _, k := range ruleCodes() {
		if strings.HasPrefix(k, section+"/") {
			same = append(same, k)
		}
	}
	if len(same) > 0 {
		return "those of that section are " + list(same)
	}
	return "the names stand in reference/wire/rules.go"
}

// scenario shows the steps and a button that runs them. They may be folded away,
// so that they do not answer a prediction above.
func (c *compiler) scenario(text blockText) string {
	name, e, line := text.name, text.keys, text.line
	s, ok := c.course.Scenarios[name]
	if !ok {
		c.problem(line, "there is no scenario %q; %s", name, meant(name, c.scenarioNames()))
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
	return strings.TrimSuffix(shown, "</figure>\n") + "<ws-do>" + button("Play it on "+c.players(), a) + "</ws-do>\n</figure>\n"
}

// script lists the commands of a scenario under its title.
func script(s Scenario) string {
	_, text, _ := strings.Cut(s.Text, "\n")
	var b strings.Builder
	fmt.Fprintf(&b, "<figure class=\"scenario\">\n<figcaption>%s</figcaption>\n<pre class=\"script\" tabindex=\"0\" aria-label=\"scenario %s\"><code>", html.EscapeString(s.Title), s.Name)
	for l := range strings.Lines(strings.Trim(text, "\n") + "\n") {
		if strings.HasPrefix(l, "|") {
			continue // a transcript, of a run that was not the learner's
		}
		l = html.EscapeString(l)
		if strings.HasPrefix(l, "#") {
			l = "<span class=\"comment\">" + strings.TrimSuffix(l, "\n") + "</span>\n"
		}
		b.WriteString(l)
	}
	b.WriteString("</code></pre>\n</figure>\n")
	return b.String()
}

// players says on which servers the lesson's panel plays a scenario.
func (c *compiler) players() string {
	if c.lesson.Lab.Endpoints == "both" {
		return "both servers"
	}
	return c.lesson.Lab.Endpoints
}

// plays remembers that the lesson plays a scenario.
func (c *compiler) plays(name string) {
	if !contains(c.lesson.Scenarios, name) {
		c.lesson.Scenarios = append(c.lesson.Scenarios, name)
	}
}

func (c *compiler) scenarioNames() []string {
	return slices.Sorted(maps.Keys(c.course.Scenarios))
}

// attribute makes JSON of v that can stand between single quotes in HTML.
func attribute(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only our own structs of strings and numbers come here
	}
	return strings.ReplaceAll(string(b), "'", `\u0027`) // & < > are escaped by Marshal
}
