package reference

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"wslab/reference/wire"
)

// leave gives reading and writing their last deadline, and whoever waits for
// either. The caller holds mu.
func (c *Conn) leave(d time.Duration) {
	c.leaving = true
	c.wakeWriters()
	_ = c.nc.SetDeadline(c.m.o.Now().Add(d)) // it fails only on a closed connection, where nothing waits
}

// Close runs the closing handshake (RFC 6455 §7.1.2): it sends a Close frame,
// discards what still comes until the peer's Close, for CloseTimeout at most,
// and closes the TCP connection, as a client after the server has, for
// FinTimeout at most (§7.1.1). Where CloseTimeout was not enough to write the
// Close frame, FinTimeout is left to find that of the peer. The connection is
// closed whatever the error, but for a *SendError: code or reason cannot be
// sent, and nothing has happened.
//
// It returns nil when the closing handshake was completed, no matter which end
// began, and an error that is net.ErrClosed when the connection was closed
// before.
func (c *Conn) Close(code wire.CloseCode, reason string) error {
	if err := checkClose(code, reason); err != nil {
		return err
	}
	if !c.beginClose(code, reason) {
		return fmt.Errorf("close: %w", net.ErrClosed)
	}
	// Somebody in ReadMessage is woken by the deadline at the latest.
	patience := time.NewTimer(c.m.o.CloseTimeout + c.m.o.FinTimeout)
	defer patience.Stop()
	_ = c.flush() // behind another writer it is that one's to do; if it fails, the peer's Close may be there to read
	select {
	case c.reading <- struct{}{}:
		defer c.reading.unlock()
	case <-patience.C:
		c.shut("the closing handshake took too long")
		return errNoClose
	}
	for {
		c.mu.Lock()
		err := c.verdict()
		c.mu.Unlock()
		if err != nil {
			c.hangUp()
			var peer *CloseError
			switch {
			case errors.Is(err, os.ErrDeadlineExceeded):
				return fmt.Errorf("%w: %w", errNoClose, err)
			case errors.As(err, &peer) && peer.Err == nil:
				return nil
			}
			return err
		}
		_, _ = c.fill(nil) // every end of it is in verdict: leaving is set
	}
}

// beginClose puts a Close frame out, unless the connection has its end already. It
// reports false where this end has closed it before.
func (c *Conn) beginClose(code wire.CloseCode, reason string) bool {
	c.mu.Lock()
	defer c.mu.Unlock() // whatever MaskKey does
	if c.m.State() == Closed || errors.Is(c.err, net.ErrClosed) {
		return false
	}
	if c.err == nil || !c.leaving {
		c.leave(c.m.o.CloseTimeout)
	}
	if c.err == nil {
		_ = c.m.SendClose(code, reason) // checked before, and the connection is open
		c.err = errLocalDone
	}
	return true
}

// CloseNow closes the TCP connection without a closing handshake. A peer that
// saw no Close frame reports 1006. It does nothing when c is closed.
func (c *Conn) CloseNow() error {
	c.mu.Lock()
	closed := c.m.State() == Closed
	if c.err == nil {
		c.err = errLocalDone
	}
	c.wakeWriters()
	c.mu.Unlock()
	if closed {
		return nil
	}
	return c.shut("this end closed TCP without a closing handshake")
}

// hangUp closes the TCP connection in the way that what went before asks for.
// The caller holds reading.
func (c *Conn) hangUp() {
	_ = c.drain() // the Close frame may still stand behind another writer's
	keep, wait, half := c.lastWait()
	if keep {
		return
	}
	if wait {
		// A TCP that is closed with bytes unread sends a reset, and a reset can
		// destroy the Close frame that is on its way. So: send FIN, then read to
		// the end. After a whole closing handshake the FIN is the server's first.
		if half != nil {
			_ = half.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, c.nc)
	}
	c.shut("this end closed TCP")
}

// halfCloser is a connection that can send FIN and still be read.
type halfCloser interface{ CloseWrite() error }

// lastWait reports whether TCP is to be kept open, by misbehavior, or whether the
// end of the peer's bytes is to be waited for, and begins that wait. half is not
// nil where this end's FIN comes first.
func (c *Conn) lastWait() (keep, wait bool, half halfCloser) {
	c.mu.Lock()
	defer c.mu.Unlock()
	failed := c.m.Err() != nil
	if failed {
		half, _ = c.nc.(halfCloser)
	}
	keep = c.m.closeReceived && !failed && c.m.o.Misbehave.KeepTCP
	wait = c.m.State() != Closed && c.readErr == nil && c.writeErr == nil &&
		(half != nil || c.m.closeReceived && c.m.role == wire.Client)
	if wait {
		c.leave(c.m.o.FinTimeout)
	}
	return keep, wait, half
}

// shut closes the TCP connection and tells the Machine.
func (c *Conn) shut(why string) error {
	err := c.nc.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m.TCPClosed(why)
	return err
}
