package session

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/scenario"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// hand is a server on the reference that does not echo. A client gets it by its name.
type hand struct {
	recorder func(observer) tap.Recorder // records the connection; nil: the observer itself
	// read reads until the connection ends.
	read func(a scenario.Actor, conn *tap.Conn)
	// act sends. When it returns, the server closes the connection. ctx ends after read,
	// and when the session ends.
	act func(ctx context.Context, a scenario.Actor)
}

// closeWithin limits the closing handshake that a hand begins.
const closeWithin = 10 * time.Second

// handOf returns the server for the client called client, nil if it has none. The caller
// holds s.mu.
func (s *Session) handOf(client, endpoint string) (*hand, error) {
	h := s.hands[client]
	if h != nil && endpoint != "reference" {
		return nil, &CommandError{fmt.Sprintf("The client %.40q uses the endpoint reference, not %s.", client, endpoint), "Connect to the reference, or use another name."}
	}
	return h, nil
}

// record returns the Recorder for o. h may be nil.
func (h *hand) record(o observer) tap.Recorder {
	if h == nil || h.recorder == nil {
		return o
	}
	return h.recorder(o)
}

// serveByHand answers r by h, and returns when the connection has ended.
func (s *Session) serveByHand(h *hand, w http.ResponseWriter, r *http.Request, e endpoint.Endpoint, l *live, opened func(endpoint.Server)) {
	e.Perform(w, r, l.rec, scenario.Setup{ByHand: true}, func(a scenario.Actor) {
		opened(a)
		ctx, cancel := context.WithCancel(s.ctx)
		read := make(chan struct{})
		s.work.Go(func() {
			defer close(read)
			defer cancel()
			h.read(a, l.conn)
		})
		s.work.Go(func() {
			h.act(ctx, a)
			if ctx.Err() == nil || s.ctx.Err() != nil { // the client has not closed
				late := s.clock.AfterFunc(closeWithin, a.End)
				a.Close(s.closing())
				late.Stop()
			}
			a.End()
			<-read
		})
	})
}

// closing returns the code and the reason with which a server closes.
func (s *Session) closing() (wire.CloseCode, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return wire.GoingAway, s.why
	}
	return wire.NormalClosure, ""
}
