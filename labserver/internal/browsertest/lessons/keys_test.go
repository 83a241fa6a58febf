package lessons

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"wslab/labserver/internal/browsertest"
)

func TestALessonCanBeDoneByKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/02-frames")
	// Tab to the first button that connects, as a person without a mouse does.
	reached := false
	for range 60 {
		p.Press(kb.Tab)
		if browsertest.Eval[bool](p, `/^Connect/.test(document.activeElement?.textContent.trim() ?? "")`) {
			reached = true
			break
		}
	}
	if !reached {
		t.Fatal("Tab does not lead to Connect")
	}
	p.Press(kb.Enter)
	p.Until("a connection is open", `[...document.querySelectorAll("ws-lab .states b")].some(b => b.textContent == "OPEN")`)
	p.Press("?")
	p.Until("the key help is open", `!!document.querySelector("dialog[open]")`)
	p.Press(kb.Escape)
	p.Until("the key help is closed", `!document.querySelector("dialog[open]")`)
	// A question is answered, and what had the focus is redrawn each time.
	p.TabTo("the first choice", `at.name == "02-first-byte"`)
	p.Press(" ")
	p.TabTo("the button that locks it in", `at.matches(".lock")`)
	p.Press(kb.Enter)
	p.Until("what was locked in has the focus", `document.activeElement.matches("#predict-02-first-byte .verdict.waits")`)
	p.TabTo("a button that sends", `at.matches("ws-do button") && /^Send Hello/.test(at.textContent)`)
	p.Press(kb.Enter)
	p.Until("the answer is there", `document.querySelector("#predict-02-first-byte .verdict.won")`)
	p.Blameless()
}

// TestAPlayIsPausedByKeyboardAndPlayedAgainInAFreshSession plays the first disconnect. In
// its fourth step a browser waits for a minute, so the key arrives in time on any computer.
func TestAPlayIsPausedByKeyboardAndPlayedAgainInAFreshSession(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/07-disconnects")
	steps := func(phase string) string {
		return `[...document.querySelector("ws-play").querySelectorAll(".plan li.` + phase + ` code")].map(c => c.textContent).join()`
	}
	browsertest.Eval[any](p, `void document.querySelector("ws-play").querySelector("[data-play-do=run]").focus(), null`)
	p.Press(kb.Enter)
	p.Until("the client waits", steps("doing")+`.startsWith("patience") && document.activeElement.textContent.includes("Pause")`)
	p.Press(" ")
	p.Until("the play says where it will pause", `/It pauses after this step/.test(document.querySelector("ws-play").querySelector(".plan li.doing").textContent) && document.activeElement.textContent.includes("Run")`)
	p.Until("it has paused before the next step", steps("ready")+`== "server tcp read"`)
	p.Press(kb.ArrowRight)
	p.Until("that step is done", steps("ready")+`.startsWith("server tcp write")`)
	p.Press(".")
	p.Until("the rest has run", `!`+steps("todo")+` && !`+steps("ready")+` && !`+steps("doing"))
	p.Click("ws-lab", "Start new session")
	p.Until("nothing is done any more", `!`+steps("done"))
	p.Click("ws-play", "▶ Step")
	p.Until("the tab has opened another WebSocket", steps("done")+`== "open"`)
	p.Blameless()
}

func TestWhatIsDrawnAnewKeepsTheFocus(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lab")
	p.Click("ws-lab .bar", "Connect")
	p.Until("both are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	p.Click("ws-free form[data-act=send]", "Send text")
	p.Until("the echo came", browsertest.WireRows+` == 2`)

	// A frame's fields, one after the other.
	p.Until("a frame is shown", `!!document.querySelector("ws-lab .title [data-command=into]")`)
	browsertest.Eval[any](p, `document.querySelector("ws-lab .title [data-command=into]").focus()`)
	p.Press(kb.Enter)
	p.Until("its first field is shown", `/field 1 of/.test(document.querySelector("ws-lab .title").textContent)`)
	browsertest.Eval[any](p, `document.querySelector("ws-lab .title [aria-label='Next field']").focus()`)
	for n := 2; n < 5; n++ {
		p.Press(kb.Enter)
		p.Until("the next field is shown", fmt.Sprintf(`/field %d of/.test(document.querySelector("ws-lab .title").textContent)`, n))
	}
	if on := browsertest.Eval[string](p, browsertest.Focused); on != "Next field" {
		t.Errorf("after three steps the focus is on %q", on)
	}
	p.Until("the address says which bit", `/^#e=\d+&b=[1-9]/.test(location.hash)`)

	// The way back to the newest, while more comes.
	browsertest.Eval[any](p, `document.querySelector("ws-lab [data-command=into]").click()`)
	browsertest.Eval[any](p, `document.querySelector("ws-lab [data-command=back]").click()`)
	p.Until("the newest is not shown", `document.querySelector("ws-lab [data-command=live]")?.checkVisibility()`)
	browsertest.Eval[any](p, `(window.live = document.querySelector("ws-lab [data-command=live]")).focus()`)
	// From the server, by no action of this page: that would lead to the newest by itself.
	browsertest.Eval[any](p, `(({sockets, session}) => Promise.all(sockets.ready().map(s => session.post("server", {client: s.token, do: "text", text: "more"}))))(document.querySelector("ws-lab").lab)`)
	p.Until("more has come", `/of [5-9]|of \d\d/.test(document.querySelector("ws-lab .at").textContent)`)
	if !browsertest.Eval[bool](p, `window.live.isConnected`) {
		t.Error("the button was made anew while more came")
	}
	p.Press(kb.Enter)
	p.Until("the newest is shown", `!document.querySelector("ws-lab [data-command=live]").checkVisibility()`)
	p.Until("the address names no row any more", `location.hash == ""`)

	// The log gives the focus back.
	browsertest.Eval[any](p, `document.querySelector("ws-lab [data-command=log]").focus()`)
	p.Press(kb.Enter)
	p.Until("the log is open", `!!document.querySelector("ws-log .shut")`)
	browsertest.Eval[any](p, `document.querySelector("ws-log .shut").focus()`)
	p.Press(kb.Enter)
	p.Until("the log is closed", `!document.querySelector("ws-log")`)
	p.Until("the focus is on the button that opened it", browsertest.Focused+` == "Show log"`)
	p.Blameless()
}

func TestTabLeadsThroughTheBitsAndOutAtTheirEnd(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/02-frames")
	p.Click("ws-lab .bar", "Connect")
	p.Until("it is open", `[...document.querySelectorAll("ws-lab .states b")].some(b => b.textContent == "OPEN")`)
	p.Click("ws-do", "Send Hello")
	p.Until("the echo came", browsertest.WireRows+` > 0`)
	browsertest.Eval[any](p, `document.querySelector("ws-timeline .scroll").focus()`)
	p.Press(kb.End)
	p.Press(kb.ArrowUp)
	p.Until("what the client sent is selected, with its source", `/masked/.test(document.querySelector("ws-lab .title h2")?.textContent) && !!document.querySelector("ws-source button.line")`)
	var reached []string
	moved := false
	for range 60 {
		p.Press(kb.Tab)
		on := browsertest.Eval[string](p, `document.activeElement?.localName + "." + document.activeElement?.className + " " + `+browsertest.Focused+`.slice(0, 30)`)
		if strings.HasPrefix(on, "body") {
			break
		}
		reached = append(reached, on)
		if !moved && browsertest.Eval[bool](p, `!!document.activeElement?.closest(".bits")`) {
			moved = true
			for range 10 { // previews another field than the one that is pinned
				p.Press(kb.ArrowRight)
			}
			p.Until("it is previewed", `/MASK|length/i.test(document.querySelector("ws-field-card b")?.textContent)`)
		}
	}
	all := strings.Join(reached, "\n")
	for _, want := range []string{"Copy line", "ParseHeader in reference", "button.line other", "advanceFrame", "Unmasking table"} {
		if !strings.Contains(all, want) {
			t.Errorf("Tab does not lead to %q:\n%s", want, all)
		}
	}
	browsertest.Eval[any](p, `document.querySelector("ws-lengths [data-send='126']").focus()`)
	p.Press(kb.Enter)
	p.Until("the row of what was sent has the focus", browsertest.Focused+` == "Show frame of 126 bytes"`)
	p.Blameless()
}

func TestTheTableOfTheTimelineSelects(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/02-frames")
	p.Click("ws-lab .bar", "Connect")
	p.Until("it is open", `[...document.querySelectorAll("ws-lab .states b")].some(b => b.textContent == "OPEN")`)
	p.Click("ws-lab .bar", "reference")
	p.Click("ws-lab .tools", "Show timeline as table")
	p.Until("the table is there", `document.querySelectorAll("ws-timeline .twin [data-seq]").length > 2`)
	if n := browsertest.Eval[int](p, `document.querySelectorAll("ws-timeline .twin [data-seq][tabindex='0']").length`); n != 1 {
		t.Errorf("the table has %d Tab stops for its rows", n)
	}
	browsertest.Eval[any](p, `document.querySelector("ws-timeline .twin [data-seq][tabindex='0']").focus()`)
	p.Press(kb.Home)
	p.Press(kb.ArrowDown)
	p.Until("the request is selected", `document.querySelector("ws-timeline .twin tr.in")?.rowIndex == 2 && /GET /.test(document.querySelector("ws-lab .title h2").textContent)`)
	p.Press(kb.ArrowDown)
	p.Until("the answer is selected", `/101/.test(document.querySelector("ws-lab .title h2").textContent)`)
	if on := browsertest.Eval[bool](p, `document.activeElement === document.querySelector("ws-timeline .twin tr.in [data-seq]")`); !on {
		t.Error("the focus is not on the selected row")
	}
	p.Until("the address names it", `/^#e=\d+/.test(location.hash)`)

	// Opened again, the page shows the row, even if more rows follow than fit.
	for _, name := range []string{"Send Hello", "Send 125", "Send 126", "Send 65,535", "Send 65,536"} {
		p.Click("article ws-do", name)
	}
	p.Until("they came, and the last one sent is selected", `document.querySelectorAll("ws-timeline .twin [data-seq]").length > 8 && /65,536/.test(document.querySelector("ws-lab .title h2").textContent)`)
	p.Calm(browsertest.RowCount)
	p.Calm("location.hash") // the page writes the address a moment after the selection
	browsertest.Eval[any](p, `document.querySelector("ws-timeline .twin [data-seq][tabindex='0']").focus(), window.earlier = location.hash, null`)
	p.Press(kb.Home)
	p.Press(kb.ArrowDown)
	p.Press(kb.ArrowDown)
	p.Until("the answer is selected once more, and the address names it", `/101/.test(document.querySelector("ws-lab .title h2").textContent) && location.hash != window.earlier`)
	p.Do(chromedp.Reload())
	p.Ready()
	inView := func(row, of string) string {
		return fmt.Sprintf(`(() => {
			const row = document.querySelector(%q)?.getBoundingClientRect(), of = document.querySelector(%q).getBoundingClientRect();
			return !!row && row.height > 0 && row.top >= of.top && row.bottom <= of.bottom + 1;
		})()`, row, of)
	}
	p.Until("the answer is selected again", `/101/.test(document.querySelector("ws-lab .title h2")?.textContent)`)
	p.Until("its row is in view", inView("ws-timeline .row.selected", "ws-timeline .scroll"))
	p.Click("ws-lab .tools", "Show timeline as table")
	p.Until("it is in view in the table", inView("ws-timeline .twin tr.in", "ws-timeline .twin"))
	p.Blameless()
}
