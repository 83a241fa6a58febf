package session

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// live is a connection whose socket is open. The socket can stay open after Serve has
// returned: net/http then sends a refusal, or the valve holds bytes of an endpoint that
// has closed.
type live struct {
	conn   *tap.Conn
	rec    *recording.Connection
	server endpoint.Server // nil until the handshake is done
	opened chan struct{}   // closed when server is set, or when the handshake failed
	gone   chan struct{}   // closed when the socket is closed
	held   bool            // the learner holds the connection
	left   bool            // the client has closed TCP or sent FIN
	timer  *time.Timer     // releases it; nil before releaseLater
}

// observer records a connection. It also notifies the session when the client leaves and
// when the socket closes. The session is notified before the event is recorded.
type observer struct {
	*recording.Connection
	s *Session
	l *live
}

func (o observer) Fin(d tap.Direction) uint64 {
	id := o.Connection.Fin(d)
	if d == tap.In {
		o.s.left(o.l, false)
	}
	return id
}

func (o observer) Failed(d tap.Direction, err error) {
	o.Connection.Failed(d, err)
	o.s.left(o.l, tap.IsReset(err))
}

// Closed removes the connection from the list. If the FIN must wait for held bytes, Gone
// removes the connection later.
func (o observer) Closed() uint64 {
	if !o.l.conn.Status().Lingers {
		o.s.leave(o.l)
	}
	return o.Connection.Closed()
}

func (o observer) Gone() {
	o.Connection.Gone()
	o.s.leave(o.l)
	close(o.l.gone)
}

// leave removes l from the list of connections.
func (s *Session) leave(l *live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = slices.DeleteFunc(s.live, func(k *live) bool { return k == l })
	if l.timer != nil {
		l.timer.Stop() // a running timer keeps the session in memory
	}
	s.used = time.Now()
	s.setClock()
}

// left records that the client of l has closed TCP. After a reset, or before the response
// to the handshake, the client cannot read held frames, so left releases them at once. A
// client that sent FIN may still read. Its frames are released after letGoAfter.
func (s *Session) left(l *live, reset bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.left = true
	switch {
	case !l.held || !l.conn.Holding(): // a scenario releases the frames that it holds
	case reset, l.conn.Status().Out == 0:
		s.release(l)
	default:
		s.releaseLater(l)
	}
}

// releaseLater releases l after letGoAfter. The caller holds s.mu.
func (s *Session) releaseLater(l *live) {
	if l.timer != nil {
		l.timer.Reset(letGoAfter)
		return
	}
	l.timer = time.AfterFunc(letGoAfter, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.release(l)
	})
}

// release opens the valve of l. The caller holds s.mu.
func (s *Session) release(l *live) {
	l.conn.Run()
	l.held = false
	s.setClock()
}

// Serve lets endpoint e answer the request r on conn, and records the connection in s
// under the name client. If client is the client of a run, the server does the steps of
// the run. If s has a hand for client, the hand is the server. Serve returns when the
// connection has ended.
func (s *Session) Serve(w http.ResponseWriter, r *http.Request, e endpoint.Endpoint, conn *tap.Conn, client string) error {
	l := &live{conn: conn, opened: make(chan struct{}), gone: make(chan struct{})}
	s.mu.Lock()
	s.coming = false
	delete(s.dialed, conn.RemoteAddr().String())
	if len(s.live) >= maxConnections {
		s.mu.Unlock()
		return &CommandError{fmt.Sprintf("This session has its limit of %d open connections.", maxConnections), "Close some of them, or begin a new session."}
	}
	if s.ctx.Err() != nil {
		s.mu.Unlock()
		return errEnded
	}
	hand, err := s.handOf(client, e.Name)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	p, err := s.admit(client, e.Name)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	as, round := s.who(client, p, r)
	s.record(l, recording.Info{
		Endpoint: e.Name, Client: client, As: as, Round: round, Path: r.URL.Path,
		Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String(),
	}, hand)
	w = endpoint.Traced(w, l.rec)
	s.work.Add(1)
	s.mu.Unlock()

	done := sync.OnceFunc(func() { close(l.opened) })
	defer s.work.Done()
	defer done()
	opened := func(server endpoint.Server) {
		s.opened(l, server)
		done()
	}
	if hand != nil {
		s.serveByHand(hand, w, r, e, l, opened)
		return nil
	}
	if p == nil {
		e.Serve(w, r, l.rec, opened)
		return nil
	}
	defer s.served(p)
	setup, acts, served := p.stage.Arrive(client, conn, l.rec)
	defer served()
	e.Perform(w, r, l.rec, setup, func(actor scenario.Actor) {
		opened(actor)
		acts(actor)
	})
	s.bury(conn)
	return nil
}

// record begins to record l, whose server by operates, if by is not nil. The caller holds s.mu, because Valve could otherwise miss the
// connection.
func (s *Session) record(l *live, info recording.Info, by *hand) {
	l.rec = s.Rec.Connect(info, wire.Server)
	l.held = s.hold
	s.live = append(s.live, l)
	s.setClock()
	l.watchStacks(s.stack)
	l.conn.Sip(s.sip)
	l.conn.Attach(by.record(observer{l.rec, s, l}), s.hold)
}

// opened stores the server's end of l.
func (s *Session) opened(l *live, server endpoint.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.server = server
	if s.ctx.Err() != nil { // the session has begun to end
		s.goAway(server)
	}
}

// who returns the kind of the client called client, and the round in which it connects. p
// is its run, or nil. The caller holds s.mu.
func (s *Session) who(client string, p *Play, r *http.Request) (recording.As, int) {
	raw, ours := s.raws[client]
	switch {
	case p != nil && p.page != nil && client == p.Token:
		return recording.AsTab, p.Round
	case p != nil:
		return recording.AsScenario, p.Round
	case ours:
		return recording.AsRaw, raw.round
	case client != "" && !s.Outside && r.Header.Get("Origin") != "": // the guard has refused pages of other sites
		round, _ := strconv.Atoi(r.URL.Query().Get("round"))
		return recording.AsTab, round
	}
	return recording.AsOutside, 0
}

// maxBuried limits the sockets that stay open on a silent line.
const maxBuried = 16

// bury keeps conn if its line is silent. The endpoint has then closed conn, but the socket
// is still open. s must close the socket at the end.
func (s *Session) bury(conn *tap.Conn) {
	if !conn.Status().Silent {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buried = append(s.buried, conn)
	if len(s.buried) > maxBuried {
		s.buried[0].Conn.Close()
		s.buried = s.buried[1:]
	}
}

// goAway sends a Close frame with 1001 in the background.
func (s *Session) goAway(server endpoint.Server) {
	s.work.Go(func() { server.Close(wire.GoingAway, s.why) })
}
