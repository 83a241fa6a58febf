package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"wslab/compare/suite"
	"wslab/reference/wire"
)

// line is what the stream of a run tells.
type line struct {
	Case, Endpoint, Verdict, Closing, Reason, Expected, Got, Bytes, Rule, Error string
	Caret                                                                       int
	Over, Away                                                                  bool
	Mistakes                                                                    mistakes
	Repeat                                                                      numbers
}

// numbers are those of the cases that are asked once more, as text: a line can be
// compared.
type numbers string

func (n *numbers) UnmarshalJSON(b []byte) error {
	*n = numbers(b)
	return nil
}

// mistakes are what a run names at its end, as text: a line can be compared.
type mistakes string

func (m *mistakes) UnmarshalJSON(b []byte) error {
	var list []suite.Diagnosis
	err := json.Unmarshal(b, &list)
	for _, d := range list {
		*m += mistakes(fmt.Sprintf("%s %s %s; ", d.Endpoint, d.Mistake.Code, strings.Join(d.Cases, " ")))
	}
	return err
}

// told follows a run to its end. after is the number of lines to leave out, as
// Last-Event-ID or, where it begins with "?", as the request's query.
func (s *site) told(id, after string) []line {
	s.Helper()
	r, err := http.NewRequestWithContext(s.ctx, "GET", "http://"+s.address+"/api/judge/"+id+"/events", nil)
	s.ok(err)
	if query, ok := strings.CutPrefix(after, "?"); ok {
		r.URL.RawQuery = query
	} else if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	response, err := s.client.Do(r)
	s.ok(err)
	defer response.Body.Close()
	if response.StatusCode != 200 {
		s.Fatalf("the stream is answered with %d", response.StatusCode)
	}
	var lines []line
	text := bufio.NewScanner(response.Body)
	text.Buffer(nil, 1<<20)
	for text.Scan() {
		if data, ok := strings.CutPrefix(text.Text(), "data: "); ok {
			var l line
			s.ok(json.Unmarshal([]byte(data), &l))
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 || !lines[len(lines)-1].Over {
		s.Fatalf("the stream ends with %+v", lines)
	}
	return lines
}

func TestEveryCaseIsListedWithWhatItAsks(t *testing.T) {
	s := start(t)
	_, body := s.get("/api/judge/cases")
	var got struct {
		Cases     []caseInfo
		Endpoints []string
	}
	s.ok(json.Unmarshal([]byte(body), &got))
	if len(got.Cases) != len(suite.All()) || !slices.Equal(got.Endpoints, judged) {
		t.Errorf("%d cases for %v", len(got.Cases), got.Endpoints)
	}
	opening := ""
	defer func() {
		if !strings.Contains(opening, " HTTP/1.1\n") {
			t.Errorf("a handshake of its own is shown as %q", opening)
		}
	}()
	for _, c := range got.Cases {
		if c.ID == "4.2.1/least-request" {
			opening = c.Opening
		}
		if c.ID == "" || c.Title == "" || c.Requirement == "" || c.Section == "" || c.Rules == nil || c.Sends == nil || len(c.Legal) == 0 {
			t.Errorf("something is missing: %+v", c)
		}
	}
}

func TestARunTellsEachReportAndThatItIsOver(t *testing.T) {
	s := start(t)
	answer := s.post("/api/judge", map[string]any{"endpoints": []string{"reference", "naive"}, "cases": []string{"5.1/wrong-mask-in-text", "5.1/wrong-mask-in-binary"}})
	id := answer["judge"].(string)
	if n := len(answer["cases"].([]any)); n != 2 {
		t.Errorf("%d cases are announced", n)
	}
	lines := s.told(id, "")
	if len(lines) != 5 {
		t.Fatalf("%d lines: %+v", len(lines), lines)
	}
	for _, l := range lines[:4] {
		want := "pass"
		switch {
		case l.Endpoint == "naive" && l.Case == "5.1/wrong-mask-in-binary":
			want = "no-answer" // it waits for a masking key
		case l.Endpoint == "naive":
			want = "fail"
		}
		if l.Verdict != want {
			t.Errorf("%s at %s: %+v", l.Case, l.Endpoint, l)
		}
	}
	for _, after := range []string{"3", "?after=3"} {
		if again := s.told(id, after); len(again) != 2 || again[0] != lines[3] {
			t.Errorf("resumed after the third by %q: %+v", after, again)
		}
	}
	if response, _ := s.get("/api/judge/" + id + "/events?after=x"); response.StatusCode != 400 {
		t.Errorf("after=x is answered with %d", response.StatusCode)
	}
	if e := lines[4]; e.Error != "" || e.Away {
		t.Errorf("it ends with %+v", e)
	}
}

func TestARunNamesAtItsEndWhatSeemsToBeWrong(t *testing.T) {
	s := start(t)
	lines := s.told(s.post("/api/judge", map[string]any{"endpoints": []string{"reference", "naive"}, "cases": []string{"5.4"}})["judge"].(string), "")
	for _, l := range lines[:len(lines)-1] {
		if l.Mistakes != "" {
			t.Errorf("before the end: %+v", l)
		}
	}
	got := string(lines[len(lines)-1].Mistakes)
	if !strings.HasPrefix(got, "naive first-fragment-dropped 5.4/two-fragments-one-write 5.4/two-fragments-own-writes ") || strings.Contains(got, "reference") {
		t.Errorf("at the end it names %q", got)
	}
}

func TestARunCanBeStopped(t *testing.T) {
	s := start(t)
	id := s.post("/api/judge", map[string]any{})["judge"].(string)
	s.post("/api/judge/"+id+"/stop", map[string]any{})
	lines := s.told(id, "")
	if e := lines[len(lines)-1]; !strings.Contains(e.Error, "stopped") {
		t.Errorf("it ends with %+v after %d lines", e, len(lines))
	}
}

func TestOneCaseIsRecordedForThePage(t *testing.T) {
	s := start(t)
	answer := s.post("/api/judge/case", map[string]any{"case": "5.1/wrong-mask-in-text", "endpoints": []string{"reference", "gorilla", "naive"}})
	if n := len(answer["reports"].([]any)); n != 3 {
		t.Fatalf("%d reports", n)
	}
	aligned := answer["aligned"].(map[string]any)
	first := aligned["steps"].([]any)[int(aligned["first"].(float64))].(map[string]any)
	if aligned["words"] != "naive breaks a MUST" || first["from"] != "server" || len(first["cells"].([]any)) != 3 {
		t.Errorf("they part by %v, at %v", aligned["words"], first)
	}
	sess, ok := s.sessions.Get(answer["session"].(string))
	if !ok {
		t.Fatal("the session is not there")
	}
	var on []string
	for _, c := range sess.Rec.Connections() {
		on = append(on, c.Info.Endpoint)
	}
	if want := []string{"reference", "gorilla", "naive"}; !slices.Equal(on, want) {
		t.Errorf("recorded are %v", on)
	}
	if v := violated(sess); !slices.Contains(v, wire.RuleMaskMissing.Code) {
		t.Errorf("the recording has the violations %v", v)
	}
}

func TestWhatCannotBeJudgedIsRefusedInWords(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/api/judge", `{"cases":["no such case"]}`, 400},
		{"POST", "/api/judge", `{"cases":[""]}`, 400},
		{"POST", "/api/judge", `{"endpoints":["nobody"]}`, 400},
		{"POST", "/api/judge", `{"endpoints":["broken/wrong-accept"]}`, 400},
		{"POST", "/api/judge", `{"endpoints":["reference","reference"]}`, 400},
		{"POST", "/api/judge", `{"more":1}`, 400},
		{"POST", "/api/judge", `nonsense`, 400},
		{"POST", "/api/judge/case", `{}`, 404},
		{"POST", "/api/judge/case", `{"case":"5.1/wrong-mask-in-text-client"}`, 404},
		{"POST", "/api/judge/client", `{"cases":["5.1/wrong-mask-in-text"]}`, 400},
		{"POST", "/api/judge/client", `{"record":true}`, 400},
		{"GET", "/api/judge/none/events", ``, 404},
		{"POST", "/api/judge/none/stop", `{}`, 404},
		{"POST", "/api/judge/header", `{"header":"81"}`, 400},
		{"POST", "/api/judge/header", `{"header":"zz00"}`, 400},
		{"POST", "/api/judge/header", `{"header":"8100","endpoint":"reference","role":"server","context":"later"}`, 400},
		{"POST", "/api/judge/header", `{"header":"8100","endpoint":"naive","role":"client"}`, 404},
		{"GET", "/api/headermap?endpoint=nobody&role=server", ``, 404},
		{"GET", "/api/headermap", ``, 404},
	} {
		response, body := s.do(c.method, c.path, c.body, nil)
		if response.StatusCode != c.want {
			t.Errorf("%s %s %s is answered with %d %s", c.method, c.path, c.body, response.StatusCode, body)
		}
		refusal(t, c.path+" "+c.body, body)
	}
}

func TestNoMoreThanAFewRunsGoOnAtOnce(t *testing.T) {
	s := start(t)
	var ids []string
	for range maxJudging {
		ids = append(ids, s.post("/api/judge/client", map[string]any{})["judge"].(string)) // waits for a client
	}
	response, body := s.do("POST", "/api/judge/client", "{}", nil)
	if response.StatusCode != 409 {
		t.Errorf("one more is answered with %d %s", response.StatusCode, body)
	}
	for _, id := range ids {
		s.post("/api/judge/"+id+"/stop", map[string]any{})
		s.told(id, "")
	}
	for range maxJudged + 2 {
		id := s.post("/api/judge", map[string]any{"endpoints": []string{"reference"}, "cases": []string{"5.1/wrong-mask-in-text"}})["judge"].(string)
		s.told(id, "")
		ids = append(ids, id)
	}
	if s.judgings.get(ids[0]) != nil || s.judgings.get(ids[len(ids)-1]) == nil || len(s.judgings.list) > maxJudged {
		t.Errorf("%d runs are kept", len(s.judgings.list))
	}
}

func TestARunThatNobodyStopsEndsWithTheServer(t *testing.T) {
	s := start(t)
	s.post("/api/judge/client", map[string]any{}) // waits for a client that never comes
	stuck, err := net.Listen("tcp", "127.0.0.1:0")
	s.ok(err)
	defer stuck.Close()
	go func() {
		for {
			c, err := stuck.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, c); c.Close() }() // accepts, and says nothing
		}
	}()
	s.post("/api/judge?server="+s.serverAt("ws://"+stuck.Addr().String()+"/"), map[string]any{})
	// The clean-up of start waits until nothing of either is left.
}
