package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"wslab/compare/suite"
	"wslab/reference/wire"
)

// many returns n strings made from format.
func many(n int, format string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i)
	}
	return list
}

// TestNoRequestMakesMoreWorkThanItIsWorth sends lists as long as a request may be. The
// work that they would be took minutes; a refusal takes as long as it takes to read
// them, and even a hundred times that is within the bound here.
func TestNoRequestMakesMoreWorkThanItIsWorth(t *testing.T) {
	s := start(t)
	sess := s.session()
	for _, c := range []struct {
		path string
		ask  any
	}{
		{"/api/judge", map[string]any{"cases": many(100_000, "%d.*")}},
		{"/api/judge", map[string]any{"cases": many(100_000, "MUST")}},
		{"/api/judge", map[string]any{"endpoints": many(50_000, "e%d")}},
		{"/api/judge", map[string]any{"cases": []string{strings.Repeat("*a", 400_000)}}},
		{"/api/judge/client", map[string]any{"cases": many(10_000, "5.1/wrong-mask-in-text-client")}},
		{"/api/judge/client", map[string]any{"cases": many(10_000, "5.1/wrong-mask-in-text-client"), "record": true}},
		{"/api/sessions/" + sess.ID + "/valve", map[string]any{"do": "hold", "clients": many(50_000, "client-%d")}},
		{"/api/sessions/" + sess.ID + "/server", map[string]any{"do": "fragments", "parts": many(50_000, "%d")}},
	} {
		body, err := json.Marshal(c.ask)
		s.ok(err)
		began := time.Now()
		response, answer := s.do("POST", c.path, string(body), nil)
		if took := time.Since(began); response.StatusCode < 400 || response.StatusCode >= 500 || took > patience/2 {
			t.Errorf("%s of %d bytes is answered with %d after %v", c.path, len(body), response.StatusCode, took)
		}
		refusal(t, c.path, answer)
	}
}

func TestEventsOfASocketThatCannotBeAreNotKept(t *testing.T) {
	s := start(t)
	id := s.post("/api/judge/client", map[string]any{"cases": []string{"5.1/wrong-mask-in-text-client"}})["judge"].(string)
	for _, number := range []int{0, -1, 10_000, 1 << 40} {
		response, answer := s.do("POST", "/api/judge/"+id+"/script", fmt.Sprintf(`{"number":%d,"events":[]}`, number), nil)
		if response.StatusCode != 400 {
			t.Errorf("events of socket %d are answered with %d %s", number, response.StatusCode, answer)
		}
	}
	s.post("/api/judge/"+id+"/stop", map[string]any{})
}

func TestAPageMayNameEveryCase(t *testing.T) {
	s := start(t)
	var ids []string
	for _, c := range suite.ForRole(suite.All(), wire.Client) {
		ids = append(ids, c.ID)
	}
	answer := s.post("/api/judge/client", map[string]any{"cases": ids})
	if n := len(answer["cases"].([]any)); n != len(ids) {
		t.Errorf("of %d cases, %d are judged", len(ids), n)
	}
	s.post("/api/judge/"+answer["judge"].(string)+"/stop", map[string]any{})
}

// TestOnlyTheFramesThatAreShownAreDissected counts what dissecting allocates: it must
// not grow with what is not shown.
func TestOnlyTheFramesThatAreShownAreDissected(t *testing.T) {
	s := start(t)
	cost := func(frames int) float64 {
		body := `{"hex":"` + strings.Repeat("8100", frames) + `","from":"server"}`
		return testing.AllocsPerRun(3, func() {
			r, err := http.NewRequest("POST", "/api/dissect", strings.NewReader(body))
			s.ok(err)
			w := &discarded{header: http.Header{}}
			answer(s.dissect)(w, r)
			if w.status != 200 {
				t.Errorf("%d frames are answered with %d", frames, w.status)
			}
		})
	}
	few, lots := cost(maxDissected), cost(200_000)
	if lots > 1.5*few {
		t.Errorf("%d frames cost %.0f allocations, and 200,000 cost %.0f", maxDissected, few, lots)
	}
	// A frame that goes over several pieces is one all the same.
	answer := s.post("/api/dissect", map[string]string{"hex": "827e1388" + strings.Repeat("ab", 5000) + "8100", "from": "server"})
	if n := len(answer["frames"].([]any)); n != 2 || answer["rest"] != 0.0 || answer["more"] != false {
		t.Errorf("two frames are told as %d, with a rest of %v", n, answer["rest"])
	}
}

// discarded is an answer of which the status is kept.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) Write(p []byte) (int, error) { return len(p), nil }
func (d *discarded) WriteHeader(status int)      { d.status = status }

// TestARefusalClipsWhatItQuotes sends long text in every place that a refusal may quote.
func TestARefusalClipsWhatItQuotes(t *testing.T) {
	s := start(t)
	sess := s.session()
	at := "/api/sessions/" + sess.ID
	long := strings.Repeat("x", 100_000)
	quoted := `"` + long + `"`
	for path, body := range map[string]string{
		at + "/valve":                            `{"do":` + quoted + `}`,
		at + "/server":                           `{"do":` + quoted + `}`,
		at + "/server#client":                    `{"do":"ping","client":` + quoted + `}`,
		at + "/server#hex":                       `{"do":"ping","hex":` + quoted + `}`,
		at + "/raw":                              `{"do":` + quoted + `,"client":"c"}`,
		at + "/raw#client":                       `{"do":"close","client":` + quoted + `}`,
		at + "/raw#open":                         `{"do":"open","client":` + quoted + `}`,
		at + "/raw#endpoint":                     `{"do":"open","client":"c","endpoint":` + quoted + `}`,
		at + "/plays":                            `{"scenario":` + quoted + `,"endpoint":"reference","as":"raw"}`,
		at + "/plays#endpoint":                   `{"scenario":"01-handshake","endpoint":` + quoted + `,"as":"raw"}`,
		at + "/plays#text":                       `{"text":` + quoted + `,"endpoint":"reference","as":"raw"}`,
		at + "/plays#name":                       `{"scenario":` + quoted + `,"text":"x","endpoint":"reference","as":"raw"}`,
		at + "/plays#as":                         `{"text":"send text a","endpoint":"reference","as":` + quoted + `}`,
		at + "/plays/1":                          `{"do":` + quoted + `}`,
		at + "/plays/1/done":                     `{"step":0,"error":` + quoted + `,"more":1}`,
		at + "/scenario":                         `{"scenario":` + quoted + `,"endpoint":"reference","client":"c"}`,
		at + "/script":                           `[{` + quoted + `:1}]`,
		"/api/dissect":                           `{"hex":` + quoted + `}`,
		"/api/dissect#from":                      `{"from":` + quoted + `}`,
		"/api/judge":                             `{"cases":[` + quoted + `]}`,
		"/api/judge#short":                       `{"cases":["` + long[:maxPattern] + `"]}`,
		"/api/judge#endpoints":                   `{"endpoints":[` + quoted + `]}`,
		"/api/judge?server=" + long[:5000]:       `{}`,
		"/api/judge/case":                        `{"case":` + quoted + `}`,
		"/api/judge/client":                      `{"cases":[` + quoted + `]}`,
		"/api/judge/server":                      `{"address":` + quoted + `}`,
		"/api/judge/server#host":                 `{"address":"ws://` + long[:900] + `/"}`,
		"/api/judge/server#scheme":               `{"address":"` + long[:900] + `://x/"}`,
		"/api/judge/server#target":               `{"address":"ws://localhost/?a ` + long[:900] + `"}`,
		"/api/judge/reach?server=" + long[:5000]: `{}`,
		"/api/judge/header":                      `{"header":` + quoted + `,"endpoint":"reference","role":"server"}`,
		"/api/judge/header#endpoint":             `{"header":"8100","endpoint":` + quoted + `,"role":"server"}`,
		"/api/judge/header#role":                 `{"header":"8100","endpoint":"reference","role":` + quoted + `}`,
		"/api/judge/header#context":              `{"header":"8100","endpoint":"reference","role":"server","context":` + quoted + `}`,
		"/api/judge/" + long[:5000] + "/stop":    `{}`,
		"/api/sessions/" + long[:5000] + "/raw":  `{}`,
		"/api/" + long[:5000]:                    `{}`,
	} {
		if response, answer := s.do("POST", path, body, nil); response.StatusCode < 400 || response.StatusCode >= 500 || len(answer) > 1500 {
			t.Errorf("%.80s is answered with %d and %d bytes: %.200s", path, response.StatusCode, len(answer), answer)
		}
	}
	for _, path := range []string{
		at + "/events/" + long[:5000], at + "/events?after=" + long[:5000], at + "/log.txt?until=" + long[:5000], "/api/source?site=" + long[:5000],
		"/api/headermap?endpoint=" + long[:5000], "/api/headermap?endpoint=reference&role=" + long[:5000], "/api/judge/" + long[:5000] + "/events",
		"/ws/" + long[:5000], "/ws/reference?session=" + long[:5000], "/ws/reference?client=" + long[:5000], "/ws/judge/" + long[:5000],
	} {
		if response, answer := s.get(path); response.StatusCode < 400 || response.StatusCode >= 500 || len(answer) > 1500 {
			t.Errorf("%.80s is answered with %d and %d bytes: %.200s", path, response.StatusCode, len(answer), answer)
		}
	}
}

// TestConnectionsThatAreDroppedLeaveNoGoroutine opens and drops connections, a hundred at
// once. A test of package labserver measures their descriptors and memory.
func TestConnectionsThatAreDroppedLeaveNoGoroutine(t *testing.T) {
	s := start(t)
	s.websocket("/ws/reference").Close()
	before := runtime.NumGoroutine()
	for range 10 {
		var peers []*peer
		for range 100 {
			p := s.websocket("/ws/reference")
			p.echoes("Hello")
			peers = append(peers, p)
		}
		for _, p := range peers {
			p.Close()
		}
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}
