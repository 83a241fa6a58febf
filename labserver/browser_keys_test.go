package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestALessonCanBeDoneByKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lessons/02-frames")
	// Tab to the first button that connects, as a person without a mouse does.
	reached := false
	for range 60 {
		p.press(kb.Tab)
		if eval[bool](p, `/^Connect/.test(document.activeElement?.textContent.trim() ?? "")`) {
			reached = true
			break
		}
	}
	if !reached {
		t.Fatal("Tab does not lead to Connect")
	}
	p.press(kb.Enter)
	p.until("a connection is open", `[...document.querySelectorAll("ws-lab .states b")].some(b => b.textContent == "OPEN")`)
	p.press("?")
	p.until("the key help is open", `!!document.querySelector("dialog[open]")`)
	p.press(kb.Escape)
	p.until("the key help is closed", `!document.querySelector("dialog[open]")`)
	// A question is answered, and what had the focus is redrawn each time.
	p.tabTo("the first choice", `at.name == "02-first-byte"`)
	p.press(" ")
	p.tabTo("the button that locks it in", `at.matches(".lock")`)
	p.press(kb.Enter)
	p.until("what was locked in has the focus", `document.activeElement.matches("#predict-02-first-byte .verdict.waits")`)
	p.tabTo("a button that sends", `at.matches("ws-do button") && /^Send Hello/.test(at.textContent)`)
	p.press(kb.Enter)
	p.until("the answer is there", `document.querySelector("#predict-02-first-byte .verdict.won")`)
	p.blameless()
}

// TestAPlayIsPausedByKeyboardAndPlayedAgainInAFreshSession plays the first disconnect. In
// its fourth step a browser waits for a minute, so the key arrives in time on any
// computer.
func TestAPlayIsPausedByKeyboardAndPlayedAgainInAFreshSession(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lessons/07-disconnects")
	steps := func(phase string) string {
		return `[...document.querySelector("ws-play").querySelectorAll(".plan li.` + phase + ` code")].map(c => c.textContent).join()`
	}
	eval[any](p, `void document.querySelector("ws-play").querySelector("[data-play-do=run]").focus(), null`)
	p.press(kb.Enter)
	p.until("the client waits", steps("doing")+`.startsWith("patience") && document.activeElement.textContent.includes("Pause")`)
	p.press(" ")
	p.until("the play says where it will pause", `/It pauses after this step/.test(document.querySelector("ws-play").querySelector(".plan li.doing").textContent) && document.activeElement.textContent.includes("Run")`)
	p.until("it has paused before the next step", steps("ready")+`== "server tcp read"`)
	p.press(kb.ArrowRight)
	p.until("that step is done", steps("ready")+`.startsWith("server tcp write")`)
	p.press(".")
	p.until("the rest has run", `!`+steps("todo")+` && !`+steps("ready")+` && !`+steps("doing"))
	p.click("ws-lab", "Start new session")
	p.until("nothing is done any more", `!`+steps("done"))
	p.click("ws-play", "▶ Step")
	p.until("the tab has opened another WebSocket", steps("done")+`== "open"`)
	p.blameless()
}

func TestWhatIsDrawnAnewKeepsTheFocus(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lab")
	p.click("ws-lab .bar", "Connect")
	p.until("both are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	p.click("ws-free form[data-act=send]", "Send text")
	p.until("the echo came", wireRows+` == 2`)

	// A frame's fields, one after the other.
	p.until("a frame is shown", `!!document.querySelector("ws-lab .title [data-command=into]")`)
	eval[any](p, `document.querySelector("ws-lab .title [data-command=into]").focus()`)
	p.press(kb.Enter)
	p.until("its first field is shown", `/field 1 of/.test(document.querySelector("ws-lab .title").textContent)`)
	eval[any](p, `document.querySelector("ws-lab .title [aria-label='Next field']").focus()`)
	for n := 2; n < 5; n++ {
		p.press(kb.Enter)
		p.until("the next field is shown", fmt.Sprintf(`/field %d of/.test(document.querySelector("ws-lab .title").textContent)`, n))
	}
	if on := eval[string](p, focused); on != "Next field" {
		t.Errorf("after three steps the focus is on %q", on)
	}
	p.until("the address says which bit", `/^#e=\d+&b=[1-9]/.test(location.hash)`)

	// The way back to the newest, while more comes.
	eval[any](p, `document.querySelector("ws-lab [data-command=into]").click()`)
	eval[any](p, `document.querySelector("ws-lab [data-command=back]").click()`)
	p.until("the newest is not shown", `document.querySelector("ws-lab [data-command=live]")?.checkVisibility()`)
	eval[any](p, `(window.live = document.querySelector("ws-lab [data-command=live]")).focus()`)
	// From the server, by no action of this page: that would lead to the newest by itself.
	eval[any](p, `(({sockets, session}) => Promise.all(sockets.ready().map(s => session.post("server", {client: s.token, do: "text", text: "more"}))))(document.querySelector("ws-lab").lab)`)
	p.until("more has come", `/of [5-9]|of \d\d/.test(document.querySelector("ws-lab .at").textContent)`)
	if !eval[bool](p, `window.live.isConnected`) {
		t.Error("the button was made anew while more came")
	}
	p.press(kb.Enter)
	p.until("the newest is shown", `!document.querySelector("ws-lab [data-command=live]").checkVisibility()`)
	p.until("the address names no row any more", `location.hash == ""`)

	// The log gives the focus back.
	eval[any](p, `document.querySelector("ws-lab [data-command=log]").focus()`)
	p.press(kb.Enter)
	p.until("the log is open", `!!document.querySelector("ws-log .shut")`)
	eval[any](p, `document.querySelector("ws-log .shut").focus()`)
	p.press(kb.Enter)
	p.until("the log is closed", `!document.querySelector("ws-log")`)
	p.until("the focus is on the button that opened it", focused+` == "Show log"`)
	p.blameless()
}

func TestTabLeadsThroughTheBitsAndOutAtTheirEnd(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lessons/02-frames")
	p.click("ws-lab .bar", "Connect")
	p.until("it is open", `[...document.querySelectorAll("ws-lab .states b")].some(b => b.textContent == "OPEN")`)
	p.click("ws-do", "Send Hello")
	p.until("the echo came", wireRows+` > 0`)
	eval[any](p, `document.querySelector("ws-timeline .scroll").focus()`)
	p.press(kb.End)
	p.press(kb.ArrowUp)
	p.until("what the client sent is selected, with its source", `/masked/.test(document.querySelector("ws-lab .title h2")?.textContent) && !!document.querySelector("ws-source button.line")`)
	var reached []string
	moved := false
	for range 60 {
		p.press(kb.Tab)
		on := eval[string](p, `document.activeElement?.localName + "." + document.activeElement?.className + " " + `+focused+`.slice(0, 30)`)
		if strings.HasPrefix(on, "body") {
			break
		}
		reached = append(reached, on)
		if !moved && eval[bool](p, `!!document.activeElement?.closest(".bits")`) {
			moved = true
			for range 10 { // previews another field than the one that is pinned
				p.press(kb.ArrowRight)
			}
			p.until("it is previewed", `/MASK|length/i.test(document.querySelector("ws-field-card b")?.textContent)`)
		}
	}
	all := strings.Join(reached, "\n")
	for _, want := range []string{"Copy line", "ParseHeader in reference", "button.line other", "advanceFrame", "Unmasking table"} {
		if !strings.Contains(all, want) {
			t.Errorf("Tab does not lead to %q:\n%s", want, all)
		}
	}
	eval[any](p, `document.querySelector("ws-lengths [data-send='126']").focus()`)
	p.press(kb.Enter)
	p.until("the row of what was sent has the focus", focused+` == "Show frame of 126 bytes"`)
	p.blameless()
}

func TestTheTableOfTheTimelineSelects(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lessons/02-frames")
	p.click("ws-lab .bar", "Connect")
	p.until("it is open", `[...document.querySelectorAll("ws-lab .states b")].some(b => b.textContent == "OPEN")`)
	p.click("ws-lab .bar", "reference")
	p.click("ws-lab .tools", "Show timeline as table")
	p.until("the table is there", `document.querySelectorAll("ws-timeline .twin [data-seq]").length > 2`)
	if n := eval[int](p, `document.querySelectorAll("ws-timeline .twin [data-seq][tabindex='0']").length`); n != 1 {
		t.Errorf("the table has %d Tab stops for its rows", n)
	}
	eval[any](p, `document.querySelector("ws-timeline .twin [data-seq][tabindex='0']").focus()`)
	p.press(kb.Home)
	p.press(kb.ArrowDown)
	p.until("the request is selected", `document.querySelector("ws-timeline .twin tr.in")?.rowIndex == 2 && /GET /.test(document.querySelector("ws-lab .title h2").textContent)`)
	p.press(kb.ArrowDown)
	p.until("the answer is selected", `/101/.test(document.querySelector("ws-lab .title h2").textContent)`)
	if on := eval[bool](p, `document.activeElement === document.querySelector("ws-timeline .twin tr.in [data-seq]")`); !on {
		t.Error("the focus is not on the selected row")
	}
	p.until("the address names it", `/^#e=\d+/.test(location.hash)`)

	// Opened again, the page shows the row, even if more rows follow than fit.
	for _, name := range []string{"Send Hello", "Send 125", "Send 126", "Send 65,535", "Send 65,536"} {
		p.click("article ws-do", name)
	}
	p.until("they came, and the last one sent is selected", `document.querySelectorAll("ws-timeline .twin [data-seq]").length > 8 && /65,536/.test(document.querySelector("ws-lab .title h2").textContent)`)
	p.calm(rowCount)
	eval[any](p, `document.querySelector("ws-timeline .twin [data-seq][tabindex='0']").focus()`)
	p.press(kb.Home)
	p.press(kb.ArrowDown)
	p.press(kb.ArrowDown)
	p.until("the answer is selected once more, and the address names it", `/101/.test(document.querySelector("ws-lab .title h2").textContent) && /^#e=\d+/.test(location.hash)`)
	p.do(chromedp.Reload())
	p.ready()
	inView := func(row, of string) string {
		return fmt.Sprintf(`(() => {
			const row = document.querySelector(%q)?.getBoundingClientRect(), of = document.querySelector(%q).getBoundingClientRect();
			return !!row && row.height > 0 && row.top >= of.top && row.bottom <= of.bottom + 1;
		})()`, row, of)
	}
	p.until("the answer is selected again", `/101/.test(document.querySelector("ws-lab .title h2")?.textContent)`)
	p.until("its row is in view", inView("ws-timeline .row.selected", "ws-timeline .scroll"))
	p.click("ws-lab .tools", "Show timeline as table")
	p.until("it is in view in the table", inView("ws-timeline .twin tr.in", "ws-timeline .twin"))
	p.blameless()
}
