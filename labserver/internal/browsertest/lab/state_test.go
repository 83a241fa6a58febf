package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"wslab/labserver/internal/browsertest"
	"wslab/reference"
	"wslab/reference/wire"
)

// These tests hold what the page shows to what is true at that moment: where
// the timeline is read, which row is selected, what the sentences say, and what
// a page shows that the browser kept while the reader was elsewhere.

// leftBelow is how many pixels of the timeline are below what is in view.
const leftBelow = `(s => Math.round(s.scrollHeight - s.clientHeight - s.scrollTop))(document.querySelector("ws-timeline .scroll"))`

func TestTheTimelineFollowsItsEndWhenItsHeightChanges(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/02-frames")
	p.Click("ws-lab .bar", "Connect")
	p.Until("it is open", `[...document.querySelectorAll("ws-lab .states b")].some(b => b.textContent == "OPEN")`)
	for range 12 {
		p.Click("article ws-do", "Send Hello")
	}
	p.Until("there are more rows than room", browsertest.RowCount+` >= 24`)
	p.Calm(browsertest.RowCount)
	p.Until("the end is in view", leftBelow+` <= 1`)
	height := `document.querySelector("ws-timeline .scroll").clientHeight`
	sizes := []struct{ w, h int64 }{{1440, 500}, {1440, 1300}, {390, 844}, {844, 390}, {1440, 900}}
	for _, size := range sizes {
		before := browsertest.Eval[string](p, `innerWidth + "×" + `+height)
		p.Do(chromedp.EmulateViewport(size.w, size.h))
		p.Until("the timeline has another size", `innerWidth + "×" + `+height+` != `+browsertest.QuoteJS(before))
		p.Until(fmt.Sprintf("the end is in view at %d×%d", size.w, size.h), leftBelow+` <= 1`)
	}
	row := `document.querySelector("ws-timeline .row.selected").offsetHeight`
	before := browsertest.Eval[int](p, row)
	browsertest.Eval[any](p, `document.documentElement.style.fontSize = "22px", null`)
	p.Until("rows are higher", fmt.Sprintf(`%s > %d`, row, before))
	p.Until("the end is in view with higher rows", leftBelow+` <= 1`)
	browsertest.Eval[any](p, `document.documentElement.style.fontSize = "", null`)
	p.Until("rows are as before", fmt.Sprintf(`%s == %d`, row, before))

	// A person who reads further up is left alone.
	browsertest.Eval[any](p, `document.querySelector("ws-timeline .scroll").scrollTop = 200, null`)
	p.Until("the scroll is noticed", `!document.querySelector("ws-timeline").tail.follows`)
	p.Do(chromedp.EmulateViewport(1440, 700))
	p.Until("the window is lower", `innerHeight == 700`)
	browsertest.Eval[any](p, `(({sockets, session}) => Promise.all(sockets.ready().map(s => session.post("server", {client: s.token, do: "text", text: "more"}))))(document.querySelector("ws-lab").lab)`)
	rows := browsertest.Eval[int](p, browsertest.RowCount)
	p.Until("more has come", fmt.Sprintf(`%s > %d || /more/.test(document.querySelector("ws-timeline").textContent)`, browsertest.RowCount, rows-1))
	p.Calm(browsertest.RowCount)
	if top := browsertest.Eval[int](p, `document.querySelector("ws-timeline .scroll").scrollTop`); top != 200 {
		t.Errorf("the timeline scrolled to %d by itself", top)
	}
	p.Blameless()
}

// An action is a button of a lesson as the page reads it.
type action struct {
	Do, Hex string
	Shows   map[string]any
}

// title is the pattern of what is selected after a: its own side's first frame,
// or what its button names.
func (a action) title() *regexp.Regexp {
	if a.Shows != nil {
		if a.Shows["kind"] == "handshake" {
			return regexp.MustCompile(`^❰ \d{3} `)
		}
		side := map[any]string{"client": "❱", "server": "❰"}[a.Shows["from"]]
		fin := ""
		if a.Shows["fin"] == 1.0 {
			fin = "FIN "
		}
		return regexp.MustCompile(fmt.Sprintf("^%s %s %s", side, strings.ToUpper(fmt.Sprint(a.Shows["opcode"])), fin))
	}
	switch a.Do {
	case "connect":
		return regexp.MustCompile(`^❱ GET `)
	case "send":
		if a.Hex != "" {
			return regexp.MustCompile(`^❱ BINARY `)
		}
		return regexp.MustCompile(`^❱ TEXT `)
	case "close":
		return regexp.MustCompile(`^❱ CLOSE `)
	case "ping":
		return regexp.MustCompile(`^❰ PING `)
	case "scenario":
		return regexp.MustCompile(`^❱ [A-Z]+ `)
	}
	return nil // it causes no frame of its own
}

// selectedTitle is the heading of what is selected, and of which event.
const selectedTitle = `(document.querySelector("ws-lab .title h2")?.textContent ?? "") + " · " + (/event \d+/.exec(document.querySelector("ws-lab .title p")?.textContent) ?? "")`

// parted is a JavaScript condition: a scenario was played on two servers, and their
// first difference is selected.
func (a action) parted() string {
	if a.Do != "scenario" {
		return "false"
	}
	return `!!document.querySelector("ws-timeline .row.selected.differs")`
}

func TestEveryButtonOfALessonSelectsTheFrameThatItsTextSpeaksOf(t *testing.T) {
	t.Parallel()
	base := browsertest.StartLab(t)
	p := browsertest.OpenTab(t, base, 1440, 900)
	pressed := 0
	for _, lesson := range []string{"01-handshake", "02-frames", "03-masking", "04-fragments", "05-ping", "06-closing", "07-disconnects", "08-network", "09-weekend"} {
		p.GoTo("/lessons/" + lesson)
		buttons := browsertest.Eval[[]string](p, `[...document.querySelectorAll("article ws-do [data-do]")].map(b => b.dataset.do)`)
		for i, text := range buttons {
			var a action
			if err := json.Unmarshal([]byte(text), &a); err != nil {
				t.Fatal(err)
			}
			before := browsertest.Eval[string](p, selectedTitle)
			browsertest.Eval[any](p, fmt.Sprintf(`document.querySelectorAll("article ws-do [data-do]")[%d].click(), null`, i))
			want := a.title()
			if want == nil {
				continue
			}
			pressed++
			p.Until(fmt.Sprintf("button %d of %s, %s, selects %s", i+1, lesson, text, want), fmt.Sprintf(`(now => now != %s && (new RegExp(%s).test(now) || %s))(%s)`, browsertest.QuoteJS(before), browsertest.QuoteJS(want.String()), a.parted(), selectedTitle))
			p.Calm(browsertest.RowCount + ` + document.querySelector("ws-lab .states").textContent`)
			if now := browsertest.Eval[string](p, selectedTitle); !want.MatchString(now) && !browsertest.Eval[bool](p, a.parted()) {
				t.Errorf("button %d of %s, %s: %q was selected in the end", i+1, lesson, text, now)
			}
			if browsertest.Eval[bool](p, `!!document.querySelector("ws-lab .bar [data-command=hold][aria-pressed=true]")`) && a.Do == "close" {
				p.Click("ws-lab", "▶▶ Run")
			}
		}
	}
	if pressed < 30 {
		t.Errorf("only %d buttons were pressed", pressed)
	}
}

func TestAnActionsFrameStaysSelectedUntilALearnerGoesOn(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lab")
	p.Click("ws-lab .bar", "reference")
	p.Until("the forms are there", `document.querySelector("ws-free form")`)
	// Each form of the free lab, in an order in which each can be done.
	for _, f := range []struct{ form, title string }{
		{"connect", `^❱ GET `},
		{"send", `^❱ TEXT .*Hello`},
		{"say", `^❰ TEXT .*from Go`},
		{"fragments", `^❰ TEXT .*He`},
		{"ping", `^❰ PING `},
		{"pong", `^❰ PONG `},
		{"raw-open", `^❱ GET `},
		{"raw-bytes", `^❱ TEXT .*Hello`},
		{"close", `^❱ CLOSE .*bye`},
		{"broken", `^❰ \d{3} `},
	} {
		browsertest.Eval[any](p, fmt.Sprintf(`document.querySelector("ws-free [data-act=%s]").requestSubmit(), null`, f.form))
		p.Until("the form "+f.form+" selects what it caused", fmt.Sprintf(`new RegExp(%s).test(document.querySelector("ws-lab .title h2")?.textContent)`, browsertest.QuoteJS(f.title)))
		p.Calm(browsertest.RowCount)
		if now := browsertest.Eval[string](p, selectedTitle); !regexp.MustCompile(f.title).MatchString(now) {
			t.Errorf("after the form %s, %q is selected in the end", f.form, now)
		}
		if hash := browsertest.Eval[string](p, `location.hash`); hash != "" {
			t.Errorf("after the form %s the address names an event that no person chose: %s", f.form, hash)
		}
	}
	p.Click("ws-lab .bar", "Connect")
	p.Until("it is open", `[...document.querySelectorAll("ws-lab .states b")].some(b => b.textContent == "OPEN")`)
	send := func(text string) {
		browsertest.Eval[any](p, `(({sockets, session}) => Promise.all(sockets.ready().map(s => session.post("server", {client: s.token, do: "text", text: `+browsertest.QuoteJS(text)+`}))))(document.querySelector("ws-lab").lab)`)
		p.Until("the server's message is there", fmt.Sprintf(`document.querySelector("ws-timeline").textContent.includes(%s)`, browsertest.QuoteJS(text)))
		p.Calm(browsertest.RowCount)
	}
	send("one")
	if now := browsertest.Eval[string](p, selectedTitle); !strings.HasPrefix(now, "❱ GET ") {
		t.Errorf("a later frame took the selection: %q", now)
	}
	browsertest.Eval[any](p, `document.querySelector("ws-timeline .scroll").focus()`)
	p.Press(kb.End)
	send("two")
	p.Until("after End the newest is followed", `/two/.test(document.querySelector("ws-lab .title h2").textContent)`)
}

// sentences are what the page says of its state, as JavaScript: the banner, the
// notice, each status and the states of the connections.
const sentences = `[...document.querySelectorAll("ws-lab .banner, ws-lab .notice, article output, ws-free output, ws-play .waiting, ws-compare .notice, ws-connections, ws-lab .states b")].filter(e => e.checkVisibility()).map(e => e.innerText.trim()).filter(Boolean)`

func TestAConnectionThatFailedIsNotToldAsSuccess(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/01-handshake")
	browsertest.Eval[any](p, `document.querySelector("article [data-do*='no-upgrade']").click(), null`)
	status := `document.querySelector("article [data-do*='no-upgrade']").closest("ws-do").querySelector("output")`
	p.Until("the status says that it failed", `/^× Failed: the connection to broken\/no-upgrade did not open\./.test(`+status+`.textContent)`)
	if !browsertest.Eval[bool](p, status+`.classList.contains("failed")`) {
		t.Error("the status is not drawn as a failure")
	}
	p.Click("article ws-do", "Connect to both")
	first := `document.querySelector("article ws-do output").textContent`
	p.Until("the first status says that it is connected", `/^✔ Connected to reference and gorilla\./.test(`+first+`)`)
	p.Click("ws-lab .bar", "Close")
	p.Until("it says that it is closed", `/^The connections to reference and gorilla are closed with 1000\./.test(`+first+`)`)
}

func TestAfterARestartOfTheLabServerNoSentenceContradictsAnother(t *testing.T) {
	t.Parallel()
	base, stop := browsertest.StartLabAt(t, "127.0.0.1:0")
	addr := strings.TrimPrefix(base, "http://")
	p := browsertest.OpenTab(t, base, 1440, 900)
	p.GoTo("/lab")
	p.Until("the forms are there", `document.querySelector("ws-free form")`)
	submit := func(form, row string) {
		browsertest.Eval[any](p, fmt.Sprintf(`document.querySelector("ws-free [data-act=%s]").requestSubmit(), null`, form))
		p.Until("the form "+form+" is done", fmt.Sprintf(`new RegExp(%s).test(document.querySelector("ws-free [data-act=%s] output").textContent)`, browsertest.QuoteJS(row), form))
	}
	submit("raw-open", `^✔ The raw client is connected to reference\.`)
	submit("connect", `^✔ Connected to reference and gorilla\.`)
	submit("send", `^✔ Your page sent 5 bytes\.`)

	// Another tab, in which a play waits and a browser's own connection with it.
	q := p.Another()
	q.GoTo("/lessons/07-disconnects")
	browsertest.Eval[any](q, `document.querySelector("ws-play [data-play-do=step]").click(), null`)
	q.Until("it waits before its second step", `document.querySelector("ws-play .plan li.ready")`)

	stop()
	away := `/does not answer/.test(document.querySelector("ws-lab .banner:not([hidden])")?.textContent)`
	for _, one := range []*browsertest.Tab{p, q} {
		one.Do(chromedp.Evaluate[chromedp.Void](`dispatchEvent(new Event("focus"))`))
		one.Until("it says that the lab server is away", away)
		honest(t, one, "while the lab server is away")
	}
	_, stop = browsertest.StartLabAt(t, addr)
	defer stop()
	lost := `/restarted or dropped this session/.test(document.querySelector("ws-lab .banner:not([hidden])")?.textContent)`
	for _, one := range []*browsertest.Tab{p, q} {
		one.Until("it says that the session is over", lost)
		honest(t, one, "after the restart")
		one.Click("ws-lab .banner", "Start new session")
		one.Until("there is a session again", `document.querySelector("ws-lab .banner").hidden && /^Connect to see/.test(document.querySelector("ws-lab .notice").textContent)`)
	}
	if left := browsertest.Eval[[]string](p, `[...document.querySelectorAll("ws-free output")].map(o => o.textContent).filter(Boolean)`); len(left) > 0 {
		t.Errorf("in a fresh session the forms still say %q", left)
	}
}

// honest fails the test when the page says anything that is not true while its
// session is over, or says twice why.
func honest(t *testing.T, p *browsertest.Tab, when string) {
	t.Helper()
	all := browsertest.Eval[[]string](p, sentences)
	why := 0
	for _, s := range all {
		if regexp.MustCompile(`does not answer|restarted`).MatchString(s) && !strings.HasPrefix(s, "× This play") && !strings.Contains(s, "Any client") {
			why++
		}
		if regexp.MustCompile(`✔|^(CONNECTING|OPEN|CLOSING)$|is held|runs freely|Hold it|Press →|Nothing is stuck|Connecting|is connected|A play:`).MatchString(s) {
			t.Errorf("%s the page says %q, among %q", when, s, all)
		}
	}
	// On /lab the list of the lab server's connections says so for itself.
	if why == 0 || why > 2 {
		t.Errorf("%s %d sentences say why: %q", when, why, all)
	}
}

func TestGoingBackToALabLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	base := browsertest.StartLab(t)
	p := browsertest.OpenTab(t, base, 1440, 900)
	ctx, cancel := context.WithTimeout(context.Background(), browsertest.Timeout)
	defer cancel()
	conn, err := reference.Dial(ctx, "ws"+strings.TrimPrefix(base, "http")+"/ws/reference", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	echo := func(n int) {
		t.Helper()
		for i := range n {
			if err := conn.WriteMessage(wire.Text, fmt.Appendf(nil, "message %d", i)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := conn.ReadMessage(); err != nil {
				t.Fatal(err)
			}
		}
	}
	echo(5)
	answer, err := http.Get(base + "/api/connections")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var list struct{ Connections []struct{ Session string } }
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil || len(list.Connections) != 1 {
		t.Fatalf("the list of connections is %v, %v", list, err)
	}
	frames := `document.querySelector("ws-lab").lab.session.history.events.filter(e => e.frame).length`
	p.GoTo("/lab?watch=" + list.Connections[0].Session)
	p.Until("what was recorded is there", browsertest.WireRows+` >= 8`)
	p.GoBack(func() { echo(30) })
	echo(1)
	p.Until("all of it is there", browsertest.RowCount+` >= 72`)
	p.Calm(browsertest.RowCount)
	if n := browsertest.Eval[int](p, frames); n != 72 {
		t.Errorf("the page has %d frames, and 72 crossed", n)
	}
	if gaps := browsertest.Eval[int](p, `document.querySelector("ws-lab").lab.session.history.events.filter((e, i, all) => i && e.seq != all[i - 1].seq + 1).length`); gaps > 0 {
		t.Errorf("the recording has %d gaps", gaps)
	}
	p.Blameless()
}

func TestGoingBackToALessonSaysThatItsConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/02-frames")
	p.Click("article ws-do", "Connect to both")
	p.Until("both are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	p.GoBack(func() {})
	p.Until("both are closed", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "CLOSED").length == 2`)
	p.Until("the page says why", `/^You left this page, and the browser closed its connections\./.test(document.querySelector("ws-lab .banner:not([hidden])")?.textContent)`)
	p.Until("the lesson's own status is of now", `/^(× )?The connections to reference and gorilla are closed/.test(document.querySelector("article ws-do output").textContent)`)
	// The page also has what the server did when the browser left.
	p.Until("the recording has the end", `/1001/.test(document.querySelector("ws-timeline").textContent)`)
	p.Click("article ws-do", "Connect to both")
	p.Until("they can be opened anew", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2 && document.querySelector("ws-lab .banner").hidden`)
}
