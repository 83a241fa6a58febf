// Package endpoint puts the WebSocket servers under study behind one small
// interface: each takes over an HTTP request, echoes what it receives, and
// reports every call that its code makes and what came back.
//
//	list.go       all of them, with their roles
//	tapped.go     an HTTP server whose connections are tapped
//	reference.go  package reference of this module
//	gorilla.go    github.com/gorilla/websocket; nothing else imports it
//	naive.go      package naive of this module, with its faults
//	broken.go     servers that answer the handshake wrongly, each in one named way
//	judged.go     the same servers as a judge meets them: unrecorded, with a server's timeouts
//	clients.go    the clients under study
//
// A scenario gives their code orders, call by call:
//
//	actor.go      what all libraries do alike: the socket below them, and what cannot be done
//	heartbeat.go  Pings, and giving up when no Pong comes
//	process.go    a server in a process of its own, which can be killed
package endpoint

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// MaxMessage is the most bytes a message may have that an endpoint receives.
const MaxMessage = 1 << 20

// How long an endpoint waits. The times are a learner's, not a server's, and the
// lab's, not the library's: a tapped connection measures them by its Clock, which
// stands still while the wire is held.
const (
	IdleTimeout  = 30 * time.Minute // for the next message
	writeTimeout = 10 * time.Minute // for its own write to be taken
	closeTimeout = 10 * time.Minute // for the answer to its Close frame

	// noTimeout is for a library that would measure a wait by the real time.
	noTimeout = 24 * time.Hour
)

// clockOf returns the clock of the wire below conn, nil where none is tapped.
func clockOf(conn net.Conn) *tap.Clock {
	if t, ok := conn.(*tap.Conn); ok {
		return t.Clock()
	}
	return nil
}

// Endpoint is an implementation under study: a server, and a client where it has
// one.
type Endpoint struct {
	Name string

	// Faulty is set where it breaks the protocol on purpose.
	Faulty bool

	// Serve answers the opening handshake in r and echoes every message until
	// the connection ends. It reports to rec, which may be nil. When the
	// connection is open it calls opened with what the server can be told to
	// send; opened must not block. It never sends a frame unasked but what the
	// protocol demands and the echoes.
	Serve func(w http.ResponseWriter, r *http.Request, rec *recording.Connection, opened func(Server))

	// Echo shakes hands on conn as a client of url, "ws://host/path", and echoes
	// every message until the connection ends, or nothing has come for IdleTimeout.
	// It closes conn. The error is nil unless the handshake failed. Nil where there
	// is no client.
	Echo func(conn net.Conn, url string) error

	perform performance
	judged  func(*tracking) // what Listen serves; nil where it cannot
}

// Setup says how an endpoint performs in a scenario, and Actor is what the
// scenario gives its orders to.
type (
	Setup = scenario.Setup
	Actor = scenario.Actor
)

// performance is Endpoint.Perform of one library.
type performance func(w http.ResponseWriter, r *http.Request, rec *recording.Connection, setup Setup, opened func(Actor))

// Perform is Serve as setup says, with a server's end that obeys a scenario. By
// hand it does nothing but what it is told, until Actor.End; the zero Setup is
// Serve.
func (e Endpoint) Perform(w http.ResponseWriter, r *http.Request, rec *recording.Connection, setup Setup, opened func(Actor)) {
	switch {
	case setup.Process:
		performInProcess(e, w, r, rec, opened)
	case e.perform == nil:
		e.Serve(w, r, rec, func(s Server) { opened(&plainActor{s, rec}) })
	default:
		e.perform(w, r, rec, setup, opened)
	}
}

// serve is Endpoint.Serve of a library.
func (p performance) serve(w http.ResponseWriter, r *http.Request, rec *recording.Connection, opened func(Server)) {
	p(w, r, rec, Setup{}, func(a Actor) { opened(a) })
}

// Server is the server's end of an open connection. Its methods may be called
// concurrently, also with the echoes.
type Server interface {
	// Send sends one message, as far as the implementation can in one frame a part.
	Send(op wire.Opcode, parts ...[]byte) error
	// Control sends a Ping or Pong.
	Control(op wire.Opcode, payload []byte) error
	// Close starts the closing handshake.
	Close(code wire.CloseCode, reason string) error
}

// describe says what a message or control frame carries: "text, 5 bytes".
func describe(op fmt.Stringer, n int) string {
	if n == 1 {
		return op.String() + ", 1 byte"
	}
	var b [40]byte // each call of a recorded echo needs it: one allocation
	return string(append(strconv.AppendInt(append(append(b[:0], op.String()...), ", "...), int64(n), 10), " bytes"...))
}
