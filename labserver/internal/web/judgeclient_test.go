package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wslab/compare/recording"
	"wslab/compare/suite"
	"wslab/reference"
	"wslab/reference/wire"
)

// echoAt plays a client that echoes on the socket called number, until it is over.
func (s *site) echoAt(url any, number int) {
	conn, err := reference.Dial(s.ctx, fmt.Sprintf("ws://%s%s/%d", s.address, url, number), nil)
	if err != nil {
		return // the stream tells
	}
	defer conn.CloseNow()
	for {
		op, p, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(op, p) != nil {
			return
		}
	}
}

func TestASocketIsForTheCaseWhoseNumberItHas(t *testing.T) {
	s := start(t)
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{"5.5.2/empty-ping-client", "5.6/text-binary-text-client", "5.6/empty-text-and-binary-client"}})
	// A browser may open its sockets in any order, and several at once.
	for _, number := range []int{3, 3, 1, 2} { // it may also open one again
		s.echoAt(answer["url"], number)
	}
	lines := s.told(answer["judge"].(string), "")
	var got []string
	for _, l := range lines[:len(lines)-1] {
		got = append(got, l.Case+" "+l.Verdict)
	}
	slices.Sort(got) // the order is chance
	if want := "5.5.2/empty-ping-client pass, 5.6/empty-text-and-binary-client pass, 5.6/text-binary-text-client pass"; strings.Join(got, ", ") != want {
		t.Errorf("the reports are %v, want %s", got, want)
	}
}

func TestACaseThatRanOutOfTimeIsPlayedOnceMoreAlone(t *testing.T) {
	s := start(t)
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{"5.6/text-binary-text-client", "5.6/empty-text-and-binary-client"}})
	silent := s.websocket(answer["url"].(string) + "/1") // something else keeps it busy
	s.echoAt(answer["url"], 2)
	silent.ended()
	s.until("it is asked for once more", func() bool {
		lines, _, _ := s.judgings.get(answer["judge"].(string)).after(0)
		return len(lines) == 2
	})
	s.echoAt(answer["url"], 1)
	lines := s.told(answer["judge"].(string), "")
	if len(lines) != 4 || lines[1].Repeat == "" {
		t.Fatalf("%+v", lines)
	}
	if lines[0].Case != "5.6/empty-text-and-binary-client" || lines[1].Repeat != "[1]" || lines[2].Case != "5.6/text-binary-text-client" || lines[2].Verdict != "pass" {
		t.Errorf("%+v", lines)
	}
}

func TestACaseThatRunsOutOfTimeTwiceIsTold(t *testing.T) {
	s := start(t)
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{"5.6/text-binary-text-client", "5.6/empty-text-and-binary-client"}})
	first := s.websocket(answer["url"].(string) + "/1")
	s.echoAt(answer["url"], 2)
	first.ended()
	s.until("it is asked for once more", func() bool {
		lines, _, _ := s.judgings.get(answer["judge"].(string)).after(0)
		return len(lines) == 2
	})
	second := s.websocket(answer["url"].(string) + "/1")
	second.ended()
	lines := s.told(answer["judge"].(string), "")
	if len(lines) != 4 || lines[2].Case != "5.6/text-binary-text-client" || lines[2].Verdict == "pass" {
		t.Errorf("%+v", lines)
	}
}

func TestACaseThatRanOutOfTimeIsToldThoughTheRunIsStoppedBeforeItIsPlayedOnceMore(t *testing.T) {
	s := start(t)
	// The page cannot see when the case is over, so a stop may come before that. Then
	// there is no report, and the test waits longer.
	for wait := time.Millisecond; ; wait *= 2 {
		answer := s.post("/api/judge/client", map[string]any{"cases": []string{"5.6/text-binary-text-client", "5.6/empty-text-and-binary-client"}})
		id := answer["judge"].(string)
		s.websocket(answer["url"].(string) + "/1").ended()
		time.Sleep(wait)
		s.post("/api/judge/"+id+"/stop", map[string]any{})
		lines := s.told(id, "")
		if len(lines) == 1 && wait < 10*time.Second {
			continue
		}
		if len(lines) != 2 || lines[0].Case != "5.6/text-binary-text-client" || lines[0].Verdict == "pass" || !strings.Contains(lines[1].Error, "stopped") {
			t.Errorf("%+v", lines)
		}
		return
	}
}

func TestWhatJavaScriptWasToldIsInTheReportAndTheRecording(t *testing.T) {
	s := start(t)
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{"5.6/text-binary-text-client"}, "record": true, "tells": true})
	s.echoAt(answer["url"], 1)
	id := answer["judge"].(string)
	events := []map[string]any{{"what": "onopen"}, {"what": "onmessage", "size": 5}, {"what": "onerror"}, {"what": "onclose", "code": 1006, "wasClean": false}}
	s.post("/api/judge/"+id+"/script", map[string]any{"number": 1, "events": events})
	s.told(id, "")
	lines, _, _ := s.judgings.get(id).after(0)
	var report struct{ Script []recording.Script }
	s.ok(json.Unmarshal(lines[0], &report))
	if n := len(report.Script); n != 4 || *report.Script[3].Code != 1006 || *report.Script[3].WasClean {
		t.Errorf("the report has %s", lines[0])
	}
	var end struct{ Text, Crossed string }
	s.ok(json.Unmarshal(lines[len(lines)-1], &end))
	for _, want := range []string{"judge to client: TEXT", "client to judge: TEXT", "to JavaScript: onmessage, 5 bytes", "to JavaScript: onclose with code 1006, wasClean false"} {
		if !strings.Contains(end.Text, want) || !strings.Contains(end.Crossed, want) {
			t.Errorf("%q is not in\n%s", want, end.Text)
		}
	}
	sess, _ := s.sessions.Get(answer["session"].(string))
	recorded := 0
	all, _ := sess.Rec.After(0, 1000)
	for _, e := range all {
		if _, ok := e.Body.(*recording.Script); ok && e.Conn == 1 && e.From == "client" {
			recorded++
		}
	}
	if recorded != 4 {
		t.Errorf("the recording has %d events of JavaScript", recorded)
	}

	for what, body := range map[string]string{
		"an event that there is not": `{"number":1,"events":[{"what":"onfire"}]}`,
		"no socket":                  `{"number":0,"events":[]}`,
		"a long reason":              `{"number":1,"events":[{"what":"onclose","reason":"` + strings.Repeat("x", 1000) + `"}]}`,
		"too many":                   `{"number":1,"events":[` + strings.Repeat(`{"what":"onopen"},`, 100) + `{"what":"onopen"}]}`,
	} {
		if response, _ := s.do("POST", "/api/judge/"+id+"/script", body, nil); response.StatusCode != 400 {
			t.Errorf("%s is answered with %d", what, response.StatusCode)
		}
	}
}

func TestARedirectLeadsToAnEndpointOfTheRunAtWhichABrowserMustNotBeSeen(t *testing.T) {
	s := start(t)
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{"browser/redirect-301", "browser/redirect-302"}})
	var after sync.WaitGroup
	after.Go(func() { // one that follows
		p := s.dial()
		p.say(s.request(answer["url"].(string) + "/1"))
		response, _ := p.response()
		p.Close()
		to := response.Header.Get("Location")
		if response.StatusCode != 301 || !strings.HasPrefix(to, answer["url"].(string)+"/1/") {
			t.Errorf("it is answered with %s and Location %q", response.Status, to)
		}
		if h, _, err := s.websocket(to).read(); err != nil || h.Opcode != wire.Close {
			t.Errorf("the address in Location sends %v, %v", h, err)
		}
	})
	after.Go(func() { // one that does not
		p := s.dial()
		p.say(s.request(answer["url"].(string) + "/2"))
		p.response()
		p.Close()
	})
	after.Wait()
	lines := s.told(answer["judge"].(string), "")
	for _, l := range lines[:len(lines)-1] {
		if want := map[string]string{"browser/redirect-301": "fail", "browser/redirect-302": "pass"}[l.Case]; l.Verdict != want {
			t.Errorf("%+v", l)
		}
	}
	if response, _ := s.get(answer["url"].(string) + "/1/redirected"); response.StatusCode != 404 {
		t.Errorf("when the case is over the address is answered with %d", response.StatusCode)
	}
}

func TestTheAnswerThatFreezesABrowserIsSentOnlyWhereTheReaderAsksForIt(t *testing.T) {
	s := start(t)
	for _, risky := range []bool{false, true} {
		answer := s.post("/api/judge/client", map[string]any{"cases": []string{"7692-7.1/fail-client-max-window-bits-08"}, "risky": risky})
		p := s.dial()
		request := strings.TrimSuffix(s.request(answer["url"].(string)+"/1"), "\r\n") + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
		p.say(request)
		response, _ := p.response()
		p.Close()
		if sent := strings.Contains(response.Header.Get("Sec-WebSocket-Extensions"), "client_max_window_bits"); sent != risky {
			t.Errorf("risky %t: the answer has %q", risky, response.Header.Get("Sec-WebSocket-Extensions"))
		}
		lines := s.told(answer["judge"].(string), "")
		if withheld := lines[0].Reason == suite.Withheld; withheld == risky {
			t.Errorf("risky %t: %+v", risky, lines[0])
		}
	}
}

func TestAClientIsJudgedOnTheSocketOfItsRun(t *testing.T) {
	s := start(t)
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{"5.1", "5.5.2"}})
	n := len(answer["cases"].([]any))
	go func() {
		for i := range n {
			conn, err := reference.Dial(s.ctx, fmt.Sprintf("ws://%s%s/%d", s.address, answer["url"], i+1), nil)
			if err != nil {
				continue // the run may be over, and the stream tells
			}
			for {
				op, p, err := conn.ReadMessage()
				if err != nil || conn.WriteMessage(op, p) != nil {
					break
				}
			}
			conn.CloseNow()
		}
	}()
	lines := s.told(answer["judge"].(string), "")
	if len(lines) != n+1 {
		t.Fatalf("%d lines for %d cases: %+v", len(lines), n, lines[len(lines)-1])
	}
	for _, l := range lines[:n] {
		if l.Verdict != "pass" || l.Endpoint != "this browser" {
			t.Errorf("%+v", l)
		}
	}
	// The run is over, and the socket with it.
	p := s.dial()
	p.say(s.request(answer["url"].(string)))
	if response, _ := p.response(); response.StatusCode != 404 {
		t.Errorf("after the run the socket is answered with %d", response.StatusCode)
	}
}

func TestTheKeysOfABrowserAreHeldAgainstEachOther(t *testing.T) {
	s := start(t)
	i := slices.IndexFunc(suite.All(), func(c *suite.Case) bool { return c.Title == "A different key for each connection" })
	id := suite.All()[i].ID
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{"4.1/method-and-version", id}})
	for range 2 {
		p := s.websocket(answer["url"].(string)) // always with the key of the RFC's example
		s.ok(p.Conn.(*net.TCPConn).CloseWrite())
		p.ended() // now the judge knows the key
	}
	judge := answer["judge"].(string)
	s.until("the second case is reported", func() bool {
		lines, _, _ := s.judgings.get(judge).after(0)
		return len(lines) > 0
	})
	s.post("/api/judge/"+judge+"/stop", map[string]any{}) // the first would run again
	lines := s.told(judge, "")
	if !slices.ContainsFunc(lines, func(l line) bool {
		return l.Case == id && strings.Contains(l.Reason, "in a connection before")
	}) {
		t.Errorf("%+v", lines)
	}
}

func TestWhatKeepsABrowserBusyIsPlayedAlone(t *testing.T) {
	s := start(t)
	clients := suite.ForRole(suite.All(), wire.Client)
	i := slices.IndexFunc(clients, func(c *suite.Case) bool { return c.Heavy && c.Deflate == nil })
	j := i + slices.IndexFunc(clients[i:], func(c *suite.Case) bool { return !c.Heavy })
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{clients[i].ID, clients[j].ID}})
	heavy, light := s.websocket(answer["url"].(string)), s.dial()
	light.say(s.request(answer["url"].(string)))
	s.ok(light.SetReadDeadline(time.Now().Add(200 * time.Millisecond)))
	if b, err := light.r.Peek(1); err == nil {
		t.Errorf("beside %s another case begins with %q", clients[i].ID, b)
	}
	s.ok(light.SetReadDeadline(time.Now().Add(patience)))
	heavy.Close()
	if response, _ := light.response(); response.StatusCode != 101 {
		t.Errorf("after it the next is answered with %d", response.StatusCode)
	}
	light.Close()
	s.told(answer["judge"].(string), "")
}

func TestOneCaseOfAClientIsRecorded(t *testing.T) {
	s := start(t)
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{"5.1/wrong-mask-in-text-client"}, "record": true})
	p := s.websocket(answer["url"].(string))
	defer p.Close()
	p.ended()
	s.told(answer["judge"].(string), "")
	sess, ok := s.sessions.Get(answer["session"].(string))
	if !ok || len(sess.Rec.Connections()) != 1 || !strings.Contains(heard(sess), "/ws/judge/") {
		t.Error("the connection was not recorded from its first byte")
	}
}

func TestASocketOfNoRunIsRefused(t *testing.T) {
	s := start(t)
	id := s.post("/api/judge", map[string]any{"endpoints": []string{"reference"}, "cases": []string{"5.1/wrong-mask-in-text"}})["judge"].(string)
	for _, path := range []string{"/ws/judge/none", "/ws/judge/" + id} {
		p := s.dial()
		p.say(s.request(path))
		if response, _ := p.response(); response.StatusCode != 404 {
			t.Errorf("%s is answered with %d", path, response.StatusCode)
		}
		p.ended()
	}
	s.told(id, "")
}

func TestConnectionsOfARunThatWaitForTheirTurnAreBounded(t *testing.T) {
	s := start(t)
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{"5.1"}, "tells": true})
	j := s.judgings.get(answer["judge"].(string))
	j.waiting.Store(maxWaiting) // as if so many waited
	p := s.dial()
	defer p.Close()
	p.say(s.request(answer["url"].(string) + "/1"))
	text, _ := io.ReadAll(p.r)
	if got := string(text); !strings.HasPrefix(got, "HTTP/1.1 503 ") || !strings.Contains(got, "limit of 256 waiting connections") {
		t.Errorf("one more is answered with %q", got)
	}
	if n := j.waiting.Load(); n != maxWaiting {
		t.Errorf("the one that was refused counts: %d wait", n)
	}
	j.waiting.Store(0)
	s.post("/api/judge/"+j.ID+"/stop", map[string]any{})
}
