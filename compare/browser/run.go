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

// runTimeout bounds one play: a browser may take a minute to give up.
const runTimeout = 3 * time.Minute

// restTime is for how long the page tells nothing when a step is over for it, too:
// a browser that has much to do tells of what happened a good moment later.
const restTime = 300 * time.Millisecond

// Run plays sc against e with the browser as the client, on real loopback TCP,
// and returns all events. Several may run at once.
func (b *Browser) Run(ctx context.Context, sc *scenario.Scenario, e endpoint.Endpoint) ([]recording.Event, error) {
	if !sc.Browser() {
		return nil, fmt.Errorf("scenario %s: its client does what JavaScript has no call for", sc.Name)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, runTimeout, fmt.Errorf("it took longer than %v", runTimeout))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() { // a browser that dies ends its plays
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

// WriteText writes the events of one play as text in which only what means
// something differs from run to run: what the browser draws at random is
// replaced, what JavaScript was told in a step stands behind what crossed the wire
// in it, and of times only the class is told: of how long the browser waited
// before it told JavaScript of the end.
func WriteText(w io.Writer, events []recording.Event) error {
	return recording.WriteText(w, scriptsLast(normalise(events)), recording.TextOptions{Stable: true, Aside: func(e recording.Event) string {
		if !ends(e) {
			return ""
		}
		if c := class(e.At - lastWord(events, e)); c != atOnceClass {
			return c + " later"
		}
		return atOnceClass
	}})
}

// lastWord returns when the browser was last told something, by the server or by
// JavaScript, before it ended a connection in e.
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

// scriptsLast puts what JavaScript did and was told behind all else of the step
// in which it was. It is told to the recording a moment later, and how much later
// is chance.
func scriptsLast(events []recording.Event) []recording.Event {
	var begun []time.Duration // when each step began
	var scripts []recording.Event
	for _, e := range events {
		switch b := e.Body.(type) {
		case *recording.Script:
			if b.What == "new WebSocket" {
				e.Conn = 0 // the connection comes of it
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
			// What came before the next step began belongs to this one.
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

// ends reports whether e is when JavaScript was told of the end. When FIN came
// nobody knows: it shows when the server reads.
func ends(e recording.Event) bool {
	b, ok := e.Body.(*recording.Script)
	return ok && (b.What == "onclose" || b.What == "onerror")
}
