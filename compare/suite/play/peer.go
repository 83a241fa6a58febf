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

// maxSpans is how many frames of a message are kept.
const maxSpans = 1 << 16

// peer is the judge's end of one connection: it sends what it is told to, and
// a goroutine of its own reads what comes, so that neither waits for the other.
type peer struct {
	conn *movingConn
	role wire.Role          // the judge's
	may  bounds             // how much may come
	sent transcript.SentSet // what the judge sends in this case
	done chan struct{}

	// pong returns a Pong as it is sent; nil where the judge must not send one,
	// as in the middle of a frame.
	pong func(payload []byte) []byte

	// The reader's own.
	in      stream.Reader
	frame   wire.Header  // the last one
	message spec.Message // not finished
	control spec.Message
	text    wire.UTF8
	context wire.Context
	bytes   int
	extras  int       // messages, control frames, and fragments without a payload
	inflate *inflater // nil without permessage-deflate
	first   []byte    // the first bytes that came, enough to see what they are
	raw     []byte    // the first bytes of the last frame, header included, as they came

	mu      sync.Mutex
	changed chan struct{}
	seen    []spec.Message
	closed  *spec.Message     // the target's Close frame
	fault   *transcript.Fault // nothing is read after it
	tooLong *spec.Message     // announces more than any outcome has
	flooded bool              // more came than the case can call for
	over    error             // why no more can come: io.EOF for FIN
	partial bool              // FIN or RST came inside a frame
	beats   int               // of seen, those that are mere heartbeats
	owed    *[]byte           // the last Ping that is not answered yet
}

// newPeer returns the judge's end of conn, whose opening handshake is done; rest
// came behind it. It reads until the connection ends or is closed.
// deflate is what is agreed on of permessage-deflate, nil for nothing.
func newPeer(conn *movingConn, role wire.Role, may bounds, sent transcript.SentSet, deflate *wire.DeflateParams, rest []byte) *peer {
	p := &peer{conn: conn, role: role, may: may, sent: sent, done: make(chan struct{}), changed: make(chan struct{}),
		context: wire.Context{Sender: role.Peer(), RSV1: deflate != nil}}
	if deflate != nil {
		p.inflate = newInflater(*deflate, role.Peer(), may.bytes)
	}
	go p.read(rest)
	return p
}

// read takes what comes until there is no more, or a fault.
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
	// What comes behind a fault is of no interest, and must not keep the target
	// from noticing that the judge hangs up.
	more, _ := io.CopyN((*begin)(&p.raw), p.conn, spec.KeepBytes)
	_, _ = io.Copy(io.Discard, io.LimitReader(p.conn, 1<<20-more))
}

// tell changes what who waits looks at.
func (p *peer) tell(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// take reads frames from b. It reports false when it should be given no more.
func (p *peer) take(b []byte) bool {
	p.first = append(p.first, b[:min(len(b), spec.KeepBytes-len(p.first))]...)
	return p.in.Read(b, p)
}

// inside reports whether a payload is being read.
func (p *peer) inside() bool { _, ok := p.in.Inside(); return ok }

// current returns what the frame that is being read belongs to.
func (p *peer) current() *spec.Message {
	if p.frame.Opcode.IsControl() {
		return &p.control
	}
	return &p.message
}

// Begin judges a header.
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
		s.Frames[maxSpans-1] = at // the last one, which may be wrong
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
	// The length is only a claim, so no more is taken than the case calls for.
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

// tooMany notes that more came than the case can call for. The target may not read
// while it sends, so the judge does not write on.
func (p *peer) tooMany() bool {
	p.tell(func() { p.flooded = true })
	_ = p.conn.SetWriteDeadline(time.Unix(1, 0))
	return false
}

// Payload takes bytes of the frame's payload.
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

// End acts on a frame whose last byte has come.
func (p *peer) End(wire.Header) bool {
	s := *p.current()
	if p.frame.Fin && !p.frame.Opcode.IsControl() {
		p.tell(func() { p.tooLong = nil }) // it is whole, and judged as such
	}
	switch {
	case s.Opcode == wire.Close:
		body, violations := wire.ParseClosePayload(s.Payload)
		s.Close = body
		if p.sent.Returns(body.Code) {
			// What becomes of this code is for the case to say.
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
		// It is answered, as RFC 6455 §5.5.2 demands. One that the judge has sent
		// itself is not: an endpoint that sends back whole frames would get from the
		// judge the very Pong that it owes.
		p.tell(func() { p.owed = &s.Payload })
	}
	return true
}

// broke notes what the target broke.
func (p *peer) broke(v wire.Violation, bit int) bool {
	p.tell(func() { p.fault = &transcript.Fault{Rule: v, Of: *p.current(), Bit: bit} })
	return false
}

// await waits until there reports true, with p.mu held, or the reader can tell
// no more, or ctx ends.
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

// expect is await for what the target is to send. It does not wait for the rest
// of a frame that announces more than any outcome has and does not come: that is
// wrong already, and what there is of it shows which mistake it is.
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

// announced reports whether the frame that is being read announces more than any
// outcome has. Its payload may never come.
func (p *peer) announced() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tooLong != nil && !p.ended()
}

// answers returns how many messages came, and Pongs that are no mere heartbeat.
// p.mu is held.
func (p *peer) answers() int { return len(p.seen) - p.beats }

// ended reports whether no more is to be read. p.mu is held.
func (p *peer) ended() bool { return p.over != nil || p.fault != nil || p.flooded }

// write sends b in one TCP write. An error is no verdict: the target may have
// closed, which the reader tells.
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

// tcpOf returns the TCP connection below c, or nil.
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

// rest returns the frame that p was reading when it stopped. The reader is done.
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

// untilDone waits for the reader, after conn was closed.
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

// begin takes the first keepBytes bytes that are written to it.
type begin []byte

func (w *begin) Write(b []byte) (int, error) {
	*w = append(*w, b[:max(0, min(len(b), 2*spec.KeepBytes-len(*w)))]...)
	return len(b), nil
}
