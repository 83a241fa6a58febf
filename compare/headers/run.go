package headers

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"

	"wslab/compare/endpoint"
	"wslab/reference/wire"
)

// Target is an endpoint in one role.
type Target struct {
	Endpoint string
	Role     wire.Role
	run      func(*conn)
}

// String returns "reference-server".
func (t Target) String() string { return t.Endpoint + "-" + t.Role.String() }

// Sender returns the role of the end that sends headers to t.
func (t Target) Sender() wire.Role { return t.Role.Peer() }

// Targets returns the servers and clients that have a map.
func Targets() []Target {
	var all []Target
	for _, e := range endpoint.Named() {
		all = append(all, Target{e.Name, wire.Server, func(c *conn) { serve(e, c) }})
	}
	for _, client := range endpoint.Clients() {
		all = append(all, Target{client.Name, wire.Client, func(c *conn) {
			c.answer = accept
			_ = client.Echo(c, "ws://127.0.0.1/") // c.seen has the result
		}})
	}
	return all
}

// Find returns the target of that endpoint and role. Its error lists all targets.
func Find(name, role string) (Target, error) {
	list := ""
	for _, t := range Targets() {
		if t.Endpoint == name && t.Role.String() == role {
			return t, nil
		}
		list += " " + t.String()
	}
	return Target{}, fmt.Errorf("there is no map of %q as %q. Use one of:%s", name, role, list)
}

const request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// serve makes e answer the request on c, as net/http would.
func serve(e endpoint.Endpoint, c *conn) {
	c.greet = []byte(request)
	kept, err := endpoint.KeepReads(one{c}).Accept()
	if err != nil {
		panic(err) // Accept of a one never fails
	}
	r := bufio.NewReaderSize(kept, 4096)
	req, err := http.ReadRequest(r)
	if err != nil {
		panic(err) // the request is fixed
	}
	e.Serve(&taken{conn: kept, rw: bufio.NewReadWriter(r, bufio.NewWriter(kept))}, req, nil, func(endpoint.Server) {})
}

// accept answers a client's handshake.
func accept(handshake []byte) []byte {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(handshake)))
	if err != nil {
		return []byte("HTTP/1.1 400 Bad Request\r\n\r\n")
	}
	return wire.AppendSwitchingProtocols(nil, req.Header.Get("Sec-WebSocket-Key"))
}

// one is a listener with one connection.
type one struct{ conn net.Conn }

func (l one) Accept() (net.Conn, error) { return l.conn, nil }
func (l one) Close() error              { return nil }
func (l one) Addr() net.Addr            { return address{} }

// taken is an http.ResponseWriter whose connection the handler takes over.
type taken struct {
	conn   net.Conn
	rw     *bufio.ReadWriter
	header http.Header
}

func (w *taken) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.conn, w.rw, nil }
func (w *taken) WriteHeader(int)                              {}
func (w *taken) Write(p []byte) (int, error)                  { return len(p), nil }

func (w *taken) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

// Run sends h to t in c, on a connection of its own, and returns the outcome.
func (t Target) Run(h Header, c Context) Outcome {
	frames := append(c.Before(t.Sender()), h.Bytes()...)
	conn := &conn{frames: frames, probe: Probe(t.Sender())}
	t.run(conn)
	return conn.seen.outcome(h, c)
}

// Map has the outcome of each header, by its number.
type Map [Count]Outcome

// Map sends every header to t in c, on all processors. If ctx ends first, Map returns the
// error of ctx.
func (t Target) Map(ctx context.Context, c Context) (*Map, error) {
	var m Map
	var wg sync.WaitGroup
	rows := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for row := range rows {
				for second := range 256 {
					n := row<<8 | second
					m[n] = t.Run(At(n), c)
				}
			}
		})
	}
	for row := 0; row < 256 && ctx.Err() == nil; row++ {
		rows <- row
	}
	close(rows)
	wg.Wait()
	return &m, ctx.Err()
}
