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

// SetReadDeadline holds for reads that wait at the valve as well. A deadline to
// come is put off by the time for which the valve is shut: nothing can arrive
// meanwhile. While the pump reads for the endpoint, the socket itself has no
// deadline.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed { // the socket may be bury's
		return c.opError("set", net.ErrClosed)
	}
	c.readDeadline = c.clock.moment(t)
	c.changed()
	if c.pumping {
		return nil
	}
	return c.Conn.SetReadDeadline(c.clock.real(c.readDeadline))
}

// SetWriteDeadline holds for writes that wait for room at the valve as well, and
// is put off as SetReadDeadline says. What was taken leaves without a deadline.
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

// readExpired reports whether the endpoint's read deadline has come.
func (c *Conn) readExpired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clock.expired(c.readDeadline)
}

// arm gives the socket the endpoint's deadlines, as they are now. c.mu is held.
func (c *Conn) arm() {
	if !c.pumping {
		c.Conn.SetReadDeadline(c.clock.real(c.readDeadline))
	}
	if !c.pushing {
		c.Conn.SetWriteDeadline(c.clock.real(c.writeDeadline))
	}
}

// expired reports whether deadline is one and has come. A socket whose deadline
// has come gives nothing, even when there is something.
func expired(deadline time.Time) bool {
	return !deadline.IsZero() && time.Until(deadline) <= 0
}

// wait unlocks c.mu until something has changed, or until c's clock shows
// deadline, if there is one.
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
