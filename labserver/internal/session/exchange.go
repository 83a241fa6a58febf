package session

import (
	"fmt"
	"net/http"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
)

// Limits of exchanges of plain HTTP in one session.
const (
	maxGuests = 64 // TCP connections
	maxAsking = 64 // exchanges in progress
)

// guest records the exchanges of one session on a TCP connection, which can also carry
// other requests.
type guest struct {
	*recording.Exchanges
	s    *Session
	conn *tap.Conn
}

// Closed also forgets the connection.
func (g *guest) Closed() {
	g.Exchanges.Closed()
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	delete(g.s.guests, g.conn)
}

// Exchange records the request r on conn, and its response, as one of run w in that way.
// The caller must call done when it has handled r.
func (s *Session) Exchange(r *http.Request, conn *tap.Conn, w *Ways, way string) (done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	g := s.guests[conn]
	switch {
	case s.ctx.Err() != nil:
		return nil, errEnded
	case s.asking >= maxAsking:
		return nil, &CommandError{fmt.Sprintf("This session already has %d requests in progress.", maxAsking), "Close some of its streams."}
	case g == nil && len(s.guests) >= maxGuests:
		return nil, &CommandError{fmt.Sprintf("This session already uses %d TCP connections.", maxGuests), "Close some of them."}
	case g == nil:
		as := recording.AsOutside
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" { // the guard has refused pages of other sites
			as = recording.AsTab
		}
		g = &guest{s.Rec.ConnectHTTP(recording.Info{
			Endpoint: "http", As: as, Path: r.URL.Path, Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String(),
		}), s, conn}
		s.guests[conn] = g
	}
	id := g.ID()
	g.Begin(way, w.Run, func(h *recording.HTTP) { w.part(way, id, h) })
	if !conn.Visit(g) {
		delete(s.guests, conn)
		return nil, errEnded
	}
	s.asking++
	s.work.Add(1)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asking--
		s.used = time.Now()
		s.work.Done()
	}, nil
}

// leaveGuests ends the recording of plain HTTP.
func (s *Session) leaveGuests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, g := range s.guests {
		conn.Leave(g)
	}
	clear(s.guests)
}
