// Package runner runs scenarios and cases against endpoints on real loopback TCP.
//
//	runner.go      one scenario against one endpoint
//	judge.go       cases against servers and clients
//	trial.go       the judging of one server, even if it is slow or busy; death.go: if it dies
//	differences.go the known differences between the reference and gorilla
package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/reference/wire"
)

// Bounds of one scenario against one endpoint.
const (
	timeout  = 40 * time.Second
	patience = 10 * time.Second // for each wait of the scenario
)

// Run plays s against e with the raw client. It returns all recorded events, up to the
// server's last event, even if there is an error.
func Run(ctx context.Context, s *scenario.Scenario, e endpoint.Endpoint) ([]recording.Event, error) {
	return run(ctx, s, e, func(_ wire.Role, c net.Conn) net.Conn { return c })
}

// below returns the connection to use for the socket c of one end.
type below func(end wire.Role, c net.Conn) net.Conn

// run is Run with sockets that a test can watch.
func run(ctx context.Context, s *scenario.Scenario, e endpoint.Endpoint, below below) ([]recording.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	host := l.Addr().String()
	rec := recording.New(nil, recording.Limits{})
	notes := &notes{rec: rec}
	client := func(token, target string) *scenario.Scripted {
		return &scenario.Scripted{
			Dial: func(ctx context.Context) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
				if err != nil {
					return nil, err
				}
				return below(wire.Client, c), nil
			},
			Target: target, Host: host, Log: notes.log(token), Delivered: endpoint.Delivered,
		}
	}
	own := client("", "/")
	own.Answers = s.Answers
	stage := &scenario.Stage{
		Rec: rec, Client: own, Patience: patience, Settled: notes.write,
		Step: recording.Step{Play: "1", Endpoint: e.Name, As: "raw"},
		More: func(token string) scenario.Client {
			c := client(token, "/?client="+token)
			c.Answers = true
			return c
		},
	}
	server := &http.Server{
		ReadHeaderTimeout: timeout,
		ErrorLog:          log.New(io.Discard, "", 0), // if an endpoint panics, the recording shows that it ended
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			e.PerformOn(stage, rec, r.URL.Query().Get("client"), recording.AsScenario, w, r)
		}),
	}
	serve := endpoint.Tapped(server, nil)
	stopped := make(chan error, 1)
	go func() { stopped <- serve(listener{l, below}) }()
	err = s.Play(ctx, stage, nil)
	stopping, cancelStopping := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancelStopping()
	if stop := server.Shutdown(stopping); stop != nil {
		err = errors.Join(err, fmt.Errorf("the server did not stop: %w", stop))
		server.Close()
	}
	<-stopped
	events, _ := rec.After(0, recording.DefaultLimits.Events)
	return events, err
}

type listener struct {
	net.Listener
	below below
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.below(wire.Server, c), nil
}

// notes keep the clients' log lines about the end of TCP until the step has settled. Both
// ends see the end at the same time, so the order of the lines would be chance. The
// recording of the wire shows the order that matters.
type notes struct {
	rec  *recording.Recording
	mu   sync.Mutex
	kept []note
}

type note struct {
	at     time.Duration
	script recording.Script
}

// log returns the Log of the client called token.
func (n *notes) log(token string) scenario.Log {
	return func(what, text string, size int) {
		if size >= 0 || what == "dial" {
			return
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		n.kept = append(n.kept, note{n.rec.Now(), recording.Script{Client: token, What: what, Text: text}})
	}
}

// write records the notes.
func (n *notes) write() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range n.kept {
		n.rec.Report(k.at, &k.script)
	}
	n.kept = nil
}
