package endpoint

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

// naiveTotal is how long the cage lets a connection of the naive server live.
const naiveTotal = time.Hour

// KeepReads returns l with connections that remember how TCP delivered the current
// request. The naive server parses its request itself, and half of its faults are in the
// parser. net/http's header map cannot give back the request: it does not have the case
// of the names, their order, or the ends of the reads. Put KeepReads below the tap:
//
//	server.Serve(tap.Listener{Listener: endpoint.KeepReads(l)})
//
// net/http still reads the request first, and routes and guards it like any other. Then
// the naive server receives the same bytes in the same pieces. A listener without
// net/http would also pass on malformed requests, but it would let any page past the
// guard.
func KeepReads(l net.Listener) net.Listener { return keepingListener{l} }

type keepingListener struct{ net.Listener }

func (l keepingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &keepingConn{Conn: c}, nil
}

// maxKept limits the bytes that are kept of a request. The lab server refuses longer
// requests.
const maxKept = 32 << 10

// keepingConn keeps the bytes that were read since the last write, read by read.
type keepingConn struct {
	net.Conn
	mu      sync.Mutex
	reads   [][]byte
	size    int
	full    bool // the last read filled its buffer, so TCP may have delivered more
	replied bool // the next byte that is read begins a request
	done    bool // no further request can follow
}

func (c *keepingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.keep(p[:n], n == len(p)) {
		delivered(c.Conn.RemoteAddr(), n)
	}
	return n, err
}

// keep keeps b, the bytes of one read. It reports false if no request can follow.
func (c *keepingConn) keep(b []byte, full bool) (kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.replied {
		c.reads, c.size, c.full, c.replied = nil, 0, false, false
	}
	if b = b[:min(len(b), maxKept-c.size)]; c.done || len(b) == 0 {
		return !c.done
	}
	c.size += len(b)
	if last := len(c.reads) - 1; c.full && last >= 0 {
		c.reads[last] = append(c.reads[last], b...)
	} else {
		c.reads = append(c.reads, append([]byte(nil), b...))
	}
	c.full = full
	return true
}

func (c *keepingConn) Write(p []byte) (int, error) {
	c.Writes(p)
	return c.Conn.Write(p)
}

// Writes must be called before each write. The tap calls it when it writes to the
// socket itself.
func (c *keepingConn) Writes(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replied = true
	if bytes.HasPrefix(p, []byte("HTTP/1.1 101 ")) {
		c.done, c.reads = true, nil
	}
}

// CloseWrite sends FIN, if the connection can.
func (c *keepingConn) CloseWrite() error {
	if hc, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return hc.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetLinger makes Close send RST, if the connection can.
func (c *keepingConn) SetLinger(seconds int) error {
	if lc, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		return lc.SetLinger(seconds)
	}
	return errors.ErrUnsupported
}

// SyscallConn returns the socket, if the connection has one.
func (c *keepingConn) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := c.Conn.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// take returns the reads, and whether the last of them filled its buffer. From then on,
// the connection does not keep reads.
func (c *keepingConn) take() (reads [][]byte, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reads = c.reads
	c.done, c.reads = true, nil
	return reads, c.full
}

// naiveConn is the connection of the naive server. It first returns the reads that were
// kept. The naive server reads again after the end of the socket. naiveConn then does not
// read the socket again.
type naiveConn struct {
	net.Conn
	reads        [][]byte
	full         bool // the last of reads may continue
	readDeadline time.Time
	readErr      error
}

// joinTime bounds the wait for the rest of a read that net/http cut. The kernel either
// has the rest already, or no rest exists. On a busy computer, a shorter time could pass
// before the read begins.
var joinTime = 10 * time.Millisecond

func (c *naiveConn) Read(p []byte) (int, error) {
	if len(c.reads) == 0 {
		return c.read(p)
	}
	n := copy(p, c.reads[0])
	if c.reads[0] = c.reads[0][n:]; len(c.reads[0]) > 0 {
		return n, nil
	}
	c.reads = c.reads[1:]
	if c.full && len(c.reads) == 0 && n < len(p) {
		// While a handler runs, net/http waits for the client with a read of one byte. A
		// deadline in the future would stop while the wire is held.
		over := make(chan struct{})
		late := time.AfterFunc(joinTime, func() {
			defer close(over)
			c.Conn.SetReadDeadline(time.Unix(1, 0))
		})
		more, _ := c.read(p[n:]) // the next read returns the error again
		if !late.Stop() {
			<-over
		}
		c.Conn.SetReadDeadline(c.readDeadline)
		n += more
	}
	return n, nil
}

func (c *naiveConn) read(p []byte) (int, error) {
	if c.readErr != nil {
		return 0, c.readErr
	}
	n, err := c.Conn.Read(p)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		c.readErr = err
	}
	return n, err
}

func (c *naiveConn) SetReadDeadline(t time.Time) error {
	c.readDeadline = t
	return c.Conn.SetReadDeadline(t)
}

// naiveVerbs are the verbs of the naive server's calls.
var naiveVerbs = map[string]recording.Verb{
	"Read": recording.VerbRead, "Write": recording.VerbWrite, "Close": recording.VerbClose,
	"make": recording.VerbOther, "log": recording.VerbOther,
}

// serveNaive is Endpoint.Serve of package naive. It records the calls of its socket and
// of make, because these calls are wrong. It also records one call of Serve, whose error
// says why the cage ended the call.
func serveNaive(w http.ResponseWriter, r *http.Request, rec *recording.Connection, opened func(Server)) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "This endpoint needs an HTTP/1.1 connection of its own: "+err.Error(), http.StatusNotImplemented)
		return
	}
	defer conn.Close()
	c := replay(conn, r, buf.Reader.Buffered())
	if c == nil {
		call := rec.Enter(writes("Write", "", recording.Writes{}))
		conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := conn.Write([]byte("HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
			"The naive server reads its request itself, but the bytes of this request were not kept.\n"))
		call.Return("nil", err)
		return
	}
	conn.SetDeadline(time.Time{})
	program, leave := programs.of(rec)
	defer leave()
	err = program.Serve(c, naiveOptions(rec, opened))
	result := "nil"
	var stopped *naive.Stopped
	if errors.As(err, &stopped) {
		result = string(stopped.Bound)
	}
	// Enter the call only now. Otherwise it would contain the other calls.
	rec.Enter(recording.Doing{Verb: recording.VerbOther, Name: NaiveServe}).Return(result, err)
}

// naiveOptions are the options of a naive server that reports its calls to rec.
func naiveOptions(rec *recording.Connection, opened func(Server)) naive.Options {
	return naive.Options{
		Limits: naive.Limits{Memory: MaxMessage, Wait: IdleTimeout, Total: naiveTotal},
		Call: func(name, args string, written []byte) func(string, error) {
			return rec.Enter(recording.Doing{Verb: naiveVerbs[name], Name: name, Args: args, Socket: true, Writes: recording.Writes{Bytes: written}}).Return
		},
		Opened: func(s *naive.Server) { opened(naiveServer{s, rec}) },
	}
}

// NaiveServe is the name of the last recorded call of the naive server. Its error is nil
// if the server ended by itself. Otherwise its result is the naive.Bound that the server
// reached.
const NaiveServe = "naive.Serve"

// programs has the naive servers that run. Each recording has a server of its own. That
// server serves one client at a time, and the clients of other recordings do not wait.
var programs = programList{running: map[*recording.Recording]*programOf{}}

type programList struct {
	mu      sync.Mutex
	running map[*recording.Recording]*programOf
}

type programOf struct {
	naive.Program
	clients int
}

// of returns the server of rec's recording, and a function to call when its client has
// left. If rec is nil, the server has no other client.
func (l *programList) of(rec *recording.Connection) (*naive.Program, func()) {
	if rec == nil {
		return new(naive.Program), func() {}
	}
	r := rec.Recording()
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.running[r]
	if p == nil {
		p = new(programOf)
		l.running[r] = p
	}
	p.clients++
	return &p.Program, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if p.clients--; p.clients == 0 {
			delete(l.running, r)
		}
	}
}

// replay returns conn with the head of r and the buffered bytes after the head, to be
// read again as TCP delivered them. If conn has not kept these bytes, replay returns nil.
func replay(conn net.Conn, r *http.Request, buffered int) *naiveConn {
	socket := conn
	if t, ok := conn.(*tap.Conn); ok {
		socket = t.Conn
	}
	kept, ok := socket.(*keepingConn)
	if !ok {
		return nil
	}
	c := &naiveConn{Conn: conn}
	c.reads, c.full = kept.take()
	all := bytes.Join(c.reads, nil)
	head := headSize(all)
	if head == 0 || head+buffered > len(all) || !bytes.HasPrefix(all, []byte(r.Method+" "+r.RequestURI+" ")) {
		return nil // the same read had another request before it
	}
	// The bytes after this were also read, but the valve has them and will deliver them.
	left := head + buffered
	for i, b := range c.reads {
		if len(b) >= left {
			c.full = len(b) > left || c.full && i == len(c.reads)-1
			c.reads = append(c.reads[:i:i], b[:left])
			break
		}
		left -= len(b)
	}
	return c
}

// headSize returns the size in bytes of the head at the start of b, including the empty
// line. If b ends before the empty line, headSize returns 0.
func headSize(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		if line := b[at : at+i]; len(line) == 0 || string(line) == "\r" {
			return at + i + 1
		}
		at += i + 1
	}
}

// naiveServer is the server's end of an open connection. The naive server can only
// send text and close TCP.
type naiveServer struct {
	server *naive.Server
	rec    *recording.Connection
}

// A NotKnownError names a part of the protocol that the naive server does not know.
type NotKnownError struct{ What string }

func (e *NotKnownError) Error() string { return "the naive server does not know " + e.What }

// Send sends all parts as one text message, whatever op is.
func (s naiveServer) Send(op wire.Opcode, parts ...[]byte) error {
	p := bytes.Join(parts, nil)
	call := s.rec.Enter(writes("send", describe(op, len(p)), recording.Writes{Frames: []recording.Sent{{Opcode: wire.Text, Payload: p}}, Inner: true}))
	err := s.server.Send(p)
	call.Return("nil", err)
	return err
}

func (s naiveServer) Control(op wire.Opcode, payload []byte) error {
	call := s.rec.Enter(writes("Control", describe(op, len(payload)), recording.Writes{}))
	err := &NotKnownError{op.String() + " frames"}
	call.Return("", err)
	return err
}

// Close closes TCP, without a code and a reason.
func (s naiveServer) Close(code wire.CloseCode, reason string) error {
	call := s.rec.Enter(closes("close", code.String(), recording.Writes{Inner: true}))
	err := s.server.Close()
	call.Return("nil", err)
	return err
}
