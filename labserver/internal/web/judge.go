package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"wslab/compare/runner"
	"wslab/compare/sse"
	"wslab/compare/suite"
	"wslab/labserver/internal/session"
	"wslab/reference/wire"
)

// comparePage shows the matrix.
func (s *Server) comparePage(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "compare.html", page{Title: "Compare · wslab", Section: "compare", Course: s.course})
}

// judgeCases lists the cases and the endpoints that the lab has.
func (s *Server) judgeCases(*http.Request, nothing) (any, error) {
	return listed()
}

// listed is the list of cases, which is long and does not change.
var listed = sync.OnceValues(func() (*asset, error) {
	body, err := json.Marshal(map[string]any{"cases": infosOf(suite.All()), "endpoints": judged})
	if err != nil {
		return nil, err
	}
	return newAsset(body, "application/json"), nil
})

// runAsk are the cases and the endpoints of the lab that a run is to have.
type runAsk struct {
	Endpoints []string `json:"endpoints"`
	Cases     []string `json:"cases"`
}

// targets returns the learner's server where the query of r has the ID that
// judgeServer gave, and after it the endpoints called names; all of the lab's where
// r names neither. stop ends those that it started.
func (s *Server) targets(r *http.Request, names []string) (targets []suite.Target, stop func(), err error) {
	if id := r.URL.Query().Get("server"); id != "" {
		t, err := s.servers.get(id)
		if err != nil {
			return nil, nil, err
		}
		targets = append(targets, t)
	} else if len(names) == 0 {
		names = judged
	}
	for i, name := range names {
		if !slices.Contains(judged, name) || slices.Contains(names[:i], name) {
			return nil, nil, invalid(fmt.Sprintf("%.40q cannot be judged, or is named twice.", name), "The lab has reference, gorilla and naive; another server is given by its address.")
		}
	}
	own, stop, err := ownTargets(names)
	return append(targets, own...), stop, err
}

// casesOf returns those that patterns choose among the ones that judge role. More
// patterns than cases are refused.
func casesOf(role wire.Role, patterns []string) ([]*suite.Case, error) {
	all := suite.ForRole(suite.All(), role)
	if len(patterns) > len(all) {
		return nil, invalid(fmt.Sprintf("The request names %d cases, and there are %d.", len(patterns), len(all)), "Leave the cases out to have all of them judged.")
	}
	if i := slices.IndexFunc(patterns, func(p string) bool { return len(p) > maxPattern }); i >= 0 {
		return nil, invalid(fmt.Sprintf("The request names the case %q, and no case has so long a name.", clipped(patterns[i], 40)), "GET /api/judge/cases lists the cases.")
	}
	cases, err := suite.Match(all, patterns...)
	if err != nil {
		return nil, invalid("There is nothing to judge: "+err.Error()+".", "GET /api/judge/cases lists the cases.")
	}
	return cases, nil
}

// maxPattern is the most bytes of a name for cases.
const maxPattern = 100

// judge begins a run.
func (s *Server) judge(r *http.Request, ask runAsk) (any, error) {
	cases, err := casesOf(wire.Server, ask.Cases)
	if err != nil {
		return nil, err
	}
	targets, stop, err := s.targets(r, ask.Endpoints)
	if err != nil {
		return nil, err
	}
	foreign := r.URL.Query().Get("server") != ""
	j, err := s.judgings.begin(session.NewID(routeOf(r)), false, func(j *judging) ending {
		defer stop()
		return judgeServers(j, cases, targets, foreign)
	})
	if err != nil {
		stop()
		return nil, err
	}
	return map[string]any{"judge": j.ID, "cases": briefsOf(cases), "targets": runner.Names(targets)}, nil
}

// runOf finds the run that a path names.
func (s *Server) runOf(r *http.Request) (*judging, error) {
	j := s.judgings.get(r.PathValue("id"))
	if j == nil {
		return nil, missing("There is no run "+clipped(r.PathValue("id"), 40)+": it is long over, or the lab server was started anew.", "Begin another.")
	}
	return j, nil
}

func (s *Server) judgeEvents(w http.ResponseWriter, r *http.Request, j *judging) {
	n, err := sse.Position(r)
	if err != nil {
		respond(w, r, nil, invalid("The stream cannot go on there.", "Leave Last-Event-ID and ?after= out to begin with the first report."))
		return
	}
	j.follow(w, r, int(min(n, math.MaxInt32)))
}

func (s *Server) judgeStop(_ *http.Request, j *judging, _ nothing) (any, error) {
	j.cancel()
	return nothing{}, nil
}

// caseTimeout bounds one case at every endpoint.
const caseTimeout = 50 * time.Second

// caseAsk is a case and the endpoints of the lab at which it is played.
type caseAsk struct {
	Case      string   `json:"case"`
	Endpoints []string `json:"endpoints"`
}

// judgeCase plays one case, at one endpoint after the other, recorded in a
// session that the page shows.
func (s *Server) judgeCase(w http.ResponseWriter, r *http.Request) {
	answer(func(r *http.Request, ask caseAsk) (any, error) {
		http.NewResponseController(w).SetReadDeadline(time.Time{}) // its end would end the request's context
		return s.playCase(r, ask)
	})(w, r)
}

func (s *Server) playCase(r *http.Request, ask caseAsk) (any, error) {
	c, err := findCase(wire.Server, ask.Case)
	if err != nil {
		return nil, err
	}
	targets, stop, err := s.targets(r, ask.Endpoints)
	if err != nil {
		return nil, err
	}
	defer stop()
	sess, err := s.sessions.New(routeOf(r), false)
	if err != nil {
		return nil, err
	}
	defer sess.Watch()() // it is not idle meanwhile
	ctx, cancel := context.WithTimeout(r.Context(), caseTimeout)
	defer cancel()
	reports := []suite.Report{}
	for _, t := range targets {
		reports = append(reports, runner.Once(ctx, c, t, sess.Rec))
	}
	texts, crossed := make([]string, len(reports)), make([]string, len(reports))
	for i, r := range reports {
		texts[i], crossed[i] = r.Letter(), r.Transcript()
		reports[i].Exchange = nil // it is in crossed
	}
	return map[string]any{"session": sess.ID, "reports": reports, "texts": texts, "crossed": crossed, "aligned": suite.Align(c, reports)}, nil
}

// findCase returns the case called id, which judges role.
func findCase(role wire.Role, id string) (*suite.Case, error) {
	for _, c := range suite.ForRole(suite.All(), role) {
		if c.ID == id {
			return c, nil
		}
	}
	return nil, missing(fmt.Sprintf("There is no case %q that judges a %s.", clipped(id, 40), role), "GET /api/judge/cases lists them.")
}

// browserAsk is what a page asks to have its browser judged by. With record, the one
// case named is recorded in a session. With tells, the page says of each socket what
// JavaScript was told, and reports wait for it. With risky, a response that has
// frozen a browser is sent as well.
type browserAsk struct {
	Cases  []string `json:"cases"`
	Record bool     `json:"record"`
	Tells  bool     `json:"tells"`
	Risky  bool     `json:"risky"`
}

// judgeBrowser begins a run of the client cases: the page opens the socket that
// is answered here once for each of them.
func (s *Server) judgeBrowser(r *http.Request, ask browserAsk) (any, error) {
	cases, err := casesOf(wire.Client, ask.Cases)
	if err != nil {
		return nil, err
	}
	run := &clientRun{cases: cases, tells: ask.Tells, target: suite.ClientTarget{Name: "this browser", Browser: true, Keys: new(suite.Keys), Risky: ask.Risky}}
	release, id := func() {}, ""
	if ask.Record {
		if len(cases) != 1 {
			return nil, invalid(fmt.Sprintf("%d cases cannot be recorded together.", len(cases)), "Name one.")
		}
		sess, err := s.sessions.New(routeOf(r), false)
		if err != nil {
			return nil, err
		}
		id, run.rec, run.target.Keys = sess.ID, sess.Rec, nil
		release = sess.Watch()
	}
	j, err := s.judgings.begin(session.NewID(routeOf(r)), true, func(j *judging) ending {
		defer release()
		run.j = j
		return run.play()
	})
	if err != nil {
		release()
		return nil, err
	}
	answer := map[string]any{"judge": j.ID, "url": "/ws/judge/" + j.ID, "cases": briefsOf(cases)}
	if id != "" {
		answer["session"] = id
	}
	return answer, nil
}

// serverAsk is the address of the learner's server.
type serverAsk struct {
	Address string `json:"address"`
}

// judgeServer takes the address of the learner's server and returns an ID for it. The
// other requests take the ID alone, so the lab dials only what was sent here, and
// the page sends it only when the reader presses the button beside the address.
func (s *Server) judgeServer(r *http.Request, ask serverAsk) (any, error) {
	t, err := s.foreignTarget(r.Context(), ask.Address)
	if err != nil {
		return nil, err
	}
	return map[string]any{"server": s.servers.add(session.NewID(routeOf(r)), t)}, nil
}

// judgeReach tells whether anybody listens at a server's address: a page waits
// so for one that is being started again.
func (s *Server) judgeReach(r *http.Request, _ nothing) (any, error) {
	t, err := s.servers.get(r.URL.Query().Get("server"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	conn, err := t.Dial(ctx)
	var mayNot *session.CommandError
	switch {
	case errors.As(err, &mayNot):
		return nil, mayNot // it will not be up as long as its name leads there
	case err == nil:
		conn.Close()
	}
	return map[string]any{"up": err == nil}, nil
}
