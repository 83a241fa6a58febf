package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/labserver/internal/hub"
	"wslab/reference/wire"
)

// comparePage shows the matrix.
func (s *Server) comparePage(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "compare.html", page{Title: "Compare · wslab", Section: "compare", Course: s.course})
}

// judgeCases lists the cases and the endpoints that the lab has.
func (s *Server) judgeCases(w http.ResponseWriter, r *http.Request) {
	a, err := listed()
	if err != nil {
		fail(w, err)
		return
	}
	a.serve(w, r)
}

// listed is the list of cases, which is long and does not change.
var listed = sync.OnceValues(func() (*asset, error) {
	body, err := json.Marshal(map[string]any{"cases": infosOf(suite.All()), "endpoints": judged})
	if err != nil {
		return nil, err
	}
	return newAsset(body, "application/json"), nil
})

// asked are the cases and servers that a request names.
type asked struct {
	Endpoints []string `json:"endpoints"`
	Server    string   `json:"server"` // ID that judgeServer gave
	Cases     []string `json:"cases"`
}

// targets returns the servers that a names, the learner's first;
// all of the lab's where it names none. stop ends those that it started.
// When something is wrong, it answers and returns false.
func (s *Server) targets(w http.ResponseWriter, a asked) (targets []suite.Target, stop func(), ok bool) {
	if a.Server != "" {
		t, err := s.servers.get(a.Server)
		if err != nil {
			fail(w, err)
			return nil, nil, false
		}
		targets = append(targets, t)
	} else if len(a.Endpoints) == 0 {
		a.Endpoints = judged
	}
	for i, name := range a.Endpoints {
		if !slices.Contains(judged, name) || slices.Contains(a.Endpoints[:i], name) {
			reply(w, http.StatusBadRequest, failure{Error: fmt.Sprintf("%.40q cannot be judged, or is named twice.", name), Fix: "The lab has reference, gorilla and naive; another server is given by its address."})
			return nil, nil, false
		}
	}
	own, stop, err := ownTargets(a.Endpoints)
	if err != nil {
		fail(w, err)
		return nil, nil, false
	}
	return append(targets, own...), stop, true
}

// casesOf returns those that patterns choose among the ones that judge role. When
// there are none, or more patterns than cases, it answers and returns false.
func casesOf(w http.ResponseWriter, role wire.Role, patterns []string) ([]*suite.Case, bool) {
	all := suite.ForRole(suite.All(), role)
	if len(patterns) > len(all) {
		reply(w, http.StatusBadRequest, failure{Error: fmt.Sprintf("The request names %d cases, and there are %d.", len(patterns), len(all)), Fix: "Leave the cases out to have all of them judged."})
		return nil, false
	}
	if i := slices.IndexFunc(patterns, func(p string) bool { return len(p) > maxPattern }); i >= 0 {
		reply(w, http.StatusBadRequest, failure{Error: fmt.Sprintf("The request names the case %q, and no case has so long a name.", clipped(patterns[i], 40)), Fix: "GET /api/judge/cases lists the cases."})
		return nil, false
	}
	cases, err := suite.Match(all, patterns...)
	if err != nil {
		reply(w, http.StatusBadRequest, failure{Error: "There is nothing to judge: " + err.Error() + ".", Fix: "GET /api/judge/cases lists the cases."})
		return nil, false
	}
	return cases, true
}

// maxPattern is the most bytes of a name for cases.
const maxPattern = 100

// judge begins a run.
func (s *Server) judge(w http.ResponseWriter, r *http.Request) {
	var a asked
	if !read(w, r, &a) {
		return
	}
	cases, ok := casesOf(w, wire.Server, a.Cases)
	if !ok {
		return
	}
	targets, stop, ok := s.targets(w, a)
	if !ok {
		return
	}
	j, err := s.judgings.begin(rand.Text(), false, func(j *judging) ending {
		defer stop()
		return judgeServers(j, cases, targets, a.Server != "")
	})
	if err != nil {
		stop()
		s.busy(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"judge": j.ID, "cases": briefsOf(cases), "targets": runner.Names(targets)})
}

func (s *Server) busy(w http.ResponseWriter, err error) {
	reply(w, http.StatusConflict, failure{Error: "Nothing was begun: " + err.Error() + "."})
}

// withJudging finds the run that a route names.
func (s *Server) withJudging(next func(http.ResponseWriter, *http.Request, *judging)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		j := s.judgings.get(r.PathValue("id"))
		if j == nil {
			reply(w, http.StatusNotFound, failure{Error: "There is no run " + clipped(r.PathValue("id"), 40) + ": it is long over, or the lab server was started anew.", Fix: "Begin another."})
			return
		}
		next(w, r, j)
	}
}

func (s *Server) judgeEvents(w http.ResponseWriter, r *http.Request, j *judging) {
	n, err := hub.Position(r)
	if err != nil {
		reply(w, http.StatusBadRequest, failure{Error: "The stream cannot go on there.", Fix: "Leave Last-Event-ID and ?after= out to begin with the first report."})
		return
	}
	j.follow(w, r, int(min(n, math.MaxInt32)))
}

func (s *Server) judgeStop(w http.ResponseWriter, r *http.Request, j *judging) {
	var nothing struct{}
	if read(w, r, &nothing) {
		j.cancel()
		reply(w, http.StatusOK, struct{}{})
	}
}

// caseTimeout bounds one case at every endpoint.
const caseTimeout = 50 * time.Second

// judgeCase plays one case, at one endpoint after the other, recorded in a
// session that the page shows.
func (s *Server) judgeCase(w http.ResponseWriter, r *http.Request) {
	var a struct {
		Case      string   `json:"case"`
		Endpoints []string `json:"endpoints"`
		Server    string   `json:"server"`
	}
	if !read(w, r, &a) {
		return
	}
	c, ok := findCase(w, wire.Server, a.Case)
	if !ok {
		return
	}
	targets, stop, ok := s.targets(w, asked{Endpoints: a.Endpoints, Server: a.Server})
	if !ok {
		return
	}
	defer stop()
	http.NewResponseController(w).SetReadDeadline(time.Time{}) // its end would end the request's context
	sess, err := s.sessions.New(false)
	if err != nil {
		fail(w, err)
		return
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
	reply(w, http.StatusOK, map[string]any{"session": sess.ID, "reports": reports, "texts": texts, "crossed": crossed, "aligned": suite.Align(c, reports)})
}

// findCase returns the case called id, which judges role. When there is none, it
// answers and returns false.
func findCase(w http.ResponseWriter, role wire.Role, id string) (*suite.Case, bool) {
	for _, c := range suite.ForRole(suite.All(), role) {
		if c.ID == id {
			return c, true
		}
	}
	reply(w, http.StatusNotFound, failure{Error: fmt.Sprintf("There is no case %q that judges a %s.", clipped(id, 40), role), Fix: "GET /api/judge/cases lists them."})
	return nil, false
}

// judgeBrowser begins a run of the client cases: the page opens the socket that
// is answered here once for each of them. With record, the one case named is
// recorded in a session. With tells, the page says of each socket what JavaScript
// was told, and reports wait for it. With risky, a response that has frozen a
// browser is sent as well.
func (s *Server) judgeBrowser(w http.ResponseWriter, r *http.Request) {
	var a struct {
		Cases  []string `json:"cases"`
		Record bool     `json:"record"`
		Tells  bool     `json:"tells"`
		Risky  bool     `json:"risky"`
	}
	if !read(w, r, &a) {
		return
	}
	cases, ok := casesOf(w, wire.Client, a.Cases)
	if !ok {
		return
	}
	run := &clientRun{cases: cases, tells: a.Tells, target: suite.ClientTarget{Name: "this browser", Browser: true, Keys: new(suite.Keys), Risky: a.Risky}}
	release, id := func() {}, ""
	if a.Record {
		if len(cases) != 1 {
			reply(w, http.StatusBadRequest, failure{Error: fmt.Sprintf("%d cases cannot be recorded together.", len(cases)), Fix: "Name one."})
			return
		}
		sess, err := s.sessions.New(false)
		if err != nil {
			fail(w, err)
			return
		}
		id, run.rec, run.target.Keys = sess.ID, sess.Rec, nil
		release = sess.Watch()
	}
	j, err := s.judgings.begin(rand.Text(), true, func(j *judging) ending {
		defer release()
		run.j = j
		return run.play()
	})
	if err != nil {
		release()
		s.busy(w, err)
		return
	}
	answer := map[string]any{"judge": j.ID, "url": "/ws/judge/" + j.ID, "cases": briefsOf(cases)}
	if id != "" {
		answer["session"] = id
	}
	reply(w, http.StatusOK, answer)
}

// judgeSocket hands the connection of a client that is judged to its run, from
// its first byte on: the run answers the handshake, rightly or wrongly. Each has
// an address of its own, the run's with the number of its case: a client that
// was refused at one may leave it alone for a while (RFC 6455 §7.2.3).
func (s *Server) judgeSocket(w http.ResponseWriter, r *http.Request) {
	j := s.judgings.get(r.PathValue("id"))
	if j == nil || j.conns == nil || j.ctx.Err() != nil {
		w.Header().Set("Connection", "close")
		http.Error(w, "404 There is no run of that name that judges a client, or it is over.", http.StatusNotFound)
		return
	}
	conn := takeOver(w, r)
	if conn == nil {
		return
	}
	conn.number, _ = strconv.Atoi(r.PathValue("n"))
	select {
	case j.conns <- conn:
	case <-j.ctx.Done():
		conn.Close()
	}
}

// takeOver takes the connection of a request from the HTTP server, to be read from
// the first byte of the request. When it cannot, it answers and returns nil.
func takeOver(w http.ResponseWriter, r *http.Request) *begun {
	w.Header().Set("Connection", "close")
	tapped := endpoint.TapOf(r)
	if tapped == nil {
		http.Error(w, "501 This connection cannot be recorded: it is not plain HTTP/1.1 over TCP.", http.StatusNotImplemented)
		return nil
	}
	head := tapped.Early()
	if !bytes.HasPrefix(head, []byte(r.Method+" "+r.RequestURI+" ")) {
		http.Error(w, "400 This handshake arrived in the same TCP segment as another request. Open a new connection for it.", http.StatusBadRequest)
		return nil
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "501 "+err.Error(), http.StatusNotImplemented)
		return nil
	}
	if conn.SetDeadline(time.Time{}) != nil {
		conn.Close()
		return nil
	}
	return &begun{Conn: conn, first: bytes.NewReader(head)}
}

// begun is a connection of which something has been read, to be read again.
type begun struct {
	net.Conn
	first  *bytes.Reader
	number int // of the case that it is for; 0: any
}

func (c *begun) Read(p []byte) (int, error) {
	if n, err := c.first.Read(p); err != io.EOF {
		return n, err
	}
	return c.Conn.Read(p)
}

// CloseWrite sends FIN.
func (c *begun) CloseWrite() error {
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// judgeServer takes the address of the learner's server and returns an ID for it. The
// other requests take the ID alone, so the lab dials only what was sent here, and
// the page sends it only when the reader presses the button beside the address.
func (s *Server) judgeServer(w http.ResponseWriter, r *http.Request) {
	var a struct {
		Address string `json:"address"`
	}
	if !read(w, r, &a) {
		return
	}
	t, err := s.foreignTarget(a.Address)
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"server": s.servers.add(t)})
}

// judgeReach tells whether anybody listens at a server's address: a page waits
// so for one that is being started again.
func (s *Server) judgeReach(w http.ResponseWriter, r *http.Request) {
	var a struct {
		Server string `json:"server"`
	}
	if !read(w, r, &a) {
		return
	}
	t, err := s.servers.get(a.Server)
	if err != nil {
		fail(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	conn, err := t.Dial(ctx)
	if err == nil {
		conn.Close()
	}
	reply(w, http.StatusOK, map[string]any{"up": err == nil})
}
