package endpoint

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"wslab/compare/scenario"
)

// stepTimeout bounds the wait of a judge's write for the server's reads.
const stepTimeout = 2 * time.Second

// A lockstep makes the naive server read all bytes of a judge's write before the judge
// writes again. That server treats one read as one frame. Without a lockstep, a busy
// computer would join two writes in one read, and the result of a case would be chance.
type lockstep struct {
	scenario.Changes
	links map[string]*link // by the client's address
}

// A link counts the bytes that one client has sent to the server. The lockstep guards it.
type link struct {
	written, read int64
	over          bool // one end is closed
}

// of returns the link of the client at addr. The end that asks first creates the link.
func (s *lockstep) of(addr string) *link {
	s.Lock()
	defer s.Unlock()
	if s.links[addr] == nil {
		s.links[addr] = new(link)
	}
	return s.links[addr]
}

// end marks l, the link of the client at addr, as over.
func (s *lockstep) end(addr string, l *link) {
	s.Lock()
	l.over = true
	if s.links[addr] == l {
		delete(s.links, addr)
	}
	s.Unlock()
	s.Tell()
}

// dial connects to the server at addr.
func (s *lockstep) dial(ctx context.Context, addr string) (net.Conn, error) {
	c, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &steppedClient{TCPConn: c.(*net.TCPConn), s: s, link: s.of(c.LocalAddr().String())}, nil
}

// accepted returns c with its reads counted.
func (s *lockstep) accepted(c net.Conn) net.Conn {
	return &steppedServer{c, s, s.of(c.RemoteAddr().String())}
}

// steppedServer is the server's end of a connection.
type steppedServer struct {
	net.Conn
	s    *lockstep
	link *link
}

func (c *steppedServer) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.s.Lock()
	c.link.read += int64(n)
	c.s.Unlock()
	c.s.Tell()
	return n, err
}

func (c *steppedServer) Close() error {
	err := c.Conn.Close()
	c.s.end(c.RemoteAddr().String(), c.link)
	return err
}

// steppedClient is the judge's end of a connection. A FIN or RST also waits, because an
// RST makes the server lose bytes that it has not read.
type steppedClient struct {
	*net.TCPConn
	s      *lockstep
	link   *link
	closed atomic.Bool
}

// NetConn returns the connection without the waits.
func (c *steppedClient) NetConn() net.Conn { return c.TCPConn }

// await waits until the server has read all bytes, for at most stepTimeout.
func (c *steppedClient) await() {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	_ = c.s.Await(ctx, func() bool { return c.link.over || c.link.read >= c.link.written })
}

func (c *steppedClient) Write(p []byte) (int, error) {
	c.await()
	c.s.Lock()
	c.link.written += int64(len(p))
	c.s.Unlock()
	return c.TCPConn.Write(p)
}

func (c *steppedClient) CloseWrite() error {
	c.await()
	return c.TCPConn.CloseWrite()
}

func (c *steppedClient) Close() error {
	if !c.closed.Swap(true) {
		c.await()
		defer c.s.end(c.LocalAddr().String(), c.link)
	}
	return c.TCPConn.Close()
}
