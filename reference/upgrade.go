package reference

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"wslab/reference/uri"
	"wslab/reference/wire"
)

// An Upgrader turns requests of net/http's server into connections. Its zero
// value is ready; it may be used concurrently and must not be changed in use.
//
// A connection that is used within the handler keeps net/http's goroutine, stack and
// buffers: about 18 KiB while idle. Server.ServeHTTP returns from the handler at once
// and frees them: 7.4 KiB remain (BenchmarkIdle). So a server with many idle
// connections should use a Server, on net/http or on bare TCP.
type Upgrader struct {
	// CheckOrigin reports whether a connection may be opened from where r's
	// Origin says (RFC 6455 §10.2). A browser lets any page open a WebSocket to
	// any host, with the user's cookies: this is the server's only defence.
	// Default: SameOrigin.
	CheckOrigin func(r *http.Request) bool

	// Subprotocols that the server speaks, the preferred one first.
	Subprotocols []string

	// ResponseHeader, when not nil, returns further fields of the answer that accepts
	// r, such as Set-Cookie. A field that the handshake writes itself is refused: the
	// client gets 500.
	ResponseHeader func(r *http.Request) http.Header

	Options Options
}

// SameOrigin reports whether r has no Origin, as from a client that is not a
// browser, or one whose host and port are those of r's Host (uri.SameOrigin).
func SameOrigin(r *http.Request) bool {
	return uri.SameOrigin(r.Header["Origin"], r.Host)
}

// Upgrade answers the opening handshake in r and takes the connection over from
// the server (RFC 6455 §4.2). A request that is none is refused with a status
// and a text that names every rule it breaks; the error is then a
// *HandshakeError, the response is written, and the handler has but to return.
func (u *Upgrader) Upgrade(w http.ResponseWriter, r *http.Request) (*Conn, error) {
	s := &Server{Subprotocols: u.Subprotocols, Options: u.Options}
	if u.CheckOrigin != nil {
		s.CheckOrigin = func(wire.Head) bool { return u.CheckOrigin(r) }
	}
	if u.ResponseHeader != nil {
		s.ResponseHeader = func(wire.Head) http.Header { return u.ResponseHeader(r) }
	}
	return s.upgrade(w, requestHead(r))
}

// upgrade answers request, which net/http has read, and takes the connection over.
func (s *Server) upgrade(w http.ResponseWriter, request wire.Head) (*Conn, error) {
	response, agreed, refused := s.answer(request)
	if refused != nil {
		return nil, refuse(w, refused)
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, refuse(w, &HandshakeError{Status: http.StatusInternalServerError, Head: request,
			Err: fmt.Errorf("the server does not hand its connections over: %w", err)})
	}
	// The server's deadlines were for a request, and the connection outlives it.
	_ = nc.SetDeadline(time.Time{})
	c := newConn(nc, wire.Server, s.Options)
	if err := c.WriteRaw(response); err != nil {
		c.shut("the opening handshake could not be answered")
		return nil, &HandshakeError{Head: request, Err: err}
	}
	// A client may send frames in the same segment as its handshake; the server
	// has then read them ahead.
	c.opened(agreed, rw.Reader)
	return c, nil
}

// requestHead returns r's head as it came, as far as net/http has kept it: the
// server moves Host and Transfer-Encoding out of the fields, and forgets their
// order.
func requestHead(r *http.Request) wire.Head {
	h := wire.Head{Method: r.Method, Target: r.RequestURI, Proto: r.Proto}
	if r.Host != "" {
		h.Fields = append(h.Fields, wire.Field{Name: "Host", Value: r.Host})
	}
	for _, coding := range r.TransferEncoding {
		h.Fields = append(h.Fields, wire.Field{Name: "Transfer-Encoding", Value: coding})
	}
	h.Fields = append(h.Fields, sortedFields(r.Header)...)
	return h
}

// refuse answers a handshake as e says, and returns e.
func refuse(w http.ResponseWriter, e *HandshakeError) error {
	fields, body := refusal(e)
	for _, f := range fields {
		w.Header().Add(f.Name, f.Value) // Connection may say close already
	}
	w.WriteHeader(e.Status)
	if _, werr := io.WriteString(w, body); werr != nil {
		e.Err = errors.Join(e.Err, werr)
	}
	return e
}
