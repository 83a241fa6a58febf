package web

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"wslab/compare/endpoint"
	"wslab/labserver/internal/session"
)

// handshakeTimeout limits how long the response to a handshake may take to leave. It is
// long because the learner can hold the response.
const handshakeTimeout = 10 * time.Minute

// socket passes a WebSocket handshake at /ws/ENDPOINT to that endpoint. The session in
// the query records the connection, or a new session if the query has none. The endpoint
// itself judges the handshake.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) {
	// After a refusal the connection closes. A later request on it would not belong in the
	// recording.
	w.Header().Set("Connection", "close")
	e, err := endpoint.Find(r.PathValue("endpoint"))
	if err != nil {
		http.Error(w, "404 "+err.Error()+"\nUse /ws/reference, /ws/gorilla or /ws/naive.", http.StatusNotFound)
		return
	}
	query := r.URL.Query()
	client := query.Get("client")
	if len(client) > session.MaxClient {
		http.Error(w, fmt.Sprintf("400 The name of the client has %d bytes. Use at most %d.", len(client), session.MaxClient), http.StatusBadRequest)
		return
	}
	conn := endpoint.TapOf(r)
	if conn == nil {
		http.Error(w, "501 The lab server cannot record this connection, because it is not plain HTTP/1.1 over TCP. Connect with ws://.", http.StatusNotImplemented)
		return
	}
	if !bytes.HasPrefix(conn.Early(), []byte(r.Method+" "+r.RequestURI+" ")) {
		// The bytes read so far begin with another request. The recording would begin with
		// it too.
		http.Error(w, "400 This handshake arrived in the same TCP segment as another request. Open a new connection for it.", http.StatusBadRequest)
		return
	}
	var sess *session.Session
	if id := query.Get("session"); id == "" {
		if sess, err = s.sessions.New(routeOf(r), true); err != nil {
			http.Error(w, "503 "+err.Error(), http.StatusServiceUnavailable)
			return
		}
	} else if found, ok := s.sessions.Get(id); ok {
		sess = found
	} else {
		http.Error(w, "404 There is no session "+clipped(id, 40)+". It may have ended. Reload the page, or leave ?session= out.", http.StatusNotFound)
		return
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(handshakeTimeout))
	if err := sess.Serve(w, r, e, conn, client); err != nil {
		http.Error(w, "503 "+err.Error(), http.StatusServiceUnavailable)
	}
}

// takeOver takes the connection of r from the HTTP server. Its Read returns the request
// again, from the first byte. On failure it sends a response and returns nil.
func takeOver(w http.ResponseWriter, r *http.Request) *begun {
	w.Header().Set("Connection", "close")
	tapped := endpoint.TapOf(r)
	if tapped == nil {
		http.Error(w, "501 The lab server cannot record this connection, because it is not plain HTTP/1.1 over TCP. Connect with ws://.", http.StatusNotImplemented)
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

// begun is a connection whose first bytes were already read. Read returns those bytes
// again.
type begun struct {
	net.Conn
	first  *bytes.Reader
	number int // number of its test case; 0 for any
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
