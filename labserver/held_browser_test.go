package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestALookAtAHeldCloseDoesNotChangeItsCode does what lesson 6 asks for, and looks at
// the servers' Close frames for longer than gorilla gives its own to be written,
// which is a second. Both servers have long closed TCP when the frames are released.
func TestALookAtAHeldCloseDoesNotChangeItsCode(t *testing.T) {
	t.Parallel()
	p := openTab(t, startLab(t), 1440, 900)
	p.goTo("/lessons/06-closing")
	p.click("article ws-do", "Connect to both")
	p.until("both connections are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	p.click("article ws-do", "Hold the wire")
	p.until("the wire is held", `document.querySelector("ws-lab [data-command=hold]").getAttribute("aria-pressed") == "true"`)
	eval[bool](p, `import("/static/lab.js").then(({lab}) => { window.lab = lab; return true; })`)
	held := func(from string) string {
		return fmt.Sprintf(`[...lab.rows.conns.values()].filter(c => c.held.some(r => r.event.frame && r.event.from == %q)).length == 2`, from)
	}
	p.click("article ws-do", "Close with a reason")
	p.until("the tab's Close frames are held", held("client"))
	p.click("article ws-do", "Step")
	p.until("the servers' Close frames are held", held("server"))
	time.Sleep(4 * time.Second) // the learner's look
	p.click("article ws-do", "Step again")
	p.until("the tab was told of both ends", `lab.history.events.filter(e => e.script?.what == "onclose").length == 2`)

	var events []told
	if err := json.Unmarshal([]byte(eval[string](p, `JSON.stringify(lab.history.events)`)), &events); err != nil {
		t.Fatal(err)
	}
	closed := map[int][]string{} // by connection, what came of the server's FIN
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
	p.blameless()
}
