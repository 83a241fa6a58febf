// Package session keeps what one learner is at: a recording, the connections
// in it, their valves, and the raw clients that act for the learner. A
// connection that comes from outside the page gets a session of its own.
//
//	session.go  Session: connections, valves, commands to servers
//	raw.go      raw clients and scenarios
//	manager.go  all sessions of the program, bounded
package session

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
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
	maxScripts     = 100 // script events of one report
	maxScriptText  = 4096
)

// Session is one learner's recording and what is connected to it. Its methods
// may be called concurrently.
type Session struct {
	ID      string
	Outside bool // opened by a connection from outside the page
	Rec     *recording.Recording

	mu       sync.Mutex
	hold     bool // the valve of connections to come
	live     []*live
	raws     map[string]*scenario.Client
	watchers int
	used     time.Time
	ctx      context.Context // ends with the session
	cancel   context.CancelFunc
	work     sync.WaitGroup // goroutines of the session
}

// live is a connection whose Serve runs.
type live struct {
	conn   *tap.Conn
	rec    *recording.Connection
	server endpoint.Server // nil until the handshake is done
}

// A CommandError says why a command can't be done and what would help. It is
// meant for the learner.
type CommandError struct{ What, Fix string }

func (e *CommandError) Error() string { return e.What }

// Serve lets e answer the request in r, whose connection is conn, and records
// it in s under the name client. It returns when the connection has ended.
func (s *Session) Serve(w http.ResponseWriter, r *http.Request, e endpoint.Endpoint, conn *tap.Conn, client string) error {
	l := &live{conn: conn}
	s.mu.Lock()
	if len(s.live) >= maxConnections {
		s.mu.Unlock()
		return &CommandError{fmt.Sprintf("This session has %d connections open, which is the most it may have.", maxConnections), "Close some of them, or start afresh."}
	}
	if s.ctx.Err() != nil {
		s.mu.Unlock()
		return &CommandError{"This session has ended.", "Reload the page to begin a new one."}
	}
	l.rec = s.Rec.Connect(recording.Info{
		Endpoint: e.Name, Client: client, Path: r.URL.Path,
		Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String(),
	}, wire.Server)
	s.live = append(s.live, l)
	hold := s.hold
	s.work.Add(1)
	s.mu.Unlock()

	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := range s.live {
			if s.live[i] == l {
				s.live = append(s.live[:i], s.live[i+1:]...)
				break
			}
		}
		s.used = time.Now()
		s.work.Done()
	}()
	conn.Attach(l.rec, hold)
	e.Serve(w, r, l.rec, func(server endpoint.Server) {
		s.mu.Lock()
		defer s.mu.Unlock()
		l.server = server
	})
	return nil
}

// Valve does what says, "hold", "run", "step" or "drop", to the connections of
// the clients named, or to all when none is. It returns the seqs of the units
// that it released or dropped. Step and drop take the oldest unit that waits
// on each connection. Hold and run without names hold for connections to come
// as well.
func (s *Session) Valve(do string, clients []string) ([]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	var conns []*tap.Conn
	for _, l := range s.live {
		if len(clients) == 0 || slices.Contains(clients, l.rec.Info.Client) {
			conns = append(conns, l.conn)
		}
	}
	var ids []uint64
	switch do {
	case "hold":
		for _, c := range conns {
			c.Hold()
		}
	case "run":
		for _, c := range conns {
			ids = append(ids, c.Run()...)
		}
	case "step", "drop":
		for _, c := range conns {
			if id, ok := oldest(c, do == "drop"); ok {
				ids = append(ids, id)
			}
		}
	default:
		return nil, &CommandError{fmt.Sprintf("The valve does not know %q.", do), `It knows "hold", "run", "step" and "drop".`}
	}
	if len(clients) == 0 && (do == "hold" || do == "run") {
		s.hold = do == "hold"
	}
	return ids, nil
}

// oldest releases or drops the unit that has waited longest on c. Units are
// numbered in the order in which they came.
func oldest(c *tap.Conn, drop bool) (uint64, bool) {
	waiting := c.Waiting()
	if len(waiting) == 0 {
		return 0, false
	}
	first := waiting[0]
	for _, h := range waiting {
		if h.ID < first.ID {
			first = h
		}
	}
	if drop {
		return c.Drop(first.Direction)
	}
	return c.Release(first.Direction)
}

// Command is what a server is told to send.
type Command struct {
	Client string   `json:"client"`
	Do     string   `json:"do"` // text, binary, fragments, ping, pong, close
	Text   string   `json:"text"`
	Hex    string   `json:"hex"`
	Parts  []string `json:"parts"`
	Code   uint16   `json:"code"`
	Reason string   `json:"reason"`
}

// Order has the server at the other end of c.Client's connection do c. It
// returns once that has begun; the outcome is in the recording.
func (s *Session) Order(c Command) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	var server endpoint.Server
	for _, l := range s.live {
		if l.rec.Info.Client == c.Client && l.server != nil {
			server = l.server
		}
	}
	if server == nil {
		return &CommandError{fmt.Sprintf("There is no open connection called %q.", c.Client), "Connect first."}
	}
	do, err := c.action(server)
	if err != nil {
		return err
	}
	// In the background: at a shut valve a send waits until it is released.
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		do() // the outcome is recorded as the call's return
	}()
	return nil
}

// action checks c and returns what does it.
func (c Command) action(server endpoint.Server) (func() error, error) {
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
		return func() error { return server.Send(wire.Text, payload) }, nil
	case "binary":
		return func() error { return server.Send(wire.Binary, payload) }, nil
	case "fragments":
		if len(c.Parts) == 0 || len(c.Parts) > 64 {
			return nil, &CommandError{fmt.Sprintf("A message cannot be sent in %d parts here.", len(c.Parts)), "Give 1 to 64 parts."}
		}
		var parts [][]byte
		for _, p := range c.Parts {
			parts = append(parts, []byte(p))
		}
		return func() error { return server.Send(wire.Text, parts...) }, nil
	case "ping":
		return func() error { return server.Control(wire.Ping, payload) }, nil
	case "pong":
		return func() error { return server.Control(wire.Pong, payload) }, nil
	case "close":
		return func() error { return server.Close(wire.CloseCode(c.Code), c.Reason) }, nil
	}
	return nil, &CommandError{fmt.Sprintf("A server cannot be told to %q.", c.Do), `It can send "text", "binary", "fragments", "ping", "pong" and "close".`}
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
	now := s.Rec.Now()
	for _, rep := range reports {
		at := time.Duration(rep.At) * time.Microsecond
		at = max(0, min(at, now)) // a page cannot know the future
		script := rep.Script
		script.Text = cut(script.Text, maxScriptText)
		script.Reason = cut(script.Reason, maxScriptText)
		script.Client = cut(script.Client, 100)
		script.What = cut(script.What, 100)
		s.Rec.AppendAt(at, s.Rec.ConnOf(script.Client), wire.Client.String(), &script)
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
	})
}

// Context ends when s does.
func (s *Session) Context() context.Context { return s.ctx }

func (s *Session) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
}

// idle reports whether nothing has happened in s since t and nobody watches.
func (s *Session) idle(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watchers == 0 && len(s.live) == 0 && len(s.raws) == 0 && s.used.Before(since)
}

// close ends s: every WebSocket is closed with 1001, at once by force when ctx
// ends, and all goroutines of s have ended when it returns.
func (s *Session) close(ctx context.Context) {
	s.cancel()
	s.mu.Lock()
	lives := append([]*live(nil), s.live...)
	raws := s.raws
	s.raws = nil
	for _, l := range lives {
		l.conn.Run() // what is held could keep the Close frame waiting
		if l.server == nil {
			continue
		}
		s.work.Add(1)
		go func() {
			defer s.work.Done()
			l.server.Close(wire.GoingAway, "the lab server is shutting down")
		}()
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
			l.conn.Close()
		}
	}
	for _, c := range raws {
		c.Close()
	}
	<-done
}

// cut shortens s to at most n octets, at a character.
func cut(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// dialer returns how a raw client reaches the lab server itself.
func dialer(addr string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		d := net.Dialer{Timeout: 5 * time.Second}
		return d.DialContext(ctx, "tcp", addr)
	}
}
