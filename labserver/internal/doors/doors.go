// Package doors has the ways to a WebSocket server of lesson 10: a bare TCP listener on
// which the reference reads the request itself, net/http before the same server, and the
// naive server on a bare listener.
//
//	doors.go   the listeners, and who may use them
//	http2.go   one port with TLS, HTTP/2 and HTTP/1.1
//	memory.go  the memory of idle connections
//
// The listeners accept only connections that the lab server itself has dialed. They close
// all others at once, so a page of another site or another program cannot use them.
package doors

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"wslab/compare/endpoint"
	"wslab/reference"
)

// Names are the names of all doors.
var Names = []string{endpoint.Listener, endpoint.NetHTTP, endpoint.Naive}

// dialTimeout bounds one dial of a door.
const dialTimeout = 5 * time.Second

// Doors are the listeners of a lab server. Its methods may be called concurrently. The
// listeners open at the first use. Callers must call Close.
type Doors struct {
	server *reference.Server // of both Listener and NetHTTP
	http   *http.Server

	ctx    context.Context // ends when Close begins
	cancel context.CancelFunc

	mu    sync.Mutex
	doors map[string]*door // nil before the first use
	work  sync.WaitGroup   // goroutines that serve

	turn chan struct{} // held by a run of HTTP2 or Memory
}

// New returns Doors. h has the limits and the pages of the net/http server. h.Handler then
// also has the WebSocket.
func New(h *http.Server) *Doors {
	d := &Doors{http: h, turn: make(chan struct{}, 1)}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.server = endpoint.DoorServer(h.ReadHeaderTimeout, func(err error) {
		if h.ErrorLog != nil {
			h.ErrorLog.Print(err)
		} else {
			log.Print(err)
		}
	})
	h.Handler = endpoint.DoorHandler(d.server, h.Handler)
	h.ConnContext = endpoint.DoorContext
	return d
}

var errClosed = errors.New("the lab server is shutting down")

// Dial connects to the door called name. Before the server sees its end of the connection,
// arrive gets it, and returns it as a Door. If arrive returns nil, the connection closes.
func (d *Doors) Dial(ctx context.Context, name string, arrive func(net.Conn) *endpoint.Door) (net.Conn, error) {
	if err := d.open(); err != nil {
		return nil, err
	}
	way, ok := d.doors[name]
	if !ok {
		return nil, fmt.Errorf("there is no door %.40q", name)
	}
	return way.dial(ctx, arrive)
}

// open opens the listeners, unless they are open.
func (d *Doors) open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.ctx.Err() != nil:
		return errClosed
	case d.doors != nil:
		return nil
	}
	all := map[string]*door{}
	for _, name := range Names {
		way, err := newDoor()
		if err != nil {
			for _, other := range all {
				other.Close()
			}
			return err
		}
		all[name] = way
	}
	d.doors = all
	d.work.Go(func() { _ = d.server.Serve(all[endpoint.Listener]) })
	d.work.Go(func() { _ = d.http.Serve(all[endpoint.NetHTTP]) })
	d.work.Go(func() { d.serveNaive(all[endpoint.Naive]) })
	return nil
}

// serveNaive serves l until it is closed.
func (d *Doors) serveNaive(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		d.work.Go(func() {
			defer context.AfterFunc(d.ctx, func() { nc.Close() })()
			endpoint.ServeNaive(nc.(*endpoint.Door))
		})
	}
}

// Close closes the listeners and waits for the connections. It aborts those that are open
// when ctx ends.
func (d *Doors) Close(ctx context.Context) {
	d.mu.Lock()
	d.cancel() // under mu, so that no listener opens after this
	if d.doors != nil {
		d.doors[endpoint.Naive].Close()
	}
	d.mu.Unlock()
	_ = d.server.Shutdown(ctx)
	if d.http.Shutdown(ctx) != nil {
		d.http.Close()
	}
	d.work.Wait()
}

// door is a listener that accepts only connections that were dialed with dial.
type door struct {
	net.Listener

	mu       sync.Mutex // held during a dial, so that Accept finds the client's address
	expected map[string]func(net.Conn) *endpoint.Door
}

func newDoor() (*door, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	return &door{Listener: l, expected: map[string]func(net.Conn) *endpoint.Door{}}, err
}

// Accept returns the next expected connection, as a Door.
func (w *door) Accept() (net.Conn, error) {
	for {
		nc, err := w.Listener.Accept()
		if err != nil {
			return nil, err
		}
		client := nc.RemoteAddr().String()
		w.mu.Lock()
		arrive := w.expected[client]
		delete(w.expected, client)
		w.mu.Unlock()
		if arrive != nil {
			if door := arrive(nc); door != nil {
				return door, nil
			}
		}
		nc.Close()
	}
}

func (w *door) dial(ctx context.Context, arrive func(net.Conn) *endpoint.Door) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	dialer := net.Dialer{Timeout: dialTimeout}
	nc, err := dialer.DialContext(ctx, "tcp", w.Addr().String())
	if err == nil {
		w.expected[nc.LocalAddr().String()] = arrive
	}
	return nc, err
}
