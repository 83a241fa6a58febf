package recording

import (
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

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

// whole is a read or write that is one whole frame with a message of its own. It
// stands for three events, whose bodies are made when somebody asks for them: on
// a busy connection that nobody watches that is never. BenchmarkEcho1KiB of
// package endpoint shows what it saves.
type whole struct {
	later dissect.Later
	bytes []byte
	unit  [1]tap.Unit
}

// The bodies of its events in the list.
type (
	wholeBytes   whole
	wholeFrame   whole
	wholeMessage whole
)

// made returns body as events have it.
func made(body any) any {
	switch w := body.(type) {
	case *wholeBytes:
		return &Bytes{len(w.bytes), w.bytes}
	case *wholeFrame:
		f, _ := w.later.Decode(w.bytes)
		return f
	case *wholeMessage:
		_, m := w.later.Decode(w.bytes)
		return &Message{m, []uint64{w.unit[0].ID}}
	}
	return body
}

// maxRoom is how many wholes are allocated at once.
const maxRoom = 32

// whole records b, if it is one, and returns its unit. start is how much from had
// sent before. c.mu is held.
func (c *Connection) whole(at time.Duration, from wire.Role, b []byte, start int64) []tap.Unit {
	if len(b) > KeepBytes {
		return nil
	}
	later, ok := c.talk.Later(from, b)
	if !ok {
		return nil
	}
	if len(c.wholes) == 0 {
		c.room = min(max(2*c.room, 1), maxRoom)
		c.wholes = make([]whole, c.room)
	}
	w := &c.wholes[0]
	c.wholes = c.wholes[1:]
	w.later, w.bytes = later, c.keep(b)
	c.frames++
	c.parts[from] = c.parts[from][:0]
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	end := from.String()
	c.r.append(at, c.ID, end, (*wholeBytes)(w))
	by, told := c.about.frame(c.r.next, seenWhole(w), from, from == c.Side, start, start+int64(len(b)))
	w.unit[0] = tap.Unit{ID: c.r.appendBy(at, c.ID, end, (*wholeFrame)(w), by, told), End: len(b)}
	c.r.append(at, c.ID, end, (*wholeMessage)(w))
	return w.unit[:]
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

// Bounds of what clients without a connection have reported.
const (
	maxEarly       = 256 // clients
	maxEarlyOfEach = 64
)

// early is a report of a client that has no connection.
type early struct {
	seq    uint64
	script *Script
}

// Report adds what the end of s.Client did or was told, at at, and returns its
// seq. It belongs to that client's newest connection, or to the next where it
// dials anew. s.Of is set where what s is about has been recorded; where that is
// still to come s.Awaits is.
func (r *Recording) Report(at time.Duration, s *Script) uint64 {
	at = max(0, min(at, r.Now())) // nobody can know the future
	r.mu.Lock()
	r.newest = max(r.newest, at) // what comes after a report is not earlier
	c := r.newestOf(s.Client)
	dials := s.What == "dial" || s.What == "new WebSocket"
	if c == nil || len(r.early[s.Client]) > 0 || dials && c.dialled {
		defer r.mu.Unlock()
		s.Awaits = dials || s.What == "write"
		seq := r.add(Event{At: at, From: wire.Client.String(), Body: s})
		if es := r.early[s.Client]; len(es) < maxEarlyOfEach && (len(es) > 0 || len(r.early) < maxEarly) {
			r.early[s.Client] = append(es, early{seq, s})
		}
		return seq
	}
	c.dialled = c.dialled || dials
	r.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Of, s.Awaits = c.about.report(r.next, s)
	return r.add(Event{At: at, Conn: c.ID, From: wire.Client.String(), Body: s})
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
		return c.Side
	}
	return c.Side.Peer()
}

// Bytes implements tap.Recorder.
func (c *Connection) Bytes(d tap.Direction, b []byte) []tap.Unit {
	from := c.sender(d)
	at := c.r.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beyond[from] = nil // a Write after one that failed
	stops := c.stops
	c.stops = false
	total := &c.about.in
	if from == wire.Server {
		total = &c.about.out
	}
	start := *total // of b, among all that from has sent
	*total += int64(len(b))
	if units := c.whole(at, from, b, start); units != nil {
		return units
	}
	// Short reads, the rule, are copied once for all that points into them.
	owned := len(b) <= KeepBytes
	kept := c.keep(b[:min(len(b), KeepBytes)])
	if owned {
		b = kept
	}
	items := c.talk.Bytes(from, b, owned)

	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	// One allocation for what nearly every call needs.
	read := &struct {
		bytes Bytes
		unit  [1]tap.Unit
	}{bytes: Bytes{len(b), kept}}
	by := uint64(0)
	if from == wire.Client && len(items) == 0 {
		by = c.about.wroteIn(*total, false) // it completes nothing that could say so
	}
	c.r.appendBy(at, c.ID, from.String(), &read.bytes, by, 0)
	units := read.unit[:0]
	begins := start // of the unit that comes next
	for _, it := range items {
		switch {
		case it.Handshake != nil:
			end := start + int64(it.End)
			seq := c.r.next
			by, told := c.about.handshake(seq, it.Handshake, from == c.Side, begins, end)
			begins = end
			c.r.appendBy(at, c.ID, from.String(), it.Handshake, by, told)
			units = append(units, tap.Unit{ID: seq, End: it.End})
			if from == wire.Client {
				c.become(at, "CONNECTING", "the client asks to open")
			} else if it.Handshake.Head.Status == 101 {
				c.answer = seq
				c.become(at, "OPEN", "the server answers 101")
			}
		case it.Frame != nil:
			end := start + int64(it.End)
			seq := c.r.next
			by, told := c.about.frame(seq, seenFrame(it.Frame), from, from == c.Side, begins, end)
			begins = end
			c.r.appendBy(at, c.ID, from.String(), it.Frame, by, told)
			units = append(units, tap.Unit{ID: seq, End: it.End})
			c.frames++
			op := it.Frame.Header.Opcode
			if op == wire.Text || op == wire.Binary {
				c.parts[from] = c.parts[from][:0]
			}
			if op.IsData() && len(c.parts[from]) < maxMessageFrames {
				c.parts[from] = append(c.parts[from], seq)
			}
			switch {
			case op != wire.Close:
			case stops:
				c.closes = append(c.closes, seq)
			default:
				c.closing(at, from)
			}
		case it.Message != nil:
			c.r.append(at, c.ID, from.String(), &Message{it.Message, slices.Clone(c.parts[from])})
			c.parts[from] = c.parts[from][:0]
		}
	}
	if n := len(units); c.talk.Opaque(from) && (n == 0 || units[n-1].End < len(b)) {
		units = append(units, tap.Unit{End: len(b)})
	}
	return units
}

// maxSlab is how many bytes are taken from the heap at once to keep what passes on
// a busy connection. An allocation for each read, or memory that is set to zero
// before it is written, would cost as much as decoding what was read:
// BenchmarkEcho1KiB of package endpoint.
const maxSlab = 64 << 10

// keep returns a copy of b that nobody will change. c.mu is held.
func (c *Connection) keep(b []byte) []byte {
	if room := c.slab.Cap() - c.slab.Len(); len(b) > room {
		// Twice the last: a connection on which little passes keeps little.
		size := min(max(2*c.slab.Cap(), 2*len(b)), maxSlab)
		c.slab = strings.Builder{}
		c.slab.Grow(size) // the only way to memory that is not set to zero first
	}
	start := c.slab.Len()
	c.slab.Write(b)
	kept := c.slab.String()[start:]
	return unsafe.Slice(unsafe.StringData(kept), len(kept))
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

// closing notes that a Close frame of from has reached this end, or was sent by it.
// c.mu and c.r.mu are held.
func (c *Connection) closing(at time.Duration, from wire.Role) {
	if c.state == "OPEN" {
		c.become(at, "CLOSING", "a Close frame from the "+from.String())
	}
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

// Stops implements tap.Recorder.
func (c *Connection) Stops() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stops = true
}

// Waits implements tap.Recorder. A 101 that waits has not answered the client.
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

// lost notes that the unit id will not arrive.
func (c *Connection) lost(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.about.dropped(id)
}

func (c *Connection) held(d tap.Direction, h *Held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.r.Now()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	switch {
	case h.Of == c.closed:
		c.open = h.State == "waiting" // the socket is, until its FIN leaves
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

// Uncrossed implements tap.Recorder. Left of the Held event is n, or 0 for all.
func (c *Connection) Uncrossed(d tap.Direction, id uint64, n int, err error) {
	if id == 0 { // bytes that are no unit
		c.beyondWire(d, nil, n, err)
		return
	}
	e, _ := c.r.Event(id)
	switch b := e.Body.(type) {
	case *dissect.Frame:
		c.mu.Lock()
		c.frames--
		c.mu.Unlock()
		c.lost(id)
		if uint64(n) == b.Size() {
			n = 0
		}
	case *dissect.Handshake:
		if n == len(b.Bytes()) {
			n = 0
		}
	}
	state := "unsent"
	if d == tap.In {
		state = "unread"
	}
	c.held(d, &Held{Of: id, State: state, Left: n, Err: NewGoError(err)})
}

// Unsent implements tap.Recorder.
func (c *Connection) Unsent(b []byte, err error) { c.beyondWire(tap.Out, b, len(b), err) }

// Unread implements tap.Recorder.
func (c *Connection) Unread(b []byte, size int) { c.beyondWire(tap.In, b, size, nil) }

// Ahead implements tap.Recorder.
func (c *Connection) Ahead(n int) {
	if c.Side != wire.Server {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.talk.Ahead(n)
}

// beyondWire records size bytes, which begin with b, that were not sent or not
// read: each frame and handshake by itself.
func (c *Connection) beyondWire(d tap.Direction, b []byte, size int, err error) {
	from := c.sender(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	talk := c.beyond[from]
	if talk == nil {
		talk = c.talk.Clone()
		c.beyond[from] = talk
	}
	at := c.r.Now()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if d == tap.In {
		c.cut(at, from, dissect.NotRead)
	}
	note := func(p Piece) {
		by := uint64(0)
		p.Head = p.Head[:min(len(p.Head), KeepBytes):min(len(p.Head), KeepBytes)]
		var body any = &Unread{p}
		if d == tap.Out {
			body = &Unsent{p, NewGoError(err)}
			by = c.about.refused(c.r.next, p.Frame)
		}
		c.r.appendBy(at, c.ID, from.String(), body, by, 0)
	}
	b = append([]byte(nil), b...)
	told := 0
	for _, it := range talk.Bytes(from, b, true) {
		p := Piece{Size: it.End - told, Head: b[told:it.End], Handshake: it.Handshake}
		switch {
		case it.Message != nil:
			continue
		case it.Frame != nil && it.Frame.Came() == uint64(p.Size): // else it began in what crossed
			p.Frame = it.Frame
		case it.Handshake != nil && len(it.Handshake.Bytes()) != p.Size:
			p.Handshake = nil
		}
		note(p)
		told = it.End
	}
	if told < size {
		note(Piece{Size: size - told, Head: b[told:]})
	}
}

// cut records the frame of from that is cut off, if there is one, because no more
// of from is recorded. c.mu and c.r.mu are held.
func (c *Connection) cut(at time.Duration, from wire.Role, why dissect.Missing) {
	if c.beyond[from] == nil {
		c.beyond[from] = c.talk.Clone() // a Write that comes too late is still decoded
	}
	if f := c.talk.End(from, why); f != nil {
		c.r.append(at, c.ID, from.String(), f)
	}
}

// Fin implements tap.Recorder.
func (c *Connection) Fin(d tap.Direction) uint64 {
	if d == tap.In {
		return c.tcp(c.sender(d), "fin", nil, dissect.NeverArrived)
	}
	return c.tcp(c.Side, "fin", nil, dissect.NeverSent)
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
	c.tcp(c.Side.Peer(), what, err, why)
}

// Reset implements tap.Recorder.
func (c *Connection) Reset() { c.tcp(c.Side, "rst", nil, dissect.NeverSent) }

// Closed implements tap.Recorder.
func (c *Connection) Closed() uint64 { return c.tcp(c.Side, "closed", nil, dissect.NeverSent) }

// Gone implements tap.Recorder. What it tells is in the recording already.
func (c *Connection) Gone() {}

// tcp records that side did what, and returns the event's seq. why is what is
// known of the bytes that a frame of side's lacks; NotThere is nothing yet. Each Write that follows a reset
// fails as well; the reset is recorded once.
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
	if side == c.Side && err == nil {
		by = c.about.ends(c.r.next)
	}
	seq := c.r.appendBy(at, c.ID, side.String(), &TCP{What: what, Err: NewGoError(err), Behind: c.behind(at)}, by, 0)
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
	u   *underway
}

// Enter records that the endpoint's code calls d; Return must follow. On a nil
// Connection neither does anything, so an endpoint runs unrecorded as well.
func (c *Connection) Enter(d Doing) Pending {
	if c == nil {
		return Pending{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.calls++
	if len(c.r.spare) == 0 {
		c.r.spare = make([][2]Call, min(max(c.r.calls/8, 1), maxRoom/2))
	}
	both := &c.r.spare[0]
	c.r.spare = c.r.spare[1:]
	enter, end := &both[0], &both[1]
	enter.ID, enter.Name, enter.Phase, enter.Args, enter.Verb, enter.Socket = c.r.calls, d.Name, "enter", d.Args, d.Verb, d.Socket
	end.ID, end.Name, end.Phase, end.Verb, end.Socket = c.r.calls, d.Name, "return", d.Verb, d.Socket
	if d.Verb == VerbOpen {
		enter.Of = c.about.request
	}
	u := c.about.enter(c.r.next, d)
	c.r.append(c.r.Now(), c.ID, c.Side.String(), enter)
	return Pending{c, end, u}
}

// Return records what the call came back with.
func (p Pending) Return(result string, err error) { p.back(result, err, false) }

// Failed records that the call came back with err because of a frame that the peer
// had sent: a Close frame, or one that breaks a rule.
func (p Pending) Failed(err error) { p.back("", err, true) }

func (p Pending) back(result string, err error, frame bool) {
	if p.c == nil {
		return
	}
	p.end.Result, p.end.Err = result, NewGoError(err)
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.end.Of = p.c.about.leave(p.u, err != nil, frame)
	p.c.r.Append(p.c.ID, p.c.Side.String(), p.end)
}
