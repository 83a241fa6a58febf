package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference/wire"
)

// serveEcho serves the reference at a free port of this machine.
func serveEcho(t *testing.T) (addr string, stop func()) {
	e, err := endpoint.Find("reference")
	if err != nil {
		t.Fatal(err)
	}
	target, stop, err := runner.Serve(e)
	if err != nil {
		t.Fatal(err)
	}
	return target.Host, stop
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
	if up := s.post("/api/judge/reach?server="+server, map[string]any{})["up"]; up != true {
		t.Errorf("up is %v", up)
	}
	answer := s.post("/api/judge?server="+server, map[string]any{"cases": []string{"5.1"}})
	lines := s.told(answer["judge"].(string), "")
	for _, l := range lines[:len(lines)-1] {
		if l.Verdict != "pass" || l.Endpoint != "localhost:"+port {
			t.Errorf("%+v", l)
		}
	}
	both := s.post("/api/judge/case?server="+server, map[string]any{"case": "5.1/wrong-mask-in-text", "endpoints": []string{"gorilla"}})
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
	if up := s.post("/api/judge/reach?server="+server, map[string]any{})["up"]; up != false {
		t.Errorf("up is %v", up)
	}
	lines := s.told(s.post("/api/judge?server="+server, map[string]any{})["judge"].(string), "")
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
		for range 5 { // then close the listener
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
	lines := s.told(s.post("/api/judge?server="+server, map[string]any{})["judge"].(string), "")
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
		t.Errorf("%d cases are reported", len(judged))
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
	target, err := s.foreignTarget(t.Context(), address)
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
			if target, err := s.foreignTarget(t.Context(), "ws://"+host+":"+zeros+port+"/"); err == nil {
				t.Errorf("%s with port %s%s would be dialled as %+v", host, zeros, port, target)
			}
		}
	}
	// What only the resolver knows to be the lab itself: the C library reads some of
	// these as addresses. None may lead to a connection.
	for _, host := range []string{"2130706433", "0x7f000001", "0x7f.1", "127.1", "017700000001", "0"} {
		target, err := s.foreignTarget(t.Context(), "ws://"+host+":"+port+"/")
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
			t.Errorf("%v is classified wrongly", ip)
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
		"/api/judge/server":                 fmt.Sprintf(`{"address":%q}`, address),
		"/api/judge?server=" + server:       `{}`,
		"/api/judge/reach?server=" + server: `{}`,
		"/api/judge/case?server=" + server:  `{"case":"5.1/wrong-mask-in-text"}`,
		"/api/judge/client":                 `{}`,
		"/api/judge/header":                 `{"header":"8100","endpoint":"reference","role":"server"}`,
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
			body := `{}`
			if path == "/api/judge/case" {
				body = `{"case":"5.1/wrong-mask-in-text"}`
			}
			response, body := s.do("POST", path+"?server="+url.QueryEscape(server), body, nil)
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

func TestANameThatLeadsToTheLabServerIsRefusedAtOnceAndLater(t *testing.T) {
	s := start(t, func(o *Options) { o.JudgeAny = true })
	_, port, err := net.SplitHostPort(s.address)
	s.ok(err)
	leadsTo := netip.MustParseAddr("203.0.113.7")
	defer func(old func(context.Context, string, string) ([]netip.Addr, error)) { lookup = old }(lookup)
	lookup = func(context.Context, string, string) ([]netip.Addr, error) { return []netip.Addr{leadsTo}, nil }
	ask := fmt.Sprintf(`{"address":"ws://lab.test:0%s/ws/reference"}`, port)
	if response, body := s.do("POST", "/api/judge/server", ask, nil); response.StatusCode != 200 {
		t.Fatalf("a name that leads elsewhere is answered with %d %s", response.StatusCode, body)
	}
	leadsTo = netip.MustParseAddr("127.0.0.1")
	response, body := s.do("POST", "/api/judge/server", ask, nil)
	if f := refusal(t, ask, body); response.StatusCode != 409 || !strings.Contains(f.What, "lab server itself") {
		t.Errorf("a name that leads to the lab server is answered with %d %s", response.StatusCode, body)
	}
	// One that leads here when it is dialed, not when it was named.
	id := s.servers.add("later", suite.Target{Dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Control: s.mayDial}).DialContext(ctx, "tcp", s.address)
	}})
	if response, body := s.do("POST", "/api/judge/reach?server="+id, "{}", nil); response.StatusCode != 409 {
		t.Errorf("whether it is there is answered with %d %s", response.StatusCode, body)
	}
}
