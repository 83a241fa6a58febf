package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
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

// calm waits until a JavaScript expression has had the same value for a while, so that
// the page has received everything on its way.
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
		for _, path := range []string{"/", "/lessons/00-why", "/lessons/01-handshake", "/lessons/02-frames", "/lessons/03-masking", "/lab", "/rules"} {
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

// focused is the text of what has the focus, or what it is called.
const focused = `(document.activeElement?.getAttribute("aria-label") || document.activeElement?.textContent || "").trim()`

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
	// The bytes that the tab sent when it left are held after that frame, so the servers
	// receive them only when the wire is released.
	p.click("ws-lab", "▶▶ Run")
	p.until("its connections are closed", `[...document.querySelectorAll("ws-lab .states b")].every(b => b.textContent == "CLOSED")`)
	p.blameless()
}
