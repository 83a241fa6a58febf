package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wslab/compare/browser"
	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
)

// Limits of the runs of one session.
const (
	maxPlays    = 16               // runs in progress at once
	maxServers  = 4                // runs with a server in its own process
	playTimeout = 30 * time.Minute // time of one run; it includes the learner's pauses, but not the time in which frames are held
	patience    = 10 * time.Minute // time of one wait of a client, counted in the same way
	awayAfter   = 5 * time.Second  // if the session has no watcher for this time, the page will not report its step
)

// The client of a run.
const (
	AsRaw     = "raw"     // a raw client of the lab server
	AsBrowser = "browser" // the page that started the run
)

// A PlayOrder says which scenario to run, and how.
type PlayOrder struct {
	Scenario *scenario.Scenario
	Endpoint string
	As       string
	Pause    int    // the step before which the run first waits for the learner; -1 for none
	BranchOf string // ID of the run that this one changes, or empty
	Client   string // name of the client; empty for a new one
	Round    int    // round, as in recording.Info
}

// Play is a run of a scenario.
type Play struct {
	ID    string
	Token string // name of its client
	PlayOrder

	control *control
	stage   *scenario.Stage
	page    *browser.Client // nil when the client is raw

	// Under the session's mu:
	connected bool // its client has connected
}

// Play starts a run against the lab server at addr. It returns at once. The recording
// shows the run and its end.
func (s *Session) Play(o PlayOrder, addr string) (*Play, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	if _, ok := s.number(o.BranchOf); o.BranchOf != "" && !ok {
		return nil, noPlay(o.BranchOf)
	}
	if s.ctx.Err() != nil {
		return nil, errEnded
	}
	if len(s.plays) >= maxPlays && !s.makeRoom() {
		return nil, &CommandError{fmt.Sprintf("This session has its limit of %d runs in progress.", maxPlays), "Stop one of them, or wait until one ends."}
	}
	p := &Play{ID: strconv.Itoa(s.played + 1), PlayOrder: o, Token: o.Client}
	if p.Token == "" {
		p.Token = "play-" + p.ID
	}
	if s.playOf(p.Token) != nil {
		return nil, &CommandError{fmt.Sprintf("A run in progress already has a client called %.40q.", p.Token), "Use another name, or leave the name out."}
	}
	s.played++
	s.plays = append(s.plays, p)
	ctx, stop := context.WithCancelCause(s.ctx)
	p.control = newControl(len(o.Scenario.Commands), o.Pause, stop)
	p.stage = &scenario.Stage{
		Rec: s.Rec, Patience: patience, Clock: &s.clock,
		Step: recording.Step{Play: p.ID, BranchOf: o.BranchOf, Endpoint: o.Endpoint, Client: p.Token, As: o.As, Round: o.Round},
		More: func(token string) scenario.Client { return s.rawClient(o.Endpoint, token, addr, true) },
	}
	if o.As == AsBrowser {
		p.page = browser.NewClient(o.Scenario, nil, s.away) // the page finds its orders in the recording
		p.page.Clock = &s.clock
		p.stage.Client = p.page
	} else {
		p.stage.Client = s.rawClient(o.Endpoint, p.Token, addr, o.Scenario.Answers)
	}
	s.work.Go(func() {
		defer stop(nil)
		ctx, end := s.clock.WithTimeout(ctx, playTimeout, fmt.Errorf("the run took longer than %v", playTimeout))
		defer end()
		_ = o.Scenario.Play(ctx, p.stage, p.control.wait) // the last event has the error
		s.mu.Lock()
		defer s.mu.Unlock()
		s.plays = slices.DeleteFunc(s.plays, func(q *Play) bool { return q == p })
	})
	return p, nil
}

// errReplaced is the reason for the end of an abandoned run.
var errReplaced = errors.New("the run waited for its learner, and a new run replaced it")

// makeRoom ends the run that has waited longest for its learner, and reports whether there
// was one. A page that was reloaded forgets its runs. The caller holds s.mu.
func (s *Session) makeRoom() bool {
	for _, p := range s.plays {
		if p.control.idle() {
			p.control.stop(errReplaced)
			return len(s.plays) < 2*maxPlays // wait, because a run takes a moment to end
		}
	}
	return false
}

// check returns an error if o is not possible in any session.
func (o *PlayOrder) check() error {
	if _, err := endpoint.Find(o.Endpoint); err != nil {
		return &CommandError{"The lab has no endpoint called " + cut(o.Endpoint, 40) + ".", err.Error()}
	}
	if len(o.Client) > MaxClient {
		return &CommandError{fmt.Sprintf("The name of the client has %d bytes.", len(o.Client)), fmt.Sprintf("Use at most %d bytes.", MaxClient)}
	}
	switch {
	case o.As != AsRaw && o.As != AsBrowser:
		return &CommandError{fmt.Sprintf("%.40q is not a client of a scenario.", o.As), `Use "raw" or "browser".`}
	case o.As == AsBrowser && !o.Scenario.Browser():
		return &CommandError{fmt.Sprintf("A browser cannot be the client of %s, because JavaScript cannot do all of its steps.", o.Scenario.Name), `Run it as "raw".`}
	}
	return nil
}

// rawClient returns a raw client called token that connects to the endpoint called server
// in this session.
func (s *Session) rawClient(server, token, addr string, answers bool) scenario.Client {
	return &scenario.Scripted{
		Dial: s.dialer(addr), Target: s.target(server, token), Host: addr, Answers: answers, Log: s.log(token), Delivered: endpoint.Delivered, Clock: &s.clock,
	}
}

// Control gives an order to the run called id: "step" with the step to continue through,
// "run", "pause" or "stop". A run that has ended ignores it.
func (s *Session) Control(id, do string, step int) error {
	p, err := s.play(id)
	if err != nil || p == nil {
		return err
	}
	return p.control.do(do, step)
}

// Done reports that the page has done a step of the run called id. failure is the error
// that JavaScript threw, or "". A repeated or late report has no effect.
func (s *Session) Done(id string, step int, failure string) error {
	p, err := s.play(id)
	if err != nil || p == nil {
		return err
	}
	if p.page == nil {
		return &CommandError{fmt.Sprintf("The client of run %s is a raw client, so the page has no steps to do.", id), "Send step, run, pause or stop to control it."}
	}
	p.page.Done(step, cut(failure, maxScriptText))
	return nil
}

// play returns the run called id, nil if it has ended.
func (s *Session) play(id string) (*Play, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	if _, ok := s.number(id); !ok {
		return nil, noPlay(id)
	}
	if i := slices.IndexFunc(s.plays, func(p *Play) bool { return p.ID == id }); i >= 0 {
		return s.plays[i], nil
	}
	return nil, nil
}

// number returns the number of a run of s, also of one that has ended. The caller holds
// s.mu.
func (s *Session) number(id string) (int, bool) {
	n, err := strconv.Atoi(id)
	return n, err == nil && n >= 1 && n <= s.played && strconv.Itoa(n) == id
}

func noPlay(id string) error {
	return &CommandError{fmt.Sprintf("This session has no run %q.", cut(id, 40)), "Start a run. If the page shows one, reload the page."}
}

// playOf returns the run in progress to which client belongs, or nil. The client may be
// one of the run's crowd. The caller holds s.mu.
func (s *Session) playOf(client string) *Play {
	for _, p := range s.plays {
		if client == p.Token || strings.HasPrefix(client, p.Token+"-crowd-") {
			return p
		}
	}
	return nil
}

// admit returns the run of the client called client, nil if it has none, and counts its
// server. The caller must then call served. The caller holds s.mu.
func (s *Session) admit(client, endpoint string) (*Play, error) {
	p := s.playOf(client)
	switch {
	case p == nil:
		return nil, nil
	case endpoint != p.Endpoint:
		return nil, &CommandError{fmt.Sprintf("Run %s uses the endpoint %s, not %s.", p.ID, p.Endpoint, endpoint), "Connect to that endpoint, or use another name."}
	case client == p.Token && p.connected:
		return nil, &CommandError{fmt.Sprintf("The client of run %s has already connected, perhaps in another tab.", p.ID), "Start another run."}
	}
	if p.Scenario.Setup.Process {
		if s.servers >= maxServers {
			return nil, &CommandError{fmt.Sprintf("This session has its limit of %d servers in separate processes.", maxServers), "Wait until one of them ends, or kill one by its scenario."}
		}
		s.servers++
	}
	p.connected = p.connected || client == p.Token
	return p, nil
}

// served undoes the count of admit.
func (s *Session) served(p *Play) {
	if p.Scenario.Setup.Process {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.servers--
	}
}

// tell passes a script event of the page to its run.
func (s *Session) tell(script recording.Script) {
	s.mu.Lock()
	p := s.playOf(script.Client)
	s.mu.Unlock()
	if p != nil && p.page != nil {
		p.page.Told(script)
	}
}

// away returns an error if the session has had no watcher for awayAfter.
func (s *Session) away() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == 0 && time.Since(s.alone) >= awayAfter {
		return errors.New("the browser's tab was closed")
	}
	return nil
}
