package scenario

import (
	"context"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
)

// Client is who opens the connection of a play and acts at its end: Scripted,
// or a browser. Its methods may be called concurrently.
type Client interface {
	// Do carries out one of the client's commands and returns when that is done:
	// for open when the handshake has been answered, for read, expect and patience
	// when what they wait for has come, for all else when it has left the client's
	// hands. A browser's is done when its page says so.
	//
	// What the server makes of it is an outcome, and no error: an error ends the
	// play at this command. It is ErrNothing where ctx ended with that cause.
	Do(ctx context.Context, c *Command) error

	// Progress says how far the client is.
	Progress() Progress

	// Watch has changed called whenever Progress may have changed. It must be
	// called before Do.
	Watch(changed func())

	// Close ends the client and its connection, if they have not ended.
	Close() error
}

// Progress says how far a client is.
type Progress struct {
	// Known is set where the bytes below are known: for a raw client. Of a
	// browser nobody knows what it has in hand; the play then waits until nothing
	// has been recorded for a moment.
	Known         bool
	Written, Read int64 // bytes that have left it, and that it has dealt with

	Refused bool // the handshake was not answered with 101
	Fin     bool // it has closed TCP, or its own direction
	Ended   bool // it reads no more: the server's FIN or RST has come, or it has closed TCP
	Deaf    bool // it has stopped reading for the time being
}

// restless is an Actor whose code does more than the line shows: it runs
// elsewhere, or sends Pings by itself. It tells when that is at rest.
type restless interface {
	Rests(tap.Status) bool
	Watch(changed func())
}

// Stage is what a play acts on: its clients, their connections, and the
// server's code at the other end. Who serves the handshakes tells it of each by
// Arrive. Its exported fields must not be changed once the play has begun.
type Stage struct {
	Rec    *recording.Recording
	Step   recording.Step // what all steps of the play tell alike: Play, BranchOf, Endpoint, Client, As
	Client Client         // its connection arrives under the token Step.Client

	// More returns one more raw client, for a crowd; its connection arrives under
	// token. Nil where there is no room for a crowd.
	More func(token string) Client

	// Patience bounds each wait for what need never come. Default: 2 minutes.
	Patience time.Duration

	// Clock measures that, and the waits that the scenario itself orders. It stands
	// still while a learner holds the wire. Nil: always the real time.
	Clock *tap.Clock

	// Settled, when not nil, is called when the effect of a step is over, before
	// the end of the step is recorded.
	Settled func()

	mu      Changes
	setup   Setup
	parties []*party // the play's own first
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
	calls   int   // of actor that have not come back
	waits   bool  // the call may wait for what the client does
	before  int64 // bytes that had left when it began
	served  bool  // the server's code has ended
	arrived bool
}

// Arrive tells that the connection of the client called token has reached the
// server, recorded by rec, and how the server's code shall behave. The code then
// calls opened when the handshake is done, and served when it has ended.
func (st *Stage) Arrive(token string, wire *tap.Conn, rec *recording.Connection) (setup Setup, opened func(Actor), served func()) {
	st.mu.Lock()
	var p *party
	for _, q := range st.parties {
		if q.token == token && !q.arrived {
			p = q
		}
	}
	if p == nil { // nobody waits for it: it is echoed, and the play takes no notice
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

// notify wakes who waits for something to change.
func (st *Stage) notify() {
	st.mu.Lock()
	st.count++
	st.mu.Unlock()
	st.mu.Tell()
}

// changes returns how many times something has changed. The recording does not
// tell: it may be that of other connections as well.
func (st *Stage) changes() uint64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.count
}

// until waits until the function there reports true; it is called with st.mu not
// held. until reports false when bound is over on clock, and ctx's cause when that
// ends.
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

// view is a party as it is at one moment.
type view struct {
	party
	Progress
	line tap.Status
}

// look returns p as it is.
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
