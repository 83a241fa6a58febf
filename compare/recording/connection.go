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
	maxMessageFrames = 256  // bounds the frames that a Message event names
	maxConnections   = 1000 // bounds the connections that a Recording lists; events stay
)

// Connection records one tapped connection. It is the tap.Recorder of one end, and
// the endpoint's code at that end reports its calls to it.
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
	closed uint64   // seq of the endpoint's Close
	reset  bool     // the peer's RST is recorded
	waits  []stay   // held units
	answer uint64   // seq of the server's 101
	stops  bool     // the bytes of the next call of Bytes stop at the valve
	closes []uint64 // seqs of the peer's Close frames that are held
	about  concerns

	stacked bool      // stacks are recorded
	stacks  [2]int    // Stack events since then: of reads, and all others
	skipped int       // stacks that were left out
	calls   []uintptr // of the latest Stack

	dialed bool // the client has reported that it dials; guarded by r.mu

	// All bytes of each sender, with the unsent and unread bytes at the end. Nil if a
	// sender has no unsent and no unread bytes.
	beyond [2]*dissect.Conversation

	slab   strings.Builder // free memory for the bytes of events
	wholes []whole         // free memory for whole frames
	room   int             // how many wholes the last allocation had
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
	// Until now, the reports of this client, such as dial, did not belong to a
	// connection.
	early := r.early[info.Client]
	delete(r.early, info.Client)
	dialed := uint64(0)
	for _, e := range early {
		if e.script.What == "dial" {
			dialed = e.seq
		}
		c.dialed = true
		c.about.report(e.seq, e.script)
	}
	r.appendBy(c.began, c.ID, side.Peer().String(), &TCP{What: "open", Info: &c.Info}, dialed, 0)
	return c
}

// Connections returns the connections of r, oldest first.
func (r *Recording) Connections() []*Connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Connection(nil), r.conns...)
}

// newestOf returns the newest connection of client, or nil. r.mu is held.
func (r *Recording) newestOf(client string) *Connection {
	for i := len(r.conns) - 1; i >= 0; i-- {
		if r.conns[i].Info.Client == client {
			return r.conns[i]
		}
	}
	return nil
}

// ConnOf returns the number of the newest connection of client, or 0.
func (r *Recording) ConnOf(client string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.newestOf(client); c != nil {
		return c.ID
	}
	return 0
}

// Summary describes a connection for a list of connections.
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

// Recording returns the recording that c is part of.
func (c *Connection) Recording() *Recording { return c.r }

// sender returns the end that sends the bytes of direction d.
func (c *Connection) sender(d tap.Direction) wire.Role {
	if d == tap.Out {
		return c.side
	}
	return c.side.Peer()
}
