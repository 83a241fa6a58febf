package session

import (
	"math"
	"slices"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/lessons"
)

// begin begins a play of text by a raw client that waits before step pause.
func (l *lab) begin(s *Session, text string, pause int) *Play {
	l.Helper()
	sc, err := scenario.Parse("test.txt", "# A test\n"+text)
	l.ok(err)
	p, err := s.Play(PlayOrder{Scenario: sc, Endpoint: "reference", As: AsRaw, Pause: pause}, l.addr)
	l.ok(err)
	return p
}

// step matches an event of p's steps.
func step(p *Play, phase recording.Phase) func(recording.Event) bool {
	return func(e recording.Event) bool {
		b, ok := e.Body.(*recording.Step)
		return ok && b.Play == p.ID && b.Phase == phase
	}
}

func TestAPlayThatWaitsForItsLearnerKeepsNoSession(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	p := l.begin(s, "open\nsend text a\n", 1)
	l.await(s, "it waits", step(p, recording.StepReady))
	if _, idle := s.idle(); !idle {
		t.Error("a session with only a run is not idle")
	}
	l.ok(s.Control(p.ID, "run", 0))
	l.await(s, "it is over", step(p, recording.PlayOver))
}

func TestThePlayThatWaitsLongestMakesRoomForAnother(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	var plays []*Play
	for range maxPlays {
		p := l.begin(s, "open\nsend text a\n", 1)
		l.await(s, "it waits", step(p, recording.StepReady))
		plays = append(plays, p)
	}
	last := l.begin(s, "open\nsend text a\n", -1)
	l.await(s, "the new one is over", step(last, recording.PlayOver))
	over := l.await(s, "the first has made room", step(plays[0], recording.PlayOver)).Body.(*recording.Step)
	if over.Error == "" || over.Index != 1 {
		t.Errorf("the first ends with %+v", over)
	}
	for _, p := range plays[1:] {
		if has(s, step(p, recording.PlayOver)) {
			t.Errorf("play %s has ended, too", p.ID)
		}
		l.ok(s.Control(p.ID, "stop", 0))
	}
}

func TestOnlySoManyServersOfASessionHaveProcessesOfTheirOwn(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	crowd := l.begin(s, "server in a process\nopen\ncrowd 8\n", -1)
	l.await(s, "it is over", step(crowd, recording.PlayOver))
	if n := len(s.Rec.Connections()); n != maxServers {
		t.Errorf("%d of a crowd of 9 had servers of their own", n)
	}
	l.until("none is left", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.servers == 0
	})
}

func TestAnOrderToAServerInAProcessOfItsOwnSaysWhyItCannotBeDone(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	p := l.begin(s, "server in a process\nopen\nsend text a\n", 1)
	l.await(s, "it is open", func(e recording.Event) bool { return step(p, recording.StepReady)(e) && e.Conn != 0 })
	l.ok(s.Order(Command{Client: p.Token, Do: "text", Text: "order"}))
	call := l.await(s, "the order comes back", func(e recording.Event) bool {
		c, ok := e.Body.(*recording.Call)
		return ok && c.Name == "send" && c.Phase == "return"
	}).Body.(*recording.Call)
	if want := "send cannot be done: the server's code is in another process"; call.Err == nil || call.Err.Text != want {
		t.Errorf("it comes back with %+v, want %s", call.Err, want)
	}
	l.ok(s.Control(p.ID, "run", 0))
	l.await(s, "it is over", step(p, recording.PlayOver))
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
