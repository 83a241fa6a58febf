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
	Dial func(context.Context) (net.Conn, error) // completes the TLS handshake, if any
	Host string                                  // for the Host header field
	Path string                                  // with its query; "" is "/"
	TLS  bool
	// Patience multiplies all time limits of the judge. 0 means 1. A busy computer needs
	// more.
	Patience int
	// Silent says that the target did not echo a single text. A long wait is then not
	// worthwhile.
	Silent bool
	// Slow says that the target needs long for each answer even when it is idle. So more
	// cases run at once.
	Slow bool
	// Stalls says that the target waits in many cases for bytes that the judge does not
	// send, and is quick in all others. A very long wait is then not worthwhile.
	Stalls bool
}

// ClientTarget is a client that echoes text and binary messages, and connects again after
// each connection. Accept returns the next connection. The request can be read from it,
// from the first byte on.
type ClientTarget struct {
	Name   string
	Accept func(context.Context) (net.Conn, error)
	Keys   *Keys // of its connections; nil: do not compare keys
	// Again is how long the judge waits for the next connection after the first one. 0
	// means no limit.
	Again time.Duration
	// More, when not nil, asks the client for one more connection than there are cases.
	More func()
	// Patience is that of a Target.
	Patience int
	// Browser says that the client is a browser, so that the cases about browsers bind it.
	Browser bool
	// Risky says that the judge also sends a response that has frozen a browser. See
	// transcript.Withheld.
	Risky bool
	// Elsewhere returns an address for a Location, the connections to that address, and a
	// function that ends it. near is the connection on which the judge sends the
	// Location. A nil Elsewhere means a port of this computer.
	Elsewhere func(near net.Conn) (location string, asked <-chan net.Conn, stop func(), err error)
}

// deadline returns how long the judge waits after the last byte in either direction.
func (y *player) deadline() time.Duration { return y.c.AtMost() * y.slowness() }

// leastBound is the smallest upper bound of the time of a case.
const leastBound = 10 * time.Second

// most returns the upper bound of the time of the case, even if bytes still move.
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

// slowness returns the factor of all time limits.
func (y *player) slowness() time.Duration { return time.Duration(max(1, y.patience)) }

// overslept returns how long a pause of gap may take on a busy computer.
func overslept(gap time.Duration) time.Duration {
	if gap == 0 {
		return 0
	}
	return 2*gap + 10*time.Millisecond
}

// OverTLS returns a function that calls dial and then does the TLS handshake. Its error
// is an ErrTLS.
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
