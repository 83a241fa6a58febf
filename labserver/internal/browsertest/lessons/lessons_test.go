package lessons

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"wslab/labserver/internal/browsertest"
)

func TestALearnerStepsThroughLesson3OnBothServers(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/03-masking")
	p.Click("ws-lab", "Connect")
	p.Until("both connections are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	p.Click("ws-lab", "Hold the wire")
	p.Until("the wire is held", `document.querySelector("ws-lab [data-command=hold]").getAttribute("aria-pressed") == "true"`)
	p.Click("article ws-do", "Send")
	p.Until("the frame is held at both servers", `(document.querySelector("ws-timeline .held")?.textContent.match(/TEXT/g) ?? []).length == 2 && `+browsertest.WireRows+` == 1`)

	// 1. Its bits are those of a masked text frame of five bytes, whatever the key.
	p.Until("the grid shows the frame", `document.querySelectorAll("ws-bits [role=gridcell] button").length == 11*8`)
	bits := browsertest.Eval[string](p, browsertest.GridBits)
	if len(bits) != 11*8 {
		p.Failed("the grid reads %q", bits)
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
	p.Press(kb.ArrowRight)
	p.Until("the echo is held", browsertest.WireRows+` == 2`)
	p.Press(kb.ArrowRight)
	p.Until("the page has received the echo", `/onmessage/.test(document.querySelector("ws-timeline").textContent) && document.querySelectorAll("ws-timeline .held").length == 0`)

	// 3. Back and forward again, the picture is the same.
	picture := `[...document.querySelectorAll("ws-timeline [role=row]")].filter(r => r.checkVisibility()).map(r => r.textContent).join("\n")`
	p.Calm(picture)
	before := browsertest.Eval[string](p, picture)
	p.Press(kb.ArrowLeft)
	p.Until("one step back hides the echo or what was told of it", picture+` != `+browsertest.QuoteJS(before))
	for range 4 {
		p.Press(kb.ArrowLeft)
	}
	for range 12 {
		p.Press(kb.ArrowRight)
	}
	p.Calm(picture)
	if after := browsertest.Eval[string](p, picture); after != before {
		p.Failed("stepping back and forward again changed the picture from\n%s\nto\n%s", before, after)
	}
	p.Blameless()
}

func TestTheHandshakeLessonShowsAWrongAcceptRefused(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/01-handshake")
	// The lesson says beforehand that a browser writes its reason to the console;
	// so what the console shows is the point here, not a fault.
	browsertest.Eval[chromedp.Void](p, `document.querySelector("article [data-do*='wrong-accept']").click()`)
	p.Until("JavaScript was told error and close 1006", `/onclose.*1006/s.test(document.querySelector("ws-timeline").textContent) && /onerror/.test(document.querySelector("ws-timeline").textContent)`)
	text := browsertest.Eval[string](p, `document.querySelector("ws-lab").textContent`)
	if !strings.Contains(text, "101 Switching Protocols") {
		t.Error("the timeline does not show the server's answer")
	}
}

func TestEveryLessonOpensWithoutComplaintInBothColoursAndWidths(t *testing.T) {
	t.Parallel()
	base := browsertest.StartLab(t)
	for _, size := range []struct{ w, h int }{{1440, 900}, {390, 844}, {360, 740}} {
		p := browsertest.OpenTab(t, base, size.w, size.h)
		p.Do(chromedp.EmulateViewport(int64(size.w), int64(size.h)))
		for _, path := range []string{"/", "/lessons/00-why", "/lessons/01-handshake", "/lessons/02-frames", "/lessons/03-masking", "/lab", "/rules"} {
			p.GoTo(path)
			if wide := browsertest.Eval[int](p, `document.documentElement.scrollWidth`); wide > size.w {
				t.Errorf("%s at %d pixels is %d wide: it scrolls sideways", path, size.w, wide)
			}
			if unnamed := browsertest.Eval[int](p, `[...document.querySelectorAll("button, a[href], input, select, textarea")].filter(e => e.checkVisibility() && !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length || e.title)).length`); unnamed > 0 {
				t.Errorf("%s has %d controls without a name", path, unnamed)
			}
		}
		p.Blameless()
	}
}

func TestAReloadInTheMiddleOfAHeldFrameKeepsTheRecording(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/03-masking")
	p.Click("ws-lab", "Connect")
	p.Until("both connections are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	p.Click("ws-lab", "Hold the wire")
	p.Until("the wire is held", `document.querySelector("ws-lab [data-command=hold]").getAttribute("aria-pressed") == "true"`)
	p.Click("article ws-do", "Send")
	p.Until("the frame is held", browsertest.WireRows+` == 1`)
	p.Do(chromedp.Reload())
	p.Ready()
	p.Until("the frame is in the timeline again", browsertest.WireRows+` >= 1`)
	// The bytes that the tab sent when it left are held after that frame, so the servers
	// receive them only when the wire is released.
	p.Click("ws-lab", "▶▶ Run")
	p.Until("its connections are closed", `[...document.querySelectorAll("ws-lab .states b")].every(b => b.textContent == "CLOSED")`)
	p.Blameless()
}
