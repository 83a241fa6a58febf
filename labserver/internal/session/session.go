// Package session keeps what one learner is at: a recording, the connections
// in it, their valves, and the raw clients that act for the learner. A
// connection that comes from outside the page gets a session of its own.
//
//	session.go  Session: its life, its watchers, reports of the page
//	live.go     connections whose socket is open
//	valve.go    frames that are held, and when they are let go
//	order.go    commands to servers
//	raw.go      raw clients
//	sending.go  bytes for one endpoint, server or client
//	play.go     scenarios that are played, by a raw client or by the page
//	control.go  when a play goes on
//	manager.go  all sessions of the program, bounded
package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
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
	raws     map[string]rawClient // that the session opens, maxRawClients at most; nil when it has ended
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
		raws: map[string]rawClient{}, used: time.Now(), alone: time.Now(),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.over, s.finish = context.WithCancel(context.Background())
	return s
}

// A CommandError says why a command can't be done and what would help. It is
// meant for the learner.
type CommandError struct{ What, Fix string }

func (e *CommandError) Error() string { return e.What }

var errEnded = &CommandError{"This session has ended.", "Reload the page to begin a new one."}

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
		if c.Raw != nil {
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
