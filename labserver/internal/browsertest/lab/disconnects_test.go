package lab

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wslab/labserver/internal/browsertest"
)

// The five disconnects, as the tutorials number them.
var disconnects = []struct {
	scenario string
	// What RFC 6455 promises, in the order in which it must come. All else is the
	// browser's own choice.
	order  []string
	errors []string // of the server's last read and two writes of TCP
}{
	{"disconnect-1", []string{"client sends Close", "client ends TCP"}, brokenPipe},
	{"disconnect-2", []string{"client sends Close", "server sends Close", "client ends TCP"}, brokenPipe},
	{"disconnect-3", []string{"client sends Close", "server sends Close", "server closes TCP"}, useOfClosed},
	{"disconnect-4", []string{"server sends Close", "client sends Close", "client ends TCP"}, brokenPipe},
	{"disconnect-5", []string{"server sends Close", "server closes TCP"}, useOfClosed},
}

// What Go says of the server's next read and its next two writes, "" where it
// has no error: of a connection whose peer is gone, and of one that the server
// has closed itself.
var (
	brokenPipe  = []string{"*errors.errorString: EOF", "", "*net.OpError: write tcp: write: broken pipe"}
	useOfClosed = []string{
		"*net.OpError: read tcp: use of closed network connection",
		"*net.OpError: write tcp: use of closed network connection",
		"*net.OpError: write tcp: use of closed network connection",
	}
)

// told is what the test reads of an event's JSON.
type told struct {
	Seq, At int64
	Conn    int
	Kind    string
	From    string
	TCP     struct {
		What  string
		Error *goError
	}
	Frame struct {
		Header struct{ Name string }
		Close  *struct{ Code int }
	}
	Call struct {
		Name, Phase, Args string
		Error             *goError
	}
	Held   struct{ State string }
	Script struct {
		Client, What string
		Code         int
		Reason       string
		WasClean     bool
	}
	Step struct {
		Play, Scenario, Endpoint, Client, Command, Phase, Error string
	}
}

type goError struct{ Type, Text string }

func (e *goError) String() string {
	if e == nil {
		return ""
	}
	return e.Type + ": " + e.Text
}

// plays has the page's own player play scenarios at endpoints, all at once, and
// gives back the events of the session when all are over.
const plays = `(async (scenarios, endpoints) => {
	const {lab} = document.querySelector("ws-lab");
	const {player} = lab;
	const begun = [];
	for (const scenario of scenarios)
		for (const endpoint of endpoints) begun.push(await player.begin({scenario, endpoint, as: "browser", pause: -1}));
	const over = () => begun.every(({play}) => lab.session.history.events.some(({step}) => step?.play === play && step.phase === "over"));
	while (!over()) await new Promise(done => lab.session.addEventListener("events", () => setTimeout(done), {once: true}));
	return JSON.stringify(lab.session.history.events);
})`

// TestTheFiveDisconnectsInARealBrowser plays them all at once, since a browser
// may take a minute to give one up. It asserts what RFC 6455 promises and what
// Go says, and logs what the browser does: that differs from browser to browser.
func TestTheFiveDisconnectsInARealBrowser(t *testing.T) {
	t.Parallel() // it waits most of the time
	var all []string
	for _, d := range disconnects {
		all = append(all, d.scenario)
	}
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1280, 800)
	p.GoTo("/lab")
	began := time.Now()
	scenarios, _ := json.Marshal(all)
	var events []told
	if err := json.Unmarshal([]byte(browsertest.Eval[string](p, fmt.Sprintf(`%s(%s, ["reference", "gorilla"])`, plays, scenarios))), &events); err != nil {
		t.Fatal(err)
	}
	t.Logf("all of them took %.1f s", time.Since(began).Seconds())
	for _, d := range disconnects {
		for _, endpoint := range []string{"reference", "gorilla"} {
			t.Run(d.scenario+" "+endpoint, func(t *testing.T) {
				play := only(events, d.scenario, endpoint)
				if len(play) == 0 {
					t.Fatal("nothing of it is recorded")
				}
				if got := happened(play); !inOrder(got, d.order) {
					t.Errorf("it went %q, which is not in the order of %q", got, d.order)
				}
				if code := codes(play); !slices.Equal(code, slices.Repeat([]int{1000}, len(code))) || len(code) == 0 {
					t.Errorf("the codes on the wire are %v", code)
				}
				if got := tcpErrors(play); len(got) < 3 || !slices.Equal(got[len(got)-3:], d.errors) {
					t.Errorf("Go's next read and writes return %q, want %q", got, d.errors)
				}
				if over := play[len(play)-1]; over.Step.Phase != "over" || over.Step.Error != "" {
					t.Errorf("it ends with %+v", over)
				}
				t.Log(measured(play))
			})
		}
	}
	// What was measured can be guessed: the page offers it as a choice.
	unasked := browsertest.Eval[string](p, `(async () => {
		const {lab} = document.querySelector("ws-lab");
		const {columns, measure, verdict} = await import("/static/outcome.js");
		const out = [];
		for (const play of lab.session.rows.plays.byId.values()) {
			const conn = lab.session.rows.byClient.get(play.token);
			const outcome = measure(lab.session.history.events.filter(e => e.conn === conn.id || e.script?.client === play.token), play.settled);
			for (const [name, {choices}] of Object.entries(columns)) {
				const is = verdict(name, outcome, true);
				if (is === "other" || !choices.some(([v]) => v === is)) out.push(play.scenario + " " + play.endpoint + ": " + name + " is " + JSON.stringify(is));
			}
		}
		return out.join("\n");
	})()`)
	if unasked != "" {
		t.Errorf("no choice fits what was measured:\n%s", unasked)
	}
	p.Blameless()
}

// only returns the events of one play: its steps and those of its connection.
func only(events []told, scenario, endpoint string) (play []told) {
	client, conn := "", 0
	for _, e := range events {
		if e.Step.Scenario == scenario && e.Step.Endpoint == endpoint {
			client, conn = e.Step.Client, max(conn, e.Conn)
		}
	}
	for _, e := range events {
		if conn != 0 && e.Conn == conn || e.Step.Client == client || e.Script.Client == client {
			play = append(play, e)
		}
	}
	return play
}

// happened tells what a play did to WebSocket and TCP.
func happened(play []told) (all []string) {
	for _, e := range play {
		switch {
		case e.Frame.Close != nil:
			all = append(all, e.From+" sends Close")
		case e.Kind == "tcp" && e.From == "server" && e.TCP.What == "closed":
			all = append(all, "server closes TCP")
		case e.Kind == "tcp" && e.From == "client" && (e.TCP.What == "fin" || e.TCP.What == "rst"):
			all = append(all, "client ends TCP")
		}
	}
	return all
}

// inOrder reports whether want is in got, in this order, perhaps with more
// between.
func inOrder(got, want []string) bool {
	for _, g := range got {
		if len(want) > 0 && g == want[0] {
			want = want[1:]
		}
	}
	return len(want) == 0
}

// codes returns the close codes that crossed the wire.
func codes(play []told) (all []int) {
	for _, e := range play {
		if e.Frame.Close != nil {
			all = append(all, e.Frame.Close.Code)
		}
	}
	return all
}

// tcpErrors returns what the server's own reads and writes of TCP came to.
func tcpErrors(play []told) (all []string) {
	for _, e := range play {
		if (e.Call.Name == "net.Conn.Read" || e.Call.Name == "net.Conn.Write") && e.Call.Phase == "return" {
			all = append(all, e.Call.Error.String())
		}
	}
	return all
}

// measured lists the events of the browser's JavaScript, and how long after the start of
// the closing each was.
func measured(play []told) string {
	var began int64 = -1
	var b strings.Builder
	for _, e := range play {
		starts := e.Frame.Close != nil || e.Script.What == "close"
		switch {
		case starts && began < 0:
			began = e.At
		case starts:
			began = min(began, e.At)
		case e.Script.What == "onerror":
			fmt.Fprintf(&b, "onerror after %.1f ms; ", float64(e.At-began)/1000)
		case e.Script.What == "onclose":
			fmt.Fprintf(&b, "onclose after %.1f ms: %d %q wasClean=%t; ", float64(e.At-began)/1000, e.Script.Code, e.Script.Reason, e.Script.WasClean)
		}
	}
	return b.String() + fmt.Sprintf("Go: %q", tcpErrors(play))
}
