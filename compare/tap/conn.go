package tap

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Direction says which way bytes go at a tapped end.
type Direction uint8

// The two directions, seen from the tapped end.
const (
	In  Direction = iota // read by the endpoint
	Out                  // written by the endpoint
)

// Unit is what is released or dropped in one step: a handshake or a frame.
//
// A Unit with ID 0 is bytes that are neither, like the body of a refusal: they
// go along with the unit before them.
type Unit struct {
	ID  uint64 // the Recorder's name for it
	End int    // bytes of the slice given to Bytes that belong to it or to earlier ones
}

// A Recorder receives all that passes a Conn. Calls for one Conn may come from
// several goroutines at once. It must not keep a slice that it is given. It must
// not call back into the Conn, but for Fin, Failed, Closed and Gone: they may ask
// for Status, work the valve, and lock what others hold who do.
//
// The order of the calls is the order on the wire: a reply is recorded after the
// bytes that caused it.
type Recorder interface {
	// Bytes reports bytes that crossed: the endpoint reads them, or its socket has
	// taken them. Where the valve is shut it reports bytes that reached the valve.
	// It returns the units that they completed.
	Bytes(d Direction, b []byte) []Unit
	// Stops reports that the bytes of the next Bytes stop at the valve, on their way
	// to the endpoint: it has not received what they complete before Released.
	Stops()
	// Unsent reports bytes that the endpoint wrote and its socket did not take, and
	// the error of that Write. Bytes has not reported them.
	Unsent(b []byte, err error)
	// Unread reports bytes that have arrived when the endpoint has closed its socket
	// and that it has not read: size of them, of which b is the beginning.
	Unread(b []byte, size int)
	// Ahead reports that n bytes have arrived, and are still to be read, as the
	// endpoint begins its first write.
	Ahead(n int)
	// Waits, Released and Dropped tell what becomes of a unit at the valve. A unit
	// that passes an open valve is not mentioned.
	Waits(d Direction, id uint64)
	Released(d Direction, id uint64)
	Dropped(d Direction, id uint64)
	// Uncrossed corrects what Bytes reported of a unit: its last n bytes have not
	// crossed. Out: the socket refused them with err. In: the endpoint has closed
	// without reading them, and err is nil. ID 0 is bytes of no unit.
	Uncrossed(d Direction, id uint64, n int, err error)
	// Fin tells that the last byte of direction d has gone: the peer's FIN was
	// read, or the endpoint sends its own and reads on. Failed tells that a Read or
	// Write of the socket failed, Closed that the endpoint closes its socket, and
	// Reset, before Closed, that it does so with RST. A FIN never overtakes a unit:
	// where one waits, Waits and later Released or Dropped follow, with the ID that
	// Fin or Closed returned.
	Fin(d Direction) (id uint64)
	Failed(d Direction, err error)
	Reset()
	Closed() (id uint64)
	// Gone tells that the socket itself is closed. It comes last.
	Gone()
}

// maxQueue is about the most bytes that wait in one direction. What is beyond
// it stays in the kernel, or in the endpoint's Write. Of a unit longer than that
// only the end can wait.
const maxQueue = 1 << 20

// Conn is a net.Conn under observation. All methods may be called
// concurrently, as with any net.Conn.
//
// A Conn begins detached: it passes everything on and keeps the bytes of the
// request that is being read, so that Attach can tell a Recorder of it from its
// first byte.
//
// What a Write reports as written is recorded, and nothing else. Where the
// connection has a socket, one lock covers the system call that writes and the
// recording of what the kernel took, so nothing that answers it can be recorded
// first. Any other connection, such as net.Pipe, is recorded when its Write
// returns; when a Read returns bytes before that, the whole Write is recorded
// first, for the bytes may answer it, and Uncrossed corrects it if necessary.
type Conn struct {
	net.Conn
	socket   *socket // nil where net.Conn's own Write must be used
	recorder atomic.Pointer[Recorder]
	hold     atomic.Bool
	busy     atomic.Bool // bytes are in a queue or on their way out of it, or the pump is or was at work

	early early

	// What Status tells, and line.go needs.
	counts  counts
	watcher atomic.Pointer[func()]
	silent  atomic.Bool
	delay   atomic.Int64 // a time.Duration
	split   atomic.Int64 // bytes of a TCP write; 0: as many as the endpoint writes

	// turn is held by a Write until all of its bytes are written or queued, so
	// that no other Write comes between them.
	turn   chan struct{}
	direct writing // of the Write that has the turn

	clock   Clock       // stands still while the valve is shut
	lingers atomic.Bool // a FIN of the endpoint has begun to wait, or linger has the socket

	mu            sync.Mutex
	wake          chan struct{} // closed when what waits for mu's fields may go on; nil when nothing waits
	in, out       queue
	pumping       bool     // pump is reading the socket
	pumpErr       error    // what its last read returned
	pushing       bool     // push is writing what was released
	pushErr       error    // what its last write returned
	pending       *writing // what c.Conn.Write has under way, where there is no socket
	answered      bool     // the endpoint has written since Attach
	half          bool     // CloseWrite has begun, and its FIN waits
	closing       bool     // Close has begun
	resets        bool     // Close left bytes unread that the pump had read
	reset         error    // the RST that a Write met, while bytes that came before it are unread
	closed        bool
	lingering     bool      // linger is at work
	aborted       bool      // nothing is to be sent any more
	pausing       int       // Writes that wait for room
	readDeadline  time.Time // both on clock
	writeDeadline time.Time
}

// New returns c under observation, detached.
func New(c net.Conn) *Conn {
	return &Conn{Conn: c, socket: newSocket(c), turn: make(chan struct{}, 1)}
}

// early keeps what passed a detached Conn since the last request began.
type early struct {
	mu      sync.Mutex
	bytes   []byte
	replied bool // something was written since, so the next byte read begins a request
}

// maxEarly is the most that is kept of a request before Attach.
const maxEarly = 32 << 10

// Early returns the bytes read of the current request, before Attach.
func (c *Conn) Early() []byte {
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	return append([]byte(nil), c.early.bytes...)
}

// Attach gives c to r: what has been read of the request so far is told to r
// at once, and all that passes from now on. hold says whether the valve is
// shut for what comes after. It must be called before the endpoint writes.
func (c *Conn) Attach(r Recorder, hold bool) {
	c.mu.Lock()
	c.answered = false
	c.early.mu.Lock()
	if len(c.early.bytes) > 0 {
		r.Bytes(In, c.early.bytes)
	}
	c.early.bytes = nil
	c.recorder.Store(&r)
	c.early.mu.Unlock()
	c.mu.Unlock()
	if hold {
		c.Hold()
	} else {
		c.hold.Store(false)
	}
}

// record tells the Recorder, if there is one, of bytes at the tap. c.mu is held.
func (c *Conn) record(d Direction, b []byte) []Unit {
	if len(b) == 0 {
		return nil
	}
	if r := c.recorder.Load(); r != nil {
		return (*r).Bytes(d, b)
	}
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	switch {
	case d == Out:
		c.early.replied = true
		return nil
	case c.early.replied:
		c.early.bytes, c.early.replied = nil, false
	}
	c.early.bytes = append(c.early.bytes, b[:min(len(b), maxEarly-len(c.early.bytes))]...)
	return nil
}

// failed tells the Recorder of an error of the socket.
func (c *Conn) failed(d Direction, err error) {
	c.Settle()
	r := c.recorder.Load()
	var timeout net.Error
	var reset error // that a Write met before
	if d == In && !(errors.As(err, &timeout) && timeout.Timeout()) {
		reset = c.takeReset()
	}
	switch {
	case r == nil, c.gone() && !c.lingers.Load(), errors.Is(err, net.ErrClosed), errors.As(err, &timeout) && timeout.Timeout():
		// The endpoint's own Close or deadline: nothing crossed.
	case d == Out && c.counts.finOut.Load() && errors.Is(err, syscall.EPIPE):
		// It writes behind its own FIN.
	case d == Out && IsReset(err) && c.socket != nil && c.unreadBytes() > 0:
		// What the peer sent before its RST can still be read, and comes first.
		c.mu.Lock()
		c.reset = err
		c.mu.Unlock()
		c.counts.failed.Store(true)
	case reset != nil: // after it the kernel says EOF, though no FIN has come
		(*r).Failed(Out, reset)
	case errors.Is(err, io.EOF):
		id := (*r).Fin(In)
		c.counts.finIn.Store(true)
		c.mu.Lock()
		c.finWaits(*r, In, id)
		c.mu.Unlock()
	default:
		(*r).Failed(d, err)
		c.counts.failed.Store(true)
	}
	c.tell()
}

// unreadBytes returns how many bytes wait in the socket.
func (c *Conn) unreadBytes() int {
	_, size := c.socket.unread()
	return size
}

// takeReset returns the RST that a Write met and that is not recorded yet, or nil.
func (c *Conn) takeReset() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.reset
	c.reset = nil
	return err
}

// errOpened says that the valve was opened and nothing is left in the queue, so
// that the socket can be read again, or that the socket is at its end and can
// say so itself.
var errOpened = errors.New("tap: valve opened")

// gone reports whether the endpoint has closed its socket.
func (c *Conn) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// readExpired reports whether the endpoint's read deadline has come.
func (c *Conn) readExpired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clock.expired(c.readDeadline)
}

// Clock returns the clock that stands still while c's valve is shut.
func (c *Conn) Clock() *Clock { return &c.clock }

// queued reports whether bytes must go through a queue.
func (c *Conn) queued() bool { return c.hold.Load() || c.busy.Load() }

// Read reads what has passed the valve.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.read(p)
	if err != nil && (c.silent.Load() || c.lingers.Load()) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed() // bury and linger wait for the end of the last Read
	}
	return n, err
}

func (c *Conn) read(p []byte) (int, error) {
	for {
		c.counts.reading.Store(true)
		c.tell()
		if c.queued() && c.recorder.Load() != nil && len(p) > 0 {
			n, err := c.readQueued(p)
			c.counts.reading.Store(false)
			if err != errOpened {
				return n, err
			}
			continue
		}
		if (c.silent.Load() || c.lingers.Load()) && c.gone() {
			c.counts.reading.Store(false)
			return 0, c.opError("read", net.ErrClosed)
		}
		n, err := c.Conn.Read(p)
		c.counts.reading.Store(false) // before the bytes are counted: see Status
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			if c.lingers.Load() && c.gone() {
				return 0, c.opError("read", net.ErrClosed)
			}
			if c.hold.Load() && !c.readExpired() {
				continue // the valve was shut meanwhile, so the time stands still
			}
		}
		if c.silent.Load() {
			if err := c.lose(p[:n], err); err != nil {
				return 0, err
			}
			continue
		}
		if n > 0 {
			if c.arrived(p[:n], c.hold.Load) {
				continue // an error of the socket will come again
			}
			c.late()
		}
		if err != nil {
			c.failed(In, err)
		}
		return n, err
	}
}

// arrived records b, which came from the socket, and puts it into the queue
// where shut says so. It reports whether it did.
func (c *Conn) arrived(b []byte, shut func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recordPending()
	r := c.recorder.Load()
	if c.closing && r != nil {
		// The endpoint has closed already: Closed is the last it is recorded to do.
		(*r).Unread(b, len(b))
		c.counts.in.Add(int64(len(b)))
		return false
	}
	if r != nil && c.hold.Load() && shut() {
		(*r).Stops()
	}
	units := c.record(In, b)
	c.counts.in.Add(int64(len(b))) // a caller of Status waits for mu
	if r == nil || !shut() {
		return false
	}
	c.enqueue(*r, In, b, units)
	return true
}

// Write writes through the valve. While the valve is shut it is like the
// kernel's send buffer: it takes p, where there is room, and returns at once. What
// was taken waits for its release; an error of the socket comes with a later
// Write. All of p leaves before the bytes of any other Write, in however many
// pieces.
func (c *Conn) Write(p []byte) (int, error) {
	c.turn <- struct{}{}
	if c.lingers.Load() || c.queued() && c.recorder.Load() != nil && !c.silent.Load() {
		if err := c.awaitRoom(); err != nil {
			<-c.turn
			c.refused(p, err)
			return 0, err
		}
	}
	if c.take(p) {
		<-c.turn
		c.tell()
		return len(p), nil
	}
	n, err := c.send(&c.direct, p, nil)
	<-c.turn
	if err != nil {
		c.failed(Out, err)
	}
	c.tell()
	return n, err
}

// refused records that p is not sent.
func (c *Conn) refused(p []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recordPending()
	if r := c.recorder.Load(); r != nil && len(p) > 0 {
		(*r).Unsent(p, err)
	}
}

// writing is a Write that is under way at the socket.
type writing struct {
	rest     []byte // not written yet
	recorded bool   // rest is, and no more of it will be
	units    []unit // all that was recorded as a whole
	taken    int    // bytes of units that are written
}

// send writes p to the socket, in the pieces that Split asks for, and records
// what the socket takes. queued are the units of p where it has been recorded at
// the valve already. w is for its use alone.
func (c *Conn) send(w *writing, p []byte, queued []unit) (n int, err error) {
	*w = writing{rest: p, recorded: queued != nil, units: queued}
	for {
		piece := len(w.rest)
		if most := int(c.split.Load()); most > 0 {
			piece = min(most, piece)
		}
		c.late()
		switch {
		case c.silent.Load():
			err = c.swallow(w, piece)
		case c.socket != nil:
			err = c.socket.write(c, w, piece)
		default:
			err = c.write(w, piece)
		}
		if err == nil && c.counts.finIn.Load() {
			c.AwaitReset()
		}
		if err != nil || len(w.rest) == 0 {
			break
		}
	}
	if err == nil {
		*w = writing{}
		return len(p), nil
	}
	if c.silent.Load() && c.gone() {
		err = c.opError("write", net.ErrClosed) // bury has ended it by a deadline
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.recorder.Load(); r != nil {
		switch {
		case w.recorded:
			uncrossed(*r, Out, w.units, w.taken, err)
		case len(w.rest) > 0:
			(*r).Unsent(w.rest, err)
		}
	}
	n = len(p) - len(w.rest)
	*w = writing{}
	return n, err
}

// wrote notes that the next n bytes of w are written, and returns the units that
// they complete, where they are recorded only now. c.mu is held.
func (c *Conn) wrote(w *writing, n int) (units []Unit) {
	if w.recorded {
		w.taken += n
	} else {
		units = c.record(Out, w.rest[:n])
	}
	w.rest = w.rest[n:]
	c.counts.out.Add(int64(n))
	return units
}

// write writes the next n bytes of w where there is no socket.
func (c *Conn) write(w *writing, n int) error {
	c.mu.Lock()
	if c.closing && !w.recorded { // what waited at the valve is sent all the same
		c.mu.Unlock()
		return c.opError("write", net.ErrClosed)
	}
	b := w.rest[:n]
	c.pending = w
	c.mu.Unlock()
	n, err := c.Conn.Write(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = nil
	c.wrote(w, n)
	return err
}

// Settle returns when all that the peer can have received is recorded. A peer in
// this process, which may be quicker than the recording, calls it before it
// records what it received.
func (c *Conn) Settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recordPending()
}

// recordPending records what a Write has under way where there is no socket, so
// that what comes next is recorded after it. c.mu is held.
func (c *Conn) recordPending() {
	w := c.pending
	r := c.recorder.Load()
	if w == nil || w.recorded || r == nil || len(w.rest) == 0 {
		return
	}
	w.units, w.recorded = split(w.rest, (*r).Bytes(Out, w.rest)), true
}

// split returns the units that b completes, and one with ID 0 for bytes that are
// left over.
func split(b []byte, ends []Unit) []unit {
	var us []unit
	start := 0
	for _, u := range ends {
		us = append(us, unit{u.ID, b[start:u.End]})
		start = u.End
	}
	if start < len(b) {
		us = append(us, unit{0, b[start:]})
	}
	return us
}

// uncrossed tells r of those of us that are not among their first n bytes.
func uncrossed(r Recorder, d Direction, us []unit, n int, err error) {
	for _, u := range us {
		if len(u.bytes) > n {
			r.Uncrossed(d, u.id, len(u.bytes)-max(n, 0), err)
		}
		n -= len(u.bytes)
	}
}

// Close closes the socket, as close(2) does: it returns at once, and what was
// written before still goes to the peer, in front of the FIN. While that waits at
// the valve, the socket stays open for it; linger closes it. What waits in the
// other direction is dropped, for nobody will read it.
func (c *Conn) Close() error {
	c.mu.Lock()
	first := !c.closing
	c.closing = true
	c.recordPending()
	c.resets = c.resets || first && c.in.size() > 0
	c.dropRead()
	if c.out.finish(); c.pushErr != nil || c.aborted {
		c.dropAll(Out)
	}
	c.changed()
	lingers := first && !c.silent.Load() && !c.drained()
	if lingers {
		c.lingers.Store(true) // it reads what is left in the socket
	} else if r := c.recorder.Load(); r != nil && first && c.socket != nil && !c.silent.Load() {
		if b, size := c.socket.unread(); size > 0 {
			(*r).Unread(b, size)
		}
	}
	c.mu.Unlock()
	// Told first, or the peer, or who waits in a Read, could be seen to notice
	// before it happens.
	r := c.recorder.Load()
	var id uint64
	if r != nil && first {
		if reset := c.takeReset(); reset != nil {
			(*r).Failed(Out, reset)
		}
		id = (*r).Closed()
	}
	c.mu.Lock()
	c.closed = true
	c.dropRead() // what has come meanwhile
	if lingers {
		c.finWaits(*r, Out, id)
		c.lingering = true
		go c.linger(*r)
	} else if first {
		c.dropAll(Out)
	}
	c.changed()
	c.mu.Unlock()
	defer c.tell()
	switch {
	case lingers:
		return nil
	case !first && (c.silent.Load() || c.lingers.Load()):
		return c.opError("close", net.ErrClosed)
	}
	var err error
	if c.silent.Load() {
		c.bury()
	} else {
		err = c.closeSocket()
	}
	if r != nil && first {
		(*r).Gone()
	}
	return err
}

// closeSocket closes the socket as the kernel would have done, had the tap not read
// ahead of the endpoint: with RST in place of FIN where bytes are unread.
func (c *Conn) closeSocket() error {
	c.mu.Lock()
	if c.pumping {
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // what the pump has in hand counts
	}
	for c.pumping {
		c.wait(time.Time{})
	}
	resets := c.resets
	c.mu.Unlock()
	if lc, ok := c.Conn.(interface{ SetLinger(seconds int) error }); ok && resets {
		_ = lc.SetLinger(0) // it fails only on a closed connection, as Close will
	}
	return c.Conn.Close()
}

// Abort closes the socket at once. What waits at the valve, Close having left it
// there or not, is dropped. When it returns, nothing that Close began goes on.
func (c *Conn) Abort() error {
	c.mu.Lock()
	c.aborted = true
	c.changed()
	c.mu.Unlock()
	err := c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lingering {
		c.wait(time.Time{})
	}
	return err
}

// Reset closes the socket with RST, where the connection can: what was written
// and has not arrived is lost, and what waits at the valve is dropped.
func (c *Conn) Reset() error {
	lc, ok := c.Conn.(interface{ SetLinger(seconds int) error })
	if !ok {
		return errors.ErrUnsupported
	}
	if c.gone() {
		return c.Close() // which says that it is closed
	}
	if r := c.recorder.Load(); r != nil {
		(*r).Reset()
	}
	if !c.silent.Load() {
		_ = lc.SetLinger(0) // it fails only on a closed connection, as Close will
	}
	return c.Abort()
}

// CloseWrite sends FIN and leaves the other direction open, where the
// connection can. It returns at once; where something written before is still at
// the valve, the FIN follows that.
func (c *Conn) CloseWrite() error {
	hc, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	c.turn <- struct{}{} // a Write that has begun comes first
	defer func() { <-c.turn }()
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return c.opError("close", net.ErrClosed)
	}
	c.recordPending()
	c.out.finish()
	c.changed()
	waits := !c.silent.Load() && c.pushErr == nil && !c.drained()
	c.mu.Unlock()
	r := c.recorder.Load()
	var id uint64
	if r != nil {
		id = (*r).Fin(Out)
	}
	c.counts.finOut.Store(true)
	defer c.tell()
	if waits {
		c.lingers.Store(true)
		c.mu.Lock()
		c.half = true
		c.finWaits(*r, Out, id)
		c.changed() // it may have been drained meanwhile
		c.mu.Unlock()
		return nil
	}
	if c.silent.Load() {
		return nil
	}
	return hc.CloseWrite()
}

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

// Plain returns what err says without the operation and the addresses, which
// differ in every run.
func Plain(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// IsReset reports whether err says that the peer reset the connection.
func IsReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
