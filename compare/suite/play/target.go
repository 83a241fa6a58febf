package play

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"wslab/compare/suite/transcript"
)

// Target is a server that echoes text and binary messages.
type Target struct {
	Name string
	Dial func(context.Context) (net.Conn, error) // TLS, where there is, is done
	Host string                                  // for the Host header field
	Path string                                  // with its query; "/" where empty
	TLS  bool
	// Patience multiplies all that the judge waits for at most; 0 is 1. A machine
	// that has much else to do needs more.
	Patience int
	// Silent says that it did not even echo one text, so that no case is worth a
	// long wait.
	Silent bool
	// Slow says that it takes long for each answer though it has nothing else to do,
	// so that more cases run at once.
	Slow bool
	// Stalls says that it is known to wait in many cases for bytes that nobody
	// sends, and to be quick in all others, so that none is worth a very long wait.
	Stalls bool
}

// ClientTarget is a client that echoes text and binary messages and connects
// again after each connection. Accept returns the next connection, from which
// the request can be read from its first byte.
type ClientTarget struct {
	Name   string
	Accept func(context.Context) (net.Conn, error)
	Keys   *Keys // of its connections; nil where they are not to be compared
	// Again is how long the next connection is waited for once there has been one
	// and none is left; 0 waits for ever, as for the first.
	Again time.Duration
	// More, when not nil, asks the client to connect once more than there are cases.
	More func()
	// Patience is that of a Target.
	Patience int
	// Browser says that it is one, so that the cases about browsers bind it.
	Browser bool
	// Risky says that it is sent a response that has frozen a browser, too. See
	// Withheld.
	Risky bool
	// Elsewhere returns an address for a Location, the connections that are made to
	// it, and what is to be called when no more are expected. near is the connection
	// on which the Location is sent. nil: a port of this machine.
	Elsewhere func(near net.Conn) (location string, asked <-chan net.Conn, stop func(), err error)
}

// deadline returns how long the judge waits since a byte last moved.
func (y *player) deadline() time.Duration { return y.c.AtMost() * y.slowness() }

// leastBound is the least upper bound of a case.
const leastBound = 10 * time.Second

// most returns the upper bound of the case, however many bytes still move.
func (y *player) most() time.Duration {
	c := y.c
	d := max(leastBound, 2*y.deadline())
	d += time.Duration(len(c.Opening.Writes)) * overslept(c.Opening.Gap)
	for _, s := range c.Steps {
		d += time.Duration(s.Writes()) * overslept(s.Gap)
		d += s.Time * y.slowness()
	}
	return d
}

// slowness returns how many times as long as usual the judge waits.
func (y *player) slowness() time.Duration { return time.Duration(max(1, y.patience)) }

// overslept returns how long a pause may become on a machine that has other
// things to do.
func overslept(gap time.Duration) time.Duration {
	if gap == 0 {
		return 0
	}
	return 2*gap + 10*time.Millisecond
}

// OverTLS returns what dials as dial does and agrees on TLS there.
func OverTLS(dial func(context.Context) (net.Conn, error), config *tls.Config) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, fmt.Errorf("%w: %w", transcript.ErrTLS, err)
		}
		return secure, nil
	}
}
