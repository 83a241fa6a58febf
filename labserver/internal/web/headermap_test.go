package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"wslab/compare/recording"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

func TestTheMapOfHeadersIsServed(t *testing.T) {
	s := start(t)
	response, body := s.get("/api/headermap?endpoint=gorilla&role=client")
	var m headerMap
	s.ok(json.Unmarshal([]byte(body), &m))
	if len(m.Contexts) != 2 || len(m.Contexts[0].Outcomes) != 1<<16 || m.Endpoint != "gorilla" || m.Role != "client" {
		t.Fatalf("the map has %d contexts", len(m.Contexts))
	}
	legal, illegal := 0x8105, 0x8185
	word := func(n int) string { return m.Outcomes[m.Contexts[0].Outcomes[n]].Word }
	if word(legal) != "echo" || word(illegal) != "1002" || len(m.Rules[m.Contexts[0].Broken[legal]]) != 0 || m.Rules[m.Contexts[0].Broken[illegal]][0] != wire.RuleMaskForbidden.Code {
		t.Errorf("%04x: %s; %04x: %s", legal, word(legal), illegal, word(illegal))
	}
	tag := response.Header.Get("ETag")
	if again, _ := s.do("GET", "/api/headermap?endpoint=gorilla&role=client", "", func(r *http.Request) { r.Header.Set("If-None-Match", tag) }); again.StatusCode != 304 {
		t.Errorf("with its tag %s it is answered with %d", tag, again.StatusCode)
	}
}

func TestAHeaderIsSentOverTCPAndRecorded(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ endpoint, role, context, header, want string }{
		{"reference", "server", "", "8105", "5.1/mask-missing"},
		{"gorilla", "server", "fragmented", "8185", "5.4/message-interleaved"},
		{"reference", "client", "fresh", "8185", "5.1/mask-forbidden"},
		{"gorilla", "client", "fresh", "f105", "5.2/rsv1"},
	} {
		answer := s.post("/api/judge/header", map[string]any{"header": c.header, "endpoint": c.endpoint, "role": c.role, "context": c.context})
		sess, ok := s.sessions.Get(answer["session"].(string))
		if !ok {
			t.Fatal("the session is not there")
		}
		s.await(sess, "a Close frame of 1002", func(e recording.Event) bool {
			f, ok := e.Body.(*dissect.Frame)
			return ok && f.Header.Opcode == wire.Close && e.From == c.role
		})
		s.await(sess, "the end", tcp("closed"))
		var v []string
		events, _ := sess.Rec.After(0, 1000)
		for _, e := range events {
			if f, ok := e.Body.(*dissect.Frame); ok && e.From != c.role {
				for _, broken := range f.Violations {
					v = append(v, broken.Code)
				}
			}
		}
		if !slices.Contains(v, c.want) {
			t.Errorf("%s sent to %s as %s: the recording has the violations %v", c.header, c.endpoint, c.role, v)
		}
	}
}
