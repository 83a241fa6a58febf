package session

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/lessons"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// look is how long a learner looks at what a step has shown.
const look = 5 * time.Second

// A tab is a browser's end of a connection: it answers Ping and Close, and waits as
// long as Chromium does.
type tab struct {
	name string
	conn net.Conn

	mu       sync.Mutex
	told     []string // the events of its JavaScript
	open     bool
	sent     bool // its Close frame
	received int  // the code of the server's
	over     bool
}

// How long Chromium waits for the server, as TestTheFiveDisconnectsInARealBrowser logs
// it.
const (
	tabForClose = 60 * time.Second
	tabForFIN   = 2 * time.Second
)

func (l *lab) tab(s *Session, name, endpoint string) *tab {
	l.Helper()
	conn, err := l.manager.dial(l.ctx, "")
	l.ok(err)
	b := &tab{name: name, conn: conn}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: lab\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
		s.target(endpoint, name), scenario.SampleKey)
	go b.read()
	return b
}

func (b *tab) read() {
	var talk dissect.Conversation
	request := "GET / HTTP/1.1\r\nSec-WebSocket-Key: " + scenario.SampleKey + "\r\n\r\n"
	talk.Bytes(wire.Client, []byte(request), false)
	p := make([]byte, 16<<10)
	for {
		n, err := b.conn.Read(p)
		for _, it := range talk.Bytes(wire.Server, p[:n], false) {
			b.hear(it)
		}
		if err != nil {
			b.close()
			return
		}
	}
}

func (b *tab) hear(it dissect.Item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case it.Handshake != nil:
		if it.Handshake.Head.Status != 101 || len(it.Handshake.Violations) > 0 {
			b.conn.Close()
			return
		}
		b.open = true
		b.told = append(b.told, "onopen")
	case it.Message != nil:
		b.told = append(b.told, fmt.Sprintf("onmessage of %d bytes", it.Message.Size))
	case it.Frame != nil && it.Frame.Header.Opcode == wire.Ping:
		b.frame(wire.Pong, it.Frame.Payload())
	case it.Frame != nil && it.Frame.Close != nil:
		b.received = int(it.Frame.Close.Code)
		if !b.sent {
			b.sent = true
			b.frame(wire.Close, it.Frame.Payload())
		}
		time.AfterFunc(tabForFIN, func() { b.conn.Close() })
	}
}

// frame sends a frame. b.mu is held.
func (b *tab) frame(op wire.Opcode, p []byte) {
	h := wire.Header{Fin: true, Opcode: op, Masked: true, Key: scenario.SampleMask, Form: wire.FormFor(uint64(len(p))), Length: uint64(len(p))}
	data := append(h.Append(nil), p...)
	wire.Mask(h.Key, 0, data[len(data)-len(p):])
	_, _ = b.conn.Write(data) // onclose has the result
}

func (b *tab) send(op wire.Opcode, p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open && !b.sent {
		b.frame(op, p)
	}
}

// closes is JavaScript's close().
func (b *tab) closes(code int, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open || b.sent || b.over {
		return
	}
	b.sent = true
	b.frame(wire.Close, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
	time.AfterFunc(tabForClose, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.received == 0 {
			b.conn.Close()
		}
	})
}

// close tells JavaScript of the end, once.
func (b *tab) close() {
	b.conn.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return
	}
	b.over = true
	code, clean := 1006, b.sent && b.received != 0
	if b.received != 0 {
		code = b.received
	}
	b.told = append(b.told, fmt.Sprintf("onclose %d clean=%t", code, clean))
}

// action is a line of a do block, LABEL: ACTION, with or without the event that
// the page shows after it.
var action = regexp.MustCompile(`^.*?: (connect broken \S+|connect|hold|run|step|send "(?:.*)"|send hex .*|send repeat \d+|close \d+ ".*"|ping ".*"|scenario \S+)(?: => .*)?$`)

// actions returns the actions of a lesson's do blocks, in order.
func actions(t *testing.T, lesson string) (all []string) {
	t.Helper()
	inside := false
	for line := range strings.Lines(lesson) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```do"
		case inside:
			m := action.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("the test does not know how to do %q", line)
			}
			all = append(all, m[1])
		}
	}
	return all
}

// plays returns the scenarios of a lesson's play and ends blocks.
func plays(lesson string) (all []string) {
	for _, m := range regexp.MustCompile("(?m)^```(?:play|ends) (\\S+)").FindAllStringSubmatch(lesson, -1) {
		all = append(all, m[1])
	}
	return all
}

// do does every action of a lesson's do blocks, with a pause after each. It returns the
// events that the tab's JavaScript received on each connection.
func (l *lab) do(steps []string, pause time.Duration) map[string][]string {
	l.Helper()
	s := l.session()
	defer s.Watch()()
	var tabs, all []*tab
	connect := func(endpoints ...string) {
		tabs = nil
		for _, e := range endpoints {
			tabs = append(tabs, l.tab(s, fmt.Sprintf("%s-%d", e, len(all)+1), e))
			all = append(all, tabs[len(tabs)-1])
		}
	}
	for _, step := range steps {
		verb, rest, _ := strings.Cut(step, " ")
		switch verb {
		case "connect":
			if mistake, broken := strings.CutPrefix(rest, "broken "); broken {
				connect("broken/" + mistake)
			} else {
				connect(endpoints...)
			}
		case "hold", "run", "step":
			_, err := s.Valve(verb, nil)
			l.ok(err)
		case "send", "ping":
			op, p := wire.Text, []byte(nil)
			switch how, what, _ := strings.Cut(rest, " "); {
			case how == "hex":
				b, err := scenario.ParseHex(what)
				l.ok(err)
				op, p = wire.Binary, b
			case how == "repeat":
				n, err := strconv.Atoi(what)
				l.ok(err)
				p = bytes.Repeat([]byte("a"), n)
			default:
				text, err := strconv.Unquote(rest)
				l.ok(err)
				p = []byte(text)
			}
			for _, b := range tabs {
				if verb == "ping" {
					l.ok(s.Order(Command{Client: b.name, Do: "ping", Text: string(p)}))
				} else {
					b.send(op, p)
				}
			}
		case "close":
			number, text, _ := strings.Cut(rest, " ")
			code, err := strconv.Atoi(number)
			l.ok(err)
			reason, err := strconv.Unquote(text)
			l.ok(err)
			for _, b := range tabs {
				b.closes(code, reason)
			}
		case "scenario":
			for _, e := range endpoints {
				l.played(s, l.scenario(rest), e, 0)
			}
		}
		synctest.Wait()
		time.Sleep(pause)
	}
	_, err := s.Valve("run", nil)
	l.ok(err)
	synctest.Wait()
	told := map[string][]string{}
	for _, b := range all {
		b.close() // the tab leaves
		told[b.name] = b.told
	}
	synctest.Wait()
	return told
}

func (l *lab) scenario(name string) *scenario.Scenario {
	l.Helper()
	text, err := fs.ReadFile(lessons.Files, path.Join("scenarios", name+".txt"))
	l.ok(err)
	sc, err := scenario.Parse(name+".txt", string(text))
	l.ok(err)
	return sc
}

// played plays sc step by step, with a pause before each, and returns its
// transcript.
func (l *lab) played(s *Session, sc *scenario.Scenario, endpoint string, pause time.Duration) string {
	l.Helper()
	p, err := s.Play(PlayOrder{Scenario: sc, Endpoint: endpoint, As: AsRaw, Pause: 0}, l.addr)
	l.ok(err)
	for i := range sc.Commands {
		ready := false
		l.await(s, "the play waits, or is over", func(e recording.Event) bool {
			b, ok := e.Body.(*recording.Step)
			ready = ok && b.Play == p.ID && b.Phase == recording.StepReady && b.Index == i
			return ready || ok && b.Play == p.ID && b.Phase == recording.PlayOver
		})
		if !ready {
			break
		}
		time.Sleep(pause)
		l.ok(s.Control(p.ID, "step", i))
	}
	l.await(s, "the play is over", step(p, recording.PlayOver))
	return l.transcript(s)
}

// transcript returns what happened in s, by its sides.
func (l *lab) transcript(s *Session) string {
	l.Helper()
	events, _ := s.Rec.After(0, math.MaxInt)
	var text strings.Builder
	l.ok(recording.WriteText(&text, events, recording.TextOptions{Stable: true, Brief: true}))
	return sides(strings.ReplaceAll(text.String(), s.ID, "SESSION"))
}

// sides parts a transcript into what each side of each connection shows, in its
// own order: which of two ends is quicker means nothing, and under which step it
// shows neither.
func sides(transcript string) string {
	shown := map[string]string{}
	for line := range strings.Lines(transcript) {
		side := regexp.MustCompile(`^(conn \d+  )?(client|server|!)`).FindString(line)
		if side != "" {
			shown[side] += line
		}
	}
	var all strings.Builder
	for _, side := range slices.Sorted(maps.Keys(shown)) {
		all.WriteString(shown[side] + "\n")
	}
	return all.String()
}

// course returns the text of each lesson by its name.
func course(t *testing.T) map[string]string {
	t.Helper()
	names, err := fs.Glob(lessons.Files, "*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("there is no lesson: %v", err)
	}
	all := map[string]string{}
	for _, name := range names {
		text, err := fs.ReadFile(lessons.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(name, ".md")] = string(text)
	}
	return all
}

func TestEveryLessonsButtonsEndAlikeHoweverLongALearnerLooks(t *testing.T) {
	for name, text := range course(t) {
		steps := actions(t, text)
		if len(steps) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			told := map[time.Duration]map[string][]string{}
			for _, pause := range []time.Duration{0, look} {
				synctest.Test(t, func(t *testing.T) { told[pause] = startInMemory(t).do(steps, pause) })
			}
			for client, want := range told[0] {
				if got := told[look][client]; !slices.Equal(got, want) {
					t.Errorf("%s: JavaScript receives %q at full speed, and %q with %v between the steps", client, want, got, look)
				}
			}
			if name == "06-closing" {
				for _, client := range []string{"reference-1", "gorilla-2"} {
					if want := []string{"onopen", "onclose 1000 clean=true"}; !slices.Equal(told[look][client], want) {
						t.Errorf("%s: JavaScript receives %q, want %q", client, told[look][client], want)
					}
				}
			}
		})
	}
}

// told by a transcript of how a connection went and ended: its frames, the end of
// TCP as each side met it, and the play's own error.
var (
	aFrame = regexp.MustCompile(`[❱❰] [A-Z]`)
	anEnd  = regexp.MustCompile(`closes TCP|· reading ends: (EOF|.*reset|.*closed)|^!`)
)

// ends keeps of a transcript what a learner's pace must not change. A server that
// sends Pings by itself sends more of them in more time.
func ends(transcript string, sc *scenario.Scenario) string {
	var kept []string
	for line := range strings.Lines(transcript) {
		// A frame that the tap has read and the endpoint has not was unread in the kernel
		// where the wire was not held.
		if strings.Contains(line, "arrived, and the server did not read it") {
			for i := len(kept) - 1; i >= 0; i-- {
				if aFrame.MatchString(kept[i]) && !strings.Contains(kept[i], " HTTP/") && strings.HasPrefix(kept[i], line[:strings.Index(line, "·")-1]) {
					kept = slices.Delete(kept, i, i+1)
					break
				}
			}
		}
		beat := sc.Setup.PingEvery > 0 && (strings.Contains(line, " PING ") || strings.Contains(line, " PONG "))
		// A server that closes with unread bytes sends RST instead of FIN. Whether the
		// bytes have arrived by then is a race on any network.
		race := slices.Contains([]string{"too-big", "disconnect-5"}, sc.Name) && strings.Contains(line, "· reading ends")
		if (aFrame.MatchString(line) || anEnd.MatchString(line)) && !beat && !race {
			// Why the rest of a frame is not there, the server says that waited for it.
			line, _, _ = strings.Cut(strings.TrimRight(line, "\n"), ", cut off")
			kept = append(kept, line+"\n")
		}
	}
	return strings.Join(kept, "")
}

func TestEveryScenarioEndsAlikeHoweverLongALearnerLooks(t *testing.T) {
	for name, text := range course(t) {
		for _, play := range plays(text) {
			sc := (&lab{T: t}).scenario(play)
			servers := endpoints
			if sc.Plain() {
				servers = append(slices.Clone(servers), "naive")
			}
			for _, endpoint := range servers {
				t.Run(name+"/"+play+"/"+endpoint, func(t *testing.T) {
					said := map[time.Duration]string{}
					pauses := []time.Duration{0, look}
					if sc.Setup.Process { // its server knows no time but the real one
						t.Parallel()
						pauses[1] = 1200 * time.Millisecond // more than gorilla gives a Close frame
					}
					for _, pause := range pauses {
						if sc.Setup.Process {
							l := start(t)
							said[pause] = ends(l.played(l.session(), sc, endpoint, pause), sc)
							continue
						}
						synctest.Test(t, func(t *testing.T) {
							l := startInMemory(t)
							said[pause] = ends(l.played(l.session(), sc, endpoint, pause), sc)
						})
					}
					if fast, slow := said[pauses[0]], said[pauses[1]]; fast != slow || fast == "" {
						t.Errorf("at full speed\n%s\nand with %v between the steps\n%s", fast, pauses[1], slow)
					}
				})
			}
		}
	}
}

// stepped plays sc without a pause on a held wire, of which a learner releases the
// oldest unit whenever one has been there for the time of look.
func (l *lab) stepped(s *Session, sc *scenario.Scenario, endpoint string, look time.Duration) string {
	l.Helper()
	defer s.Watch()()
	_, err := s.Valve("hold", nil)
	l.ok(err)
	p, err := s.Play(PlayOrder{Scenario: sc, Endpoint: endpoint, As: AsRaw, Pause: -1}, l.addr)
	l.ok(err)
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.await(s, "the play is over", step(p, recording.PlayOver))
	}()
	for {
		synctest.Wait()
		select {
		case <-over:
			return l.transcript(s)
		default:
		}
		time.Sleep(look)
		if ids, err := s.Valve("step", nil); err != nil || len(ids) == 0 {
			// No frame is held. The run waits for a time of the stopped clock.
			_, err = s.Valve("run", nil)
			l.ok(err)
			time.Sleep(time.Second)
			_, err = s.Valve("hold", nil)
			l.ok(err)
		}
	}
}

func TestEveryScenarioEndsAlikeOnAHeldWireHoweverLongALearnerLooks(t *testing.T) {
	for name, text := range course(t) {
		for _, play := range plays(text) {
			sc := (&lab{T: t}).scenario(play)
			holds := slices.ContainsFunc(sc.Commands, func(c scenario.Command) bool { return c.Who == scenario.ByWire })
			if sc.Setup.Process || holds {
				continue // it knows no time but the real one, or works the wire itself
			}
			for _, endpoint := range endpoints {
				t.Run(name+"/"+play+"/"+endpoint, func(t *testing.T) {
					said := map[time.Duration]string{}
					for _, pause := range []time.Duration{time.Millisecond, look, time.Hour} {
						synctest.Test(t, func(t *testing.T) {
							l := startInMemory(t)
							said[pause] = ends(l.stepped(l.session(), sc, endpoint, pause), sc)
						})
					}
					for pause, got := range said {
						if got != said[time.Millisecond] {
							t.Errorf("at full speed\n%s\nand with %v before each step\n%s", said[time.Millisecond], pause, got)
						}
					}
				})
			}
		}
	}
}
