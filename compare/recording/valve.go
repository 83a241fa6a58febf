package recording

import (
	"slices"
	"time"

	"wslab/compare/tap"
)

// Stops implements tap.Recorder.
func (c *Connection) Stops() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stops = true
}

// Waits implements tap.Recorder. A held 101 has not answered the client.
func (c *Connection) Waits(d tap.Direction, id uint64) { c.held(d, &Held{Of: id, State: "waiting"}) }

// Released implements tap.Recorder.
func (c *Connection) Released(d tap.Direction, id uint64) {
	c.held(d, &Held{Of: id, State: "released"})
}

// Dropped implements tap.Recorder.
func (c *Connection) Dropped(d tap.Direction, id uint64) {
	c.lost(id)
	c.held(d, &Held{Of: id, State: "dropped"})
}

// lost notes that the peer will not receive the unit id.
func (c *Connection) lost(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.about.dropped(id)
}

// held records h and keeps track of the held units.
func (c *Connection) held(d tap.Direction, h *Held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.r.Now()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	switch {
	case h.Of == c.closed:
		c.open = h.State == "waiting" // the socket stays open until its FIN leaves
	case h.State == "waiting":
		c.waits = append(c.waits, stay{h.Of, at})
	default:
		c.waits = slices.DeleteFunc(c.waits, func(s stay) bool { return s.id == h.Of })
	}
	if h.Of == c.answer && c.answer != 0 {
		c.talk.Answered(h.State == "released")
	}
	c.r.append(at, c.ID, c.sender(d).String(), h)
	if i := slices.Index(c.closes, h.Of); i >= 0 && h.State != "waiting" {
		c.closes = slices.Delete(c.closes, i, i+1)
		if h.State == "released" {
			c.closing(at, c.sender(d))
		}
	}
}

// stay says since when a unit is held.
type stay struct {
	id    uint64
	since time.Duration
}

// backlog describes the units that are held at the time at. It returns nil if there
// are none. c.mu is held.
func (c *Connection) backlog(at time.Duration) *Backlog {
	if len(c.waits) == 0 {
		return nil
	}
	since := at
	for _, s := range c.waits {
		since = min(since, s.since)
	}
	return &Backlog{Units: len(c.waits), For: at - since}
}
