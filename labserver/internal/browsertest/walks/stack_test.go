package walks

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"wslab/compare/endpoint"
	"wslab/labserver/internal/browsertest"
)

// TestLesson11IsDoneByKeyboard goes through the lesson with Tab, as a person without a
// mouse does. It answers each question, runs each scenario, and solves the exercise.
func TestLesson11IsDoneByKeyboard(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/11-gorilla")
	const on = `document.activeElement`
	idle := func(block string) string {
		return fmt.Sprintf(`(b => b.busy !== true && b.running !== true && !!b.querySelector("output").textContent)(%s)`, block)
	}
	seen := map[string]bool{}
	for range 3000 {
		p.Press(kb.Tab)
		kind := browsertest.Eval[string](p, `(at => !at?.closest("article") ? "" :
			at.matches("ws-predict input:not(:checked)") && !at.closest("ws-predict").answer ? "choice" :
			at.matches("ws-predict .lock") ? "lock" :
			at.matches("ws-stack[data-stack*='\"find\":0'] button.primary") ? "send" :
			at.matches("ws-stack[data-stack*='\"find\":2'] input") ? "search" :
			at.matches("ws-checks button.primary") ? "checks" :
			at.matches("ws-do button") ? "do" : "other")(`+on+`)`)
		if kind == "" && len(seen) > 0 {
			break
		}
		if kind == "" {
			continue // the way to the article
		}
		name := browsertest.Eval[string](p, `[`+on+`?.closest("ws-predict, ws-stack, ws-do, ws-checks")?.id, [...document.querySelectorAll("article *")].indexOf(`+on+`?.closest("ws-predict, ws-stack, ws-checks") || `+on+`)].join()`)
		if kind == "other" || seen[kind+name] {
			continue
		}
		seen[kind+name] = true
		switch kind {
		case "choice":
			p.Press(" ")
		case "lock":
			p.Press(kb.Enter)
			p.Until("the answer is locked in", `!!`+on+`.closest("ws-predict")?.answer`)
		case "send", "checks":
			p.Press(kb.Enter)
			p.Until("the run is over", idle(on+`.closest("ws-stack, ws-checks")`))
		case "do":
			p.Press(kb.Enter)
			p.Until("the action is done", `/✔|×/.test(`+on+`.closest("ws-do").querySelector("output").textContent)`)
		case "search":
			search(p, on+`.closest("ws-stack")`)
		}
	}
	p.Until("every question is answered", `[...document.querySelectorAll("ws-predict")].every(q => q.answered)`)
	if n := browsertest.Eval[int](p, `document.querySelectorAll("ws-predict").length`); n < 3 {
		t.Errorf("there are %d predictions", n)
	}
	for _, kind := range []string{"choice", "lock", "send", "search", "checks", "do"} {
		found := false
		for name := range seen {
			found = found || strings.HasPrefix(name, kind)
		}
		if !found {
			t.Errorf("Tab leads to no %q", kind)
		}
	}
	p.Blameless()
}

// search solves the exercise of a ws-stack as a learner does: it halves the range that
// the page names. The focus is on the size of the message.
func search(t *browsertest.Tab, block string) {
	t.Until("the block is known", `!!(window.searched = `+block+`)`)
	between := regexp.MustCompile(`The smallest is (?:from ([\d,]+) to ([\d,]+)|above ([\d,]+))`)
	number := func(s string) int {
		n, _ := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
		return n
	}
	size := 3000
	for range 30 {
		browsertest.Eval[any](t, `void searched.querySelector("input").select(), void searched.querySelector("output").replaceChildren(), null`)
		t.Press(strconv.Itoa(size))
		t.Press(kb.Enter)
		t.Until("the echo is recorded", `!searched.busy && /^Sent/.test(searched.querySelector("output").textContent)`)
		t.Until("the exercise knows it", `!searched.querySelector(".found").hidden`)
		said := browsertest.Eval[string](t, `searched.querySelector(".found").textContent`)
		if strings.HasPrefix(said, "✔ Found") {
			return
		}
		m := between.FindStringSubmatch(said)
		switch {
		case m == nil:
			t.Failed("the exercise says %q", said)
		case m[3] != "":
			size = 2*number(m[3]) + 1
		default:
			size = (number(m[1]) + number(m[2])) / 2
			if number(m[2])-number(m[1]) == 1 {
				size = number(m[1])
			}
		}
	}
	t.Failed("after 30 messages the exercise is not solved")
}

// TestTheLinesOfAWalkAreThoseOfGorillasFiles walks by keyboard. It compares each line
// that the page marks with that line of gorilla's file on this computer.
func TestTheLinesOfAWalkAreThoseOfGorillasFiles(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/11-gorilla")
	const walk = `document.querySelector("ws-stack")`
	browsertest.Eval[any](p, `void `+walk+`.querySelector("button.primary").focus(), null`)
	p.Press(kb.Enter)
	p.Until("the walk begins", `/^byte 0 of 138/.test(`+walk+`.querySelector(".where")?.textContent)`)
	for range 2 {
		p.Press(kb.ArrowRight)
	}
	p.Until("the third byte is shown, and selected in the lab", `/^byte 2 of 138/.test(`+walk+`.querySelector(".where").textContent) && document.querySelector("ws-lab ws-bits .pin")?.dataset.bit == "16"`)
	p.Press(kb.ArrowLeft)
	p.Until("the second byte is shown", `/^byte 1 of 138/.test(`+walk+`.querySelector(".where").textContent)`)

	// Every line of code in the walk, forth by the button and back with the keys.
	type marked struct{ File, Func, Number, Text string }
	lines := map[string][]marked{}
	for range 12 {
		at := browsertest.Eval[string](p, walk+`.querySelector(".where").textContent`)
		p.Until("its source is shown", `(calls => {
			const own = [...calls.querySelectorAll(".nest > .own")], label = calls.querySelector("[aria-current]").getAttribute("aria-label");
			return own.length > 1 && own.every(li => li.querySelector("pre .hot")) && own.slice(-2).every(li => label.includes(li.querySelector(".place .soft").textContent.trim().replace(":", " line ")));
		})(`+walk+`.querySelector("ws-calls:first-child"))`)
		var all []marked
		raw := browsertest.Eval[string](p, `JSON.stringify([...`+walk+`.querySelectorAll("ws-calls:first-child .nest > .own")].map(li => ({
			File: li.querySelector(".place .soft").textContent.trim().split(":")[0], Number: li.querySelector(".place .soft").textContent.trim().split(":")[1],
			Func: li.querySelector(".place code").textContent,
			Text: [...li.querySelector(".hot").childNodes].filter(n => !n.matches?.(".ln, .hide")).map(n => n.textContent).join("").trim()})))`)
		if err := json.Unmarshal([]byte(raw), &all); err != nil {
			t.Fatal(err)
		}
		lines[at] = all
		p.Click("ws-stack .playbar", "Next line of code")
		if browsertest.Eval[string](p, walk+`.querySelector(".where").textContent`) == at {
			break
		}
	}
	folder := filepath.Dir(endpoint.GorillaSource())
	checked := map[string]bool{}
	for at, all := range lines {
		for _, m := range all {
			n, err := strconv.Atoi(m.Number)
			if err != nil {
				t.Fatalf("at %s: %v", at, err)
			}
			want, err := lineOfFile(filepath.Join(folder, m.File), n)
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(want) != m.Text {
				t.Errorf("at %s, %s: the page shows %q as line %d of %s, and it is %q", at, m.Func, m.Text, n, m.File, want)
			}
			checked[m.File+m.Number] = true
		}
	}
	if len(checked) < 8 {
		t.Errorf("only %d lines were checked: %v", len(checked), lines)
	}

	// The walk plays, and stops.
	p.Click("ws-stack .seg.wrap", "❱ binary")
	browsertest.Eval[any](p, `void document.activeElement.blur(), null`) // a button would take Space
	p.Press(" ")
	p.Until("it plays", `/^byte [3-9] of 138/.test(`+walk+`.querySelector(".where").textContent)`)
	p.Press(" ")
	p.Until("it has stopped", `/Play walk/.test(`+walk+`.querySelector("[data-walk=play]").textContent)`)

	// The dialog has the keys too, and gives the focus back.
	browsertest.Eval[any](p, `void `+walk+`.querySelector("[data-walk=larger]").focus(), null`)
	p.Press(kb.Enter)
	p.Until("the walk is enlarged", `!!document.querySelector("dialog[open] .columns")`)
	before := browsertest.Eval[string](p, `document.querySelector("dialog .where").textContent`)
	p.Press(kb.ArrowRight)
	p.Until("the next byte is shown", `document.querySelector("dialog .where").textContent != `+browsertest.QuoteJS(before))
	p.Press(kb.Escape)
	p.Until("the focus is back", `document.activeElement.matches("[data-walk=larger]")`)
	p.Blameless()
}

// lineOfFile returns line n of a file.
func lineOfFile(name string, n int) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for range n {
		if !s.Scan() {
			return "", fmt.Errorf("%s has no line %d", name, n)
		}
	}
	return s.Text(), s.Err()
}
