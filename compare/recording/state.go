package recording

import (
	"time"

	"wslab/reference/wire"
)

// become records a state of the connection that follows from the wire (RFC 6455 §4.1,
// §7.1.3, §7.1.4). If the endpoint reports its own state, only a refusal is recorded
// here: an endpoint that refuses reports no state. c.mu and c.r.mu are held.
func (c *Connection) become(at time.Duration, state, why string) {
	was := c.state
	c.state = state
	refused := was == "CONNECTING" && state == "CLOSED"
	if c.own && !refused || was == state && state != "CONNECTING" {
		return
	}
	if was == state {
		was = ""
	}
	c.r.append(at, c.ID, c.side.String(), &State{Side: c.side.String(), State: state, Was: was, Why: why})
}

// closing notes a Close frame of from that this end has sent or received. c.mu and c.r.mu
// are held.
func (c *Connection) closing(at time.Duration, from wire.Role) {
	if c.state == "OPEN" {
		c.become(at, "CLOSING", "a Close frame from the "+from.String())
	}
}

// OwnState says that the endpoint will report its own state with Observed, so that c
// does not infer it from the wire.
func (c *Connection) OwnState() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own = true
}

// Observed records a state that the endpoint itself reports.
func (c *Connection) Observed(s State) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s.State
	c.r.Append(c.ID, s.Side, &s)
}
