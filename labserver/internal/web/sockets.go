package web

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"time"

	"wslab/compare/endpoint"
	"wslab/labserver/internal/session"
)

// handshakeTimeout is how long the answer to a handshake may wait to be taken.
// It is a learner's time: a refusal can be held at the valve as well.
const handshakeTimeout = 10 * time.Minute

// socket hands a WebSocket handshake at /ws/ENDPOINT to that endpoint, recorded
// in the session that it names, or in one of its own when it names none. What
// is wrong with the handshake is the endpoint's to say.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) {
	// After a refusal the connection ends: nothing else that might follow on it
	// belongs into the recording.
	w.Header().Set("Connection", "close")
	e, err := endpoint.Find(r.PathValue("endpoint"))
	if err != nil {
		http.Error(w, "404 "+err.Error()+"\nTry /ws/reference, /ws/gorilla or /ws/naive.", http.StatusNotFound)
		return
	}
	query := r.URL.Query()
	client := query.Get("client")
	if len(client) > session.MaxClient {
		http.Error(w, "400 The client's name is too long.", http.StatusBadRequest)
		return
	}
	conn := endpoint.TapOf(r)
	if conn == nil {
		http.Error(w, "501 This connection cannot be recorded: it is not plain HTTP/1.1 over TCP.", http.StatusNotImplemented)
		return
	}
	if !bytes.HasPrefix(conn.Early(), []byte(r.Method+" "+r.RequestURI+" ")) {
		// What was read is not this request alone, so the recording would begin with another.
		http.Error(w, "400 This handshake came behind another request in the same TCP segment. Open a connection of its own for it.", http.StatusBadRequest)
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
		http.Error(w, "404 There is no session "+clipped(id, 40)+"; it may have ended. Leave ?session= out, or reload the page.", http.StatusNotFound)
		return
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(handshakeTimeout))
	if err := sess.Serve(w, r, e, conn, client); err != nil {
		http.Error(w, "503 "+err.Error(), http.StatusServiceUnavailable)
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
