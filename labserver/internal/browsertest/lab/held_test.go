package lab

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"wslab/labserver/internal/browsertest"
)

// TestALookAtAHeldCloseDoesNotChangeItsCode does what lesson 6 asks for, and looks at
// the servers' Close frames for longer than gorilla gives its own to be written,
// which is a second. Both servers have long closed TCP when the frames are released.
func TestALookAtAHeldCloseDoesNotChangeItsCode(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/06-closing")
	p.Click("article ws-do", "Connect to both")
	p.Until("both connections are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	p.Click("article ws-do", "Hold the wire")
	p.Until("the wire is held", `document.querySelector("ws-lab [data-command=hold]").getAttribute("aria-pressed") == "true"`)
	browsertest.Eval[bool](p, `!!(window.lab = document.querySelector("ws-lab").lab)`)
	held := func(from string) string {
		return fmt.Sprintf(`[...lab.session.rows.conns.values()].filter(c => c.held.some(r => r.event.frame && r.event.from == %q)).length == 2`, from)
	}
	p.Click("article ws-do", "Close with a reason")
	p.Until("the tab's Close frames are held", held("client"))
	p.Click("article ws-do", "Release the Close frame")
	p.Until("the servers' Close frames are held", held("server"))
	p.Until("the FINs wait behind them", `lab.session.history.events.filter(e => e.tcp?.what == "closed").length == 2`)
	p.Until("the page counts the frames alone", `/(^|\D)2 frames are held/.test(document.querySelector("ws-lab").textContent)`)
	time.Sleep(4 * time.Second) // the learner's look
	p.Click("article ws-do", "Release the answering Close frame")
	p.Until("the tab was told of both ends", `lab.session.history.events.filter(e => e.script?.what == "onclose").length == 2`)

	var events []told
	if err := json.Unmarshal([]byte(browsertest.Eval[string](p, `JSON.stringify(lab.session.history.events)`)), &events); err != nil {
		t.Fatal(err)
	}
	closed := map[int][]string{} // by connection, the result of the server's FIN
	for _, e := range events {
		switch {
		case e.Script.What == "onclose":
			if e.Script.Code != 1000 || !e.Script.WasClean || e.Script.Reason != "done for today" && e.Script.Reason != "" {
				t.Errorf("conn %d: onclose has %d %q, clean: %t", e.Conn, e.Script.Code, e.Script.Reason, e.Script.WasClean)
			}
		case e.Kind == "held" && e.Held.State == "dropped":
			t.Errorf("conn %d: what was held is dropped", e.Conn)
		case e.Kind == "tcp" && e.From == "server" && e.TCP.What == "closed":
			closed[e.Conn] = append(closed[e.Conn], "closes")
		case e.Kind == "tcp" && e.From == "client" && e.TCP.What == "rst":
			t.Errorf("conn %d: the browser resets the connection", e.Conn)
		case e.Kind == "held":
			closed[e.Conn] = append(closed[e.Conn], e.From+" "+e.Held.State)
		}
	}
	want := []string{"client waiting", "client released", "server waiting", "closes", "server waiting", "server released", "server released"}
	for conn, got := range closed {
		if !slices.Equal(got, want) {
			t.Errorf("conn %d: it went %q, want %q", conn, got, want)
		}
	}
	if len(closed) != 2 {
		t.Errorf("%d connections were held", len(closed))
	}
	p.Blameless()
}

// TestThePageSaysWhoGaveUpOverAHeldFrame lets the browser's own patience with a Close
// frame that is not answered run out: a minute, in Chromium.
func TestThePageSaysWhoGaveUpOverAHeldFrame(t *testing.T) {
	t.Parallel() // it waits most of the time
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 900)
	p.GoTo("/lessons/06-closing")
	p.Click("article ws-do", "Connect to both")
	p.Until("both connections are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	p.Click("article ws-do", "Hold the wire")
	p.Until("the wire is held", `document.querySelector("ws-lab [data-command=hold]").getAttribute("aria-pressed") == "true"`)
	p.Click("article ws-do", "Close with a reason")
	began := time.Now()
	browsertest.Eval[bool](p, `(async () => {
		const {lab} = document.querySelector("ws-lab");
		const gaveUp = () => lab.session.history.events.filter(e => e.from == "client" && (e.tcp?.what == "fin" || e.tcp?.what == "rst")).length == 2;
		while (!gaveUp()) await new Promise(done => lab.session.addEventListener("events", () => setTimeout(done), {once: true}));
		return true;
	})()`)
	t.Logf("the browser gave up after %.1f s", time.Since(began).Seconds())
	p.Until("the page says who gave up, and over what", `[...document.querySelectorAll("ws-timeline [role=row]")].some(r => /TCP (FIN|RST) from the client, with 1 unit held for [1-9]\d*\.\d s/.test(r.textContent))`)
	p.Until("the tab was told", `/onclose.*1006/s.test(document.querySelector("ws-timeline").textContent)`)
	p.Click("ws-lab", "▶▶ Run")
	open := func() bool {
		return browsertest.Eval[bool](p, `fetch("/api/connections").then(r => r.json()).then(({connections}) => connections.length < 2 || connections.some(c => c.open))`)
	}
	for until := time.Now().Add(browsertest.Timeout / 3); open(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("a connection whose client is gone is listed as open")
		}
	}
	p.Blameless()
}
