package judge

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

	"wslab/compare/endpoint"
	"wslab/labserver/internal/browsertest"
)

// These tests let /compare judge this browser and servers of learners, in a real Chromium.

func TestThisBrowserIsJudgedInItsOwnTab(t *testing.T) {
	p := browsertest.OpenCompare(t, "/compare")
	browsertest.Eval[any](p, `(() => { const i = document.querySelector("[name=text]"); i.value = "5.5.2/"; i.dispatchEvent(new Event("input", {bubbles: true})); return null; })()`)
	p.Click("ws-compare", "Judge this browser by these")
	p.Until("each of them is judged", `[...document.querySelectorAll(".line[data-id]:not([hidden])")].every(l => /[✔≈×i∅?]/.test(l.querySelector('[data-column="this browser"]').textContent))`)
	if got := browsertest.Eval[string](p, browsertest.Cell("5.5.2/empty-ping", "this browser")); !strings.Contains(got, "✔") {
		t.Errorf("a Ping is answered by this browser with %q", got)
	}
	// That case once more, recorded.
	browsertest.Eval[any](p, `void document.querySelector('.line[data-id="5.5.2/empty-ping"] [data-column="this browser"]').click(), null`)
	p.Until("it is shown", `location.hash == "#5.5.2/empty-ping-client" && /PONG/i.test(document.querySelector("ws-bench ws-timeline")?.textContent)`)
}

func TestWhatABrowserDoesInManyCasesIsToldOnceWithWhatItsScriptWasTold(t *testing.T) {
	p := browsertest.OpenCompare(t, "/compare")
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
		if got := browsertest.Eval[string](p, browsertest.Cell(id, "this browser")); strings.Contains(got, "×") || !strings.Contains(got, "✔") {
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
	p := browsertest.OpenCompare(t, "/compare")
	if browsertest.Eval[bool](p, `!!document.querySelector(".risk button")`) {
		t.Error("the button is there before anything was held back")
	}
	// This browser offers the parameter, so the report of one that does not is put in its place.
	browsertest.Eval[any](p, `(() => { const el = document.querySelector("ws-compare"); el.judging.matrix.report({case: "7692-7.1/fail-client-max-window-bits-08", endpoint: "this browser", verdict: "note", closing: "note", reason: "", expected: "", got: "", bytes: "", caret: -1, rule: "", mistake: "", took: 1, withheld: true}); el.grid.changeAll(); return null; })()`)
	p.Until("the page names the response that was not sent", `/^1 response was not sent to this browser \(7692-7\.1\/fail-client-max-window-bits-08\): it has client_max_window_bits=8/.test(document.querySelector(".risk p")?.textContent) && /all its windows stop responding/.test(document.querySelector(".risk").textContent)`)
	p.Click(".risk", "Send it and risk a freeze")
	p.Until("it was sent, and this browser refuses it", `/✔/.test(`+browsertest.Cell("7692-7.1/fail-client-max-window-bits-08", "this browser")+`) && !document.querySelector(".risk button")`)
	if n := browsertest.Eval[int](p, `document.querySelector("ws-compare").judging.matrix.reports.get("this browser").size`); n != 1 {
		t.Errorf("%d cases were sent", n)
	}
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
	p := browsertest.OpenCompare(t, "/compare?server=ws://"+asleep(t)+"/")
	p.Click("form.server", "Judge my server")
	p.Until("the silent one is judged", `document.querySelector("[data-stop=server]")`)
	browsertest.Eval[any](p, `void (document.querySelector("form.server input").value = `+browsertest.QuoteJS("ws://"+addr+"/")+`), null`)
	p.Click("form.server", "Judge my server")
	p.Until("the other one is judged", browsertest.Cell("5.1/wrong-mask-in-text", addr)+`.includes("✔")`)
	if n := browsertest.Eval[int](p, `document.querySelectorAll(".names .cell").length`); n != 5 {
		t.Errorf("there are %d columns", n)
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
	p := browsertest.OpenCompare(t, "/compare?server=ws://"+addr+"/")
	p.Click("form.server", "Judge my server")
	p.Until("the page says that nobody is there, and that it waits", `/This page judges it as soon as it answers/.test(document.querySelector("ws-compare .notice").textContent)`)
	_, stop = own(t, addr)
	defer stop()
	p.Until("it is there, and judged", browsertest.Cell("5.1/wrong-mask-in-text", addr)+`.includes("✔")`)
	p.Click("ws-compare", "Stop")
	p.Until("it has stopped", `/stopped/.test(document.querySelector("ws-compare .notice").textContent)`)
	browsertest.Eval[any](p, `void (document.querySelector("form.server input").value = "ws://example.com/"), null`)
	p.Click("form.server", "Judge my server")
	p.Until("the page says why another machine is not judged", `/not on this computer/.test(document.querySelector("ws-compare .notice").textContent)`)
}
