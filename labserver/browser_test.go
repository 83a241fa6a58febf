package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"wslab/compare/recording"
	"wslab/reference"
	"wslab/reference/wire"
)

// These tests drive the real page in a real Chromium against the real program.
// They are parallel, because one of them waits for a minute.

// browserTimeout bounds one browser test.
const browserTimeout = 3 * time.Minute

// findChromium returns the path of a Chromium, and skips the test where there
// is none; in CI there must be one.
func findChromium(tb testing.TB) string {
	for _, name := range []string{os.Getenv("WSLAB_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		tb.Fatal("no Chromium was found, and in CI the browser tests must run: install the package chromium")
	}
	tb.Skip("no Chromium was found; install one, or name it with WSLAB_CHROMIUM, to run the browser tests")
	return ""
}

// startLab runs the lab server on a free port until the test ends and returns
// its address, "http://127.0.0.1:PORT".
func startLab(tb testing.TB) string {
	tb.Helper()
	base, _ := startLabAt(tb, "127.0.0.1:0")
	return base
}

// startLabAt is startLab at addr, with more flags. stop ends the lab server before the test ends.
func startLabAt(tb testing.TB, addr string, flags ...string) (base string, stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", addr, "-open=false"}, flags...), in, io.Discard)
		in.CloseWithError(err)
		ended <- err
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("the lab server ended with %v", err)
		}
	})
	tb.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "wslab: "), "/"), stop
}

// tab is a browser tab on the lab, with what it complained of.
type tab struct {
	tb   testing.TB
	ctx  context.Context
	base string

	// Whether the browser shows a page that it had kept. In such a page nothing
	// that chromedp leaves there works, so it is asked from here.
	kept bool

	mu       sync.Mutex
	console  []string // errors and warnings
	requests []string // URLs asked for
	received float64  // bytes over the wire, headers included
}

// openTab starts a browser of its own and a tab in it of the given size.
func openTab(tb testing.TB, base string, width, height int) *tab {
	tb.Helper()
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(findChromium(tb)), chromedp.NoSandbox, chromedp.WindowSize(width, height),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), flags...)
	tb.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	tb.Cleanup(cancel)
	t := &tab{tb: tb, base: base}
	err := chromedp.Listen(ctx, func(event any) { // this starts the browser
		t.mu.Lock()
		defer t.mu.Unlock()
		switch e := event.(type) {
		case *cdpruntime.EventConsoleAPICalled:
			if e.Type == "error" || e.Type == "warning" {
				text, _ := json.Marshal(e.Args)
				t.console = append(t.console, string(text))
			}
		case *cdpruntime.EventExceptionThrown:
			text, _ := json.Marshal(e.ExceptionDetails)
			t.console = append(t.console, string(text))
		case *network.EventRequestWillBeSent:
			t.requests = append(t.requests, e.Request.URL)
		case *network.EventLoadingFinished:
			t.received += e.EncodedDataLength
		}
	})
	if err != nil {
		tb.Fatal(err)
	}
	t.ctx, cancel = context.WithTimeout(ctx, browserTimeout)
	tb.Cleanup(cancel)
	if _, err := chromedp.Call(t.ctx, network.Enable, network.EnableParams{}); err != nil {
		tb.Fatal(err)
	}
	if _, err := chromedp.Call(t.ctx, cdpruntime.Enable, cdp.Empty{}); err != nil {
		tb.Fatal(err)
	}
	return t
}

// failed ends the test with a picture of what the page showed.
func (t *tab) failed(format string, args ...any) {
	t.tb.Helper()
	if shot, err := chromedp.Run(t.ctx, chromedp.CaptureScreenshot()); err == nil {
		file := filepath.Join(os.TempDir(), strings.ReplaceAll(t.tb.Name(), "/", "_")+".png")
		if os.WriteFile(file, shot, 0o644) == nil {
			t.tb.Logf("what the page showed is in %s", file)
		}
	}
	t.tb.Fatalf(format, args...)
}

// do takes steps and fails the test when one of them can't be taken.
func (t *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	t.tb.Helper()
	if err := chromedp.Do(t.ctx, steps...); err != nil {
		t.failed("%v", err)
	}
}

// goTo opens path and waits until the page's modules have run.
func (t *tab) goTo(path string) {
	t.tb.Helper()
	t.do(chromedp.Navigate(t.base + path))
	t.ready()
}

// ready waits until the page's modules have run and its lab, if any, has a
// session.
func (t *tab) ready() {
	t.tb.Helper()
	t.until("the page is complete", `document.readyState == "complete" && [...document.querySelectorAll("ws-lab")].every(l => l.querySelector(".bar button"))`)
}

// eval returns what a JavaScript expression, which may be a promise, comes to.
func eval[T any](t *tab, expression string) T {
	t.tb.Helper()
	v, err := chromedp.Run(t.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.failed("%s: %v", expression, err)
	}
	return v
}

// until waits for a JavaScript condition to hold.
func (t *tab) until(what, condition string) {
	t.tb.Helper()
	if !t.kept {
		_, err := chromedp.Run(t.ctx, chromedp.Poll[bool]("!!("+condition+")", chromedp.WithPollingInterval(30*time.Millisecond), chromedp.WithPollingTimeout(2*time.Minute)))
		if err != nil {
			t.failed("waiting until %s: %v", what, err)
		}
		return
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(30 * time.Millisecond) {
		is, err := chromedp.Run(t.ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		switch {
		case err == nil && is:
			return
		case t.ctx.Err() != nil || time.Now().After(end):
			t.failed("waiting until %s: %v", what, err)
		}
	}
}

// calm waits until a JavaScript expression has had the same value for a while:
// what is on its way to the page has come.
func (t *tab) calm(expression string) {
	t.tb.Helper()
	t.until("nothing changes any more", `(() => {
		const now = `+expression+`;
		window.calm = now === window.before ? (window.calm || 0) + 1 : 0;
		window.before = now;
		return window.calm > 10;
	})()`)
}

// press presses keys as a person would.
func (t *tab) press(keys string) {
	t.tb.Helper()
	t.do(chromedp.KeyEvent(keys))
}

// click clicks the first visible button of the page whose name begins with name.
func (t *tab) click(scope, name string) {
	t.tb.Helper()
	found := eval[bool](t, fmt.Sprintf(`(() => {
		const b = [...document.querySelectorAll(%s)].find(b => b.checkVisibility() && !b.disabled &&
			(b.getAttribute("aria-label") || b.textContent).trim().startsWith(%s));
		b?.scrollIntoView({block: "center"});
		b?.click();
		return !!b;
	})()`, quoteJS(scope+" button"), quoteJS(name)))
	if !found {
		t.failed("there is no button %q in %s", name, scope)
	}
}

func quoteJS(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// blameless fails the test when the page wrote an error to the console or
// asked anybody else for anything.
func (t *tab) blameless() {
	t.tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range t.console {
		t.tb.Errorf("the console shows: %s", line)
	}
	own, _ := url.Parse(t.base)
	for _, u := range t.requests {
		if p, err := url.Parse(u); err != nil || p.Host != own.Host && p.Scheme != "data" {
			t.tb.Errorf("the page asked for %s", u)
		}
	}
	if len(t.requests) == 0 {
		t.tb.Error("no request was seen at all, so nothing was checked")
	}
}

// wireRows is how many rows of the timeline show frames of text or binary.
const wireRows = `[...document.querySelectorAll("ws-timeline [role=row]")].filter(r => r.checkVisibility() && /\b(TEXT|BINARY)\b/.test(r.textContent)).length`

// rowCount is how many rows the timeline has, drawn or not.
const rowCount = `Number(document.querySelector("ws-timeline [aria-rowcount]")?.getAttribute("aria-rowcount"))`

// gridBits reads the first bits of the bit grid as a person would, in order.
const gridBits = `[...document.querySelectorAll("ws-bits [role=gridcell] button")].map(b => b.textContent.trim()[0]).join("")`

func TestALearnerStepsThroughLesson3OnBothServers(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lessons/03-masking")
	p.click("ws-lab", "Connect")
	p.until("both connections are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	p.click("ws-lab", "Hold the wire")
	p.until("the wire is held", `document.querySelector("ws-lab [data-command=hold]").getAttribute("aria-pressed") == "true"`)
	p.click("article ws-do", "Send")
	p.until("the frame is held at both servers", `(document.querySelector("ws-timeline .held")?.textContent.match(/TEXT/g) ?? []).length == 2 && `+wireRows+` == 1`)

	// 1. Its bits are those of a masked text frame of five bytes, whatever the key.
	p.until("the grid shows the frame", `document.querySelectorAll("ws-bits [role=gridcell] button").length == 11*8`)
	bits := eval[string](p, gridBits)
	if len(bits) != 11*8 {
		p.failed("the grid reads %q", bits)
	}
	if got, want := bits[:16], "1000000110000101"; got != want {
		t.Errorf("the first two bytes read %s, want %s", got, want)
	}
	next := func(i int) byte {
		var b byte
		for _, c := range bits[i*8 : i*8+8] {
			b = b<<1 | byte(c-'0')
		}
		return b
	}
	for i, c := range []byte("Hello") {
		if got := next(6+i) ^ next(2+i%4); got != c {
			t.Errorf("payload byte %d unmasks to %q, want %q", i, got, c)
		}
	}

	// 2. Stepping forward lets it through, and the echo is held in turn.
	p.press(kb.ArrowRight)
	p.until("the echo is held", wireRows+` == 2`)
	p.press(kb.ArrowRight)
	p.until("the page has received the echo", `/onmessage/.test(document.querySelector("ws-timeline").textContent) && document.querySelectorAll("ws-timeline .held").length == 0`)

	// 3. Back and forward again, the picture is the same.
	picture := `[...document.querySelectorAll("ws-timeline [role=row]")].filter(r => r.checkVisibility()).map(r => r.textContent).join("\n")`
	p.calm(picture)
	before := eval[string](p, picture)
	p.press(kb.ArrowLeft)
	p.until("one step back hides the echo or what was told of it", picture+` != `+quoteJS(before))
	for range 4 {
		p.press(kb.ArrowLeft)
	}
	for range 12 {
		p.press(kb.ArrowRight)
	}
	p.calm(picture)
	if after := eval[string](p, picture); after != before {
		p.failed("stepping back and forward again changed the picture from\n%s\nto\n%s", before, after)
	}
	p.blameless()
}

func TestTheHandshakeLessonShowsAWrongAcceptRefused(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lessons/01-handshake")
	// The lesson says beforehand that a browser writes its reason to the console;
	// so what the console shows is the point here, not a fault.
	eval[chromedp.Void](p, `document.querySelector("article [data-do*='wrong-accept']").click()`)
	p.until("JavaScript was told error and close 1006", `/onclose.*1006/s.test(document.querySelector("ws-timeline").textContent) && /onerror/.test(document.querySelector("ws-timeline").textContent)`)
	text := eval[string](p, `document.querySelector("ws-lab").textContent`)
	if !strings.Contains(text, "101 Switching Protocols") {
		t.Error("the timeline does not show the server's answer")
	}
}

func TestEveryLessonOpensWithoutComplaintInBothColoursAndWidths(t *testing.T) {
	t.Parallel()
	base := startLab(t)
	for _, size := range []struct{ w, h int }{{1440, 900}, {390, 844}, {360, 740}} {
		p := openTab(t, base, size.w, size.h)
		p.do(chromedp.EmulateViewport(int64(size.w), int64(size.h)))
		for _, path := range []string{"/", "/lessons/01-handshake", "/lessons/02-frames", "/lessons/03-masking", "/lab", "/rules"} {
			p.goTo(path)
			if wide := eval[int](p, `document.documentElement.scrollWidth`); wide > size.w {
				t.Errorf("%s at %d pixels is %d wide: it scrolls sideways", path, size.w, wide)
			}
			if unnamed := eval[int](p, `[...document.querySelectorAll("button, a[href], input, select, textarea")].filter(e => e.checkVisibility() && !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length || e.title)).length`); unnamed > 0 {
				t.Errorf("%s has %d controls without a name", path, unnamed)
			}
		}
		p.blameless()
	}
}

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

// TestAPlayIsPausedByKeyboardAndPlayedAgainInAFreshSession plays the second
// disconnect, in whose fourth step a browser waits for a while.
func TestAPlayIsPausedByKeyboardAndPlayedAgainInAFreshSession(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lessons/07-disconnects")
	steps := func(phase string) string {
		return `[...document.querySelectorAll("ws-play")[1].querySelectorAll(".plan li.` + phase + ` code")].map(c => c.textContent).join()`
	}
	eval[any](p, `void document.querySelectorAll("ws-play")[1].querySelector("[data-play-do=run]").focus(), null`)
	p.press(kb.Enter)
	p.until("the client waits", steps("doing")+`.startsWith("patience") && document.activeElement.textContent.includes("Pause")`)
	p.press(" ")
	p.until("the play says where it will pause", `/It pauses after this step/.test(document.querySelectorAll("ws-play")[1].querySelector(".plan li.doing").textContent) && document.activeElement.textContent.includes("Run")`)
	p.until("it has paused before the next step", steps("ready")+`== "server tcp read"`)
	p.press(kb.ArrowRight)
	p.until("that step is done", steps("ready")+`.startsWith("server tcp write")`)
	p.press(".")
	p.until("the rest has run", `!`+steps("todo")+` && !`+steps("ready")+` && !`+steps("doing"))
	p.click("ws-lab", "Start new session")
	p.until("nothing is done any more", `!`+steps("done"))
	p.click("ws-play:has(~ ws-play) ~ ws-play", "▶ Step")
	p.until("the tab has opened another WebSocket", steps("done")+`== "open"`)
	p.blameless()
}

// focused is the text of what has the focus, or what it is called.
const focused = `(document.activeElement?.getAttribute("aria-label") || document.activeElement?.textContent || "").trim()`

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
	if on := eval[string](p, focused); on != "log" {
		t.Errorf("after the log the focus is on %q", on)
	}
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

	// Opened anew it shows the row again, also where more rows follow than there is room for.
	for _, name := range []string{"Send Hello", "Send 125", "126", "65,535", "65,536"} {
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

func TestAReloadInTheMiddleOfAHeldFrameKeepsTheRecording(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lessons/03-masking")
	p.click("ws-lab", "Connect")
	p.until("both connections are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	p.click("ws-lab", "Hold the wire")
	p.until("the wire is held", `document.querySelector("ws-lab [data-command=hold]").getAttribute("aria-pressed") == "true"`)
	p.click("article ws-do", "Send")
	p.until("the frame is held", wireRows+` == 1`)
	p.do(chromedp.Reload())
	p.ready()
	p.until("the frame is in the timeline again", wireRows+` >= 1`)
	// What the tab sent when it left is held behind that frame; so the servers
	// learn of it when the wire is opened, and not before.
	p.click("ws-lab", "▶▶ Run")
	p.until("its connections are closed", `[...document.querySelectorAll("ws-lab .states b")].every(b => b.textContent == "CLOSED")`)
	p.blameless()
}

// BenchmarkFrameToRow measures, in the page, from the server's own note of a
// frame's last byte to the page's frame of rendering in which its row stands.
// Both clocks are of one machine.
func BenchmarkFrameToRow(b *testing.B) {
	p := openTab(b, startLab(b), 1440, 900)
	p.goTo("/lessons/02-frames")
	p.click("ws-lab", "Connect")
	p.until("a connection is open", `[...document.querySelectorAll("ws-lab .states b")].some(b => b.textContent == "OPEN")`)
	var times []float64
	for b.Loop() {
		times = append(times, eval[[]float64](p, `new Promise(done => {
			const seen = [], started = performance.now();
			const rows = () => `+rowCount+`;
			const send = () => {
				const before = rows(), at = performance.now();
				document.querySelector("article [data-do*=send]").click();
				const look = () => rows() > before ? (seen.push(performance.now() - at), seen.length < 20 ? setTimeout(send, 30) : done(seen)) : performance.now() - started > 20000 ? done(seen) : requestAnimationFrame(look);
				requestAnimationFrame(look);
			};
			send();
		})`)...)
	}
	if len(times) == 0 {
		b.Fatal("no row was ever seen")
	}
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], "ms/row(median)")
	b.ReportMetric(times[len(times)*9/10], "ms/row(p90)")
}

// BenchmarkFirstVisit reports what a browser that has never been here receives
// when it opens a lesson.
func BenchmarkFirstVisit(b *testing.B) {
	base := startLab(b)
	most := 0.0
	for b.Loop() {
		for _, lesson := range []string{"01-handshake", "02-frames", "03-masking"} {
			p := openTab(b, base, 1440, 900)
			p.goTo("/lessons/" + lesson)
			p.until("the lab is there", `!!document.querySelector("ws-lab .bar button")`)
			p.mu.Lock()
			most = max(most, p.received)
			p.mu.Unlock()
			p.blameless()
		}
	}
	b.ReportMetric(most/1000, "kB/visit(most)")
}

// BenchmarkScroll scrolls a timeline of a hundred thousand events, recorded
// from a real connection, from end to end and reports the page's slowest frame
// of rendering. A frame that takes 50 ms or more is a long one.
func BenchmarkScroll(b *testing.B) {
	base := startLab(b)
	session := flood(b, base, recording.DefaultLimits.Events)
	p := openTab(b, base, 1440, 900)
	p.goTo("/lab?watch=" + session)
	p.until("the recording has begun to come", rowCount+` > 10000`)
	p.calm(rowCount)
	var worst, long float64
	for b.Loop() {
		got := eval[map[string]float64](p, `new Promise(done => {
			const scroller = document.querySelector("ws-timeline .scroll");
			let long = 0, worst = 0, last = performance.now(), n = 0;
			const watch = new PerformanceObserver(list => { long += list.getEntries().length; });
			watch.observe({type: "long-animation-frame"});
			const frame = now => {
				if (n > 3) worst = Math.max(worst, now - last); // what was under way before does not count
				last = now;
				if (n++ < 240) {
					// Slowly like a wheel, then in leaps like a dragged thumb.
					scroller.scrollTop = n < 120 ? n * 100 : (n - 120) / 120 * scroller.scrollHeight;
					requestAnimationFrame(frame);
				} else {
					watch.disconnect();
					done({worst, long});
				}
			};
			requestAnimationFrame(frame);
		})`)
		worst, long = max(worst, got["worst"]), long+got["long"]
	}
	b.ReportMetric(eval[float64](p, rowCount), "rows")
	b.ReportMetric(worst, "ms/frame(worst)")
	b.ReportMetric(long, "long-frames")
}

// flood echoes messages from outside until about n events are recorded, and
// returns the session that they are in.
func flood(tb testing.TB, base string, n int) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := reference.Dial(ctx, "ws"+strings.TrimPrefix(base, "http")+"/ws/reference", nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.CloseNow() })
	const eventsAnEcho = 8 // at least
	for i := range n / eventsAnEcho {
		if err := conn.WriteMessage(wire.Text, fmt.Appendf(nil, "message %d", i)); err != nil {
			tb.Fatal(err)
		}
		if _, _, err := conn.ReadMessage(); err != nil {
			tb.Fatal(err)
		}
	}
	answer, err := http.Get(base + "/api/connections")
	if err != nil {
		tb.Fatal(err)
	}
	defer answer.Body.Close()
	var list struct {
		Connections []struct{ Session string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil || len(list.Connections) != 1 {
		tb.Fatalf("the list of connections is %v, %v", list, err)
	}
	return list.Connections[0].Session
}
