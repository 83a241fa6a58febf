package tap

import (
	"net"
	"time"
)

// past is a deadline that has passed: it ends a Read or Write at once.
var past = time.Unix(1, 0)

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline also applies to a Read that waits at the valve. The time while the
// valve is shut does not count, because no bytes can arrive then. While the pump reads
// for the endpoint, the socket itself has no deadline.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed { // bury may own the socket
		return c.opError("set", net.ErrClosed)
	}
	c.readDeadline = c.clock.moment(t)
	c.changed()
	if c.pumping {
		return nil
	}
	return c.Conn.SetReadDeadline(c.clock.real(c.readDeadline))
}

// SetWriteDeadline also applies to a Write that waits for room at the valve, and the
// time while the valve is shut does not count. Bytes that the valve has accepted
// leave without a deadline.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	c.writeDeadline = c.clock.moment(t)
	c.changed()
	if c.pushing {
		return nil
	}
	return c.Conn.SetWriteDeadline(c.clock.real(c.writeDeadline))
}

// readExpired reports whether the endpoint's read deadline has passed.
func (c *Conn) readExpired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clock.expired(c.readDeadline)
}

// arm sets the endpoint's deadlines on the socket, in real time. c.mu is held.
func (c *Conn) arm() {
	if !c.pumping {
		c.Conn.SetReadDeadline(c.clock.real(c.readDeadline))
	}
	if !c.pushing {
		c.Conn.SetWriteDeadline(c.clock.real(c.writeDeadline))
	}
}

// expired reports whether deadline is set and has passed.
func expired(deadline time.Time) bool {
	return !deadline.IsZero() && time.Until(deadline) <= 0
}

// wait unlocks c.mu until changed is called, or until c's clock reaches deadline, if
// it is set.
func (c *Conn) wait(deadline time.Time) { c.waitReal(c.clock.real(deadline)) }

// waitReal is wait with a deadline in real time.
func (c *Conn) waitReal(deadline time.Time) {
	if c.wake == nil {
		c.wake = make(chan struct{})
	}
	wake := c.wake
	c.mu.Unlock()
	defer c.mu.Lock()
	if deadline.IsZero() {
		<-wake
		return
	}
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case <-wake:
	case <-t.C:
	}
}
