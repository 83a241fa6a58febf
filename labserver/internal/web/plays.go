package web

import (
	"fmt"
	"net/http"
	"strings"

	"wslab/compare/scenario"
	"wslab/labserver/internal/session"
)

// maxName bounds the name of a scenario that a learner wrote.
const maxName = 64

// allScenarios lists the scenarios that can be played by name.
func (s *Server) allScenarios(*http.Request, nothing) (any, error) {
	all, err := s.scenarios()
	if err != nil {
		return nil, err
	}
	list := []scenario.Plan{}
	for _, sc := range all {
		list = append(list, sc.Plan())
	}
	return map[string]any{"scenarios": list}, nil
}

// scenarios returns those that can be played by name, read again while they are
// being written.
func (s *Server) scenarios() ([]*scenario.Scenario, error) {
	if !s.Dev {
		return s.plays, nil
	}
	all, err := s.Options.Scenarios()
	if err != nil {
		return nil, &failure{Status: http.StatusInternalServerError, What: "The scenarios have mistakes: " + strings.ReplaceAll(err.Error(), "\n", "; ") + ".", Fix: "Change the lines that are named."}
	}
	return all, nil
}

// playAsk is what a page asks to have played.
type playAsk struct {
	Scenario string  `json:"scenario"`
	Text     *string `json:"text"` // of a scenario that the learner wrote
	Endpoint string  `json:"endpoint"`
	As       string  `json:"as"`
	Pause    *int    `json:"pause"`
	BranchOf string  `json:"branchOf"`
}

// play begins a play of a scenario of the lessons, or of one that the learner
// wrote.
func (s *Server) play(_ *http.Request, sess *session.Session, ask playAsk) (any, error) {
	sc, err := s.chosen(ask.Scenario, ask.Text)
	if err != nil {
		return nil, err
	}
	o := session.PlayOrder{Scenario: sc, Endpoint: ask.Endpoint, As: ask.As, Pause: -1, BranchOf: ask.BranchOf}
	if ask.Pause != nil {
		o.Pause = *ask.Pause
	}
	p, err := sess.Play(o, s.addr)
	if err != nil {
		return nil, err
	}
	plan := sc.Plan()
	plan.Text = "" // who asked for the play has it
	return map[string]any{"play": p.ID, "client": p.Token, "scenario": plan}, nil
}

// rawPlayAsk is what a page asks to have played without a pause.
type rawPlayAsk struct {
	Scenario string `json:"scenario"`
	Endpoint string `json:"endpoint"`
	Client   string `json:"client"`
	Round    int    `json:"round"`
}

// playRaw has a raw client play a scenario of the lessons from its beginning to its
// end.
func (s *Server) playRaw(_ *http.Request, sess *session.Session, ask rawPlayAsk) (any, error) {
	sc, err := s.chosen(ask.Scenario, nil)
	if err != nil {
		return nil, err
	}
	if ask.Client == "" {
		return nil, &session.CommandError{What: "The scenario's client has no name.", Fix: "Give it one, or begin a play."}
	}
	return after(sess, func() error {
		_, err := sess.Play(session.PlayOrder{Scenario: sc, Endpoint: ask.Endpoint, As: session.AsRaw, Pause: -1, Client: ask.Client, Round: ask.Round}, s.addr)
		return err
	})
}

// chosen returns the scenario that a request names, or the one that it brings as
// text; a text may bear the name of the scenario that it is a change of.
func (s *Server) chosen(name string, text *string) (*scenario.Scenario, error) {
	if text == nil {
		all, err := s.scenarios()
		if err != nil {
			return nil, err
		}
		sc, err := scenario.Find(all, name)
		if err != nil {
			return nil, missing(fmt.Sprintf("There is no scenario %.40q.", name), err.Error())
		}
		return sc, nil
	}
	if name == "" {
		name = "yours"
	}
	if len(name) > maxName {
		return nil, invalid(fmt.Sprintf("The scenario's name has %d bytes.", len(name)), fmt.Sprintf("Give it at most %d, or none.", maxName))
	}
	sc, err := scenario.ParseLearner(name, *text)
	if err != nil {
		return nil, invalid("This scenario cannot be played: "+strings.ReplaceAll(err.Error(), "\n", "; ")+".", "Change the lines that are named.")
	}
	return sc, nil
}

// controlAsk is what a page asks of a play.
type controlAsk struct {
	Do   string `json:"do"`
	Step *int   `json:"step"`
}

// control has a play go on, pause, or end.
func (s *Server) control(r *http.Request, sess *session.Session, ask controlAsk) (any, error) {
	step := -1
	if ask.Step != nil {
		step = *ask.Step
	}
	return nothing{}, sess.Control(r.PathValue("play"), ask.Do, step)
}

// doneAsk is what a page says of a step that its play ordered.
type doneAsk struct {
	Step  *int   `json:"step"`
	Error string `json:"error"`
}

// performed takes the page's word that it has done what a step orders.
func (s *Server) performed(r *http.Request, sess *session.Session, ask doneAsk) (any, error) {
	if ask.Step == nil {
		return nil, invalid("The step that was done is not named.", "Name it by its number, the first is 0.")
	}
	return nothing{}, sess.Done(r.PathValue("play"), *ask.Step, ask.Error)
}
