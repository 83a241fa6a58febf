package recording

import (
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Fin implements tap.Recorder.
func (c *Connection) Fin(d tap.Direction) uint64 {
	if d == tap.In {
		return c.tcp(c.sender(d), "fin", nil, dissect.NeverArrived)
	}
	return c.tcp(c.side, "fin", nil, dissect.NeverSent)
}

// Failed implements tap.Recorder.
func (c *Connection) Failed(d tap.Direction, err error) {
	what := "error"
	if tap.IsReset(err) {
		what = "rst"
	}
	why := dissect.NeverArrived
	if d == tap.Out {
		why = dissect.NotThere // the peer's bytes can still be read
	}
	c.tcp(c.side.Peer(), what, err, why)
}

// Reset implements tap.Recorder.
func (c *Connection) Reset() { c.tcp(c.side, "rst", nil, dissect.NeverSent) }

// Closed implements tap.Recorder.
func (c *Connection) Closed() uint64 { return c.tcp(c.side, "closed", nil, dissect.NeverSent) }

// Gone implements tap.Recorder. Closed has already recorded the end.
func (c *Connection) Gone() { c.Stacks(false) }

// tcp records the event what of side, and returns its seq. why is the reason why an
// incomplete frame of side lacks bytes. NotThere means that these bytes may still arrive.
// Every Write after a reset fails, but tcp records the reset once.
func (c *Connection) tcp(side wire.Role, what string, err error, why dissect.Missing) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.r.Now()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if what != "error" && why != dissect.NotThere {
		c.cut(at, side, why)
	}
	if what == "rst" && err != nil {
		if c.reset {
			return 0
		}
		c.reset = true
	}
	if what == "closed" {
		c.cut(at, side.Peer(), dissect.NotRead)
	}
	by := uint64(0)
	if side == c.side && err == nil {
		by = c.about.ends(c.r.next)
	}
	seq := c.r.appendBy(at, c.ID, side.String(), &TCP{What: what, Err: goError(err), Backlog: c.backlog(at)}, by, 0)
	if what == "closed" {
		c.open, c.closed = false, seq
	}
	if what == "closed" || what == "rst" {
		c.become(at, "CLOSED", "TCP is closed")
	}
	return seq
}
