package web

import (
	"fmt"
	"net/http"
	"strings"

	"wslab/compare/scenario"
	"wslab/labserver/internal/session"
)

// maxName limits the name of a scenario that a learner wrote, in bytes.
const maxName = 64

// allScenarios lists the scenarios that a page can run by name.
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

// scenarios returns the scenarios that a page can run by name. With -dev it reads them
// again.
func (s *Server) scenarios() ([]*scenario.Scenario, error) {
	if !s.Dev {
		return s.plays, nil
	}
	all, err := s.Options.Scenarios()
	if err != nil {
		return nil, &failure{Status: http.StatusInternalServerError, What: "The scenarios have mistakes: " + strings.ReplaceAll(err.Error(), "\n", "; ") + ".", Fix: "Correct the lines that the message names."}
	}
	return all, nil
}

// playAsk says which scenario to run, and how.
type playAsk struct {
	Scenario string  `json:"scenario"`
	Text     *string `json:"text"` // text of a scenario that the learner wrote
	Endpoint string  `json:"endpoint"`
	As       string  `json:"as"`
	Pause    *int    `json:"pause"`
	BranchOf string  `json:"branchOf"`
}

// play starts a run of a scenario: one of the lessons, or one that the learner wrote.
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
	plan.Text = "" // the page already has the text
	return map[string]any{"play": p.ID, "client": p.Token, "scenario": plan}, nil
}

// rawPlayAsk says which scenario a raw client runs without a pause.
type rawPlayAsk struct {
	Scenario string `json:"scenario"`
	Endpoint string `json:"endpoint"`
	Client   string `json:"client"`
	Round    int    `json:"round"`
}

// playRaw starts a raw client that runs a whole scenario of the lessons.
func (s *Server) playRaw(_ *http.Request, sess *session.Session, ask rawPlayAsk) (any, error) {
	sc, err := s.chosen(ask.Scenario, nil)
	if err != nil {
		return nil, err
	}
	if ask.Client == "" {
		return nil, &session.CommandError{What: "The client of the scenario has no name.", Fix: "Give the client a name, or use the route /plays, which names it."}
	}
	return after(sess, func() error {
		_, err := sess.Play(session.PlayOrder{Scenario: sc, Endpoint: ask.Endpoint, As: session.AsRaw, Pause: -1, Client: ask.Client, Round: ask.Round}, s.addr)
		return err
	})
}

// chosen returns the scenario called name, or the one in text if text is not nil. The
// text may have the name of the scenario that it changes.
func (s *Server) chosen(name string, text *string) (*scenario.Scenario, error) {
	if text == nil {
		all, err := s.scenarios()
		if err != nil {
			return nil, err
		}
		sc, err := scenario.Find(all, name)
		if err != nil {
			return nil, missing(fmt.Sprintf("The lessons have no scenario %.40q.", name), err.Error())
		}
		return sc, nil
	}
	if name == "" {
		name = "yours"
	}
	if len(name) > maxName {
		return nil, invalid(fmt.Sprintf("The name of the scenario has %d bytes.", len(name)), fmt.Sprintf("Use at most %d bytes, or leave the name out.", maxName))
	}
	sc, err := scenario.ParseLearner(name, *text)
	if err != nil {
		return nil, invalid("The lab server cannot run this scenario: "+strings.ReplaceAll(err.Error(), "\n", "; ")+".", "Correct the lines that the message names.")
	}
	return sc, nil
}

// controlAsk is a command to a run of a scenario.
type controlAsk struct {
	Do   string `json:"do"`
	Step *int   `json:"step"`
}

// control continues, pauses or ends a run.
func (s *Server) control(r *http.Request, sess *session.Session, ask controlAsk) (any, error) {
	step := -1
	if ask.Step != nil {
		step = *ask.Step
	}
	return nothing{}, sess.Control(r.PathValue("play"), ask.Do, step)
}

// doneAsk reports a step that the page has done.
type doneAsk struct {
	Step  *int   `json:"step"`
	Error string `json:"error"`
}

// performed records that the page has done a step.
func (s *Server) performed(r *http.Request, sess *session.Session, ask doneAsk) (any, error) {
	if ask.Step == nil {
		return nil, invalid("The request does not name the step.", "Send the number of the step. The first step is 0.")
	}
	return nothing{}, sess.Done(r.PathValue("play"), *ask.Step, ask.Error)
}
