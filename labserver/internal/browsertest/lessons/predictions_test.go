package lessons

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"wslab/labserver/internal/browsertest"
)

// done is what testdata/lesson.js returns of a lesson.
type done struct {
	Problems  []string
	Questions []prediction
}

// prediction is a question of a lesson and how it was answered. All texts are plain.
type prediction struct {
	ID, Ask, Value, Explain string
	About                   map[string]any
	Choices                 []struct{ Is, Text string }
	Answered                bool
	Right                   []bool
	By                      map[string]struct { // by the endpoint that was asked
		Right []bool
		Value string
	}
}

// TestEveryPredictionIsAnsweredByItsLesson does each lesson in a real browser.
// Each prediction must still be open where it is asked, be answered by what the
// lesson then does, have one right choice on every endpoint that it is offered
// for, and be explained by the answer that was measured.
func TestEveryPredictionIsAnsweredByItsLesson(t *testing.T) {
	t.Parallel() // it waits most of the time
	script, err := os.ReadFile("testdata/lesson.js")
	if err != nil {
		t.Fatal(err)
	}
	lessons, err := filepath.Glob("../../../../lessons/[0-9]*.md")
	if err != nil || len(lessons) == 0 {
		t.Fatalf("no lessons: %v", err)
	}
	base := browsertest.StartLab(t)
	for _, file := range lessons {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		t.Run(name, func(t *testing.T) {
			p := browsertest.OpenTab(t, base, 1440, 900)
			p.GoTo("/lessons/" + name)
			var d done
			if err := json.Unmarshal([]byte(browsertest.Eval[string](p, string(script))), &d); err != nil {
				t.Fatal(err)
			}
			for _, problem := range d.Problems {
				t.Error(problem)
			}
			if len(d.Questions) == 0 && name != "07-disconnects" {
				t.Error("no prediction was found")
			}
			for _, q := range d.Questions {
				for _, wrong := range q.wrong() {
					t.Errorf("%s: %s", q.ID, wrong)
				}
			}
		})
	}
}

// TestATallyCountsWhatEachRunToldThePage runs a scenario twelve times by keyboard
// alone and holds the counts against the recording.
func TestATallyCountsWhatEachRunToldThePage(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/07-disconnects")
	row := `document.querySelector("ws-tally [data-of='disconnect-5-read']")`
	browsertest.Eval[any](p, `void `+row+`.querySelector("button").focus(), null`)
	p.Press(kb.Enter)
	p.Until("it runs, and the button that stops it has the focus", row+`.contains(document.activeElement) && document.activeElement.textContent == "Stop runs"`)
	p.Until("two runs are counted", `Number(`+row+`.cells[1].textContent) >= 2`)
	p.Press(kb.Enter)
	p.Until("it has stopped, and the button that runs it has the focus", `/^Stopped after/.test(document.querySelector("ws-tally .status").textContent) && document.activeElement.dataset.run == "disconnect-5-read"`)
	const told = `(async () => {
		const {lab} = document.querySelector("ws-lab");
		const closes = lab.session.history.events.filter(e => e.script?.what == "onclose");
		return [closes.length, closes.filter(e => e.script.wasClean).length, closes.filter(e => !e.script.wasClean).length].join();
	})()`
	cells := `[...` + row + `.cells].slice(1, 4).map(c => c.textContent).join()`
	if got, want := browsertest.Eval[string](p, cells), browsertest.Eval[string](p, told); got != want {
		t.Errorf("the tally has %s, and the page was told %s (runs, clean, not clean)", got, want)
	}
	before := browsertest.Eval[string](p, cells)
	p.GoTo("/lessons/07-disconnects")
	if got := browsertest.Eval[string](p, cells); got != before {
		t.Errorf("after a reload the tally has %s, want %s", got, before)
	}
	p.Blameless()
}

// offered returns the endpoints that a prediction may be answered on.
func (q prediction) offered() []string {
	if e, ok := q.About["endpoint"].(string); ok {
		return []string{e}
	}
	if kind := q.About["kind"]; kind == "ways" || kind == "streams" || kind == "chat" {
		return []string{""} // a result of the page, of no endpoint
	}
	if q.About["kind"] == "script" && q.About["what"] == "onclose" && q.About["scenario"] == nil {
		return nil // of a server that makes mistakes, which the question names
	}
	return []string{"reference", "gorilla"}
}

// wrong says what is wrong with how a prediction was answered.
func (q prediction) wrong() (all []string) {
	if !q.Answered {
		return []string{"nothing in the lesson answers it"}
	}
	at := slices.Index(q.Right, true)
	for _, e := range q.offered() {
		got, ok := q.By[e]
		switch {
		case !ok:
			all = append(all, fmt.Sprintf("on %s no choice fits", e))
		case countTrue(got.Right) != 1:
			all = append(all, fmt.Sprintf("on %s %d choices fit %q", e, countTrue(got.Right), got.Value))
		case slices.Index(got.Right, true) != at:
			all = append(all, fmt.Sprintf("on %s another choice is right: %q", e, got.Value))
		}
	}
	if what := q.contradiction(at); what != "" {
		all = append(all, what)
	}
	return all
}

func countTrue(bits []bool) (n int) {
	for _, b := range bits {
		if b {
			n++
		}
	}
	return n
}

var (
	section       = regexp.MustCompile(`\(?§[0-9.]+\)?`)
	sentenceEnd   = regexp.MustCompile(`[.:;?] |[.:;?]$`)
	numberForm    = regexp.MustCompile(`^(0x[0-9a-f]+|[0-9]+)$`)
	wordsForm     = regexp.MustCompile(`^(?:has )?"([^"]+)"$`)
	rangeOfChoice = regexp.MustCompile(`^[0-9]+ (to [0-9]+|or more)$`)
	leadingNumber = regexp.MustCompile(`^[0-9,]+\b`)
	leadingBits   = regexp.MustCompile(`^[01]{4} [01]{4}\b`)
)

// contradiction says where the explanation of a prediction does not begin with the right
// choice, or names another one, and where the text of a choice begins with a number other
// than its value. It returns "" if there is no contradiction, or nothing to compare.
func (q prediction) contradiction(right int) string {
	for _, c := range q.Choices {
		n, base := strings.ReplaceAll(leadingNumber.FindString(c.Text), ",", ""), "%d"
		if bits := leadingBits.FindString(c.Text); bits != "" {
			n, base = strings.ReplaceAll(bits, " ", ""), "%08b"
		}
		if want, ok := number(c.Is); ok && n != "" && n != fmt.Sprintf(base, want) {
			return fmt.Sprintf("the choice %s begins with another number: %q", c.Is, c.Text)
		}
	}
	first := section.ReplaceAllString(q.Explain, "")
	if end := sentenceEnd.FindStringIndex(first); end != nil {
		first = first[:end[0]]
	}
	for i := range q.Choices {
		named, data := q.names(i, first)
		if !data {
			continue
		}
		if i == right && !named {
			return fmt.Sprintf("the explanation does not begin with the answer %s: %q", q.Choices[i].Is, first)
		}
		if i != right && named {
			return fmt.Sprintf("the explanation begins with %s, and the answer is %s: %q", q.Choices[i].Is, q.Choices[right].Is, first)
		}
	}
	return ""
}

// names reports whether a sentence names choice i, and whether the choice is data
// of which that can be said.
func (q prediction) names(i int, sentence string) (named, data bool) {
	is := q.Choices[i].Is
	any := func(forms ...string) bool {
		return slices.ContainsFunc(forms, func(form string) bool {
			return regexp.MustCompile(`(^|[^0-9A-Za-z])` + regexp.QuoteMeta(form) + `($|[^0-9A-Za-z])`).MatchString(sentence)
		})
	}
	if n, ok := number(is); ok {
		switch {
		case q.Value == "wasClean":
			return any(strconv.FormatBool(n != 0)), true
		case strings.HasPrefix(q.Value, "payload."):
			return any(string(rune(n))), true
		}
		return any(strconv.FormatInt(n, 10), fmt.Sprintf("0x%02x", n)), true
	}
	if is == `""` {
		return any("None", "No"), true
	}
	if m := wordsForm.FindStringSubmatch(is); m != nil {
		return any(m[1]), true
	}
	if rangeOfChoice.MatchString(is) {
		label, _, _ := strings.Cut(q.Choices[i].Text, ":")
		return strings.Contains(sentence, label), true
	}
	return false, false
}

func number(is string) (int64, bool) {
	if !numberForm.MatchString(is) {
		return 0, false
	}
	n, err := strconv.ParseInt(is, 0, 64)
	return n, err == nil
}

// These are explanations that the lessons once had, or might have.
func TestAnExplanationThatDeniesItsAnswerIsFound(t *testing.T) {
	for _, tt := range []struct{ value, choices, explain, want string }{
		{"close.code", "1000 1002 1003", "It is none of them. The fragments of one message must not be mixed (§5.4).", "does not begin with the answer 1002"},
		{"close.code", "1000 1002 1003", "With 1000, since the table has a line for it.", "begins with 1000"},
		{"close.code", "1000 1002 1003", "With 1002, protocol error. Not 1000.", ""},
		{"length", "0 5 10", "Nothing adds nothing.", "does not begin with the answer 5"},
		{"length", "0 5 10", "It has 5 bytes (§5.10).", ""},
		{"violation", `"5.1/a" "" "5.2/b"`, "None: the next byte decides.", ""},
		{"violation", `"5.1/a" "" "5.2/b"`, "It breaks 5.2/b, if the next byte is wrong.", "does not begin with"},
		{"payload.0", "0x62 0x61", "It is a, the payload of the first.", ""},
		{"payload.0", "0x62 0x61", "The payload of the first.", "does not begin with the answer 0x61"},
		{"wasClean", "0 1", "It is true. The browser answers.", ""},
		{"wasClean", "0 1", "It is false, in some browsers.", "begins with 0"},
		{"byte.6", "payload.0 key.0 differs", "The letter and the key.", ""},
	} {
		q := prediction{Value: tt.value, Explain: tt.explain}
		for _, is := range strings.Fields(tt.choices) {
			q.Choices = append(q.Choices, struct{ Is, Text string }{Is: is})
		}
		if got := q.contradiction(1); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s, %s: %q is %q, want %q", tt.value, tt.choices, tt.explain, got, tt.want)
		}
	}
	q := prediction{Value: "length", Explain: "It has 5 bytes."}
	q.Choices = []struct{ Is, Text string }{{"0", "0, none"}, {"5", "6, all"}}
	if got := q.contradiction(1); !strings.Contains(got, "begins with another number") {
		t.Errorf("a choice whose text denies it: %q", got)
	}
}
