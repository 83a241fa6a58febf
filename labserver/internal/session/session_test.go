package session

import (
	"context"
	"errors"
	"fmt"
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
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

func TestMain(m *testing.M) {
	endpoint.BeServer()
	goleak.VerifyTestMain(m)
}

// testTime bounds every wait of these tests.
const testTime = time.Minute

// lab is a server whose every WebSocket belongs to a session of manager.
type lab struct {
	*testing.T
	manager *Manager
	addr    string
	ctx     context.Context // ends when the test has waited long enough
	grace   time.Duration   // for raw clients, which do not answer a Close frame
	end     func()          // closes the manager, once
}

// start serves until the test ends; then nothing may be left.
func start(t *testing.T) *lab {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, ln, testTime)
}

// startOn is start with a listener, and a bound of the whole test.
func startOn(t *testing.T, ln net.Listener, bound time.Duration) *lab {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	l := &lab{T: t, manager: NewManager(0), addr: ln.Addr().String(), ctx: ctx, grace: 100 * time.Millisecond}
	server := &http.Server{
		Handler:  http.HandlerFunc(l.serve),
		ErrorLog: log.New(failing{t}, "", 0),
	}
	serve, ended := endpoint.Tapped(server, l.manager.Stacks), make(chan error, 1)
	go func() { ended <- serve(ln) }()
	l.end = sync.OnceFunc(func() {
		grace, cancel := context.WithTimeout(context.Background(), l.grace)
		defer cancel()
		l.manager.Close(grace)
	})
	t.Cleanup(func() {
		l.end()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("the server does not end: %v", err)
		}
		<-ended
		cancel()
	})
	return l
}

// failing is a log that must stay empty.
type failing struct{ t *testing.T }

func (f failing) Write(p []byte) (int, error) {
	f.t.Errorf("net/http complains: %s", p)
	return len(p), nil
}

func (l *lab) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	e, err := endpoint.Find(strings.TrimPrefix(r.URL.Path, "/ws/"))
	s, ok := l.manager.Get(r.URL.Query().Get("session"))
	if err != nil || !ok {
		http.NotFound(w, r)
		return
	}
	conn := endpoint.TapOf(r)
	if err := s.Serve(w, r, e, conn, r.URL.Query().Get("client")); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func (l *lab) session() *Session {
	l.Helper()
	s, err := l.manager.New("", false)
	if err != nil {
		l.Fatal(err)
	}
	return s
}

// open opens a raw client's connection and waits for the server's answer.
func (l *lab) open(s *Session, client, name string) {
	l.Helper()
	l.dial(s, client, name)
	l.await(s, client+" is open", handshake(client, s, 101))
	l.until(client+"'s server is there", func() bool { return strings.HasPrefix(name, "broken/") || l.server(s, client) != nil })
}

// server returns the server at the other end of client's connection, nil when
// there is none yet or any more.
func (l *lab) server(s *Session, client string) endpoint.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.live {
		if c.rec.Info.Client == client {
			return c.server
		}
	}
	return nil
}

// play plays sc with a raw client, without a pause.
func (l *lab) play(s *Session, sc *scenario.Scenario, endpoint, client string) error {
	_, err := s.Play(PlayOrder{Scenario: sc, Endpoint: endpoint, As: AsRaw, Pause: -1, Client: client}, l.addr)
	return err
}

func (l *lab) dial(s *Session, client, endpoint string) {
	l.Helper()
	l.ok(s.Raw(RawCommand{Do: "open", Client: client, Endpoint: endpoint}, l.addr))
}

func (l *lab) ok(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// send has a raw client send bytes in hex.
func (l *lab) send(s *Session, client, hex string) {
	l.Helper()
	l.ok(s.Raw(RawCommand{Do: "bytes", Client: client, Hex: hex}, l.addr))
}

// await waits for an event of s, the first that is or comes.
func (l *lab) await(s *Session, what string, is func(recording.Event) bool) recording.Event {
	l.Helper()
	for after := uint64(0); ; {
		events, _ := s.Rec.After(after, math.MaxInt)
		for _, e := range events {
			if is(e) {
				return e
			}
			after = e.Seq
		}
		select {
		case <-s.Rec.Changed(after):
		case <-l.ctx.Done():
			var text strings.Builder
			events, _ := s.Rec.After(0, math.MaxInt)
			recording.WriteText(&text, events, recording.TextOptions{})
			l.Fatalf("the recording never shows that %s. It has\n%s", what, text.String())
		}
	}
}

// until waits for a condition that no event tells of, by asking again.
func (l *lab) until(what string, is func() bool) {
	l.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-l.ctx.Done():
			l.Fatalf("it never came that %s", what)
		}
	}
}

// has reports whether s has recorded such an event already.
func has(s *Session, is func(recording.Event) bool) bool {
	events, _ := s.Rec.After(0, math.MaxInt)
	return slices.ContainsFunc(events, is)
}

// of narrows is to the newest connection of client.
func of(client string, s *Session, is func(recording.Event) bool) func(recording.Event) bool {
	return func(e recording.Event) bool { return e.Conn != 0 && e.Conn == s.Rec.ConnOf(client) && is(e) }
}

func handshake(client string, s *Session, status int) func(recording.Event) bool {
	return of(client, s, func(e recording.Event) bool {
		h, ok := e.Body.(*dissect.Handshake)
		return ok && h.Head.Status == status
	})
}

// sends matches a frame with that payload.
func sends(from wire.Role, payload string) func(recording.Event) bool {
	return func(e recording.Event) bool {
		f, ok := e.Body.(*dissect.Frame)
		return ok && e.From == from.String() && string(f.Payload()) == payload
	}
}

func closes(code wire.CloseCode) func(recording.Event) bool {
	return func(e recording.Event) bool {
		f, ok := e.Body.(*dissect.Frame)
		return ok && e.From == "server" && f.Close != nil && f.Close.Code == code
	}
}

func held(seq uint64, state string) func(recording.Event) bool {
	return func(e recording.Event) bool {
		h, ok := e.Body.(*recording.Held)
		return ok && h.State == state && (seq == 0 || h.Of == seq)
	}
}

func tcp(what string) func(recording.Event) bool {
	return func(e recording.Event) bool {
		b, ok := e.Body.(*recording.TCP)
		return ok && b.What == what
	}
}

// Masked frames of RFC 6455 §5.7's key.
const (
	hello = "81 85 37 fa 21 3d 7f 9f 4d 51 58" // text "Hello"
	bye   = "88 82 37 fa 21 3d 34 12"          // Close 1000
)

var endpoints = []string{"reference", "gorilla"}

func TestAReportIsBoundedAndCannotKnowTheFuture(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	now := s.Rec.Now().Microseconds()
	long := strings.Repeat("ä", maxScriptText)
	for _, c := range []struct {
		at     int64
		lo, hi int64 // hi 0: not later than the report
	}{
		{-5, 0, 0}, {math.MinInt64, 0, 0}, {0, 0, 0}, {now, now, now},
		{now + 3_600_000_000, now, math.MaxInt64}, {math.MaxInt64, now, math.MaxInt64}, {1 << 62, now, math.MaxInt64}, {math.MaxInt64 / 1000, now, math.MaxInt64},
	} {
		before := s.Rec.Last()
		l.ok(s.Report([]Report{{At: c.at, Script: recording.Script{Client: "c" + long, What: long, Text: long, Reason: long}}}))
		e, ok := s.Rec.Event(before + 1)
		if !ok {
			t.Fatal("the report is not in the recording")
		}
		if at := e.At.Microseconds(); at < c.lo || at > c.hi || e.At > s.Rec.Now() {
			t.Errorf("a report of %d µs at about %d µs is recorded at %d µs", c.at, now, at)
		}
		b := e.Body.(*recording.Script)
		for field, text := range map[string]string{"client": b.Client, "what": b.What, "text": b.Text, "reason": b.Reason} {
			if len(text) > maxScriptText || strings.ContainsRune(text, '�') || len(text) == 0 {
				t.Errorf("%s has %d bytes", field, len(text))
			}
		}
	}
	before := s.Rec.Last()
	var command *CommandError
	if err := s.Report(make([]Report, maxScripts+1)); !errors.As(err, &command) {
		t.Errorf("too many events in one report give %v", err)
	}
	if s.Rec.Last() != before {
		t.Error("a refused report was recorded in part")
	}
}

func TestASessionHasSoManyConnectionsAndNoMore(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	dial := func(i int) *scenario.Raw {
		t.Helper()
		conn, err := net.Dial("tcp", l.addr)
		l.ok(err)
		c, err := scenario.NewRaw(conn, scenario.DefaultOpening(), s.target(endpoints[i%2], fmt.Sprint("c", i)), l.addr, func(string, string, int) {})
		l.ok(err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	status := func(c *scenario.Raw) int {
		t.Helper()
		n, err := c.Status(l.ctx)
		l.ok(err)
		return n
	}
	var clients []*scenario.Raw
	for i := range maxConnections {
		c := dial(i)
		if n := status(c); n != 101 {
			t.Fatalf("connection %d is answered with %d", i, n)
		}
		clients = append(clients, c)
	}
	if n := status(dial(maxConnections)); n != 503 {
		t.Errorf("one connection too many is answered with %d", n)
	}
	clients[0].Close()
	l.await(s, "the server closes that connection", of("c0", s, tcp("closed")))
	l.until("there is room", func() bool { return status(dial(maxConnections)) == 101 })
}

func TestClosingEndsEveryWebSocketWith1001(t *testing.T) {
	t.Parallel()
	for _, name := range endpoints {
		for _, when := range []string{"open", "while a frame is held", "while an order is held", "while its 101 is held"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				l := start(t)
				l.grace = testTime
				s := l.session()
				conn, err := net.Dial("tcp", l.addr)
				l.ok(err)
				if when == "while its 101 is held" {
					s.Valve("hold", nil)
				}
				c, err := scenario.NewRaw(conn, scenario.DefaultOpening(), s.target(name, "a"), l.addr, func(string, string, int) {})
				l.ok(err)
				defer c.Close()
				opened := l.await(s, "the server answers", handshake("a", s, 101))
				l.until("the server can be told to send", func() bool {
					return when == "while its 101 is held" || l.server(s, "a") != nil
				})
				frames := 1
				switch when {
				case "while a frame is held":
					s.Valve("hold", nil)
					l.ok(c.Frame(wire.Text, []byte("Hello")))
					l.await(s, "the frame waits", held(0, "waiting"))
				case "while an order is held":
					s.Valve("hold", nil)
					l.ok(s.Order(Command{Client: "a", Do: "text", Text: "order"}))
					l.await(s, "the frame waits", held(0, "waiting"))
				case "while its 101 is held":
					l.await(s, "the answer waits", held(opened.Seq, "waiting"))
				}
				ended := make(chan struct{})
				go func() {
					l.end()
					close(ended)
				}()
				l.await(s, "1001 is sent", closes(wire.GoingAway))
				l.ok(c.Frames(l.ctx, frames))
				l.ok(c.Bytes([]byte{0x88, 0x82, 0x37, 0xfa, 0x21, 0x3d, 0x34, 0x13}))
				l.ok(c.EOF(l.ctx))
				<-ended
				if s.Over().Err() == nil {
					t.Error("the session is not over")
				}
				l.await(s, "TCP is closed when the session is over", tcp("closed"))
			})
		}
	}
}

func TestAClientThatDoesNotAnswer1001IsCutOff(t *testing.T) {
	t.Parallel()
	for _, name := range append(endpoints, "broken/wrong-accept") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			s := l.session()
			l.open(s, "a", name)
			began := time.Now()
			l.end()
			if d := time.Since(began); d > testTime {
				t.Errorf("it took %v", d)
			}
			l.await(s, "TCP is closed", tcp("closed"))
		})
	}
}

func TestAClosedSessionRefusesEverything(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	l.open(s, "a", "reference")
	l.end()
	for what, err := range map[string]error{
		"raw":   s.Raw(RawCommand{Do: "open", Client: "b", Endpoint: "reference"}, l.addr),
		"order": s.Order(Command{Client: "a", Do: "text"}),
		"play":  l.play(s, &scenario.Scenario{}, "reference", "s"),
	} {
		var command *CommandError
		if !errors.As(err, &command) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := l.manager.New("", false); err == nil {
		t.Error("a closed manager begins a session")
	}
	if _, ok := l.manager.Get(s.ID); ok {
		t.Error("a closed manager still finds the session")
	}
}
