package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestTheGuardLetsOwnPagesAndProgramsInAndNoOtherPage(t *testing.T) {
	s := start(t)
	_, port, _ := strings.Cut(s.address, ":")
	const (
		in  = 200
		out = 403
	)
	for _, c := range []struct {
		name         string
		method, path string
		host         string // OWN means the port
		fields       map[string]string
		want         int
	}{
		{"the numbers", "GET", "/", "127.0.0.1:OWN", nil, in},
		{"localhost", "GET", "/", "localhost:OWN", nil, in},
		{"LOCALHOST", "GET", "/", "LocalHost:OWN", nil, in},
		{"IPv6", "GET", "/", "[::1]:OWN", nil, in},
		{"another loopback address", "GET", "/", "127.8.8.8:OWN", nil, in},
		{"without a port", "GET", "/", "localhost", nil, in},
		{"IPv6 without a port", "GET", "/", "[::1]", nil, in},
		{"a name given by flag", "GET", "/", "lab.example:OWN", nil, in},
		{"a name given by flag, in capitals", "GET", "/", "LAB.example", nil, in},
		{"a rebound name", "GET", "/", "evil.example:OWN", nil, out},
		{"a rebound name without a port", "GET", "/", "evil.example", nil, out},
		{"a name that begins like ours", "GET", "/", "localhost.evil.example", nil, out},
		{"a name that ends like ours", "GET", "/", "evillocalhost", nil, out},
		{"a name below ours", "GET", "/", "x.lab.example", nil, out},
		{"an address in a name", "GET", "/", "127.0.0.1.nip.example:OWN", nil, out},
		{"an address of the network", "GET", "/", "192.168.0.7:OWN", nil, out},
		{"any address", "GET", "/", "0.0.0.0:OWN", nil, out},
		{"a port that is none", "GET", "/", "127.0.0.1:80;x", nil, out},
		{"a static file by a rebound name", "GET", "/static/app.js", "evil.example", nil, out},
		{"the API by a rebound name", "POST", "/api/sessions", "evil.example:OWN", nil, out},
		{"a WebSocket by a rebound name", "GET", "/ws/reference", "evil.example:OWN", nil, out},

		{"no Origin", "POST", "/api/sessions", "127.0.0.1:OWN", nil, in},
		{"own Origin", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "http://127.0.0.1:OWN"}, in},
		{"own Origin by name", "POST", "/api/sessions", "localhost:OWN", map[string]string{"Origin": "http://localhost:OWN"}, in},
		{"own Origin in IPv6", "POST", "/api/sessions", "[::1]:OWN", map[string]string{"Origin": "http://[::1]:OWN"}, in},
		{"own Origin by flag", "POST", "/api/sessions", "lab.example:OWN", map[string]string{"Origin": "http://lab.example:OWN"}, in},
		{"the default port in Host alone", "POST", "/api/sessions", "127.0.0.1:80", map[string]string{"Origin": "http://127.0.0.1"}, in},
		{"the default port in Origin alone", "POST", "/api/sessions", "localhost", map[string]string{"Origin": "http://localhost:80"}, in},
		{"the default port of another scheme", "POST", "/api/sessions", "localhost", map[string]string{"Origin": "http://localhost:443"}, out},
		{"a user in Origin", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "http://user@127.0.0.1:OWN"}, out},
		{"a path in Origin", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "http://127.0.0.1:OWN/"}, out},
		{"a long Origin", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "http://" + strings.Repeat("x", 5000)}, out},
		{"another port", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "http://127.0.0.1:1"}, out},
		{"no port", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "http://127.0.0.1"}, out},
		{"another name of this machine", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "http://localhost:OWN"}, out},
		{"another scheme", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "https://127.0.0.1:OWN"}, out},
		{"another host", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "http://evil.example"}, out},
		{"null", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "null"}, out},
		{"an empty Origin", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": ""}, out},
		{"another Origin may not read", "GET", "/api/connections", "127.0.0.1:OWN", map[string]string{"Origin": "http://evil.example"}, out},
		{"another Origin may not open", "GET", "/ws/reference", "127.0.0.1:OWN", map[string]string{"Origin": "http://evil.example"}, out},

		{"a form elsewhere", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, out},
		{"a form on another port", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, out},
		{"an image elsewhere that is an endpoint", "GET", "/ws/reference", "127.0.0.1:OWN", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, out},
		{"a link elsewhere to an endpoint", "GET", "/ws/reference", "127.0.0.1:OWN", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, out},
		{"a script elsewhere that is the list", "GET", "/api/connections", "127.0.0.1:OWN", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, out},
		{"a script elsewhere that is ours", "GET", "/static/app.js", "127.0.0.1:OWN", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, out},
		{"a link elsewhere", "GET", "/lab", "127.0.0.1:OWN", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, in},
		{"the address bar", "GET", "/lab", "127.0.0.1:OWN", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, in},
		{"own page", "POST", "/api/sessions", "127.0.0.1:OWN", map[string]string{"Origin": "http://127.0.0.1:OWN", "Sec-Fetch-Site": "same-origin"}, in},
		{"own script", "GET", "/static/app.js", "127.0.0.1:OWN", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, in},
	} {
		own := func(text string) string { return strings.ReplaceAll(text, "OWN", port) }
		response, body := s.do(c.method, c.path, "", func(r *http.Request) {
			r.Host = own(c.host)
			for name, value := range c.fields {
				r.Header.Set(name, own(value))
			}
		})
		if response.StatusCode != c.want {
			t.Errorf("%s: %s %s of %s with %v is answered with %d %.100s; want %d", c.name, c.method, c.path, own(c.host), c.fields, response.StatusCode, body, c.want)
		}
		if c.want == out && (strings.Count(body, "\n") < 2 || len(body) > 400) {
			t.Errorf("%s: the answer does not say what is wrong and what helps: %q", c.name, body)
		}
	}
	if n := len(s.sessions.Connections(every)); n != 0 {
		t.Errorf("what was refused has left %d connections in the list", n)
	}
}

func TestTwoOriginsAreRefused(t *testing.T) {
	s := start(t)
	response, _ := s.do("POST", "/api/sessions", "", func(r *http.Request) {
		r.Header["Origin"] = []string{"http://" + s.address, "http://evil.example"}
	})
	if response.StatusCode != 403 {
		t.Errorf("the answer is %d", response.StatusCode)
	}
}

// A Host that is accepted becomes a part of the policy, so it must not end there.
func TestAHostThatBreaksTheGrammarIsRefused(t *testing.T) {
	s := start(t)
	for _, host := range []string{"[::1%;script-src]CSP", "[::1%25;x]", "[::1%lo]", "[::1%lo]:80", "::1", "[127.0.0.1]", "[::1]x", "[::1", "::1]", "localhost:", "localhost:x", "localhost:99999", "user@localhost", "localhost/", "lab.example;script-src", strings.Repeat("x", 5000)} {
		s.unharmed(func() {
			p := s.dial()
			p.say("GET /lab HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
			response, body := p.response()
			if response.StatusCode != 403 && response.StatusCode != 400 || len(body) > 400 || response.Header.Get("Content-Security-Policy") != "" {
				t.Errorf("Host %.60q is answered with %d, %v, %.100s", host, response.StatusCode, response.Header, body)
			}
			p.ended()
		})
	}
}

func TestARequestWithoutHostIsRefused(t *testing.T) {
	s := start(t)
	s.unharmed(func() {
		p := s.dial()
		p.say("GET / HTTP/1.0\r\n\r\n")
		if response, _ := p.response(); response.StatusCode != 403 {
			t.Errorf("the answer is %d", response.StatusCode)
		}
		p.ended()
	})
}

func TestEveryAnswerOfOursForbidsWhatThePageDoesNotNeed(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/", "/lab", "/rules", "/lessons/01-handshake", "/nowhere", "/static/app.js", "/api/connections", "/api/nowhere"} {
		response, _ := s.get(path)
		policy := map[string]string{}
		for directive := range strings.SplitSeq(response.Header.Get("Content-Security-Policy"), ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), " ")
			policy[name] = value
		}
		for name, want := range map[string]string{
			"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
			"connect-src": "'self' ws://" + s.address, "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
		} {
			if policy[name] != want {
				t.Errorf("%s: %s is %q, want %q", path, name, policy[name], want)
			}
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestTheAddressThatItListensOnIsItsOwn(t *testing.T) {
	s := &Server{addr: "192.168.0.7:8080"}
	for host, want := range map[string]bool{"192.168.0.7:8080": true, "192.168.0.7:81": false, "192.168.0.8:8080": false, "192.168.0.7": false} {
		if got := s.isOwn(host); got != want {
			t.Errorf("isOwn(%q) is %t", host, got)
		}
	}
	s.addr = "192.168.0.7:80" // which a browser leaves out
	if !s.isOwn("192.168.0.7") || !s.isOwn("192.168.0.7:80") || s.isOwn("192.168.0.7:8080") {
		t.Error("the default port counts")
	}
}
