package walks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"wslab/labserver/internal/browsertest"
)

// foundFaults is the number of faults that the score shows.
const foundFaults = `Number(/^(\d+) of/.exec(document.querySelector("ws-bugs .score .total").textContent)?.[1])`

// ran is a JavaScript condition: the last run on the three servers is over, and the page
// has compared it.
const ran = `/The naive server sent/.test(document.querySelector("ws-bugs .status").textContent) && document.querySelector("ws-bugs .begin").ariaDisabled == "false"`

// openGame opens lesson 9 and waits for the cards.
func openGame(t *testing.T, width, height int) *browsertest.Tab {
	t.Helper()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), width, height)
	p.GoTo("/lessons/09-weekend")
	p.Until("the cards are there", `document.querySelectorAll("ws-bugs .tile").length == 34`)
	return p
}

// pick chooses an attack by keyboard, by its place in the list.
func pick(t *browsertest.Tab, scenario string) {
	at := browsertest.Eval[int](t, `document.querySelector("ws-bugs").game.attacks.findIndex(a => a.scenario == `+browsertest.QuoteJS(scenario)+`)`)
	if at < 0 {
		t.Failed("the page offers no attack %s", scenario)
	}
	t.TabTo("the list of attacks", `at.name == "attack"`)
	t.Press(kb.Home)
	t.Press(strings.Repeat(kb.ArrowDown, at))
	t.Until("the attack is chosen", fmt.Sprintf(`document.querySelector("ws-bugs [name=attack]").selectedIndex == %d`, at))
}

// TestFaultsAreFoundByKeyboardAlone plays the game without a mouse: with attacks, with bytes
// that are built, and with a prediction. A fault opens its card, and a closed card names none.
func TestFaultsAreFoundByKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := openGame(t, 1440, 900)
	names := browsertest.Eval[[]string](p, `Promise.all(Array.from({length: 34}, (_, i) => fetch("/api/bugs/" + (i + 1)).then(r => r.json()).then(b => b.name)))`)
	browsertest.Eval[any](p, `void document.querySelector("ws-bugs .reset").focus(), null`)

	// A good run opens no card.
	p.TabTo("the other input", `at.dataset.input == "build"`)
	p.Press(kb.Enter)
	p.Until("the builder is there", `document.querySelector("ws-bugs ws-builder .reading li")`)
	p.TabTo("a prediction", `at.name == "reaction"`)
	p.Press(" ")
	p.TabTo("the button that runs", `at.matches("ws-bugs .begin")`)
	p.Press(kb.Enter)
	p.Until("the prediction of a Hello was right", ran+` && /Your prediction was right/.test(document.querySelector("ws-bugs .status").textContent)`)
	p.Calm(browsertest.RowCount)
	if n := browsertest.Eval[int](p, foundFaults); n != 0 {
		t.Errorf("a Hello opened %d cards", n)
	}
	if text := browsertest.Eval[string](p, `document.querySelector("ws-bugs").textContent`); names[0] == "" {
		t.Error("the faults have no names")
	} else {
		for _, name := range names {
			if strings.Contains(text, name) {
				t.Errorf("the page names the fault %q before it is found", name)
			}
		}
	}

	// Bytes of one's own: a frame without a mask.
	browsertest.Eval[any](p, `void document.querySelector("ws-bugs .reset").focus(), null`)
	p.TabTo("the bytes in hex", `at.name == "all"`)
	p.Do(chromedp.KeyEvent("a", chromedp.KeyModifiers(2)))
	p.Press("81 05 48 65 6c 6c 6f")
	p.Until("the fields are filled", `!document.querySelector("ws-builder [name=masked]").checked && /5.1\/mask-missing/.test(document.querySelector("ws-builder .reading").textContent)`)
	p.TabTo("the button that runs", `at.matches("ws-bugs .begin")`)
	p.Press(kb.Enter)
	p.Until("a card is open", foundFaults+` >= 1`)
	if n := browsertest.Eval[string](p, `[...document.querySelectorAll("ws-bugs .tile.opened")].map(t => t.dataset.card).join()`); n != "13" {
		t.Errorf("a frame without a mask opened the cards %s", n)
	}
	p.Until("the card shows its fault", `document.querySelector("ws-bugs .face.opened")?.textContent.includes(`+browsertest.QuoteJS(names[12])+`)`)
	p.TabTo("the evidence", `at.matches("ws-bugs .face .link")`)
	p.Press(kb.Enter)
	p.Until("the timeline shows the naive server", `document.querySelector("ws-lab [data-mode=naive]").getAttribute("aria-pressed") == "true" && !!document.querySelector("ws-timeline .row.selected")`)

	// Attacks.
	browsertest.Eval[any](p, `void document.querySelector("ws-bugs .reset").focus(), null`)
	p.TabTo("the attacks", `at.dataset.input == "attack"`)
	p.Press(kb.Enter)
	for _, scenario := range []string{"naive-split-header", "naive-first-fragment", "naive-ping", "naive-binary-echo", "naive-capital-websocket"} {
		before := browsertest.Eval[int](p, foundFaults)
		pick(p, scenario)
		p.TabTo("the button that runs", `at.matches("ws-bugs .begin")`)
		p.Press(kb.Enter)
		p.Until("a fault of "+scenario+" is found", fmt.Sprintf(`%s > %d && %s`, foundFaults, before, ran))
		browsertest.Eval[any](p, `void document.querySelector("ws-bugs .reset").focus(), null`)
	}
	if n := browsertest.Eval[int](p, foundFaults); n < 6 {
		t.Errorf("%d faults are found", n)
	}

	// A closed card has two hints.
	p.TabTo("a closed card", `at.matches("ws-bugs .tile:not(.opened)")`)
	p.Press(kb.Enter)
	p.TabTo("its hint", `at.matches("ws-bugs .hint")`)
	p.Press(kb.Enter)
	p.Until("the hint has the focus", `document.activeElement.matches("ws-bugs .hinted")`)
	p.TabTo("the second hint", `at.matches("ws-bugs .hint")`)
	p.Press(kb.Enter)
	p.Until("both hints are there", `document.querySelectorAll("ws-bugs .hinted").length == 2 && !document.querySelector("ws-bugs .hint")`)

	// The score is kept, and a reset forgets it.
	score := browsertest.Eval[int](p, foundFaults)
	p.GoTo("/lessons/09-weekend")
	p.Until("the score is kept", fmt.Sprintf(`%s == %d && document.querySelectorAll("ws-bugs .tile.opened").length == %d`, foundFaults, score, score))
	browsertest.Eval[any](p, `void document.querySelector("ws-bugs .reset").focus(), null`)
	p.Press(kb.Enter)
	p.Until("the score is 0", foundFaults+` == 0 && !document.querySelector("ws-bugs .opened")`)
	p.Blameless()
}
