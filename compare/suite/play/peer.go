package play

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"wslab/compare/stream"
	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// maxSpans is the number of frames of a message that a peer keeps.
const maxSpans = 1 << 16

// peer is the judge's end of one connection. A goroutine reads while the caller writes,
// so reading and writing do not wait for each other.
type peer struct {
	conn *movingConn
	role wire.Role          // the judge's
	may  bounds             // how much the target may send
	sent transcript.SentSet // the judge's frames in this case
	done chan struct{}

	// pong returns the bytes of a Pong. It is nil while the judge must not send a Pong,
	// as inside a frame.
	pong func(payload []byte) []byte

	// Only the reader uses these.
	in      stream.Reader
	frame   wire.Header  // header of the last frame
	message spec.Message // the message in progress
	control spec.Message
	text    wire.UTF8
	context wire.Context
	bytes   int
	extras  int       // messages, control frames, and fragments without a payload
	inflate *inflater // nil without permessage-deflate
	first   []byte    // the first bytes after the opening handshake
	raw     []byte    // the first bytes of the last frame, header included, as received

	mu      sync.Mutex
	changed chan struct{}
	seen    []spec.Message
	closed  *spec.Message     // the target's Close frame
	fault   *transcript.Fault // the judge reads no bytes after the fault
	tooLong *spec.Message     // its frame header announces more than any outcome has
	flooded bool              // the target sent more than the case can cause
	over    error             // why the input ended: io.EOF for a TCP FIN
	partial bool              // the input ended inside a frame or a message
	beats   int               // the number of heartbeats in seen
	owed    *[]byte           // the payload of the last Ping that is not answered yet
}

// newPeer returns the judge's end of conn after the opening handshake. rest are the bytes
// that arrived after it. deflate are the agreed parameters of permessage-deflate, or nil.
// The peer reads until the connection ends or is closed.
func newPeer(conn *movingConn, role wire.Role, may bounds, sent transcript.SentSet, deflate *wire.DeflateParams, rest []byte) *peer {
	p := &peer{conn: conn, role: role, may: may, sent: sent, done: make(chan struct{}), changed: make(chan struct{}),
		context: wire.Context{Sender: role.Peer(), RSV1: deflate != nil}}
	if deflate != nil {
		p.inflate = newInflater(*deflate, role.Peer(), may.bytes)
	}
	go p.read(rest)
	return p
}

// read reads until the input ends or has a fault.
func (p *peer) read(rest []byte) {
	defer close(p.done)
	ok := p.take(rest)
	b := make([]byte, 64<<10)
	for ok {
		n, err := p.conn.Read(b)
		ok = p.take(b[:n])
		if err != nil {
			p.tell(func() {
				p.over = err
				p.partial = p.inside() || len(p.in.Head()) > 0 || p.context.Fragmented
			})
			return
		}
	}
	// Read on after a fault. Otherwise a blocked target would not notice that the judge
	// closes the TCP connection.
	more, _ := io.CopyN((*begin)(&p.raw), p.conn, spec.KeepBytes)
	_, _ = io.Copy(io.Discard, io.LimitReader(p.conn, 1<<20-more))
}

// tell calls change with p.mu held, and wakes the waiters.
func (p *peer) tell(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// take reads frames from b. It returns false if the judge must not read on.
func (p *peer) take(b []byte) bool {
	p.first = append(p.first, b[:min(len(b), spec.KeepBytes-len(p.first))]...)
	return p.in.Read(b, p)
}

// inside reports whether the payload of a frame is incomplete.
func (p *peer) inside() bool { _, ok := p.in.Inside(); return ok }

// current returns the message or control frame that the current frame belongs to.
func (p *peer) current() *spec.Message {
	if p.frame.Opcode.IsControl() {
		return &p.control
	}
	return &p.message
}

// Begin implements stream.Sink. It checks a frame header.
func (p *peer) Begin(h wire.Header, head, rest []byte) bool {
	p.raw = append(append(p.raw[:0], head...), rest[:min(len(rest), spec.KeepBytes)]...)
	violations := wire.Check(h, p.context)
	p.frame = h
	switch {
	case h.Opcode.IsControl():
		p.control = spec.Message{Opcode: h.Opcode}
	case h.Opcode != wire.Continuation && !p.context.Fragmented:
		p.message, p.text = spec.Message{Opcode: h.Opcode}, wire.UTF8{}
	}
	s := p.current()
	if at := (spec.Span{Header: h, Start: len(s.Payload)}); len(s.Frames) < maxSpans {
		s.Frames = append(s.Frames, at)
	} else {
		s.Frames[maxSpans-1] = at // keep the last header: it may be wrong
	}
	if violations != nil {
		v := violations[0]
		return p.broke(v, transcript.BitOf(v.Code, h))
	}
	if h.Opcode == wire.Text || h.Opcode == wire.Binary || h.Opcode == wire.Continuation {
		p.context.Fragmented = !h.Fin
	}
	if h.Opcode.IsControl() || h.Length == 0 || h.Fin {
		if p.extras++; p.extras > p.may.extras {
			return p.tooMany()
		}
	}
	// The length is only a claim. Reserve no more memory than the case can need.
	have := uint64(len(s.Payload))
	if !h.Opcode.IsControl() && (h.Length > p.may.message || have+h.Length > p.may.message) {
		long := *s
		p.tell(func() { p.tooLong = &long })
	}
	if room := uint64(max(0, p.may.bytes-p.bytes)); h.Length <= room {
		s.Payload = slices.Grow(s.Payload, int(h.Length))
	}
	return true
}

// tooMany notes that the target sent more than the case can cause. It also stops the
// judge's writes, because the target may not read while sending.
func (p *peer) tooMany() bool {
	p.tell(func() { p.flooded = true })
	_ = p.conn.SetWriteDeadline(time.Unix(1, 0))
	return false
}

// Payload implements stream.Sink. It unmasks and checks bytes of the payload.
func (p *peer) Payload(_ wire.Header, at uint64, b []byte) bool {
	s := p.current()
	had := len(s.Payload)
	s.Payload = append(s.Payload, b...)
	wire.Mask(p.frame.Key, int(at%4), s.Payload[had:])
	if s.Opcode == wire.Text && !s.Compressed() {
		if i := p.text.Check(s.Payload[had:]); i < len(b) {
			at := had + i - s.Frames[len(s.Frames)-1].Start
			return p.broke(wire.RuleTextUTF8.Broken(fmt.Sprintf("Byte %d of the text is 0x%02X.", had+i, s.Payload[had+i])), 8*(p.frame.Size()+at))
		}
	}
	if p.bytes += len(b); p.bytes > p.may.bytes {
		return p.tooMany()
	}
	return true
}

// End implements stream.Sink. It checks a whole frame and keeps it.
func (p *peer) End(wire.Header) bool {
	s := *p.current()
	if p.frame.Fin && !p.frame.Opcode.IsControl() {
		p.tell(func() { p.tooLong = nil }) // all bytes of the frame arrived
	}
	switch {
	case s.Opcode == wire.Close:
		body, violations := wire.ParseClosePayload(s.Payload)
		s.Close = body
		if p.sent.Returns(body.Code) {
			// The judge sent this code first, so the case decides whether the code is
			// right.
			violations = slices.DeleteFunc(violations, func(v wire.Violation) bool { return v.Code == wire.RuleCloseCode.Code })
		}
		if len(violations) > 0 {
			return p.broke(violations[0], 8*p.frame.Size())
		}
		p.context.CloseSent = true
		p.tell(func() { p.closed = &s })
		return true
	case !p.frame.Fin:
		return true
	case s.Compressed():
		message, violation := p.inflate.message(s.Payload)
		if violation != nil {
			return p.broke(*violation, 8*p.frame.Size())
		}
		if s.Opcode == wire.Text {
			if i := p.text.Check(message); i < len(message) {
				return p.broke(wire.RuleTextUTF8.Broken(fmt.Sprintf("Byte %d of the inflated text is 0x%02X.", i, message[i])), 8*p.frame.Size())
			}
		}
		s.Packed, s.Payload = s.Payload, message
		if !p.text.Complete() {
			return p.broke(wire.RuleTextUTF8.Broken("The inflated text ends inside a character."), 8*p.frame.Size())
		}
	case s.Opcode == wire.Text && !p.text.Complete():
		return p.broke(wire.RuleTextUTF8.Broken("The text ends inside a character."), 8*(p.frame.Size()+int(p.frame.Length))-8)
	}
	if s.Opcode != wire.Ping {
		s.Idle = s.Opcode == wire.Pong && (len(s.Payload) == 0 || !p.sent.Has(s.Payload))
		beat := 0
		if s.Idle && (len(s.Payload) > 0 || !p.sent.Has(nil)) {
			beat = 1
		}
		p.tell(func() { p.seen, p.beats = append(p.seen, s), p.beats+beat })
	} else if !p.sent.Has(s.Payload) {
		// The judge answers Pings (RFC 6455 §5.5.2). It does not answer its own Ping sent
		// back: that Pong could be mistaken for the one that the target must send.
		p.tell(func() { p.owed = &s.Payload })
	}
	return true
}

// broke notes a violation at bit of the current frame.
func (p *peer) broke(v wire.Violation, bit int) bool {
	p.tell(func() { p.fault = &transcript.Fault{Rule: v, Of: *p.current(), Bit: bit} })
	return false
}

// await waits until there returns true, the reader ends, or ctx ends. It calls there with
// p.mu held, and answers Pings.
func (p *peer) await(ctx context.Context, there func() bool) {
	for {
		p.mu.Lock()
		ok, changed, owed := there() || p.ended(), p.changed, p.owed
		p.owed = nil
		p.mu.Unlock()
		if owed != nil && p.pong != nil {
			_ = p.write(p.pong(*owed))
		}
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// expect is await with an earlier end: a frame announces more than any outcome has, and
// the rest of the frame does not arrive. The bytes so far show the mistake.
func (p *peer) expect(ctx context.Context, grace time.Duration, there func() bool) {
	for {
		p.await(ctx, func() bool { return there() || p.tooLong != nil })
		if !p.announced() {
			return
		}
		short, cancel := p.conn.watch(ctx, grace, time.Second)
		p.await(short, func() bool { return p.tooLong == nil })
		cancel()
		if p.announced() {
			return
		}
	}
}

// announced reports whether the current frame announces more than any outcome has. Its
// payload may never arrive.
func (p *peer) announced() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tooLong != nil && !p.ended()
}

// answers returns the number of messages and Pongs without the heartbeats. p.mu is held.
func (p *peer) answers() int { return len(p.seen) - p.beats }

// ended reports whether the reader has ended. p.mu is held.
func (p *peer) ended() bool { return p.over != nil || p.fault != nil || p.flooded }

// write sends b in one TCP write. An error does not decide the case: if the target
// closed TCP, the reader notices.
func (p *peer) write(b []byte) error {
	_, err := p.conn.Write(b)
	return err
}

// reset makes the socket send RST instead of FIN.
func (p *peer) reset() {
	if tcp := tcpOf(p.conn.Conn); tcp != nil {
		_ = tcp.SetLinger(0)
	}
	_ = p.conn.Close()
}

// tcpOf returns the TCP connection inside c, or nil.
func tcpOf(c net.Conn) *net.TCPConn {
	for {
		switch below := c.(type) {
		case *net.TCPConn:
			return below
		case interface{ NetConn() net.Conn }: // tls.Conn
			c = below.NetConn()
		case *tap.Conn:
			c = below.Conn
		default:
			return nil
		}
	}
}

// rest returns the incomplete frame. Call it after untilDone.
func (p *peer) rest() transcript.Part {
	switch {
	case p.inside():
		s := p.current()
		return transcript.Part{Header: p.frame, Payload: s.Payload[s.Frames[len(s.Frames)-1].Start:], Whole: true}
	case len(p.in.Head()) > 0:
		return transcript.Part{Payload: bytes.Clone(p.in.Head())}
	}
	return transcript.Part{}
}

// untilDone waits for the reader to end. conn must be closed.
func (p *peer) untilDone() { <-p.done }

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// begin keeps the first bytes that are written to it.
type begin []byte

func (w *begin) Write(b []byte) (int, error) {
	*w = append(*w, b[:max(0, min(len(b), 2*spec.KeepBytes-len(*w)))]...)
	return len(b), nil
}
