package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"wslab/compare/browser"
	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
)

// Limits of the plays of one session.
const (
	maxPlays    = 16               // under way at once
	playTimeout = 30 * time.Minute // for one, the time that its learner thinks included
	awayAfter   = 5 * time.Second  // without a stream, a tab that owes an answer is gone
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
	Pause    int    // the step before which it waits for the learner first; -1: it waits nowhere
	BranchOf string // a play of this session that it is another course of, or empty
}

// Play is a scenario that is played, or was.
type Play struct {
	ID    string
	Token string // names its client
	PlayOrder

	control *control
	client  *browser.Client // nil when the client is raw
	over    bool            // under the session's mu
}

// Play begins a play against the lab server itself, whose address is addr. It
// returns at once; what happens is in the recording, and so is how it ends.
func (s *Session) Play(o PlayOrder, addr string) (*Play, error) {
	if _, err := endpoint.Find(o.Endpoint); err != nil {
		return nil, &CommandError{"There is no endpoint called " + o.Endpoint + ".", err.Error()}
	}
	switch o.As {
	case AsRaw:
	case AsBrowser:
		if !o.Scenario.Browser() {
			return nil, &CommandError{fmt.Sprintf("No browser can be the client of %s: it does what JavaScript has no call for.", o.Scenario.Name), `Have it played "raw".`}
		}
	default:
		return nil, &CommandError{fmt.Sprintf("A play cannot be played as %q.", o.As), `Its client is "raw" or a "browser".`}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	if o.BranchOf != "" {
		if n, err := strconv.Atoi(o.BranchOf); err != nil || n < 1 || n > s.played {
			return nil, noPlay(o.BranchOf)
		}
	}
	if s.ctx.Err() != nil {
		return nil, errEnded
	}
	if len(s.plays) >= maxPlays {
		if !s.makeRoom() {
			return nil, &CommandError{fmt.Sprintf("%d plays of this session are under way, which is the most there may be.", maxPlays), "Stop one of them, or wait until one is over."}
		}
	}
	s.played++
	ctx, cancel := context.WithCancelCause(s.ctx)
	p := &Play{ID: strconv.Itoa(s.played), PlayOrder: o, control: newControl(len(o.Scenario.Commands), o.Pause, cancel)}
	p.Token = "play-" + p.ID
	if o.As == AsBrowser {
		p.client = browser.NewClient(func(step int, order browser.Order) {}, s.away)
	}
	s.plays = append(s.plays, p)
	s.work.Go(func() {
		defer cancel(nil)
		s.perform(ctx, p, addr)
	})
	return p, nil
}

var errReplaced = errors.New("it waited while others were begun, and made room for a new play")

// makeRoom ends the oldest play that waits for its learner, if one does. s.mu is
// held.
func (s *Session) makeRoom() bool {
	return false
}

// Control has the play called id do what says: "step" with the step that it may
// go on through, "run" or "stop". A play that is over takes all that as done.
func (s *Session) Control(id, do string, step int) error {
	p, err := s.play(id)
	if err != nil || p == nil {
		return err
	}
	return p.control.do(do, step)
}

// Done takes the page's word that it has done what step of the play called id
// orders. failure is what JavaScript threw, if anything.
func (s *Session) Done(id string, step int, failure string) error {
	p, err := s.play(id)
	if err != nil || p == nil {
		return err
	}
	if p.client == nil {
		return &CommandError{fmt.Sprintf("Play %s has a raw client, which needs no page.", id), "Watch it, and have it step or run."}
	}
	p.client.Done(step, cut(failure, maxScriptText)) // one that is not awaited came twice, or too late
	return nil
}

// play returns the play called id, nil when it is over.
func (s *Session) play(id string) (*Play, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	if n, err := strconv.Atoi(id); err != nil || n < 1 || n > s.played || strconv.Itoa(n) != id {
		return nil, noPlay(id)
	}
	if i := slices.IndexFunc(s.plays, func(p *Play) bool { return p.ID == id }); i >= 0 {
		return s.plays[i], nil
	}
	return nil, nil
}

func noPlay(id string) error {
	return &CommandError{fmt.Sprintf("There is no play %q in this session.", cut(id, 40)), "Begin one; if the page was open before, reload it."}
}

// away says that nobody follows the session any more, when that is so for a
// while.
func (s *Session) away() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == 0 && time.Since(s.alone) >= awayAfter {
		return errors.New("the browser's tab is gone")
	}
	return nil
}

func (s *Session) perform(ctx context.Context, p *Play, addr string) {
	_ = recording.Limits{}
}
