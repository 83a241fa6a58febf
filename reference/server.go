package reference

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"wslab/reference/wire"
)

// A Handler serves one connection, in its own goroutine. request is the handshake that
// opened the connection. When the Handler returns, the Server closes the connection, with
// 1000 if it is still open.
type Handler func(c *Conn, request wire.Head)

// A Server passes every connection to one Handler. Serve accepts connections from a TCP
// listener and reads the opening handshake itself. ServeHTTP takes connections over from
// net/http. A Server must not be changed or copied after first use.
type Server struct {
	Handler Handler

	// CheckOrigin is like Upgrader.CheckOrigin, for the request as received. Default:
	// uri.SameOrigin with the request's Authority.
	CheckOrigin func(request wire.Head) bool

	// Subprotocols that the server speaks, the preferred one first.
	Subprotocols []string

	// ResponseHeader is like Upgrader.ResponseHeader, for the request as received.
	ResponseHeader func(request wire.Head) http.Header

	// HandshakeTimeout bounds the whole opening handshake, including TLS. For
	// ServeHTTP, use http.Server's ReadHeaderTimeout instead. Default: 5 s.
	HandshakeTimeout time.Duration

	Options Options

	// ErrorLog is called for refused handshakes, for errors of a listener, and for
	// panics in the Handler or in a handshake of Serve, which end only their own
	// connection. net/http handles panics in ServeHTTP. Default: package log, without
	// the refusals.
	ErrorLog func(err error)

	mu        sync.Mutex
	listeners map[net.Listener]bool
	shaking   map[net.Conn]bool // their handshake is not done
	conns     map[*Conn]bool
	closing   atomic.Bool
	running   sync.WaitGroup // goroutines of connections
}

// ErrServerClosed is what Serve returns after Shutdown.
var ErrServerClosed = errors.New("the server was shut down")

// Listen accepts connections on a TCP address, "127.0.0.1:8080", and serves
// them until s is shut down.
func (s *Server) Listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve accepts connections on l, which may be a TLS listener, until s is shut down, and
// closes l. If l fails, Serve tries again, at least once a second. It always returns an
// error: ErrServerClosed after Shutdown, or an error that is net.ErrClosed if l was
// closed.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	untrack, open := track(s, &s.listeners, l)
	defer untrack()
	if !open {
		return ErrServerClosed
	}
	for pause := time.Duration(0); ; {
		//lesson:begin accept
		nc, err := l.Accept()
		//lesson:end
		if err != nil {
			if s.closing.Load() {
				return ErrServerClosed
			}
			err = fmt.Errorf("accept a connection: %w", err)
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			s.tell(err) // the cause is often too many open files, and some will be closed
			pause = min(max(5*time.Millisecond, 2*pause), time.Second)
			time.Sleep(pause)
			continue
		}
		pause = 0
		//lesson:begin start
		if !s.start(func() { s.run(s.accept(nc)) }) {
			nc.Close()
		}
		//lesson:end
	}
}

// start runs f in a goroutine that Shutdown waits for. It does nothing after Shutdown.
func (s *Server) start(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.running.Go(f)
	return true
}

// track keeps x in one of s's sets until untrack is called. After Shutdown it reports
// false, and x must end.
func track[T comparable](s *Server, set *map[T]bool, x T) (untrack func(), open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *set == nil {
		*set = map[T]bool{}
	}
	(*set)[x] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(*set, x)
	}, !s.closing.Load()
}

// run handles c in a new goroutine, or reports err if there is no c. The old goroutine's
// stack has grown during the handshake and would stay large.
func (s *Server) run(c *Conn, request wire.Head, err error) {
	if err != nil {
		s.tell(err)
	} else if !s.start(func() { s.handle(c, request) }) {
		s.dismiss(c)
	}
}

// tell calls ErrorLog. Without one, errors other than refusals go to package log.
func (s *Server) tell(err error) {
	if s.ErrorLog != nil {
		s.ErrorLog(err)
	} else if _, refused := err.(*HandshakeError); !refused {
		log.Print(err)
	}
}

// panicked returns the error for a panic with value r while serving nc.
func panicked(what string, nc net.Conn, r any) error {
	return fmt.Errorf("the %s of %v panicked: %v\n%s", what, nc.RemoteAddr(), r, debug.Stack())
}

// dismiss closes c because s is shut down.
func (s *Server) dismiss(c *Conn) { _ = c.Close(wire.GoingAway, "the server shuts down") }

// accept answers the opening handshake on nc (RFC 6455 §4.2). The error is a
// *HandshakeError or reports a panic. After an error, accept has written a response if
// that was possible, and has closed nc.
func (s *Server) accept(nc net.Conn) (c *Conn, request wire.Head, err error) {
	untrack, open := track(s, &s.shaking, nc)
	defer untrack()
	var response []byte
	defer func() {
		if r := recover(); r != nil { // a panic in CheckOrigin or in Options.Observe
			err = panicked("handshake", nc, r)
			if response == nil {
				e := &HandshakeError{Status: http.StatusInternalServerError, Err: errors.New("the server failed")}
				_ = refuseTCP(nc, e.response())
			}
		}
		if err != nil {
			nc.Close()
		}
	}()
	if !open {
		return nil, request, &HandshakeError{Err: ErrServerClosed}
	}
	c = newConn(nc, wire.Server, s.Options)
	//lesson:begin request
	_ = nc.SetDeadline(c.m.o.Now().Add(timeout(s.HandshakeTimeout, 5*time.Second))) // if this fails, the read will fail too

	// 1. The request, of limited size.
	r := bufio.NewReader(nc)
	response, agreed, refused := s.answerFrom(r)
	//lesson:end

	// 2. The response.
	if refused != nil {
		if response != nil {
			if werr := refuseTCP(nc, response); werr != nil {
				refused.Err = errors.Join(refused.Err, werr)
			}
		}
		return nil, agreed.Head, refused
	}
	if _, err := nc.Write(response); err != nil {
		return nil, agreed.Head, &HandshakeError{Head: agreed.Head, Err: fmt.Errorf("send the response: %w", err)}
	}

	//lesson:begin buffered
	// 3. The connection, and frames that arrived right after the handshake.
	_ = nc.SetDeadline(time.Time{})
	c.opened(agreed, r)
	//lesson:end
	return c, agreed.Head, nil
}

// refuseTCP sends a response that refuses, and waits for it to arrive before nc is
// closed.
func refuseTCP(nc net.Conn, response []byte) error {
	if _, err := nc.Write(response); err != nil {
		return err
	}
	// As in hangUp: closing with unread bytes sends a reset, which might destroy the
	// response. The handshake's deadline still applies.
	if half, ok := nc.(halfCloser); ok && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(nc, 16*maxHead))
	}
	return nil
}

// handle passes c to the Handler and closes it afterwards.
func (s *Server) handle(c *Conn, request wire.Head) {
	untrack, open := track(s, &s.conns, c)
	defer untrack()
	defer func() {
		if r := recover(); r != nil {
			s.tell(panicked("handler", c.nc, r))
			_ = c.Close(wire.InternalServerError, "")
		}
		_ = c.CloseNow()
	}()
	if !open {
		s.dismiss(c)
		return
	}
	s.Handler(c, request)
	_ = c.Close(wire.NormalClosure, "")
}

// ServeHTTP makes s an http.Handler. It returns after the handshake. The Handler runs in
// a new goroutine, so that net/http frees its own goroutine and buffers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request := requestHead(r)
	c, err := s.upgrade(w, request)
	s.run(c, request, err)
}

// Shutdown closes the listeners, closes every connection with 1001, and waits until the
// handlers have returned. If ctx ends first, Shutdown closes the remaining TCP
// connections and returns the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing.Store(true)
	for l := range s.listeners {
		_ = l.Close()
	}
	for nc := range s.shaking {
		_ = nc.Close()
	}
	for c := range s.conns {
		s.running.Go(func() { s.dismiss(c) })
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		_ = c.CloseNow()
	}
	s.mu.Unlock()
	return ctx.Err()
}

// An Upgrader turns requests of net/http's server into connections. Its zero value is
// ready to use. It may be used concurrently and must not be changed after first use.
//
// A connection that is used within the handler keeps net/http's goroutine, stack and
// buffers: about 18 KiB while idle. Server.ServeHTTP returns from the handler at once
// and frees them: 7.4 KiB remain (BenchmarkIdle). So a server with many idle
// connections should use a Server, on net/http or on bare TCP.
type Upgrader struct {
	// CheckOrigin reports whether a page of r's Origin may open a connection (RFC 6455
	// §10.2). A browser lets any page open a WebSocket to any host, with the user's
	// cookies: this check is the server's only defense.
	// Default: uri.SameOrigin with r's Host.
	CheckOrigin func(r *http.Request) bool

	// Subprotocols that the server speaks, the preferred one first.
	Subprotocols []string

	// ResponseHeader, if not nil, returns more header fields for the response that
	// accepts r, such as Set-Cookie. A field that the handshake itself writes is an
	// error: the client gets 500.
	ResponseHeader func(r *http.Request) http.Header

	Options Options
}

// Upgrade answers the opening handshake in r and takes the connection over from
// the server (RFC 6455 §4.2). If the request breaks a rule, Upgrade responds with a
// status and a text that names every broken rule, and returns a *HandshakeError. The
// handler must then only return.
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
	//lesson:begin hijack
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, refuse(w, &HandshakeError{Status: http.StatusInternalServerError, Head: request,
			Err: fmt.Errorf("the HTTP server does not support taking over its connections: %w", err)})
	}
	// The server's deadlines were for a request, and the connection outlives it.
	_ = nc.SetDeadline(time.Time{})
	//lesson:end
	c := newConn(nc, wire.Server, s.Options)
	if err := c.WriteRaw(response); err != nil {
		c.shut("the opening handshake could not be answered")
		return nil, &HandshakeError{Head: request, Err: err}
	}
	//lesson:begin buffered
	// A client may send frames in the same TCP segment as its handshake. The HTTP
	// server has then already read them.
	c.opened(agreed, rw.Reader)
	//lesson:end
	return c, nil
}

// requestHead returns r's head as received, as far as net/http has kept it. net/http
// moves Host and Transfer-Encoding out of the fields, and does not keep the order.
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

// refuse sends the response for e, and returns e.
func refuse(w http.ResponseWriter, e *HandshakeError) error {
	fields, body := refusal(e)
	for _, f := range fields {
		w.Header().Add(f.Name, f.Value) // the field Connection may already have the value close
	}
	w.WriteHeader(e.Status)
	if _, werr := io.WriteString(w, body); werr != nil {
		e.Err = errors.Join(e.Err, werr)
	}
	return e
}
