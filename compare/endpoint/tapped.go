package endpoint

import (
	"context"
	"net"
	"net/http"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// tapKey is the key of the connection in a request's context.
type tapKey struct{}

// Tapped returns a function that serves s on a listener through a tap, above KeepReads.
// It replaces the ConnContext of s, and still calls the old one. The handler of s gets
// its connection from TapOf. early is tap.Listener.Early; it may be nil.
func Tapped(s *http.Server, early func() bool) (serve func(net.Listener) error) {
	before := s.ConnContext
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if before != nil {
			ctx = before(ctx, c)
		}
		return context.WithValue(ctx, tapKey{}, c)
	}
	return func(l net.Listener) error { return s.Serve(tap.Listener{Listener: KeepReads(l), Early: early}) }
}

// TapOf returns the tapped connection of r. It returns nil if the server of r is not
// Tapped.
func TapOf(r *http.Request) *tap.Conn {
	c, _ := r.Context().Value(tapKey{}).(*tap.Conn)
	return c
}

// PerformOn is Perform for a client of a play on stage: the client called token. It
// records the tapped connection in rec. as is recording.Info.As.
func (e Endpoint) PerformOn(stage *scenario.Stage, rec *recording.Recording, token string, as recording.As, w http.ResponseWriter, r *http.Request) {
	c := TapOf(r)
	conn := rec.Connect(recording.Info{
		Endpoint: e.Name, Client: token, As: as, Path: r.URL.Path,
		Local: c.LocalAddr().String(), Remote: c.RemoteAddr().String(),
	}, wire.Server)
	c.Attach(conn, false)
	setup, opened, served := stage.Arrive(token, c, conn)
	defer served()
	e.Perform(w, r, conn, setup, opened)
}
