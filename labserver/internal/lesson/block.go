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
	"wslab/compare/scenario"
	"wslab/reference/wire"
)

// words are the info words of our fenced blocks. Any other fence is code.
var words = []string{
	"lab", "do", "predict", "accept", "decoder", "unmask", "lengths", "source", "rule", "opcodes", "scenario",
	"play", "ends", "tally", "codes", "heartbeat",
}

// languages are info words of ordinary code that look like a slip in one of
// ours.
var languages = []string{"go", "c", "cs", "py", "js", "ts", "sh", "rs", "text", "http", "html", "json", "diff", "abnf"}

func contains(names []string, word string) bool { return slices.Contains(names, word) }

// checkWord reports whether word opens a block of ours. A word that is nearly
// one is a problem: without this a slip would turn a block into listed code.
func (c *compiler) checkWord(word string, line int) bool {
	if contains(words, word) {
		return true
	}
	if word != "" && !contains(languages, word) {
		if near := nearest(word, words); near != "" {
			c.problem(line, "%q is no block; did you mean %s?", word, near)
		}
	}
	return false
}

// entry is the value of one key in a block, or of a list key its items.
type entry struct {
	value string
	line  int // where the key stands
	items []item
}

type item struct {
	text string
	line int
}

// entries reads lines of "key: value". A line that begins with a space goes on
// with the value above it; under a key in lists each "- " begins an item.
func (c *compiler) entries(lines []string, at int, where string, keys, lists []string) map[string]entry {
	all := map[string]entry{}
	key := "" // the one that the next indented line belongs to
	for i, l := range lines {
		line := at + i
		t := strings.TrimSpace(l)
		indented := strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t")
		dash, isItem := strings.CutPrefix(t, "- ")
		e := all[key]
		switch {
		case t == "" && key == "":
			continue
		case t == "" || indented && !isItem || indented && !contains(lists, key):
			if key == "" {
				c.problem(line, "a line of %s begins with a space but goes on with nothing; write key: value", where)
				continue
			}
			if n := len(e.items); n > 0 {
				e.items[n-1].text += "\n" + t
			} else {
				e.value += "\n" + t
			}
		case isItem && contains(lists, key):
			e.items = append(e.items, item{dash, line})
		default:
			k, v, ok := strings.Cut(l, ":")
			if !ok {
				c.problem(line, "%q is no line of %s; write key: value", t, where)
				key = ""
				continue
			}
			if !contains(keys, k) && !contains(lists, k) {
				c.problem(line, "%q is no key of %s; %s", k, where, meant(k, append(slices.Clone(keys), lists...)))
				key = ""
				continue
			}
			if _, ok := all[k]; ok {
				c.problem(line, "%s stands twice in %s; keep one", k, where)
			}
			key, e = k, entry{value: strings.TrimSpace(v), line: line}
		}
		all[key] = e
	}
	for k, e := range all {
		e.value = strings.TrimSpace(e.value)
		for i := range e.items {
			e.items[i].text = strings.TrimSpace(e.items[i].text)
		}
		all[k] = e
	}
	return all
}

// render makes the HTML of one block of ours. lines are its body; line is the
// number of the fence that opens it.
func (c *compiler) render(word, arg string, lines []string, line int) string {
	where := "a " + word + " block"
	if contains([]string{"accept", "opcodes", "unmask", "ends"}, word) {
		where = "an " + word + " block"
	}
	takesArg := contains([]string{"source", "rule", "scenario", "play", "ends"}, word)
	if arg != "" && !takesArg {
		c.problem(line, "%s takes nothing after its word; write its keys in the lines below", where)
	}
	if arg == "" && takesArg {
		c.problem(line, "%s names what it shows; write it after the word", where)
		return ""
	}
	keys := func(ks ...string) map[string]entry { return c.entries(lines, line+1, where, ks, nil) }

	switch word {
	case "lab":
		c.lab(keys("endpoints", "hold"), line)
	case "do":
		return c.buttons(lines, line)
	case "predict":
		return c.predict(c.entries(lines, line+1, where, predictKeys, []string{"choices"}), line)
	case "accept":
		keys()
		return "<ws-accept></ws-accept>\n"
	case "unmask":
		keys()
		return "<ws-unmask></ws-unmask>\n"
	case "decoder":
		return c.decoder(keys("hex", "from"), line)
	case "lengths":
		return c.lengths(keys("sizes"), line)
	case "source":
		return c.source(arg, keys("gorilla"), line)
	case "rule":
		keys()
		return c.rule(arg, line)
	case "opcodes":
		keys()
		return opcodes()
	case "scenario":
		return c.scenario(arg, keys("steps", "shows"), line)
	case "play":
		return c.play(word, arg, keys("as", "endpoint"), line)
	case "ends":
		return c.play(word, arg, keys("as", "endpoint", "tutorials"), line)
	case "tally":
		return c.tally(keys("scenarios", "runs"), line)
	case "codes":
		keys()
		return codes()
	case "heartbeat":
		keys()
		return "<ws-heartbeat></ws-heartbeat>\n"
	}
	return ""
}

// lab sets how the panel at the side begins. It shows nothing in the text.
func (c *compiler) lab(e map[string]entry, line int) {
	if c.labs++; c.labs > 1 {
		c.problem(line, "this is the second lab block; a lesson has one")
		return
	}
	c.lesson.Lab.Endpoints = c.oneOf(e, "endpoints", "both", append(endpoint.Names(endpoint.All()), "both"))
	c.lesson.Lab.Hold = c.oneOf(e, "hold", "off", []string{"on", "off"})
}

// oneOf returns the value of key, which must be one of values, or fallback
// where the key is absent.
func (c *compiler) oneOf(e map[string]entry, key, fallback string, values []string) string {
	v, ok := e[key]
	switch {
	case !ok:
		return fallback
	case !contains(values, v.value):
		c.problem(v.line, "%s is %q; %s", key, v.value, meant(v.value, values))
		return fallback
	}
	return v.value
}

func (c *compiler) decoder(e map[string]entry, line int) string {
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

func (c *compiler) lengths(e map[string]entry, line int) string {
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
func (c *compiler) source(site string, e map[string]entry, line int) string {
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

// figure draws a listing. The classes of its spans are those of Listing.
func figure(l Listing) string {
	var b strings.Builder
	name := l.File
	if l.Version != "" {
		name = "gorilla/websocket " + l.Version + ", " + l.File
	}
	fmt.Fprintf(&b, "<figure class=\"source\">\n<figcaption><code>%s</code> in <code>%s</code></figcaption>\n",
		html.EscapeString(l.Symbol), html.EscapeString(name))
	if len(l.Lines) > 0 {
		fmt.Fprintf(&b, "<pre class=\"listing\" tabindex=\"0\" aria-label=\"%s\"><code>", html.EscapeString(l.Symbol+" in "+name))
		for i, tokens := range l.Lines {
			n, class := l.Numbers[i], "line"
			if n >= l.Hot[0] && n <= l.Hot[1] {
				class = "line hot"
			}
			fmt.Fprintf(&b, "<span class=\"%s\" data-line=\"%d\">", class, n)
			for _, t := range tokens {
				if t[0] == "" {
					b.WriteString(html.EscapeString(t[1]))
				} else {
					fmt.Fprintf(&b, "<span class=\"%s\">%s</span>", t[0], html.EscapeString(t[1]))
				}
			}
			b.WriteString("\n</span>")
		}
		b.WriteString("</code></pre>\n")
	}
	if l.Link != "" {
		fmt.Fprintf(&b, "<p class=\"origin\"><a href=\"%s\">%s in its repository</a></p>\n", html.EscapeString(l.Link), html.EscapeString(l.File))
	}
	b.WriteString("</figure>\n")
	return b.String()
}

// rule quotes one of wire.Rules.
func (c *compiler) rule(code string, line int) string {
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

// meanings says in a few words what each opcode is for.
var meanings = map[wire.Opcode]string{
	wire.Continuation: "the next fragment of the message that was begun",
	wire.Text:         "a message, or its first fragment, in UTF-8",
	wire.Binary:       "a message, or its first fragment, of any bytes",
	wire.Close:        "no more data from this side; may carry a code and a reason",
	wire.Ping:         "asks for a Pong with the same payload",
	wire.Pong:         "answers a Ping, or comes unasked",
}

// opcodes draws all sixteen values, those without a meaning in ranges.
func opcodes() string {
	var b strings.Builder
	b.WriteString("<table class=\"opcodes\">\n<thead><tr><th scope=\"col\">opcode</th><th scope=\"col\">bits</th><th scope=\"col\">name</th><th scope=\"col\">kind</th><th scope=\"col\">what it says</th></tr></thead>\n<tbody>\n")
	for o := wire.Opcode(0); o <= 0xF; o++ {
		end := o
		for end < 0xF && o.IsReserved() && (end + 1).IsReserved() && (end+1).IsControl() == o.IsControl() {
			end++
		}
		number, bits := fmt.Sprintf("0x%X", uint8(o)), fmt.Sprintf("%04b", uint8(o))
		name, meaning := o.String(), meanings[o]
		kind := "data"
		if o.IsControl() {
			kind = "control"
		}
		if o.IsReserved() {
			number = fmt.Sprintf("0x%X–0x%X", uint8(o), uint8(end))
			bits = fmt.Sprintf("%04b–%04b", uint8(o), uint8(end))
			name, meaning = "reserved", "nothing yet: whoever receives it fails the connection"
		}
		fmt.Fprintf(&b, "<tr><td><code class=\"f-head\">%s</code></td><td><code>%s</code></td><td>%s</td><td>%s</td><td>%s</td></tr>\n", number, bits, name, kind, meaning)
		o = end
	}
	b.WriteString("</tbody>\n</table>\n")
	return b.String()
}

// scenario shows the steps and a button that runs them. They may be folded away,
// so that they do not answer a prediction above.
func (c *compiler) scenario(name string, e map[string]entry, line int) string {
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
