package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference"
	"wslab/reference/dissect"
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

// serveEcho serves the reference at a free port of this machine.
func serveEcho(t *testing.T) (addr string, stop func()) {
	e, err := endpoint.Find("reference")
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err = runner.Serve(e)
	if err != nil {
		t.Fatal(err)
	}
	return addr, stop
}

// serverAt has the lab take an address, as the page does when its reader presses the
// button, and returns the ID.
func (s *site) serverAt(address string) string {
	s.Helper()
	return s.post("/api/judge/server", map[string]any{"address": address})["server"].(string)
}

func TestTheLearnersServerIsJudged(t *testing.T) {
	s := start(t)
	addr, stop := serveEcho(t)
	defer stop()
	_, port, _ := net.SplitHostPort(addr)
	server := s.serverAt("ws://localhost:" + port + "/any?path")
	if up := s.post("/api/judge/reach", map[string]any{"server": server})["up"]; up != true {
		t.Errorf("up is %v", up)
	}
	answer := s.post("/api/judge", map[string]any{"server": server, "cases": []string{"5.1"}})
	lines := s.told(answer["judge"].(string), "")
	for _, l := range lines[:len(lines)-1] {
		if l.Verdict != "pass" || l.Endpoint != "localhost:"+port {
			t.Errorf("%+v", l)
		}
	}
	both := s.post("/api/judge/case", map[string]any{"case": "5.1/wrong-mask-in-text", "server": server, "endpoints": []string{"gorilla"}})
	if n := len(both["reports"].([]any)); n != 2 {
		t.Errorf("%d reports of two servers", n)
	}
}

func TestAServerThatIsNotThereIsToldInASentence(t *testing.T) {
	s := start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.ok(err)
	server := s.serverAt("ws://" + l.Addr().String() + "/")
	l.Close()
	if up := s.post("/api/judge/reach", map[string]any{"server": server})["up"]; up != false {
		t.Errorf("up is %v", up)
	}
	lines := s.told(s.post("/api/judge", map[string]any{"server": server})["judge"].(string), "")
	if len(lines) != 1 || !lines[0].Away || len(lines[0].Error) < 10 {
		t.Errorf("%+v", lines)
	}
}

func TestAServerThatGoesAwayInTheMiddleIsNotCalledWrong(t *testing.T) {
	s := start(t)
	echo, stop := serveEcho(t)
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.ok(err)
	server := s.serverAt("ws://" + l.Addr().String() + "/")
	var running sync.WaitGroup
	running.Go(func() {
		for range 5 { // and then nobody listens any more
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", echo)
			if err != nil {
				from.Close()
				continue
			}
			running.Go(func() { _, _ = io.Copy(to, from); to.Close() })
			running.Go(func() { _, _ = io.Copy(from, to); from.Close() })
		}
		l.Close()
	})
	lines := s.told(s.post("/api/judge", map[string]any{"server": server})["judge"].(string), "")
	running.Wait()
	last := lines[len(lines)-1]
	if !last.Over || !last.Away || !strings.Contains(last.Error, "no longer be reached") || !strings.Contains(last.Error, "The process died") {
		t.Errorf("%d lines, at last %+v", len(lines), last)
	}
	judged := map[string]string{}
	for _, l := range lines[:len(lines)-1] {
		judged[l.Case] = l.Verdict
		if l.Verdict == "fail" || l.Closing == "fail" {
			t.Errorf("%s: %s", l.Case, l.Reason)
		}
	}
	if len(judged) != len(suite.ForRole(suite.All(), wire.Server)) {
		t.Errorf("%d cases are told of", len(judged))
	}
}

func TestOnlyServersOfThisMachineAreDialled(t *testing.T) {
	s := start(t)
	_, own, _ := net.SplitHostPort(s.address)
	for _, server := range []string{
		"ws://192.0.2.1:80/", "ws://example.com/", "ws://0.0.0.0:9000/", "ws://[::ffff:192.0.2.1]/", "ws://localhost.example:9000/", "ws://127.0.0.1.example/",
		"http://localhost:9000/", "file:///etc/passwd", "localhost:9000", "ws://", "ws://:9000/", "ws://user:secret@localhost:9000/", "ws://localhost:9000/#here",
		"ws://localhost:99999/", "ws://localhost:0/", "ws://local host/", "ws://localhost:9000/\x00", "wss://2130706433:9000/", "ws://0x7f000001/",
		"ws://localhost:" + own + "/ws/reference", "ws://127.0.0.1:" + own + "/", "ws://[::1]:" + own + "/", "ws://127.0.0.1:0" + own + "/", "wss://LOCALHOST:000" + own + "/", "ws://[::ffff:127.0.0.1]:" + own + "/", "ws://[0:0:0:0:0:0:0:1]:" + own + "/",
		"ws://localhost:9000/?a b", "ws://localhost:9000/\u00e9?\u00e9", "ws://localhost:9000/a?b\u007f", "ws://[::1%25lo]:9000/", strings.Repeat("a", 2000),
	} {
		b, _ := json.Marshal(map[string]any{"address": server})
		response, body := s.do("POST", "/api/judge/server", string(b), nil)
		if response.StatusCode != 409 {
			t.Errorf("%.60q is answered with %d %s", server, response.StatusCode, body)
		}
		refusal(t, server, body)
	}
	if s.foreignOf(t, "ws://127.8.8.8:9/").Name != "127.8.8.8:9" || s.foreignOf(t, "wss://[::1]:9/x").TLS != true {
		t.Error("an address of this machine is read wrongly")
	}
}

func (s *site) foreignOf(t *testing.T, address string) suite.Target {
	target, err := s.foreignTarget(address)
	if err != nil {
		t.Errorf("%s: %v", address, err)
	}
	return target
}

func TestANameThatLeadsElsewhereIsNotDialled(t *testing.T) {
	for address, ok := range map[string]bool{"127.0.0.1:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true, "192.0.2.1:80": false, "[2001:db8::1]:80": false, "0.0.0.0:80": false, "x": false} {
		if err := new(Server).mayDial("tcp", address, nil); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestTheLabServerIsNotJudgedByAnyOfItsNames(t *testing.T) {
	s := start(t, func(o *Options) { o.JudgeAny = true })
	_, port, _ := net.SplitHostPort(s.address)
	for _, host := range []string{"127.0.0.1", "localhost", "LocalHost.", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "[::ffff:7f00:1]"} {
		for _, zeros := range []string{"", "0", "00000"} {
			if target, err := s.foreignTarget("ws://" + host + ":" + zeros + port + "/"); err == nil {
				t.Errorf("%s with port %s%s would be dialled as %+v", host, zeros, port, target)
			}
		}
	}
	// What only the resolver knows to be the lab itself: the C library reads some of
	// these as addresses. None may lead to a connection.
	for _, host := range []string{"2130706433", "0x7f000001", "0x7f.1", "127.1", "017700000001", "0"} {
		target, err := s.foreignTarget("ws://" + host + ":" + port + "/")
		if err != nil {
			continue
		}
		if conn, err := target.Dial(s.ctx); err == nil {
			conn.Close()
			t.Errorf("%s is dialled", host)
		}
	}
	// And an address that a name was resolved to.
	for address, ok := range map[string]bool{"127.0.0.1:" + port: false, "[::1]:" + port: false, "0.0.0.0:" + port: false, "[::ffff:127.0.0.1]:" + port: false, "127.0.0.1:1": true, "192.0.2.1:" + port: true} {
		if err := s.mayDial("tcp", address, nil); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	// One that listens on every address is reached by those of its interfaces as well.
	wide := &Server{listening: []netip.AddrPort{netip.MustParseAddrPort("[::]:8080")}}
	all, err := net.InterfaceAddrs()
	s.ok(err)
	for _, a := range all {
		if ip := netip.MustParsePrefix(a.String()).Addr(); !wide.isSelf(netip.AddrPortFrom(ip, 8080)) || wide.isSelf(netip.AddrPortFrom(ip, 8081)) {
			t.Errorf("%v is told wrongly from others", ip)
		}
	}
	if wide.isSelf(netip.MustParseAddrPort("192.0.2.1:8080")) {
		t.Error("another machine is treated as this one")
	}
}

func TestAFlagLetsOtherMachinesBeJudged(t *testing.T) {
	s := start(t, func(o *Options) { o.JudgeAny = true })
	if target := s.foreignOf(t, "ws://example.com/x"); target.Host != "example.com" || target.Path != "/x" {
		t.Errorf("%+v", target)
	}
}

func TestAPageOfAnotherOriginCannotHaveAnythingJudged(t *testing.T) {
	s := start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.ok(err)
	defer l.Close()
	dialled := make(chan net.Conn, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			dialled <- c
		}
		close(dialled)
	}()
	address := "ws://" + l.Addr().String() + "/"
	server := s.serverAt(address)
	for path, body := range map[string]string{
		"/api/judge/server": fmt.Sprintf(`{"address":%q}`, address),
		"/api/judge":        fmt.Sprintf(`{"server":%q}`, server),
		"/api/judge/reach":  fmt.Sprintf(`{"server":%q}`, server),
		"/api/judge/case":   fmt.Sprintf(`{"case":"5.1/wrong-mask-in-text","server":%q}`, server),
		"/api/judge/client": `{}`,
		"/api/judge/header": `{"header":"8100","endpoint":"reference","role":"server"}`,
	} {
		for name, change := range map[string]func(*http.Request){
			"another Origin": func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
			"null":           func(r *http.Request) { r.Header.Set("Origin", "null") },
			"a form": func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", "cross-site")
				r.Header.Set("Sec-Fetch-Mode", "navigate")
			},
			"a rebound name": func(r *http.Request) { r.Host = "evil.example" },
			"another port":   func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
			"no-cors, a blob": func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", "same-site")
				r.Header.Set("Sec-Fetch-Mode", "no-cors")
			},
		} {
			if response, _ := s.do("POST", path, body, change); response.StatusCode != 403 {
				t.Errorf("%s, %s: %d", path, name, response.StatusCode)
			}
		}
	}
	// A request of its own page has no effect either, if it has an address where an
	// ID is expected: no reader pressed the button for that address.
	for _, path := range []string{"/api/judge", "/api/judge/reach", "/api/judge/case"} {
		for _, server := range []string{address, strings.ToLower(server), "x"} {
			body := fmt.Sprintf(`{"server":%q}`, server)
			if path == "/api/judge/case" {
				body = fmt.Sprintf(`{"case":"5.1/wrong-mask-in-text","server":%q}`, server)
			}
			response, body := s.do("POST", path, body, nil)
			if response.StatusCode != 409 {
				t.Errorf("%s of %q is answered with %d %s", path, server, response.StatusCode, body)
			}
			refusal(t, path, body)
		}
	}
	l.Close()
	if c, ok := <-dialled; ok {
		c.Close()
		t.Error("the server was dialled all the same")
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
		t.Errorf("behind the run the socket is answered with %d", response.StatusCode)
	}
}

func TestTheKeysOfABrowserAreHeldAgainstEachOther(t *testing.T) {
	s := start(t)
	i := slices.IndexFunc(suite.All(), func(c *suite.Case) bool { return c.Title == "A key of its own for each connection" })
	id := suite.All()[i].ID
	answer := s.post("/api/judge/client", map[string]any{"cases": []string{"4.1/method-and-version", id}})
	for range 2 {
		s.websocket(answer["url"].(string)).Close() // always with the key of the RFC's example
	}
	lines := s.told(answer["judge"].(string), "")
	if !slices.ContainsFunc(lines, func(l line) bool {
		return l.Case == id && strings.Contains(l.Reason, "has been in a connection before")
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
		t.Errorf("behind it the next is answered with %d", response.StatusCode)
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
	s.post("/api/judge", map[string]any{"server": s.serverAt("ws://" + stuck.Addr().String() + "/")})
	// The clean-up of start waits until nothing of either is left.
}
