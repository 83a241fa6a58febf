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

// comparePage serves the page that compares endpoints.
func (s *Server) comparePage(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "compare.html", page{Title: "Compare · wslab", Section: "compare", Course: s.course})
}

// judgeCases lists the test cases and the endpoints of the lab.
func (s *Server) judgeCases(*http.Request, nothing) (any, error) {
	return listed()
}

// listed is the list of test cases. The list is long and never changes, so the program
// makes it once.
var listed = sync.OnceValues(func() (*asset, error) {
	body, err := json.Marshal(map[string]any{"cases": infosOf(suite.All()), "endpoints": judged})
	if err != nil {
		return nil, err
	}
	return newAsset(body, "application/json"), nil
})

// runAsk names the test cases and the endpoints of the lab for a run.
type runAsk struct {
	Endpoints []string `json:"endpoints"`
	Cases     []string `json:"cases"`
}

// targets returns the servers to test: the learner's server if the query of r has its
// ID, then the endpoints called names. If r names neither, it returns every endpoint of
// the lab. stop ends the endpoints that targets started.
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
			return nil, nil, invalid(fmt.Sprintf("%.40q is not an endpoint of the lab, or the request names it twice.", name), "Use reference, gorilla and naive, each once. To test another server, send its address.")
		}
	}
	own, stop, err := ownTargets(names)
	return append(targets, own...), stop, err
}

// casesOf returns the test cases for role that match patterns. It refuses more patterns
// than there are cases.
func casesOf(role wire.Role, patterns []string) ([]*suite.Case, error) {
	all := suite.ForRole(suite.All(), role)
	if len(patterns) > len(all) {
		return nil, invalid(fmt.Sprintf("The request names %d test cases, but there are only %d.", len(patterns), len(all)), "To run all test cases, leave cases out.")
	}
	if i := slices.IndexFunc(patterns, func(p string) bool { return len(p) > maxPattern }); i >= 0 {
		return nil, invalid(fmt.Sprintf("No test case has a name as long as %q.", clipped(patterns[i], 40)), "GET /api/judge/cases lists the test cases.")
	}
	cases, err := suite.Match(all, patterns...)
	if err != nil {
		return nil, invalid("There is no test case to run: "+err.Error()+".", "GET /api/judge/cases lists the test cases.")
	}
	return cases, nil
}

// maxPattern limits a pattern of test cases, in bytes.
const maxPattern = 100

// judge starts a run of test cases against servers.
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

// runOf returns the run of test cases that the path of r names.
func (s *Server) runOf(r *http.Request) (*judging, error) {
	j := s.judgings.get(r.PathValue("id"))
	if j == nil {
		return nil, missing("There is no run "+clipped(r.PathValue("id"), 40)+". It ended some time ago, or the lab server restarted.", "Start another run.")
	}
	return j, nil
}

func (s *Server) judgeEvents(w http.ResponseWriter, r *http.Request, j *judging) {
	n, err := sse.Position(r)
	if err != nil {
		respond(w, r, nil, invalid("The stream cannot resume there: "+err.Error()+".", "To begin with the first report, send neither Last-Event-ID nor after."))
		return
	}
	j.follow(w, r, int(min(n, math.MaxInt32)))
}

func (s *Server) judgeStop(_ *http.Request, j *judging, _ nothing) (any, error) {
	j.cancel()
	return nothing{}, nil
}

// caseTimeout limits the run of one test case against all its endpoints.
const caseTimeout = 50 * time.Second

// caseAsk names a test case and the endpoints of the lab to run it against.
type caseAsk struct {
	Case      string   `json:"case"`
	Endpoints []string `json:"endpoints"`
}

// judgeCase runs one test case against one endpoint after the other. A session records
// the connections, and the page then shows that session.
func (s *Server) judgeCase(w http.ResponseWriter, r *http.Request) {
	answer(func(r *http.Request, ask caseAsk) (any, error) {
		http.NewResponseController(w).SetReadDeadline(time.Time{}) // otherwise the read deadline would cancel the request's context
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
	defer sess.Watch()() // the session is in use during the run
	ctx, cancel := context.WithTimeout(r.Context(), caseTimeout)
	defer cancel()
	reports := []suite.Report{}
	for _, t := range targets {
		reports = append(reports, runner.Once(ctx, c, t, sess.Rec))
	}
	texts, crossed := make([]string, len(reports)), make([]string, len(reports))
	for i, r := range reports {
		texts[i], crossed[i] = r.Letter(), r.Transcript()
		reports[i].Exchange = nil // the transcript has it
	}
	return map[string]any{"session": sess.ID, "reports": reports, "texts": texts, "crossed": crossed, "aligned": suite.Align(c, reports)}, nil
}

// findCase returns the test case called id for role.
func findCase(role wire.Role, id string) (*suite.Case, error) {
	for _, c := range suite.ForRole(suite.All(), role) {
		if c.ID == id {
			return c, nil
		}
	}
	return nil, missing(fmt.Sprintf("There is no test case %q for a %s.", clipped(id, 40), role), "GET /api/judge/cases lists the test cases.")
}

// browserAsk names the test cases for the page's browser. With record, a session records
// the one case. With tells, the page reports the events of each socket, and the report of
// a case waits for these events. With risky, the run includes a response that froze a
// browser.
type browserAsk struct {
	Cases  []string `json:"cases"`
	Record bool     `json:"record"`
	Tells  bool     `json:"tells"`
	Risky  bool     `json:"risky"`
}

// judgeBrowser starts a run of test cases against the page's browser. The answer contains
// an address, to which the page connects once for each case.
func (s *Server) judgeBrowser(r *http.Request, ask browserAsk) (any, error) {
	cases, err := casesOf(wire.Client, ask.Cases)
	if err != nil {
		return nil, err
	}
	run := &clientRun{cases: cases, tells: ask.Tells, target: suite.ClientTarget{Name: "this browser", Browser: true, Keys: new(suite.Keys), Risky: ask.Risky}}
	release, id := func() {}, ""
	if ask.Record {
		if len(cases) != 1 {
			return nil, invalid(fmt.Sprintf("The lab server can record one test case, and the request names %d.", len(cases)), "Name one test case.")
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

// judgeServer accepts the address of the learner's server and returns an ID for it. All
// other requests use the ID. So the lab dials only addresses that this route received.
// The page sends an address only after the reader has pressed the button for it.
func (s *Server) judgeServer(r *http.Request, ask serverAsk) (any, error) {
	t, err := s.foreignTarget(r.Context(), ask.Address)
	if err != nil {
		return nil, err
	}
	return map[string]any{"server": s.servers.add(session.NewID(routeOf(r)), t)}, nil
}

// judgeReach reports whether the learner's server accepts connections. The page asks
// while it waits for the server to restart.
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
		return nil, mayNot // the page can stop asking
	case err == nil:
		conn.Close()
	}
	return map[string]any{"up": err == nil}, nil
}
