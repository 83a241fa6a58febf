package web

import (
	"fmt"
	"net/http"
	"strconv"

	"wslab/compare/bugs"
	"wslab/compare/suite"
	"wslab/labserver/internal/lesson"
	"wslab/labserver/internal/session"
)

// closedCard is a card as a page shows it before its fault is found.
type closedCard struct {
	Number int       `json:"number"`
	Hints  [2]string `json:"hints"`
}

// cardArea is the cards of one area.
type cardArea struct {
	Name  string       `json:"name"`
	Cards []closedCard `json:"cards"`
}

// allBugs lists the cards by area, without the names of their faults, and the attacks.
func (s *Server) allBugs(*http.Request, nothing) (any, error) {
	cards := bugs.Cards()
	areas := make([]cardArea, 0, len(bugs.Areas))
	for _, name := range bugs.Areas {
		area := cardArea{Name: name}
		for _, c := range cards {
			if c.Area == name {
				area.Cards = append(area.Cards, closedCard{c.Number, c.Hints})
			}
		}
		areas = append(areas, area)
	}
	return map[string]any{"areas": areas, "attacks": bugs.Attacks}, nil
}

// openCard is a card whose fault is found.
type openCard struct {
	Number  int            `json:"number"`
	Name    string         `json:"name"`
	Area    string         `json:"area"`
	What    string         `json:"what"`
	Rule    string         `json:"rule"`
	Section string         `json:"section"`
	Listing lesson.Listing `json:"listing"`
	Mend    []bugs.Line    `json:"mend"`
	Mistake *cardMistake   `json:"mistake"` // null if the judge names none
	Comes   string         `json:"comes"`
}

// cardMistake is how the judge names a fault.
type cardMistake struct {
	Code string `json:"code"`
	Says string `json:"says"`
}

// bug returns one card with everything about its fault.
func (s *Server) bug(r *http.Request, _ nothing) (any, error) {
	n, err := strconv.Atoi(r.PathValue("number"))
	cards := bugs.Cards()
	if err != nil || n < 1 || n > len(cards) {
		return nil, missing("The naive server has no fault "+clipped(r.PathValue("number"), 20)+".", fmt.Sprintf("Use a number from 1 to %d.", len(cards)))
	}
	c := cards[n-1]
	listing, err := s.Sites.Listing(c.Site)
	if err != nil {
		return nil, err
	}
	open := openCard{Number: c.Number, Name: c.Name, Area: c.Area, What: c.What, Rule: c.Rule, Section: c.Section, Listing: listing, Mend: bugs.Mend(c.Number), Comes: c.Comes}
	if m, ok := suite.MistakeOf(c.Mistake); ok {
		open.Mistake = &cardMistake{m.Code, m.Says}
	}
	return open, nil
}

// foundBugs lists the faults whose effects are in the recording of the session.
func (s *Server) foundBugs(r *http.Request, sess *session.Session, _ nothing) (any, error) {
	const atOnce = 1000
	f := bugs.NewFinder()
	for after := uint64(0); ; {
		if r.Context().Err() != nil {
			return nil, r.Context().Err() // the client has left
		}
		events, _ := sess.Rec.After(after, atOnce)
		if len(events) == 0 {
			break
		}
		f.Add(events)
		after = events[len(events)-1].Seq
	}
	found := f.Found()
	if found == nil {
		found = []bugs.Found{}
	}
	return map[string]any{"found": found}, nil
}
