package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wslab/compare/recording"
	"wslab/labserver/internal/session"
)

// begin begins a play and returns its id and its client.
func (s *site) begin(sess *session.Session, ask map[string]any) (play, client string) {
	s.Helper()
	answer := s.post("/api/sessions/"+sess.ID+"/plays", ask)
	return answer["play"].(string), answer["client"].(string)
}

// order orders a play to step, run, pause or stop.
func (s *site) order(sess *session.Session, play, do string, step int) {
	s.Helper()
	s.post("/api/sessions/"+sess.ID+"/plays/"+play, map[string]any{"do": do, "step": step})
}

// phase matches the step event of a run in that phase; index -1 means
// any step.
func phase(play string, index int, phase recording.Phase) func(recording.Event) bool {
	return func(e recording.Event) bool {
		st, ok := e.Body.(*recording.Step)
		return ok && st.Play == play && st.Phase == phase && (index < 0 || st.Index == index)
	}
}

// over waits for the end of a play and returns why it came early.
func (s *site) over(sess *session.Session, play string) string {
	s.Helper()
	return s.await(sess, "play "+play+" is over", phase(play, -1, recording.PlayOver)).Body.(*recording.Step).Error
}

// phases lists a play's step events: "0 ready".
func phases(sess *session.Session, play string) (all []string) {
	events, _ := sess.Rec.After(0, 1<<20)
	for _, e := range events {
		if st, ok := e.Body.(*recording.Step); ok && st.Play == play {
			all = append(all, fmt.Sprint(st.Index, " ", st.Phase))
		}
	}
	return all
}

const hello = "# Hello, and goodbye\nopen\n# It comes back.\nsend text Hello\nread 1\nclose 1000 bye\nread eof\n"

func TestThePageIsToldAllScenarios(t *testing.T) {
	s := start(t)
	_, body := s.get("/api/scenarios")
	var list struct {
		Scenarios []struct {
			Name, Title, Text string
			Browser           bool
			Steps             []struct {
				Index, Line       int
				Command, Say, Who string
			}
		}
	}
	s.ok(json.Unmarshal([]byte(body), &list))
	if len(list.Scenarios) != len(s.plays) {
		t.Fatalf("%d scenarios are listed of %d", len(list.Scenarios), len(s.plays))
	}
	for _, sc := range list.Scenarios {
		lines := strings.Split(sc.Text, "\n")
		if sc.Title == "" || len(sc.Steps) == 0 {
			t.Errorf("%s: title %q, %d steps", sc.Name, sc.Title, len(sc.Steps))
		}
		for i, st := range sc.Steps {
			if st.Index != i || st.Line < 1 || st.Line > len(lines) || !strings.Contains(lines[st.Line-1], strings.Fields(st.Command)[0]) {
				t.Errorf("%s: step %d is %+v, which line %d does not have", sc.Name, i, st, st.Line)
			}
			if !slices.Contains([]string{"client", "server", "wire", "note"}, st.Who) {
				t.Errorf("%s: step %d is done by %q", sc.Name, i, st.Who)
			}
		}
	}
}

func TestAPlayGoesStepByStep(t *testing.T) {
	s := start(t)
	for _, name := range endpoints {
		sess := s.session()
		play, client := s.begin(sess, map[string]any{"text": hello, "endpoint": name, "as": "raw", "pause": 1})
		s.await(sess, "it waits before step 1", phase(play, 1, recording.StepReady))
		if got := phases(sess, play); !slices.Equal(got, []string{"0 begin", "0 end", "1 ready"}) {
			t.Errorf("paused before step 1 it tells %v", got)
		}
		for range 3 { // a step pressed again does nothing more
			s.order(sess, play, "step", 1)
		}
		ready := s.await(sess, "it waits before step 2", phase(play, 2, recording.StepReady))
		if st := ready.Body.(*recording.Step); st.Client != client || st.Endpoint != name || st.As != "raw" || st.Of != 5 || st.Line != 5 || ready.Conn != 1 {
			t.Errorf("it tells %+v of connection %d", st, ready.Conn)
		}
		s.order(sess, play, "run", 0)
		if why := s.over(sess, play); why != "" {
			t.Errorf("it ends with %q", why)
		}
		if got := phases(sess, play); !slices.Equal(got[2:], []string{"1 ready", "1 begin", "1 end", "2 ready", "2 begin", "2 end", "3 begin", "3 end", "4 begin", "4 end", "5 over"}) {
			t.Errorf("all in all it tells %v", got)
		}
		for _, do := range []string{"step", "run", "pause", "stop"} { // too late, and no harm
			s.order(sess, play, do, 4)
		}
		if got, want := heard(sess), frame(0x81, "Hello")+frame(0x88, "\x03\xe8bye"); !strings.HasSuffix(got, want) {
			t.Errorf("the client says %q", got)
		}
	}
}

func TestAPlayThatIsStoppedKeepsWhatHappened(t *testing.T) {
	s := start(t)
	s.unharmed(func() {
		sess := s.session()
		play, _ := s.begin(sess, map[string]any{"text": hello, "endpoint": "reference", "as": "raw", "pause": 2})
		s.await(sess, "it waits before step 2", phase(play, 2, recording.StepReady))
		s.order(sess, play, "stop", 0)
		if why := s.over(sess, play); !strings.Contains(why, "stopped") {
			t.Errorf("it ends with %q", why)
		}
		s.await(sess, "the server closes TCP", tcp("closed"))
		if !strings.HasSuffix(heard(sess), frame(0x81, "Hello")) {
			t.Error("what happened before is gone")
		}
	})
}

const byBrowser = "# Hello\nopen\nsend text Hello\nclose 1000 bye\npatience 20s\n"

func TestAPlayThatRunsPausesBehindTheStepUnderWay(t *testing.T) {
	s := start(t)
	for _, name := range endpoints {
		sess := s.session()
		st := s.follow(sess.ID, nil)
		p := &tab{s: s, sess: sess, st: st}
		play, client := s.begin(sess, map[string]any{"text": byBrowser, "endpoint": name, "as": "browser"})
		p.open(play, client, name)
		step, _, _ := p.next(play) // under way until the page has done it
		s.order(sess, play, "pause", -1)
		s.order(sess, play, "pause", -1)
		if got := phases(sess, play); !slices.Equal(got, []string{"0 begin", "0 end", "1 begin"}) {
			t.Errorf("%s: while the step goes on it tells %v", name, got)
		}
		p.ws.say(frame(0x81, "Hello"))
		p.done(play, step, "")
		s.await(sess, "it waits before step 2", phase(play, 2, recording.StepReady))
		s.order(sess, play, "run", -1)
		step, order, _ := p.next(play)
		if step != 2 || order.Do != "close" {
			t.Errorf("%s: after the pause, step %d orders %+v", name, step, order)
		}
		if got := phases(sess, play); !slices.Equal(got, []string{"0 begin", "0 end", "1 begin", "1 end", "2 ready", "2 begin"}) {
			t.Errorf("%s: all in all it tells %v", name, got)
		}
		s.order(sess, play, "stop", -1)
		s.over(sess, play)
		p.ws.Close()
		st.body.Close()
	}
}

func TestTheValveWorksBesideAPlay(t *testing.T) {
	s := start(t)
	for _, name := range endpoints {
		sess := s.session()
		path := "/api/sessions/" + sess.ID + "/valve"
		play, _ := s.begin(sess, map[string]any{"text": hello, "endpoint": name, "as": "raw", "pause": 1})
		s.await(sess, "it waits before step 1", phase(play, 1, recording.StepReady))
		s.post(path, map[string]any{"do": "hold"})
		s.order(sess, play, "step", 1)
		s.await(sess, "its frame is held", held("waiting"))
		s.await(sess, "the step has settled all the same", phase(play, 1, recording.StepEnd))
		s.order(sess, play, "run", 0)
		s.post(path, map[string]any{"do": "run"})
		if why := s.over(sess, play); why != "" {
			t.Errorf("%s: it ends with %q", name, why)
		}
	}
}

func TestPlaysThatCannotBeAreAnsweredWithWhatIsWrong(t *testing.T) {
	s := start(t)
	sess, foreign := s.session(), s.session()
	theirs, _ := s.begin(foreign, map[string]any{"text": hello, "endpoint": "reference", "as": "raw", "pause": 0})
	ask := func(more string) string { return `{"endpoint":"reference","as":"raw",` + more + `}` }
	quoted := func(text string) string { b, _ := json.Marshal(text); return `"text":` + string(b) }
	for _, c := range []struct {
		name, path, body string
		status           int
		says             string
	}{
		{"an unknown scenario", "", ask(`"scenario":"none"`), 404, "none"},
		{"no scenario", "", `{"endpoint":"reference","as":"raw"}`, 404, "scenario"},
		{"an unknown endpoint", "", `{"scenario":"unmasked","endpoint":"native","as":"raw"}`, 409, "native"},
		{"no client", "", `{"scenario":"unmasked","endpoint":"gorilla"}`, 409, "client of a scenario"},
		{"another client", "", `{"scenario":"unmasked","endpoint":"gorilla","as":"me"}`, 409, "me"},
		{"a browser that must break rules", "", `{"scenario":"unmasked","endpoint":"gorilla","as":"browser"}`, 409, "browser"},
		{"a branch of nothing", "", ask(`"scenario":"unmasked","branchOf":"9"`), 409, `"9"`},
		{"a branch of another session's play", "", ask(`"scenario":"unmasked","branchOf":"` + theirs + `"`), 409, theirs},
		{"an unknown command", "", ask(quoted("# x\nopen\ndance\n")), 400, ":3: "},
		{"an empty text", "", ask(quoted("")), 400, ":1: "},
		{"a text of 9 KiB", "", ask(quoted("# x\nopen\n" + strings.Repeat("# much ado\n", 900))), 400, "bytes"},
		{"a text of 101 commands", "", ask(quoted("# x\nopen\n" + strings.Repeat("send text a\n", 101))), 400, "commands"},
		{"a wait of an hour", "", ask(quoted("# x\nopen\nwait 1h\n")), 400, ":3: "},
		{"no number", "", ask(`"scenario":"unmasked","pause":"now"`), 400, "pause"},
		{"an unknown field", "", ask(`"scenario":"unmasked","speed":2`), 400, "speed"},
		{"an unknown play", "/7", `{"do":"run"}`, 409, `"7"`},
		{"a play called 0", "/0", `{"do":"run"}`, 409, `"0"`},
		{"a play called 01", "/01", `{"do":"run"}`, 409, `"01"`},
		{"a play of no number", "/x", `{"do":"run"}`, 409, `"x"`},
		{"another session's play", "/" + theirs, `{"do":"stop"}`, 409, `"` + theirs + `"`},
		{"another session's play, done", "/" + theirs + "/done", `{"step":0}`, 409, `"` + theirs + `"`},
		{"a long name of a play", "/" + strings.Repeat("9", 4000), `{"do":"run"}`, 409, "99"},
	} {
		response, body := s.do("POST", "/api/sessions/"+sess.ID+"/plays"+c.path, c.body, nil)
		if response.StatusCode != c.status {
			t.Errorf("%s: the answer is %d %s; want %d", c.name, response.StatusCode, body, c.status)
			continue
		}
		if f := refusal(t, c.name, body); !strings.Contains(f.What, c.says) {
			t.Errorf("%s: the answer %q does not name %q", c.name, f.What, c.says)
		}
	}
	// Of a play that is there.
	play, _ := s.begin(sess, map[string]any{"text": hello, "endpoint": "reference", "as": "raw", "pause": 0})
	for body, says := range map[string]string{`{"do":"dance"}`: "dance", `{"do":"step"}`: "step", `{"do":"step","step":5}`: "5", `{"do":"step","step":-1}`: "-1"} {
		response, answer := s.do("POST", "/api/sessions/"+sess.ID+"/plays/"+play, body, nil)
		if response.StatusCode != 409 || !strings.Contains(refusal(t, body, answer).What, says) {
			t.Errorf("%s is answered with %d %s", body, response.StatusCode, answer)
		}
	}
	for body, status := range map[string]int{`{"step":0}`: 409, `{}`: 400, `{"step":"0"}`: 400} {
		if response, answer := s.do("POST", "/api/sessions/"+sess.ID+"/plays/"+play+"/done", body, nil); response.StatusCode != status {
			t.Errorf("done %s of a raw play is answered with %d %s", body, response.StatusCode, answer)
		} else {
			refusal(t, body, answer)
		}
	}
	s.order(foreign, theirs, "stop", 0)
	s.over(foreign, theirs)
}

func TestAThousandPlaysHarmNobody(t *testing.T) {
	s := start(t)
	s.unharmed(func() {
		sess := s.session()
		begun := 0
		for i := range 1000 {
			as := []string{"raw", "browser"}[i%2]
			body := fmt.Sprintf(`{"text":"# x\nopen\nsend text a\n","endpoint":%q,"as":%q,"pause":%d}`, endpoints[i/2%2], as, i%3-1)
			response, answer := s.do("POST", "/api/sessions/"+sess.ID+"/plays", body, nil)
			switch response.StatusCode {
			case 200:
				begun++
			case 409:
				refusal(t, "one too many", answer)
			default:
				t.Fatalf("play %d is answered with %d %s", i, response.StatusCode, answer)
			}
		}
		if begun < 16 {
			t.Errorf("only %d of 1000 were begun", begun)
		}
		for i := range begun {
			s.order(sess, fmt.Sprint(i+1), "stop", 0)
		}
		for i := range begun {
			s.over(sess, fmt.Sprint(i+1))
		}
	})
}

func TestASessionThatEndsEndsItsPlays(t *testing.T) {
	s := start(t)
	sess := s.session()
	st := s.follow(sess.ID, nil)
	defer st.body.Close()
	waiting, _ := s.begin(sess, map[string]any{"text": hello, "endpoint": "reference", "as": "raw", "pause": 2})
	owed, _ := s.begin(sess, map[string]any{"text": byBrowser, "endpoint": "reference", "as": "browser"})
	s.await(sess, "one waits for its learner", phase(waiting, 2, recording.StepReady))
	s.await(sess, "one waits for its page", phase(owed, 0, recording.StepBegin))
	s.sessions.Close(withTimeout(s, 2*time.Second))
	for _, play := range []string{waiting, owed} {
		if why := s.over(sess, play); why == "" {
			t.Errorf("play %s ends without a word", play)
		}
	}
}

func TestWhateverAPlayDoesItEndsAndNothingOfItStays(t *testing.T) {
	s := start(t)
	for name, text := range map[string]string{
		"a line that goes dead":         "server pings every 200ms within 100ms\nclient answers\nopen\nwire silent\nwait server\n",
		"a dead line without a watcher": "open\nwire silent\nsend text a\n",
		"a process that is killed":      "server in a process\nopen\nsend text a\nread 1\nserver kill\nread eof\n",
		"a process that is left":        "server in a process\nopen\n",
		"a shutdown before a crowd":     "client answers\nopen\ncrowd 5\nserver shutdown\nwait server\n",
		"a server that does nothing":    "server by hand\nopen\nsend text a\n",
		"a read that waits to the end":  "server by hand\nopen\nserver read\n",
		"a frame that is held":          "open\nwire hold\nsend text a\n",
		"an answer that is held":        "open\nwire hold\nsend text a\nwire release\n",
		"a server that ignores a Close": "server ignores close\nopen\nclose 1000\npatience 100ms\n",
		"a reset":                       "open\ntcp reset\n",
		"half of TCP":                   "open\ntcp half\nread eof\n",
		"a client that does not read":   "open\nreading off\nsend repeat 1000000\nsend repeat 1000000\nsend repeat 1000000\n",
		"a refusal":                     "remove Sec-WebSocket-Key\nopen\nsend text a\n",
	} {
		for _, endpoint := range endpoints {
			t.Run(name+" "+endpoint, func(t *testing.T) {
				s.TB = t
				s.unharmed(func() {
					sess := s.session()
					play, _ := s.begin(sess, map[string]any{"text": "# It ends\n" + text, "endpoint": endpoint, "as": "raw"})
					if why := s.over(sess, play); why != "" {
						t.Errorf("it ends with %q", why)
					}
					s.until("every connection is closed", func() bool {
						return !slices.ContainsFunc(s.sessions.Connections(every), func(l session.Listed) bool { return l.Session == sess.ID && l.Open })
					})
				})
			})
		}
	}
	s.TB = t
}
