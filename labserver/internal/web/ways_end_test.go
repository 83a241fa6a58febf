package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"wslab/compare/recording"
	"wslab/labserver/internal/session"
	"wslab/reference/wire"
)

func TestTheRequestsOfTheWaysAreCheckedInWords(t *testing.T) {
	s := start(t)
	sess := s.session()
	base := "/api/sessions/" + sess.ID
	good := session.WaysOrder{Rate: 20, Count: 1, Poll: 50, Wait: 100}
	made := s.ways(sess, good)
	run := fmt.Sprintf("%s/ways/%v", base, made["run"])
	chat := strings.Repeat("x", 201)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", base + "/ways", `{"rate": 0.1, "count": 20, "poll": 100, "wait": 100}`, 409, "rate"},
		{"POST", base + "/ways", `{"rate": 1, "count": 101, "poll": 100, "wait": 100}`, 409, "count"},
		{"POST", base + "/ways", `{"rate": "fast"}`, 400, "JSON"},
		{"POST", base + "/ways", `{"speed": 1}`, 400, "speed"},
		{"POST", "/api/sessions/none/ways", `{}`, 404, "none"},
		{"POST", base + "/ways/99", `{"do": "start"}`, 409, "99"},
		{"POST", run, `{"do": "dance"}`, 409, "dance"},
		{"GET", base + "/ways/x", "", 409, "x"},
		{"GET", run + "/telepathy", "", 404, "telepathy"},
		{"GET", run + "/socket", "", 404, "socket"},
		{"GET", run + "/poll", "x", 400, "body"},
		{"GET", run + "/events", "x", 400, "body"},
		{"GET", run + "/poll?after=x", "", 400, "number"},
		{"GET", run + "/poll?after=-1", "", 400, "number"},
		{"GET", run + "/events?for=99", "", 400, `for=\"99\"`},
		{"GET", run + "/events?for=20001", "", 400, "20001"},
		{"GET", run + "/events?for=x", "", 400, `for=\"x\"`},
		{"POST", run + "/poll", strings.Repeat("x", maxMessage+1), 413, "longer"},
		{"POST", base + "/chat", `{"messages": []}`, 409, "0 messages"},
		{"POST", base + "/chat", `{"messages": ["` + chat + `"]}`, 409, "201 bytes"},
	} {
		response, body := s.do(c.method, c.path, c.body, nil)
		if response.StatusCode != c.status || !strings.Contains(body, c.says) || !strings.Contains(body, `"fix":"`) {
			t.Errorf("%s %s %.60s is answered with %d %s", c.method, c.path, c.body, response.StatusCode, body)
		}
	}
	for path, want := range map[string]int{
		run + "/poll?after=18446744073709551615": 204, run + "/poll": 204, run + "/long?after=5": 204, run + "/events?for=100": 200,
	} {
		if response, body := s.get(path); response.StatusCode != want {
			t.Errorf("%s is answered with %d %s", path, response.StatusCode, body)
		}
	}
	if response, _ := s.do("POST", run+"/long", strings.Repeat("x", maxMessage), nil); response.StatusCode != 204 {
		t.Errorf("the longest message is answered with %d", response.StatusCode)
	}
}

func TestTheGuardHoldsForTheWays(t *testing.T) {
	s := start(t)
	sess := s.session()
	base := "/api/sessions/" + sess.ID
	made := s.ways(sess, session.WaysOrder{Rate: 20, Count: 1, Poll: 50, Wait: 100})
	before := sess.Rec.Last()
	for _, request := range [][2]string{
		{"GET", made["poll"].(string)}, {"GET", made["long"].(string)}, {"GET", made["events"].(string)}, {"POST", made["poll"].(string)},
		{"GET", made["socket"].(string)}, {"POST", base + "/ways"}, {"POST", base + "/ways/1"}, {"POST", base + "/chat"},
	} {
		for name, change := range map[string]func(*http.Request){
			"a rebound name": func(r *http.Request) { r.Host = "evil.example" },
			"another origin": func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
			"another site":   func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		} {
			if response, body := s.do(request[0], request[1], "{}", change); response.StatusCode != 403 {
				t.Errorf("%s %s from %s is answered with %d %s", request[0], request[1], name, response.StatusCode, body)
			}
		}
	}
	if sess.Rec.Last() != before {
		t.Errorf("a refused request is recorded:\n%s", text(sess))
	}
}

func TestAnEndedSourceAnswersThatNothingFollows(t *testing.T) {
	s := start(t)
	sess := s.session()
	made := s.ways(sess, session.WaysOrder{Rate: 20, Count: 2, Poll: 50, Wait: 25000})
	s.startWays(sess, made)
	s.until("the source is over", func() bool { return s.waysState(sess, made).Over })
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		made["poll"].(string) + "?after=2":   {200, "[]"},
		made["long"].(string) + "?after=2":   {200, "[]"},
		made["events"].(string) + "?after=2": {204, ""},
		made["poll"].(string) + "?after=1":   {200, `[{"n":2,`},
		made["events"].(string) + "?after=1": {200, ": wslab\n\nid: 2\ndata: {\"n\":2,"},
	} {
		response, body := s.get(path)
		if response.StatusCode != want.status || !strings.HasPrefix(body, want.body) || want.body == "" && body != "" {
			t.Errorf("%s is answered with %d %q", path, response.StatusCode, body)
		}
		for name := range response.Header {
			if !slices.Contains([]string{"Cache-Control", "Content-Type", "Content-Length", "Date", "Connection"}, name) {
				t.Errorf("%s is answered with %s", path, name)
			}
		}
	}
	// An EventSource resumes by this field.
	response, body := s.do("GET", made["events"].(string), "", func(r *http.Request) { r.Header.Set("Last-Event-ID", "1") })
	if response.StatusCode != 200 || strings.Contains(body, `"n":1,`) || !strings.Contains(body, `"n":2,`) {
		t.Errorf("a stream that resumes is answered with %d %q", response.StatusCode, body)
	}
}

// TestNothingIsLeftOfWaysThatEndInTheMiddle ends what a page can end at any time: its
// requests, its socket, its session, the source, the lab server.
func TestNothingIsLeftOfWaysThatEndInTheMiddle(t *testing.T) {
	for _, end := range []string{"the page leaves", "the page resets", "stop", "the session ends"} {
		t.Run(end, func(t *testing.T) {
			s := start(t)
			check := s.unharmed
			if end == "the session ends" { // so do all, and TestMain finds what is left
				check = func(attack func()) { attack() }
			}
			check(func() {
				sess := s.session()
				made := s.ways(sess, session.WaysOrder{Rate: 0.2, Count: 100, Poll: 50, Wait: 25000})
				s.startWays(sess, made)
				var open []*peer
				for _, way := range []string{"long", "events", "events"} {
					p := s.dial()
					p.say("GET " + made[way].(string) + " HTTP/1.1\r\nHost: " + s.address + "\r\n\r\n")
					open = append(open, p)
				}
				for _, p := range open[1:] {
					if line, err := p.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200") {
						t.Errorf("a stream is answered with %q, %v", line, err)
					}
				}
				open = append(open, s.websocket(made["socket"].(string)))
				s.until("all requests are recorded", func() bool {
					for _, c := range s.waysState(sess, made).Ways {
						if c.Requests == 0 && c.Way != session.WayPoll {
							return false
						}
					}
					return true
				})
				switch end {
				case "the page leaves":
					for _, p := range open {
						p.Close()
					}
				case "the page resets":
					for _, p := range open {
						p.Conn.(*net.TCPConn).SetLinger(0)
						p.Close()
					}
				case "stop":
					s.post(fmt.Sprintf("/api/sessions/%s/ways/%v", sess.ID, made["run"]), map[string]string{"do": "stop"})
					if response, body := open[0].response(); response.StatusCode != 200 || body != "[]" {
						t.Errorf("the long poll is answered with %d %q", response.StatusCode, body)
					}
					if h, payload, err := open[3].read(); err != nil || h.Opcode != wire.Close || payload != "\x03\xe8" {
						t.Errorf("the socket is closed with %v %x, %v", h.Opcode, payload, err)
					}
					open[3].say(frame(0x88, "\x03\xe8"))
					open[3].ended()
					for _, p := range open {
						p.Close()
					}
				case "the session ends":
					grace, cancel := context.WithCancel(s.ctx)
					cancel() // the page does not answer the Close frame
					s.sessions.Close(grace)
					for _, p := range open {
						p.Close()
					}
				}
				if end == "the session ends" {
					return // its recording ends too
				}
				s.until("all exchanges have ended", func() bool { return len(kindsOf(sess)["end"]) == 3 })
				s.post(fmt.Sprintf("/api/sessions/%s/ways/%v", sess.ID, made["run"]), map[string]string{"do": "stop"})
				for _, h := range kindsOf(sess)["end"] {
					if h.Cut && end != "the page resets" {
						t.Errorf("%s is cut off", h.Way)
					}
				}
			})
		})
	}
}

// kindsOf returns the parts of exchanges of sess by their kinds.
func kindsOf(sess *session.Session) map[string][]*recording.HTTP {
	parts := map[string][]*recording.HTTP{}
	events, _ := sess.Rec.After(0, math.MaxInt)
	for _, e := range events {
		if h, ok := e.Body.(*recording.HTTP); ok {
			parts[string(h.What)] = append(parts[string(h.What)], h)
		}
	}
	return parts
}

// TestManyStreamsEndByThemselves has more streams than a browser opens to one host. Without
// a start they end when for= says.
func TestManyStreamsEndByThemselves(t *testing.T) {
	s := start(t)
	sess := s.session()
	made := s.ways(sess, session.WaysOrder{Rate: 1, Count: 20, Poll: 50, Wait: 100})
	var running sync.WaitGroup
	for range 30 {
		running.Go(func() {
			response, body := s.get(made["events"].(string) + "?for=300")
			if response.StatusCode != 200 || body != ": wslab\n\n" {
				t.Errorf("a stream is answered with %d %q", response.StatusCode, body)
			}
		})
	}
	running.Wait()
	if c := s.waysState(sess, made).Ways[2]; c.Requests != 30 || c.Connections != 30 {
		t.Errorf("the count is %+v", c)
	}
	for _, h := range kindsOf(sess)["end"] {
		if h.Cut {
			t.Error("a stream is cut off")
		}
	}
}

func TestASessionHasSoManyRequestsInProgress(t *testing.T) {
	s := start(t)
	s.unharmed(func() {
		sess := s.session()
		made := s.ways(sess, session.WaysOrder{Rate: 1, Count: 20, Poll: 50, Wait: 25000})
		for i := range 64 {
			p := s.dial()
			p.say("GET " + made["events"].(string) + " HTTP/1.1\r\nHost: " + s.address + "\r\n\r\n")
			if line, err := p.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200") {
				t.Fatalf("stream %d is answered with %q, %v", i+1, line, err)
			}
			defer p.Close()
		}
		if response, body := s.get(made["poll"].(string)); response.StatusCode != 409 || !strings.Contains(body, "64") {
			t.Errorf("one request too many is answered with %d %s", response.StatusCode, body)
		}
		s.post(fmt.Sprintf("/api/sessions/%s/ways/%v", sess.ID, made["run"]), map[string]string{"do": "stop"})
	})
}

func TestARequestBehindAnotherIsNotMistakenForIt(t *testing.T) {
	s := start(t)
	sess := s.session()
	made := s.ways(sess, session.WaysOrder{Rate: 1, Count: 20, Poll: 50, Wait: 100})
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: " + s.address + "\r\n\r\n" }
	p := s.dial()
	// Two requests of the ways in one segment are two exchanges.
	p.say(get(made["poll"].(string)) + get(made["long"].(string)))
	for range 2 {
		if response, body := p.response(); response.StatusCode != 204 {
			t.Errorf("it is answered with %d %s", response.StatusCode, body)
		}
	}
	// After another request in the same segment, the recording could not tell them apart.
	p.say(get("/rules") + get(made["poll"].(string)))
	if response, _ := p.response(); response.StatusCode != 200 {
		t.Errorf("the page is answered with %d", response.StatusCode)
	}
	if response, body := p.response(); response.StatusCode != 400 || !strings.Contains(body, "segment") {
		t.Errorf("the request after it is answered with %d %s", response.StatusCode, body)
	}
	p.say(get(made["poll"].(string)))
	p.response()
	var paths []string
	for _, h := range kindsOf(sess)["request"] {
		paths = append(paths, h.Head.Target)
	}
	if want := []string{made["poll"].(string), made["long"].(string), made["poll"].(string)}; !slices.Equal(paths, want) {
		t.Errorf("recorded are %q", paths)
	}
}

func TestASocketOfARunUsesTheReference(t *testing.T) {
	s := start(t)
	sess := s.session()
	made := s.ways(sess, session.WaysOrder{Rate: 1, Count: 20, Poll: 50, Wait: 100})
	p := s.dial()
	p.say(s.request(strings.Replace(made["socket"].(string), "/reference", "/gorilla", 1)))
	if response, body := p.response(); response.StatusCode != 503 || !strings.Contains(body, "reference") {
		t.Errorf("it is answered with %d %s", response.StatusCode, body)
	}
}

// TestATabMayCloseInTheMiddle opens seven streams, a long poll and a socket. Chromium has
// six connections for the streams and the long poll. Then the browser closes the tab.
func TestATabMayCloseInTheMiddle(t *testing.T) {
	s := start(t)
	ctx, leave := s.browser()
	sess := s.session()
	made := s.ways(sess, session.WaysOrder{Rate: 0.2, Count: 100, Poll: 50, Wait: 25000})
	s.startWays(sess, made)
	plan, err := json.Marshal(made)
	s.ok(err)
	s.ok(chromedp.Do(ctx, chromedp.Navigate("http://"+s.address+"/rules")))
	_, err = chromedp.Run(ctx, chromedp.Evaluate[int](fmt.Sprintf(`(() => {
		const made = %s;
		window.kept = [new WebSocket("ws://" + location.host + made.socket)];
		for (let i = 0; i < 7; i++) kept.push(new EventSource(made.events));
		kept.push(fetch(made.long));
		return kept.length;
	})()`, plan)))
	s.ok(err)
	count := func(way int) session.WayCount { return s.waysState(sess, made).Ways[way] }
	s.until("six streams and the socket are open", func() bool { return count(2).Requests == 6 && count(3).Requests == 1 })
	leave()
	s.until("all requests have ended", func() bool {
		parts := kindsOf(sess)
		return len(parts["end"]) == len(parts["request"]) && len(parts["end"]) >= 6
	})
	s.await(sess, "the socket is closed", tcp("closed"))
	s.post(fmt.Sprintf("/api/sessions/%s/ways/%v", sess.ID, made["run"]), map[string]string{"do": "stop"})
}

func TestASessionForgetsTCPConnectionsThatHaveEnded(t *testing.T) {
	s := start(t)
	sess := s.session()
	made := s.ways(sess, session.WaysOrder{Rate: 1, Count: 20, Poll: 50, Wait: 100})
	for i := range 2 * 64 { // twice the limit, each on a connection of its own
		s.until("there is room for another connection", func() bool {
			response, body := s.get(made["poll"].(string))
			if response.StatusCode != 204 && response.StatusCode != 409 {
				t.Fatalf("request %d is answered with %d %s", i+1, response.StatusCode, body)
			}
			return response.StatusCode == 204
		})
	}
}
