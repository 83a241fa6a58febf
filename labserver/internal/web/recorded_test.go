package web

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/labserver/internal/session"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// recorded writes recordings for static/test/recorded.test.js, which says what
// must be true of their rows.
type recorded struct {
	t   *testing.T
	dir string
}

// line adds a recording. first has the seqs of the step in which package suite finds the
// first difference of two endpoints, or is nil if suite does not compare them. handshake
// says whether suite compares the fields of the opening handshake.
func (r recorded) line(file, name string, events []recording.Event, first []uint64, handshake bool) {
	r.t.Helper()
	b, err := json.Marshal(map[string]any{"name": name, "events": events, "first": first, "handshake": handshake})
	if err != nil {
		r.t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(r.dir, file), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(append(b, '\n')); err != nil {
		r.t.Fatal(err)
	}
}

// check has the page's tests read them.
func (r recorded) check() {
	r.t.Helper()
	node, err := exec.LookPath("node")
	if err != nil && os.Getenv("CI") != "" {
		r.t.Fatal("no node was found, and in CI the page's modules must be tested: install the package nodejs")
	}
	if err != nil {
		r.t.Skip("node is not here, and the page's modules run in it: ", err)
	}
	cmd := exec.Command(node, "--test", filepath.Join("static", "test", "recorded.test.js"))
	cmd.Dir = filepath.Join("..", "..", "..")
	cmd.Env = append(os.Environ(), "RECORDINGS="+r.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		text := string(out)
		if at := strings.Index(text, "Expected values"); at > 0 {
			text = text[at:]
		}
		r.t.Errorf("%v: %.6000s", err, text)
	}
}

// both plays a scenario with a raw client at two endpoints at once, as the page
// does side by side, and returns what is recorded.
func (s *site) both(name string, first, second string) []recording.Event {
	s.Helper()
	sess := s.session()
	for _, endpoint := range []string{first, second} {
		s.post("/api/sessions/"+sess.ID+"/scenario", map[string]any{"scenario": name, "endpoint": endpoint, "client": "scenario-" + endpoint + "-1", "round": 1})
	}
	for _, play := range []string{"1", "2"} {
		s.over(sess, play)
	}
	return all(sess)
}

// said returns the status lines that a client's server has sent.
func said(sess *session.Session, client string) string {
	var b strings.Builder
	for _, e := range all(sess) {
		if h, ok := e.Body.(*dissect.Handshake); ok && e.Conn == sess.Rec.ConnOf(client) && h.From == wire.Server {
			b.WriteString(h.Line)
		}
	}
	return b.String()
}

// all returns the events of a session.
func all(sess *session.Session) []recording.Event {
	events, _ := sess.Rec.After(0, 1<<20)
	return events
}

func TestNoEffectStandsAboveItsCauseInAnyScenario(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays every scenario twice")
	}
	r := recorded{t, t.TempDir()}
	o, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	scenarios, err := o.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range scenarios {
		t.Run(sc.Name, func(t *testing.T) {
			s := start(t)
			r.line("side-by-side", sc.Name, s.both(sc.Name, "reference", "gorilla"), nil, true)
			if sc.Plan().Plain {
				r.line("naive", sc.Name, s.both(sc.Name, "reference", "naive"), nil, true)
			}
		})
	}
	r.check()
}

// TestNoEffectStandsAboveItsCauseOfARawClient has one do what a scenario does
// not: cut a frame anywhere, and write on when the server has left.
func TestNoEffectStandsAboveItsCauseOfARawClient(t *testing.T) {
	r := recorded{t, t.TempDir()}
	for _, end := range []string{"", "8100", "88820000000003e8"} {
		s := start(t)
		sess := s.session()
		path := "/api/sessions/" + sess.ID
		for _, endpoint := range endpoints {
			client := "raw-" + endpoint + "-1"
			s.post(path+"/raw", map[string]any{"client": client, "do": "open", "endpoint": endpoint, "round": 1})
			s.until("it is open", func() bool { return strings.Contains(said(sess, client), "101") })
			for i, part := range []string{"81", "85", "37fa213d7f9f4d5158", "8180000000008181000000004141", end} {
				n := len(heard(sess))
				// One that follows a failure may find TCP closed.
				s.do("POST", path+"/raw", fmt.Sprintf(`{"client":%q,"do":"bytes","hex":%q}`, client, part), nil)
				if i < 3 {
					s.until("it is read", func() bool { return len(heard(sess)) > n })
				}
			}
			s.do("POST", path+"/raw", fmt.Sprintf(`{"client":%q,"do":"close"}`, client), nil)
		}
		s.until("all is over", func() bool {
			return !slices.ContainsFunc(sess.Rec.Connections(), func(c *recording.Connection) bool { return c.Summary().Open })
		})
		r.line("raw", "ending with "+end, all(sess), nil, true)
	}
	r.check()
}

func TestThePageHasEndpointsPartWhereTheJudgeDoes(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays every case twice")
	}
	targets, stop, err := ownTargets([]string{"reference", "gorilla"})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	r := recorded{t, t.TempDir()}
	cases := suite.ForRole(suite.All(), wire.Server)
	reports := runner.Judge(t.Context(), cases, targets, 0, nil)
	if len(reports) != 2*len(cases) {
		t.Fatalf("%d reports came of %d cases", len(reports), len(cases))
	}
	parted := 0
	for i, c := range cases {
		two := []suite.Report{reports[i], reports[len(cases)+i]}
		a := suite.Align(c, two)
		if a.Partial {
			continue
		}
		events, first := beside(two, a)
		if len(first) > 0 {
			parted++
		}
		r.line("cases", c.ID, events, first, c.Handshakes())
	}
	if parted < 10 {
		t.Errorf("they part in %d cases only", parted)
	}
	r.check()
}

// beside puts what two reports have recorded into one recording, without what has
// no row, and returns which events of it are those at which a has them part.
func beside(reports []suite.Report, a suite.Alignment) (events []recording.Event, first []uint64) {
	first = []uint64{}
	for n, r := range reports {
		seq := make(map[uint64]uint64)
		for _, e := range r.Events {
			switch e.Body.(type) {
			case *recording.Bytes, *recording.Message:
				continue
			}
			seq[e.Seq] = uint64(len(events) + 1)
			e.Seq, e.Conn = seq[e.Seq], n+1
			if len(events) > 0 {
				e.At = max(e.At, events[len(events)-1].At)
			}
			events = append(events, e)
		}
		if a.First >= 0 && a.Steps[a.First].Cells[n] != nil {
			first = append(first, seq[a.Steps[a.First].Cells[n].Seq])
		}
	}
	return events, first
}
