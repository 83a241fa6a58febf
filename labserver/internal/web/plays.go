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
func (s *Server) allScenarios(w http.ResponseWriter, r *http.Request) {
	all, ok := s.scenarios(w)
	if !ok {
		return
	}
	list := []scenario.Plan{}
	for _, sc := range all {
		list = append(list, sc.Plan())
	}
	reply(w, http.StatusOK, map[string]any{"scenarios": list})
}

// scenarios returns those that can be played by name, read again while they are
// being written. When they cannot be read it answers and returns false.
func (s *Server) scenarios(w http.ResponseWriter) ([]*scenario.Scenario, bool) {
	if !s.Dev {
		return s.plays, true
	}
	all, err := s.Options.Scenarios()
	if err != nil {
		reply(w, http.StatusInternalServerError, failure{Error: "The scenarios have mistakes: " + strings.ReplaceAll(err.Error(), "\n", "; ") + ".", Fix: "Change the lines that are named."})
	}
	return all, err == nil
}

// play begins a play of a scenario of the lessons, or of one that the learner
// wrote.
func (s *Server) play(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	var ask struct {
		Scenario string  `json:"scenario"`
		Text     *string `json:"text"`
		Endpoint string  `json:"endpoint"`
		As       string  `json:"as"`
		Pause    *int    `json:"pause"`
		BranchOf string  `json:"branchOf"`
	}
	if !read(w, r, &ask) {
		return
	}
	sc, ok := s.chosen(w, ask.Scenario, ask.Text)
	if !ok {
		return
	}
	o := session.PlayOrder{Scenario: sc, Endpoint: ask.Endpoint, As: ask.As, Pause: -1, BranchOf: ask.BranchOf}
	if ask.Pause != nil {
		o.Pause = *ask.Pause
	}
	p, err := sess.Play(o, s.addr)
	if err != nil {
		fail(w, err)
		return
	}
	plan := sc.Plan()
	plan.Text = "" // who asked for the play has it
	reply(w, http.StatusOK, map[string]any{"play": p.ID, "client": p.Token, "scenario": plan})
}

// chosen returns the scenario that a request names, or the one that it brings as
// text; a text may bear the name of the scenario that it is a change of. When
// there is none, it answers and returns false.
func (s *Server) chosen(w http.ResponseWriter, name string, text *string) (*scenario.Scenario, bool) {
	if text == nil {
		all, ok := s.scenarios(w)
		if !ok {
			return nil, false
		}
		sc, err := scenario.Find(all, name)
		if err != nil {
			reply(w, http.StatusNotFound, failure{Error: fmt.Sprintf("There is no scenario %.40q.", name), Fix: err.Error()})
		}
		return sc, err == nil
	}
	if name == "" {
		name = "yours"
	}
	if len(name) > maxName {
		reply(w, http.StatusBadRequest, failure{Error: fmt.Sprintf("The scenario's name has %d bytes.", len(name)), Fix: fmt.Sprintf("Give it at most %d, or none.", maxName)})
		return nil, false
	}
	sc, err := scenario.ParseLearner(name, *text)
	if err != nil {
		what := strings.ReplaceAll(err.Error(), "\n", "; ")
		reply(w, http.StatusBadRequest, failure{Error: "This scenario cannot be played: " + what + ".", Fix: "Change the lines that are named."})
	}
	return sc, err == nil
}

// control has a play go on, pause, or end.
func (s *Server) control(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	var c struct {
		Do   string `json:"do"`
		Step *int   `json:"step"`
	}
	if !read(w, r, &c) {
		return
	}
	step := -1
	if c.Step != nil {
		step = *c.Step
	}
	s.done(w, sess.Control(r.PathValue("play"), c.Do, step))
}

// performed takes the page's word that it has done what a step orders.
func (s *Server) performed(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	var c struct {
		Step  *int   `json:"step"`
		Error string `json:"error"`
	}
	if !read(w, r, &c) {
		return
	}
	if c.Step == nil {
		reply(w, http.StatusBadRequest, failure{Error: "The step that was done is not named.", Fix: "Name it by its number, the first is 0."})
		return
	}
	s.done(w, sess.Done(r.PathValue("play"), *c.Step, c.Error))
}
