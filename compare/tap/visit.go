package tap

import (
	"errors"
	"io"
	"net"
	"slices"
)

// A Visitor receives the bytes of single exchanges of HTTP on a detached Conn. A server
// uses the same Conn for other requests, and the Visitor does not receive their bytes.
//
// The methods must not call the Conn. The order of the calls is the order on the wire.
type Visitor interface {
	// Bytes reports bytes as Recorder.Bytes does. It returns how many of the bytes
	// belong to the exchange, and whether the exchange is over.
	Bytes(d Direction, b []byte) (n int, over bool)
	// Fin, Failed and Closed report the end of TCP as those of a Recorder do, also
	// between exchanges.
	Fin(d Direction)
	Failed(d Direction, err error)
	Closed()
}

// Visit gives v the bytes of the current request that were read so far, and the bytes
// that follow until v says that the exchange is over. Callers must call Visit before the
// endpoint writes. v receives the end of TCP until Leave. If TCP has already ended, Visit
// returns false and does nothing.
func (c *Conn) Visit(v Visitor) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	if !slices.Contains(c.early.visitors, v) {
		c.early.visitors = append(c.early.visitors, v)
	}
	c.early.visitor = v
	b := c.early.bytes
	c.early.bytes, c.early.replied = nil, false
	c.visited(In, b)
	return true
}

// Leave ends the visit of v. v receives nothing more.
func (c *Conn) Leave(v Visitor) {
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	c.early.visitors = slices.DeleteFunc(c.early.visitors, func(w Visitor) bool { return v == w })
	if c.early.visitor == v {
		c.early.visitor, c.early.replied = nil, true
	}
}

// visited gives b to the Visitor. If the exchange is over, the next bytes read begin a
// request. The caller holds c.early.mu.
func (c *Conn) visited(d Direction, b []byte) {
	if len(b) == 0 {
		return
	}
	n, over := c.early.visitor.Bytes(d, b)
	if d == In { // the rest is the beginning of the next request
		c.early.keep(b[n:])
	}
	if over {
		c.early.visitor = nil
	}
}

// endsVisit reports the end of direction d to the Visitors: EOF, or another error of the
// socket.
func (c *Conn) endsVisit(d Direction, err error) {
	switch {
	case c.gone(), errors.Is(err, net.ErrClosed), deadlinePassed(err):
		return // the endpoint's own Close or deadline is the cause
	case errors.Is(err, io.EOF) && c.metReset():
		return // the Write that met the RST has reported it
	}
	for _, v := range c.visitors() {
		if errors.Is(err, io.EOF) {
			v.Fin(d)
		} else {
			v.Failed(d, err)
		}
	}
}

func (c *Conn) visitors() []Visitor {
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	return slices.Clone(c.early.visitors)
}
