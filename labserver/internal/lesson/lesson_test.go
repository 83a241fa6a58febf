package lesson

import (
	"errors"
	"flag"
	"fmt"
	"html/template"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"wslab/lessons"
	"wslab/reference/naive"
)

var update = flag.Bool("update", false, "write the golden files again")

// mistakes are like those of package endpoint.
var mistakes = []string{"wrong-accept", "no-accept", "no-upgrade", "no-connection", "status-200", "unasked-subprotocol"}

// sampleSource is a package small enough to be read in a golden file.
const sampleSource = `package wire

// Parse reads <one> byte.
func Parse(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	//lesson:begin mask
	masked := b[0]&0x80 != 0 // "MASK"
	//lesson:end
	return masked
}

func ParseHeader(b []byte) (ok bool) {
	//lesson:begin mask
	ok = b[1]&0x80 != 0
	//lesson:end
	return ok
}

type Reader struct{}

func (r *Reader) Next() byte { return '\'' }

func (r Reader) Size() int { return 0 }
`

func sampleSites(t *testing.T) *Sites {
	t.Helper()
	s, err := Resolve(SourceSet{"reference/wire": fstest.MapFS{"parse.go": {Data: []byte(sampleSource)}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shipped(t *testing.T) *Course {
	t.Helper()
	s, err := Resolve(Sources)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(lessons.Files, Options{Sites: s, Mistakes: mistakes})
	if err != nil {
		t.Fatalf("the lessons do not load:\n%v", err)
	}
	return c
}

func TestTheShippedLessonsLoad(t *testing.T) {
	c := shipped(t)
	played := map[string]bool{}
	for _, l := range c.Lessons {
		for _, s := range l.Scenarios {
			played[s] = true
		}
		predictions := strings.Count(string(l.HTML), "<ws-predict ") + strings.Count(string(l.HTML), `"tutorials":`) // of a prediction's block, and of an outcome's table
		if predictions < 3 || predictions > 6 {
			t.Errorf("%s has %d predictions; a lesson has 3 to 6", l.Slug, predictions)
		}
		for _, title := range []string{"Why it matters", "What will happen", "What you may ignore for now", "What to try next"} {
			if !hasSection(l, title) {
				t.Errorf("%s has no section %q", l.Slug, title)
			}
		}
	}
	game, ok := c.Lesson("09-weekend")
	if want := fmt.Sprintf("%d faults", len(naive.Faults)); !ok || !strings.Contains(string(game.HTML), want) {
		t.Errorf("the lesson of the game does not say %q", want)
	}
	for name := range c.Scenarios {
		if !played[name] {
			t.Errorf("no lesson plays the scenario %s", name)
		}
	}
}

func hasSection(l *Lesson, title string) bool {
	for _, s := range l.Sections {
		if s.Title == title && strings.Contains(string(l.HTML), `id="`+s.ID+`"`) {
			return true
		}
	}
	return false
}

func TestAPageHasNothingThatItsPolicyForbids(t *testing.T) {
	for _, l := range shipped(t).Lessons {
		for _, bad := range []string{" style=", "<script", " onclick", "<img", "<style", "<!-- raw"} {
			if strings.Contains(string(l.HTML), bad) {
				t.Errorf("%s holds %q", l.Slug, bad)
			}
		}
	}
}

func TestLessonsKnowTheirOrder(t *testing.T) {
	c := shipped(t)
	if len(c.Lessons) < 3 {
		t.Fatalf("%d lessons", len(c.Lessons))
	}
	for i, l := range c.Lessons {
		if l.Number != i || i > 0 && (l.Prev != c.Lessons[i-1] || l.Prev.Next != l) {
			t.Errorf("%s is number %d in place %d, after %v", l.Slug, l.Number, i, l.Prev)
		}
		if got, ok := c.Lesson(l.Slug); !ok || got != l {
			t.Errorf("Lesson(%q) finds %v", l.Slug, got)
		}
	}
	if _, ok := c.Lesson("99-nothing"); ok {
		t.Error("Lesson finds a lesson that is not there")
	}
	if c.Lessons[0].Name != "Why" {
		t.Errorf("the first lesson is called %q", c.Lessons[0].Name)
	}
}

func TestLessonsRenderAsTheGoldensShow(t *testing.T) {
	course := os.DirFS("testdata/course")
	names, err := filepath.Glob("testdata/course/*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("no sample lessons: %v", err)
	}
	c, err := Load(course, Options{Sites: sampleSites(t), Mistakes: mistakes})
	if err != nil {
		t.Fatalf("the sample course does not load:\n%v", err)
	}
	for i, name := range names {
		l := c.Lessons[i]
		got := fmt.Sprintf("%d %s %q %d min\ngoal: %s\nlab: %+v\nsections: %q\nscenarios: %q\n\n%s",
			l.Number, l.Slug, l.Title, l.Minutes, l.Goal, l.Lab, l.Sections, l.Scenarios, l.HTML)
		golden := strings.TrimSuffix(strings.Replace(name, "course", "golden", 1), ".md") + ".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from %s; run with -update and read the difference\n%s", l.Slug, golden, firstDifference(got, string(want)))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

const fine = "---\ntitle: T\nminutes: 1\ngoal: G.\nnext: N.\n---\n```lab\n```\n" // eight lines: a body begins in line 9

// load compiles files, given as name and text in turn.
func load(t *testing.T, files ...string) (*Course, error) {
	t.Helper()
	m := fstest.MapFS{"scenarios/hello.txt": {Data: []byte("# Hello\nopen\n")}, "scenarios/hexed.txt": {Data: []byte("# Hexed\nopen\nbytes 81\n")}}
	for i := 0; i < len(files); i += 2 {
		m[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return Load(m, Options{Sites: sampleSites(t), Mistakes: mistakes})
}

// asked is a predict block with one line replaced.
func asked(old, new string) string {
	block := "```predict\nid: 01-a\nask: Which byte?\nabout: frame from client\nvalue: byte.1\nchoices:\n  - 1: one\n  - 2: two\nhint: H.\nexplain: E.\n```\n"
	return strings.Replace(block, old, new, 1)
}

func TestEveryMistakeInALessonIsToldWithItsPlaceAndItsMend(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		// The page as a whole.
		{"```bugs\n```\n", `9: a bugs block needs the number of faults to find`},
		{"```bugs\nfind: 99\n```\n", `10: a bugs block needs the number of faults to find`},
		{"```lab\n```\n", `9: this is a second lab block. Keep one`},
		{"# Title\n", `9: only the page's title is a heading of the first level. Begin sections with ##`},
		{"text\n\n<b>x</b> y\n", `11: raw HTML is not rendered`},
		{"<div>\n</div>\n", `9: raw HTML is not rendered`},
		{"![x](https://example.org/x.png)\n", `9: a lesson cannot have images. Use text or a block instead`},
		{"[x](/lessons/01-y)\n", `9: there is no page /lessons/01-y. Did you mean /lessons/01-x?`},
		{"[x](/nowhere)\n", `9: there is no page /nowhere. Write /lessons/01-x, /, /lab or /rules`},
		{"[x](/rules#5.1/mask-mising)\n", `9: there is no page /rules#5.1/mask-mising. Did you mean 5.1/mask-missing?`},
		{"[x](http://example.org)\n", `9: the link to http://example.org begins neither with https:// nor with /. Write the whole address`},
		{"a\nb [x]{lenn} c\n", `10: {lenn} is not a group of fields. Did you mean len?`},
		{"[x]{}\n", `9: {} is not a group of fields. Write head, len, key, data, code, kbd or rfc`},
		{"[5.2]{rfc}\n", `9: "5.2" is not a section of RFC 6455. Write it like [§5.2]{rfc}`},
		{"[a [b] c]{len}\n", `9: ]{ does not end a colored term. Write [words]{group}, without [ or ] in the words`},

		// Fences and keys.
		{"```predcit\n```\n", `9: "predcit" is not a block. Did you mean predict?`},
		{"```Rule 5.1/mask-missing\n```\n", `9: "Rule" is not a block. Did you mean rule?`},
		{"```accept now\n```\n", `9: an accept block has no name after its word. Write its keys in the lines below`},
		{"```unmask\nspeed: 2\n```\n", `10: "speed" is not a key of an unmask block. Write nothing`},
		{"```decoder\nhexx: 81\n```\n", `10: "hexx" is not a key of a decoder block. Did you mean hex?`},
		{"```decoder\nhex 81\n```\n", `10: "hex 81" is not a line of a decoder block. Write key: value`},
		{"```decoder\n hex: 81\n```\n", `10: this line of a decoder block begins with a space, but there is no value above it. Write key: value`},
		{"```decoder\nhex: 81\nhex: 82\n```\n", `11: hex occurs twice in a decoder block. Keep one`},
		{"```decoder\nhex: 8\n```\n", `10: hex is "8". Write two hexadecimal digits for each byte`},
		{"```decoder\n```\n", `9: a decoder block needs bytes. Add a line hex: 81 05 …`},
		{"```decoder\nhex: 81\nfrom: clent\n```\n", `11: from is "clent". Did you mean client?`},
		{"```lengths\n```\n", `9: a lengths block needs sizes`},
		{"```lengths\nsizes: 1 x\n```\n", `10: the size "x" is not a whole number from 0 to 1048576`},
		{"```source\n```\n", `9: a source block needs a name after its word`},
		{"```source wire.Parse#mark\n```\n", `9: there is no site "wire.Parse#mark". Did you mean wire.Parse#mask?`},
		{"```source wire.Parse#something\n```\n", `9: there is no site "wire.Parse#something". Its regions are wire.Parse#mask`},
		{"```source wire.(*Reader).Next#something\n```\n", `9: there is no site "wire.(*Reader).Next#something". wire.(*Reader).Next has no region with that name`},
		{"```source elsewhere\n```\n", `9: there is no site "elsewhere". Write package.Function#region, for instance wire.ParseHeader#mask`},
		{"```source wire.Parse#mask\ngorilla: yes\n```\n", `10: gorilla has no code for wire.Parse#mask. Remove the line`},
		{"```rule 5.1/mask-misssing\n```\n", `9: there is no rule "5.1/mask-misssing". Did you mean 5.1/mask-missing?`},
		{"```rule 5.1/other\n```\n", `9: there is no rule "5.1/other". That section has 5.1/mask-missing or 5.1/mask-forbidden`},
		{"```rule other\n```\n", `9: there is no rule "other". See the names in reference/wire/rules.go`},
		{"```scenario helo\n```\n", `9: there is no scenario "helo". Did you mean hello?`},

		{"```play\n```\n", `9: a play block needs a name after its word`},
		{"```play helo\n```\n", `9: there is no scenario "helo". Did you mean hello?`},
		{"```play hello\nas: browsr\n```\n", `10: as is "browsr". Did you mean browser?`},
		{"```play hexed\nas: browser\n```\n", `10: a browser cannot be the client of hexed. Write as: raw`},
		{"```ends hexed\ntutorials: x\n```\n", `9: a browser cannot be the client of hexed. Write as: raw`},
		{"```play hello\ntutorials: x\n```\n", `10: "tutorials" is not a key of a play block. Write as or endpoint`},
		{"```ends hello\n```\n", `9: an ends block needs the claims of tutorials. Add a line tutorials: …`},
		{"```scenario hello\nsteps: hidden\n```\n", `10: steps is "hidden". Write open or folded`},
		{"```tally\nruns: 12\n```\n", `9: a tally block needs scenarios. Add a line scenarios: NAME NAME`},
		{"```tally\nscenarios: helo\nruns: 12\n```\n", `10: there is no scenario "helo". Did you mean hello?`},
		{"```tally\nscenarios: hexed\nruns: 12\n```\n", `10: a browser cannot be the client of hexed. Choose another scenario`},
		{"```tally\nscenarios: hello\nruns: 21\n```\n", `11: runs is "21". Write a whole number from 1 to 20`},
		{"```codes all\n```\n", `9: a codes block has no name after its word. Write its keys in the lines below`},

		// Buttons.
		{"```do\n```\n", `9: this do block has no button. Write LABEL: action in a line below`},
		{"```do\n\nConnect\n```\n", `11: "Connect" is not a button. Write LABEL: action`},
		{"```do\nA: ping \"=> x\" => frame from klient\n```\n", `10: from is "klient". Did you mean client?`},
		{"```do\nA: connect =>\n```\n", `10: the event to show is missing. Write one, for instance frame from server opcode close`},
		{"```do\nA: connect => script what onopen\n```\n", `10: the event to show is a script. Name a frame or a handshake`},
		{"```do\nA: connect => fram from client\n```\n", `10: the event to show begins with "fram". Begin with frame, handshake, script, call, ways, streams or chat`},
		{"```do\nA: hold => frame from client\n```\n", `10: hold causes no frame, so there is no event to show. Remove =>`},
		{"```scenario hello\nshows: frame opcode clos\n```\n", `10: opcode is "clos". Did you mean close?`},
		{"```do\nA: conect\n```\n", `10: "conect" is not an action. Write connect, connect broken MISTAKE, send "text", send hex 01 02, send repeat N, close CODE "reason", ping "text", hold, run, step or scenario NAME. Add => frame from server … if the text is about another event than the first frame`},
		{"```do\nA: run fast\n```\n", `10: "run fast" is not an action. Write connect, connect broken MISTAKE, send "text", send hex 01 02, send repeat N, close CODE "reason", ping "text", hold, run, step or scenario NAME. Add => frame from server … if the text is about another event than the first frame`},
		{"```do\nA: connect again\n```\n", `10: "connect again" is not an action. Write connect, connect broken MISTAKE, send "text", send hex 01 02, send repeat N, close CODE "reason", ping "text", hold, run, step or scenario NAME. Add => frame from server … if the text is about another event than the first frame`},
		{"```do\nA: connect broken wrong-acept\n```\n", `10: there is no server mistake "wrong-acept". Did you mean wrong-accept?`},
		{"```do\nA: send Hello\n```\n", `10: "send Hello" is not an action. Write connect, connect broken MISTAKE, send "text", send hex 01 02, send repeat N, close CODE "reason", ping "text", hold, run, step or scenario NAME. Add => frame from server … if the text is about another event than the first frame`},
		{"```do\nA: send hex 1\n```\n", `10: "1" is not hex. Write two hexadecimal digits for each byte`},
		{"```do\nA: send repeat many\n```\n", `10: "many" is not a length. Write a whole number from 1 to 1048576`},
		{"```do\nA: close\n```\n", `10: "close" is not an action. Write connect, connect broken MISTAKE, send "text", send hex 01 02, send repeat N, close CODE "reason", ping "text", hold, run, step or scenario NAME. Add => frame from server … if the text is about another event than the first frame`},
		{"```do\nA: close 1002\n```\n", `10: a page may not close with 1002. The browser's close() accepts 1000 and 3000–4999`},
		{"```do\nA: close 1000 bye\n```\n", `10: "close 1000 bye" is not an action. Write connect, connect broken MISTAKE, send "text", send hex 01 02, send repeat N, close CODE "reason", ping "text", hold, run, step or scenario NAME. Add => frame from server … if the text is about another event than the first frame`},
		{"```do\nA: close 1000 \"" + strings.Repeat("x", 124) + "\"\n```\n", `10: the reason has 124 bytes. A Close frame with a code carries at most 123`},
		{"```do\nA: ping x\n```\n", `10: "ping x" is not an action. Write connect, connect broken MISTAKE, send "text", send hex 01 02, send repeat N, close CODE "reason", ping "text", hold, run, step or scenario NAME. Add => frame from server … if the text is about another event than the first frame`},
		{"```do\nA: ping \"" + strings.Repeat("x", 126) + "\"\n```\n", `10: the Ping has 126 bytes. A control frame carries at most 125`},
		{"```do\nA: scenario helo\n```\n", `10: there is no scenario "helo". Did you mean hello?`},

		// Questions.
		{asked("hint: H.\n", ""), `9: a predict block needs hint. Add a line hint: …`},
		{asked("01-a", "1a"), `10: the id "1a" has the wrong form. Write 01-word`},
		{asked("", "") + asked("", ""), "21: lessons/01-x.md:10 already uses the id \"01-a\". Choose another"},
		{asked("frame from client", "fram from client"), `12: about begins with "fram". Begin with frame, handshake, script, call, ways, streams or chat`},
		{asked("frame from client", "frame from"), `12: about ends with "from", which has no value. Write pairs, for instance from client`},
		{asked("frame from client", "frame by client"), `12: a frame has no property "by". Write endpoint, fin, form, from, length, opcode, run or scenario`},
		{asked("frame from client", "frame from clinet"), `12: from is "clinet". Did you mean client?`},
		{asked("frame from client", "frame length some"), `12: length is "some". Write a whole number`},
		{asked("frame from client", "frame endpoint broken/wrong-acept"), `12: endpoint is "broken/wrong-acept". Did you mean broken/wrong-accept?`},
		{asked("frame from client", "frame scenario helo"), `12: there is no scenario "helo". Did you mean hello?`},
		{strings.Replace(asked("frame from client", "call name ReadMessage"), "byte.1", "error.typ", 1), `13: value: "error.typ" is not a name. Write a number, a "text" or name, result, error.type or error.text`},
		{asked("value: byte.1", "value: byte"), `13: value: "byte" is not a name. Write a number, a "text" or fin, rsv1–rsv3, opcode, masked, form, length, header.size, size, fragment, read, byte.N, key.N, payload.N, close.code, violation, pieces or stack.N`},
		{asked("frame from client", "script what send"), `13: value: "byte.1" is not a name. Write a number, a "text" or what, code, wasClean or text`},
		{asked("- 1:", "- key.0 and 1:"), `15: choice: "and" is in the place of xor or + in key.0 and 1`},
		{asked("- 1:", "- key.0 xor:"), `15: choice: "key.0 xor" is not complete. Write A xor B`},
		{asked("- 1: one", "- one"), `15: "one" is not a choice. Write - EXPRESSION: text`},
		{asked("- 1:", "- 2:"), `16: two choices have the expression 2. Give each its own expression`},
		{asked("  - 2: two\n", ""), `9: a predict block needs at least two choices. Add lines  - EXPRESSION: text  below choices:`},
		{asked("- 1:", "- has \"x\" y:"), `15: choice: "has" is not a name. Write a number, a "text" or fin, rsv1–rsv3, opcode, masked, form, length, header.size, size, fragment, read, byte.N, key.N, payload.N, close.code, violation, pieces or stack.N`},
		{asked("- 1: one\n  - 2: two", "- 0 to 9: few\n  - 11 or more: many"), `14: the range 11 or more does not begin right after the range before it. Change its first number`},
		{asked("- 1: one\n  - 2: two", "- 0 to 9: few\n  - 9 or more: many"), `14: the range 9 or more does not begin right after the range before it. Change its first number`},
		{asked("- 1: one\n  - 2: two", "- 0 or more: some\n  - 5 or more: many"), `14: the range 5 or more does not begin right after the range before it. Change its first number`},
		{asked("- 1: one\n  - 2: two", "- 0 to 9: few\n  - 10 to 20: many"), `14: the ranges do not cover every number. Write all choices as ranges, and the last as N or more`},
		{asked("- 1: one\n  - 2: two", "- 0 or more: few\n  - differs: many"), `14: the ranges do not cover every number. Write all choices as ranges, and the last as N or more`},
		{asked("Which byte?", "How many?"), `11: the question is about byte.1 but does not contain the word byte. Add it`},
		{strings.Replace(asked("byte.1", "close.code"), "Which byte?", "What is the answer?", 1), `11: the question is about close.code but does not contain the word code. Add it`},
		{strings.Replace(asked("frame from client", "ways rate fast"), "byte.1", "poll.requests", 1), `12: rate is "fast". Write a whole number`},
		{strings.Replace(asked("frame from client", "streams rate 2"), "byte.1", "streams", 1), `12: a streams has no property "rate". Write `},
		{strings.Replace(asked("frame from client", "chat"), "byte.1", "tcp.read", 1), `13: value: "tcp.read" is not a name. Write a number, a "text" or tcp.writes, tcp.reads or tcp.bytes, or the same of socket`},
		{strings.Replace(asked("frame from client", "ways"), "byte.1", "poll.requests", 1), `11: the question is about poll.requests but does not contain the word requests, connections, writes or reads. Add it`},
		{strings.Replace(asked("byte.1", "violation"), "- 1:", `- "5.1/mask-misssing":`, 1), `15: choice: there is no rule "5.1/mask-misssing". Did you mean 5.1/mask-missing?`},
		{asked("ask: Which byte?", "ask: Which byte\n  [x]{lem}"), `12: {lem} is not a group of fields. Did you mean len?`},
	} {
		_, err := load(t, "01-x.md", fine+tt.body)
		if err == nil {
			t.Errorf("no error for\n%s\nwant %s", tt.body, tt.want)
			continue
		}
		if !strings.Contains("\n"+err.Error(), "\nlessons/01-x.md:"+tt.want) {
			t.Errorf("the error is\n %v\nwant\n lessons/01-x.md:%s…", err, tt.want)
		}
	}
}

func TestEveryMistakeInACourseIsToldWithItsPlace(t *testing.T) {
	for _, tt := range []struct {
		files []string
		want  string
	}{
		{nil, `lessons:1: there is no lesson. Write lessons/01-name.md`},
		{[]string{"1-x.md", fine}, `lessons/1-x.md:1: this is not the name of a lesson. Rename the file to NN-name.md, for instance 02-frames.md`},
		{[]string{"02-x.md", fine}, `lessons/02-x.md:1: this is lesson 02, but 01 is expected. Number the lessons from 00 or 01 without a gap`},
		{[]string{"00-x.md", fine, "02-y.md", fine}, `lessons/02-y.md:1: this is lesson 02, but 01 is expected. Number the lessons from 00 or 01 without a gap`},
		{[]string{"01-x.md", "no front matter"}, `lessons/01-x.md:1: the lesson has no front matter. Begin with a line ---, then title, minutes, goal or next, then a line ---`},
		{[]string{"01-x.md", strings.Replace(fine, "title: T\n", "", 1)}, `lessons/01-x.md:1: the front matter has no title. Add a line "title: …"`},
		{[]string{"01-x.md", strings.Replace(fine, "goal:", "gaol:", 1)}, `lessons/01-x.md:1: the front matter has no goal. Add a line "goal: …"` + "\n" + `lessons/01-x.md:4: "gaol" is not a key of the front matter. Did you mean goal?`},
		{[]string{"01-x.md", strings.Replace(fine, "minutes: 1", "minutes: soon", 1)}, `lessons/01-x.md:3: minutes is "soon". Write a whole number from 1 to 120`},
		{[]string{"01-x.md", strings.Replace(fine, "next: N.", "next: [N]{x}", 1)}, `lessons/01-x.md:5: {x} is not a group of fields. Write head, len, key, data, code, kbd or rfc`},
		{[]string{"01-x.md", strings.Replace(fine, "```lab\n```\n", "", 1)}, `lessons/01-x.md:7: the lesson has no lab block. Add one with endpoints and hold`},
		{[]string{"01-x.md", strings.Replace(fine, "```lab\n", "```lab\nendpoints: booth\nhold: maybe\n", 1)}, `lessons/01-x.md:8: endpoints is "booth". Did you mean both?` + "\n" + `lessons/01-x.md:9: hold is "maybe". Write on or off`},
		{[]string{"01-x.md", fine, "scenarios/bad.txt", "open\n"}, `lessons/scenarios/bad.txt:1: the first comment must say what the scenario shows`},
		{[]string{"01-x.md", fine, "scenarios/bad.txt", "# Bad\nopen\nopne\n"}, `lessons/scenarios/bad.txt:3: there is no command "opne"; there are `},
	} {
		_, err := load(t, tt.files...)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("the error is\n %v\nwant\n %s…", err, tt.want)
		}
	}
}

func TestACourseMayBeginWithLesson0(t *testing.T) {
	c, err := load(t, "00-x.md", fine+"```ways\n```\n```chat\n```\n", "01-y.md", fine)
	if err != nil {
		t.Fatal(err)
	}
	if first, second := c.Lessons[0], c.Lessons[1]; first.Number != 0 || second.Number != 1 || first.Next != second {
		t.Errorf("the lessons have the numbers %d and %d", first.Number, second.Number)
	}
	if got := c.Lessons[0].Styles; !slices.Equal(got, []string{"ways"}) || c.Lessons[1].Styles != nil {
		t.Errorf("the lessons load the style sheets %q and %q, want the one of their blocks, once", got, c.Lessons[1].Styles)
	}
}

func TestAGuideForAuthorsIsNotALesson(t *testing.T) {
	if _, err := load(t, "01-x.md", fine, "README.md", "# How to write a lesson\n"); err != nil {
		t.Error(err)
	}
}

func TestAllProblemsOfAllLessonsComeTogetherInOrder(t *testing.T) {
	_, err := load(t,
		"02-y.md", fine+"[a]{b}\n",
		"01-x.md", fine+"```rule nope\n```\n\n[a]{b}\n",
	)
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("the error is %T: %v", err, err)
	}
	var places []string
	for _, p := range ps {
		places = append(places, fmt.Sprintf("%s:%d", p.File, p.Line))
	}
	want := "lessons/01-x.md:9 lessons/01-x.md:12 lessons/02-y.md:9"
	if got := strings.Join(places, " "); got != want {
		t.Errorf("the problems are at %s, want %s", got, want)
	}
}

// TestTheGuideForAuthorsHasEveryBlock holds lessons/README.md to the blocks, actions
// and names that a lesson may use.
func TestTheGuideForAuthorsHasEveryBlock(t *testing.T) {
	b, err := os.ReadFile("../../../lessons/README.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(b)
	for _, b := range blocks() {
		w := b.word
		if !regexp.MustCompile("(?m)^\\| `" + w + "( [A-Z]+)?` \\|").MatchString(guide) {
			t.Errorf("lessons/README.md has no row for the block %s: add it to the table of blocks", w)
		}
	}
	for _, k := range append(slices.Clone(predictKeys), slices.Sorted(maps.Keys(kinds))...) {
		if !strings.Contains(guide, "`"+k+"`") {
			t.Errorf("lessons/README.md does not name %s, which a predict block may have", k)
		}
	}
	for _, kind := range kinds {
		for property := range kind.about {
			if !strings.Contains(guide, "`"+property+"`") {
				t.Errorf("lessons/README.md does not name the property %s of about", property)
			}
		}
	}
}

func TestLoadNeedsSites(t *testing.T) {
	if _, err := Load(fstest.MapFS{}, Options{}); err == nil {
		t.Error("Load goes on without Sites")
	}
}

func TestLinesThatEndInCRLFReadTheSame(t *testing.T) {
	src := fine + "text\n\n" + asked("", "")
	a, err := load(t, "01-x.md", src)
	if err != nil {
		t.Fatal(err)
	}
	b, err := load(t, "01-x.md", strings.ReplaceAll(src, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Lessons[0].HTML != b.Lessons[0].HTML {
		t.Errorf("CRLF makes another page:\n%s", b.Lessons[0].HTML)
	}
}

func TestTextOfALessonCannotBecomeMarkup(t *testing.T) {
	c, err := load(t, "01-x.md", strings.Replace(fine, "title: T", "title: <i>T</i>", 1)+
		"a `<b>` [<u>]{len}\n\n```do\n`<b>`: send \"</ws-do><script>'\"\n```\n\n```html\n<script>\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<b>", "<u>", "<script>"} {
		if strings.Contains(string(c.Lessons[0].HTML), bad) {
			t.Errorf("%s is in %s", bad, c.Lessons[0].HTML)
		}
	}
	if got := template.HTMLEscapeString(c.Lessons[0].Title); got != "&lt;i&gt;T&lt;/i&gt;" {
		t.Errorf("the title is not plain text: %s", got)
	}
}
