// Package runner plays scenarios against endpoints on real loopback TCP and
// gives back what was recorded.
package runner

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// timeout bounds one scenario against one endpoint.
const timeout = 20 * time.Second

// connKey is where a request's context holds its connection.
type connKey struct{}

// Run plays s against e with the raw client and returns all events, the
// server's last one included.
func Run(ctx context.Context, s *scenario.Scenario, e endpoint.Endpoint) ([]recording.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	rec := recording.New(nil, recording.Limits{})
	served, ended := make(chan struct{}), make(chan struct{})
	over := sync.OnceFunc(func() { close(ended) })
	server := &http.Server{
		ReadHeaderTimeout: timeout,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				over() // comes behind served, where the endpoint was asked at all
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(served)
			c := r.Context().Value(connKey{}).(*tap.Conn)
			conn := rec.Connect(recording.Info{
				Endpoint: e.Name, Client: "raw", Path: r.URL.Path,
				Local: c.LocalAddr().String(), Remote: c.RemoteAddr().String(),
			}, wire.Server)
			c.Attach(conn, false)
			w.Header().Set("Connection", "close")
			e.Serve(w, r, conn, func(endpoint.Server) {})
		}),
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(tap.Listener{Listener: endpoint.KeepReads(l)}) }()

	dial := func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
	}
	// What the raw client does and sees is on the wire as well; only what its code
	// is told of errors would be new, and the endpoint's side is the one judged.
	err = s.Play(ctx, dial, "/", l.Addr().String(), func(string, string, int) {})
	if err == nil {
		select {
		case <-served:
		case <-ended:
			select {
			case <-served:
			default:
				err = fmt.Errorf("scenario %s: net/http answered the request by itself, so the endpoint %s never saw it", s.Name, e.Name)
			}
		case <-ctx.Done():
			err = fmt.Errorf("scenario %s: the endpoint %s did not end: %w", s.Name, e.Name, ctx.Err())
		}
	}
	if stop := server.Shutdown(ctx); stop != nil {
		server.Close()
	}
	<-stopped
	events, _ := rec.After(0, recording.DefaultLimits.Events)
	return events, err
}
