package browser

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// runTimeout bounds one run: a browser may wait a minute before it gives up.
const runTimeout = 3 * time.Minute

// restTime is how long the page must report no event before a step is over. A busy
// browser reports late.
const restTime = 300 * time.Millisecond

// Run runs sc against e with the browser as the client, on real loopback TCP, and
// returns all events. Several runs may go on at once.
func (b *Browser) Run(ctx context.Context, sc *scenario.Scenario, e endpoint.Endpoint) ([]recording.Event, error) {
	if !sc.Browser() {
		return nil, fmt.Errorf("scenario %s: its client takes steps for which JavaScript has no call", sc.Name)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, runTimeout, fmt.Errorf("it took longer than %v", runTimeout))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() { // when a browser ends, its runs end, too
		select {
		case <-b.process.done:
			stop(b.process.why())
		case <-ctx.Done():
		}
	}()
	rec := recording.New(nil, recording.Limits{})
	stage := &scenario.Stage{Rec: rec}
	p := b.begin(sc, sc.Name+"-"+e.Name, rec, func(w http.ResponseWriter, r *http.Request) {
		e.PerformOn(stage, rec, r.PathValue("token"), recording.AsTab, w, r)
	})
	defer p.end()
	stage.Client = p.Client
	stage.Step = recording.Step{Play: "1", Endpoint: e.Name, Client: p.token, As: "browser"}
	stage.More = func(token string) scenario.Client {
		return &scenario.Scripted{
			Dial: func(ctx context.Context) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", b.addr)
			},
			Target: "/ws/" + token, Host: b.addr, Answers: true,
		}
	}
	stage.Settled = func() { p.rest(ctx, restTime) }
	err := sc.Play(ctx, stage, nil)
	events, _ := rec.After(0, recording.DefaultLimits.Events)
	return events, err
}

// WriteText writes the events of one run as text. The text is the same in every run of a
// browser that behaves the same. WriteText replaces random values, and writes the reports
// of JavaScript after the other events of their step. It writes only one kind of time, as
// a class: how long the browser waited before it reported the end to JavaScript.
func WriteText(w io.Writer, events []recording.Event) error {
	return recording.WriteText(w, scriptsLast(normalize(events)), recording.TextOptions{Stable: true, Aside: func(e recording.Event) string {
		if !ends(e) {
			return ""
		}
		if c := class(e.At - lastWord(events, e)); c != atOnceClass {
			return c + " later"
		}
		return atOnceClass
	}})
}

// lastWord returns the time of the last event before end that could make the browser end
// the connection. Such an event is one of the server's, or a call of JavaScript.
func lastWord(events []recording.Event, end recording.Event) (last time.Duration) {
	for _, e := range events {
		if e.At > end.At || end.Conn != 0 && e.Conn != end.Conn {
			continue
		}
		told := e.From == wire.Server.String()
		switch b := e.Body.(type) {
		case *dissect.Frame, *dissect.Handshake:
		case *recording.TCP:
		case *recording.Script:
			told = b.What == "close" || b.What == "leave"
		default:
			told = false
		}
		if told {
			last = max(last, e.At)
		}
	}
	return last
}

// scriptsLast moves the reports of JavaScript after all other events of their step. The
// reports are recorded late, and the delay is chance.
func scriptsLast(events []recording.Event) []recording.Event {
	var begun []time.Duration // when each step began
	var scripts []recording.Event
	for _, e := range events {
		switch b := e.Body.(type) {
		case *recording.Script:
			if b.What == "new WebSocket" {
				e.Conn = 0 // the connection begins later
			}
			scripts = append(scripts, e)
		case *recording.Step:
			if b.Phase == recording.StepBegin {
				begun = append(begun, e.At)
			}
		}
	}
	slices.SortStableFunc(scripts, func(a, b recording.Event) int { return cmp.Compare(a.At, b.At) })
	out := make([]recording.Event, 0, len(events))
	for _, e := range events {
		switch b := e.Body.(type) {
		case *recording.Script:
			continue
		case *recording.Step:
			// A report from before the next step belongs to this step.
			if b.Phase == recording.StepEnd {
				for len(scripts) > 0 && (b.Index+1 >= len(begun) || scripts[0].At < begun[b.Index+1]) {
					out, scripts = append(out, scripts[0]), scripts[1:]
				}
			}
		}
		out = append(out, e)
	}
	return append(out, scripts...)
}

// ends reports whether e is the report of onclose or onerror. The time of FIN is unknown,
// because only a read of the server shows the FIN.
func ends(e recording.Event) bool {
	b, ok := e.Body.(*recording.Script)
	return ok && (b.What == "onclose" || b.What == "onerror")
}
