package main

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
)

// These tests drive /compare in a real Chromium.

// tabTo presses Tab until the element that a JavaScript condition of `at`, the
// element with the focus, describes has it.
func (t *tab) tabTo(what, condition string) {
	t.tb.Helper()
	for range 60 {
		if eval[bool](t, `(at => !!(`+condition+`))(document.activeElement)`) {
			return
		}
		t.press(kb.Tab)
	}
	t.failed("Tab does not lead to %s", what)
}

// openCompare opens /compare at an address and waits for its rows.
func openCompare(t *testing.T, at string) *tab {
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo(at)
	p.until("the cases are listed", `document.querySelectorAll("ws-compare .line[data-id]").length > 500`)
	return p
}

// cell is the JavaScript of what a column tells of a case.
func cell(id, column string) string {
	return `document.querySelector('.line[data-id="` + id + `"] [data-column="` + column + `"]').textContent`
}

func TestTheMatrixIsFilledFilteredAndOpenedByKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := openCompare(t, "/compare")

	// 1. Fewer cases, and these are judged.
	p.tabTo("the search", `at.name == "text"`)
	p.press("5.1/")
	p.until("the filter leaves one section", `[...document.querySelectorAll(".line[data-id]")].every(l => l.hidden == !l.dataset.id.startsWith("5.1/"))`)
	eval[any](p, `void document.querySelector("main").focus(); document.activeElement.blur(); null`)
	p.tabTo("the button that judges", `at.dataset.judge == "own"`)
	p.press(kb.Enter)
	p.until("the focus is on what stops it, or begins it again", `document.activeElement.matches("[data-stop=own], [data-judge=own]")`)
	p.until("each of them is judged at each server", `[...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => ["reference", "gorilla", "naive"].every(n => /[✔≈×i∅?]/.test(l.querySelector('[data-column="'+n+'"]').textContent)))`)
	for column, want := range map[string]string{"reference": "✔", "naive": "×"} {
		if got := eval[string](p, cell("5.1/wrong-mask-in-text", column)); !strings.Contains(got, want) {
			t.Errorf("5.1/wrong-mask-in-text at %s reads %q, want %s", column, got, want)
		}
	}

	// 2. Of these, the ones that fail.
	p.tabTo("the verdicts", `at.name == "verdict"`)
	p.press("×")
	p.until("the failing ones are left", `document.querySelector("[name=verdict]").value == "fail" && [...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => l.textContent.includes("×"))`)

	// 3. One of them, down to its first wrong bit.
	p.tabTo("the first row", `at.matches(".line[data-id]")`)
	p.press(kb.ArrowDown)
	p.press(kb.ArrowUp)
	id := eval[string](p, `document.activeElement.dataset.id`)
	p.press(kb.Enter)
	p.until("the case is open, with the failing one's bytes and a caret", `[...document.querySelectorAll("ws-bench .result.fail pre")].some(pre => /\^\^/.test(pre.textContent))`)
	p.until("the address names it", `location.hash == `+quoteJS("#"+id))
	p.until("the three are aligned and their first difference is marked", `document.querySelectorAll(".aligned th").length == 3 && document.querySelector(".aligned tr.first") && /breaks? a MUST/.test(document.querySelector(".parted").textContent)`)
	p.until("the timeline has the wire", wireRows+` > 0`)
	p.until("bits are shown", `document.querySelectorAll("ws-bits [role=gridcell] button").length >= 16`)
	p.tabTo("a step of the comparison", `at.matches(".aligned button")`)
	p.press(kb.Enter)
	p.until("the request that was pressed is selected", `/GET/.test(document.querySelector("ws-lab .title").textContent)`)

	// 4. And back.
	p.press(kb.Escape)
	p.until("the bench is closed and the focus is on the row", `document.querySelector("ws-bench").hidden && document.activeElement.dataset.id == `+quoteJS(id))
	if hash := eval[string](p, `location.hash`); hash != "#cases" {
		t.Errorf("the address is still %q", hash)
	}
	p.blameless()
}

func TestACaseOpensByItsAddress(t *testing.T) {
	t.Parallel()
	p := openCompare(t, "/compare#5.1/wrong-mask-in-binary")
	p.until("its reports have come", `document.querySelectorAll("ws-bench .result").length == 3`)
	p.until("its row has them as well", cell("5.1/wrong-mask-in-binary", "reference")+`.includes("✔")`)
	p.click("ws-bench", "Next case")
	p.until("the next one is open", `location.hash == "#5.1/wrong-mask-in-empty-text" && document.querySelectorAll("ws-bench .result").length == 3`)
	p.blameless()
}

func TestAnOldNumberInALinkLeadsToItsSection(t *testing.T) {
	t.Parallel()
	p := openCompare(t, "/compare#5.1/7c")
	p.until("its section is shown, and the page says why", `document.querySelector("ws-compare [name=section]").value == "5.1" && /Cases have names now/.test(document.querySelector("ws-compare .notice").textContent) && location.hash == "#cases"`)
	if n := eval[int](p, `[...document.querySelectorAll(".line[data-id]:not([hidden])")].filter(l => l.dataset.id.startsWith("5.1/")).length`); n != 13 {
		t.Errorf("%d cases of the section are shown", n)
	}
	p.blameless()
}

func TestThisBrowserIsJudgedInItsOwnTab(t *testing.T) {
	t.Parallel()
	p := openCompare(t, "/compare")
	eval[any](p, `(() => { const i = document.querySelector("[name=text]"); i.value = "5.5.2/"; i.dispatchEvent(new Event("input", {bubbles: true})); return null; })()`)
	p.click("ws-compare", "Judge this browser by these")
	p.until("each of them is judged", `[...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => /[✔≈×i∅?]/.test(l.querySelector('[data-column="this browser"]').textContent))`)
	if got := eval[string](p, cell("5.5.2/empty-ping", "this browser")); !strings.Contains(got, "✔") {
		t.Errorf("a Ping is answered by this browser with %q", got)
	}
	// That case once more, recorded.
	eval[any](p, `void document.querySelector('.line[data-id="5.5.2/empty-ping"] [data-column="this browser"]').click(), null`)
	p.until("it is shown", `location.hash == "#5.5.2/empty-ping-client" && /PONG/i.test(document.querySelector("ws-bench ws-timeline")?.textContent)`)
}

func TestWhatABrowserDoesInManyCasesIsToldOnceWithWhatItsScriptWasTold(t *testing.T) {
	t.Parallel()
	p := openCompare(t, "/compare")
	judge := func(text string) {
		eval[any](p, `(() => { const i = document.querySelector("[name=text]"); i.value = `+quoteJS(text)+`; i.dispatchEvent(new Event("input", {bubbles: true})); return null; })()`)
		p.click("ws-compare", "Judge this browser by these")
		p.until("each of them is judged", `!document.querySelector("[data-stop=browser]") && [...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => !l.querySelector('[data-column="this browser"]').textContent || /[✔≈×i]/.test(l.querySelector('[data-column="this browser"]').textContent))`)
	}
	// Chromium sends back close codes that are not defined, and reserved ones.
	judge("7.4/")
	p.until("that is told once", `/^≈ warning in [1-9][0-9] cases: It sends back a code that is not defined/.test(document.querySelector(".habits[open] li p")?.textContent)`)
	p.until("with the cases", `/^7\.4\/[-a-z0-9]+-client/.test(document.querySelector(".habits li a[href^='#']")?.textContent)`)

	// It follows no redirect, and wants an answer to its subprotocols.
	judge("browser/")
	for _, id := range []string{"browser/redirect-301", "browser/redirect-308", "browser/subprotocol-missing", "browser/subprotocol-accepted", "browser/subprotocol-another"} {
		if got := eval[string](p, cell(id, "this browser")); strings.Contains(got, "×") || !strings.Contains(got, "✔") {
			t.Errorf("%s reads %q", id, got)
		}
	}
	told := func(id string) string {
		return eval[string](p, `document.querySelector('.line[data-id="`+id+`"] [data-column="this browser"]').title`)
	}
	if got := told("browser/subprotocol-missing"); !strings.Contains(got, "JavaScript received: onerror; onclose, code 1006, wasClean false.") {
		t.Errorf("browser/subprotocol-missing tells %q", got)
	}
	if got := told("browser/subprotocol-accepted"); !strings.Contains(got, "onopen, protocol “chat”; onmessage, 5 bytes; onclose, code 1000, wasClean true") {
		t.Errorf("browser/subprotocol-accepted tells %q", got)
	}

	// One case shows both directions, and the events of the script beside the wire.
	eval[any](p, `void document.querySelector('.line[data-id="browser/subprotocol-accepted"] [data-column="this browser"]').click(), null`)
	p.until("it is shown", `location.hash == "#browser/subprotocol-accepted" && /client to judge: the request[^]*Sec-WebSocket-Protocol: chat\\r\\n[^]*judge to client: TEXT "Hello"[^]*client to judge: TEXT "Hello", masked[^]*to JavaScript: onclose with code 1000, wasClean true/.test(document.querySelector("ws-bench .result .crossed pre")?.textContent)`)
	p.until("the report can be copied", `document.querySelector("ws-bench .result button.report")?.textContent == "Copy report"`)
	p.until("the timeline has what the script was told", `/onclose/.test(document.querySelector("ws-bench ws-timeline")?.textContent)`)
}

func TestTheResponseThatFreezesABrowserIsSentByAButtonOfItsOwn(t *testing.T) {
	t.Parallel()
	p := openCompare(t, "/compare")
	if eval[bool](p, `!!document.querySelector(".risk button")`) {
		t.Error("the button is there before anything was held back")
	}
	// This browser offers the parameter, so the report of one that does not is put in its place.
	eval[any](p, `(() => { const el = document.querySelector("ws-compare"); el.judging.matrix.report({case: "7692-7.1/fail-client-max-window-bits-08", endpoint: "this browser", verdict: "note", closing: "note", reason: "", expected: "", got: "", bytes: "", caret: -1, rule: "", mistake: "", took: 1, withheld: true}); el.grid.changeAll(); return null; })()`)
	p.until("the page names the response that was not sent", `/^1 response was not sent to this browser \(7692-7\.1\/fail-client-max-window-bits-08\): it has client_max_window_bits=8/.test(document.querySelector(".risk p")?.textContent) && /all its windows stop responding/.test(document.querySelector(".risk").textContent)`)
	p.click(".risk", "Send it and risk a freeze")
	p.until("it was sent, and this browser refuses it", `/✔/.test(`+cell("7692-7.1/fail-client-max-window-bits-08", "this browser")+`) && !document.querySelector(".risk button")`)
	if n := eval[int](p, `document.querySelector("ws-compare").judging.matrix.reports.get("this browser").size`); n != 1 {
		t.Errorf("%d cases were sent", n)
	}
	p.blameless()
}

func TestWhatSeemsToBeWrongIsToldWhenARunHasEnded(t *testing.T) {
	t.Parallel()
	p := openCompare(t, "/compare")
	p.tabTo("the search", `at.name == "text"`)
	p.press("5.4/")
	p.click("ws-compare", "Judge reference, gorilla, naive by these")
	p.until("naive's mistakes are counted", `/wrong with naive [1-9][0-9]* mistakes, of [1-9][0-9]+ cases judged$/.test(document.querySelector("details.wrong:not([open]) summary")?.textContent)`)
	if n := eval[int](p, `document.querySelectorAll("details.wrong").length`); n != 1 {
		t.Errorf("%d of three have mistakes", n)
	}
	eval[any](p, `void document.querySelector("main").focus(); document.activeElement.blur(); null`)
	p.tabTo("the summary", `at.matches(".wrong summary")`)
	p.press(kb.Enter)
	p.until("the page names the first mistake", `/^You dropped the first fragment.*Usually:.*first-fragment-dropped, RFC 6455 §5.4; shown by 5.4\/[a-z0-9-]+, .* more$/s.test(document.querySelector(".wrong li")?.innerText)`)
	p.tabTo("what is left out", `at.matches(".wrong li .more")`)
	p.press(kb.Enter)
	p.until("all cases are named, and the focus is on the first that was not", `!document.querySelector(".wrong li:first-child .more") && [...document.querySelectorAll(".wrong li:first-child a[href^='#']")].indexOf(document.activeElement) == 6`)
	id := eval[string](p, `document.activeElement.textContent`)
	p.press(kb.Enter)
	p.until("that case is open", `location.hash == `+quoteJS("#"+id)+` && document.querySelectorAll("ws-bench .result").length == 3`)
	p.press(kb.Escape)
	p.until("the focus is back in the summary", `document.querySelector("ws-bench").hidden && document.activeElement.matches(".wrong a") && document.activeElement.textContent == `+quoteJS(id))
	p.click("ws-compare", "Judge reference, gorilla, naive by these")
	p.until("it is gone while they are judged anew", `!document.querySelector("details.wrong")`)
	p.until("and told anew", `document.querySelector("details.wrong:not([open])")`)
	p.blameless()
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
	t.Parallel()
	addr, stop := own(t, "127.0.0.1:0")
	defer stop()
	p := openCompare(t, "/compare?server=ws://"+asleep(t)+"/")
	p.click("form.server", "Judge my server")
	p.until("the silent one is judged", `document.querySelector("[data-stop=server]")`)
	eval[any](p, `void (document.querySelector("form.server input").value = `+quoteJS("ws://"+addr+"/")+`), null`)
	p.click("form.server", "Judge my server")
	p.until("the other one is judged", cell("5.1/wrong-mask-in-text", addr)+`.includes("✔")`)
	if n := eval[int](p, `document.querySelectorAll(".names .cell").length`); n != 5 {
		t.Errorf("there are %d columns", n)
	}
	p.blameless()
}

func TestALostRunIsToldByWhatHasBecomeOfIt(t *testing.T) {
	t.Parallel()
	p := openCompare(t, "/compare")
	p.click("ws-compare", "Judge reference, gorilla, naive")
	notice := `document.querySelector("ws-compare .notice").textContent`
	p.until("it runs", `document.querySelector("[data-stop=own]")`)
	// In one go: the stream itself goes on, and its own events would come between.
	said := eval[[]string](p, `(() => {
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
	p.until("the page says that the run is gone", `/^The lab server restarted, and this run ended with it/.test(`+notice+`) && !document.querySelector("[data-stop=own]")`)
}

func TestTheBenchIsLeftAsItWasEnteredOnANarrowPage(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 390, 844)
	p.goTo("/compare")
	p.until("the cases are listed", `document.querySelectorAll("ws-compare .line[data-id]").length > 500`)
	p.tabTo("the search", `at.name == "text"`)
	p.press("5.1/")
	p.tabTo("the first row", `at.matches(".line[data-id]")`)
	// Not by Enter: the driver sends it in two events, of which the second would
	// press what the first has given the focus to.
	press := func() { eval[any](p, `document.activeElement.click(), null`) }
	press()
	p.until("its case is open, and has the focus", `document.querySelectorAll("ws-bench .result").length == 3 && document.activeElement.matches("ws-bench .about > .shut")`)
	p.tabTo("the next case", `at.matches(".case .next")`)
	for _, id := range []string{"5.1/wrong-mask-in-binary", "5.1/wrong-mask-in-empty-text"} {
		press()
		p.until("the next is open, and the button has the focus", `location.hash == `+quoteJS("#"+id)+` && document.querySelectorAll("ws-bench .result").length == 3 && document.activeElement.matches(".case .next")`)
	}
	p.until("the recording is followed", `document.querySelector("ws-bench ws-timeline [role=row]")`)

	// What lies under it is out of reach.
	for range 40 {
		if p.press(kb.Tab); eval[bool](p, `!!document.activeElement.closest(".judged, header.site")`) {
			t.Fatal("Tab leads to what cannot be seen")
		}
	}

	// The log has a button to close it, too.
	p.click("ws-bench", "Show log")
	p.until("the log is there", `document.querySelector("ws-bench ws-log")`)
	p.click("ws-bench ws-log", "Hide log")
	p.until("the log alone is gone", `!document.querySelector("ws-log") && !document.querySelector("ws-bench").hidden`)

	p.click("ws-bench .about", "Close details")
	p.until("the focus is on the row of the case that was seen last", `document.querySelector("ws-bench").hidden && document.activeElement.dataset.id == "5.1/wrong-mask-in-empty-text"`)
	if eval[bool](p, `!!document.querySelector("ws-bench").lab.session.stream.source`) {
		t.Error("the recording is still followed")
	}
	p.blameless()
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
	t.Parallel()
	for _, flags := range [][]string{nil, {"-judge-any"}} {
		base, _ := startLabAt(t, "127.0.0.1:0", flags...)
		p := openTab(t, base, 1440, 900)
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
				p.do(chromedp.Navigate("about:blank"))
				if redirect {
					link.Store(base + path)
					p.do(chromedp.Navigate(elsewhere.URL))
				} else {
					p.goTo(path)
				}
				p.until("the address is shown, and the page waits for the reader: "+what, `/^Press Judge my server to judge ws:/.test(`+notice+`) && document.querySelector("form.server input").value.includes("reboot=1")`)
				// A row that the reader opens asks the lab's own servers alone.
				eval[any](p, `void document.querySelector('.line[data-id="5.1/wrong-mask-in-text"]').click(), null`)
				p.until("a row is opened: "+what, `location.hash == "#5.1/wrong-mask-in-text" && document.querySelectorAll("ws-bench .result").length == 3`)
				if n := accepted.Load(); n != 0 {
					t.Errorf("%s: the server of the link has got %d connections", what, n)
				}
			}
			eval[any](p, `(() => { const i = document.querySelector("[name=text]"); i.value = "5.1/wrong-mask-in-text"; i.dispatchEvent(new Event("input", {bubbles: true})); return null; })()`)
			p.click("form.server", "Judge my server")
			p.until("the pressed button has it judged", `document.querySelector("ws-compare > .hide").textContent.startsWith(`+quoteJS(addr+" judged.")+`)`)
			if accepted.Load() == 0 {
				t.Error("the server has got no connection although the reader pressed the button")
			}
			// The address is the reader's own by now, and the page still another.
			before := accepted.Load()
			p.do(chromedp.Reload())
			p.until("the page that was loaded again waits for the reader", `/^Press Judge my server to judge ws:/.test(`+notice+`)`)
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
	t.Parallel()
	addr, stop := own(t, "127.0.0.1:0")
	stop()
	p := openCompare(t, "/compare?server=ws://"+addr+"/")
	p.click("form.server", "Judge my server")
	p.until("the page says that nobody is there, and that it waits", `/This page judges it as soon as it answers/.test(document.querySelector("ws-compare .notice").textContent)`)
	_, stop = own(t, addr)
	defer stop()
	p.until("it is there, and judged", cell("5.1/wrong-mask-in-text", addr)+`.includes("✔")`)
	p.click("ws-compare", "Stop")
	p.until("it has stopped", `/stopped/.test(document.querySelector("ws-compare .notice").textContent)`)
	eval[any](p, `void (document.querySelector("form.server input").value = "ws://example.com/"), null`)
	p.click("form.server", "Judge my server")
	p.until("the page says why another machine is not judged", `/not on this computer/.test(document.querySelector("ws-compare .notice").textContent)`)
}

func TestAHeaderOfTheMapIsSentByKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/compare#headers/gorilla-server/fresh/8104")
	p.tabTo("the map", `at.matches(".map")`)
	p.press(kb.ArrowDown)
	p.until("the address follows", `location.hash == "#headers/gorilla-server/fresh/8105"`)
	p.until("the legend has a row for each outcome", `document.querySelectorAll("ul.legend li").length > 3 && getComputedStyle(document.querySelector("ul.legend")).display == "block"`)
	p.until("the header is told in words", `/not masked, length 5/.test(document.querySelector(".readout").textContent)`)
	p.press(kb.Enter)
	p.until("what came back is shown", `/CLOSE.*1002/s.test(document.querySelector("ws-bench ws-timeline")?.textContent)`)
	p.blameless()
}
