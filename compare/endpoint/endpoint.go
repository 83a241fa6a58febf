// Package endpoint gives the implementations under study one small interface: each
// takes over an HTTP request, echoes every message, and reports every call that its
// code makes, with the result.
//
//	list.go       all of them, with their roles
//	traced.go     a response writer that records who refuses a request
//	tapped.go     an HTTP server whose connections are tapped
//	reference.go  package reference of this module
//	gorilla.go    github.com/gorilla/websocket; nothing else imports it
//	naive.go      package naive of this module, with its faults
//	delivered.go  when the server has read a part of a request
//	broken.go     servers with one named mistake in their handshake
//	judged.go     the same servers for a judge: unrecorded, with a server's timeouts
//	clients.go    the clients under study
//	door.go       one server on a bare TCP listener and on net/http
//	idle.go       the memory of idle connections, measured for each way to serve them
//
// A scenario gives their code one order after the other:
//
//	actor.go      the part that all libraries share: the socket below them, orders that cannot be carried out
//	heartbeat.go  Pings at intervals, and closing TCP if no Pong arrives
//	process.go    a server in a process of its own, which can be killed
package endpoint

import (
	"cmp"
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

// MaxMessage is the size limit of a message that an endpoint receives, in bytes.
const MaxMessage = 1 << 20

// Timeouts of an endpoint. They give a learner time to think. On a tapped connection, its
// Clock measures them. The Clock stops while the wire is held.
const (
	IdleTimeout  = 30 * time.Minute // for the next message
	writeTimeout = 10 * time.Minute // for its own write
	closeTimeout = 10 * time.Minute // for the answer to its Close frame

	// noTimeout is for a library that measures a wait by real time.
	noTimeout = 24 * time.Hour
)

// clockOf returns the clock of the tap below conn, or nil if there is none.
func clockOf(conn net.Conn) *tap.Clock {
	if t, ok := conn.(*tap.Conn); ok {
		return t.Clock()
	}
	return nil
}

// Endpoint is an implementation under study: a server, and a client if it has
// one.
type Endpoint struct {
	Name string

	// Faulty is set if the endpoint breaks the protocol on purpose.
	Faulty bool

	// Serve answers the opening handshake in r and echoes every message until the
	// connection ends. It reports to rec, which may be nil. When the connection is open,
	// Serve calls opened with the server's end. opened must not block. Serve sends only
	// echoes and the frames that the protocol requires.
	Serve func(w http.ResponseWriter, r *http.Request, rec *recording.Connection, opened func(Server))

	// Echo does the opening handshake on conn as a client of url, "ws://host/path". It
	// echoes every message until the connection ends, or until no bytes have arrived for
	// IdleTimeout. It closes conn. The error is nil unless the handshake failed. If the
	// implementation has no client, Echo is nil.
	Echo func(conn net.Conn, url string) error

	perform performance
	judged  func(*tracking) // prepares Listen; nil if Listen cannot serve the endpoint
}

// Setup says how an endpoint behaves in a scenario. Actor carries out the scenario's
// orders.
type (
	Setup = scenario.Setup
	Actor = scenario.Actor
)

// limitOf returns the size limit of a message that setup asks for, in bytes.
func limitOf(setup Setup) int { return cmp.Or(setup.Limit, MaxMessage) }

// originCheck returns the application's check of the Origin, or nil for the library's.
func originCheck(setup Setup) func(*http.Request) bool {
	if setup.Origin == "" {
		return nil
	}
	return func(r *http.Request) bool { return r.Header.Get("Origin") == setup.Origin }
}

// performance is Endpoint.Perform of one library.
type performance func(w http.ResponseWriter, r *http.Request, rec *recording.Connection, setup Setup, opened func(Actor))

// Perform is Serve with the behavior of setup and with a server's end that carries out
// the orders of a scenario. A server by hand only does what a scenario orders, until
// Actor.End. With the zero Setup, Perform is Serve.
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
// concurrently with each other and with the echoes.
type Server interface {
	// Send sends one message. It sends one frame for each part if the library can.
	Send(op wire.Opcode, parts ...[]byte) error
	// Control sends a Ping or Pong.
	Control(op wire.Opcode, payload []byte) error
	// Close starts the closing handshake.
	Close(code wire.CloseCode, reason string) error
}

// describe describes a message or control frame: "text, 5 bytes".
func describe(op fmt.Stringer, n int) string {
	if n == 1 {
		return op.String() + ", 1 byte"
	}
	var b [40]byte // each call of a recorded echo needs it, so use one allocation
	return string(append(strconv.AppendInt(append(append(b[:0], op.String()...), ", "...), int64(n), 10), " bytes"...))
}
