package walks

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"wslab/labserver/internal/browsertest"
)

// TestTheFourWaysByKeyboard does lesson 0 by keyboard alone.
func TestTheFourWaysByKeyboard(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/00-why")
	p.Until("the blocks are there", `["ws-ways", "ws-streams", "ws-chat", "ws-predict"].every(tag => customElements.get(tag))`)
	reach := func(selector string) {
		t.Helper()
		p.TabTo(selector, `at?.matches(`+browsertest.QuoteJS(selector)+`)`)
	}
	predict := func(id string) {
		reach(`#predict-` + id + ` input`)
		p.Press(kb.ArrowDown)
		reach(`#predict-` + id + ` .lock`)
		p.Press(kb.Enter)
		p.Until(id+" is locked in", `document.querySelector("#predict-`+id+` .verdict")`)
	}
	answered := func(id string) {
		p.Until(id+" is answered", `document.querySelector("#predict-`+id+`").answered`)
	}
	predict("00-requests")
	predict("00-header")

	// The sliders move by keys, and say their value.
	reach(`ws-ways input[name=rate]`)
	p.Press(kb.End)
	p.Until("the rate is at its end", `document.querySelector("ws-ways").settings.rate == 20 && document.activeElement.getAttribute("aria-valuetext") == "20"`)
	p.Press(kb.Home)
	p.Until("the rate is at its other end", `document.querySelector("ws-ways").settings.rate == 0.2`)
	for range 3 {
		p.Press(kb.ArrowRight)
	}
	p.Until("the rate is 2 again", `document.querySelector("ws-ways").settings.rate == 2`)

	// The order.
	reach(`ws-ways [data-up=socket]`)
	for range 3 {
		p.Press(kb.Enter)
	}
	p.Until("WebSocket is first", `document.querySelector("ws-ways").guess[0] == "socket"`)
	reach(`ws-ways .lock`)
	p.Press(kb.Enter)
	reach(`ws-ways .start`)
	p.Press(kb.Enter)
	status := `document.querySelector("ws-ways .status").textContent`
	done := `/^[✔×]/.test(` + status + `)`
	p.Until("the run is done", done)
	if got := browsertest.Eval[string](p, status); got[:3] != "✔" {
		p.Failed("the run ended with %q", got)
	}
	answered("00-requests")
	answered("00-header")
	if !browsertest.Eval[bool](p, `document.querySelector("ws-ways").checked.agrees`) {
		t.Error("the page does not count the same bytes as the server")
	}
	// The page's table has the server's counts.
	const counts = `(async () => {
		const {run} = document.querySelector("ws-ways").costs;
		const {ways} = await document.querySelector("ws-lab").lab.session.get("ways/" + run);
		const row = name => [...document.querySelectorAll("ws-ways .numbers tr")].find(r => r.cells[0].textContent == name);
		const shown = name => [...row(name).cells].slice(1).map(c => Number(c.textContent.replaceAll(",", ""))).join();
		const of = key => ways.map(w => w[key]).join();
		return [["requests", "requests"], ["TCP connections", "connections"], ["bytes from the page", "up"], ["bytes from the server", "down"], ["events received", "events"]]
			.map(([name, key]) => shown(name) == of(key) ? "" : name + ": " + shown(name) + " and not " + of(key)).filter(Boolean).join("; ");
	})()`
	if wrong := browsertest.Eval[string](p, counts); wrong != "" {
		t.Errorf("the table differs from the server's counts: %s", wrong)
	}

	// The exercise: a wrong answer, the right one, and the run that checks it.
	from := browsertest.Eval[int](p, `document.querySelector("ws-ways").turns[0].from`)
	answer := func(question, n int) {
		reach(fmt.Sprintf(`ws-ways [data-question="%d"] input`, question))
		browsertest.Eval[any](p, `document.activeElement.select(), null`)
		p.Press(strconv.Itoa(n) + kb.Enter)
	}
	answer(0, from+7)
	p.Until("a wrong answer is refused", `/^× WebSocket costs less before that/.test(document.querySelector("ws-ways .turn [role=status]").textContent)`)
	answer(0, from)
	p.Until("the right answer is accepted", `document.querySelector("ws-ways .turn [role=status].won")`)
	answer(1, browsertest.Eval[int](p, `document.querySelector("ws-ways").turns[1].from`))
	p.Until("both are accepted", `document.querySelectorAll("ws-ways .turn [role=status].won").length == 2`)
	reach(fmt.Sprintf(`ws-ways [data-run="%d"]`, from))
	p.Press(kb.Enter)
	p.Until("the checking run begins", `!(`+done+`)`)
	p.Until("the checking run is done", done)
	const cheaper = `(of => [of.socket, of.events].map(c => c.up.head + c.up.data + c.down.head + c.down.data))(document.querySelector("ws-ways").costs.of)`
	if sums := browsertest.Eval[[]int](p, cheaper); sums[0] >= sums[1] {
		t.Errorf("with %d events WebSocket needed %d bytes and Server-Sent Events %d; the exercise says that it needs fewer", from, sums[0], sums[1])
	}

	// A request of plain HTTP in the timeline: its header fields with their bytes add up.
	browsertest.Eval[any](p, `(({inspector, session}) => inspector.select(session.history.events.find(e => e.http?.what == "request").seq))(document.querySelector("ws-lab").lab)`)
	p.Until("the request is shown", `/This request of plain HTTP/.test(document.querySelector("ws-inspector .shake").textContent)`)
	const sum = `(({fields, size, line}) => size - fields.reduce((n, f) => n + f.size, 0) - line.length - 4)(document.querySelector("ws-lab").lab.inspector.subject.event.http)`
	if rest := browsertest.Eval[int](p, sum); rest != 0 {
		t.Errorf("first line, header fields and empty line leave %d bytes of the request", rest)
	}

	predict("00-streams")
	reach(`ws-streams .start`)
	p.Press(kb.Enter)
	streams := `document.querySelector("ws-streams .status").textContent`
	p.Until("the streams are counted", `/^[✔×]/.test(`+streams+`)`)
	if got, want := browsertest.Eval[string](p, streams), "✔ 5 of 7 streams opened, and 7 of 7 WebSockets. When one stream was closed, stream 6 opened."; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	answered("00-streams")
	if status := browsertest.Eval[string](p, `(async () => (await fetch("/api/connections")).status + " " + document.querySelector("ws-lab").lab.session.status)()`); status != "200 live" {
		t.Errorf("after the streams the page is not well: %s", status)
	}

	predict("00-reads")
	reach(`ws-chat [data-split="0"]`)
	p.Press(kb.Enter)
	p.Until("the chats have ended", `/^[✔×]/.test(document.querySelector("ws-chat .status").textContent)`)
	if got, want := browsertest.Eval[string](p, `document.querySelector("ws-chat .status").textContent`), "✔ Raw TCP: 3 writes, and 1 read returned data. WebSocket: 3 writes, and 3 reads returned a message."; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	answered("00-reads")
	p.Until("the lesson is done", `/^1 of/.test(document.querySelector("ws-progress").textContent)`)
	p.Blameless()
}

// TestABlockedWayIsNamedAndTheOthersGoOn runs the four ways in a browser that blocks two
// of them, as an extension or a proxy may.
func TestABlockedWayIsNamedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/00-why")
	p.Until("the lab listens", `customElements.get("ws-ways") && document.querySelector("ws-lab").lab.session.status == "live"`)
	browsertest.Eval[any](p, `(() => {
		window.EventSource = class { constructor() { throw new Error("blocked by an extension"); } };
		window.WebSocket = class extends WebSocket { constructor(url) { super(url.replace("/ws/", "/ws/no-such-")); } };
		const on = document.querySelector("ws-ways");
		on.settings = {...on.settings, rate: 20, up: 20};
		on.querySelector(".start").click();
	})(), null`)
	status := `document.querySelector("ws-ways .status").textContent`
	p.Until("the run is done", `/^[✔×]/.test(`+status+`)`)
	want := "× Server-Sent Events: could not be opened: blocked by an extension. WebSocket: the connection did not open, close code 1006. Long polling needed the fewest bytes."
	got := browsertest.Eval[string](p, status)
	if alt := "× Server-Sent Events: could not be opened: blocked by an extension. WebSocket: the connection did not open, close code 1006. Polling needed the fewest bytes."; got != want && got != alt {
		t.Errorf("it says %q, want %q", got, want)
	}
	if received := browsertest.Eval[[]int](p, `["poll", "long", "events", "socket"].map(w => document.querySelector("ws-ways").race.arrivals[w].size)`); received[0] != 20 || received[1] != 20 || received[2] != 0 || received[3] != 0 {
		t.Errorf("the ways received %v events", received)
	}
	p.Until("another run is possible", `document.querySelector("ws-ways .start").textContent == "Start run"`)
}

func TestNothingIsMeasuredWhileTheWireIsHeld(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/00-why")
	p.Until("the lab listens", `customElements.get("ws-chat") && document.querySelector("ws-lab").lab.session.status == "live"`)
	p.Click("ws-lab", "Hold the wire")
	p.Until("the wire is held", `document.querySelector("ws-lab").lab.session.holding`)
	for _, tag := range []string{"ws-ways", "ws-streams", "ws-chat"} {
		browsertest.Eval[any](p, `document.querySelector("`+tag+` button.primary").click(), null`)
		p.Until(tag+" says why it does not run", `/^× .*The wire is held.* Press Run/.test(document.querySelector("`+tag+` .status").textContent)`)
	}
	if n := browsertest.Eval[int](p, `document.querySelector("ws-lab").lab.session.history.events.length`); n > 0 {
		t.Errorf("%d events are recorded", n)
	}
	p.Blameless()
}
