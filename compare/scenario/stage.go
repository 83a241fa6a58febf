package scenario

import (
	"context"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
)

// Client opens the connection of a play and acts as its client end. It is Scripted, or a
// browser. Its methods may be called concurrently.
type Client interface {
	// Do carries out one of the client's commands. It returns when the command's wait is
	// over, or when its bytes are written. A browser's command ends when the page reports
	// that.
	//
	// An error ends the play at this command; the server's reaction is not an error. The
	// error is ErrNothing if ctx ended with that cause.
	Do(ctx context.Context, c *Command) error

	// Progress returns how far the client is.
	Progress() Progress

	// Watch sets the function that is called whenever Progress may have changed. Watch
	// must be called before Do.
	Watch(changed func())

	// Close ends the client and its connection, if they have not ended.
	Close() error
}

// Progress says how far a client is.
type Progress struct {
	// The byte counts below are known for a raw client. They are unknown for a browser,
	// so the play waits until no event has been recorded for a moment.
	Known         bool
	Written, Read int64 // bytes that it has sent, and that it has processed

	Refused bool // the server did not respond with 101
	Fin     bool // it has closed TCP, or its own direction
	Ended   bool // it reads no more: the server's FIN or RST has arrived, or the client has closed TCP
	Deaf    bool // it has paused reading
}

// restless is an Actor whose code does more than the connection shows: it runs in
// another process, or sends Pings by itself. Rests reports whether that code is idle.
type restless interface {
	Rests(tap.Status) bool
	Watch(changed func())
}

// Stage holds everything that a play acts on: its clients, their connections, and
// the server's code at the other end. The HTTP handler calls Arrive for each
// handshake. Its exported fields must not be changed once the play has begun.
type Stage struct {
	Rec    *recording.Recording
	Step   recording.Step // the fields that all steps share: Play, BranchOf, Endpoint, Client, As
	Client Client         // its connection arrives under the token Step.Client

	// More returns one more raw client, for a crowd; its connection arrives under
	// token. Nil if the play cannot have a crowd.
	More func(token string) Client

	// Patience bounds each wait. Default: 2 minutes.
	Patience time.Duration

	// Clock measures Patience, and the waits in the scenario. It stops while a
	// learner holds the wire. Nil: the real time.
	Clock *tap.Clock

	// Settled, when not nil, is called when the effect of a step is over, before the end
	// of the step is recorded.
	Settled func()

	mu      Changes
	setup   Setup
	parties []*party // the play's own party first
	count   uint64   // changes so far
}

// party is one client with its connection, and the server's code at its end.
type party struct {
	token  string
	client Client

	// Under the Stage's mu:
	wire    *tap.Conn // nil until it has arrived
	rec     *recording.Connection
	actor   Actor // nil until it is open
	calls   int   // number of actor's calls that have not returned
	waits   bool  // the call may wait for the client
	before  int64 // bytes sent when the call began
	served  bool  // the server's code has ended
	arrived bool
}

// Arrive reports that the connection of the client called token has reached the server,
// and that rec records it. Arrive returns how the server's code must behave. The code
// calls opened when the handshake is done, and served when the code has ended.
func (st *Stage) Arrive(token string, wire *tap.Conn, rec *recording.Connection) (setup Setup, opened func(Actor), served func()) {
	st.mu.Lock()
	var p *party
	for _, q := range st.parties {
		if q.token == token && !q.arrived {
			p = q
		}
	}
	if p == nil { // the connection belongs to no client of the play, so the server only echoes
		p = &party{token: token}
	}
	p.wire, p.rec, p.arrived = wire, rec, true
	if p.client != nil {
		setup = st.setup
	}
	st.mu.Unlock()
	wire.Watch(st.notify)
	st.notify()
	opened = func(a Actor) {
		st.mu.Lock()
		p.actor = a
		st.mu.Unlock()
		if r, ok := a.(restless); ok {
			r.Watch(st.notify)
		}
		st.notify()
	}
	served = func() {
		st.mu.Lock()
		p.served = true
		st.mu.Unlock()
		st.notify()
	}
	return setup, opened, served
}

// notify wakes all waiters.
func (st *Stage) notify() {
	st.mu.Lock()
	st.count++
	st.mu.Unlock()
	st.mu.Tell()
}

// changes returns the number of changes. The recording cannot give it, because the
// recording may also have other connections.
func (st *Stage) changes() uint64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.count
}

// until waits until the function there returns true. It calls there without st.mu. If
// bound has passed on clock, until returns false. If ctx ends, it returns the cause.
func (st *Stage) until(ctx context.Context, clock *tap.Clock, bound time.Duration, there func() bool) (bool, error) {
	over, timer := clock.After(bound)
	defer timer.Stop()
	for {
		changed := st.mu.Next()
		if there() {
			return true, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-over:
			return there(), nil
		}
	}
}

// all returns the parties.
func (st *Stage) all() []*party {
	st.mu.Lock()
	defer st.mu.Unlock()
	return append([]*party(nil), st.parties...)
}

// main returns the play's own client with its connection.
func (st *Stage) main() *party { return st.all()[0] }

// join adds a client to the play.
func (st *Stage) join(token string, c Client) *party {
	p := &party{token: token, client: c}
	c.Watch(st.notify)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.parties = append(st.parties, p)
	return p
}

// view is the state of a party at one moment.
type view struct {
	party
	Progress
	line tap.Status
}

// look returns the state of p.
func (st *Stage) look(p *party) view {
	st.mu.Lock()
	v := view{party: *p}
	st.mu.Unlock()
	v.Progress = p.client.Progress()
	if v.wire != nil {
		v.line = v.wire.Status()
	}
	return v
}
