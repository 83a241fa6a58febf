package compare

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"wslab/compare/endpoint"
	"wslab/labserver/internal/browsertest"
)

// These tests drive /compare in a real Chromium.

// openCompare opens /compare at an address and waits for its rows.
func openCompare(t *testing.T, at string) *browsertest.Tab {
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo(at)
	p.Until("the cases are listed", `document.querySelectorAll("ws-compare .line[data-id]").length > 500`)
	return p
}

// cell is the JavaScript of what a column tells of a case.
func cell(id, column string) string {
	return `document.querySelector('.line[data-id="` + id + `"] [data-column="` + column + `"]').textContent`
}

func TestTheMatrixIsFilledFilteredAndOpenedByKeyboardAlone(t *testing.T) {
	p := openCompare(t, "/compare")

	// 1. Fewer cases, and these are judged.
	p.TabTo("the search", `at.name == "text"`)
	p.Press("5.1/")
	p.Until("the filter leaves one section", `[...document.querySelectorAll(".line[data-id]")].every(l => l.hidden == !l.dataset.id.startsWith("5.1/"))`)
	browsertest.Eval[any](p, `void document.querySelector("main").focus(); document.activeElement.blur(); null`)
	p.TabTo("the button that judges", `at.dataset.judge == "own"`)
	p.Press(kb.Enter)
	p.Until("the focus is on what stops it, or begins it again", `document.activeElement.matches("[data-stop=own], [data-judge=own]")`)
	p.Until("each of them is judged at each server", `[...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => ["reference", "gorilla", "naive"].every(n => /[✔≈×i∅?]/.test(l.querySelector('[data-column="'+n+'"]').textContent)))`)
	for column, want := range map[string]string{"reference": "✔", "naive": "×"} {
		if got := browsertest.Eval[string](p, cell("5.1/wrong-mask-in-text", column)); !strings.Contains(got, want) {
			t.Errorf("5.1/wrong-mask-in-text at %s reads %q, want %s", column, got, want)
		}
	}

	// 2. Of these, the ones that fail.
	p.TabTo("the verdicts", `at.name == "verdict"`)
	p.Press("×")
	p.Until("the failing ones are left", `document.querySelector("[name=verdict]").value == "fail" && [...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => l.textContent.includes("×"))`)

	// 3. One of them, down to its first wrong bit.
	p.TabTo("the first row", `at.matches(".line[data-id]")`)
	p.Press(kb.ArrowDown)
	p.Press(kb.ArrowUp)
	id := browsertest.Eval[string](p, `document.activeElement.dataset.id`)
	p.Press(kb.Enter)
	p.Until("the case is open, with the failing one's bytes and a caret", `[...document.querySelectorAll("ws-bench .result.fail pre")].some(pre => /\^\^/.test(pre.textContent))`)
	p.Until("the address names it", `location.hash == `+browsertest.QuoteJS("#"+id))
	p.Until("the three are aligned and their first difference is marked", `document.querySelectorAll(".aligned th").length == 3 && document.querySelector(".aligned tr.first") && /breaks? a MUST/.test(document.querySelector(".parted").textContent)`)
	p.Until("the timeline has the wire", browsertest.WireRows+` > 0`)
	p.Until("bits are shown", `document.querySelectorAll("ws-bits [role=gridcell] button").length >= 16`)
	p.TabTo("a step of the comparison", `at.matches(".aligned button")`)
	p.Press(kb.Enter)
	p.Until("the request that was pressed is selected", `/GET/.test(document.querySelector("ws-lab .title").textContent)`)

	// 4. And back.
	p.Press(kb.Escape)
	p.Until("the bench is closed and the focus is on the row", `document.querySelector("ws-bench").hidden && document.activeElement.dataset.id == `+browsertest.QuoteJS(id))
	if hash := browsertest.Eval[string](p, `location.hash`); hash != "#cases" {
		t.Errorf("the address is still %q", hash)
	}
	p.Blameless()
}

func TestACaseOpensByItsAddress(t *testing.T) {
	p := openCompare(t, "/compare#5.1/wrong-mask-in-binary")
	p.Until("its reports have come", `document.querySelectorAll("ws-bench .result").length == 3`)
	p.Until("its row has them as well", cell("5.1/wrong-mask-in-binary", "reference")+`.includes("✔")`)
	p.Click("ws-bench", "Next case")
	p.Until("the next one is open", `location.hash == "#5.1/wrong-mask-in-empty-text" && document.querySelectorAll("ws-bench .result").length == 3`)
	p.Blameless()
}

func TestAnOldNumberInALinkLeadsToItsSection(t *testing.T) {
	p := openCompare(t, "/compare#5.1/7c")
	p.Until("its section is shown, and the page says why", `document.querySelector("ws-compare [name=section]").value == "5.1" && /Cases have names now/.test(document.querySelector("ws-compare .notice").textContent) && location.hash == "#cases"`)
	if n := browsertest.Eval[int](p, `[...document.querySelectorAll(".line[data-id]:not([hidden])")].filter(l => l.dataset.id.startsWith("5.1/")).length`); n != 13 {
		t.Errorf("%d cases of the section are shown", n)
	}
	p.Blameless()
}

func TestThisBrowserIsJudgedInItsOwnTab(t *testing.T) {
	p := openCompare(t, "/compare")
	browsertest.Eval[any](p, `(() => { const i = document.querySelector("[name=text]"); i.value = "5.5.2/"; i.dispatchEvent(new Event("input", {bubbles: true})); return null; })()`)
	p.Click("ws-compare", "Judge this browser by these")
	p.Until("each of them is judged", `[...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => /[✔≈×i∅?]/.test(l.querySelector('[data-column="this browser"]').textContent))`)
	if got := browsertest.Eval[string](p, cell("5.5.2/empty-ping", "this browser")); !strings.Contains(got, "✔") {
		t.Errorf("a Ping is answered by this browser with %q", got)
	}
	// That case once more, recorded.
	browsertest.Eval[any](p, `void document.querySelector('.line[data-id="5.5.2/empty-ping"] [data-column="this browser"]').click(), null`)
	p.Until("it is shown", `location.hash == "#5.5.2/empty-ping-client" && /PONG/i.test(document.querySelector("ws-bench ws-timeline")?.textContent)`)
}

func TestWhatABrowserDoesInManyCasesIsToldOnceWithWhatItsScriptWasTold(t *testing.T) {
	p := openCompare(t, "/compare")
	judge := func(text string) {
		browsertest.Eval[any](p, `(() => { const i = document.querySelector("[name=text]"); i.value = `+browsertest.QuoteJS(text)+`; i.dispatchEvent(new Event("input", {bubbles: true})); return null; })()`)
		p.Click("ws-compare", "Judge this browser by these")
		p.Until("each of them is judged", `!document.querySelector("[data-stop=browser]") && [...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => !l.querySelector('[data-column="this browser"]').textContent || /[✔≈×i]/.test(l.querySelector('[data-column="this browser"]').textContent))`)
	}
	// Chromium sends back close codes that are not defined, and reserved ones.
	judge("7.4/")
	p.Until("that is told once", `/^≈ warning in [1-9][0-9] cases: It sends back a code that is not defined/.test(document.querySelector(".habits[open] li p")?.textContent)`)
	p.Until("with the cases", `/^7\.4\/[-a-z0-9]+-client/.test(document.querySelector(".habits li a[href^='#']")?.textContent)`)

	// It follows no redirect, and wants an answer to its subprotocols.
	judge("browser/")
	for _, id := range []string{"browser/redirect-301", "browser/redirect-308", "browser/subprotocol-missing", "browser/subprotocol-accepted", "browser/subprotocol-another"} {
		if got := browsertest.Eval[string](p, cell(id, "this browser")); strings.Contains(got, "×") || !strings.Contains(got, "✔") {
			t.Errorf("%s reads %q", id, got)
		}
	}
	told := func(id string) string {
		return browsertest.Eval[string](p, `document.querySelector('.line[data-id="`+id+`"] [data-column="this browser"]').title`)
	}
	if got := told("browser/subprotocol-missing"); !strings.Contains(got, "JavaScript received: onerror; onclose, code 1006, wasClean false.") {
		t.Errorf("browser/subprotocol-missing tells %q", got)
	}
	if got := told("browser/subprotocol-accepted"); !strings.Contains(got, "onopen, protocol “chat”; onmessage, 5 bytes; onclose, code 1000, wasClean true") {
		t.Errorf("browser/subprotocol-accepted tells %q", got)
	}

	// One case shows both directions, and the events of the script beside the wire.
	browsertest.Eval[any](p, `void document.querySelector('.line[data-id="browser/subprotocol-accepted"] [data-column="this browser"]').click(), null`)
	p.Until("it is shown", `location.hash == "#browser/subprotocol-accepted" && /client to judge: the request[^]*Sec-WebSocket-Protocol: chat\\r\\n[^]*judge to client: TEXT "Hello"[^]*client to judge: TEXT "Hello", masked[^]*to JavaScript: onclose with code 1000, wasClean true/.test(document.querySelector("ws-bench .result .crossed pre")?.textContent)`)
	p.Until("the report can be copied", `document.querySelector("ws-bench .result button.report")?.textContent == "Copy report"`)
	p.Until("the timeline has what the script was told", `/onclose/.test(document.querySelector("ws-bench ws-timeline")?.textContent)`)
}

func TestTheResponseThatFreezesABrowserIsSentByAButtonOfItsOwn(t *testing.T) {
	p := openCompare(t, "/compare")
	if browsertest.Eval[bool](p, `!!document.querySelector(".risk button")`) {
		t.Error("the button is there before anything was held back")
	}
	// This browser offers the parameter, so the report of one that does not is put in its place.
	browsertest.Eval[any](p, `(() => { const el = document.querySelector("ws-compare"); el.judging.matrix.report({case: "7692-7.1/fail-client-max-window-bits-08", endpoint: "this browser", verdict: "note", closing: "note", reason: "", expected: "", got: "", bytes: "", caret: -1, rule: "", mistake: "", took: 1, withheld: true}); el.grid.changeAll(); return null; })()`)
	p.Until("the page names the response that was not sent", `/^1 response was not sent to this browser \(7692-7\.1\/fail-client-max-window-bits-08\): it has client_max_window_bits=8/.test(document.querySelector(".risk p")?.textContent) && /all its windows stop responding/.test(document.querySelector(".risk").textContent)`)
	p.Click(".risk", "Send it and risk a freeze")
	p.Until("it was sent, and this browser refuses it", `/✔/.test(`+cell("7692-7.1/fail-client-max-window-bits-08", "this browser")+`) && !document.querySelector(".risk button")`)
	if n := browsertest.Eval[int](p, `document.querySelector("ws-compare").judging.matrix.reports.get("this browser").size`); n != 1 {
		t.Errorf("%d cases were sent", n)
	}
	p.Blameless()
}

func TestWhatSeemsToBeWrongIsToldWhenARunHasEnded(t *testing.T) {
	p := openCompare(t, "/compare")
	p.TabTo("the search", `at.name == "text"`)
	p.Press("5.4/")
	p.Click("ws-compare", "Judge reference, gorilla, naive by these")
	p.Until("naive's mistakes are counted", `/wrong with naive [1-9][0-9]* mistakes, of [1-9][0-9]+ cases judged$/.test(document.querySelector("details.wrong:not([open]) summary")?.textContent)`)
	if n := browsertest.Eval[int](p, `document.querySelectorAll("details.wrong").length`); n != 1 {
		t.Errorf("%d of three have mistakes", n)
	}
	browsertest.Eval[any](p, `void document.querySelector("main").focus(); document.activeElement.blur(); null`)
	p.TabTo("the summary", `at.matches(".wrong summary")`)
	p.Press(kb.Enter)
	p.Until("the page names the first mistake", `/^You dropped the first fragment.*Usually:.*first-fragment-dropped, RFC 6455 §5.4; shown by 5.4\/[a-z0-9-]+, .* more$/s.test(document.querySelector(".wrong li")?.innerText)`)
	p.TabTo("what is left out", `at.matches(".wrong li .more")`)
	p.Press(kb.Enter)
	p.Until("all cases are named, and the focus is on the first that was not", `!document.querySelector(".wrong li:first-child .more") && [...document.querySelectorAll(".wrong li:first-child a[href^='#']")].indexOf(document.activeElement) == 6`)
	id := browsertest.Eval[string](p, `document.activeElement.textContent`)
	p.Press(kb.Enter)
	p.Until("that case is open", `location.hash == `+browsertest.QuoteJS("#"+id)+` && document.querySelectorAll("ws-bench .result").length == 3`)
	p.Press(kb.Escape)
	p.Until("the focus is back in the summary", `document.querySelector("ws-bench").hidden && document.activeElement.matches(".wrong a") && document.activeElement.textContent == `+browsertest.QuoteJS(id))
	p.Click("ws-compare", "Judge reference, gorilla, naive by these")
	p.Until("it is gone while they are judged anew", `!document.querySelector("details.wrong")`)
	p.Until("and told anew", `document.querySelector("details.wrong:not([open])")`)
	p.Blameless()
}

// asleep is a server that takes connections and says nothing.
func asleep(t *testing.T) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestAnotherAddressTakesThePlaceOfARunThatGoesOn(t *testing.T) {
	addr, stop := own(t, "127.0.0.1:0")
	defer stop()
	p := openCompare(t, "/compare?server=ws://"+asleep(t)+"/")
	p.Click("form.server", "Judge my server")
	p.Until("the silent one is judged", `document.querySelector("[data-stop=server]")`)
	browsertest.Eval[any](p, `void (document.querySelector("form.server input").value = `+browsertest.QuoteJS("ws://"+addr+"/")+`), null`)
	p.Click("form.server", "Judge my server")
	p.Until("the other one is judged", cell("5.1/wrong-mask-in-text", addr)+`.includes("✔")`)
	if n := browsertest.Eval[int](p, `document.querySelectorAll(".names .cell").length`); n != 5 {
		t.Errorf("there are %d columns", n)
	}
	p.Blameless()
}

func TestALostRunIsToldByWhatHasBecomeOfIt(t *testing.T) {
	p := openCompare(t, "/compare")
	p.Click("ws-compare", "Judge reference, gorilla, naive")
	notice := `document.querySelector("ws-compare .notice").textContent`
	p.Until("it runs", `document.querySelector("[data-stop=own]")`)
	// In one go: the stream itself goes on, and its own events would come between.
	said := browsertest.Eval[[]string](p, `(() => {
		window.source = document.querySelector("ws-compare").judging.running.get("own").lines.source;
		source.onerror(new Event("error"));
		const away = `+notice+`;
		source.onopen(new Event("open"));
		const back = `+notice+`;
		source.close();
		source.onerror(new Event("error"));
		return [away, back];
	})()`)
	if !strings.HasPrefix(said[0], "The lab server does not answer. Start it again") || said[1] != "" {
		t.Errorf("while nobody answers the page says %q, and then %q", said[0], said[1])
	}
	p.Until("the page says that the run is gone", `/^The lab server restarted, and this run ended with it/.test(`+notice+`) && !document.querySelector("[data-stop=own]")`)
}

func TestTheBenchIsLeftAsItWasEnteredOnANarrowPage(t *testing.T) {
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 390, 844)
	p.GoTo("/compare")
	p.Until("the cases are listed", `document.querySelectorAll("ws-compare .line[data-id]").length > 500`)
	p.TabTo("the search", `at.name == "text"`)
	p.Press("5.1/")
	p.TabTo("the first row", `at.matches(".line[data-id]")`)
	// Not by Enter: the driver sends it in two events, of which the second would
	// press what the first has given the focus to.
	press := func() { browsertest.Eval[any](p, `document.activeElement.click(), null`) }
	press()
	p.Until("its case is open, and has the focus", `document.querySelectorAll("ws-bench .result").length == 3 && document.activeElement.matches("ws-bench .about > .shut")`)
	p.TabTo("the next case", `at.matches(".case .next")`)
	for _, id := range []string{"5.1/wrong-mask-in-binary", "5.1/wrong-mask-in-empty-text"} {
		press()
		p.Until("the next is open, and the button has the focus", `location.hash == `+browsertest.QuoteJS("#"+id)+` && document.querySelectorAll("ws-bench .result").length == 3 && document.activeElement.matches(".case .next")`)
	}
	p.Until("the recording is followed", `document.querySelector("ws-bench ws-timeline [role=row]")`)

	// What lies under it is out of reach.
	for range 40 {
		if p.Press(kb.Tab); browsertest.Eval[bool](p, `!!document.activeElement.closest(".judged, header.site")`) {
			t.Fatal("Tab leads to what cannot be seen")
		}
	}

	// The log has a button to close it, too.
	p.Click("ws-bench", "Show log")
	p.Until("the log is there", `document.querySelector("ws-bench ws-log")`)
	p.Click("ws-bench ws-log", "Hide log")
	p.Until("the log alone is gone", `!document.querySelector("ws-log") && !document.querySelector("ws-bench").hidden`)

	p.Click("ws-bench .about", "Close details")
	p.Until("the focus is on the row of the case that was seen last", `document.querySelector("ws-bench").hidden && document.activeElement.dataset.id == "5.1/wrong-mask-in-empty-text"`)
	if browsertest.Eval[bool](p, `!!document.querySelector("ws-bench").lab.session.stream.source`) {
		t.Error("the recording is still followed")
	}
	p.Blameless()
}

// counting is a server that closes what it accepts, and tells how many that were.
func counting(t *testing.T) (addr string, accepted *atomic.Int64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted = new(atomic.Int64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), accepted
}

// TestNoLinkMakesTheLabDial opens /compare by links that name a server, as another
// site may do without a click of the reader, and counts that server's connections.
func TestNoLinkMakesTheLabDial(t *testing.T) {
	for _, flags := range [][]string{nil, {"-judge-any"}} {
		base, _ := browsertest.StartLabAt(t, "127.0.0.1:0", flags...)
		p := browsertest.OpenTab(t, base, 1440, 900)
		notice := `document.querySelector("ws-compare .notice")?.textContent || ""`
		// The page that leads to the lab is of another origin, and so has no say in it.
		var link atomic.Value
		link.Store("")
		elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, "<!doctype html><script>location = %q</script>", link.Load())
		}))
		t.Cleanup(elsewhere.Close)
		for _, hash := range []string{"", "#5.1/wrong-mask-in-binary", "#4.2.1/method-post"} {
			addr, accepted := counting(t)
			path := "/compare?server=" + url.QueryEscape("ws://"+addr+"/admin?reboot=1") + hash
			for _, redirect := range []bool{false, true} {
				what := fmt.Sprintf("%v, %q, by a redirect: %t", flags, hash, redirect)
				p.Do(chromedp.Navigate("about:blank"))
				if redirect {
					link.Store(base + path)
					p.Do(chromedp.Navigate(elsewhere.URL))
				} else {
					p.GoTo(path)
				}
				p.Until("the address is shown, and the page waits for the reader: "+what, `/^Press Judge my server to judge ws:/.test(`+notice+`) && document.querySelector("form.server input").value.includes("reboot=1")`)
				// A row that the reader opens asks the lab's own servers alone.
				browsertest.Eval[any](p, `void document.querySelector('.line[data-id="5.1/wrong-mask-in-text"]').click(), null`)
				p.Until("a row is opened: "+what, `location.hash == "#5.1/wrong-mask-in-text" && document.querySelectorAll("ws-bench .result").length == 3`)
				if n := accepted.Load(); n != 0 {
					t.Errorf("%s: the server of the link has got %d connections", what, n)
				}
			}
			browsertest.Eval[any](p, `(() => { const i = document.querySelector("[name=text]"); i.value = "5.1/wrong-mask-in-text"; i.dispatchEvent(new Event("input", {bubbles: true})); return null; })()`)
			p.Click("form.server", "Judge my server")
			p.Until("the pressed button has it judged", `document.querySelector("ws-compare > .hide").textContent.startsWith(`+browsertest.QuoteJS(addr+" judged.")+`)`)
			if accepted.Load() == 0 {
				t.Error("the server has got no connection although the reader pressed the button")
			}
			// The address is the reader's own by now, and the page still another.
			before := accepted.Load()
			p.Do(chromedp.Reload())
			p.Until("the page that was loaded again waits for the reader", `/^Press Judge my server to judge ws:/.test(`+notice+`)`)
			if n := accepted.Load() - before; n != 0 {
				t.Errorf("the page that was loaded again had %d connections opened", n)
			}
		}
	}
}

// own is a learner's server at a port that stays the same.
func own(t *testing.T, addr string) (port string, stop func()) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	e, err := endpoint.Find("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.Serve(w, r, nil, func(endpoint.Server) {})
	})}
	served := make(chan struct{})
	go func() { defer close(served); server.Serve(l) }()
	return l.Addr().String(), func() { server.Shutdown(context.Background()); server.Close(); <-served }
}

func TestALearnersServerIsJudgedWhenItComesBack(t *testing.T) {
	addr, stop := own(t, "127.0.0.1:0")
	stop()
	p := openCompare(t, "/compare?server=ws://"+addr+"/")
	p.Click("form.server", "Judge my server")
	p.Until("the page says that nobody is there, and that it waits", `/This page judges it as soon as it answers/.test(document.querySelector("ws-compare .notice").textContent)`)
	_, stop = own(t, addr)
	defer stop()
	p.Until("it is there, and judged", cell("5.1/wrong-mask-in-text", addr)+`.includes("✔")`)
	p.Click("ws-compare", "Stop")
	p.Until("it has stopped", `/stopped/.test(document.querySelector("ws-compare .notice").textContent)`)
	browsertest.Eval[any](p, `void (document.querySelector("form.server input").value = "ws://example.com/"), null`)
	p.Click("form.server", "Judge my server")
	p.Until("the page says why another machine is not judged", `/not on this computer/.test(document.querySelector("ws-compare .notice").textContent)`)
}

func TestAHeaderOfTheMapIsSentByKeyboardAlone(t *testing.T) {
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/compare#headers/gorilla-server/fresh/8104")
	p.TabTo("the map", `at.matches(".map")`)
	p.Press(kb.ArrowDown)
	p.Until("the address follows", `location.hash == "#headers/gorilla-server/fresh/8105"`)
	p.Until("the legend has a row for each outcome", `document.querySelectorAll("ul.legend li").length > 3 && getComputedStyle(document.querySelector("ul.legend")).display == "block"`)
	p.Until("the header is told in words", `/not masked, length 5/.test(document.querySelector(".readout").textContent)`)
	p.Press(kb.Enter)
	p.Until("what came back is shown", `/CLOSE.*1002/s.test(document.querySelector("ws-bench ws-timeline")?.textContent)`)
	p.Blameless()
}

func TestGoingBackToCompareResumesTheRun(t *testing.T) {
	t.Parallel()
	p := openCompare(t, "/compare")
	p.Click("ws-compare", "Judge reference, gorilla, naive")
	counts := `[...document.querySelectorAll(".names .tally")].slice(0, 3).map(t => (t.textContent.match(/[\d,]+/g) || []).reduce((n, m) => n + Number(m.replace(",", "")), 0))`
	total := counts + `.reduce((n, m) => n + m, 0)`
	p.Until("some are judged", total+` > 20 && document.querySelector("[data-stop=own]")`)
	before := 0
	browsertest.Eval[any](p, `addEventListener("pagehide", () => window.left = `+total+`), null`)
	p.GoBack(func() {})
	before = browsertest.Eval[int](p, `window.left`)
	p.Until("more is judged than when the page was left", fmt.Sprintf("%s > %d", total, before))
	// Every report is taken once.
	twice := browsertest.Eval[[]string](p, `(({matrix, running}) => [...(running.get("own")?.told || [])].filter(([name, n]) => n != matrix.reports.get(name).size).map(String))(document.querySelector("ws-compare").judging)`)
	if len(twice) > 0 {
		t.Errorf("reports were taken more than once: %v", twice)
	}
	browsertest.Eval[any](p, `document.querySelector("[data-stop=own]")?.click(), null`)
	p.Until("the run can be stopped, or is over", `document.querySelector("[data-judge=own]")`)
	p.Blameless()
}
