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
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"wslab/reference/wire"
)

// A Handler has a connection for as long as it runs, in a goroutine of its own.
// request is the handshake that opened it. When the Handler returns the connection
// is closed, with 1000 if it is still open.
type Handler func(c *Conn, request wire.Head)

// A Server gives every connection to one Handler, whichever way it came: Serve
// takes it from a bare TCP listener and reads the opening handshake itself,
// ServeHTTP takes it over from net/http. A Server must not be changed or copied
// once it is in use.
type Server struct {
	Handler Handler

	// CheckOrigin is that of an Upgrader, for the request as it came. Default:
	// wire.SameOrigin with the request's Authority.
	CheckOrigin func(request wire.Head) bool

	// Subprotocols that the server speaks, the preferred one first.
	Subprotocols []string

	// ResponseHeader is that of an Upgrader, for the request as it came.
	ResponseHeader func(request wire.Head) http.Header

	// HandshakeTimeout bounds the opening handshake as a whole, TLS included,
	// however slowly its bytes come. On the net/http path that is
	// http.Server's ReadHeaderTimeout. Default: 5 s.
	HandshakeTimeout time.Duration

	Options Options

	// ErrorLog is told of handshakes that were refused, of listeners that fail for
	// a while, and of panics in the Handler or in a handshake that Serve answers,
	// which end their connection and no other; those in ServeHTTP are net/http's.
	// Default: all but the refusals go to package log.
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

// Serve accepts connections on l, which may be a TLS listener, until s is shut
// down, and closes l. Where l fails it is tried again, once a second at least.
// Serve always returns an error: ErrServerClosed after Shutdown, or that l is closed.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	untrack, open := track(s, &s.listeners, l)
	defer untrack()
	if !open {
		return ErrServerClosed
	}
	for pause := time.Duration(0); ; {
		nc, err := l.Accept()
		if err != nil {
			if s.closing.Load() {
				return ErrServerClosed
			}
			err = fmt.Errorf("accept a connection: %w", err)
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			s.tell(err) // too many open files, most often: some will be closed
			pause = min(max(5*time.Millisecond, 2*pause), time.Second)
			time.Sleep(pause)
			continue
		}
		pause = 0
		if !s.start(func() { s.run(s.accept(nc)) }) {
			nc.Close()
		}
	}
}

// start runs f in a goroutine that Shutdown waits for, unless it is too late.
func (s *Server) start(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.running.Go(f)
	return true
}

// track keeps x in one of s's sets until untrack is called. It reports false
// where s has been shut down, and x must end.
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

// run leaves c to a goroutine of its own, or tells why there is no c: the stack
// of the one that shook hands has grown, and would stay so.
func (s *Server) run(c *Conn, request wire.Head, err error) {
	if err != nil {
		s.tell(err)
	} else if !s.start(func() { s.handle(c, request) }) {
		s.dismiss(c)
	}
}

// tell tells ErrorLog, or package log of what is the server's own.
func (s *Server) tell(err error) {
	if s.ErrorLog != nil {
		s.ErrorLog(err)
	} else if _, refused := err.(*HandshakeError); !refused {
		log.Print(err)
	}
}

// panicked returns what is told of a panic, which recover gave as r, in what
// served nc.
func panicked(what string, nc net.Conn, r any) error {
	return fmt.Errorf("the %s of %v panicked: %v\n%s", what, nc.RemoteAddr(), r, debug.Stack())
}

// dismiss closes c because s is shut down.
func (s *Server) dismiss(c *Conn) { _ = c.Close(wire.GoingAway, "the server shuts down") }

// accept answers the opening handshake on nc (RFC 6455 §4.2). The error is a
// *HandshakeError, or tells of a panic; its response has been written if there
// could be one, and nc is closed.
func (s *Server) accept(nc net.Conn) (c *Conn, request wire.Head, err error) {
	untrack, open := track(s, &s.shaking, nc)
	defer untrack()
	var response []byte
	defer func() {
		if r := recover(); r != nil { // in CheckOrigin, or in Options.Observe
			err = panicked("handshake", nc, r)
			if response == nil {
				_ = refuseTCP(nc, &HandshakeError{Status: http.StatusInternalServerError, Err: errors.New("the server failed")})
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
	_ = nc.SetDeadline(c.m.o.Now().Add(timeout(s.HandshakeTimeout, 5*time.Second))) // if it fails so will the read

	// 1. The request, of which nothing is believed and no more is held than fits.
	r := bufio.NewReader(nc)
	head, err := readHead(r)
	if errors.Is(err, errLongHead) {
		return nil, request, refuseTCP(nc, &HandshakeError{Status: http.StatusRequestHeaderFieldsTooLarge, Err: err})
	}
	if err != nil {
		return nil, request, &HandshakeError{Err: fmt.Errorf("read the request: %w", err)}
	}
	request, err = parseRequest(head)
	if err != nil {
		return nil, request, refuseTCP(nc, &HandshakeError{Status: http.StatusBadRequest, Head: request, Err: err})
	}

	// 2. The answer.
	if other := otherVersion(request); other != nil {
		return nil, request, refuseTCP(nc, other)
	}
	allowed := wire.SameOrigin(request.Values("Origin"), request.Authority())
	if s.CheckOrigin != nil {
		allowed = s.CheckOrigin(request)
	}
	var extra http.Header
	if s.ResponseHeader != nil {
		extra = s.ResponseHeader(request)
	}
	response, agreed, refused := answerRequest(request, s.Subprotocols, s.Options.Deflate, allowed, extra)
	if refused != nil {
		return nil, request, refuseTCP(nc, refused)
	}
	if _, err := nc.Write(response); err != nil {
		return nil, request, &HandshakeError{Head: request, Err: fmt.Errorf("send the answer: %w", err)}
	}

	// 3. The connection, and the frames that came right behind the handshake.
	_ = nc.SetDeadline(time.Time{})
	c.opened(agreed, r)
	return c, request, nil
}

// refuseTCP answers a handshake as e says, closes the connection behind the
// answer, and returns e.
func refuseTCP(nc net.Conn, e *HandshakeError) error {
	fields, body := refusal(e)
	if e.Status != http.StatusUpgradeRequired {
		fields = append(fields, wire.Field{Name: "Connection", Value: "close"})
	}
	fields = append(fields, wire.Field{Name: "Content-Length", Value: strconv.Itoa(len(body))})
	answer := appendHead(nil, fmt.Sprintf("HTTP/1.1 %d %s", e.Status, http.StatusText(e.Status)), fields)
	if _, werr := nc.Write(append(answer, body...)); werr != nil {
		e.Err = errors.Join(e.Err, werr)
		return e
	}
	// As in hangUp: bytes unread would make a reset of the close, and the reset
	// might destroy the answer. The handshake's deadline still runs.
	if half, ok := nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(nc, 16*maxHead))
	}
	return e
}

// handle gives c to the Handler and ends it afterwards.
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

// ServeHTTP makes s an http.Handler. It returns when the handshake is answered:
// the Handler runs in a goroutine of its own, so that of net/http's nothing is
// kept, neither its buffers nor its goroutine.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u := Upgrader{Subprotocols: s.Subprotocols, Options: s.Options}
	if s.CheckOrigin != nil {
		u.CheckOrigin = func(r *http.Request) bool { return s.CheckOrigin(requestHead(r)) }
	}
	if s.ResponseHeader != nil {
		u.ResponseHeader = func(r *http.Request) http.Header { return s.ResponseHeader(requestHead(r)) }
	}
	c, err := u.Upgrade(w, r)
	s.run(c, requestHead(r), err)
}

// Shutdown closes the listeners and every connection with 1001, and waits until
// the handlers have returned. When ctx ends first, what is left is cut off, and
// its error is returned.
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
