package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/labserver/internal/lesson"
	"wslab/labserver/internal/session"
	"wslab/lessons"
	"wslab/reference/dissect"
	"wslab/reference/wire"
	"wslab/static"
)

func TestMain(m *testing.M) {
	endpoint.BeServer()
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of these tests.
const patience = time.Minute

// shipped are the options of the real program.
var shipped = sync.OnceValues(func() (Options, error) {
	sites, err := lesson.Resolve(lesson.Sources)
	if err != nil {
		return Options{}, err
	}
	scenarios, err := scenario.Load(lessons.Files, "scenarios")
	if err != nil {
		return Options{}, err
	}
	o := lesson.Options{Sites: sites}
	for _, m := range endpoint.Mistakes {
		o.Mistakes = append(o.Mistakes, m.Name)
	}
	course, err := lesson.Load(lessons.Files, o)
	return Options{
		Course:    func() (*lesson.Course, error) { return course, err },
		Scenarios: func() ([]*scenario.Scenario, error) { return scenarios, nil }, Sites: sites, Static: fs.FS(static.Files), Hosts: []string{"lab.example"},
	}, err
})

// site is a lab server that listens.
type site struct {
	testing.TB
	*Server
	address string // 127.0.0.1:PORT
	ctx     context.Context
	client  *http.Client
}

// start runs a lab server until the test ends; then nothing may be left of it.
func start(tb testing.TB, changes ...func(*Options)) *site {
	tb.Helper()
	o, err := shipped()
	if err != nil {
		tb.Fatal(err)
	}
	o.Log = log.New(complaint{tb}, "", 0)
	for _, change := range changes {
		change(&o)
	}
	server, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	listeners := []net.Listener{l}
	if l6, err := net.Listen("tcp", fmt.Sprintf("[::1]:%d", l.Addr().(*net.TCPAddr).Port)); err == nil {
		listeners = append(listeners, l6)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	serving, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(serving, listeners...) }()
	s := &site{TB: tb, Server: server, address: l.Addr().String(), ctx: ctx}
	s.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tb.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			tb.Errorf("the server ended with %v", err)
		}
		cancel()
	})
	// Serve knows its own address before it accepts.
	s.get("/rules")
	return s
}

// private makes a lab server that only programs of this computer reach.
func private(o *Options) { o.Hosts = nil }

// complaint is a log that should stay empty.
type complaint struct{ tb testing.TB }

func (c complaint) Write(p []byte) (int, error) {
	c.tb.Errorf("the server's log says: %s", p)
	return len(p), nil
}

func (s *site) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// do makes a request. change may alter it.
func (s *site) do(method, path, body string, change func(*http.Request)) (*http.Response, string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.ctx, method, "http://"+s.address+path, strings.NewReader(body))
	s.ok(err)
	if change != nil {
		change(r)
	}
	response, err := s.client.Do(r)
	s.ok(err)
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	s.ok(err)
	return response, string(b)
}

func (s *site) get(path string) (*http.Response, string) {
	s.Helper()
	return s.do("GET", path, "", nil)
}

// post sends v as JSON, which must be answered with 200, and returns the answer.
func (s *site) post(path string, v any) map[string]any {
	s.Helper()
	b, err := json.Marshal(v)
	s.ok(err)
	response, body := s.do("POST", path, string(b), nil)
	if response.StatusCode != 200 {
		s.Fatalf("POST %s: %d %s", path, response.StatusCode, body)
	}
	var answer map[string]any
	s.ok(json.Unmarshal([]byte(body), &answer))
	return answer
}

// session begins a session as the page does.
func (s *site) session() *session.Session {
	s.Helper()
	sess, ok := s.sessions.Get(s.post("/api/sessions", nil)["session"].(string))
	if !ok {
		s.Fatal("the new session is not there")
	}
	return sess
}

// outside returns the session that the list of connections names first.
func (s *site) outside() *session.Session {
	s.Helper()
	list := s.sessions.Connections(every)
	if len(list) == 0 || !list[0].Outside {
		s.Fatalf("no connection from outside is listed: %+v", list)
	}
	sess, ok := s.sessions.Get(list[0].Session)
	if !ok {
		s.Fatal("its session is not there")
	}
	return sess
}

// await waits for an event of sess, the first that is or comes.
func (s *site) await(sess *session.Session, what string, is func(recording.Event) bool) recording.Event {
	s.Helper()
	for after := uint64(0); ; {
		events, _ := sess.Rec.After(after, math.MaxInt)
		for _, e := range events {
			if is(e) {
				return e
			}
			after = e.Seq
		}
		select {
		case <-sess.Rec.Changed(after):
		case <-s.ctx.Done():
			s.Fatalf("the recording never shows that %s. It has\n%s", what, text(sess))
		}
	}
}

func text(sess *session.Session) string {
	var b strings.Builder
	events, _ := sess.Rec.After(0, math.MaxInt)
	recording.WriteText(&b, events, recording.TextOptions{})
	return b.String()
}

// until waits for a condition that no event tells of, by asking again.
func (s *site) until(what string, is func() bool) {
	s.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-s.ctx.Done():
			s.Fatalf("it never came that %s", what)
		}
	}
}

// unharmed runs attack and then checks that a WebSocket that was open before
// still works, that a new request is answered, and that every goroutine that
// the attack started has ended.
func (s *site) unharmed(attack func()) {
	s.Helper()
	bystander := s.websocket("/ws/gorilla")
	defer bystander.Close()
	bystander.echoes("before")
	known := goleak.IgnoreCurrent()
	attack()
	bystander.echoes("after")
	if response, _ := s.get("/"); response.StatusCode != 200 {
		s.Errorf("after it, GET / is answered with %d", response.StatusCode)
	}
	var left error
	s.until("every goroutine has ended", func() bool {
		if s.ctx.Err() != nil {
			s.Fatalf("goroutines are left: %v", left)
		}
		left = goleak.Find(known, goleak.IgnoreTopFunction("time.Sleep")) // net/http lingers half a second
		return left == nil
	})
}

func tcp(what string) func(recording.Event) bool {
	return func(e recording.Event) bool {
		b, ok := e.Body.(*recording.TCP)
		return ok && b.What == what
	}
}

func held(state string) func(recording.Event) bool {
	return func(e recording.Event) bool {
		b, ok := e.Body.(*recording.Held)
		return ok && b.State == state
	}
}

// peer is a raw client at the end of a TCP connection.
type peer struct {
	net.Conn
	s *site
	r *bufio.Reader
}

// dial opens a TCP connection.
func (s *site) dial() *peer {
	s.Helper()
	conn, err := (&net.Dialer{}).DialContext(s.ctx, "tcp", s.address)
	s.ok(err)
	conn.SetDeadline(time.Now().Add(patience))
	s.Cleanup(func() { conn.Close() })
	return &peer{conn, s, bufio.NewReader(conn)}
}

// say writes text, in one piece.
func (p *peer) say(text string) {
	p.s.Helper()
	_, err := io.WriteString(p, text)
	p.s.ok(err)
}

// request is a handshake that is right, for path.
func (s *site) request(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + s.address + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
}

// response reads an HTTP response and its body.
func (p *peer) response() (*http.Response, string) {
	p.s.Helper()
	response, err := http.ReadResponse(p.r, nil)
	p.s.ok(err)
	if response.StatusCode == 101 {
		return response, ""
	}
	b, err := io.ReadAll(response.Body)
	p.s.ok(err)
	return response, string(b)
}

// websocket opens a WebSocket at path.
func (s *site) websocket(path string) *peer {
	s.Helper()
	p := s.dial()
	p.say(s.request(path))
	if response, body := p.response(); response.StatusCode != 101 {
		s.Fatalf("%s is answered with %d %s", path, response.StatusCode, body)
	}
	return p
}

// frame returns a frame of a client, masked with the key of RFC 6455 §5.7.
func frame(first byte, payload string) string {
	h := wire.Header{Masked: true, Key: scenario.SampleMask, Form: wire.FormFor(uint64(len(payload))), Length: uint64(len(payload))}
	b := append(h.Append(nil), payload...)
	b[0] = first
	wire.Mask(h.Key, 0, b[h.Size():])
	return string(b)
}

// read reads a frame of the server.
func (p *peer) read() (wire.Header, string, error) {
	var b []byte
	for {
		h, ok := wire.ParseHeader(b)
		if ok {
			payload := make([]byte, h.Length)
			_, err := io.ReadFull(p.r, payload)
			return h, string(payload), err
		}
		c, err := p.r.ReadByte()
		if err != nil {
			return h, "", err
		}
		b = append(b, c)
	}
}

// echoes checks that the server sends text back.
func (p *peer) echoes(text string) {
	p.s.Helper()
	p.say(frame(0x81, text))
	if h, payload, err := p.read(); err != nil || payload != text || h.Opcode != wire.Text {
		p.s.Errorf("%q is answered with %v %q, %v", text, h.Opcode, payload, err)
	}
}

// closed reads up to the server's Close frame and the end of TCP, and returns
// the code.
func (p *peer) closed() wire.CloseCode {
	p.s.Helper()
	for {
		h, payload, err := p.read()
		if err != nil {
			p.s.Fatalf("no Close frame came: %v", err)
		}
		if h.Opcode != wire.Close {
			continue
		}
		code := wire.NoStatusReceived
		if len(payload) >= 2 {
			code = wire.CloseCode(binary.BigEndian.Uint16([]byte(payload)))
		}
		p.ended()
		return code
	}
}

// ended checks that the server ends the connection, and reads up to there.
func (p *peer) ended() {
	p.s.Helper()
	_, err := io.Copy(io.Discard, p.r)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		p.s.Errorf("the server does not end the connection")
	}
}

// stream is a page's event stream.
type stream struct {
	s     *site
	lines *bufio.Scanner
	body  io.Closer
	id    string // of the last message
}

// event is what tests read of an event's JSON.
type event struct {
	Seq   uint64
	Kind  string
	From  string
	Frame struct{ Text string }
	TCP   struct{ What string }
}

// follow opens the stream of a session.
func (s *site) follow(id string, change func(*http.Request)) *stream {
	s.Helper()
	r, err := http.NewRequestWithContext(s.ctx, "GET", "http://"+s.address+"/api/sessions/"+id+"/events", nil)
	s.ok(err)
	if change != nil {
		change(r)
	}
	response, err := s.client.Do(r)
	s.ok(err)
	if response.StatusCode != 200 {
		b, _ := io.ReadAll(response.Body)
		response.Body.Close()
		s.Fatalf("the stream is answered with %d %s", response.StatusCode, b)
	}
	st := &stream{s: s, lines: bufio.NewScanner(response.Body), body: response.Body}
	st.lines.Buffer(nil, 16<<20)
	return st
}

// next returns the events of the next message that has some, false at the end.
func (st *stream) next() ([]event, bool) {
	st.s.Helper()
	for st.lines.Scan() {
		if id, ok := strings.CutPrefix(st.lines.Text(), "id: "); ok {
			st.id = id
		}
		if st.lines.Text() == "event: end" {
			return nil, false
		}
		if data, ok := strings.CutPrefix(st.lines.Text(), "data: ["); ok {
			var events []event
			st.s.ok(json.Unmarshal([]byte("["+data), &events))
			return events, true
		}
	}
	return nil, false
}

// heard returns the bytes that sess has recorded from the client.
func heard(sess *session.Session) string {
	var b bytes.Buffer
	events, _ := sess.Rec.After(0, math.MaxInt)
	for _, e := range events {
		if o, ok := e.Body.(*recording.Bytes); ok && e.From == "client" {
			b.Write(o.Head)
		}
	}
	return b.String()
}

// violated returns the codes of the rules that the client's frames broke.
func violated(sess *session.Session) []string {
	var codes []string
	events, _ := sess.Rec.After(0, math.MaxInt)
	for _, e := range events {
		if f, ok := e.Body.(*dissect.Frame); ok && e.From == "client" {
			for _, v := range f.Violations {
				codes = append(codes, v.Code)
			}
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// every session may be listed.
func every(*session.Session) bool { return true }
