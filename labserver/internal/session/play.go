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

// Limits of the plays of one session.
const (
	maxPlays    = 16               // under way at once
	maxServers  = 4                // in processes of their own
	playTimeout = 30 * time.Minute // for one, the time that its learner thinks included, but not while a wire is held
	patience    = 10 * time.Minute // for what a client waits for, likewise
	awayAfter   = 5 * time.Second  // without a follower, a tab that owes an answer is gone
)

// Who is the client of a play.
const (
	AsRaw     = "raw"     // a raw client of the lab server
	AsBrowser = "browser" // the page of who began it
)

// A PlayOrder says what shall be played and how.
type PlayOrder struct {
	Scenario *scenario.Scenario
	Endpoint string
	As       string
	Pause    int    // the step before which it first waits for the learner; -1: it waits nowhere
	BranchOf string // a play of this session that it is another course of, or empty
	Client   string // a name for its client; empty: one of its own
	Round    int    // as recording.Info has it
}

// Play is a scenario that is played, or was.
type Play struct {
	ID    string
	Token string // names its client
	PlayOrder

	control *control
	stage   *scenario.Stage
	page    *browser.Client // nil when the client is raw

	// Under the session's mu:
	connected bool // its client has come
}

// Play begins a play against the lab server itself, whose address is addr. It
// returns at once; what happens is in the recording, and so is how it ends.
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
		return nil, &CommandError{fmt.Sprintf("%d plays of this session are under way, which is the most there may be.", maxPlays), "Stop one of them, or wait until one is over."}
	}
	p := &Play{ID: strconv.Itoa(s.played + 1), PlayOrder: o, Token: o.Client}
	if p.Token == "" {
		p.Token = "play-" + p.ID
	}
	if s.playOf(p.Token) != nil {
		return nil, &CommandError{fmt.Sprintf("A play under way has a client called %.40q.", p.Token), "Give it another name, or none."}
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
		p.page = browser.NewClient(o.Scenario, nil, s.away) // the page reads its orders in the recording
		p.page.Clock = &s.clock
		p.stage.Client = p.page
	} else {
		p.stage.Client = s.rawClient(o.Endpoint, p.Token, addr, o.Scenario.Answers)
	}
	s.work.Go(func() {
		defer stop(nil)
		ctx, end := s.clock.WithTimeout(ctx, playTimeout, fmt.Errorf("it took longer than %v", playTimeout))
		defer end()
		_ = o.Scenario.Play(ctx, p.stage, p.control.wait) // its last event says how it ended
		s.mu.Lock()
		defer s.mu.Unlock()
		s.plays = slices.DeleteFunc(s.plays, func(q *Play) bool { return q == p })
	})
	return p, nil
}

// errReplaced is why a play is over that nobody went on with.
var errReplaced = errors.New("it waited for its learner, and made room for a new play")

// makeRoom ends the play that waits for its learner longest, and reports whether
// there was one: a page that was reloaded has forgotten the plays it began. s.mu
// is held.
func (s *Session) makeRoom() bool {
	for _, p := range s.plays {
		if p.control.idle() {
			p.control.stop(errReplaced)
			return len(s.plays) < 2*maxPlays // they end in a moment, but not at once
		}
	}
	return false
}

// check says what of o cannot be done in any session.
func (o *PlayOrder) check() error {
	if _, err := endpoint.Find(o.Endpoint); err != nil {
		return &CommandError{"There is no endpoint called " + cut(o.Endpoint, 40) + ".", err.Error()}
	}
	if len(o.Client) > MaxClient {
		return &CommandError{fmt.Sprintf("A client cannot have a name of %d bytes.", len(o.Client)), fmt.Sprintf("Give it at most %d.", MaxClient)}
	}
	switch {
	case o.As != AsRaw && o.As != AsBrowser:
		return &CommandError{fmt.Sprintf("A scenario cannot be played as %.40q.", o.As), `Its client is "raw" or a "browser".`}
	case o.As == AsBrowser && !o.Scenario.Browser():
		return &CommandError{fmt.Sprintf("No browser can be the client of %s: JavaScript has no call for all that the client does there.", o.Scenario.Name), `Have it played as "raw".`}
	}
	return nil
}

// rawClient returns a raw client that reaches endpoint, and this session, under
// the name token.
func (s *Session) rawClient(endpoint, token, addr string, answers bool) scenario.Client {
	return &scenario.Scripted{
		Dial: s.dialer(addr), Target: s.target(endpoint, token), Host: addr, Answers: answers, Log: s.log(token), Clock: &s.clock,
	}
}

// Control has the play called id do what says: "step" with the step that it may
// go on through, "run", "pause" or "stop". A play that is over takes all that as
// done.
func (s *Session) Control(id, do string, step int) error {
	p, err := s.play(id)
	if err != nil || p == nil {
		return err
	}
	return p.control.do(do, step)
}

// Done takes the page's word that it has done what step of the play called id
// orders; failure is what JavaScript threw, if anything. A word that nobody
// waits for came twice, or too late, and changes nothing.
func (s *Session) Done(id string, step int, failure string) error {
	p, err := s.play(id)
	if err != nil || p == nil {
		return err
	}
	if p.page == nil {
		return &CommandError{fmt.Sprintf("The client of play %s is raw, and needs no page.", id), "Watch it, and have it step or run."}
	}
	p.page.Done(step, cut(failure, maxScriptText))
	return nil
}

// play returns the play called id, nil when it is over.
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

// number reads the number of a play that is, or was, in s. s.mu is held.
func (s *Session) number(id string) (int, bool) {
	n, err := strconv.Atoi(id)
	return n, err == nil && n >= 1 && n <= s.played && strconv.Itoa(n) == id
}

func noPlay(id string) error {
	return &CommandError{fmt.Sprintf("There is no play %q in this session.", cut(id, 40)), "Begin one; if the page shows one, reload it."}
}

// playOf returns the play under way to which client belongs, be it as one of a
// crowd, or nil. s.mu is held.
func (s *Session) playOf(client string) *Play {
	for _, p := range s.plays {
		if client == p.Token || strings.HasPrefix(client, p.Token+"-crowd-") {
			return p
		}
	}
	return nil
}

// admit lets the client called client into the play to which it belongs, nil
// where it belongs to none; served must follow. s.mu is held.
func (s *Session) admit(client, endpoint string) (*Play, error) {
	p := s.playOf(client)
	switch {
	case p == nil:
		return nil, nil
	case endpoint != p.Endpoint:
		return nil, &CommandError{fmt.Sprintf("Play %s is at the endpoint %s, not at %s.", p.ID, p.Endpoint, endpoint), "Connect there, or under another name."}
	case client == p.Token && p.connected:
		return nil, &CommandError{fmt.Sprintf("The client of play %s has connected already.", p.ID), "Another tab plays it, perhaps. Begin a play of your own."}
	}
	if p.Scenario.Setup.Process {
		if s.servers >= maxServers {
			return nil, &CommandError{fmt.Sprintf("%d servers of this session run in processes of their own, which is the most that may.", maxServers), "Wait until one has ended, or kill one."}
		}
		s.servers++
	}
	p.connected = p.connected || client == p.Token
	return p, nil
}

// served takes back what admit gave.
func (s *Session) served(p *Play) {
	if p.Scenario.Setup.Process {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.servers--
	}
}

// tell hands a script event of the page to the play that it belongs to.
func (s *Session) tell(script recording.Script) {
	s.mu.Lock()
	p := s.playOf(script.Client)
	s.mu.Unlock()
	if p != nil && p.page != nil {
		p.page.Told(script)
	}
}

// away says that nobody follows the session any more, once that is so for a
// while.
func (s *Session) away() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == 0 && time.Since(s.alone) >= awayAfter {
		return errors.New("the browser's tab is gone")
	}
	return nil
}
