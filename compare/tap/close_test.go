package tap

import (
	"errors"
	"net"
	"testing"
)

// twice closes its Conn once more when a Close is recorded.
type twice struct {
	*lines
	conn   *Conn
	second chan error
}

func (r *twice) Closed() uint64 {
	id := r.lines.Closed()
	go func() { r.second <- r.conn.Close() }()
	r.second <- <-r.second
	return id
}

func TestOfTwoClosesAtOnceTheSecondGetsTheError(t *testing.T) {
	_, server, rec := loopback(t, false)
	r := &twice{lines: rec, conn: server, second: make(chan error, 1)}
	server.Attach(r, false)
	if first, second := server.Close(), <-r.second; first != nil || !errors.Is(second, net.ErrClosed) {
		t.Errorf("the first Close returned %v, the second %v", first, second)
	}
}
