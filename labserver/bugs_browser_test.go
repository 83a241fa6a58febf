package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// foundFaults is the number of faults that the score shows.
const foundFaults = `Number(/^(\d+) of/.exec(document.querySelector("ws-bugs .score .total").textContent)?.[1])`

// ran is a JavaScript condition: the last run on the three servers is over, and the page
// has compared it.
const ran = `/The naive server sent/.test(document.querySelector("ws-bugs .status").textContent) && document.querySelector("ws-bugs .begin").ariaDisabled == "false"`

// openGame opens lesson 9 and waits for the cards.
func openGame(t *testing.T, width, height int) *tab {
	t.Helper()
	p := openTab(t, startLab(t), width, height)
	p.goTo("/lessons/09-weekend")
	p.until("the cards are there", `document.querySelectorAll("ws-bugs .tile").length == 34`)
	return p
}

// pick chooses an attack by keyboard, by its place in the list.
func (t *tab) pick(scenario string) {
	t.tb.Helper()
	at := eval[int](t, `document.querySelector("ws-bugs").game.attacks.findIndex(a => a.scenario == `+quoteJS(scenario)+`)`)
	if at < 0 {
		t.failed("the page offers no attack %s", scenario)
	}
	t.tabTo("the list of attacks", `at.name == "attack"`)
	t.press(kb.Home)
	t.press(strings.Repeat(kb.ArrowDown, at))
	t.until("the attack is chosen", fmt.Sprintf(`document.querySelector("ws-bugs [name=attack]").selectedIndex == %d`, at))
}

// TestFaultsAreFoundByKeyboardAlone plays the game without a mouse: with attacks, with bytes
// that are built, and with a prediction. A fault opens its card, and a closed card names none.
func TestFaultsAreFoundByKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := openGame(t, 1440, 900)
	names := eval[[]string](p, `Promise.all(Array.from({length: 34}, (_, i) => fetch("/api/bugs/" + (i + 1)).then(r => r.json()).then(b => b.name)))`)
	eval[any](p, `void document.querySelector("ws-bugs .reset").focus(), null`)

	// A good run opens no card.
	p.tabTo("the other input", `at.dataset.input == "build"`)
	p.press(kb.Enter)
	p.until("the builder is there", `document.querySelector("ws-bugs ws-builder .reading li")`)
	p.tabTo("a prediction", `at.name == "reaction"`)
	p.press(" ")
	p.tabTo("the button that runs", `at.matches("ws-bugs .begin")`)
	p.press(kb.Enter)
	p.until("the prediction of a Hello was right", ran+` && /Your prediction was right/.test(document.querySelector("ws-bugs .status").textContent)`)
	p.calm(rowCount)
	if n := eval[int](p, foundFaults); n != 0 {
		t.Errorf("a Hello opened %d cards", n)
	}
	if text := eval[string](p, `document.querySelector("ws-bugs").textContent`); names[0] == "" {
		t.Error("the faults have no names")
	} else {
		for _, name := range names {
			if strings.Contains(text, name) {
				t.Errorf("the page names the fault %q before it is found", name)
			}
		}
	}

	// Bytes of one's own: a frame without a mask.
	eval[any](p, `void document.querySelector("ws-bugs .reset").focus(), null`)
	p.tabTo("the bytes in hex", `at.name == "all"`)
	p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(2)))
	p.press("81 05 48 65 6c 6c 6f")
	p.until("the fields are filled", `!document.querySelector("ws-builder [name=masked]").checked && /5.1\/mask-missing/.test(document.querySelector("ws-builder .reading").textContent)`)
	p.tabTo("the button that runs", `at.matches("ws-bugs .begin")`)
	p.press(kb.Enter)
	p.until("a card is open", foundFaults+` >= 1`)
	if n := eval[string](p, `[...document.querySelectorAll("ws-bugs .tile.opened")].map(t => t.dataset.card).join()`); n != "13" {
		t.Errorf("a frame without a mask opened the cards %s", n)
	}
	p.until("the card shows its fault", `document.querySelector("ws-bugs .face.opened")?.textContent.includes(`+quoteJS(names[12])+`)`)
	p.tabTo("the evidence", `at.matches("ws-bugs .face .link")`)
	p.press(kb.Enter)
	p.until("the timeline shows the naive server", `document.querySelector("ws-lab [data-mode=naive]").getAttribute("aria-pressed") == "true" && !!document.querySelector("ws-timeline .row.selected")`)

	// Attacks.
	eval[any](p, `void document.querySelector("ws-bugs .reset").focus(), null`)
	p.tabTo("the attacks", `at.dataset.input == "attack"`)
	p.press(kb.Enter)
	for _, scenario := range []string{"naive-split-header", "naive-first-fragment", "naive-ping", "naive-binary-echo", "naive-capital-websocket"} {
		before := eval[int](p, foundFaults)
		p.pick(scenario)
		p.tabTo("the button that runs", `at.matches("ws-bugs .begin")`)
		p.press(kb.Enter)
		p.until("a fault of "+scenario+" is found", fmt.Sprintf(`%s > %d && %s`, foundFaults, before, ran))
		eval[any](p, `void document.querySelector("ws-bugs .reset").focus(), null`)
	}
	if n := eval[int](p, foundFaults); n < 6 {
		t.Errorf("%d faults are found", n)
	}

	// A closed card has two hints.
	p.tabTo("a closed card", `at.matches("ws-bugs .tile:not(.opened)")`)
	p.press(kb.Enter)
	p.tabTo("its hint", `at.matches("ws-bugs .hint")`)
	p.press(kb.Enter)
	p.until("the hint has the focus", `document.activeElement.matches("ws-bugs .hinted")`)
	p.tabTo("the second hint", `at.matches("ws-bugs .hint")`)
	p.press(kb.Enter)
	p.until("both hints are there", `document.querySelectorAll("ws-bugs .hinted").length == 2 && !document.querySelector("ws-bugs .hint")`)

	// The score is kept, and a reset forgets it.
	score := eval[int](p, foundFaults)
	p.goTo("/lessons/09-weekend")
	p.until("the score is kept", fmt.Sprintf(`%s == %d && document.querySelectorAll("ws-bugs .tile.opened").length == %d`, foundFaults, score, score))
	eval[any](p, `void document.querySelector("ws-bugs .reset").focus(), null`)
	p.press(kb.Enter)
	p.until("the score is 0", foundFaults+` == 0 && !document.querySelector("ws-bugs .opened")`)
	p.blameless()
}
