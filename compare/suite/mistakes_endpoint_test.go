package suite

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	bits "encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"wslab/compare/suite/mistakes"
	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// mini is a small endpoint that echoes, and makes one mistake, or none. What is
// right in it is written once; each mistake is a word in a condition.
type mini struct {
	makes string
	does  func(*mini) // in place of the echo, once the WebSocket is open
	host  string      // of a client's request, see hostOf
	role  wire.Role
	conn  *net.TCPConn
	peer  *writes
	in    []byte // read, and not yet used
	keys  byte
	over  bool // nothing more can come
	bad   bool // a piece of a text was not UTF-8
}

func (m *mini) is(codes ...string) bool { return slices.Contains(codes, m.makes) }

// run serves, or is a client on, one connection until it is over.
func (m *mini) run() {
	defer m.conn.Close()
	opens := m.answer
	if m.role == wire.Client {
		opens = m.ask
	}
	switch {
	case !opens():
	case m.does != nil:
		m.does(m)
	default:
		m.echo()
	}
}

// leave ends this side of TCP and waits for the other.
func (m *mini) leave() {
	_ = m.conn.CloseWrite()
	_, _ = io.Copy(io.Discard, m.conn)
}

// more reads once, limit bytes at most, and no more than the judge has written
// at once: how TCP cuts is then the same in every run, however busy the machine.
func (m *mini) more(limit int) error {
	b := make([]byte, 1)
	if _, err := io.ReadFull(m.conn, b); err != nil {
		return err
	}
	b = append(b, make([]byte, m.peer.take(limit)-1)...)
	n, err := io.ReadFull(m.conn, b[1:])
	m.in = append(m.in, b[:1+n]...)
	return err
}

// writes are the sizes of the judge's TCP writes that were not read yet.
type writes struct {
	mu    sync.Mutex
	sizes []int
}

// take takes bytes off the first write, limit at most, and returns how many.
func (w *writes) take(limit int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(limit, w.sizes[0])
	if w.sizes[0] -= n; w.sizes[0] == 0 {
		w.sizes = w.sizes[1:]
	}
	return n
}

// countedConn is the judge's end of a connection, which notes its writes.
type countedConn struct {
	*net.TCPConn
	writes
}

func (c *countedConn) NetConn() net.Conn { return c.TCPConn }

func (c *countedConn) Write(b []byte) (int, error) {
	if len(b) > 0 {
		c.mu.Lock()
		c.sizes = append(c.sizes, len(b))
		c.mu.Unlock()
	}
	return c.TCPConn.Write(b)
}

// head reads up to the empty line.
func (m *mini) head() (lines []string, ok bool) {
	for {
		end := bytes.Index(m.in, []byte("\r\n\r\n"))
		whole := end >= 0
		switch {
		case m.is("request-buffer-small") && len(m.in) >= 1024 && (!whole || end > 1024):
			lines, m.in = strings.Split(string(m.in[:1024]), "\r\n"), m.in[1024:]
			return lines[:len(lines)-1], true
		case m.is("request-read-once", "answer-read-once") && len(m.in) > 0 && !whole:
			end, whole = len(m.in), true
			m.in = append(m.in, "\r\n\r\n"...)
		}
		if whole {
			lines = strings.Split(string(m.in[:end]), "\r\n")
			m.in = m.in[end+4:]
			if m.is("glued-frame-lost") {
				m.in = nil
			}
			return lines, true
		}
		if len(m.in) > 16<<10 || m.more(16<<10) != nil {
			return nil, false
		}
	}
}

// headerFields are as they came; those with a name in another case count.
type headerFields [][2]string

func (m *mini) parse(lines []string) (list headerFields, ok bool) {
	for _, l := range lines {
		name, value, found := strings.Cut(l, ":")
		if m.is("header-split-at-colon-space") {
			name, value, found = strings.Cut(l, ": ")
		}
		if !found || !wire.IsToken(name) || m.is("header-split-at-every-colon") && !strings.EqualFold(name, "Host") && strings.Contains(value, ":") {
			return nil, false
		}
		if m.is("header-value-not-trimmed") {
			value = strings.TrimLeft(value, " ")
		} else {
			value = strings.Trim(value, " \t")
		}
		list = append(list, [2]string{name, value})
	}
	return list, true
}

func (m *mini) values(list headerFields, name string) (vs []string) {
	exact := m.is("header-names-by-case") || m.is("key-name-by-case") && name == "Sec-WebSocket-Key"
	for _, f := range list {
		if f[0] == name || !exact && strings.EqualFold(f[0], name) {
			vs = append(vs, f[1])
		}
	}
	return vs
}

func (m *mini) has(list headerFields, name, token string) bool {
	byCase := m.is(strings.ToLower(name) + "-by-case")
	for _, v := range m.values(list, name) {
		items := strings.Split(v, ",")
		if m.is("connection-not-a-list") && name == "Connection" {
			items = []string{v}
		}
		for _, item := range items {
			item = strings.Trim(item, " \t")
			if item == token || !byCase && strings.EqualFold(item, token) || m.is("token-as-substring") && strings.Contains(strings.ToLower(item), strings.ToLower(token)) {
				return true
			}
		}
	}
	return false
}

// answer is the server's half of the opening handshake.
func (m *mini) answer() bool {
	lines, ok := m.head()
	if !ok {
		return false
	}
	refuse := func(status int, more string) bool {
		fmt.Fprintf(m.conn, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n%s\r\n", status, http.StatusText(status), more)
		m.leave()
		return false
	}
	list, ok := m.parse(lines[1:])
	start := strings.Fields(lines[0])
	if !ok || len(start) != 3 {
		return refuse(400, "")
	}
	first := func(name string) string { return strings.Join(m.values(list, name), ", ") }
	key := first("Sec-WebSocket-Key")
	decoded, err := base64.StdEncoding.DecodeString(key)
	version := "Sec-WebSocket-Version: 13\r\n"
	if m.is("version-not-named") {
		version = ""
	}
	switch {
	case start[0] != "GET" && !m.is("method-not-checked"):
		return refuse(405, "")
	case start[2] != "HTTP/1.1" && !m.is("http-version-not-checked"),
		len(m.values(list, "Host")) != 1 && !m.is("host-not-checked"),
		!m.has(list, "Upgrade", "websocket") && !m.is("upgrade-not-checked"),
		!m.has(list, "Connection", "Upgrade") && !m.is("connection-not-checked"),
		key == "" && !m.is("key-not-checked", "key-name-by-case"),
		key != "" && (err != nil || len(decoded) != 16):
		return refuse(400, "")
	case first("Sec-WebSocket-Version") != "13" && !m.is("version-not-checked"):
		return refuse(426, version)
	}
	sum := sha1.Sum([]byte(key + wire.GUID))
	accept := wire.Accept(key)
	switch m.makes {
	case "key-decoded-before-hash":
		accept = wire.Hash(string(decoded) + wire.GUID)
	case "key-hashed-with-crlf":
		accept = wire.Hash(key + "\r\n" + wire.GUID)
	case "guid-left-out":
		accept = wire.Hash(key)
	case "guid-before-key":
		accept = wire.Hash(wire.GUID + key)
	case "guid-lower-case":
		accept = wire.Hash(key + strings.ToLower(wire.GUID))
	case "guid-misprint":
		accept = wire.Hash(key + "258EAFA5-E914-47DA-95CA-5AB5DC11D65B")
	case "hash-hex-before-base64":
		accept = base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
	case "hash-in-hex":
		accept = hex.EncodeToString(sum[:])
	case "accept-other-base64":
		accept = base64.RawURLEncoding.EncodeToString(sum[:])
	case "accept-is-key":
		accept = key
	case "accept-constant":
		accept = wire.Accept("x3JJHMbDL1EzLkh9GBhXDw==")
	}
	more := map[string]string{
		"subprotocol-invented":  "Sec-WebSocket-Protocol: chat\r\n",
		"extension-invented":    "Sec-WebSocket-Extensions: permessage-deflate\r\n",
		"http-after-handshake":  "\r\nHTTP/1.1 200 OK\r\n",
		"crlf-behind-handshake": "\r\n",
		"chunk-after-handshake": "\r\n0\r\n",
	}[m.makes]
	fmt.Fprintf(m.conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n", accept, more)
	return true
}

// ask is the client's half of the opening handshake.
func (m *mini) ask() bool {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	key, host := base64.StdEncoding.EncodeToString(nonce), m.conn.RemoteAddr().String()
	if m.is("key-constant") {
		key = spec.SampleKey
	}
	if m.is("host-without-port") {
		host, _, _ = net.SplitHostPort(host)
	}
	host = m.hostOf(host)
	if m.is("host-without-brackets") {
		_, port, _ := net.SplitHostPort(host)
		host = "::1:" + port
	}
	fmt.Fprintf(m.conn, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", host, key)
	lines, ok := m.head()
	if !ok {
		return false
	}
	list, ok := m.parse(lines[1:])
	accept := strings.Join(m.values(list, "Sec-WebSocket-Accept"), ", ")
	return ok && m.has(list, "Upgrade", "websocket") && m.has(list, "Connection", "Upgrade") &&
		(accept == wire.Accept(key) || m.is("accept-not-checked")) &&
		(strings.HasPrefix(lines[0], "HTTP/1.1 101 ") || m.is("status-not-checked"))
}

// need sees to it that there are n bytes of what, "header" or "payload". It
// reports whether the frame can go on.
func (m *mini) need(n int, what string) bool {
	once := m.is("one-read-one-frame") || m.is("read-not-full") || m.is(what+"-read-once")
	for reads := 0; len(m.in) < n; reads++ {
		switch {
		case once && (reads > 0 || len(m.in) > 0) && m.is("one-read-one-frame", "header-read-once"):
			return false
		case once && (reads > 0 || len(m.in) > 0 && !m.is("read-not-full")):
			m.in = append(m.in, make([]byte, n-len(m.in))...) // as a buffer of zeros
			return true
		}
		limit := 64 << 10
		if m.is("read-not-full") || what == "payload" && m.is("payload-read-once") {
			limit = n - len(m.in) // no buffer, so that nothing is read ahead
		}
		if m.more(limit) != nil {
			m.over = true
			return false
		}
	}
	return true
}

// frame reads a frame. ok is false where what there is of it is lost; then over
// tells whether more can come. p is not checked, and its mask is off.
func (m *mini) frame() (h wire.Header, p []byte, ok bool) {
	if m.is("one-read-one-frame", "second-frame-lost") {
		m.in = nil
	}
	if !m.need(2, "header") {
		return h, nil, false
	}
	size := 2 + map[byte]int{126: 2, 127: 8}[m.in[1]&0x7F]
	if m.in[1]&0x80 != 0 {
		size += 4
	}
	if !m.need(size, "header") {
		return h, nil, false
	}
	h, _ = wire.ParseHeader(m.in)
	seven := uint64(m.in[1] & 0x7F)
	switch {
	case m.is("length-126-taken-for-length") && seven == 126:
		size -= 2
		h.Length = 126
	case m.is("length-127-read-as-32-bits") && seven == 127:
		size -= 4
		h.Length = uint64(bits.BigEndian.Uint32(m.in[2:]))
	case m.is("length-64-read-and-ignored") && seven == 127:
		h.Length = 127
	case m.is("length-little-endian") && seven == 126:
		h.Length = uint64(bits.LittleEndian.Uint16(m.in[2:]))
	case m.is("length-little-endian") && seven == 127:
		h.Length = bits.LittleEndian.Uint64(m.in[2:])
	}
	if strings.HasPrefix(m.makes, "length-") {
		h.Form = wire.FormFor(h.Length) // it does not know better
	}
	if h.Masked {
		h.Key = [4]byte(m.in[size-4 : size])
	}
	m.in = m.in[size:]
	if m.wrong(h) || h.Length > 1<<24 && !m.is("length-little-endian") {
		return h, nil, true // not worth the wait
	}
	if m.is("mask-begun-anew-at-each-read", "utf8-checked-per-read") {
		for len(p) < int(h.Length) {
			if len(m.in) == 0 && m.more(int(h.Length)-len(p)) != nil {
				m.over = true
				return h, nil, false
			}
			piece := m.in[:min(len(m.in), int(h.Length)-len(p))]
			m.in = m.in[len(piece):]
			if m.is("utf8-checked-per-read") {
				wire.Mask(h.Key, len(p)%4, piece)
				m.bad = m.bad || h.Opcode == wire.Text && !utf8.Valid(piece)
			} else {
				wire.Mask(h.Key, 0, piece)
			}
			p = append(p, piece...)
		}
		return h, p, true
	}
	if !m.need(int(h.Length), "payload") {
		return h, nil, false
	}
	p, m.in = slices.Clone(m.in[:h.Length]), m.in[h.Length:]
	switch {
	case m.is("payload-still-masked"):
	case m.is("mask-begun-before-payload"):
		wire.Mask(h.Key, 2, p)
	default:
		wire.Mask(h.Key, 0, p)
	}
	return h, p, true
}

// overlooks reports whether m does not look at v.
func (m *mini) overlooks(v wire.Violation) bool {
	return mistakes.Unchecked([]string{v.Code}) == m.makes
}

// wrong reports whether h by itself breaks a rule.
func (m *mini) wrong(h wire.Header) bool {
	of := wire.Context{Sender: m.role.Peer(), Fragmented: h.Opcode == wire.Continuation}
	return slices.ContainsFunc(wire.Check(h, of), func(v wire.Violation) bool { return !m.overlooks(v) })
}

// send sends a frame.
func (m *mini) send(op wire.Opcode, p []byte) {
	n := len(p)
	switch {
	case m.is("payload-without-header") && !op.IsControl():
		_, _ = m.conn.Write(p)
		return
	case m.is("length-in-characters") && op == wire.Text:
		n = utf8.RuneCount(p)
	case m.is("length-125-refused") && n == 125:
		return
	}
	h := wire.Header{Fin: true, Opcode: op, Length: uint64(n), Form: wire.FormFor(uint64(n))}
	if m.is("length-not-minimal") && n == 125 {
		h.Form = wire.Length16
	}
	switch {
	case m.is("length-too-large"):
		h.Length++
	case m.is("length-counts-masking-key"):
		h.Length += 4
	case m.is("length-too-small") && n > 0 && !op.IsControl():
		h.Length--
	}
	if strings.HasPrefix(m.makes, "length-too-") || m.is("length-counts-masking-key") {
		h.Form = wire.FormFor(h.Length)
	}
	h.Fin = !(m.is("fin-inverted") && !op.IsControl() || m.is("control-sent-fragmented") && op.IsControl())
	h.Masked = m.role == wire.Client
	switch {
	case m.is("server-masks"):
		h.Masked = true
	case m.is("client-does-not-mask"), m.is("mask-left-out-when-empty") && n == 0, m.is("mask-left-out-in-control-frames") && op.IsControl():
		h.Masked = false
	}
	if h.Masked {
		if m.keys++; m.is("masking-key-constant") {
			m.keys = 1
		}
		h.Key = [4]byte{m.keys, 0x5A, m.keys ^ 0xFF, 7}
	}
	b := h.Append(nil)
	if m.is("nibbles-swapped") {
		b[0] = byte(op)<<4 | 1
	}
	size := map[wire.LengthForm]int{wire.Length16: 2, wire.Length64: 8}[h.Form]
	switch {
	case m.is("length-sent-little-endian"):
		slices.Reverse(b[2 : 2+size])
	case m.is("length-sent-in-32-bits") && size == 8:
		b = slices.Delete(b, 2, 6)
	case m.is("length-in-one-byte") && n > 125:
		b = append(b[:1], byte(n))
	case m.is("mask-bit-without-key"):
		b[1] |= 0x80
	case m.is("mask-bit-missing"):
		b[1] &^= 0x80
	}
	start := len(b)
	b = append(b, p...)
	wire.Mask(h.Key, 0, b[start:])
	if m.is("byte-after-frame") {
		b = append(b, 0)
	}
	_, _ = m.conn.Write(b)
}

// fail fails the connection.
func (m *mini) fail(code wire.CloseCode) {
	if !m.is("fails-without-close") {
		m.send(wire.Close, wire.ClosePayload{Code: code}.Append(nil))
	}
	m.leave()
}

// echo sends back what comes, until the end.
func (m *mini) echo() {
	var (
		op      wire.Opcode
		message []byte
		text    wire.UTF8
		open    bool // a message is not finished
		first   bool
		late    [][]byte
	)
	deliver := func(op wire.Opcode, p []byte) {
		switch {
		case m.is("utf8-replaced") && op == wire.Text:
			p = []byte(string([]rune(string(p))))
		case m.is("text-read-as-latin1") && op == wire.Text:
			runes := make([]rune, len(p))
			for i, c := range p {
				runes[i] = rune(c)
			}
			p = []byte(string(runes))
		case m.is("binary-sent-as-text"):
			op = wire.Text
		case m.is("text-sent-as-binary"):
			op = wire.Binary
		case m.is("length-64-not-supported") && len(p) > 65535:
			return
		}
		m.send(op, p)
	}
	for {
		h, p, ok := m.frame()
		switch {
		case m.over:
			m.leave()
			return
		case !ok && m.is("header-read-once"):
			m.fail(wire.ProtocolError)
			return
		case !ok:
			continue
		}

		// 1. What breaks a rule.
		for _, v := range wire.Check(h, wire.Context{Sender: m.role.Peer(), Fragmented: open}) {
			if !m.overlooks(v) {
				m.fail(wire.ProtocolError)
				return
			}
		}
		if m.bad {
			m.fail(wire.InvalidPayload)
			return
		}
		if h.Length > 1<<24 {
			m.fail(wire.MessageTooBig)
			return
		}
		if h.Opcode > wire.Binary && h.Opcode < wire.Close || h.Opcode > wire.Pong {
			h.Opcode = wire.Text
		}

		// 2. Control frames.
		switch {
		case h.Opcode == wire.Close:
			if m.is("close-ignored") {
				continue
			}
			m.close(p)
			return
		case h.Opcode.IsControl() && open && m.is("control-frame-in-message"):
			message = append(message, p...)
			continue
		case h.Opcode == wire.Ping && m.is("ping-delivered-as-message"):
			deliver(wire.Text, p)
			continue
		case h.Opcode == wire.Ping && open && m.is("ping-answered-late"):
			late = append(late, p)
			continue
		case h.Opcode == wire.Ping:
			switch {
			case m.is("ping-not-answered"):
			case m.is("pong-without-payload"):
				m.send(wire.Pong, nil)
			default:
				m.send(wire.Pong, p)
			}
			if m.is("fragments-forgotten-at-ping") {
				message = nil
			}
			continue
		case h.Opcode == wire.Pong:
			continue
		}

		// 3. Data.
		if h.Opcode != wire.Continuation && !open || !open {
			op, message, text, first = h.Opcode, nil, wire.UTF8{}, true
			if op == wire.Continuation {
				op = wire.Text
			}
		}
		if op == wire.Text && !m.is("utf8-not-checked", "utf8-replaced", "text-read-as-latin1") {
			if m.is("utf8-checked-per-fragment") {
				text = wire.UTF8{}
			}
			if text.Check(p) < len(p) || (h.Fin || m.is("utf8-checked-per-fragment")) && !text.Complete() {
				m.fail(wire.InvalidPayload)
				return
			}
		}
		if m.is("fragment-is-message") {
			deliver(op, p)
			open = !h.Fin
			continue
		}
		switch {
		case m.is("only-last-fragment"):
			message = p
		case m.is("first-fragment-dropped") && first && !h.Fin:
		default:
			message = append(message, p...)
		}
		open = !h.Fin
		switch {
		case m.is("empty-fragment-ends-message") && len(p) == 0 && !first && open:
			deliver(op, message)
			message = nil
		case m.is("empty-final-fragment-loses-message") && len(p) == 0 && !first && !open:
			message = nil
		case !open:
			deliver(op, message)
			for _, p := range late {
				m.send(wire.Pong, p)
			}
			late = nil
		}
		first = false
	}
}

// close answers a Close frame.
func (m *mini) close(p []byte) {
	body, violations := wire.ParseClosePayload(p)
	for _, v := range violations {
		ignored := map[string]string{
			wire.RuleCloseCode.Code: "close-code-not-checked", wire.RuleCloseReason.Code: "close-reason-not-checked", wire.RuleCloseBody.Code: "close-body-not-checked",
		}
		if !m.is(ignored[v.Code]) {
			m.fail(v.CloseCode)
			return
		}
	}
	answer := p
	switch {
	case m.is("close-not-answered"):
		m.leave()
		return
	case m.is("close-code-as-text") && len(p) >= 2:
		answer = fmt.Append(nil, uint16(body.Code))
	case m.is("close-code-little-endian") && len(p) >= 2:
		answer = []byte{p[1], p[0]}
	case m.is("close-code-in-32-bits") && len(p) >= 2:
		answer = []byte{0, 0, p[0], p[1]}
	case m.is("close-1005-sent") && body.Code == wire.NoStatusReceived:
		answer = []byte{0x03, 0xED}
	}
	m.send(wire.Close, answer)
	if m.is("data-after-close") {
		m.send(wire.Text, []byte("bye"))
	}
	if m.is("tcp-left-open") {
		_, _ = io.Copy(io.Discard, m.conn)
		return
	}
	m.leave()
}
