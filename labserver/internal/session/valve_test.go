package session

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/reference/wire"
)

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
		t.Errorf("a step of an unknown client released %v", seqs)
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
	l.await(s, "the drop is recorded", held(frame, "dropped"))
	s.Valve("run", nil)
	l.send(s, "a", "89 82 37 fa 21 3d 5f 93") // ping "hi"
	l.await(s, "what follows is answered", sends(wire.Server, "hi"))
	if has(s, sends(wire.Server, "Hello")) {
		t.Error("the dropped frame was answered")
	}
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
	l.await(s, "its FIN is seen after the frame", tcp("fin"))

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

	outside, err := l.manager.New("", true)
	l.ok(err)
	l.open(outside, "a", "gorilla")
	outside.Valve("hold", nil)
	outside.letGo()
	if outside.Holding() {
		t.Error("a connection from outside is held without a watcher")
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
				l.manager.Connections(every)
			}
		})
	}
	wg.Wait()
	s.Valve("run", nil)
}
