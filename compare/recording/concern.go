package recording

import (
	"bytes"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Verb is what a call does to the connection.
type Verb string

// The verbs. A call that does several things has the one that it is made for.
const (
	VerbOpen  Verb = "open"  // the opening handshake
	VerbRead  Verb = "read"  // waits for what the peer sends
	VerbWrite Verb = "write" // sends
	VerbClose Verb = "close" // sends a Close frame, or ends TCP
	VerbOther Verb = "other" // touches no byte of the connection
)

// Doing is a call as it begins. Name and Args are as a reader of the code knows
// them.
type Doing struct {
	Verb   Verb
	Name   string
	Args   string
	Socket bool   // it is a call of the socket below the library
	Writes Writes // what a call that writes or closes is about to send
}

// Writes says what a call is about to send. Calls that write at the same time are
// told apart by it. The slices are read until the call returns and are not kept.
type Writes struct {
	Frames []Sent // whole frames, in this order
	Bytes  []byte // bytes as they are, whatever they mean
	Data   bool   // data frames, cut as the library likes
	Inner  bool   // another call, which this one makes, does the writing
}

// Sent is a frame that a call sends.
type Sent struct {
	Opcode  wire.Opcode
	Payload []byte
}

// Frame says that one whole frame is sent.
func Frame(op wire.Opcode, payload []byte) Writes {
	return Writes{Frames: []Sent{{op, payload}}}
}

// Fragments says that a message is sent, each part in a frame.
func Fragments(op wire.Opcode, parts [][]byte) Writes {
	w := Writes{Frames: make([]Sent, len(parts))}
	for i, p := range parts {
		w.Frames[i] = Sent{op, p}
		op = wire.Continuation
	}
	return w
}

// seen is a frame, as far as it is looked at here.
type seen struct {
	header wire.Header
	bytes  []byte // those of it that were kept
	long   bool   // there are more
	fault  bool   // it breaks a rule
	code   int    // of a Close frame
	lazy   *whole // it has not been decoded, so fault is not known
}

func seenFrame(f *dissect.Frame) seen {
	s := seen{header: f.Header, bytes: f.Bytes(), fault: len(f.Violations) > 0, code: int(wire.NoStatusReceived)}
	s.long = uint64(len(s.bytes)) < f.Came()
	if f.Close != nil {
		s.code = int(f.Close.Code)
	}
	return s
}

func seenWhole(w *whole) seen {
	h, _ := wire.ParseHeader(w.bytes)
	return seen{header: h, bytes: w.bytes, lazy: w}
}

// sends reports whether f can be the frame of w that follows the first n.
func (w *Writes) sends(n int, f *seen) bool {
	h := &f.header
	switch {
	case w.Data:
		return h.Opcode.IsData()
	case w.Bytes != nil:
		return endsIn(w.Bytes, f)
	case n >= len(w.Frames) || w.Frames[n].Opcode != h.Opcode:
		return false
	}
	p := w.Frames[n].Payload
	// A compressed payload is another on the wire; of a long one the beginning is kept.
	return h.RSV1 || uint64(len(p)) == h.Length && f.begins(p)
}

// begins reports whether p begins with the payload bytes of f that were kept.
func (f *seen) begins(p []byte) bool {
	if len(f.bytes) < f.header.Size() {
		return true
	}
	kept := f.bytes[f.header.Size():]
	if f.header.Masked {
		kept = bytes.Clone(kept)
		wire.Mask(f.header.Key, 0, kept)
	}
	return bytes.HasPrefix(p, kept)
}

// endsIn reports whether the last bytes of f are among b.
func endsIn(b []byte, f *seen) bool {
	if f.long {
		return len(b) > 0
	}
	if bytes.Contains(b, f.bytes) {
		return true
	}
	for n := min(len(f.bytes), len(b)); n > 0; n-- {
		if bytes.HasSuffix(f.bytes, b[:n]) {
			return true
		}
	}
	return false
}

// Bounds of what waits to be joined with its other half. What is forgotten keeps
// its turn: the k-th goes with the k-th, kept or not.
const maxWaiting = 4096

// pairing joins the k-th frame with the k-th report of it. Whichever is recorded
// later names the other.
type pairing struct {
	waiting []uint64 // seqs of frames or of reports, never of both
	reports bool     // which of them
	gone    int      // how many of them were forgotten
}

// frame takes a frame that is about to be recorded as seq, and returns the report
// that waited for it, or 0.
func (p *pairing) frame(seq uint64) (report uint64) { return p.take(seq, false) }

// report takes a report that is about to be recorded as seq, and returns the frame
// that waited for it, or 0.
func (p *pairing) report(seq uint64) (frame uint64) { return p.take(seq, true) }

func (p *pairing) take(seq uint64, report bool) (other uint64) {
	switch {
	case p.gone > 0 && p.reports != report:
		p.gone--
		return 0
	case len(p.waiting) > 0 && p.reports != report:
		other = p.waiting[0]
		p.waiting = p.waiting[1:]
		return other
	}
	p.reports = report
	if len(p.waiting) == maxWaiting {
		p.waiting = p.waiting[1:]
		p.gone++
	}
	p.waiting = append(p.waiting, seq)
	return 0
}

// frames reports whether frames wait for reports.
func (p *pairing) frames() bool { return !p.reports && p.gone+len(p.waiting) > 0 }

// remove takes a frame out that will never reach its end.
func (p *pairing) remove(seq uint64) {
	if p.reports {
		return
	}
	for i, s := range p.waiting {
		if s == seq {
			p.waiting = append(p.waiting[:i:i], p.waiting[i+1:]...)
			return
		}
	}
}

// span is a stretch of the bytes of one direction, and the event that it is of.
type span struct {
	seq      uint64
	from, to int64
	named    bool // some other event names it, or it names one
}

// concerns knows which event is about which. c.mu is held for all its methods.
type concerns struct {
	calls   []*underway // in the order in which they were entered
	unsure  []sent      // frames that several calls may have sent
	request uint64
	end     uint64 // of TCP, by this end's doing: the last
	unread  []came // frames that a read is still to return, or to fail of
	skipped int    // frames that were forgotten of unread

	// What a page tells, or a raw client.
	asked, opened, sends, gets, closes pairing
	goodbye                            bool // the server's Close frame has been recorded
	said                               bool // the client's has
	closeCode                          int  // of the client's Close frame, or of close(); 0 before either

	in, out      int64 // bytes so far, as the client sent and gets them
	wrote, units []span
	reads        []span
	readTo       int64
	told         int64 // bytes that a raw client says that it wrote
}

// underway is a call that has not come back.
type underway struct {
	seq   uint64 // of its enter event
	doing Doing
	n     int    // frames that it has sent
	of    uint64 // what it is about
}

// sent is a frame of this end's.
type sent struct {
	seq   uint64
	frame seen
}

// came is a frame of the peer's.
type came struct {
	seq   uint64
	whole bool // a message ends with it
	fault bool // a read may fail because of it
	lazy  *whole
}

// mayFail reports whether a read may fail because of c.
func (c *came) mayFail() bool {
	if c.lazy != nil {
		f, _ := c.lazy.later.Decode(c.lazy.bytes)
		c.fault, c.lazy = len(f.Violations) > 0, nil
	}
	return c.fault
}

// handshake takes a handshake that is about to be recorded as seq: the bytes from
// begins to end of what its sender sends, which is this end where own is set. It
// returns what Event.By and Event.Told have to say.
func (k *concerns) handshake(seq uint64, h *dissect.Handshake, own bool, begins, end int64) (by, told uint64) {
	if own {
		if u := k.only(func(u *underway) bool { return u.doing.Verb == VerbWrite && u.of == 0 }); u != nil {
			u.sent(seq)
			by = u.seq
		}
	}
	if h.From == wire.Client {
		k.request = seq
		if k.told > 0 {
			return k.wroteIn(end, true), 0
		}
		return k.asked.frame(seq), 0
	}
	if h.Head.Status == 101 {
		told = k.opened.frame(seq)
	}
	if got := k.unit(seq, begins, end); got != 0 {
		told = got
	}
	return by, told
}

// frame is handshake for a frame of from's.
func (k *concerns) frame(seq uint64, f seen, from wire.Role, own bool, begins, end int64) (by, told uint64) {
	if own {
		by = k.ownFrame(seq, &f)
	} else {
		k.peerFrame(seq, &f)
	}
	if from == wire.Server {
		return by, k.serverFrame(seq, &f, begins, end)
	}
	return max(by, k.clientFrame(seq, &f, end)), 0
}

// only returns the one call under way for which is holds, nil for none or several.
func (k *concerns) only(is func(*underway) bool) *underway {
	var one *underway
	for _, u := range k.calls {
		if !is(u) {
			continue
		}
		if one != nil {
			return nil
		}
		one = u
	}
	return one
}

// ownFrame takes a frame of this end's that is about to be recorded as seq, and
// returns the enter event of the one call that can have sent it: 0 where there is
// none, or several. Then their returns tell.
func (k *concerns) ownFrame(seq uint64, f *seen) (by uint64) {
	var one, outer *underway
	several := false
	for _, u := range k.calls {
		switch {
		case !u.doing.Writes.sends(u.n, f):
		case u.doing.Writes.Inner:
			outer = u
		default:
			several = one != nil
			one = u
		}
	}
	if several {
		k.unsure = append(k.unsure, sent{seq, *f})
		one = nil
	}
	if outer != nil {
		outer.sent(seq)
		by = outer.seq
	}
	if one != nil {
		one.sent(seq)
		by = one.seq
	}
	return by
}

// clientFrame takes a frame of the client's that is about to be recorded as seq and
// ends at the byte end of what it sends, and returns the report because of which
// it was sent, or 0.
func (k *concerns) clientFrame(seq uint64, f *seen, end int64) (by uint64) {
	switch op := f.header.Opcode; {
	case k.told > 0:
		return k.wroteIn(end, true)
	case op == wire.Text || op == wire.Binary:
		return k.sends.frame(seq)
	case op == wire.Close && !k.said:
		k.said = true
		code := f.code
		waits := k.closeCode != 0
		if waits && code != k.closeCode || !waits && k.goodbye {
			return 0 // it answers the server's
		}
		k.closeCode = code
		return k.closes.frame(seq)
	}
	return 0
}

// serverFrame takes a frame of the server's that is about to be recorded as seq and
// is the bytes from from to to of what it sends. It returns the report of its
// arrival, where that came before.
func (k *concerns) serverFrame(seq uint64, f *seen, from, to int64) (told uint64) {
	op := f.header.Opcode
	k.goodbye = k.goodbye || op == wire.Close
	if op.IsData() && f.header.Fin {
		told = k.gets.frame(seq)
	}
	if got := k.unit(seq, from, to); got != 0 {
		told = got
	}
	return told
}

// refused takes bytes that this end's socket did not take, whole f where it is not
// nil, which are about to be recorded as seq, and returns the enter event of the one
// call that wrote them.
func (k *concerns) refused(seq uint64, f *dissect.Frame) (by uint64) {
	u := k.only(func(u *underway) bool {
		if u.of != 0 || u.doing.Verb != VerbWrite && u.doing.Verb != VerbClose {
			return false
		}
		if f == nil {
			return true
		}
		s := seenFrame(f)
		return u.doing.Writes.sends(u.n, &s)
	})
	if u == nil {
		return 0
	}
	u.of = seq
	return u.seq
}

// sent notes that u has sent the frame seq.
func (u *underway) sent(seq uint64) {
	u.n++
	if u.of == 0 {
		u.of = seq
	}
}

// ends takes an end of TCP of this end's doing that is about to be recorded as seq,
// and returns the enter event of the one call that does it.
func (k *concerns) ends(seq uint64) (by uint64) {
	closes := func(inner bool) func(*underway) bool {
		return func(u *underway) bool {
			return u.doing.Verb == VerbClose && u.of == 0 && u.doing.Writes.Inner == inner
		}
	}
	k.end = seq
	for _, inner := range []bool{true, false} {
		if u := k.only(closes(inner)); u != nil {
			u.of, by = seq, u.seq
		}
	}
	return by
}

// peerFrame notes a frame that this end's code is to read, or is reading: of calls
// on the socket itself it is the one under way.
func (k *concerns) peerFrame(seq uint64, f *seen) {
	if u := k.only(func(u *underway) bool { return u.doing.Verb == VerbRead && u.doing.Socket }); u != nil && u.of == 0 {
		u.of = seq
	}
	op := f.header.Opcode
	c := came{seq, op.IsData() && f.header.Fin, op == wire.Close || f.fault, f.lazy}
	if !c.whole && !c.fault {
		return
	}
	if len(k.unread) == maxWaiting {
		if k.unread[0].whole {
			k.skipped++
		}
		k.unread = k.unread[1:]
	}
	k.unread = append(k.unread, c)
}

// readCame returns the frame that a read has returned, or has failed of.
func (k *concerns) readCame(failed bool) uint64 {
	if k.skipped > 0 && !failed {
		k.skipped--
		return 0
	}
	at := -1
	for i := range k.unread {
		if c := &k.unread[i]; failed && c.mayFail() || !failed && c.whole {
			at = i
			break
		}
	}
	if at < 0 && failed && len(k.unread) > 0 {
		at = 0 // no rule of the RFC was broken, but one of the library's own
	}
	if at < 0 {
		return 0
	}
	seq := k.unread[at].seq
	k.unread = k.unread[at+1:]
	return seq
}

// dropped notes that a unit will not arrive.
func (k *concerns) dropped(seq uint64) {
	for i, c := range k.unread {
		if c.seq == seq {
			k.unread = append(k.unread[:i:i], k.unread[i+1:]...)
			break
		}
	}
	k.gets.remove(seq)
	k.opened.remove(seq)
	for i, u := range k.units {
		if u.seq != seq {
			continue
		}
		size := u.to - u.from
		k.units = append(k.units[:i:i], k.units[i+1:]...)
		for j := i; j < len(k.units); j++ {
			k.units[j].from -= size
			k.units[j].to -= size
		}
		k.out -= size
		break
	}
}

// enter begins a call and returns what it is about, where that is known already.
func (k *concerns) enter(seq uint64, d Doing) *underway {
	u := &underway{seq: seq, doing: d}
	k.calls = append(k.calls, u)
	return u
}

// leave ends u and returns what it was about.
func (k *concerns) leave(u *underway, failed, frame bool) uint64 {
	for i, other := range k.calls {
		if other == u {
			k.calls = append(k.calls[:i:i], k.calls[i+1:]...)
			break
		}
	}
	switch {
	case u.doing.Verb == VerbOpen:
		return k.request
	case u.doing.Verb == VerbRead && !u.doing.Socket:
		if !failed || frame {
			return k.readCame(failed)
		}
	case u.doing.Verb == VerbClose && u.of == 0 && k.end > u.seq:
		return k.end // of two that close at once, either may have done it
	case u.of == 0:
		for i, s := range k.unsure {
			if u.doing.Writes.sends(u.n, &s.frame) {
				u.of = s.seq
				k.unsure = append(k.unsure[:i:i], k.unsure[i+1:]...)
				break
			}
		}
	}
	if len(k.calls) == 0 {
		k.unsure = nil
	}
	return u.of
}

// wroteIn returns the report of the raw client's write that brought the last of the
// bytes up to at, or 0. Of bytes that are not a unit's it is told once.
func (k *concerns) wroteIn(at int64, unit bool) uint64 {
	for len(k.wrote) > 0 && k.wrote[0].to < at {
		k.wrote = k.wrote[1:]
	}
	if len(k.wrote) == 0 || !unit && k.wrote[0].named {
		return 0
	}
	k.wrote[0].named = true
	return k.wrote[0].seq
}

// unit takes a unit of the server's that is about to be recorded as seq. It returns
// the report of the raw client's read that brought its end, where that came before.
func (k *concerns) unit(seq uint64, from, to int64) (told uint64) {
	if to > k.readTo {
		if len(k.units) < maxWaiting {
			k.units = append(k.units, span{seq: seq, from: from, to: to})
		}
		return 0
	}
	for len(k.reads) > 0 && k.reads[0].to < to {
		k.reads = k.reads[1:]
	}
	if len(k.reads) == 0 || k.reads[0].named {
		return 0
	}
	k.reads[0].named = true
	return k.reads[0].seq
}

// report takes what the client's end reports, which is about to be recorded as seq,
// and returns what it is about: 0 where that is nothing, or still to come.
func (k *concerns) report(seq uint64, s *Script) (of uint64, awaits bool) {
	var p *pairing
	state := 1
	if s.ReadyState != nil {
		state = *s.ReadyState
	}
	switch s.What {
	case "new WebSocket":
		p = &k.asked
	case "onopen":
		p = &k.opened
	case "onmessage":
		p = &k.gets
	case "send":
		if state == 1 { // else the browser sends nothing
			p = &k.sends
		}
	case "close":
		// After the server's Close frame the browser answers by itself, and close() of a
		// page sends nothing; unless it was called before, and is told only now. A raw
		// client's report has no state.
		code := int(wire.NoStatusReceived)
		if s.Code != nil {
			code = *s.Code
		}
		first := k.closeCode == 0
		if s.ReadyState != nil && state != 3 && (first && !k.goodbye || !first && code == k.closeCode && k.closes.frames()) {
			k.closeCode = code
			p = &k.closes
		}
	case "write":
		if s.Size != nil {
			k.wrote = append(k.wrote, span{seq: seq, from: k.told, to: k.told + *s.Size})
			k.told += *s.Size
			return 0, true
		}
	case "read":
		if s.Size != nil {
			return k.rawRead(seq, *s.Size)
		}
	}
	if p == nil {
		return 0, false
	}
	of = p.report(seq)
	return of, of == 0
}

// rawRead returns the first unit that ends within the next size bytes that a raw
// client has read.
func (k *concerns) rawRead(seq uint64, size int64) (of uint64, awaits bool) {
	from := k.readTo
	k.readTo += size
	n := 0
	for n < len(k.units) && k.units[n].to <= k.readTo {
		if of == 0 {
			of = k.units[n].seq
		}
		n++
	}
	k.units = k.units[n:]
	// What it has read may be recorded only now.
	if awaits = k.readTo > k.out; awaits && len(k.reads) < maxWaiting {
		k.reads = append(k.reads, span{seq: seq, from: from, to: k.readTo, named: of != 0})
	}
	return of, awaits && of == 0
}
