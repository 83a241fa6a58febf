package recording

import (
	"strings"
	"sync"
	"time"

	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

const (
	maxMessageFrames = 256  // frames of a message that a Message event names
	maxConnections   = 1000 // connections that a Recording lists; older ones keep their events
)

// Connection records one tapped connection. It is the tap.Recorder of the end
// called Side, and the endpoint's code at that end reports its calls to it.
type Connection struct {
	Info Info
	ID   int
	side wire.Role // the end that is tapped

	r     *Recording
	began time.Duration

	mu     sync.Mutex
	talk   dissect.Conversation
	parts  [2][]uint64 // frames of each sender's unfinished message
	state  string
	own    bool // the endpoint reports its own state
	frames int
	open   bool
	closed uint64   // the event of the endpoint's Close
	reset  bool     // the peer's RST is recorded
	waits  []stay   // units at the valve
	answer uint64   // seq of the server's 101
	stops  bool     // what Bytes is given next stops at the valve
	closes []uint64 // Close frames that wait there and have not reached this end
	about  concerns

	dialled bool // its client has reported so; under r.mu

	// What each sender's bytes would have come to, had those of Unsent been sent and
	// those of Unread been read; nil as long as there are none.
	beyond [2]*dissect.Conversation

	slab   strings.Builder // room for bytes to be kept
	wholes []whole         // room for frames to come
	room   int             // of the last wholes
}

// Connect begins to record a connection whose end side is tapped.
func (r *Recording) Connect(info Info, side wire.Role) *Connection {
	c := &Connection{Info: info, side: side, r: r, state: "CONNECTING", open: true}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.conns) == maxConnections {
		r.conns = append(r.conns[:0:0], r.conns[1:]...)
	}
	r.conns = append(r.conns, c)
	r.opened++
	c.ID = r.opened
	c.began = r.Now()
	// What its client has reported so far, to dial among it, was of no connection.
	early := r.early[info.Client]
	delete(r.early, info.Client)
	dialled := uint64(0)
	for _, e := range early {
		if e.script.What == "dial" {
			dialled = e.seq
		}
		c.dialled = true
		c.about.report(e.seq, e.script)
	}
	r.appendBy(c.began, c.ID, side.Peer().String(), &TCP{What: "open", Info: &c.Info}, dialled, 0)
	return c
}

// Connections returns the connections of r, oldest first.
func (r *Recording) Connections() []*Connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Connection(nil), r.conns...)
}

// newestOf returns the newest connection that client opened, or nil. r.mu is held.
func (r *Recording) newestOf(client string) *Connection {
	for i := len(r.conns) - 1; i >= 0; i-- {
		if r.conns[i].Info.Client == client {
			return r.conns[i]
		}
	}
	return nil
}

// ConnOf returns the number of the newest connection that client opened, or 0.
func (r *Recording) ConnOf(client string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.newestOf(client); c != nil {
		return c.ID
	}
	return 0
}

// Summary is what a list of connections shows of one.
type Summary struct {
	Info
	Conn   int           `json:"conn"`
	Open   bool          `json:"open"`
	State  string        `json:"state"`
	Frames int           `json:"frames"`
	Since  time.Duration `json:"-"`
}

// Summary returns c as it is now.
func (c *Connection) Summary() Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Summary{c.Info, c.ID, c.open, c.state, c.frames, c.r.Now() - c.began}
}

// sender returns who sends the bytes that go in direction d.
func (c *Connection) sender(d tap.Direction) wire.Role {
	if d == tap.Out {
		return c.side
	}
	return c.side.Peer()
}
