package web

import (
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/labserver/internal/session"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

var endpoints = []string{"reference", "gorilla"}

// TestAProgramMayConnectAgainAndAgain is a load test as any learner may write one:
// each connection is closed before the next is opened.
func TestAProgramMayConnectAgainAndAgain(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 300
	}
	s := start(t, func(o *Options) { o.Log = log.New(io.Discard, "", 0) })
	s.ctx = t.Context()
	for i := range n {
		c, _, err := gorilla.DefaultDialer.DialContext(s.ctx, "ws://"+s.address+"/ws/reference", nil)
		if err != nil {
			t.Fatalf("connection %d: %v", i+1, err)
		}
		s.ok(c.WriteMessage(gorilla.TextMessage, []byte("Hello")))
		if _, b, err := c.ReadMessage(); err != nil || string(b) != "Hello" {
			t.Fatalf("connection %d: %q, %v", i+1, b, err)
		}
		s.ok(c.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, "")))
		if _, _, err := c.ReadMessage(); !gorilla.IsCloseError(err, 1000) {
			t.Fatalf("connection %d: %v", i+1, err)
		}
		c.Close()
	}
	for _, c := range s.sessions.Connections(every) {
		if !c.Outside {
			t.Errorf("%+v", c)
		}
	}
}

func TestAWebSocketFromOutsideIsServedAndListedInASessionOfItsOwn(t *testing.T) {
	s := start(t, private)
	for _, name := range endpoints {
		s.unharmed(func() {
			p := s.websocket("/ws/" + name)
			p.echoes("Hello")
			response, body := s.get("/api/connections")
			if response.StatusCode != 200 {
				t.Fatalf("the list is answered with %d", response.StatusCode)
			}
			sess := s.outside()
			for _, has := range []string{`"session":"` + sess.ID + `"`, `"outside":true`, `"open":true`, `"endpoint":"` + name + `"`, `"remote":"` + p.LocalAddr().String() + `"`, `"frames":2`} {
				if !strings.Contains(body, has) {
					t.Errorf("the list has no %s: %s", has, body)
				}
			}
			if response, page := s.get("/lab?watch=" + sess.ID); response.StatusCode != 200 || !strings.Contains(page, sess.ID) {
				t.Errorf("it cannot be watched: %d", response.StatusCode)
			}
			// It can be steered as well.
			s.post("/api/sessions/"+sess.ID+"/server", map[string]any{"client": "", "do": "close", "code": 4001})
			if _, payload, err := p.read(); payload != "\x0f\xa1" {
				t.Errorf("it is closed with %x, %v", payload, err)
			}
			p.say(frame(0x88, "\x0f\xa1"))
			p.ended()
			p.Close()
			s.await(sess, "TCP is closed", tcp("closed"))
		})
	}
	if _, body := s.get("/api/connections"); strings.Count(body, `"open":true`) > 2 { // unharmed's own linger at most
		t.Errorf("closed connections are listed as open: %s", body)
	}
}

func TestAWebSocketIsServedByEachNameOfThisMachine(t *testing.T) {
	s := start(t)
	_, port, _ := strings.Cut(s.address, ":")
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		address := net.JoinHostPort(host, port)
		conn, err := net.Dial("tcp", address)
		if err != nil && host == "::1" {
			t.Skip("this machine has no IPv6")
		}
		s.ok(err)
		c, err := scenario.NewRaw(conn, scenario.DefaultOpening(), "/ws/reference", address, func(string, string, int) {})
		s.ok(err)
		if status, err := c.Status(s.ctx); status != 101 {
			t.Errorf("%s answers %d, %v", host, status, err)
		}
		c.Close()
	}
}

func TestAWebSocketOfNoEndpointOrSessionIsRefusedWithAWordOfHelp(t *testing.T) {
	s := start(t)
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/ws/native":                 {404, "/ws/gorilla"},
		"/ws/":                       {404, "/ws/reference"},
		"/ws/broken/none":            {404, "broken/wrong-accept"},
		"/ws/reference/x":            {404, "/ws/reference"},
		"/ws/reference?session=none": {404, "none"},
		"/ws/reference?client=" + strings.Repeat("n", session.MaxClient+1): {400, "name"},
	} {
		s.unharmed(func() {
			p := s.dial()
			p.say(s.request(path))
			response, body := p.response()
			if response.StatusCode != want.status || !strings.Contains(body, want.says) {
				t.Errorf("%s is answered with %d %s", path, response.StatusCode, body)
			}
			p.ended()
		})
	}
}

func TestARefusedHandshakeEndsItsConnectionAndIsAllThatIsRecorded(t *testing.T) {
	s := start(t)
	for _, name := range endpoints {
		for _, sc := range []string{"no-key", "wrong-version", "missing-upgrade", "two-keys"} {
			t.Run(name+" "+sc, func(t *testing.T) {
				s.TB = t
				s.unharmed(func() {
					sess := s.session()
					script, err := scenario.Find(s.plays, sc)
					s.ok(err)
					opening := script.Commands[0].Opening
					conn, err := net.Dial("tcp", s.address)
					s.ok(err)
					c, err := scenario.NewRaw(conn, opening, "/ws/"+name+"?client=c&session="+sess.ID, s.address, func(string, string, int) {})
					s.ok(err)
					status, err := c.Status(s.ctx)
					s.ok(err)
					if name == "gorilla" && sc == "two-keys" && status == 101 {
						c.Close() // what gorilla does not refuse is a lesson, not a case
						return
					}
					if status < 400 || status > 499 {
						t.Errorf("the answer is %d", status)
					}
					// What a client writes after its handshake is refused is of no interest.
					c.Bytes([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
					s.ok(c.EOF(s.ctx))
					c.Close()
					s.await(sess, "the server closes TCP", tcp("closed"))
					if got := heard(sess); strings.Count(got, "HTTP/1.1") != 1 {
						t.Errorf("the recording has from the client %q", got)
					}
					handshakes := 0
					events, _ := sess.Rec.After(0, math.MaxInt)
					for i, e := range events {
						switch b := e.Body.(type) {
						case *dissect.Handshake:
							handshakes++
						case *dissect.Frame, *recording.Message:
							t.Errorf("the recording has a %s", e.Kind())
						case *recording.TCP:
							if b.What == "closed" && i < len(events)-2 { // CLOSED may follow
								t.Errorf("events follow the end: %s", text(sess))
							}
						}
					}
					if handshakes != 2 {
						t.Errorf("the recording has %d halves of handshakes:\n%s", handshakes, text(sess))
					}
				})
			})
		}
	}
	s.TB = t
}

func TestABrokenEndpointIsRecordedAsItIs(t *testing.T) {
	s := start(t)
	for _, mistake := range []string{"wrong-accept", "no-accept", "no-upgrade", "no-connection", "status-200", "unasked-subprotocol"} {
		s.unharmed(func() {
			p := s.dial()
			p.say(s.request("/ws/broken/" + mistake))
			if _, err := p.r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			sess := s.outside()
			p.Close()
			s.await(sess, "the server closes TCP", tcp("closed"))
			answer := s.await(sess, "the answer is recorded", func(e recording.Event) bool {
				h, ok := e.Body.(*dissect.Handshake)
				return ok && h.Head.Status != 0
			})
			if len(answer.Body.(*dissect.Handshake).Violations) == 0 {
				t.Errorf("%s: the recording sees nothing wrong", mistake)
			}
		})
	}
}

func TestFramesInTheSegmentOfTheHandshakeAreServed(t *testing.T) {
	s := start(t)
	p := s.dial()
	p.say(s.request("/ws/reference") + frame(0x81, "early"))
	p.response()
	if _, payload, err := p.read(); payload != "early" {
		t.Errorf("the answer is %q, %v", payload, err)
	}
	// Gorilla does not want to hear from a client before it has answered.
	s.unharmed(func() {
		p := s.dial()
		p.say(s.request("/ws/gorilla") + frame(0x81, "early"))
		p.ended()
	})
}

func TestAClientThatLeavesWithAFrameHeldHarmsNobody(t *testing.T) {
	s := start(t)
	for _, name := range endpoints {
		for _, way := range []string{"in", "out", "in, reset", "out, reset"} {
			t.Run(name+" "+way, func(t *testing.T) {
				s.TB = t
				s.unharmed(func() {
					sess := s.session()
					p := s.websocket("/ws/" + name + "?client=c&session=" + sess.ID)
					p.echoes("Hello")
					sess.Valve("hold", nil)
					if strings.HasPrefix(way, "in") {
						p.say(frame(0x81, "held"))
					} else if err := sess.Order(session.Command{Client: "c", Do: "text", Text: "held"}); err != nil {
						t.Fatal(err)
					}
					s.await(sess, "a frame is held", held("waiting"))
					if strings.HasSuffix(way, "reset") {
						p.Conn.(*net.TCPConn).SetLinger(0)
					}
					p.Close()
					// The learner steps on, and it comes to its end by itself.
					s.until("the server closes TCP", func() bool {
						sess.Valve("step", nil)
						list := s.sessions.Connections(every)
						return !slices.ContainsFunc(list, func(l session.Listed) bool { return l.Session == sess.ID && l.Open })
					})
				})
			})
		}
	}
	s.TB = t
}

func TestAClientThatStopsInTheMiddleOfAFrameHarmsNobody(t *testing.T) {
	s := start(t)
	whole := s.request("/ws/reference") + frame(0x81, "Hello")
	for _, name := range endpoints {
		s.unharmed(func() {
			whole := strings.Replace(whole, "reference", name, 1)
			for cut := 1; cut < len(whole); cut += 7 {
				p := s.dial()
				p.say(whole[:cut])
				p.Close()
			}
		})
	}
}

func TestAPageThatReloadsWithAFrameHeldFindsItsSessionAgain(t *testing.T) {
	s := start(t)
	s.unharmed(func() {
		sess := s.session()
		st := s.follow(sess.ID, nil)
		p := s.websocket("/ws/reference?client=reference-1&session=" + sess.ID)
		p.echoes("Hello")
		sess.Valve("hold", nil)
		p.say(frame(0x81, "held"))
		frameHeld := s.await(sess, "the frame is held", held("waiting")).Body.(*recording.Held).Of
		// The browser ends stream and WebSocket at once.
		st.body.Close()
		p.Close()
		s.await(sess, "its FIN waits after the frame", tcp("fin"))

		st = s.follow(sess.ID, nil)
		seen := false
		for !seen {
			events, ok := st.next()
			if !ok {
				t.Fatal("the stream has ended")
			}
			seen = slices.ContainsFunc(events, func(e event) bool { return e.Seq == frameHeld })
		}
		q := s.dial()
		q.say(s.request("/ws/reference?client=reference-2&session=" + sess.ID))
		s.post("/api/sessions/"+sess.ID+"/valve", map[string]string{"do": "run"})
		if response, _ := q.response(); response.StatusCode != 101 {
			t.Fatalf("the page cannot connect again: %d", response.StatusCode)
		}
		q.echoes("again")
		q.Close()
		s.until("both connections are closed", func() bool {
			return !slices.ContainsFunc(s.sessions.Connections(every), func(l session.Listed) bool { return l.Session == sess.ID && l.Open })
		})
		st.body.Close()
	})
}

func TestAClientThatNeverReadsIsHeldUpAloneAndCutOffInTheEnd(t *testing.T) {
	for _, name := range endpoints {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			p := s.websocket("/ws/" + name)
			sess := s.outside()
			bystander := s.websocket("/ws/" + name)
			// It writes until the server, which cannot send the echoes, reads no more.
			message := frame(0x82, strings.Repeat("x", 1<<20))
			p.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
			sent := 0
			for {
				n, err := io.WriteString(p, message)
				sent += n
				if err != nil {
					break
				}
				if sent > 256<<20 {
					t.Fatal("the server takes everything and sends nothing")
				}
			}
			bystander.echoes("others go on")
			if _, body := s.get("/api/connections?session=" + sess.ID); !strings.Contains(body, sess.ID) {
				t.Error("it is not listed")
			}
			began := time.Now()
			bystander.Close()
			s.sessions.Close(withTimeout(s, 200*time.Millisecond))
			if d := time.Since(began); d > patience {
				t.Errorf("the end took %v", d)
			}
			s.await(sess, "TCP is closed", tcp("closed"))
		})
	}
}

func TestADisconnectInTheMiddleOfARequestEndsItsStreamAndNothingElse(t *testing.T) {
	s := start(t)
	sess := s.session()
	s.unharmed(func() {
		for range 5 {
			p := s.dial()
			p.say("GET /api/sessions/" + sess.ID + "/events HTTP/1.1\r\nHost: " + s.address + "\r\n\r\n")
			if _, err := p.r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			p.Conn.(*net.TCPConn).SetLinger(0)
			p.Close()
		}
	})
}

func TestAMessageThatIsTooLongEndsItsConnectionWith1009(t *testing.T) {
	s := start(t)
	for _, name := range endpoints {
		s.unharmed(func() {
			p := s.websocket("/ws/" + name)
			p.say("\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01\x37\xfa\x21\x3d") // 1 MiB and one byte
			if code := p.closed(); code != wire.MessageTooBig {
				t.Errorf("%s closes with %d", name, code)
			}
		})
	}
}

func TestTwoTabsShareASessionOrNot(t *testing.T) {
	s := start(t)
	sess := s.session()
	a, b := s.websocket("/ws/reference?client=a&session="+sess.ID), s.websocket("/ws/gorilla?client=b&session="+sess.ID)
	defer a.Close()
	defer b.Close()
	other := s.session()
	c := s.websocket("/ws/gorilla?client=a&session=" + other.ID)
	defer c.Close()
	sess.Valve("hold", nil)
	a.say(frame(0x81, "held"))
	s.await(sess, "the frame is held", held("waiting"))
	c.echoes("another session's valve is open")
	st1, st2 := s.follow(sess.ID, nil), s.follow(sess.ID, nil)
	defer st1.body.Close()
	defer st2.body.Close()
	one, _ := st1.next()
	two, _ := st2.next()
	if len(one) == 0 || fmt.Sprint(one) != fmt.Sprint(two) {
		t.Errorf("two followers see %v and %v", one, two)
	}
}

func TestTheRecordingSaysWhoTheClientIs(t *testing.T) {
	s := start(t)
	sess := s.session()
	path := "/ws/reference?session=" + sess.ID
	// What it calls itself says nothing.
	page := s.dial()
	page.say(strings.Replace(s.request(path+"&client=raw-reference-1&round=3"), "Upgrade:", "Origin: http://"+s.address+"\r\nUpgrade:", 1))
	if response, body := page.response(); response.StatusCode != 101 {
		t.Fatalf("the page is answered with %d %s", response.StatusCode, body)
	}
	s.websocket(path + "&client=reference-1")
	s.post("/api/sessions/"+sess.ID+"/raw", map[string]any{"client": "reference-2", "do": "open", "endpoint": "reference", "round": 4})
	s.post("/api/sessions/"+sess.ID+"/scenario", map[string]any{"scenario": "masked-hello", "endpoint": "gorilla", "client": "gorilla-5", "round": 5})
	s.over(sess, "1")
	play, token := s.begin(sess, map[string]any{"text": "# A page\nopen\n", "endpoint": "reference", "as": "browser"})
	s.await(sess, "the page is asked to open", phase(play, 0, recording.StepBegin))
	s.websocket(path + "&client=" + token)
	got := map[string]recording.Info{}
	for _, c := range sess.Rec.Connections() {
		got[c.Info.Client] = c.Info
	}
	for client, want := range map[string]recording.Info{
		"raw-reference-1": {As: recording.AsTab, Round: 3},
		"reference-1":     {As: recording.AsOutside},
		"reference-2":     {As: recording.AsRaw, Round: 4},
		"gorilla-5":       {As: recording.AsScenario, Round: 5},
		token:             {As: recording.AsTab},
	} {
		if c := got[client]; c.As != want.As || c.Round != want.Round {
			t.Errorf("%s is recorded as %q in round %d, want %q in %d", client, c.As, c.Round, want.As, want.Round)
		}
	}
	s.order(sess, play, "stop", 0)
	s.over(sess, play)
}
