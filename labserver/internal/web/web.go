// Package web is the lab server's routes: pages, the API by which a page steers
// and watches, and the addresses at which WebSockets are served.
//
//	web.go         the handler, and what every request must pass
//	guard.go       who may ask: Host, Origin, Content-Security-Policy
//	pages.go       server-rendered pages; templates/ holds their HTML
//	static.go      the page's files, and long answers that stay the same
//	json.go        requests and answers in JSON, and their errors
//	api.go         sessions and what the page asks besides
//	plays.go       scenarios and the plays of them
//	sockets.go     WebSockets under study
//	routing.go     several lab servers behind a proxy
//	judge.go       cases that servers and browsers are judged by
//	judgejob.go    the runs of them, in the background
//	judgeclient.go the runs in which a browser is judged
//	judgetarget.go the servers that a page may have judged
//	casewords.go   what a case sends and expects, in words
//	headermap.go   what became of each header, and one of them sent
package web

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/scenario"
	"wslab/labserver/internal/lesson"
	"wslab/labserver/internal/session"
)

// Options of a Server.
type Options struct {
	// Course and Scenarios load the lessons and what they play. They are called once
	// by New, and with Dev for every request, so that an edit shows on reload.
	Course    func() (*lesson.Course, error)
	Scenarios func() ([]*scenario.Scenario, error)
	Sites     *lesson.Sites
	Gorilla   string // folder of gorilla's source, empty where it is absent
	Static    fs.FS  // the page's files
	Dev       bool
	JudgeAny  bool     // servers of other machines may be judged from the page
	Hosts     []string // names beside localhost and loopback addresses that the server answers to
	Memory    int      // bytes that all recordings together may take, counted roughly; 0 means session.DefaultMemory
	Log       *log.Logger

	HeaderTimeout time.Duration // for a request's head to come; 0 means 10 s
	AnswerTimeout time.Duration // for an answer to be taken; 0 means a minute
}

// Server is the lab server without its listeners. Use New.
type Server struct {
	Options
	sessions *session.Manager
	course   *lesson.Course
	plays    []*scenario.Scenario
	addr     string // host:port that raw clients dial
	assets   map[string]*asset

	listening []netip.AddrPort // addresses of the listeners

	judgings judgings
	servers  learnersServers
	stopping atomic.Bool // the sessions are being ended
}

// Bounds of what a client may send and how slowly.
const (
	maxHeaderBytes = 16 << 10
	maxBody        = 1 << 20
	bodyTimeout    = 30 * time.Second
	idleTimeout    = 2 * time.Minute
)

// New returns a Server, or what is wrong with the lessons.
func New(o Options) (*Server, error) {
	course, err := o.Course()
	if err != nil {
		return nil, err
	}
	plays, err := o.Scenarios()
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = log.Default()
	}
	if o.HeaderTimeout == 0 {
		o.HeaderTimeout = 10 * time.Second
	}
	if o.AnswerTimeout == 0 {
		o.AnswerTimeout = time.Minute
	}
	assets, err := loadAssets(o.Static)
	if err != nil {
		return nil, err
	}
	return &Server{Options: o, course: course, plays: plays, sessions: session.NewManager(o.Memory), assets: assets}, nil
}

// Serve answers on all listeners, of which the first is the one that raw
// clients dial, until ctx ends; then it closes every WebSocket with 1001 and
// returns. An error is that of a listener.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	s.addr = reachable(listeners[0].Addr())
	for _, l := range listeners {
		if tcp, ok := l.Addr().(*net.TCPAddr); ok {
			s.listening = append(s.listening, tcp.AddrPort())
		}
	}
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: s.HeaderTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      s.AnswerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          s.Log,
	}
	serve := endpoint.Tapped(server)
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- serve(l) }()
	}
	var err error
	ended := 0
	select {
	case err = <-failed:
		ended++
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.judgings.stop()
	grace, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	s.sessions.Close(grace)
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	for ; ended < len(listeners); ended++ {
		<-failed
	}
	return err
}

// reachable returns the address at which a program on this machine reaches a
// listener at a.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port) // [::] takes IPv4 as well
	}
	return a.String()
}

// shutdownTimeout is how long clients have to answer 1001.
const shutdownTimeout = 2 * time.Second

// route is a pattern of http.ServeMux and what answers it.
type route struct {
	pattern string
	handler http.HandlerFunc
}

// routes are all of the lab server. README.md has a table of them, which a test
// compares with this one.
func (s *Server) routes() []route {
	return []route{
		{"GET /{$}", s.index},
		{"GET /lessons/{slug}", s.lessonPage},
		{"GET /lab", s.labPage},
		{"GET /compare", s.comparePage},
		{"GET /rules", s.rulesPage},
		{"GET /static/", s.static},

		{"POST /api/sessions", answer(s.newSession)},
		{"GET /api/sessions/{id}", with(s.sessionOf, s.session)},
		{"GET /api/sessions/{id}/events", found(s.sessionOf, s.events)},
		{"GET /api/sessions/{id}/events/{seq}", with(s.sessionOf, s.event)},
		{"GET /api/sessions/{id}/log.txt", found(s.sessionOf, s.logText)},
		{"POST /api/sessions/{id}/script", with(s.sessionOf, s.script)},
		{"POST /api/sessions/{id}/valve", with(s.sessionOf, s.valve)},
		{"POST /api/sessions/{id}/server", with(s.sessionOf, s.order)},
		{"POST /api/sessions/{id}/raw", with(s.sessionOf, s.raw)},
		{"POST /api/sessions/{id}/plays", with(s.sessionOf, s.play)},
		{"POST /api/sessions/{id}/plays/{play}", with(s.sessionOf, s.control)},
		{"POST /api/sessions/{id}/plays/{play}/done", with(s.sessionOf, s.performed)},
		{"POST /api/sessions/{id}/scenario", with(s.sessionOf, s.playRaw)},
		{"GET /api/connections", answer(s.connections)},

		{"GET /api/scenarios", answer(s.allScenarios)},
		{"POST /api/dissect", answer(s.dissect)},
		{"GET /api/source", answer(s.source)},
		{"GET /api/headermap", answer(s.headerMap)},

		{"GET /api/judge/cases", answer(s.judgeCases)},
		{"POST /api/judge", answer(s.judge)},
		{"POST /api/judge/case", s.judgeCase},
		{"POST /api/judge/client", answer(s.judgeBrowser)},
		{"POST /api/judge/header", answer(s.sendHeader)},
		{"POST /api/judge/server", answer(s.judgeServer)},
		{"POST /api/judge/reach", answer(s.judgeReach)},
		{"GET /api/judge/{id}/events", found(s.runOf, s.judgeEvents)},
		{"POST /api/judge/{id}/stop", with(s.runOf, s.judgeStop)},
		{"POST /api/judge/{id}/script", with(s.runOf, s.judgeScript)},

		{"/ws/{endpoint...}", s.socket},
		{"/ws/judge/{id}", s.judgeSocket},
		{"/ws/judge/{id}/{n}", s.judgeSocket},
		{"/ws/judge/{id}/{n}/redirected", s.judgeRedirected},

		{"/api/", s.noSuchAPI},
		{"/", s.notFound},
	}
}

// handler returns all routes behind the guard.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, r.handler)
	}
	return s.recovered(s.guard(s.whileRunning(mux)))
}

// whileRunning turns the API's requests away while the lab server ends, when
// their sessions are gone: a page must not think that only its session is.
func (s *Server) whileRunning(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() && strings.HasPrefix(r.URL.Path, "/api/") {
			w.Header().Set("Connection", "close")
			respond(w, r, nil, &failure{Status: http.StatusServiceUnavailable, What: "The lab server is shutting down.", Fix: "Start it again with go run ./labserver."})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// recovered ends a request that panics with 500, and no other.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v)
			default:
				s.Log.Printf("panic serving %s: %v\n%s", r.URL.Path, v, debug.Stack())
				http.Error(w, "The lab server made a mistake with this request; its log says which. Other connections go on.", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}
