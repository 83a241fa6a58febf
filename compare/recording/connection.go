package recording

import (
	"slices"
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
	Side wire.Role // the end that is tapped

	r     *Recording
	began time.Duration

	mu     sync.Mutex
	talk   dissect.Conversation
	parts  [2][]uint64 // frames of each sender's unfinished message
	state  string
	own    bool // the endpoint reports its own state
	frames int
	open   bool
	closed uint64 // the event of the endpoint's Close
	waits  []stay // units at the valve

	slab     []byte // room for octets to be kept
	slabSize int    // of the last slab
}

// Connect begins to record a connection whose end side is tapped.
func (r *Recording) Connect(info Info, side wire.Role) *Connection {
	c := &Connection{Info: info, Side: side, r: r, state: "CONNECTING", open: true}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.conns) == maxConnections {
		r.conns = append(r.conns[:0:0], r.conns[1:]...)
	}
	r.conns = append(r.conns, c)
	r.opened++
	c.ID = r.opened
	c.began = r.Now()
	r.append(c.began, c.ID, side.Peer().String(), &TCP{What: "open", Info: &c.Info})
	return c
}

// Connections returns the connections of r, oldest first.
func (r *Recording) Connections() []*Connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Connection(nil), r.conns...)
}

// ConnOf returns the number of the newest connection that client opened, or 0.
func (r *Recording) ConnOf(client string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.conns) - 1; i >= 0; i-- {
		if r.conns[i].Info.Client == client {
			return r.conns[i].ID
		}
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

// sender returns who sends the octets that go in direction d.
func (c *Connection) sender(d tap.Direction) wire.Role {
	if d == tap.Out {
		return c.Side
	}
	return c.Side.Peer()
}

// Octets implements tap.Recorder.
func (c *Connection) Octets(d tap.Direction, b []byte) []tap.Unit {
	from := c.sender(d)
	at := c.r.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	// Short reads, the rule, are copied once for all that points into them.
	owned := len(b) <= KeepOctets
	kept := c.keep(b[:min(len(b), KeepOctets)])
	if owned {
		b = kept
	}
	items := c.talk.Octets(from, b, owned)

	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	// One allocation for what nearly every call needs.
	read := &struct {
		octets Octets
		unit   [1]tap.Unit
	}{octets: Octets{len(b), kept}}
	c.r.append(at, c.ID, from.String(), &read.octets)
	units := read.unit[:0]
	for _, it := range items {
		switch {
		case it.Handshake != nil:
			seq := c.r.append(at, c.ID, from.String(), it.Handshake)
			units = append(units, tap.Unit{ID: seq, End: it.End})
			if from == wire.Client {
				c.become(at, "CONNECTING", "the client asks to open")
			} else if it.Handshake.Head.Status == 101 {
				c.become(at, "OPEN", "the server answers 101")
			}
		case it.Frame != nil:
			seq := c.r.append(at, c.ID, from.String(), it.Frame)
			units = append(units, tap.Unit{ID: seq, End: it.End})
			c.frames++
			op := it.Frame.Header.Opcode
			if op == wire.Text || op == wire.Binary {
				c.parts[from] = c.parts[from][:0]
			}
			if op.IsData() && len(c.parts[from]) < maxMessageFrames {
				c.parts[from] = append(c.parts[from], seq)
			}
			if op == wire.Close && c.state == "OPEN" {
				c.become(at, "CLOSING", "a Close frame from the "+from.String())
			}
		case it.Message != nil:
			whole := &struct {
				message Message
				frame   [1]uint64
			}{message: Message{Message: it.Message}}
			whole.message.Frames = append(whole.frame[:0], c.parts[from]...)
			c.r.append(at, c.ID, from.String(), &whole.message)
			c.parts[from] = c.parts[from][:0]
		}
	}
	if n := len(units); c.talk.Opaque(from) && (n == 0 || units[n-1].End < len(b)) {
		units = append(units, tap.Unit{End: len(b)})
	}
	return units
}

// maxSlab is the most octets that are taken from the heap at once to keep what
// passes: an allocation for each read would cost as much as decoding it.
// BenchmarkEcho1KiB of package endpoint holds it against having no tap.
const maxSlab = 16 << 10

// keep returns a copy of b that nobody will change. c.mu is held.
func (c *Connection) keep(b []byte) []byte {
	if len(b) > len(c.slab) {
		if len(b) > maxSlab/4 {
			return append([]byte(nil), b...)
		}
		// Twice the last: a connection on which little passes keeps little.
		c.slabSize = min(max(2*c.slabSize, 2*len(b)), maxSlab)
		c.slab = make([]byte, c.slabSize)
	}
	n := copy(c.slab, b)
	kept := c.slab[:n:n]
	c.slab = c.slab[n:]
	return kept
}

// become notes a state of the connection that follows from the wire
// (RFC 6455 §4.1, §7.1.3, §7.1.4). An endpoint that reports its own state is
// believed instead, once it is open: one that refuses has none to report. c.mu
// and c.r.mu are held.
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
	c.r.append(at, c.ID, c.Side.String(), &State{Side: c.Side.String(), State: state, Was: was, Why: why})
}

// OwnState tells that the endpoint will report its own state, so that it need
// not be inferred from the wire.
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

// Waits implements tap.Recorder.
func (c *Connection) Waits(d tap.Direction, id uint64) { c.held(d, id, "waiting") }

// Released implements tap.Recorder.
func (c *Connection) Released(d tap.Direction, id uint64) { c.held(d, id, "released") }

// Dropped implements tap.Recorder.
func (c *Connection) Dropped(d tap.Direction, id uint64) { c.held(d, id, "dropped") }

func (c *Connection) held(d tap.Direction, id uint64, state string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.r.Now()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	switch {
	case id == c.closed:
		c.open = state == "waiting" // the socket is, until its FIN leaves
	case state == "waiting":
		c.waits = append(c.waits, stay{id, at})
	default:
		c.waits = slices.DeleteFunc(c.waits, func(s stay) bool { return s.id == id })
	}
	c.r.append(at, c.ID, c.sender(d).String(), &Held{id, state})
}

// stay is the time of a unit at the valve.
type stay struct {
	id    uint64
	since time.Duration
}

// behind says what waits at the valve at the time at, or returns nil. c.mu is
// held.
func (c *Connection) behind(at time.Duration) *Behind {
	if len(c.waits) == 0 {
		return nil
	}
	since := at
	for _, s := range c.waits {
		since = min(since, s.since)
	}
	return &Behind{Units: len(c.waits), For: at - since}
}

// Fin implements tap.Recorder.
func (c *Connection) Fin(d tap.Direction) uint64 { return c.tcp(c.sender(d), "fin", nil) }

// Failed implements tap.Recorder.
func (c *Connection) Failed(d tap.Direction, err error) {
	what := "error"
	if tap.IsReset(err) {
		what = "rst"
	}
	c.tcp(c.Side.Peer(), what, err)
}

// Reset implements tap.Recorder.
func (c *Connection) Reset() { c.tcp(c.Side, "rst", nil) }

// Closed implements tap.Recorder.
func (c *Connection) Closed() uint64 { return c.tcp(c.Side, "closed", nil) }

// Gone implements tap.Recorder. What it tells is in the recording already.
func (c *Connection) Gone() {}

// tcp records an event of TCP and returns its seq.
func (c *Connection) tcp(side wire.Role, what string, err error) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.r.Now()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	ended := map[string][]wire.Role{"fin": {side}, "rst": {side}, "closed": {side, side.Peer()}}[what] // of whom nothing more can come
	for _, role := range ended {
		if f := c.talk.End(role); f != nil {
			c.r.append(at, c.ID, role.String(), f)
		}
	}
	seq := c.r.append(at, c.ID, side.String(), &TCP{What: what, Err: NewGoError(err), Behind: c.behind(at)})
	if what == "closed" {
		c.open, c.closed = false, seq
	}
	if what == "closed" || what == "rst" {
		c.become(at, "CLOSED", "TCP is closed")
	}
	return seq
}

// Pending is a call that has not come back.
type Pending struct {
	c   *Connection
	end *Call // what Return completes and records
}

// Enter records that the endpoint's code calls name; Return must follow. On a
// nil Connection neither does anything, so an endpoint runs unrecorded as well.
func (c *Connection) Enter(name, args string) Pending {
	if c == nil {
		return Pending{}
	}
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.calls++
	both := &[2]Call{
		{ID: c.r.calls, Name: name, Phase: "enter", Args: args},
		{ID: c.r.calls, Name: name, Phase: "return"},
	}
	c.r.append(c.r.Now(), c.ID, c.Side.String(), &both[0])
	return Pending{c, &both[1]}
}

// Return records what the call came back with.
func (p Pending) Return(result string, err error) {
	if p.c == nil {
		return
	}
	p.end.Result, p.end.Err = result, NewGoError(err)
	p.c.r.Append(p.c.ID, p.c.Side.String(), p.end)
}
