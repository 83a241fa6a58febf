package endpoint

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

// DoorSource has this file, which a lesson shows.
//
//go:embed door.go
var DoorSource embed.FS

// The names of the two ways to one server: it reads the request itself, or net/http
// does.
const (
	Listener = "listener"
	NetHTTP  = "net-http"
)

// DoorPath is the path of the WebSocket on a net/http server of DoorHandler.
const DoorPath = "/echo"

// The runs of raw clients, which send the same bytes to several Doors.
const (
	DoorWhole = "whole"  // the request in one segment
	DoorCut   = "cut"    // the request in two segments, cut in the middle of a header line
	DoorCutAt = "cut-at" // the request in two segments, cut where the learner says
	DoorGlued = "glued"  // the request and a frame in one segment
	DoorLong  = "long"   // a request with a long header field
	DoorSize  = "size"   // the same, of a size that the learner says
	DoorPage  = "page"   // a request for a page
	DoorNaive = "naive"  // like DoorSize, to the naive server
)

// DoorRuns are all runs of raw clients.
var DoorRuns = []string{DoorWhole, DoorCut, DoorCutAt, DoorGlued, DoorLong, DoorSize, DoorPage, DoorNaive}

// A Door is a tapped connection from its first byte. Its recording, which may be nil,
// also has the deadlines that a server sets until the WebSocket is open.
type Door struct {
	*tap.Conn
	Rec    *recording.Connection
	Opened func(Server)

	open atomic.Bool
}

// SetDeadline records the call.
func (d *Door) SetDeadline(t time.Time) error {
	return d.deadline("net.Conn.SetDeadline", t, d.Conn.SetDeadline)
}

// SetReadDeadline records the call.
func (d *Door) SetReadDeadline(t time.Time) error {
	return d.deadline("net.Conn.SetReadDeadline", t, d.Conn.SetReadDeadline)
}

// SetWriteDeadline records the call.
func (d *Door) SetWriteDeadline(t time.Time) error {
	return d.deadline("net.Conn.SetWriteDeadline", t, d.Conn.SetWriteDeadline)
}

func (d *Door) deadline(name string, t time.Time, set func(time.Time) error) error {
	if d.Rec == nil || d.open.Load() {
		return set(t)
	}
	call := d.Rec.Enter(recording.Doing{Verb: recording.VerbOther, Name: name, Args: moment(t), Socket: true})
	err := set(t)
	call.Return("nil", err)
	return err
}

// moment describes a deadline, rounded to seconds.
func moment(t time.Time) string {
	switch left := time.Until(t).Round(time.Second); {
	case t.IsZero():
		return "none"
	case left < 0:
		return "in the past"
	default:
		return "in " + left.String()
	}
}

func (d *Door) opened(s Server) {
	d.open.Store(true)
	if d.Opened != nil {
		d.Opened(s)
	}
}

// DoorServer returns a server that echoes on Doors. The same server works on a listener
// of Doors and, with DoorHandler, on net/http. timeout bounds the opening handshake on the
// listener. log receives panics and errors of the listener.
func DoorServer(timeout time.Duration, log func(error)) *reference.Server {
	return &reference.Server{
		HandshakeTimeout: timeout,
		Options: reference.Options{
			MaxMessage: MaxMessage, WriteTimeout: writeTimeout, CloseTimeout: noTimeout,
			HoldFlush: -1, // the bytes of each call must leave separately
		},
		Handler: func(c *reference.Conn, _ wire.Head) {
			nc := c.NetConn()
			if secret, ok := nc.(interface{ NetConn() net.Conn }); ok { // *tls.Conn
				nc = secret.NetConn()
			}
			door := nc.(*Door)
			s := &referenceServer{socket: newSocket(door.Rec), conn: c}
			s.socket.conn = door.Conn
			// Close waits for the peer's Close frame, which the loop reads.
			defer func() {
				s.closing.Lock()
				defer s.closing.Unlock()
			}()
			door.opened(s)
			perform(s, Setup{})
		},
		ErrorLog: func(err error) {
			var refused *reference.HandshakeError
			if !errors.As(err, &refused) { // the recording has the refusal
				log(err)
			}
		},
	}
}

// doorKey is the key of a Door in a request's context.
type doorKey struct{}

// DoorContext is the ConnContext of a net/http server on Doors.
func DoorContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, doorKey{}, c)
}

// DoorHandler returns a handler that passes DoorPath to server, and all other requests to
// pages.
func DoorHandler(server *reference.Server, pages http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.HandleFunc(DoorPath, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 { // a stream of HTTP/2 is not a connection that can be taken over
			w = hijacked{w, r}
		}
		server.ServeHTTP(w, r)
	})
	return mux
}

// hijacked records the Hijack of a connection, with the size of the buffer that net/http
// returns.
type hijacked struct {
	http.ResponseWriter
	r *http.Request
}

// Hijack implements http.Hijacker.
func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	var rec *recording.Connection
	if door, ok := h.r.Context().Value(doorKey{}).(*Door); ok {
		rec = door.Rec
	}
	call := rec.Enter(recording.Doing{Verb: recording.VerbOther, Name: "http.Hijacker.Hijack"})
	nc, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		call.Return("", err)
		return nil, nil, err
	}
	call.Return(fmt.Sprintf("a net.Conn, and %s in a bufio.Reader", recording.ByteCount(rw.Reader.Buffered())), nil)
	return nc, rw, nil
}

// ServeNaive lets the naive server answer on d. Its errors are in the recording.
func ServeNaive(d *Door) { _ = naive.Serve(d.Conn, naiveOptions(d.Rec, d.opened)) }
