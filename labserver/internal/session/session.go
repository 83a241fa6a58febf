// Package session has the sessions of learners. A session is a recording with its
// connections, their valves, and the raw clients that act for the learner. A connection
// from outside the page gets its own session, unless it names one.
//
//	session.go  Session: its begin and end, its watchers, reports of the page
//	live.go     connections whose socket is open
//	valve.go    held frames and their release
//	stack.go    call stacks at the wire, and small reads
//	order.go    commands to servers
//	raw.go      raw clients
//	sending.go  bytes for one endpoint, server or client
//	ways.go     four ways to deliver the events of a server
//	exchange.go exchanges of plain HTTP
//	chat.go     a chat over TCP and over WebSocket
//	hand.go     servers that do not echo
//	doors.go    the same bytes for a bare listener and for net/http
//	play.go     runs of scenarios, with a raw client or the page as client
//	control.go  when a run continues
//	manager.go  all sessions of the program, and their limits
package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
)

// Limits of one session.
const (
	maxConnections = 64 // open at once
	maxRawClients  = 16
	maxDialed      = 64
	maxTasks       = 64   // actions in progress
	maxScripts     = 1000 // script events in one report
	maxScriptText  = 4096
	maxAt          = int64(1000 * 24 * time.Hour / time.Microsecond) // maximum time on the page's clock, in µs

	// MaxClient limits the name of a client, in bytes.
	MaxClient = 64
)

// Session is one learner's recording with its connections. Its methods may be called
// concurrently.
type Session struct {
	ID      string
	Outside bool // opened by a connection from outside the page
	Rec     *recording.Recording

	clock  tap.Clock     // stopped while the learner holds any connection
	stacks *atomic.Int64 // number of sessions of the program that record stacks
	dial   dial

	mu       sync.Mutex
	hold     bool // whether new connections are held
	stack    bool // whether the stacks of new connections are recorded
	sip      int  // most bytes of a Read of new connections; 0: no bound
	live     []*live
	raws     map[string]rawClient // raw clients by their names, at most maxRawClients; nil when the session has ended
	dialed   map[string]bool      // local addresses of raw clients whose connection has not reached Serve
	tasks    int
	buried   []*tap.Conn          // connections that their endpoints have closed, but whose sockets stay open on a silent line
	plays    []*Play              // runs in progress, oldest first
	played   int                  // number of runs so far
	ways     []*Ways              // the newest runs of the four ways, at most maxWays
	waysRuns int                  // number of runs of the four ways so far
	chats    int                  // number of chats so far
	hands    map[string]*hand     // by the names of their clients
	guests   map[*tap.Conn]*guest // TCP connections with exchanges of HTTP
	asking   int                  // number of these exchanges in progress
	servers  int                  // number of runs with a server in its own process
	watchers int
	coming   bool        // this session is for an outside connection whose Serve has not begun
	alone    time.Time   // when the last watcher left
	timer    *time.Timer // calls letGo; nil until a watcher leaves
	used     time.Time
	why      string          // reason in the Close frames at the end
	ctx      context.Context // ends when the session begins to end
	cancel   context.CancelFunc
	over     context.Context // ends when the session has ended
	finish   context.CancelFunc
	work     sync.WaitGroup // goroutines of the session
}

// newSession returns a session that begins now. Its raw clients dial the lab server by d,
// and its recording belongs to pool.
func newSession(id string, outside bool, d dial, pool *recording.Pool, stacks *atomic.Int64) *Session {
	s := &Session{
		ID: id, Outside: outside, coming: outside, dial: d, stacks: stacks, Rec: recording.New(nil, recording.Limits{Pool: pool}),
		raws: map[string]rawClient{}, dialed: map[string]bool{}, hands: map[string]*hand{}, guests: map[*tap.Conn]*guest{}, used: time.Now(), alone: time.Now(),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.over, s.finish = context.WithCancel(context.Background())
	return s
}

// A CommandError says why a command failed, and what to do now. The learner reads it.
type CommandError struct{ What, Fix string }

func (e *CommandError) Error() string { return e.What }

var errEnded = &CommandError{"This session has ended.", "Reload the page to begin a new session."}

// Report is a call or an event of the page's JavaScript.
type Report struct {
	recording.Script
	At int64 `json:"at"` // µs of the session's clock
}

// Report records the calls and events of the page's JavaScript.
func (s *Session) Report(reports []Report) error {
	if len(reports) > maxScripts {
		return &CommandError{fmt.Sprintf("The request has %d events, which is too many.", len(reports)), fmt.Sprintf("Send at most %d events in one request.", maxScripts)}
	}
	s.touch()
	for _, rep := range reports {
		script := rep.Script
		script.Text = cut(script.Text, maxScriptText)
		script.Reason = cut(script.Reason, maxScriptText)
		script.Client = cut(script.Client, 100)
		script.What = cut(script.What, 100)
		script.Endpoint = cut(script.Endpoint, 100)
		script.Of = 0 // the recording sets it
		s.Rec.Report(time.Duration(min(max(rep.At, 0), maxAt))*time.Microsecond, &script)
		s.tell(script)
	}
	return nil
}

// Watch adds a watcher of the recording. The returned function removes it. A session with
// a watcher is not idle.
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
			s.timer.Stop() // because a running timer keeps the session in memory
		}
	})
}

// Over returns a context that ends when s has ended and its recording is complete.
func (s *Session) Over() context.Context { return s.over }

func (s *Session) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
}

// idle returns when s was last used. It returns false if s is in use: by a watcher, by its
// outside connection, or by a client that is connected and not a raw client of s. A client
// that has left does not count, even if a frame is still held for it.
func (s *Session) idle() (since time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers > 0 || s.coming || s.asking > 0 {
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

// close ends s. It closes every WebSocket with 1001 and the reason why, and aborts those
// that are open when ctx ends. It returns after all goroutines of s have ended.
func (s *Session) close(ctx context.Context, why string) {
	s.mu.Lock()
	s.why = why
	s.cancel() // under mu, so that no work can begin after this
	s.setStack(false)
	if s.timer != nil {
		s.timer.Stop()
	}
	lives, raws := slices.Clone(s.live), s.raws
	s.raws = nil
	for _, l := range lives {
		l.conn.Run() // held frames would delay the Close frame
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
		if c.Raw != nil {
			c.Close()
		}
	}
	<-done
	for _, l := range lives { // an endpoint that has ended may still have bytes in its socket
		select {
		case <-l.gone:
		case <-ctx.Done():
			l.conn.Abort()
		}
	}
	s.leaveGuests()
	for _, c := range s.buried { // every goroutine that could add one has ended
		c.Conn.Close()
	}
	s.finish()
}

// cut shortens s to at most n bytes, and keeps whole characters.
func cut(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
