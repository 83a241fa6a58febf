package suite

import (
	"io"
	"net"
	"slices"
	"sync"

	"wslab/reference/wire"
)

// mini is a small endpoint that echoes, and makes one mistake, or none. What is
// right in it is written once; each mistake is a word in a condition.
type mini struct {
	makes string
	does  func(*mini) // in place of the echo, once the WebSocket is open
	host  string      // of a client's request, see hostOf
	role  wire.Role
	conn  *net.TCPConn
	peer  *writes
	in    []byte // read, and not yet used
	keys  byte
	over  bool // nothing more can come
	bad   bool // a piece of a text was not UTF-8
}

func (m *mini) is(codes ...string) bool { return slices.Contains(codes, m.makes) }

// run serves, or is a client on, one connection until it is over.
func (m *mini) run() {
	defer m.conn.Close()
	opens := m.answer
	if m.role == wire.Client {
		opens = m.ask
	}
	switch {
	case !opens():
	case m.does != nil:
		m.does(m)
	default:
		m.echo()
	}
}

// leave ends this side of TCP and waits for the other.
func (m *mini) leave() {
	_ = m.conn.CloseWrite()
	_, _ = io.Copy(io.Discard, m.conn)
}

// more reads once, limit bytes at most, and no more than the judge has written
// at once: how TCP cuts is then the same in every run, however busy the machine.
func (m *mini) more(limit int) error {
	b := make([]byte, 1)
	if _, err := io.ReadFull(m.conn, b); err != nil {
		return err
	}
	b = append(b, make([]byte, m.peer.take(limit)-1)...)
	n, err := io.ReadFull(m.conn, b[1:])
	m.in = append(m.in, b[:1+n]...)
	return err
}

// writes are the sizes of the judge's TCP writes that were not read yet.
type writes struct {
	mu    sync.Mutex
	sizes []int
}

// take takes bytes off the first write, limit at most, and returns how many.
func (w *writes) take(limit int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(limit, w.sizes[0])
	if w.sizes[0] -= n; w.sizes[0] == 0 {
		w.sizes = w.sizes[1:]
	}
	return n
}

// countedConn is the judge's end of a connection, which notes its writes.
type countedConn struct {
	*net.TCPConn
	writes
}

func (c *countedConn) NetConn() net.Conn { return c.TCPConn }

func (c *countedConn) Write(b []byte) (int, error) {
	if len(b) > 0 {
		c.mu.Lock()
		c.sizes = append(c.sizes, len(b))
		c.mu.Unlock()
	}
	return c.TCPConn.Write(b)
}
