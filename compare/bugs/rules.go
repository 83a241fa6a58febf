package bugs

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"wslab/compare/recording"
	"wslab/reference/naive"
	"wslab/reference/wire"
)

// hexOf writes at most 16 bytes of b as hex.
func hexOf(b []byte) string {
	if len(b) > 16 {
		return fmt.Sprintf("% x …", b[:16])
	}
	return fmt.Sprintf("% x", b)
}

// size writes n with its unit.
func size[N int | uint64](n N) string { return recording.ByteCount(n) }

// handshake finds the faults of the handshake.
func (f *finder) handshake() {
	c := f.c
	reads := c.named("Read")
	if c.request == nil || len(reads) == 0 || reads[0].leave == 0 {
		return
	}
	first, request := reads[0], len(c.request.Bytes())
	// Fault 3 ends the server before it responds.
	if c.response == nil {
		if c.stopped() == string(naive.Panic) && strings.Contains(c.served.err.Text, "index out of range") {
			f.open(3, fmt.Sprintf("The first Read returned %s: %q. The server used the second word of the first line, which does not exist there, and panicked.", size(first.got()), clip(c.stream[:min(first.got(), len(c.stream))])),
				c.request.seq, first.leave, c.served.leave)
		}
		return
	}
	if first.got() < request {
		f.open(1, fmt.Sprintf("The request has %s. The server read %d of them and responded with %d.", size(request), first.got(), c.status()),
			c.request.seq, first.leave, c.response.seq)
		return // the server has not seen all header fields
	}
	if c.status() == 400 {
		f.refusal()
		return
	}
	if c.status() != 101 {
		return
	}
	f.acceptance()
	for _, g := range c.frames {
		if g.end() <= first.got() && g.whole() {
			f.open(2, fmt.Sprintf("The first Read returned %s: %d of the request, and a frame of %s after it. The server never looked at the frame.", size(first.got()), request, size(g.Came())),
				c.request.seq, first.leave, g.seq, c.response.seq)
			break
		}
	}
}

// exact returns the value that the server found for a header field: the last one whose
// name is in the same case.
func (c *connection) exact(name string) (value string, ok bool) {
	for _, h := range c.request.Head.Fields {
		if h.Name == name {
			value, ok = h.Value, true
		}
	}
	return value, ok
}

// refusal finds the faults that made the server refuse a request.
func (f *finder) refusal() {
	c := f.c
	head := c.request.Head
	if !head.HasToken("Upgrade", "websocket") || !head.HasToken("Connection", "upgrade") {
		return // the refusal is right
	}
	evidence := []uint64{c.request.seq, c.response.seq}
	for _, name := range []string{"Upgrade", "Connection"} {
		if _, ok := c.exact(name); !ok {
			sent := ""
			for _, h := range head.Fields {
				if strings.EqualFold(h.Name, name) {
					sent = h.Name
				}
			}
			f.open(5, fmt.Sprintf("The request has the header field %s. The server looked for %s, did not find it, and responded with 400.", sent, name), evidence...)
		}
	}
	if v, ok := c.exact("Upgrade"); ok && v != "websocket" && strings.EqualFold(v, "websocket") {
		f.open(6, fmt.Sprintf("The request has Upgrade: %s. The server compared it with websocket and responded with 400.", v), evidence...)
	}
	if v, ok := c.exact("Connection"); ok && v != "Upgrade" {
		f.open(7, fmt.Sprintf("The request has Connection: %s, which contains the token. The server compared the whole value with Upgrade and responded with 400.", v), evidence...)
	}
}

// unchecked are the rules of a request that the server does not check.
var unchecked = []wire.Rule{
	wire.RuleMethod, wire.RuleHTTPVersion, wire.RuleHost, wire.RuleKeyMissing, wire.RuleKeyLength, wire.RuleKeyRepeated, wire.RuleVersion,
}

// acceptance finds the faults in a response with 101.
func (f *finder) acceptance() {
	c := f.c
	head, evidence := c.request.Head, []uint64{c.request.seq, c.response.seq}
	for _, v := range c.request.Violations {
		if slices.ContainsFunc(unchecked, func(r wire.Rule) bool { return r.Code == v.Code }) {
			f.open(8, fmt.Sprintf("The server responded with 101 to a request that breaks rule %s: %s", v.Code, v.Error()), evidence...)
			break
		}
	}
	for _, name := range []string{"Upgrade", "Connection"} {
		if v, _ := c.exact(name); strings.Contains(v, ":") {
			before, _, _ := strings.Cut(v, ":")
			f.open(4, fmt.Sprintf("The request has %s: %s. The server kept only %s, so it responded with 101.", name, v, strings.TrimSpace(before)), evidence...)
		}
	}
	sent, ok := c.exact("Origin")
	if back := c.response.Head.Values("Sec-WebSocket-Origin"); len(back) > 0 {
		if ok && back[0] != sent {
			f.open(4, fmt.Sprintf("The client sent Origin: %s. The server kept only %s.", sent, back[0]), evidence...)
		}
		f.open(10, fmt.Sprintf("The response has Sec-WebSocket-Origin: %s, a header field of a draft of 2010.", back[0]), evidence...)
	}
	for _, origin := range head.Values("Origin") {
		if origin != "null" && len(head.Values("Host")) > 0 && hostOf(origin) != hostOf(head.Values("Host")[0]) {
			f.open(9, fmt.Sprintf("The request comes from a page of %s, and the server is %s. The server responded with 101.", origin, head.Values("Host")[0]), evidence...)
		}
	}
	if _, ok := c.exact("Sec-WebSocket-Key"); !ok && head.Key() != "" && c.response.Accept != nil && c.response.Accept.Got == wire.Accept("") {
		f.open(5, "The server did not find Sec-WebSocket-Key, because the request has it in another case. The accept value is the one for an empty key.", evidence...)
	}
}

// hostOf returns the host of an origin or of a Host header field, without scheme and port.
func hostOf(s string) string {
	if _, after, ok := strings.Cut(s, "://"); ok {
		s = after
	}
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	return strings.ToLower(s)
}

// clip shortens a quotation.
func clip(b []byte) string { return recording.Clip(string(b), 40) }

// stream compares the frames that the client sent with those that the server read. After
// the first frame that the server misreads, all later bytes are misread, too, so stream
// ends there.
func (f *finder) stream() {
	c := f.c
	if c.status() != 101 || c.request == nil {
		return
	}
	reads := c.named("Read")
	if len(reads) == 0 || reads[0].got() < len(c.request.Bytes()) {
		return
	}
	m := &messages{finder: f}
	frames := c.frames
	for _, r := range c.reads() {
		for len(frames) > 0 && frames[0].end() <= reads[0].got() {
			frames = frames[1:] // fault 2
		}
		if r.head.leave == 0 || r.head.err != nil || r.begin >= len(c.stream) {
			return
		}
		if len(frames) == 0 || frames[0].begin != r.begin {
			f.claim(r, nil)
			return // the server is inside a frame, or the frame is not complete
		}
		g := frames[0]
		frames = frames[1:]
		if !f.frame(r, g, m) {
			return
		}
		m.next(r, g)
		if m.lost {
			return
		}
	}
}

// claim finds faults 16 and 26: the server allocates more than the cage allows, because of
// the header at the start of r. g is nil if the frame is not complete.
func (f *finder) claim(r *read, g *frame) {
	if r.make == nil || r.make.err == nil || r.head.got() < 2 || f.c.byteOf(r.head, r.begin, 1)&0x80 == 0 {
		return
	}
	events := []uint64{r.head.leave, r.make.leave}
	if g != nil {
		events = append(events, g.seq)
	}
	text := r.make.err.Text
	if strings.Contains(text, "of the same message") {
		f.open(26, fmt.Sprintf("The message has had no end so far, and its next fragment needed %s more. The cage stopped the server.", size(r.size)), events...)
		return
	}
	at := f.c.stream[r.begin:min(r.begin+14, len(f.c.stream))]
	f.open(16, fmt.Sprintf("The header %s claims a payload of %s. The server asked for that memory before it had read one byte of the payload, and the cage stopped it.", hexOf(at), strings.TrimPrefix(r.make.args, "[]byte, ")+" bytes"), events...)
}

// frame finds the faults that make the server misread the frame g. It reports whether the
// server has read g as it was sent.
func (f *finder) frame(r *read, g frame, m *messages) bool {
	c := f.c
	evidence := []uint64{g.seq, r.head.leave, leaves(r.key), leaves(r.payload), leaves(r.log), f.answered(r)}
	switch {
	case r.make != nil && r.make.err != nil:
		f.claim(r, &g)
		return false
	case !g.Header.Masked && r.head.got() == 2:
		if r.key != nil && r.key.over() && r.key.got() > 0 {
			at := r.begin + r.took - got(r.payload) - r.key.got()
			f.open(13, fmt.Sprintf("The frame has MASK 0. The server read the bytes %s, which are not a masking key, as the masking key.", hexOf(f.at(at, r.key.got()))), evidence...)
		}
		return false
	case g.Header.Form == wire.Length16 && r.head.got() == 2:
		if r.make == nil {
			return false
		}
		f.open(14, fmt.Sprintf("The length of the frame is %d, in the two bytes %s. The server used 126 as the length, and these two bytes as the beginning of the masking key.", g.Header.Length, hexOf(f.at(r.begin+2, 2))), evidence...)
		if g.breaks(wire.RuleControlLength) && r.next != nil {
			f.open(18, fmt.Sprintf("The %s has %s of payload. The server ignored that and went on.", g.Header.Opcode, size(g.Header.Length)), evidence...)
		}
		return false
	case g.Header.Form == wire.Length64 && r.head.got() == 2 && g.Header.Length != 127:
		if c.stopped() == string(naive.Panic) && r.payload == nil {
			f.open(17, fmt.Sprintf("The 64-bit length is %d. The server tried to read 127 bytes into a payload of that size, and panicked.", g.Header.Length), g.seq, r.head.leave, leaves(r.ext), leaves(r.make), c.served.leave)
		} else if r.payload != nil && r.payload.over() {
			f.open(17, fmt.Sprintf("The 64-bit length is %d. The server read %d bytes of the payload, and treated the rest as the next frame.", g.Header.Length, r.payload.got()), append(evidence, leaves(r.ext))...)
		}
		return false
	}
	if !r.over() {
		return false
	}
	if s := r.short(); s != nil {
		if g.whole() {
			f.open(11, fmt.Sprintf("A Read for %s returned %d, and the server did not read the rest. The rest arrived later, and the server treated it as the next frame.", size(s.asked()), s.got()), append(evidence, s.leave)...)
		}
		return false
	}
	return r.took == int(g.Size())
}

func got(k *call) int {
	if k == nil || !k.over() {
		return 0
	}
	return k.got()
}

func leaves(k *call) uint64 {
	if k == nil {
		return 0
	}
	return k.leave
}

// at returns n bytes of the client's stream.
func (f *finder) at(begin, n int) []byte {
	s := f.c.stream
	begin = max(0, min(begin, len(s)))
	return s[begin:min(begin+n, len(s))]
}

// answered returns the seq of the first frame that the server sent for the message that
// ends with r, or 0.
func (f *finder) answered(r *read) uint64 {
	if a := f.answer(r); a != nil {
		return a.seq
	}
	return 0
}

func (f *finder) answer(r *read) *frame {
	if r.log == nil {
		return nil
	}
	for i, a := range f.c.answers {
		if a.seq > r.log.enter && (r.next == nil || a.seq < r.next.enter) {
			return &f.c.answers[i]
		}
	}
	return nil
}

// sentClose reports whether the server sent a Close frame.
func (f *finder) sentClose() bool {
	return slices.ContainsFunc(f.c.answers, func(a frame) bool { return a.Header.Opcode == wire.Close })
}

// end finds fault 15: the server sends messages after its client has sent FIN, and the
// client reads them.
func (f *finder) end() {
	c := f.c
	var eof *call
	for _, k := range c.named("Read") {
		if k.err != nil {
			eof = k
			break
		}
	}
	if eof == nil || c.fin == 0 || c.status() != 101 {
		return
	}
	n, events := 0, []uint64{c.fin, eof.leave}
	for _, a := range c.answers {
		if a.seq < eof.leave || a.Header.Opcode != wire.Text || a.Header.Length != 0 || !c.hears(a.seq) {
			continue
		}
		if n++; n <= 2 {
			events = append(events, a.seq)
		}
	}
	if n > 0 {
		f.open(15, fmt.Sprintf("After the client's FIN, Read returned %q. The server ignored that, and sent %d empty messages to a client that had sent none.", eof.err.Text, n), events...)
	}
}

// hears reports whether the client has read a frame of the server: it read bytes after
// that frame, or the end of the stream.
func (c *connection) hears(seq uint64) bool { return c.heard > seq && !c.reset }

// writes finds fault 29: a Write after a frame header does not have the payload that the
// header announces.
func (f *finder) writes() {
	c := f.c
	if c.status() != 101 {
		return
	}
	writes := c.named("Write")
	var header *call
	announced := 0
	at := 0 // index in answers of the frame that begins with the next header
	for _, k := range writes[min(1, len(writes)):] {
		if k.leave == 0 || k.err != nil {
			return
		}
		if header == nil {
			if at >= len(c.answers) {
				return
			}
			header, announced = k, int(c.answers[at].Header.Length)
			continue
		}
		if k.asked() != announced {
			f.open(29, fmt.Sprintf("The server wrote a frame header that announces %s. The next Write has %s: the header of another message. So the payload on the wire is %s.", size(announced), size(k.asked()), hexOf(c.answers[at].Payload())),
				header.enter, header.leave, k.enter, k.leave, c.answers[at].seq)
			return
		}
		header = nil
		at++
	}
}

// orders finds the faults of the server's own actions.
func (f *finder) orders() {
	c := f.c
	for _, k := range c.named("close") {
		if k.leave == 0 {
			continue
		}
		switch {
		case k.err != nil && strings.Contains(k.err.Text, "interface conversion"):
			f.open(34, "The connection was closed already, so Close returned an error. The server asserted a type that this error does not have, and panicked.", k.enter, k.leave, c.closed)
		case c.closed > k.enter && c.closed < k.leave && (c.left == 0 || c.left > k.enter) && c.status() == 101 && !f.sentClose():
			f.open(30, "The server closed TCP. It sent no Close frame before that, so the client receives no close code.", k.enter, c.closed)
		}
	}
	for _, k := range c.named("send") {
		if k.err != nil && strings.Contains(k.err.Text, "too long") && strings.Contains(k.args, ", 125 byte") {
			f.open(28, fmt.Sprintf("The server did not send its own message of 125 bytes: %q.", k.err.Text), k.enter, k.leave)
		}
		if c.closed == 0 || k.enter < c.closed {
			continue
		}
		events := []uint64{c.closed, k.enter, k.leave}
		for _, seq := range c.refused {
			if seq > k.enter && (k.leave == 0 || seq < k.leave) {
				events = append(events, seq)
			}
		}
		if len(events) > 3 {
			f.open(33, "The server closed the connection, and then wrote another message to it. The socket refused the bytes.", events...)
		}
	}
}

// accepts finds fault 32: a client waits while the server serves another client.
func (f *finder) accepts(all []*connection) {
	c := f.c
	if c.request == nil {
		return
	}
	reads := c.named("Read")
	for _, other := range all {
		if other == c || len(other.named("Read")) == 0 || other.opened > c.request.seq || other.left != 0 && other.left < c.request.seq {
			continue // the other client was not there
		}
		ended := uint64(0)
		if other.served != nil {
			ended = other.served.leave
		}
		switch {
		case ended != 0 && ended < c.request.seq:
		case len(reads) == 0 && c.stopped() == string(naive.Accept):
			f.open(32, fmt.Sprintf("The request arrived while the server served connection %d. The server never read it.", other.id), other.opened, c.request.seq, c.served.leave)
		case len(reads) > 0 && ended != 0 && reads[0].enter > ended:
			f.open(32, fmt.Sprintf("The request arrived while the server served connection %d. The server read it only after that client had left.", other.id), other.opened, c.request.seq, ended, reads[0].enter)
		}
	}
}
