// Package web has the routes of the lab server: the pages, the API that the pages use, and
// the addresses of the WebSocket endpoints.
//
//	web.go         the server, its routes, and panics in a handler
//	guard.go       which requests are accepted: Host, Origin, Content-Security-Policy
//	pages.go       server-rendered pages; templates/ holds their HTML
//	static.go      the page's files, and long responses that never change
//	json.go        requests and responses in JSON, and errors
//	api.go         sessions, decoding
//	source.go      source listings
//	plays.go       scenarios and their runs
//	ways.go        four ways to deliver the events of a server, and a chat
//	sockets.go     the WebSocket endpoints
//	doors.go       two ways to a WebSocket server
//	routing.go     several lab servers behind a proxy
//	judge.go       test cases for servers and browsers
//	judgejob.go    their runs, in the background
//	judgeclient.go runs that test a browser
//	judgetarget.go the servers that a page may test
//	casewords.go   test cases in words
//	headermap.go   the frame header map
//	bugs.go        the game with the faults of the naive server
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
	"wslab/labserver/internal/doors"
	"wslab/labserver/internal/lesson"
	"wslab/labserver/internal/session"
)

// Options of a Server.
type Options struct {
	// Course and Scenarios load the lessons and the scenarios. New calls them once. With
	// Dev, every request calls them, so that an edit shows on reload.
	Course    func() (*lesson.Course, error)
	Scenarios func() ([]*scenario.Scenario, error)
	Sites     *lesson.Sites
	Gorilla   string // folder of gorilla's source; empty if this computer has none
	Std       string // folder of the standard library's source; empty if this computer has none
	Static    fs.FS  // the page's files
	Dev       bool
	JudgeAny  bool     // pages may test servers on other computers
	Hosts     []string // names of the server, in addition to localhost and loopback addresses; if not empty, others can reach it
	Memory    int      // limit of all recordings together, roughly, in bytes; 0 means session.DefaultMemory
	Log       *log.Logger

	HeaderTimeout time.Duration // time to receive the header of a request; 0 means 10 s
	AnswerTimeout time.Duration // time to send a response; 0 means a minute
}

// Server is the lab server without its listeners. Use New.
type Server struct {
	Options
	sessions *session.Manager
	doors    *doors.Doors
	course   *lesson.Course
	plays    []*scenario.Scenario
	addr     string // host:port that raw clients dial
	assets   map[string]*asset

	listening []netip.AddrPort // addresses of the listeners

	judgings judgings
	servers  learnersServers
	stopping atomic.Bool // Serve has begun to end the sessions
}

// Limits of what a client may send, in bytes, and how slowly.
const (
	maxHeaderBytes = 16 << 10
	maxBody        = 1 << 20
	bodyTimeout    = 30 * time.Second
	idleTimeout    = 2 * time.Minute
)

// New returns a Server, or an error that names the mistakes in the lessons.
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
	s := &Server{Options: o, course: course, plays: plays, sessions: session.NewManager(o.Memory), assets: assets}
	s.doors = doors.New(s.httpServer())
	return s, nil
}

// httpServer returns a net/http server with all routes and limits.
func (s *Server) httpServer() *http.Server {
	return &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: s.HeaderTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      s.AnswerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          s.Log,
	}
}

// Serve accepts connections on all listeners until ctx ends. Raw clients dial the first
// listener. At the end Serve closes every WebSocket with 1001. Its error is that of a
// listener.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	s.addr = reachable(listeners[0].Addr())
	for _, l := range listeners {
		if tcp, ok := l.Addr().(*net.TCPAddr); ok {
			s.listening = append(s.listening, tcp.AddrPort())
		}
	}
	server := s.httpServer()
	serve := endpoint.Tapped(server, s.sessions.Stacks)
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
	s.doors.Close(grace)
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	for ; ended < len(listeners); ended++ {
		<-failed
	}
	return err
}

// reachable returns the address at which a program on this computer reaches a listener
// at a.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port) // [::] accepts IPv4 too
	}
	return a.String()
}

// shutdownTimeout is how long clients have to answer the Close frame with 1001.
const shutdownTimeout = 2 * time.Second

// route is a pattern of http.ServeMux and its handler.
type route struct {
	pattern string
	handler http.HandlerFunc
}

// routes returns all routes of the lab server. A test compares them with the list in
// labserver/README.md.
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
		{"POST /api/sessions/{id}/client", with(s.sessionOf, s.client)},
		{"POST /api/sessions/{id}/plays", with(s.sessionOf, s.play)},
		{"POST /api/sessions/{id}/plays/{play}", with(s.sessionOf, s.control)},
		{"POST /api/sessions/{id}/plays/{play}/done", with(s.sessionOf, s.performed)},
		{"POST /api/sessions/{id}/scenario", with(s.sessionOf, s.playRaw)},
		{"POST /api/sessions/{id}/ways", with(s.sessionOf, s.newWays)},
		{"POST /api/sessions/{id}/ways/{run}", with(s.sessionOf, s.steerWays)},
		{"GET /api/sessions/{id}/ways/{run}", with(s.sessionOf, s.ways)},
		{"GET /api/sessions/{id}/ways/{run}/{way}", found(s.sessionOf, s.way)},
		{"POST /api/sessions/{id}/ways/{run}/{way}", found(s.sessionOf, s.way)},
		{"POST /api/sessions/{id}/chat", with(s.sessionOf, s.chat)},
		{"GET /api/sessions/{id}/bugs", with(s.sessionOf, s.foundBugs)},
		{"POST /api/sessions/{id}/doors", with(s.sessionOf, s.doorRun)},
		{"POST /api/doors/http2", answer(s.doorHTTP2)},
		{"POST /api/doors/memory", answer(s.doorMemory)},
		{"GET /api/connections", answer(s.connections)},

		{"GET /api/scenarios", answer(s.allScenarios)},
		{"POST /api/dissect", answer(s.dissect)},
		{"GET /api/source", answer(s.source)},
		{"GET /api/source/line", answer(s.sourceLine)},
		{"GET /api/headermap", answer(s.headerMap)},
		{"GET /api/bugs", answer(s.allBugs)},
		{"GET /api/bugs/{number}", answer(s.bug)},

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

// handler returns the handler of all routes, with the guard.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, r.handler)
	}
	return s.recovered(s.guard(s.whileRunning(mux)))
}

// whileRunning refuses requests to the API while the lab server shuts down. Otherwise a
// page would get 404 for its session, and show only that error.
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

// recovered sends a response with status 500 for a request whose handler panics. Other
// requests continue.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v)
			default:
				s.Log.Printf("panic serving %s: %v\n%s", r.URL.Path, v, debug.Stack())
				http.Error(w, "500 The lab server failed to handle this request because of a programming mistake. Its log has the details. Other connections are not affected. Please report the mistake.", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}
