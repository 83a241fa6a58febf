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

// leave sets the last deadline, d from now, for all reading and writing, including calls
// that already wait. The caller holds mu.
func (c *Conn) leave(d time.Duration) {
	c.leaving = true
	c.wakeWriters()
	_ = c.nc.SetDeadline(c.m.o.Now().Add(d)) // setting a deadline fails only on a closed connection, where no call waits
}

// Close runs the closing handshake (RFC 6455 §7.1.2). It sends a Close frame, discards
// messages until the peer's Close frame arrives (for at most CloseTimeout), and closes
// the TCP connection. A client first waits until the server closes TCP, for at most
// FinTimeout (§7.1.1). If the Close frame could not be written within CloseTimeout,
// Close looks for the peer's Close frame for at most FinTimeout. The connection is
// closed whatever the error, except for a *SendError: then the code or reason was not
// allowed, and the connection is unchanged.
//
// It returns nil if the closing handshake was completed, no matter which end started
// it, and an error that is net.ErrClosed if the connection was already closed.
func (c *Conn) Close(code wire.CloseCode, reason string) error {
	if err := checkClose(code, reason); err != nil {
		return err
	}
	if !c.beginClose(code, reason) {
		return fmt.Errorf("close: %w", net.ErrClosed)
	}
	// A goroutine in ReadMessage returns at the deadline at the latest.
	patience := time.NewTimer(c.m.o.CloseTimeout + c.m.o.FinTimeout)
	defer patience.Stop()
	_ = c.flush() // if another writer is active, it sends the frame; if this fails, the peer's Close frame may still be readable
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
		_, _ = c.fill(nil) // verdict returns its error, because leaving is set
	}
}

// beginClose sends a Close frame unless the connection has already ended. It reports
// false if this end has already closed it.
func (c *Conn) beginClose(code wire.CloseCode, reason string) bool {
	c.mu.Lock()
	defer c.mu.Unlock() // even if MaskKey panics
	if c.m.State() == Closed || errors.Is(c.err, net.ErrClosed) {
		return false
	}
	if c.err == nil || !c.leaving {
		c.leave(c.m.o.CloseTimeout)
	}
	if c.err == nil {
		_ = c.m.SendClose(code, reason) // the code and reason were checked, and the connection is open
		c.err = errLocalDone
	}
	return true
}

// CloseNow closes the TCP connection without a closing handshake. A peer that received
// no Close frame reports 1006. It does nothing if c is already closed.
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

// hangUp closes the TCP connection as RFC 6455 §7.1.1 and §7.1.7 require. The caller
// holds reading.
func (c *Conn) hangUp() {
	_ = c.drain() // another writer may be ahead of the Close frame
	keep, wait, half := c.lastWait()
	if keep {
		return
	}
	if wait {
		// Closing TCP with unread bytes sends a reset, which can destroy the Close
		// frame on its way. So send FIN, then read to the end. After a complete
		// closing handshake, the server sends its FIN first.
		if half != nil {
			_ = half.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, c.nc)
	}
	c.shut("this end closed TCP")
}

// halfCloser is a connection that can send FIN and still be read.
type halfCloser interface{ CloseWrite() error }

// lastWait reports whether to keep TCP open (by misbehavior) and whether to wait for the
// peer's FIN, and sets the deadline for that. half is not nil if this end sends its FIN
// first.
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
