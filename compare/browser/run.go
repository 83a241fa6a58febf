package browser

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// runTimeout bounds one play: a browser may take a minute to give up.
const runTimeout = 3 * time.Minute

// Run plays sc against e with the browser as the client, on real loopback TCP,
// and returns all events. Several may run at once.
func (b *Browser) Run(ctx context.Context, sc *scenario.Scenario, e endpoint.Endpoint) ([]recording.Event, error) {
	if !sc.Browser() {
		return nil, fmt.Errorf("scenario %s: its client does what JavaScript has no call for", sc.Name)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, runTimeout, fmt.Errorf("it took longer than %v", runTimeout))
	defer cancel()
	rec := recording.New(nil, recording.Limits{})
	stage := &scenario.Stage{Rec: rec}
	p := b.begin(sc, sc.Name+"-"+e.Name, rec, func(w http.ResponseWriter, r *http.Request) {
		token, conn := r.PathValue("token"), tapped(r)
		c := rec.Connect(recording.Info{
			Endpoint: e.Name, Client: token, Path: r.URL.Path,
			Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String(),
		}, wire.Server)
		conn.Attach(c, false)
		setup, opened, served := stage.Arrive(token, conn, c)
		defer served()
		e.Perform(w, r, c, setup, opened)
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
	err := sc.Play(ctx, stage, nil)
	events, _ := rec.After(0, recording.DefaultLimits.Events)
	return events, err
}

// WriteText writes the events of one play as text in which only what means
// something differs from run to run: what the browser draws at random is
// replaced, what JavaScript was told in a step stands behind what crossed the wire
// in it, and of times only the class is told, of what ends the connection.
func WriteText(w io.Writer, events []recording.Event) error {
	began := time.Duration(-1) // the end of the connection began
	for _, e := range events {
		if begins(e) {
			began = e.At
			break
		}
	}
	return recording.WriteText(w, scriptsLast(normalise(events)), recording.TextOptions{Stable: true, Aside: func(e recording.Event) string {
		if began < 0 || !ends(e) {
			return ""
		}
		if c := class(e.At - began); c != atOnceClass {
			return c + " after the closing began"
		}
		return atOnceClass
	}})
}

// scriptsLast puts what JavaScript did and was told behind all else of the same
// step. It is told to the recording a moment later, and how much later is chance.
func scriptsLast(events []recording.Event) []recording.Event {
	out := make([]recording.Event, 0, len(events))
	var scripts []recording.Event
	for _, e := range events {
		switch e.Body.(type) {
		case *recording.Script:
			scripts = append(scripts, e)
			continue
		case *recording.Step:
			out = append(out, scripts...)
			scripts = nil
		}
		out = append(out, e)
	}
	return append(out, scripts...)
}

// begins reports whether e begins the end of a connection.
func begins(e recording.Event) bool {
	switch b := e.Body.(type) {
	case *dissect.Frame:
		return b.Close != nil || b.Header.Opcode == wire.Close
	case *recording.Script:
		return b.What == "close" || b.What == "leave"
	case *recording.TCP:
		return b.What != "open"
	}
	return false
}

// ends reports whether e is when the browser took a connection for ended.
func ends(e recording.Event) bool {
	switch b := e.Body.(type) {
	case *recording.Script:
		return b.What == "onclose" || b.What == "onerror"
	case *recording.TCP:
		return b.What != "open" && e.From == wire.Client.String()
	}
	return false
}
