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
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/lessons"
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
	serve, ended := endpoint.Tapped(server), make(chan error, 1)
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
	s, err := l.manager.New(false)
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
			l.Fatalf("it never came that %s; what came is\n%s", what, text.String())
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

func TestHoldReachesConnectionsToCome(t *testing.T) {
	t.Parallel()
	for _, name := range endpoints {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			s := l.session()
			if _, err := s.Valve("hold", nil); err != nil {
				t.Fatal(err)
			}
			l.dial(s, "a", name)
			answer := l.await(s, "the server answers", handshake("a", s, 101))
			l.await(s, "its answer waits", held(answer.Seq, "waiting"))
			if has(s, func(e recording.Event) bool {
				b, ok := e.Body.(*recording.Script)
				return ok && b.What == "read"
			}) {
				t.Error("the client has read something that is held")
			}
			seqs, err := s.Valve("step", nil)
			if err != nil || !slices.Equal(seqs, []uint64{answer.Seq}) {
				t.Errorf("step released %v, %v; want %d", seqs, err, answer.Seq)
			}
			l.await(s, "the client reads the answer", func(e recording.Event) bool {
				b, ok := e.Body.(*recording.Script)
				return ok && b.What == "read" && strings.HasPrefix(b.Text, "HTTP/1.1 101")
			})
			if _, err := s.Valve("run", nil); err != nil {
				t.Fatal(err)
			}
			l.open(s, "b", name)
			if has(s, of("b", s, held(0, "waiting"))) {
				t.Error("after run, a new connection is held")
			}
		})
	}
}

func TestHoldOfNamedClientsLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	l.open(s, "a", "reference")
	l.open(s, "b", "reference")
	if _, err := s.Valve("hold", []string{"a"}); err != nil {
		t.Fatal(err)
	}
	l.send(s, "a", hello)
	l.send(s, "b", hello)
	l.await(s, "a's frame waits", of("a", s, held(0, "waiting")))
	l.await(s, "b is answered", of("b", s, sends(wire.Server, "Hello")))
	l.open(s, "c", "reference")
	if has(s, of("c", s, held(0, "waiting"))) {
		t.Error("hold of a named client held one to come")
	}
	if seqs, _ := s.Valve("step", []string{"b"}); len(seqs) != 0 {
		t.Errorf("stepping b released %v", seqs)
	}
	if seqs, _ := s.Valve("run", []string{"a"}); len(seqs) != 1 {
		t.Errorf("running a released %v", seqs)
	}
	l.await(s, "a is answered", of("a", s, sends(wire.Server, "Hello")))
}

func TestStepTakesTheOldestUnitOfEachConnection(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	for _, c := range []string{"a", "b"} {
		l.open(s, c, "gorilla")
	}
	s.Valve("hold", nil)
	var first []uint64
	for _, c := range []string{"a", "b"} {
		l.send(s, c, hello)
		first = append(first, l.await(s, "a frame waits", of(c, s, held(0, "waiting"))).Body.(*recording.Held).Of)
	}
	// The server's own frame comes later, and so is released later.
	l.ok(s.Order(Command{Client: "a", Do: "ping", Text: "p"}))
	ping := l.await(s, "the ping is at the valve", sends(wire.Server, "p"))
	l.await(s, "the ping waits", held(ping.Seq, "waiting"))
	seqs, err := s.Valve("step", nil)
	slices.Sort(seqs)
	if err != nil || !slices.Equal(seqs, first) {
		t.Fatalf("the first step released %v, %v; want %v", seqs, err, first)
	}
	if seqs, _ = s.Valve("step", []string{"a"}); !slices.Contains(seqs, ping.Seq) {
		t.Errorf("the second step released %v; want the ping, %d", seqs, ping.Seq)
	}
	if seqs, _ := s.Valve("step", []string{"nobody"}); len(seqs) != 0 {
		t.Errorf("stepping nobody released %v", seqs)
	}
}

func TestADroppedFrameNeverArrives(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	l.open(s, "a", "reference")
	s.Valve("hold", nil)
	l.send(s, "a", hello)
	frame := l.await(s, "the frame waits", held(0, "waiting")).Body.(*recording.Held).Of
	seqs, err := s.Valve("drop", nil)
	if err != nil || !slices.Equal(seqs, []uint64{frame}) {
		t.Fatalf("drop took %v, %v; want %d", seqs, err, frame)
	}
	l.await(s, "the drop is told", held(frame, "dropped"))
	s.Valve("run", nil)
	l.send(s, "a", "89 82 37 fa 21 3d 5f 93") // ping "hi"
	l.await(s, "what follows is answered", sends(wire.Server, "hi"))
	if has(s, sends(wire.Server, "Hello")) {
		t.Error("the dropped frame was answered")
	}
}

func TestAnUnknownCommandIsNamed(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	l.open(s, "a", "reference")
	_, err := s.Valve("open wide", nil)
	for what, err := range map[string]error{
		"valve":    err,
		"order":    s.Order(Command{Client: "a", Do: "dance"}),
		"nobody":   s.Order(Command{Client: "nobody", Do: "text"}),
		"parts":    s.Order(Command{Client: "a", Do: "fragments"}),
		"raw":      s.Raw(RawCommand{Client: "a", Do: "dance"}, l.addr),
		"unopened": s.Raw(RawCommand{Client: "b", Do: "bytes", Hex: "00"}, l.addr),
		"nothing":  s.Raw(RawCommand{Client: "a", Do: "bytes"}, l.addr),
		"twice":    s.Raw(RawCommand{Client: "a", Do: "open", Endpoint: "gorilla"}, l.addr),
		"endpoint": s.Raw(RawCommand{Client: "b", Do: "open", Endpoint: "gorrilla"}, l.addr),
		"nameless": s.Raw(RawCommand{Do: "open", Endpoint: "gorilla"}, l.addr),
		"too long": s.Raw(RawCommand{Do: "open", Client: strings.Repeat("n", MaxClient+1), Endpoint: "gorilla"}, l.addr),
		"no field": s.Raw(RawCommand{Do: "open", Client: "b", Endpoint: "gorilla", Fields: [][2]*string{{}}}, l.addr),
		"play":     l.play(s, &scenario.Scenario{}, "gorrilla", "s"),
		"player":   l.play(s, &scenario.Scenario{}, "gorilla", strings.Repeat("n", MaxClient+1)),
	} {
		var command *CommandError
		if !errors.As(err, &command) || command.What == "" || command.Fix == "" {
			t.Errorf("%s: the error is %#v; it must say what is wrong and what helps", what, err)
		}
	}
	var hex *scenario.HexError
	if err := s.Raw(RawCommand{Client: "a", Do: "bytes", Hex: "81 0g"}, l.addr); !errors.As(err, &hex) || hex.At != 4 {
		t.Errorf("wrong hex gives %v", err)
	}
	if err := s.Order(Command{Client: "a", Do: "binary", Hex: "123"}); !errors.As(err, &hex) || hex.At != 2 {
		t.Errorf("wrong hex gives %v", err)
	}
}

func TestAServerSendsWhatItIsOrdered(t *testing.T) {
	t.Parallel()
	for _, name := range endpoints {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			s := l.session()
			l.open(s, "a", name)
			l.ok(s.Order(Command{Client: "a", Do: "text", Text: "grün"}))
			l.await(s, "text comes", sends(wire.Server, "grün"))
			l.ok(s.Order(Command{Client: "a", Do: "binary", Hex: "00ff"}))
			l.await(s, "binary comes", sends(wire.Server, "\x00\xff"))
			l.ok(s.Order(Command{Client: "a", Do: "fragments", Parts: []string{"He", "llo"}}))
			l.await(s, "the message is whole", func(e recording.Event) bool {
				m, ok := e.Body.(*recording.Message)
				return ok && e.From == "server" && string(m.Head) == "Hello"
			})
			l.ok(s.Order(Command{Client: "a", Do: "pong", Text: "beat"}))
			l.await(s, "the pong comes", sends(wire.Server, "beat"))
			for _, code := range []int{-1, 65536} {
				var command *CommandError
				if err := s.Order(Command{Client: "a", Do: "close", Code: &code}); !errors.As(err, &command) {
					t.Errorf("close code %d: %v", code, err)
				}
			}
			code := 4000
			l.ok(s.Order(Command{Client: "a", Do: "close", Code: &code, Reason: "enough"}))
			l.await(s, "the Close frame comes", closes(4000))
			l.send(s, "a", bye)
			l.await(s, "the server closes TCP", tcp("closed"))
			l.until("the server is not there any more", func() bool { return s.Order(Command{Client: "a", Do: "text"}) != nil })
		})
	}
}

// TestAnOrderAtAFullValveWaitsInTheBackground fills the valve first: until then an
// order is done at once, as a write to TCP is.
func TestAnOrderAtAFullValveWaitsInTheBackground(t *testing.T) {
	t.Parallel()
	for _, name := range endpoints {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			s := l.session()
			l.open(s, "a", name)
			s.Valve("hold", nil)
			l.ok(s.Order(Command{Client: "a", Do: "text", Text: strings.Repeat("x", 1<<20)}))
			l.await(s, "the valve is full", held(0, "waiting"))
			for i := range maxTasks {
				if err := s.Order(Command{Client: "a", Do: "text", Text: fmt.Sprintf("order %d", i)}); err != nil {
					t.Fatalf("order %d: %v", i, err)
				}
			}
			var command *CommandError
			if err := s.Order(Command{Client: "a", Do: "text"}); !errors.As(err, &command) {
				t.Errorf("one order more than may wait gives %v", err)
			}
			s.Valve("run", nil)
			for i := range maxTasks {
				l.await(s, fmt.Sprintf("order %d is done", i), sends(wire.Server, fmt.Sprintf("order %d", i)))
			}
			l.until("there is room again", func() bool { return s.Order(Command{Client: "a", Do: "text"}) == nil })
		})
	}
}

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

func TestARawClientMakesRoomWhenItsConnectionEnds(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	for i := range maxRawClients {
		l.open(s, fmt.Sprintf("raw-%d", i), "reference")
	}
	var command *CommandError
	err := s.Raw(RawCommand{Do: "open", Client: "more", Endpoint: "reference"}, l.addr)
	if !errors.As(err, &command) || !strings.Contains(command.What, fmt.Sprint(maxRawClients)) {
		t.Fatalf("one raw client too many gives %v", err)
	}
	// The server ends one, a learner another.
	l.send(s, "raw-0", "81 05 48 65 6c 6c 6f") // not masked
	l.await(s, "the server closes", of("raw-0", s, tcp("closed")))
	l.until("there is room", func() bool { return s.Raw(RawCommand{Do: "open", Client: "raw-0", Endpoint: "gorilla"}, l.addr) == nil })
	l.await(s, "the same name is open again", handshake("raw-0", s, 101))
	l.ok(s.Raw(RawCommand{Do: "close", Client: "raw-1"}, l.addr))
	l.open(s, "more", "gorilla")
	// A refused handshake leaves nothing behind either.
	l.ok(s.Raw(RawCommand{Do: "close", Client: "raw-2"}, l.addr))
	for i := range 2 * maxRawClients {
		key := "Sec-WebSocket-Key"
		name := fmt.Sprintf("refused-%d", i)
		l.until("there is room", func() bool {
			return s.Raw(RawCommand{Do: "open", Client: name, Endpoint: endpoints[i%2], Fields: [][2]*string{{&key, nil}}}, l.addr) == nil
		})
		l.await(s, "it is refused", handshake(name, s, 400))
	}
}

func TestOneNameIsOneRawClientHoweverFastTheyAreOpened(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	var wg sync.WaitGroup
	opened := make(chan error, 32)
	for range cap(opened) {
		wg.Go(func() { opened <- s.Raw(RawCommand{Do: "open", Client: "a", Endpoint: "reference"}, l.addr) })
	}
	wg.Wait()
	close(opened)
	good := 0
	for err := range opened {
		if err == nil {
			good++
		}
	}
	if n := len(s.Rec.Connections()); good != 1 || n > 1 {
		t.Errorf("%d were opened and %d are connected", good, n)
	}
}

func TestEveryScenarioPlaysInASessionSteppedOrNot(t *testing.T) {
	t.Parallel()
	all, err := scenario.Load(lessons.Files, "scenarios")
	if err != nil || len(all) == 0 {
		t.Fatalf("%d scenarios, %v", len(all), err)
	}
	for _, name := range endpoints {
		for _, sc := range all {
			if !sc.Plain() || slices.ContainsFunc(sc.Commands, func(c scenario.Command) bool { return c.Who == scenario.ByWire }) {
				continue // it says itself what the wire does, and when
			}
			t.Run(name+" "+sc.Name, func(t *testing.T) {
				t.Parallel()
				l := start(t)
				s := l.session()
				s.Valve("hold", nil)
				l.ok(l.play(s, sc, name, "s-1"))
				last, quiet := uint64(0), 0
				l.until("the connection has ended, step by step", func() bool {
					s.Valve("step", nil)
					if quiet++; s.Rec.Last() != last {
						last, quiet = s.Rec.Last(), 0
					}
					if quiet > 300 {
						// What waits is the rest of a frame that never comes, or a client that
						// cannot know that nothing comes: the learner opens the valve.
						s.Valve("run", nil)
					}
					return has(s, of("s-1", s, tcp("closed")))
				})
				s.Valve("run", nil)
				l.ok(l.play(s, sc, name, "s-2"))
				l.await(s, "the connection has ended", of("s-2", s, tcp("closed")))
				stepped, ran := outcome(s, "s-1"), outcome(s, "s-2")
				if stepped != ran {
					t.Errorf("stepped, the server says %s\nand without hold %s", stepped, ran)
				}
			})
		}
	}
}

// outcome says in one line what the server said to client in frames and
// handshakes.
func outcome(s *Session, client string) string {
	var mine []recording.Event
	events, _ := s.Rec.After(0, math.MaxInt)
	for _, e := range events {
		if _, is := e.Body.(*recording.TCP); !is && e.Conn == s.Rec.ConnOf(client) {
			mine = append(mine, e)
		}
	}
	return recording.Outcome(mine)
}

func TestAHeldRefusalCanBeSteppedAndEndsItsConnection(t *testing.T) {
	t.Parallel()
	for _, name := range endpoints {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			s := l.session()
			s.Valve("hold", nil)
			version, eight := "Sec-WebSocket-Version", "8"
			l.ok(s.Raw(RawCommand{Do: "open", Client: "a", Endpoint: name, Fields: [][2]*string{{&version, &eight}}}, l.addr))
			l.await(s, "the refusal waits", held(0, "waiting"))
			if seqs, err := s.Valve("step", nil); err != nil || len(seqs) != 1 {
				t.Fatalf("step released %v, %v", seqs, err)
			}
			l.await(s, "the server closes TCP", tcp("closed"))
			l.until("the session has no connection", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return len(s.live) == 0
			})
		})
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
	if _, err := l.manager.New(false); err == nil {
		t.Error("a closed manager begins a session")
	}
	if _, ok := l.manager.Get(s.ID); ok {
		t.Error("a closed manager still finds the session")
	}
}

// full fills l's manager up with sessions and returns them.
func (l *lab) full() []*Session {
	l.Helper()
	var all []*Session
	for range maxSessions {
		all = append(all, l.session())
	}
	return all
}

// rest makes s as if nothing had happened in it for d.
func rest(s *Session, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now().Add(-d)
}

func TestOneSessionTooManyIsRefusedWhenNoneIsIdle(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.full()
	var command *CommandError
	if _, err := l.manager.New(false); !errors.As(err, &command) || command.Fix == "" {
		t.Errorf("got %v", err)
	}
}

func TestOnlyTheSessionThatIsIdleLongestMakesRoom(t *testing.T) {
	t.Parallel()
	l := start(t)
	all := l.full()
	for i, s := range all {
		rest(s, time.Duration(10+i)*time.Second)
	}
	l.session()
	for i, s := range all {
		if _, ok := l.manager.Get(s.ID); ok == (i == len(all)-1) {
			t.Errorf("session %d of %d: still there is %t", i, len(all), ok)
		}
	}
}

func TestConnectionsFromOutsideLeaveRoomForPages(t *testing.T) {
	t.Parallel()
	l := start(t)
	page := l.session()
	rest(page, idleAfter/2)
	var all []*Session
	for range maxOutside {
		s, err := l.manager.New(true)
		l.ok(err)
		all = append(all, s)
	}
	if _, err := l.manager.New(true); err == nil {
		t.Errorf("%d sessions of connections from outside are in use", maxOutside+1)
	}
	if _, ok := l.manager.Get(page.ID); !ok {
		t.Error("a page's session was forgotten, which makes no room for a connection from outside")
	}
	l.session()
	// One that is over makes room at once.
	all[7].mu.Lock()
	all[7].coming = false
	all[7].mu.Unlock()
	if _, err := l.manager.New(true); err != nil {
		t.Errorf("the session of a connection that is over makes no room: %v", err)
	}
	if _, ok := l.manager.Get(all[7].ID); ok {
		t.Error("another session made room")
	}
}

func TestAConnectionFromOutsideTakesTheRoomOfAPageThatNobodyFollows(t *testing.T) {
	t.Parallel()
	l := start(t)
	all := l.full()
	if _, err := l.manager.New(true); err == nil {
		t.Error("a page that has had no time to follow its session lost it")
	}
	for i, s := range all {
		rest(s, idleAtLeast+time.Duration(i)*time.Second)
	}
	oldest, watched := all[len(all)-2], all[len(all)-1]
	defer watched.Watch()()
	over, err := l.manager.New(true)
	l.ok(err)
	if _, ok := l.manager.Get(oldest.ID); ok {
		t.Error("the session that was idle longest is kept")
	}
	// What a connection left that is over goes before any page's session.
	over.mu.Lock()
	over.coming = false
	over.mu.Unlock()
	l.session()
	if _, ok := l.manager.Get(over.ID); ok {
		t.Error("a connection's session is kept after its end, and a page's is forgotten")
	}
	if _, ok := l.manager.Get(watched.ID); !ok {
		t.Error("a session that somebody follows is forgotten")
	}
}

// TestIdleSessionsAreForgottenByATimer lets nothing happen that could make a
// manager look at its sessions.
func TestIdleSessionsAreForgottenByATimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewManager(0)
		idle, err := m.New(false)
		if err != nil {
			t.Fatal(err)
		}
		watched, _ := m.New(false)
		stop := watched.Watch()
		time.Sleep(idleAfter - sweepEvery)
		if _, ok := m.Get(idle.ID); !ok {
			t.Error("it is forgotten too early")
		}
		time.Sleep(2 * sweepEvery)
		if _, ok := m.Get(idle.ID); ok {
			t.Error("it is kept")
		}
		if _, ok := m.Get(watched.ID); !ok {
			t.Error("a session that somebody follows is forgotten")
		}
		stop()
		time.Sleep(idleAfter + sweepEvery)
		if _, ok := m.Get(watched.ID); ok {
			t.Error("it is kept after its follower has left")
		}
		// And the timer runs again when there is a session again.
		again, _ := m.New(false)
		again.Watch()()
		time.Sleep(idleAfter + sweepEvery)
		if _, ok := m.Get(again.ID); ok {
			t.Error("the timer has stopped for good")
		}
		last, _ := m.New(false)
		last.Watch()()
		m.Close(t.Context())
		for _, s := range []*Session{watched, again, last} {
			if s.timer.Stop() {
				t.Error("a timer keeps a session in memory that has ended")
			}
		}
		if m.sweeper.Stop() {
			t.Error("the timer of the manager goes on")
		}
	})
}

func TestASessionWithSomebodyInItIsKept(t *testing.T) {
	t.Parallel()
	l := start(t)
	watched, connected, left := l.session(), l.session(), l.session()
	stop := watched.Watch()
	conn, err := net.Dial("tcp", l.addr)
	l.ok(err)
	c, err := scenario.NewRaw(conn, scenario.DefaultOpening(), connected.target("gorilla", "a"), l.addr, func(string, string, int) {})
	l.ok(err)
	defer c.Close()
	if _, err := c.Status(l.ctx); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Session{watched, connected, left} {
		rest(s, 2*idleAfter)
	}
	l.manager.sweep()
	for what, s := range map[string]*Session{"watched": watched, "connected": connected} {
		if _, ok := l.manager.Get(s.ID); !ok {
			t.Errorf("the session that is %s is forgotten", what)
		}
	}
	if _, ok := l.manager.Get(left.ID); ok {
		t.Error("the session that nobody is in is kept")
	}
	stop()
	stop() // once more does nothing
	rest(watched, 2*idleAfter)
	l.manager.sweep()
	if _, ok := l.manager.Get(watched.ID); ok {
		t.Error("the session that nobody watches any more is kept")
	}
}

func TestASessionWhoseClientLeftWithAFrameHeldIsForgottenWhole(t *testing.T) {
	t.Parallel()
	for _, name := range endpoints {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			s := l.session()
			conn, err := net.Dial("tcp", l.addr)
			l.ok(err)
			c, err := scenario.NewRaw(conn, scenario.DefaultOpening(), s.target(name, "a"), l.addr, func(string, string, int) {})
			l.ok(err)
			_, err = c.Status(l.ctx)
			l.ok(err)
			s.Valve("hold", nil)
			l.ok(c.Frame(wire.Text, []byte("Hello")))
			l.await(s, "the frame waits", held(0, "waiting"))
			l.ok(c.Close())
			l.await(s, "its FIN is seen behind the frame", tcp("fin"))
			rest(s, idleAfter/2)
			l.manager.sweep()
			if _, ok := l.manager.Get(s.ID); !ok {
				t.Fatal("a learner may come back to the held frame for a while")
			}
			rest(s, 2*idleAfter)
			l.manager.sweep()
			if _, ok := l.manager.Get(s.ID); ok {
				t.Fatal("the session is kept")
			}
			select {
			case <-s.Over().Done():
			case <-l.ctx.Done():
				t.Fatal("the session does not end")
			}
			l.await(s, "its connection is closed", tcp("closed"))
		})
	}
}

func TestWhatIsHeldForNobodyIsLetGo(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	l.open(s, "stays", "reference")
	conn, err := net.Dial("tcp", l.addr)
	l.ok(err)
	c, err := scenario.NewRaw(conn, scenario.DefaultOpening(), s.target("reference", "leaves"), l.addr, func(string, string, int) {})
	l.ok(err)
	_, err = c.Status(l.ctx)
	l.ok(err)
	s.Valve("hold", nil)
	l.ok(c.Frame(wire.Text, []byte("Hello")))
	l.send(s, "stays", bye)
	l.until("a frame waits on each connection", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.live) == 2 && len(s.live[0].conn.Waiting()) > 0 && len(s.live[1].conn.Waiting()) > 0
	})
	l.ok(c.Close())
	l.await(s, "its FIN is seen behind the frame", tcp("fin"))

	stop := s.Watch()
	s.letGo()
	if !s.Holding() {
		t.Error("frames are let go under the eyes of a learner")
	}
	stop()
	s.letGo()
	l.await(s, "the connection whose client left is closed", tcp("closed"))
	if got := l.server(s, "stays"); got == nil || !s.Holding() {
		t.Error("a connection whose client is still there was let go")
	}

	outside, err := l.manager.New(true)
	l.ok(err)
	l.open(outside, "a", "gorilla")
	outside.Valve("hold", nil)
	outside.letGo()
	if outside.Holding() {
		t.Error("a connection from outside is held, and nobody watches")
	}
}

func TestASessionWithARawClientIsForgottenWhole(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	l.open(s, "a", "reference")
	rest(s, 2*idleAfter)
	l.manager.sweep()
	if _, ok := l.manager.Get(s.ID); ok {
		t.Fatal("the session is kept")
	}
	<-s.Over().Done()
	l.await(s, "its connection is closed", tcp("closed"))
}

func TestTheListOfConnectionsHasTheOpenOnesFirst(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	for _, c := range []string{"a", "b", "c"} {
		l.open(s, c, "reference")
	}
	l.ok(s.Raw(RawCommand{Do: "close", Client: "b"}, l.addr))
	l.await(s, "b is closed", of("b", s, tcp("closed")))
	var got []string
	for _, c := range l.manager.Connections() {
		got = append(got, fmt.Sprintf("%s open=%t", c.Client, c.Open))
	}
	if want := []string{"c open=true", "a open=true", "b open=false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestValveOrdersAndConnectionsMayComeAllAtOnce(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	var wg sync.WaitGroup
	for i := range 4 {
		client := fmt.Sprint("raw-", i)
		wg.Go(func() {
			for range 5 {
				s.Raw(RawCommand{Do: "open", Client: client, Endpoint: endpoints[i%2]}, l.addr)
				s.Raw(RawCommand{Do: "bytes", Client: client, Hex: hello}, l.addr)
				s.Order(Command{Client: client, Do: "ping", Text: "p"})
				s.Raw(RawCommand{Do: "close", Client: client}, l.addr)
			}
		})
		wg.Go(func() {
			for _, do := range []string{"hold", "step", "drop", "run", "hold", "step", "run"} {
				s.Valve(do, nil)
				l.manager.Connections()
			}
		})
	}
	wg.Wait()
	s.Valve("run", nil)
}
