package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"wslab/compare/recording"
	"wslab/reference/dissect"
)

// refusal reads the JSON of an error.
func refusal(t *testing.T, what, body string) failure {
	t.Helper()
	var f failure
	if err := json.Unmarshal([]byte(body), &f); err != nil || f.What == "" || f.Fix == "" {
		t.Errorf("%s: an error must say what is wrong and what helps; this one says %q", what, body)
	}
	return f
}

func TestBadRequestsAreAnsweredWithWhatIsWrong(t *testing.T) {
	s := start(t)
	id := s.session().ID
	s.websocket("/ws/reference?client=c&session=" + id)
	at := func(path string) string { return strings.Replace(path, "ID", "/api/sessions/"+id, 1) }
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"no JSON", "POST", "ID/valve", "step", 400, "invalid character"},
		{"no body", "POST", "ID/valve", "", 400, "EOF"},
		{"half JSON", "POST", "ID/valve", `{"do":"st`, 400, "EOF"},
		{"wrong type", "POST", "ID/valve", `{"do":1}`, 400, "do"},
		{"a list for an object", "POST", "ID/valve", `[]`, 400, "array"},
		{"an unknown field", "POST", "ID/valve", `{"do":"step","whom":"me"}`, 400, "whom"},
		{"more after it", "POST", "ID/valve", `{"do":"step"}{}`, 400, "more text"},
		{"an unknown valve command", "POST", "ID/valve", `{"do":"open"}`, 409, "open"},
		{"a code out of range", "POST", "ID/server", `{"client":"c","do":"close","code":70000}`, 409, "close code"},
		{"an unknown order", "POST", "ID/server", `{"client":"c","do":"dance"}`, 409, "dance"},
		{"an unknown client", "POST", "ID/server", `{"client":"d","do":"text"}`, 409, `"d"`},
		{"bad hex for a server", "POST", "ID/server", `{"client":"c","do":"binary","hex":"0x"}`, 200, ""},
		{"an unknown raw endpoint", "POST", "ID/raw", `{"client":"r","do":"open","endpoint":"native"}`, 409, "native"},
		{"an unknown raw command", "POST", "ID/raw", `{"client":"r","do":"dance"}`, 409, "dance"},
		{"an unknown raw client", "POST", "ID/raw", `{"client":"r","do":"bytes","hex":"00"}`, 409, `"r"`},
		{"fields that are not pairs", "POST", "ID/raw", `{"client":"r","do":"open","endpoint":"gorilla","fields":{"a":"b"}}`, 400, "fields"},
		{"a field without a name", "POST", "ID/raw", `{"client":"r","do":"open","endpoint":"gorilla","fields":[[null,"b"]]}`, 409, "name"},
		{"an unknown scenario", "POST", "ID/scenario", `{"scenario":"none","endpoint":"gorilla","client":"s"}`, 404, "none"},
		{"a scenario at an unknown endpoint", "POST", "ID/scenario", `{"scenario":"unmasked","endpoint":"native","client":"s"}`, 409, "native"},
		{"a scenario without a client", "POST", "ID/scenario", `{"scenario":"unmasked","endpoint":"gorilla"}`, 409, "name"},
		{"too many reports", "POST", "ID/script", "[" + strings.Repeat("{},", 5000) + "{}]", 409, "5001"},
		{"a report of an unknown field", "POST", "ID/script", `[{"what":"send","why":"so"}]`, 400, "why"},
		{"an unknown event", "GET", "ID/events/99999", "", 404, "99999"},
		{"event 0", "GET", "ID/events/0", "", 404, "0"},
		{"no number of an event", "GET", "ID/events/last", "", 404, "last"},
		{"a stream after nonsense", "GET", "ID/events?after=now", "", 400, "now"},
		{"a log until nonsense", "GET", "ID/log.txt?until=now", "", 400, "now"},
		{"an unknown session", "POST", "/api/sessions/none/valve", `{"do":"step"}`, 404, "none"},
		{"an unknown session's stream", "GET", "/api/sessions/none/events", "", 404, "none"},
		{"an unknown session's log", "GET", "/api/sessions/none/log.txt", "", 404, "none"},
		{"an unknown request", "GET", "/api/nothing", "", 404, "/api/nothing"},
		{"another method", "PUT", "ID/valve", "{}", 404, "PUT"},
		{"an unknown site", "GET", "/api/source?site=wire.Nothing", "", 404, "wire.Nothing"},
		{"no site", "GET", "/api/source", "", 404, "site"},
		{"stack without on", "POST", "ID/valve", `{"do":"stack"}`, 400, "on"},
		{"sip without bytes", "POST", "ID/valve", `{"do":"sip"}`, 400, "bytes"},
		{"sip with less than nothing", "POST", "ID/valve", `{"do":"sip","bytes":-1}`, 409, "-1"},
		{"sip with too much", "POST", "ID/valve", `{"do":"sip","bytes":65537}`, 409, "65537"},
		{"sip with no number", "POST", "ID/valve", `{"do":"sip","bytes":"1"}`, 400, "bytes"},
		{"hold with bytes", "POST", "ID/valve", `{"do":"hold","bytes":1}`, 400, "hold"},
		{"sip with on", "POST", "ID/valve", `{"do":"sip","bytes":1,"on":true}`, 400, "sip"},
		{"a client without a message", "POST", "ID/client", `{"client":"gorilla"}`, 400, "repeat"},
		{"a client with two messages", "POST", "ID/client", `{"client":"gorilla","hex":"8100","repeat":1}`, 400, "repeat"},
		{"a client with too much", "POST", "ID/client", `{"client":"gorilla","repeat":1048577}`, 400, "repeat"},
		{"a client with no hex", "POST", "ID/client", `{"client":"gorilla","hex":"8"}`, 400, "hex"},
		{"an unknown client", "POST", "ID/client", `{"client":"naive","repeat":1}`, 409, "naive"},
		{"a line without a number", "GET", "/api/source/line?package=net&func=Dial&file=dial.go&line=x", "", 400, "x"},
		{"a line without a package", "GET", "/api/source/line?func=Dial&file=dial.go&line=1", "", 404, "dial.go"},
		{"an unknown sender", "POST", "/api/dissect", `{"hex":"8100","from":"me"}`, 400, "me"},
		{"no bytes", "POST", "/api/dissect", `{"hex":" "}`, 400, "bytes"},
		{"a field that dissect does not know", "POST", "/api/dissect", `{"hex":"8100","to":"me"}`, 400, "to"},
	} {
		response, body := s.do(c.method, at(c.path), c.body, nil)
		if response.StatusCode != c.status {
			t.Errorf("%s: the answer is %d %s; want %d", c.name, response.StatusCode, body, c.status)
			continue
		}
		if c.status == 200 {
			continue
		}
		if f := refusal(t, c.name, body); !strings.Contains(f.What, c.says) {
			t.Errorf("%s: the answer %q does not name %q", c.name, f.What, c.says)
		}
		if got := response.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: the answer is %s", c.name, got)
		}
	}
}

func TestWrongHexIsAnsweredWithWhereItIsWrong(t *testing.T) {
	s := start(t)
	sess := s.session()
	p := s.websocket("/ws/reference?client=c&session=" + sess.ID)
	defer p.Close()
	for hex, at := range map[string]int{
		"81 05 4g": 7, "8": 0, "81 0": 3, "ü": 0, "81 05 48 65 6c 6c 6f zz": 21, "8 1": 0, "0x81 0x5": 7, "81\n05\tx": 6, "81-05": 2,
	} {
		for path, body := range map[string]any{
			"/api/dissect":                         map[string]string{"hex": hex},
			"/api/sessions/" + sess.ID + "/server": map[string]string{"client": "c", "do": "binary", "hex": hex},
			"/api/sessions/" + sess.ID + "/raw":    map[string]string{"client": "r", "do": "bytes", "hex": hex},
		} {
			b, _ := json.Marshal(body)
			response, answer := s.do("POST", path, string(b), nil)
			f := refusal(t, hex, answer)
			if response.StatusCode != 400 || f.At == nil || *f.At != at {
				t.Errorf("%s: %q is answered with %d %s; want at %d", path, hex, response.StatusCode, answer, at)
			}
		}
	}
}

func TestABodyThatIsTooLongIsRefusedUnread(t *testing.T) {
	s := start(t)
	id := s.session().ID
	s.unharmed(func() {
		for _, path := range []string{"valve", "server", "raw", "scenario", "script"} {
			p := s.dial()
			p.say(fmt.Sprintf("POST /api/sessions/%s/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", id, path, s.address, 64<<20))
			go p.Write([]byte(`{"do":"` + strings.Repeat("x", 2*maxBody))) // the server closes in the middle of it
			response, body := p.response()
			if response.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: the answer is %d %s", path, response.StatusCode, body)
				continue
			}
			refusal(t, path, body)
			p.ended()
			p.Close()
		}
	})
}

func TestHexIsDissectedIntoFramesAndFieldsThatTileThem(t *testing.T) {
	s := start(t)
	answer := s.post("/api/dissect", map[string]string{"hex": "81 85 37 fa 21 3d 7f 9f 4d 51 58, 0x88 80 00 00 00 00 89"})
	frames := answer["frames"].([]any)
	if len(frames) != 3 || answer["rest"] != 0.0 {
		t.Fatalf("there are %d frames and a rest of %v", len(frames), answer["rest"])
	}
	first := frames[0].(map[string]any)
	if text := first["frame"].(map[string]any)["text"]; text != "Hello" {
		t.Errorf("the text is %v", text)
	}
	bit := 0.0
	for _, f := range first["fields"].([]any) {
		field := f.(map[string]any)
		if field["bit"] != bit {
			t.Errorf("%v begins at bit %v, not %v", field["name"], field["bit"], bit)
		}
		bit += field["bits"].(float64)
	}
	if bit != 8*11 {
		t.Errorf("the fields end at bit %v", bit)
	}
	// More frames than one answer may have: what is left is counted.
	answer = s.post("/api/dissect", map[string]string{"hex": strings.Repeat("8100", maxDissected+3), "from": "server"})
	if n := len(answer["frames"].([]any)); n != maxDissected || answer["rest"] != 6.0 {
		t.Errorf("of too many frames, %d are shown, and %v bytes are left", n, answer["rest"])
	}
}

func TestThePageLearnsAllOfASessionByTheAPI(t *testing.T) {
	s := start(t)
	sess := s.session()
	base := "/api/sessions/" + sess.ID
	s.post(base+"/valve", map[string]string{"do": "hold"})
	s.post(base+"/raw", map[string]any{"client": "raw-1", "do": "open", "endpoint": "gorilla"})
	answer := s.await(sess, "the answer waits", held("waiting")).Body.(*recording.Held).Of
	if got := s.post(base+"/valve", map[string]any{"do": "step", "clients": []string{"raw-1"}}); fmt.Sprint(got) != fmt.Sprintf("map[released:[%d]]", answer) {
		t.Errorf("step answers %v", got)
	}
	if got := s.post(base+"/valve", map[string]any{"do": "step"}); fmt.Sprint(got) != "map[released:[]]" {
		t.Errorf("a step with nothing held answers %v", got)
	}
	if got := s.post(base+"/valve", map[string]any{"do": "drop"}); fmt.Sprint(got) != "map[dropped:[]]" {
		t.Errorf("a drop with nothing held answers %v", got)
	}
	s.post(base+"/valve", map[string]any{"do": "run"})
	var taken struct{ After uint64 }
	s.until("the server can be ordered to send", func() bool {
		response, body := s.do("POST", base+"/server", `{"client":"raw-1","do":"text","text":"ordered"}`, nil)
		return response.StatusCode == 200 && json.Unmarshal([]byte(body), &taken) == nil
	})
	s.post(base+"/script", []map[string]any{{"client": "raw-1", "at": 1, "what": "onclose", "code": 1006, "wasClean": false}})
	s.post(base+"/scenario", map[string]string{"scenario": "no-key", "endpoint": "reference", "client": "s-1"})
	s.await(sess, "the scenario is refused", func(e recording.Event) bool {
		h, ok := e.Body.(*dissect.Handshake)
		return ok && h.Head.Status == 400
	})
	ordered := s.await(sess, "the server sends", func(e recording.Event) bool {
		f, ok := e.Body.(*dissect.Frame)
		return ok && e.From == "server" && string(f.Payload()) == "ordered"
	})
	if taken.After < answer || ordered.Seq <= taken.After {
		t.Errorf("the order was taken after event %d, and its frame is event %d", taken.After, ordered.Seq)
	}
	_, body := s.get(fmt.Sprintf("%s/events/%d", base, ordered.Seq))
	var detail struct {
		Event  event
		Fields []dissect.Field
	}
	s.ok(json.Unmarshal([]byte(body), &detail))
	if detail.Event.Seq != ordered.Seq || detail.Event.Frame.Text != "ordered" || len(detail.Fields) < 8 {
		t.Errorf("the detail is %s", body)
	}
	site := detail.Fields[0].Site
	if _, body := s.get("/api/source?site=" + strings.ReplaceAll(site, "#", "%23")); !strings.Contains(body, `"lines":[[`) {
		t.Errorf("the source of %s is %.200s", site, body)
	}
	response, log := s.get(base + "/log.txt")
	if got := response.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" || !strings.Contains(log, `TEXT FIN, 7 bytes "ordered"`) {
		t.Errorf("the log is %s: %s", got, log)
	}
	if _, part := s.get(base + "/log.txt?until=3"); !strings.HasPrefix(log, part) || strings.Contains(part, "#4 ") || !strings.Contains(part, "#3 ") {
		t.Errorf("the log until event 3 is %q", part)
	}
	if _, all := s.get(base + "/log.txt?until=18446744073709551615"); len(all) < len(log) {
		t.Errorf("the log until far after its end has %d bytes, all of it %d", len(all), len(log))
	}
}

func TestAStreamIsTakenUpWhereItWasCut(t *testing.T) {
	s := start(t)
	sess := s.session()
	p := s.websocket("/ws/gorilla?client=c&session=" + sess.ID)
	defer p.Close()
	last, seen := "", uint64(0)
	for cut := range 5 {
		st := s.follow(sess.ID, func(r *http.Request) {
			if last != "" {
				r.Header.Set("Last-Event-ID", last)
			}
		})
		for message := range cut + 1 {
			p.echoes(fmt.Sprint(cut, " ", message))
			events, ok := st.next()
			if !ok {
				t.Fatal("the stream has ended")
			}
			for _, e := range events {
				if e.Seq != seen+1 {
					t.Fatalf("event %d came after %d", e.Seq, seen)
				}
				seen = e.Seq
			}
		}
		last = st.id
		st.body.Close()
	}
	st := s.follow(sess.ID, func(r *http.Request) { r.URL.RawQuery = "after=" + last })
	defer st.body.Close()
	p.echoes("at last")
	if events, ok := st.next(); !ok || events[0].Seq != seen+1 {
		t.Errorf("after=%s goes on with %+v", last, events)
	}
}

func TestAtTheEndAStreamTellsOfTheCloseFrames(t *testing.T) {
	s := start(t)
	sess := s.session()
	p := s.websocket("/ws/reference?client=c&session=" + sess.ID)
	st := s.follow(sess.ID, nil)
	defer st.body.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.sessions.Close(s.ctx)
	}()
	if h, _, err := p.read(); err != nil || h.Opcode != 8 {
		t.Fatalf("the server sends %v, %v", h.Opcode, err)
	}
	p.say(frame(0x88, "\x03\xe9"))
	p.ended()
	<-ended
	last := event{}
	for {
		events, ok := st.next()
		if !ok {
			break
		}
		last = events[len(events)-1]
	}
	if last.Seq != sess.Rec.Last() || sess.Rec.Last() == 0 {
		t.Errorf("the stream ends with event %d of %d: %+v", last.Seq, sess.Rec.Last(), last)
	}
	s.await(sess, "TCP is closed", tcp("closed"))
}

func TestALabServerThatOthersReachListsOnlyTheOwnConnections(t *testing.T) {
	s := start(t) // with -host
	sess := s.session()
	own := s.websocket("/ws/reference?session=" + sess.ID)
	defer own.Close()
	other := s.websocket("/ws/reference")
	defer other.Close()
	_, all := s.get("/api/connections")
	if strings.Contains(all, sess.ID) || strings.Contains(all, s.outside().ID) {
		t.Errorf("without an ID the list is %s", all)
	}
	_, list := s.get("/api/connections?session=" + sess.ID)
	if !strings.Contains(list, sess.ID) || strings.Contains(list, s.outside().ID) {
		t.Errorf("with the ID of a session the list is %s", list)
	}
}
