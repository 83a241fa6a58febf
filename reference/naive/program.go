package naive

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Program is the naive server as a program with a listener: it accepts one client after
// the other. The zero Program has no client. Its methods may be called concurrently.
type Program struct {
	mu      sync.Mutex
	running bool      // a goroutine calls serve
	waiting []*client // clients that are not accepted
	current *client   // the client that the server serves, or has served last
}

// client is one client of a Program.
type client struct {
	server *server
	cage   *cage
	ended  chan error // has the result of Serve, once
}

// Serve passes conn to the server, which accepts it when no other client is left. Then
// the server answers the handshake that arrives on conn, and echoes every message, with
// all faults, until the connection ends. Serve closes conn. The error is nil if the server
// ended by itself, otherwise a *Stopped.
//
// If the cage stops the server, the server would not accept another client, so Serve
// returns for all waiting clients. A later Serve starts the server again.
func (p *Program) Serve(conn net.Conn, o Options) error {
	defer conn.Close()
	c := newCage(conn, o)
	s := &server{conn: c, make: c.make, deeper: c.deeper, log: c.log}
	s.opened = func() {
		if o.Opened != nil {
			o.Opened(&Server{s, c})
		}
	}
	client := &client{s, c, make(chan error, 1)}
	p.mu.Lock()
	p.waiting = append(p.waiting, client)
	if !p.running {
		p.running = true
		go p.run()
	}
	p.mu.Unlock()
	late := time.AfterFunc(c.limits.Accept, func() { p.leave(client) })
	defer late.Stop()
	return <-client.ended
}

// leave ends the wait of c, unless the server has accepted c.
func (p *Program) leave(c *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, c); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		c.ended <- &Stopped{Bound: Accept, Text: fmt.Sprintf("here it would have waited until the client before it leaves; the cage waited %v", c.cage.limits.Accept)}
	}
}

// run runs the server until it has no client, or until the cage stops it.
func (p *Program) run() {
	defer func() {
		v := recover()
		if v == errNoClient {
			return
		}
		err := stopped(v)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.running = false
		p.current.cage.Conn.Close()
		p.current.ended <- err
		text := "here it would have waited forever, because the server never returns from the client before it"
		if err.(*Stopped).Bound == Panic {
			text = "here its connection would have ended, because the client before it ends the whole program"
		}
		for _, c := range p.waiting {
			c.ended <- &Stopped{Bound: Accept, Text: text}
		}
		p.waiting = nil
	}()
	serve(p)
}

// errNoClient ends the server while it has no client.
var errNoClient = errors.New("no client")

// accept returns the server with the next client. The server has returned from the client
// before it.
func (p *Program) accept() *server {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		p.current.ended <- nil
		p.current = nil
	}
	if len(p.waiting) == 0 {
		p.running = false
		panic(errNoClient)
	}
	p.current, p.waiting = p.waiting[0], p.waiting[1:]
	return p.current.server
}

// Serve serves conn by a Program of its own.
func Serve(conn net.Conn, o Options) error { return new(Program).Serve(conn, o) }
