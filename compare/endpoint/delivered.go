package endpoint

import (
	"context"
	"net"
)

// deliveries counts the bytes that servers with KeepReads read, for the clients that called
// Delivered.
var deliveries = &lockstep{links: map[string]*link{}}

// Delivered begins to count the bytes that a server in this process, with KeepReads, reads
// from its client conn. wait waits until the server has read n bytes, for at most
// stepTimeout, and ends the count.
func Delivered(conn net.Conn) (wait func(ctx context.Context, n int)) {
	addr := conn.LocalAddr().String()
	l := deliveries.of(addr)
	return func(ctx context.Context, n int) {
		ctx, cancel := context.WithTimeout(ctx, stepTimeout)
		defer cancel()
		_ = deliveries.Await(ctx, func() bool { return l.read >= int64(n) })
		deliveries.end(addr, l)
	}
}

// delivered counts n bytes of the client at addr, if the client called Delivered.
func delivered(addr net.Addr, n int) {
	deliveries.Lock()
	l := deliveries.links[addr.String()]
	if l != nil {
		l.read += int64(n)
	}
	deliveries.Unlock()
	if l != nil {
		deliveries.Tell()
	}
}
