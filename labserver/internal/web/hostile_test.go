package web

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wslab/compare/recording"
)

// withTimeout returns a context that ends after d, or with the test.
func withTimeout(s *site, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(s.ctx, d)
	s.Cleanup(cancel)
	return ctx
}

func TestWhatIsNotHTTPEndsAtMostItsOwnConnection(t *testing.T) {
	s := start(t)
	noise := make([]byte, 64<<10)
	rand.Read(noise)
	head := "GET / HTTP/1.1\r\nHost: " + s.address + "\r\n"
	for name, data := range map[string]string{
		"random bytes":            string(noise),
		"zeros":                   strings.Repeat("\x00", 4096),
		"a TLS hello":             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"HTTP/2":                  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"HTTP/3":                  "GET / HTTP/3.0\r\n\r\n",
		"no version":              "GET /\r\n\r\n",
		"a frame":                 frame(0x81, "Hello"),
		"SSH":                     "SSH-2.0-OpenSSH_9.7\r\n",
		"a line without an end":   strings.Repeat("a", 64<<10),
		"a header of 1 MiB":       head + "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"many header fields":      head + strings.Repeat("X: y\r\n", 1<<16) + "\r\n",
		"a long target":           "GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\n\r\n",
		"two hosts":               head + "Host: evil.example\r\n\r\n",
		"a bad host":              "GET / HTTP/1.1\r\nHost: \x01\r\n\r\n",
		"a folded field":          head + "X: y\r\n z\r\n\r\n",
		"length and chunks":       "POST /api/sessions HTTP/1.1\r\nHost: " + s.address + "\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
		"two lengths":             "POST /api/sessions HTTP/1.1\r\nHost: " + s.address + "\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
		"a negative length":       "POST /api/sessions HTTP/1.1\r\nHost: " + s.address + "\r\nContent-Length: -1\r\n\r\n",
		"chunks of nonsense":      "POST /api/dissect HTTP/1.1\r\nHost: " + s.address + "\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
		"a WebSocket in the body": "POST /api/dissect HTTP/1.1\r\nHost: " + s.address + "\r\nUpgrade: websocket\r\nContent-Length: 3\r\nConnection: close\r\n\r\n\x81\x01a",
		"CONNECT":                 "CONNECT evil.example:443 HTTP/1.1\r\nHost: " + s.address + "\r\nConnection: close\r\n\r\n",
		"a proxy's request":       "GET http://evil.example/ HTTP/1.1\r\nHost: " + s.address + "\r\nConnection: close\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s.TB = t
			s.unharmed(func() {
				p := s.dial()
				written := make(chan struct{})
				go func() {
					defer close(written)
					io.WriteString(p, data)
					p.Conn.(interface{ CloseWrite() error }).CloseWrite()
				}()
				answer, _ := io.ReadAll(p.r)
				if len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.") {
					t.Errorf("the answer is %.100q", answer)
				}
				if strings.HasPrefix(string(answer), "HTTP/1.1 200") && name != "length and chunks" && name != "a folded field" { // net/http reads both
					t.Errorf("the answer is %.200q", answer)
				}
				p.ended()
				p.Close()
				<-written
			})
		})
	}
	s.TB = t
}

func TestASlowRequestIsCutOff(t *testing.T) {
	s := start(t, func(o *Options) { o.HeaderTimeout = 3 * time.Second }) // a right request takes less on any machine
	s.unharmed(func() {
		var waiting sync.WaitGroup
		defer waiting.Wait()
		for name, first := range map[string]string{
			"nothing at all":      "",
			"a head without end":  "GET / HTTP/1.1\r\nHost: " + s.address + "\r\n",
			"a method":            "GE",
			"a handshake in part": strings.TrimSuffix(s.request("/ws/reference"), "\r\n"),
		} {
			p := s.dial()
			p.say(first)
			waiting.Go(func() {
				answer, err := io.ReadAll(p.r)
				if err != nil {
					t.Errorf("%s: the connection does not end: %v", name, err)
				}
				if strings.HasPrefix(string(answer), "HTTP/1.1 200") {
					t.Errorf("%s: the answer is %q", name, answer)
				}
			})
		}
	})
	// What has become a WebSocket is not bound by it.
	p := s.websocket("/ws/reference")
	defer p.Close()
	slow := s.dial()
	slow.say("GET ")
	io.Copy(io.Discard, slow.r) // takes longer than the timeout
	p.echoes("still here")
}

func TestAnAnswerThatIsNotTakenIsCutOff(t *testing.T) {
	const timeout = 3 * time.Second // the log is written in less on any machine
	s := start(t, func(o *Options) { o.AnswerTimeout = timeout })
	sess := s.session()
	for range 50_000 { // a log of some megabytes
		sess.Rec.Append(0, "client", &recording.Script{What: "send", Text: strings.Repeat("x", 80)})
	}
	st := s.follow(sess.ID, func(r *http.Request) { r.URL.RawQuery = "after=49999" })
	defer st.body.Close()
	p := s.websocket("/ws/reference")
	defer p.Close()
	s.unharmed(func() {
		lazy := s.dial()
		lazy.say("GET /api/sessions/" + sess.ID + "/log.txt HTTP/1.1\r\nHost: " + s.address + "\r\n\r\n")
		// Its goroutine ends though it reads nothing; that is unharmed's to see. The
		// first bytes come before the timeout.
		if _, err := lazy.r.ReadString('\n'); err != nil {
			t.Error(err)
		}
	})
	// What outlives a request outlives its timeout.
	p.echoes("still here")
	sess.Rec.Append(0, "client", &recording.Script{What: "send"})
	for last := uint64(0); last < 50_001; {
		events, ok := st.next()
		if !ok {
			t.Fatal("the stream was cut off as well")
		}
		last = events[len(events)-1].Seq
	}
}

func TestRequestsMayBePipelined(t *testing.T) {
	s := start(t)
	s.unharmed(func() {
		p := s.dial()
		ask := func(method, path, body string) string {
			return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", method, path, s.address, len(body), body)
		}
		p.say(ask("GET", "/lab", "") + ask("POST", "/api/dissect", `{"hex":"8100"}`) + ask("GET", "/nowhere", "") + ask("GET", "/api/connections", ""))
		for i, want := range []int{200, 200, 404, 200} {
			if response, _ := p.response(); response.StatusCode != want {
				t.Errorf("answer %d is %d", i, response.StatusCode)
			}
		}
		// A WebSocket may be the last of them, and only its own request is recorded.
		p.say(s.request("/ws/reference"))
		if response, _ := p.response(); response.StatusCode != 101 {
			t.Fatalf("the handshake is answered with %d", response.StatusCode)
		}
		p.echoes("Hello")
		if got := heard(s.outside()); !strings.HasPrefix(got, "GET /ws/reference") {
			t.Errorf("the recording begins with %.60q", got)
		}
		p.Close()

		// In the segment of another request it cannot be told apart, and is refused.
		p = s.dial()
		p.say(ask("GET", "/nowhere", "") + s.request("/ws/reference"))
		for i, want := range []int{404, 400} {
			if response, _ := p.response(); response.StatusCode != want {
				t.Errorf("answer %d in one segment is %d, want %d", i, response.StatusCode, want)
			}
		}
		p.Close()
	})
}

func TestAPanicEndsItsOwnRequestOnly(t *testing.T) {
	var log strings.Builder
	s := start(t)
	s.Server.Log.SetOutput(&log)
	h := s.recovered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a mistake") }))
	w := &unread{header: http.Header{}}
	r, _ := http.NewRequest("GET", "/somewhere", nil)
	h.ServeHTTP(w, r)
	if w.status != 500 || !strings.Contains(log.String(), "a mistake") || !strings.Contains(log.String(), "/somewhere") {
		t.Errorf("the answer is %d, the log %q", w.status, log.String())
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("an intended abort was kept from net/http")
		}
	}()
	s.recovered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).ServeHTTP(w, r)
}

// unread is a response of which the status is looked at.
type unread struct {
	header http.Header
	status int
}

func (a *unread) Header() http.Header         { return a.header }
func (a *unread) WriteHeader(status int)      { a.status = status }
func (a *unread) Write(p []byte) (int, error) { return len(p), nil }

func TestTooManySessionsAreRefusedAndTheRestGoesOn(t *testing.T) {
	s := start(t)
	sess := s.session()
	p := s.websocket("/ws/reference?client=c&session=" + sess.ID)
	defer p.Close()
	for n := 0; ; n++ {
		// In use, so that none makes room.
		other, err := s.sessions.New("", false)
		if err != nil {
			break
		}
		defer other.Watch()()
		if n == 10_000 {
			t.Fatal("ten thousand sessions are begun")
		}
	}
	response, body := s.do("POST", "/api/sessions", "", nil)
	if response.StatusCode < 400 {
		t.Fatal("one too many is begun")
	}
	refusal(t, "one too many", body)
	q := s.dial()
	q.say(s.request("/ws/reference"))
	if response, body := q.response(); response.StatusCode != 503 || !strings.Contains(body, "sessions") {
		t.Errorf("a WebSocket from outside is answered with %d %s", response.StatusCode, body)
	}
	q.ended()
	p.echoes("still here")
	if response, _ := s.get("/"); response.StatusCode != 200 {
		t.Errorf("the page is answered with %d", response.StatusCode)
	}
}

func TestAFollowerThatDoesNotReadDoesNotSlowAConnection(t *testing.T) {
	s := start(t)
	sess := s.session()
	p := s.websocket("/ws/reference?client=c&session=" + sess.ID)
	defer p.Close()
	lazy := s.dial()
	lazy.say("GET /api/sessions/" + sess.ID + "/events HTTP/1.1\r\nHost: " + s.address + "\r\n\r\n")
	if _, err := lazy.r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	// Far more than fits into the socket's buffers, and more than is kept.
	big := strings.Repeat("x", 4000)
	for range recording.DefaultLimits.Bytes / 4000 / 3 {
		p.echoes(big)
	}
	if first, _ := sess.Rec.After(0, 1); first[0].Seq == 1 {
		t.Fatal("the recording still has everything: the test is too small")
	}
	st := s.follow(sess.ID, func(r *http.Request) { r.URL.RawQuery = "after=1" })
	defer st.body.Close()
	events, ok := st.next()
	if !ok || events[0].Kind != "dropped" {
		t.Errorf("a follower that resumes receives %+v", events[:min(1, len(events))])
	}
}

// TestWhatArrivesAndIsNotReadIsShownAsThat sends what a server leaves in its
// socket, or gets too early: each input ends its own connection alone, and the log
// names the bytes.
func TestWhatArrivesAndIsNotReadIsShownAsThat(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		endpoint, bytes string
		glued           bool // sent with the request
		want            []string
	}{
		{"naive", "\x88\xff\x00\x00\x00\x00\x00\x00\x00\x02\x90\x53\xb2\x88\x93\xbb", false, []string{
			"client ❱ CLOSE FIN masked, 2 bytes, cut off: 2 bytes not read by the server",
			"client · arrived, and the server did not read it: 2 bytes: 93 bb"}},
		{"naive", "\x88\x85\xff\x9d\x5f\x7d\xfc\x75\x3d\x04\x9a\x81\x8b\xdc\xc2\x6d\xb0\xbd\xa4\x19\xd5\xae\xe2\x0e\xdc\xb3\xb1\x08", false, []string{
			`client ❱ CLOSE FIN masked, 5 bytes 1000 normal closure "bye"`,
			`client · arrived, and the server did not read it: TEXT FIN masked, 11 bytes "after close"`}},
		{"reference", frame(0x81, "early"), true, []string{
			`client ❱ TEXT FIN masked, 5 bytes "early"`, "× 4.1/early-data The first byte of this frame arrived before the server had answered the request."}},
		{"naive", frame(0x81, "early"), true, []string{"× 4.1/early-data"}},
		{"gorilla", frame(0x81, "early"), true, []string{"× 4.1/early-data"}},
	} {
		t.Run(fmt.Sprintf("%s %x", c.endpoint, c.bytes[:4]), func(t *testing.T) {
			s.TB = t
			s.unharmed(func() {
				sess := s.session()
				path := "/ws/" + c.endpoint + "?client=c&session=" + sess.ID
				var p *peer
				if c.glued {
					p = s.dial()
					p.say(s.request(path) + c.bytes)
					s.await(sess, "the request is recorded", func(e recording.Event) bool { return e.Kind() == "frame" })
				} else {
					p = s.websocket(path)
					p.say(c.bytes)
					s.await(sess, "the server closes TCP", tcp("closed"))
				}
				p.Close()
				s.await(sess, "the server closes TCP", tcp("closed"))
				log := text(sess)
				for _, want := range c.want {
					if !strings.Contains(log, want) {
						t.Errorf("there is no %q in\n%s", want, log)
					}
				}
				for _, lie := range []string{"never came", "never arrived"} {
					if strings.Contains(log, lie) {
						t.Errorf("it says %q:\n%s", lie, log)
					}
				}
			})
		})
	}
	s.TB = t
}
