package suite

import (
	"io"
	"slices"

	"wslab/compare/tcptest"
	"wslab/reference/wire"
)

// mini is a small endpoint that echoes, and makes one mistake, or none. What is
// right in it is written once; each mistake is a word in a condition.
type mini struct {
	makes string
	does  func(*mini) // in place of the echo, once the WebSocket is open
	host  string      // of a client's request, see hostOf
	role  wire.Role
	conn  *tcptest.Conn
	in    []byte // read, and not yet used
	buf   []byte // of more
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

// more reads once, at most limit bytes.
func (m *mini) more(limit int) error {
	if m.buf == nil {
		m.buf = make([]byte, 64<<10)
	}
	n, err := m.conn.Read(m.buf[:min(limit, len(m.buf))])
	m.in = append(m.in, m.buf[:n]...)
	return err
}
