package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wslab/compare/recording"
	"wslab/labserver/internal/session"
	"wslab/reference/dissect"
)

// seen is the part of a recording that belongs to one connection.
type seen struct {
	info   *recording.Info
	reads  []int // sizes of the client's bytes, read by read
	bytes  []byte
	status int
	echo   bool // the server sent a text with Hello
	calls  []string
	closed bool
}

// seenBy returns the connections of sess by the name of their endpoint.
func seenBy(sess *session.Session) map[string]*seen {
	all, ids := map[string]*seen{}, map[int]*seen{}
	events, _ := sess.Rec.After(0, math.MaxInt)
	for _, e := range events {
		c := ids[e.Conn]
		switch b := e.Body.(type) {
		case *recording.TCP:
			switch b.What {
			case "open":
				ids[e.Conn] = &seen{info: b.Info}
				all[b.Info.Endpoint] = ids[e.Conn]
			case "closed":
				c.closed = true
			}
		case *recording.Bytes:
			if e.From == "client" {
				c.reads = append(c.reads, b.Size)
				c.bytes = append(c.bytes, b.Head...)
			}
		case *dissect.Handshake:
			if e.From == "server" {
				c.status = b.Head.Status
			}
		case *dissect.Frame:
			c.echo = c.echo || e.From == "server" && string(b.Payload()) == "Hello"
		case *recording.Call:
			if b.Phase == "return" && c != nil {
				c.calls = append(c.calls, b.Name+" "+b.Result)
			}
		}
	}
	return all
}

// knock makes a run and waits for its end.
func (s *site) knock(run session.DoorRun) map[string]*seen {
	s.Helper()
	sess := s.session()
	clients := s.post("/api/sessions/"+sess.ID+"/doors", run)["clients"].([]any)
	var all map[string]*seen
	s.until(fmt.Sprintf("the run %+v ends", run), func() bool {
		all = seenBy(sess)
		over := len(all) == len(clients)
		for _, c := range all {
			over = over && c.closed
		}
		return over
	})
	return all
}

func TestTwoWaysToTheSocketReadTheSameBytes(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		run            session.DoorRun
		listener, http int
		reads          []int  // of both, nil for any
		says           string // a call of net/http
	}{
		{session.DoorRun{Run: "whole"}, 101, 101, []int{158, 11, 8}, "http.Hijacker.Hijack a net.Conn, and 0 bytes in a bufio.Reader"},
		{session.DoorRun{Run: "cut"}, 101, 101, []int{46, 112, 11, 8}, "http.Hijacker.Hijack a net.Conn, and 0 bytes in a bufio.Reader"},
		{session.DoorRun{Run: "cut-at", Cut: 1}, 101, 101, []int{1, 157, 11, 8}, "http.Hijacker.Hijack a net.Conn, and 0 bytes in a bufio.Reader"},
		{session.DoorRun{Run: "cut-at", Cut: 157}, 101, 101, []int{157, 1, 11, 8}, "http.Hijacker.Hijack a net.Conn, and 0 bytes in a bufio.Reader"},
		{session.DoorRun{Run: "glued"}, 101, 101, []int{169, 8}, "http.Hijacker.Hijack a net.Conn, and 11 bytes in a bufio.Reader"},
		{session.DoorRun{Run: "long", Size: 16 << 10}, 101, 101, nil, ""},
		{session.DoorRun{Run: "long", Size: 20 << 10}, 431, 101, nil, ""},
		{session.DoorRun{Run: "long", Size: 20<<10 + 1}, 431, 431, nil, ""},
		{session.DoorRun{Run: "page"}, 426, 200, []int{60}, ""},
	} {
		all := s.knock(c.run)
		for name, status := range map[string]int{"listener": c.listener, "net-http": c.http} {
			got := all[name]
			if got.status != status || got.echo != (status == 101) {
				t.Errorf("%+v: %s answered with %d, and the echo arrived: %v; want %d", c.run, name, got.status, got.echo, status)
			}
			if c.reads != nil && !slices.Equal(got.reads, c.reads) {
				t.Errorf("%+v: %s read %v bytes; want %v", c.run, name, got.reads, c.reads)
			}
		}
		if c.says != "" && !slices.Contains(all["net-http"].calls, c.says) {
			t.Errorf("%+v: the calls of net/http are\n%s\nwant %s", c.run, strings.Join(all["net-http"].calls, "\n"), c.says)
		}
		// The clients send the same bytes, except for the port in Host.
		same := func(c *seen) []byte {
			_, port, err := net.SplitHostPort(c.info.Local)
			s.ok(err)
			return bytes.ReplaceAll(c.bytes, []byte(port), []byte("PORT"))
		}
		n := min(len(all["listener"].bytes), len(all["net-http"].bytes))
		if a, b := same(all["listener"]), same(all["net-http"]); n == 0 || !bytes.Equal(a[:n-1], b[:n-1]) {
			t.Errorf("%+v: the listener read %q and net/http %q", c.run, a, b)
		}
	}
}

func TestTheNaiveServerReadsARequestOf1024Bytes(t *testing.T) {
	s := start(t)
	for size, echo := range map[int]bool{300: true, 1023: true, 1024: true, 1025: false, 1026: false, 1500: false, 4000: false} {
		c := s.knock(session.DoorRun{Run: "naive", Size: size})["naive"]
		if c.echo != echo || c.reads[0] != min(size, 1024) {
			t.Errorf("a request of %d bytes: the first read has %d bytes, and the echo arrived: %v; want %v", size, c.reads[0], c.echo, echo)
		}
	}
}

func TestNobodyElseUsesTheListeners(t *testing.T) {
	s := start(t)
	sess := s.session()
	s.post("/api/sessions/"+sess.ID+"/doors", session.DoorRun{Run: "whole"})
	s.until("both connections are recorded", func() bool { return len(seenBy(sess)) == 2 })
	before := len(s.sessions.Connections(every))
	for name, c := range seenBy(sess) {
		if host, _, _ := net.SplitHostPort(c.info.Local); host != "127.0.0.1" {
			t.Errorf("%s listens on %s; want 127.0.0.1 only", name, c.info.Local)
		}
		for _, request := range []string{"", s.request("/echo"), "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n"} {
			conn, err := net.Dial("tcp", c.info.Local)
			s.ok(err)
			conn.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(conn, request) // the listener may have closed already
			b, err := io.ReadAll(conn)
			if timeout, ok := err.(net.Error); len(b) > 0 || ok && timeout.Timeout() {
				t.Errorf("%s answers a stranger with %q, %v; want a closed connection", name, b, err)
			}
			conn.Close()
		}
	}
	if after := len(s.sessions.Connections(every)); after != before {
		t.Errorf("%d connections of strangers are recorded", after-before)
	}
}

func TestARunThatIsNotPossibleIsRefused(t *testing.T) {
	s := start(t)
	path := "/api/sessions/" + s.session().ID + "/doors"
	for body, says := range map[string]string{
		`{}`:                             "not a run",
		`{"run":"dance"}`:                "dance",
		`{"run":"cut-at","cut":158}`:     "158 bytes",
		`{"run":"cut-at","cut":-1}`:      "-1",
		`{"run":"cut-at"}`:               "after byte 0",
		`{"run":"long"}`:                 "cannot have 0 bytes",
		`{"run":"long","size":32769}`:    "32769",
		`{"run":"naive","size":-5}`:      "-5",
		`{"run":"naive","size":1048576}`: "1048576",
	} {
		response, text := s.do("POST", path, body, nil)
		if response.StatusCode != http.StatusConflict {
			t.Errorf("%s: the answer is %d %s; want 409", body, response.StatusCode, text)
		} else if f := refusal(t, body, text); !strings.Contains(f.What, says) {
			t.Errorf("%s: the answer is %q; want %q in it", body, f.What, says)
		}
	}
}

func TestAPageOfAnotherSiteCannotStartRuns(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/api/sessions/" + s.session().ID + "/doors", "/api/doors/http2", "/api/doors/memory"} {
		response, _ := s.do("POST", path, "{}", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") })
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s from another site is answered with %d; want 403", path, response.StatusCode)
		}
	}
}

func TestHeldListenersDoNotKeepTheLabServer(t *testing.T) {
	s := start(t)
	sess := s.session()
	path := "/api/sessions/" + sess.ID
	s.post(path+"/valve", map[string]string{"do": "hold"})
	for round := range 8 { // 16 raw clients are the limit
		s.post(path+"/doors", session.DoorRun{Run: "glued", Round: round + 1})
	}
	response, text := s.do("POST", path+"/doors", `{"run":"whole","round":9}`, nil)
	if response.StatusCode != http.StatusConflict || !strings.Contains(text, "16 raw clients") {
		t.Errorf("the ninth run is answered with %d %s; want 409", response.StatusCode, text)
	}
	s.until("every request is held", func() bool {
		held := 0
		events, _ := sess.Rec.After(0, math.MaxInt)
		for _, e := range events {
			if b, ok := e.Body.(*recording.Held); ok && b.State == "waiting" {
				held++
			}
		}
		return held >= 16
	})
	// start ends the lab server, and TestMain finds what is left of it.
}

func TestARunWaitsWhileTheWireIsHeld(t *testing.T) {
	s := start(t)
	sess := s.session()
	path := "/api/sessions/" + sess.ID
	s.post(path+"/valve", map[string]string{"do": "hold"})
	s.post(path+"/doors", session.DoorRun{Run: "cut", Round: 1})
	s.await(sess, "a request is held", held("waiting"))
	s.post(path+"/valve", map[string]string{"do": "run"})
	s.until("both servers have echoed and closed", func() bool {
		all := seenBy(sess)
		return len(all) == 2 && all["listener"].closed && all["net-http"].closed && all["listener"].echo && all["net-http"].echo
	})
}

func TestHTTP2HasNoUpgrade(t *testing.T) {
	s := start(t)
	answer, err := json.Marshal(s.post("/api/doors/http2", map[string]any{}))
	s.ok(err)
	var run struct {
		Exchanges []struct {
			Client, What, Proto, Text, Error string
			New                              [][]string
			Status                           int
		}
	}
	s.ok(json.Unmarshal(answer, &run))
	if len(run.Exchanges) != 4 {
		t.Fatalf("the run has %d exchanges; want 4: %s", len(run.Exchanges), answer)
	}
	page, second, refused, fields := run.Exchanges[0], run.Exchanges[1], run.Exchanges[2], run.Exchanges[3]
	if page.Proto != "HTTP/2.0" || page.Status != 200 || len(page.New) != 1 || !slices.Equal(page.New[0], []string{"h2", "http/1.1"}) {
		t.Errorf("the page: %+v; want 200 over HTTP/2.0", page)
	}
	if second.Proto != "HTTP/1.1" || second.Status != 101 || len(second.New) != 1 || slices.Contains(second.New[0], "h2") {
		t.Errorf("the handshake of a client of both: %+v; want 101 on a second connection, which does not offer HTTP/2", second)
	}
	if refused.Status != 0 || !strings.Contains(refused.Error, "Upgrade") {
		t.Errorf("the handshake over HTTP/2: %+v; want an error of the client that names Upgrade", refused)
	}
	if fields.Proto != "HTTP/2.0" || fields.Status != 505 || !strings.Contains(fields.Text, "HTTP/2.0") {
		t.Errorf("the handshake without Upgrade: %+v; want 505 over HTTP/2.0", fields)
	}
}

func TestMemoryOfIdleConnectionsIsMeasured(t *testing.T) {
	s := start(t)
	answer, err := json.Marshal(s.post("/api/doors/memory", map[string]any{}))
	s.ok(err)
	var run struct {
		Ways []struct {
			Way                string
			Connections, Bytes int
		}
	}
	s.ok(json.Unmarshal(answer, &run))
	used := map[string]int{}
	for _, w := range run.Ways {
		if used[w.Way] = w.Bytes; w.Connections != 200 {
			t.Errorf("%s: %d connections; want 200", w.Way, w.Connections)
		}
	}
	if len(used) != 3 || used["listener"] < 1<<10 || used["server"] < 1<<10 || used["upgrader"] < used["server"] {
		t.Errorf("the memory is %v; want more for the upgrader than for the server", used)
	}
}
