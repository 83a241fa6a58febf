// Package session keeps what one learner is at: a recording, the connections
// in it, their valves, and the raw clients that act for the learner. A
// connection that comes from outside the page gets a session of its own.
//
//	session.go  Session: connections, valves, commands to servers
//	raw.go      raw clients
//	sending.go  bytes for one endpoint, server or client
//	play.go     scenarios that are played, by a raw client or by the page
//	control.go  when a play goes on
//	manager.go  all sessions of the program, bounded
package session

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// Limits of one session.
const (
	maxConnections = 64 // open at once
	maxRawClients  = 16
	maxTasks       = 64   // orders and scenarios that have not come to their end
	maxScripts     = 1000 // script events of one report
	maxScriptText  = 4096
	maxAt          = int64(1000 * 24 * time.Hour / time.Microsecond) // what a page says of its clock

	// MaxClient is the most bytes of the name that who opens a connection gives it.
	MaxClient = 64
)

// Session is one learner's recording and what is connected to it. Its methods
// may be called concurrently.
type Session struct {
	ID      string
	Outside bool // opened by a connection from outside the page
	Rec     *recording.Recording

	clock tap.Clock // stands still while the learner holds any wire
	dial  dial

	mu       sync.Mutex
	hold     bool // the valve of connections to come
	live     []*live
	raws     map[string]*scenario.Raw // nil while one is being opened
	rounds   map[string]int           // of the raw clients that the session opens
	tasks    int
	buried   []*tap.Conn // whose sockets are open on a silent line
	plays    []*Play     // under way, oldest first
	played   int         // plays so far
	servers  int         // of plays, in processes of their own
	watchers int
	coming   bool        // the connection from outside that the session is for has not been served
	alone    time.Time   // since when there are no watchers
	timer    *time.Timer // calls letGo; nil while nobody has watched
	used     time.Time
	why      string          // the session ends, as its Close frames say
	ctx      context.Context // ends when the session begins to end
	cancel   context.CancelFunc
	over     context.Context // ends when it has
	finish   context.CancelFunc
	work     sync.WaitGroup // goroutines of the session
}

// newSession returns a session that begins now, whose raw clients reach the lab
// server by d, and whose recording is one of pool.
func newSession(id string, outside bool, d dial, pool *recording.Pool) *Session {
	s := &Session{
		ID: id, Outside: outside, coming: outside, dial: d, Rec: recording.New(nil, recording.Limits{Pool: pool}),
		raws: map[string]*scenario.Raw{}, rounds: map[string]int{}, used: time.Now(), alone: time.Now(),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.over, s.finish = context.WithCancel(context.Background())
	return s
}

// live is a connection whose socket is open. That can be longer than its Serve
// runs: net/http sends a refusal after it, and what the endpoint wrote before it
// closed may still be held.
type live struct {
	conn   *tap.Conn
	rec    *recording.Connection
	server endpoint.Server // nil until the handshake is done
	opened chan struct{}   // closed when server is set, or never will be
	gone   chan struct{}   // closed when the socket is
	held   bool            // by the learner
	left   bool            // the client has closed TCP, or its own direction
	timer  *time.Timer     // releases it; nil before releaseLater
}

// observer is the recorder of a connection. It tells the session as well when
// the client leaves and when the socket is closed, before anybody can read so in
// the recording.
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

// Closed takes the connection from the list unless its FIN will wait: then Gone
// does. The endpoint is done with it all the same.
func (o observer) Closed() uint64 {
	if !o.l.conn.Status().Lingers {
		o.s.leave(o.l)
	}
	return o.Connection.Closed()
}

func (o observer) Gone() {
	o.s.leave(o.l)
	close(o.l.gone)
}

// leave takes l from the list of connections.
func (s *Session) leave(l *live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = slices.DeleteFunc(s.live, func(k *live) bool { return k == l })
	if l.timer != nil {
		l.timer.Stop() // it would keep the session in memory
	}
	s.used = time.Now()
	s.setClock()
}

// left notes that the client of l has closed TCP. Where it has reset it, or has
// done so before it could read the answer to its handshake, nobody will read what
// is held for it any more, and it is released at once. A FIN alone may come from a
// client that still reads: such a connection is released after letGoAfter.
func (s *Session) left(l *live, reset bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.left = true
	switch {
	case !l.conn.Holding():
	case reset, l.conn.Status().Out == 0:
		s.release(l)
	default:
		s.releaseLater(l)
	}
}

// releaseLater releases l in letGoAfter. s.mu is held.
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

// release opens the valve of l for good. s.mu is held.
func (s *Session) release(l *live) {
	l.conn.Run()
	l.held = false
	s.setClock()
}

// letGoAfter is how long frames stay held that nobody is there to release. A
// page that is reloaded, or out of sight for a while, comes back to them. It is
// longer than any browser waits after it has sent FIN.
const letGoAfter = 2 * time.Minute

// letGo opens the valve where it would keep a client waiting for nobody: when
// the page is gone, on connections that the client has left, and in a session of
// connections from outside on all.
func (s *Session) letGo() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers > 0 || s.ctx.Err() != nil {
		return
	}
	s.hold = s.hold && !s.Outside
	for _, l := range s.live {
		if l.left || s.Outside {
			s.release(l)
		}
	}
	s.setClock()
}

// setClock has the session's clock stand still while the learner holds a wire.
// s.mu is held.
func (s *Session) setClock() {
	if s.hold || slices.ContainsFunc(s.live, func(l *live) bool { return l.held }) {
		s.clock.Stop()
	} else {
		s.clock.Start()
	}
}

// A CommandError says why a command can't be done and what would help. It is
// meant for the learner.
type CommandError struct{ What, Fix string }

func (e *CommandError) Error() string { return e.What }

var errEnded = &CommandError{"This session has ended.", "Reload the page to begin a new one."}

// Serve lets e answer the request in r, whose connection is conn, and records
// it in s under the name client. Where that is the client of a play, the server's
// code does what the play says. Serve returns when the connection has ended.
func (s *Session) Serve(w http.ResponseWriter, r *http.Request, e endpoint.Endpoint, conn *tap.Conn, client string) error {
	l := &live{conn: conn, opened: make(chan struct{}), gone: make(chan struct{})}
	s.mu.Lock()
	s.coming = false
	if len(s.live) >= maxConnections {
		s.mu.Unlock()
		return &CommandError{fmt.Sprintf("This session has %d connections open, which is the most it may have.", maxConnections), "Close some of them, or start afresh."}
	}
	if s.ctx.Err() != nil {
		s.mu.Unlock()
		return errEnded
	}
	p, err := s.admit(client, e.Name)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	as, round := s.who(client, p, r)
	l.rec = s.Rec.Connect(recording.Info{
		Endpoint: e.Name, Client: client, As: as, Round: round, Path: r.URL.Path,
		Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String(),
	}, wire.Server)
	l.held = s.hold
	s.live = append(s.live, l)
	s.setClock()
	conn.Attach(observer{l.rec, s, l}, s.hold) // under mu, or Valve could miss it
	s.work.Add(1)
	s.mu.Unlock()

	done := sync.OnceFunc(func() { close(l.opened) })
	defer s.work.Done()
	defer done()
	opened := func(server endpoint.Server) {
		s.mu.Lock()
		defer s.mu.Unlock()
		l.server = server
		done()
		if s.ctx.Err() != nil { // it opened while the session was ending
			s.goAway(server)
		}
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

// who says who the client of the handshake in r is, which calls itself client and
// belongs to p where p is not nil, and in which round it connects. s.mu is held.
func (s *Session) who(client string, p *Play, r *http.Request) (recording.As, int) {
	round, raw := s.rounds[client]
	switch {
	case p != nil && p.page != nil && client == p.Token:
		return recording.AsTab, p.Round
	case p != nil:
		return recording.AsScenario, p.Round
	case raw:
		return recording.AsRaw, round
	case client != "" && !s.Outside && r.Header.Get("Origin") != "": // the guard lets no other page's pass
		round, _ := strconv.Atoi(r.URL.Query().Get("round"))
		return recording.AsTab, round
	}
	return recording.AsOutside, 0
}

// maxBuried bounds the sockets that lie behind a silent line.
const maxBuried = 16

// bury remembers conn if its line is silent: then its socket is open although
// its endpoint has closed it, and must not outlive s.
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

// goAway closes server with 1001 in the background.
func (s *Session) goAway(server endpoint.Server) {
	s.work.Go(func() { server.Close(wire.GoingAway, s.why) })
}

// Valve does what says, "hold", "run", "step" or "drop", to the connections of
// the clients named, or to all when none is. It returns the seqs of the units
// that it released or dropped. Step and drop take the oldest unit that waits
// on each connection. Hold and run without names hold for connections to come
// as well.
func (s *Session) Valve(do string, clients []string) ([]uint64, error) {
	if len(clients) > maxConnections {
		return nil, &CommandError{fmt.Sprintf("A session cannot have %d clients.", len(clients)), "Leave the clients out to name all of them."}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	var lives []*live
	for _, l := range s.live {
		if len(clients) == 0 || slices.Contains(clients, l.rec.Info.Client) {
			lives = append(lives, l)
		}
	}
	var ids []uint64
	one := func(id uint64, ok bool) {
		if ok {
			ids = append(ids, id)
		}
	}
	for _, l := range lives {
		switch do {
		case "hold":
			l.conn.Hold()
			l.held = true
			if l.left {
				s.releaseLater(l)
			}
		case "run":
			ids = append(ids, l.conn.Run()...)
			l.held = false
		case "step":
			one(l.conn.ReleaseOldest())
		case "drop":
			one(l.conn.DropOldest())
		}
	}
	switch {
	case !slices.Contains([]string{"hold", "run", "step", "drop"}, do):
		return nil, &CommandError{fmt.Sprintf("The valve does not know %.40q.", do), `It knows "hold", "run", "step" and "drop".`}
	case len(clients) == 0 && (do == "hold" || do == "run"):
		s.hold = do == "hold"
	}
	s.setClock()
	return ids, nil
}

// Command is what a server is told to send.
type Command struct {
	Client string   `json:"client"`
	Do     string   `json:"do"` // text, binary, fragments, ping, pong, close
	Text   string   `json:"text"`
	Hex    string   `json:"hex"`
	Parts  []string `json:"parts"`
	Code   *int     `json:"code"` // nil: a Close frame without a body
	Reason string   `json:"reason"`
}

// Order has the server at the other end of c.Client's connection do c. It
// returns once that has begun; the outcome is in the recording.
func (s *Session) Order(c Command) error {
	do, err := c.action()
	if err != nil {
		return err
	}
	server, err := s.server(c.Client)
	if err != nil {
		return err
	}
	// In the background: at a shut valve a send waits until it is released.
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start(func() { do(server) }) // the outcome is recorded as the call's return
}

// openGrace is how long an order waits for a handshake that is under way. A
// client has read the 101 a little before the server's code gets back the
// connection that it opened.
const openGrace = time.Second

// server returns the server's end of the newest connection of client.
func (s *Session) server(client string) (endpoint.Server, error) {
	s.mu.Lock()
	s.used = time.Now()
	var newest *live
	for _, l := range s.live {
		if l.rec.Info.Client == client && !l.conn.Status().Closed {
			newest = l
		}
	}
	s.mu.Unlock()
	if newest == nil {
		return nil, &CommandError{fmt.Sprintf("There is no open connection called %.40q.", client), "Connect first."}
	}
	select {
	case <-newest.opened:
	case <-time.After(openGrace):
	case <-s.ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if newest.server == nil {
		return nil, &CommandError{fmt.Sprintf("The handshake of %.40q is not done.", client), "If it is held, let it go; if it was refused, connect anew."}
	}
	return newest.server, nil
}

// start runs task in the background. s.mu is held.
func (s *Session) start(task func()) error {
	if s.ctx.Err() != nil {
		return errEnded
	}
	if s.tasks >= maxTasks {
		return &CommandError{fmt.Sprintf("%d orders and scenarios of this session wait for their turn already.", maxTasks), "Release what is held at the valve."}
	}
	s.tasks++
	s.work.Go(func() {
		task()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tasks--
	})
	return nil
}

// action checks c and returns what does it.
func (c Command) action() (func(endpoint.Server) error, error) {
	payload := []byte(c.Text)
	if c.Hex != "" {
		b, err := scenario.ParseHex(c.Hex)
		if err != nil {
			return nil, err
		}
		payload = b
	}
	switch c.Do {
	case "text":
		return func(server endpoint.Server) error { return server.Send(wire.Text, payload) }, nil
	case "binary":
		return func(server endpoint.Server) error { return server.Send(wire.Binary, payload) }, nil
	case "fragments":
		if len(c.Parts) == 0 || len(c.Parts) > 64 {
			return nil, &CommandError{fmt.Sprintf("A message cannot be sent in %d parts here.", len(c.Parts)), "Give 1 to 64 parts."}
		}
		var parts [][]byte
		for _, p := range c.Parts {
			parts = append(parts, []byte(p))
		}
		return func(server endpoint.Server) error { return server.Send(wire.Text, parts...) }, nil
	case "ping":
		return func(server endpoint.Server) error { return server.Control(wire.Ping, payload) }, nil
	case "pong":
		return func(server endpoint.Server) error { return server.Control(wire.Pong, payload) }, nil
	case "close":
		code := wire.NoStatusReceived
		if c.Code != nil {
			if *c.Code < 0 || *c.Code > 0xFFFF {
				return nil, &CommandError{fmt.Sprintf("%d is no close code: it has 16 bits.", *c.Code), "Give a number from 0 to 65535."}
			}
			code = wire.CloseCode(*c.Code)
		} else if c.Reason != "" {
			return nil, &CommandError{"A reason needs a code: it stands behind it in the Close frame.", "Give a code, or leave the reason out."}
		}
		return func(server endpoint.Server) error { return server.Close(code, c.Reason) }, nil
	}
	return nil, &CommandError{fmt.Sprintf("A server cannot be told to %.40q.", c.Do), `It can send "text", "binary", "fragments", "ping", "pong" and "close".`}
}

// Report is what the page's JavaScript did or was told.
type Report struct {
	recording.Script
	At int64 `json:"at"` // µs of the session's clock
}

// Report records what the page tells of itself.
func (s *Session) Report(reports []Report) error {
	if len(reports) > maxScripts {
		return &CommandError{fmt.Sprintf("%d events in one report are too many.", len(reports)), fmt.Sprintf("Send at most %d at once.", maxScripts)}
	}
	s.touch()
	for _, rep := range reports {
		script := rep.Script
		script.Text = cut(script.Text, maxScriptText)
		script.Reason = cut(script.Reason, maxScriptText)
		script.Client = cut(script.Client, 100)
		script.What = cut(script.What, 100)
		script.Endpoint = cut(script.Endpoint, 100)
		script.Of = 0 // the recording knows
		s.Rec.Report(time.Duration(min(max(rep.At, 0), maxAt))*time.Microsecond, &script)
		s.tell(script)
	}
	return nil
}

// Watch notes that somebody follows the recording, until the returned function
// is called. A session that is watched is not idle.
func (s *Session) Watch() (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watchers--
		s.used = time.Now()
		switch {
		case s.watchers > 0:
			return
		case s.timer == nil:
			s.timer = time.AfterFunc(letGoAfter, s.letGo)
		default:
			s.timer.Reset(letGoAfter)
		}
		s.alone = s.used
		if s.ctx.Err() != nil {
			s.timer.Stop() // it would keep the session in memory
		}
	})
}

// Holding reports whether the valve is shut for connections to come, or for one
// that is there.
func (s *Session) Holding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hold || slices.ContainsFunc(s.live, func(l *live) bool { return l.conn.Holding() })
}

// Over ends when s has ended and everything in it is recorded.
func (s *Session) Over() context.Context { return s.over }

func (s *Session) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
}

// idle returns since when nothing has happened in s, or false when somebody is
// there: a watcher, the connection from outside that s is for, or a client that has not left and is not a raw one of s.
// A frame that is held for a client that has left keeps nobody.
func (s *Session) idle() (since time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers > 0 || s.coming {
		return time.Time{}, false
	}
	for _, l := range s.live {
		_, ours := s.raws[l.rec.Info.Client]
		if p := s.playOf(l.rec.Info.Client); p != nil && p.page == nil {
			ours = true
		}
		if !l.left && !ours {
			return time.Time{}, false
		}
	}
	return s.used, true
}

// close ends s: every WebSocket is closed with 1001 and the reason why, by force
// when ctx ends, and all goroutines of s have ended when it returns.
func (s *Session) close(ctx context.Context, why string) {
	s.mu.Lock()
	s.why = why
	s.cancel() // under mu: from here on, nothing begins that is not seen below
	if s.timer != nil {
		s.timer.Stop()
	}
	lives, raws := slices.Clone(s.live), s.raws
	s.raws = nil
	for _, l := range lives {
		l.conn.Run() // what is held could keep the Close frame waiting
		if l.server != nil {
			s.goAway(l.server)
		}
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		for _, l := range lives {
			l.conn.Abort()
		}
	}
	for _, c := range raws {
		if c != nil {
			c.Close()
		}
	}
	<-done
	for _, l := range lives { // an endpoint that has ended may have left bytes to be delivered
		select {
		case <-l.gone:
		case <-ctx.Done():
			l.conn.Abort()
		}
	}
	for _, c := range s.buried { // nobody adds to them any more
		c.Conn.Close()
	}
	s.finish()
}

// cut shortens s to at most n bytes, at a character.
func cut(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// dial connects to the lab server, which listens at addr.
type dial func(ctx context.Context, addr string) (net.Conn, error)

func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	return d.DialContext(ctx, "tcp", addr)
}

// dialer returns how a raw client reaches the lab server itself.
func (s *Session) dialer(addr string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return s.dial(ctx, addr) }
}
