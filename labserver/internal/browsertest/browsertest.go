// Package browsertest drives the real page in a real Chromium against the real lab server,
// for tests. The tests are in packages of their own, by the pages that they open, because
// go test bounds the time of each package.
package browsertest

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
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
	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/labserver/internal/program"
)

// Main runs the tests of a package that starts lab servers. At the end no goroutine may be
// left.
func Main(m *testing.M) {
	endpoint.BeServer() // a scenario that kills its server runs this test again as that server
	// Most tests wait for a browser. More of them at once end sooner, above all on a busy
	// computer. -parallel still has the last word.
	if err := flag.Set("test.parallel", "3"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// Timeout bounds one browser test.
const Timeout = 6 * time.Minute

// FindChromium returns the path of a Chromium, and skips the test where there
// is none; in CI there must be one.
func FindChromium(tb testing.TB) string {
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

// StartLab runs the lab server on a free port until the test ends and returns
// its address, "http://127.0.0.1:PORT".
func StartLab(tb testing.TB) string {
	tb.Helper()
	base, _ := StartLabAt(tb, "127.0.0.1:0")
	return base
}

// StartLabAt is startLab at addr, with more flags. stop ends the lab server before the test ends.
func StartLabAt(tb testing.TB, addr string, flags ...string) (base string, stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := program.Run(ctx, append([]string{"-addr", addr, "-open=false"}, flags...), in, io.Discard)
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

// Tab is a browser tab on the lab, with what it complained of.
type Tab struct {
	tb   testing.TB
	Ctx  context.Context
	base string

	// Whether the browser shows a page that it had kept. In such a page nothing
	// that chromedp leaves there works, so it is asked from here.
	kept bool

	mu       sync.Mutex
	console  []string // errors and warnings
	requests []string // URLs asked for
	received float64  // bytes over the wire, headers included
}

// OpenTab starts a browser of its own and a tab in it of the given size.
func OpenTab(tb testing.TB, base string, width, height int) *Tab {
	tb.Helper()
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(FindChromium(tb)), chromedp.NoSandbox, chromedp.WindowSize(width, height),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), flags...)
	tb.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	tb.Cleanup(cancel)
	t := &Tab{tb: tb, base: base}
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
	t.Ctx, cancel = context.WithTimeout(ctx, Timeout)
	tb.Cleanup(cancel)
	if _, err := chromedp.Call(t.Ctx, network.Enable, network.EnableParams{}); err != nil {
		tb.Fatal(err)
	}
	if _, err := chromedp.Call(t.Ctx, cdpruntime.Enable, cdp.Empty{}); err != nil {
		tb.Fatal(err)
	}
	return t
}

// Another returns another tab of the same browser. It is not watched by Blameless.
func (t *Tab) Another() *Tab {
	t.tb.Helper()
	ctx, cancel := chromedp.NewContext(t.Ctx)
	t.tb.Cleanup(cancel)
	return &Tab{tb: t.tb, base: t.base, Ctx: ctx}
}

// GoBack leaves the page for another, calls meanwhile, and goes back. It fails the test if
// the browser did not keep the page.
func (t *Tab) GoBack(meanwhile func()) {
	t.tb.Helper()
	Eval[any](t, `addEventListener("pageshow", e => window.kept = e.persisted), window.kept = null`)
	t.Do(chromedp.Navigate(t.base + "/rules"))
	t.Until("the other page is there", `location.pathname == "/rules" && document.readyState == "complete"`)
	meanwhile()
	t.kept = true
	// The page that is left answers no more, so nothing is waited for.
	Eval[any](t, `setTimeout(() => history.back()), null`)
	t.Until("the page is shown again, by the browser that kept it", `location.pathname != "/rules" && window.kept === true`)
}

// Failed ends the test with a picture of what the page showed.
func (t *Tab) Failed(format string, args ...any) {
	t.tb.Helper()
	if shot, err := chromedp.Run(t.Ctx, chromedp.CaptureScreenshot()); err == nil {
		file := filepath.Join(os.TempDir(), strings.ReplaceAll(t.tb.Name(), "/", "_")+".png")
		if os.WriteFile(file, shot, 0o644) == nil {
			t.tb.Logf("what the page showed is in %s", file)
		}
	}
	t.tb.Fatalf(format, args...)
}

// Do takes steps and fails the test when one of them can't be taken.
func (t *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	t.tb.Helper()
	if err := chromedp.Do(t.Ctx, steps...); err != nil {
		t.Failed("%v", err)
	}
}

// GoTo opens path and waits until the page's modules have run.
func (t *Tab) GoTo(path string) {
	t.tb.Helper()
	t.Do(chromedp.Navigate(t.base + path))
	t.Ready()
}

// Ready waits until the page's modules have run and its lab, if any, has a
// session.
func (t *Tab) Ready() {
	t.tb.Helper()
	t.Until("the page is complete", `document.readyState == "complete" && [...document.querySelectorAll("ws-lab")].every(l => l.querySelector(".bar button"))`)
}

// Eval returns what a JavaScript expression, which may be a promise, comes to.
func Eval[T any](t *Tab, expression string) T {
	t.tb.Helper()
	v, err := chromedp.Run(t.Ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Failed("%s: %v", expression, err)
	}
	return v
}

// Until waits for a JavaScript condition to hold.
func (t *Tab) Until(what, condition string) {
	t.tb.Helper()
	if !t.kept {
		_, err := chromedp.Run(t.Ctx, chromedp.Poll[bool]("!!("+condition+")", chromedp.WithPollingInterval(30*time.Millisecond), chromedp.WithPollingTimeout(Timeout)))
		if err != nil {
			t.Failed("waiting until %s: %v", what, err)
		}
		return
	}
	for end := time.Now().Add(Timeout); ; time.Sleep(30 * time.Millisecond) {
		is, err := chromedp.Run(t.Ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		switch {
		case err == nil && is:
			return
		case t.Ctx.Err() != nil || time.Now().After(end):
			t.Failed("waiting until %s: %v", what, err)
		}
	}
}

// Calm waits until a JavaScript expression has had the same value for a while, so that
// the page has received everything on its way.
func (t *Tab) Calm(expression string) {
	t.tb.Helper()
	t.Until("nothing changes any more", `(() => {
		const now = `+expression+`;
		window.calm = now === window.before ? (window.calm || 0) + 1 : 0;
		window.before = now;
		return window.calm > 10;
	})()`)
}

// Press presses keys as a person would.
func (t *Tab) Press(keys string) {
	t.tb.Helper()
	t.Do(chromedp.KeyEvent(keys))
}

// TabTo presses Tab until the element that a JavaScript condition of `at`, the
// element with the focus, describes has it.
func (t *Tab) TabTo(what, condition string) {
	t.tb.Helper()
	for range 60 {
		if Eval[bool](t, `(at => !!(`+condition+`))(document.activeElement)`) {
			return
		}
		t.Press(kb.Tab)
	}
	t.Failed("Tab does not lead to %s", what)
}

// Click clicks the first visible button of the page whose name begins with name.
func (t *Tab) Click(scope, name string) {
	t.tb.Helper()
	found := Eval[bool](t, fmt.Sprintf(`(() => {
		const b = [...document.querySelectorAll(%s)].find(b => b.checkVisibility() && !b.disabled &&
			(b.getAttribute("aria-label") || b.textContent).trim().startsWith(%s));
		b?.scrollIntoView({block: "center"});
		b?.click();
		return !!b;
	})()`, QuoteJS(scope+" button"), QuoteJS(name)))
	if !found {
		t.Failed("there is no button %q in %s", name, scope)
	}
}

func QuoteJS(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// Received returns the number of bytes that the tab has received, headers included.
func (t *Tab) Received() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.received
}

// Blameless fails the test when the page wrote an error to the console or
// asked anybody else for anything.
func (t *Tab) Blameless() {
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

// WireRows is how many rows of the timeline show frames of text or binary.
const WireRows = `[...document.querySelectorAll("ws-timeline [role=row]")].filter(r => r.checkVisibility() && /\b(TEXT|BINARY)\b/.test(r.textContent)).length`

// RowCount is how many rows the timeline has, drawn or not.
const RowCount = `Number(document.querySelector("ws-timeline [aria-rowcount]")?.getAttribute("aria-rowcount"))`

// GridBits reads the first bits of the bit grid as a person would, in order.
const GridBits = `[...document.querySelectorAll("ws-bits [role=gridcell] button")].map(b => b.textContent.trim()[0]).join("")`

// Focused is the text of what has the focus, or what it is called.
const Focused = `(document.activeElement?.getAttribute("aria-label") || document.activeElement?.textContent || "").trim()`

// OpenCompare opens /compare at an address in a tab of a new lab server, and waits for its
// rows.
func OpenCompare(tb testing.TB, at string) *Tab {
	tb.Helper()
	t := OpenTab(tb, StartLab(tb), 1440, 900)
	t.GoTo(at)
	t.Until("the cases are listed", `document.querySelectorAll("ws-compare .line[data-id]").length > 500`)
	return t
}

// Cell is the JavaScript of what a column tells of a case.
func Cell(id, column string) string {
	return `document.querySelector('.line[data-id="` + id + `"] [data-column="` + column + `"]').textContent`
}
