package tap

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a Recorder whose units are lines. It keeps everything that it receives.
type lines struct {
	mu       sync.Mutex
	bytes    [2][]byte // told, by direction
	partial  [2][]byte
	unit     map[uint64]string
	next     uint64
	waiting  []uint64
	released []uint64
	dropped  []uint64
	undone   []uint64 // of Uncrossed
	unsent   []byte   // told
	unread   []byte
	ahead    int
	order    []string // the calls, by name and bytes
	fins     []Direction
	failed   []error
	closed   int
	gone     int
	resets   int
	loose    bool          // bytes after the last line belong to no unit
	arrived  chan struct{} // when not nil, told of each call of Bytes and Waits
}

func newLines() *lines { return &lines{unit: map[uint64]string{}} }

func (l *lines) Bytes(d Direction, b []byte) []Unit {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(b) == 0 {
		panic("no bytes reached the tap, and it tells of them")
	}
	l.bytes[d] = append(l.bytes[d], b...)
	l.order = append(l.order, fmt.Sprintf("%s %q", [...]string{"read", "wrote"}[d], b[:min(len(b), 100)]))
	var units []Unit
	for at := 0; ; {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			l.partial[d] = append(l.partial[d], b[at:]...)
			if l.loose && at < len(b) {
				l.partial[d] = nil
				units = append(units, Unit{End: len(b)})
			}
			break
		}
		l.next++
		l.unit[l.next] = string(l.partial[d]) + string(b[at:at+n+1])
		l.partial[d] = nil
		at += n + 1
		units = append(units, Unit{ID: l.next, End: at})
	}
	l.tell()
	return units
}

func (l *lines) Stops() {}

func (l *lines) tell() {
	if l.arrived != nil {
		l.arrived <- struct{}{}
	}
}

func (l *lines) note(list *[]uint64, id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, id)
	l.tell()
}

func (l *lines) Waits(_ Direction, id uint64)    { l.note(&l.waiting, id) }
func (l *lines) Released(_ Direction, id uint64) { l.note(&l.released, id) }
func (l *lines) Dropped(_ Direction, id uint64)  { l.note(&l.dropped, id) }

func (l *lines) Uncrossed(_ Direction, id uint64, n int, err error) {
	if id != 0 {
		l.note(&l.undone, id)
	}
}

func (l *lines) Unsent(b []byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(b) == 0 || err == nil {
		panic("nothing was refused, and it tells of it")
	}
	l.unsent = append(l.unsent, b...)
}

func (l *lines) Unread(b []byte, size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unread = append(l.unread, b...)
}

func (l *lines) Ahead(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead += n
}

// end gives the end of a direction an ID, as a unit has one.
func (l *lines) end(what string) uint64 {
	l.next++
	l.unit[l.next] = what
	return l.next
}

func (l *lines) Fin(d Direction) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fins = append(l.fins, d)
	return l.end("FIN")
}

func (l *lines) Failed(_ Direction, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, err)
	l.order = append(l.order, "failed")
}

func (l *lines) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resets++
}

func (l *lines) Closed() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed++
	return l.end("FIN")
}

func (l *lines) Gone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone++
}

// texts returns the lines called ids.
func (l *lines) texts(ids []uint64) []string {
	var ts []string
	for _, id := range ids {
		ts = append(ts, l.unit[id])
	}
	return ts
}

// resolved fails unless every held unit was released, dropped or taken back, once. A
// released unit may also be taken back.
func (l *lines) resolved(t testing.TB) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	all := append(slices.Clone(l.released), l.dropped...)
	for _, id := range l.undone {
		if !slices.Contains(l.released, id) {
			all = append(all, id)
		}
	}
	ends := slices.Sorted(slices.Values(all))
	waits := slices.Sorted(slices.Values(l.waiting))
	if !slices.Equal(ends, waits) {
		t.Errorf("units %d waited, and %d were released or dropped", waits, ends)
	}
}

// pipe returns a client and a tapped server on an in-memory connection, whose
// valve is shut when hold is set.
func pipe(t testing.TB, hold bool) (client net.Conn, server *Conn, rec *lines) {
	t.Helper()
	a, b := net.Pipe()
	server, rec = New(b), newLines()
	server.Attach(rec, hold)
	t.Cleanup(func() {
		a.Close()
		server.Abort()
	})
	return a, server, rec
}

// loopback returns a client and a tapped server on real TCP.
func loopback(t testing.TB, hold bool) (client *net.TCPConn, server *Conn, rec *lines) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed := make(chan net.Conn, 1)
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Error(err)
		}
		dialed <- c
	}()
	c, err := Listener{Listener: l}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server, rec = c.(*Conn), newLines()
	server.Attach(rec, hold)
	client = (<-dialed).(*net.TCPConn)
	t.Cleanup(func() {
		client.Close()
		server.Abort()
	})
	return client, server, rec
}

// inbox collects what a reader reads, until its end.
type inbox struct {
	mu   sync.Mutex
	got  []byte
	err  error
	done chan struct{}
}

// collect reads r until its end, in the background.
func collect(r io.Reader) *inbox {
	in := &inbox{done: make(chan struct{})}
	go func() {
		defer close(in.done)
		b := make([]byte, 1<<10)
		for {
			n, err := r.Read(b)
			in.mu.Lock()
			in.got = append(in.got, b[:n]...)
			in.err = err
			in.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return in
}

func (in *inbox) text() string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return string(in.got)
}

// written has the results of a Write in the background.
type written struct {
	n    int
	err  error
	done chan struct{}
}

// write writes s to w in the background.
func write(w io.Writer, s string) *written {
	r := &written{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.n, r.err = w.Write([]byte(s))
	}()
	return r
}

// over reports whether the Write has returned.
func (w *written) over() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}
