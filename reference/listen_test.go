package reference

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wslab/reference/wire"
)

// connectTo runs s on a loopback listener and dials it, for the examples.
func connectTo(s *Server) (c *Conn, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c, err = Dial(context.Background(), "ws://"+l.Addr().String(), nil)
	must(err)
	return c, func() {
		_ = c.CloseNow()
		must(s.Shutdown(context.Background()))
		<-served
	}
}

// listen runs s on both of its paths and gives their ws URLs by name.
func listen(t *testing.T, s *Server) map[string]string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		srv.Close()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve gives %v", err)
		}
	})
	return map[string]string{"TCP": "ws://" + l.Addr().String(), "net/http": "ws" + strings.TrimPrefix(srv.URL, "http")}
}

func TestBothPathsOfAServerGiveTheHandlerTheSame(t *testing.T) {
	for path, url := range listen(t, &Server{Handler: echoes, Subprotocols: []string{"b", "a"}}) {
		c := dialTest(t, url, &DialOptions{Subprotocols: []string{"a", "b"}})
		if c.Subprotocol() != "b" {
			t.Errorf("%s: the subprotocol is %q", path, c.Subprotocol())
		}
		for _, size := range []int{0, 125, 126, 65536, 1 << 20} {
			must(c.WriteMessage(wire.Binary, make([]byte, size)))
			if _, p, err := c.ReadMessage(); err != nil || len(p) != size {
				t.Errorf("%s: %d bytes came back as %d, %v", path, size, len(p), err)
			}
		}
		if err := c.Close(wire.NormalClosure, ""); err != nil {
			t.Errorf("%s: Close gives %v", path, err)
		}
	}
}

func TestFramesGluedToTheHandshakeAreAnsweredOnBothPaths(t *testing.T) {
	text, bye := from(wire.Client, true, wire.Text, "Hello"), closeFrame(wire.Client, 1000, "")
	for path, url := range listen(t, &Server{Handler: echoes}) {
		for _, cut := range []int{0, 1, len(handshake) - 1, len(handshake) + 3} {
			all := join([]byte(handshake), text, bye)
			nc := rawDial(t, url, all[:cut])
			_, err := nc.Write(all[cut:])
			must(err)
			got, err := io.ReadAll(nc)
			if err != nil {
				t.Fatal(err)
			}
			if f := frames(t, wire.Server, got[headSize(got):]); !slices.Equal(f, []string{`text "Hello"`, "close 1000"}) {
				t.Errorf("%s, cut at %d: the server sends %q", path, cut, f)
			}
		}
	}
}

func TestBothPathsRefuseTheSameWithEveryReason(t *testing.T) {
	urls := listen(t, &Server{Handler: func(*Conn, wire.Head) { t.Error("a connection was opened") }})
	for _, r := range []struct {
		name, old, new string
		status         int
		rules          []wire.Rule
	}{
		{"POST", "GET", "POST", 405, []wire.Rule{wire.RuleMethod}},
		{"HTTP/1.0", "HTTP/1.1", "HTTP/1.0", 400, []wire.Rule{wire.RuleHTTPVersion}},
		{"a fragment in the target", "GET /chat", "GET /chat#top", 400, []wire.Rule{wire.RuleTarget}},
		{"a body and version 8", "Version: 13\r\n\r\n", "Version: 8\r\nContent-Length: 5\r\n\r\nHello", 400, []wire.Rule{wire.RuleBody, wire.RuleVersion}},
		{"no Upgrade", "Upgrade: websocket\r\n", "", 426, []wire.Rule{wire.RuleUpgrade}},
		{"no Connection", "Connection: Upgrade\r\n", "", 400, []wire.Rule{wire.RuleConnection}},
		{"no key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400, []wire.Rule{wire.RuleKeyMissing}},
		{"two keys", "Origin: http://server.example.com", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", 400, []wire.Rule{wire.RuleKeyRepeated}},
		{"a short key", "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 400, []wire.Rule{wire.RuleKeyLength}},
		{"version 8", "Version: 13", "Version: 8", 426, []wire.Rule{wire.RuleVersion}},
		{"another origin", "Origin: http://server", "Origin: http://elsewhere", 403, []wire.Rule{wire.RuleOrigin}},
		{"the origin null", "Origin: http://server.example.com", "Origin: null", 403, []wire.Rule{wire.RuleOrigin}},
		{"an extension that is no token", "Origin: ", "Sec-WebSocket-Extensions: a;;\r\nOrigin: ", 400, []wire.Rule{wire.RuleExtensionGrammar}},
		{"three things at once", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "Origin: http://elsewhere\r\n", 426,
			[]wire.Rule{wire.RuleUpgrade, wire.RuleConnection, wire.RuleOrigin}},
	} {
		bodies := map[string]string{}
		for path, url := range urls {
			nc := rawDial(t, url, []byte(strings.Replace(handshake, r.old, r.new, 1)))
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != r.status {
				t.Errorf("%s, %s: the status is %d, %v", r.name, path, resp.StatusCode, err)
			}
			for _, rule := range r.rules {
				if !strings.Contains(string(body), rule.Sentence+" (RFC 6455 §"+rule.Section+")") {
					t.Errorf("%s, %s: the body does not name %s: %s", r.name, path, rule.Code, body)
				}
			}
			if allow := resp.Header.Get("Allow"); (allow == "GET") != (r.status == 405) {
				t.Errorf("%s, %s: Allow is %q", r.name, path, allow)
			}
			if r.status == 426 && (resp.Header.Get("Upgrade") != "websocket" || resp.Header.Get("Sec-WebSocket-Version") != "13") {
				t.Errorf("%s, %s: the header is %v", r.name, path, resp.Header)
			}
			bodies[path] = string(body)
			nc.Close()
		}
		if bodies["TCP"] != bodies["net/http"] {
			t.Errorf("%s: the paths refuse with different words:\n%s\n%s", r.name, bodies["TCP"], bodies["net/http"])
		}
	}
}

func TestBothPathsAnswerTheSameStatusToTheSameBytes(t *testing.T) {
	urls := listen(t, &Server{Handler: echoes})
	line := func(l string) string { return strings.Replace(handshake, "GET /chat HTTP/1.1", l, 1) }
	host := func(h string) string { return strings.Replace(handshake, "Host: server.example.com", "Host: "+h, 1) }
	origin := func(request, o string) string {
		return strings.Replace(request, "Origin: http://server.example.com", "Origin: "+o, 1)
	}
	for name, r := range map[string]struct {
		request string
		status  int
	}{
		"the RFC's":                           {handshake, 101},
		"an absolute target of another host":  {line("GET http://evil.example/ HTTP/1.1"), 403},
		"an absolute target, and its origin":  {origin(line("GET http://evil.example/ HTTP/1.1"), "http://evil.example"), 101},
		"an absolute target of this host":     {line("GET http://server.example.com/chat HTTP/1.1"), 101},
		"an absolute target with a user name": {line("GET http://u:p@server.example.com/ HTTP/1.1"), 400},
		"an absolute target without a path":   {line("GET http://server.example.com HTTP/1.1"), 101},
		"an absolute target without a host":   {line("GET http:///chat HTTP/1.1"), 400},
		"an absolute target with a bad port":  {line("GET http://a:b/ HTTP/1.1"), 400},
		"HTTP/1.2":                            {line("GET / HTTP/1.2"), 101},
		"HTTP/2.0":                            {line("GET / HTTP/2.0"), 505},
		"HTTP/3.0":                            {line("GET / HTTP/3.0"), 505},
		"HTTP/0.9":                            {line("GET / HTTP/0.9"), 505},
		"HTTP/11.1":                           {line("GET / HTTP/11.1"), 400},
		"HTTP/2":                              {line("GET / HTTP/2"), 400},
		"half a percent-encoded byte":         {line("GET /a%zz HTTP/1.1"), 400},
		"a percent sign in the query":         {line("GET /a?%zz HTTP/1.1"), 101},
		"two slashes":                         {line("GET //x HTTP/1.1"), 101},
		"a Host with a space":                 {host("a b"), 400},
		"a Host with a user name":             {host("u@a"), 400},
		"a Host with a path":                  {host("a/b"), 400},
		"a Host with a query":                 {host("a?b"), 400},
		"a Host with a bad port":              {host("a:b"), 400},
		"a Host of an open bracket":           {host("[::1"), 400},
		"a Host that is a list":               {host("a,b c"), 400},
		"a Host with a default port":          {host("server.example.com:80"), 101},
		"an https Origin, and its port":       {origin(host("server.example.com:443"), "https://server.example.com"), 101},
		"an Origin with a user name":          {origin(handshake, "http://user@server.example.com"), 403},
		"an Origin with a path":               {origin(handshake, "http://server.example.com/"), 403},
		"the preface of HTTP/2":               {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	} {
		for path, url := range urls {
			nc := rawDial(t, url, []byte(r.request))
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil {
				t.Errorf("%s, %s: %v", name, path, err)
			} else if resp.StatusCode != r.status {
				t.Errorf("%s, %s: the status is %d, want %d", name, path, resp.StatusCode, r.status)
			}
			nc.Close()
		}
	}
}

func TestOneEmptyLineBeforeTheRequestIsIgnored(t *testing.T) {
	url := listen(t, &Server{Handler: echoes})["TCP"]
	for lines, want := range map[string]int{"\r\n": 101, "\n": 101, "\r\n\r\n": 400} {
		nc := rawDial(t, url, []byte(lines+handshake))
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil || resp.StatusCode != want {
			t.Errorf("after %q: %v, %v", lines, resp, err)
		}
		nc.Close()
	}
}

func TestARefusedOriginIsNamedBesideTheServer(t *testing.T) {
	for path, url := range listen(t, &Server{Handler: echoes}) {
		_, err := Dial(t.Context(), url, &DialOptions{Header: http.Header{"Origin": {"http://elsewhere.example"}}})
		var he *HandshakeError
		if !errors.As(err, &he) || he.Status != 403 || !strings.Contains(string(he.Body), "http://elsewhere.example") || !strings.Contains(string(he.Body), strings.TrimPrefix(url, "ws://")) {
			t.Errorf("%s: %v: %s", path, err, he.Body)
		}
	}
}

func TestTheHandlerHasTheRequestAndTheClientTheFieldsOfTheAnswer(t *testing.T) {
	got := make(chan wire.Head, 1)
	s := &Server{
		Handler: func(_ *Conn, request wire.Head) { got <- request },
		ResponseHeader: func(request wire.Head) http.Header {
			return http.Header{"Set-Cookie": {"to=" + request.Target}}
		},
		Options: Options{Extension: Deflate{Params: wire.DeflateParams{ServerNoContextTakeover: true}}},
	}
	for path, url := range listen(t, s) {
		nc := rawDial(t, url, []byte(strings.Replace(handshake, "Origin: ", "X-Own: a\r\nOrigin: ", 1)))
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil || resp.StatusCode != 101 || resp.Header.Get("Set-Cookie") != "to=/chat" {
			t.Errorf("%s: %v, %v", path, resp, err)
		}
		if request := <-got; request.Target != "/chat" || !slices.Equal(request.Values("X-Own"), []string{"a"}) {
			t.Errorf("%s: the Handler has %+v", path, request)
		}
		nc.Close()
	}
	bad := &Server{Handler: func(*Conn, wire.Head) { t.Error("a connection was opened") },
		ResponseHeader: func(request wire.Head) http.Header {
			return http.Header{request.Values("X-Name")[0]: {request.Values("X-Value")[0]}}
		}}
	for path, url := range listen(t, bad) {
		for name, value := range map[string]string{"Upgrade": "h2c", "Sec-WebSocket-Accept": "x", "Content-Length": "1", "No token": "x"} {
			nc := rawDial(t, url, []byte(strings.Replace(handshake, "Origin: ", "X-Name: "+name+"\r\nX-Value: "+value+"\r\nOrigin: ", 1)))
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil || resp.StatusCode != 500 {
				t.Errorf("%s, %s: %v, %v", path, name, resp, err)
			}
			nc.Close()
		}
	}
}

func TestARequestThatIsNoHTTPIsRefused(t *testing.T) {
	url := listen(t, &Server{Handler: func(*Conn, wire.Head) { t.Error("a connection was opened") }})["TCP"]
	for name, r := range map[string]struct {
		request string
		status  int
	}{
		"no target":            {"GET HTTP/1.1\r\n\r\n", 400},
		"two spaces":           {"GET  / HTTP/1.1\r\n\r\n", 400},
		"a relative target":    {"GET chat HTTP/1.1\r\n\r\n", 400},
		"another protocol":     {"GET / SIP/2.0\r\n\r\n", 400},
		"TLS":                  {"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400},
		"a line that goes on":  {strings.Replace(handshake, "Upgrade\r\n", "Upgrade,\r\n keep-alive\r\n", 1), 400},
		"a space before colon": {strings.Replace(handshake, "Upgrade:", "Upgrade :", 1), 400},
		"a NUL in a value":     {strings.Replace(handshake, "Origin: ", "Origin: \x00", 1), 400},
		"a body":               {strings.Replace(handshake, "Origin: ", "Content-Length: 5\r\nOrigin: ", 1), 400},
		"a chunked body":       {strings.Replace(handshake, "Origin: ", "Transfer-Encoding: chunked\r\nOrigin: ", 1), 400},
		"two hosts":            {strings.Replace(handshake, "Origin: ", "Host: b\r\nOrigin: ", 1), 400},
		"a head without end":   {"GET / HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", maxHead), 431},
	} {
		nc, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
		must(err)
		go io.WriteString(nc, r.request) // it may be refused before it is whole
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if resp.StatusCode != r.status || !resp.Close {
			t.Errorf("%s: the status is %d, the header %v", name, resp.StatusCode, resp.Header)
		}
		nc.Close()
	}
}

// pipeListener is a Listener of in-memory connections.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  *sync.Once
}

func newPipeListener() pipeListener {
	return pipeListener{make(chan net.Conn), make(chan struct{}), new(sync.Once)}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}
func (l pipeListener) Addr() net.Addr { return nil }

func (l pipeListener) dial() net.Conn {
	ours, theirs := net.Pipe()
	l.conns <- ours
	return theirs
}

// failing is a Listener that takes a connection only after a day of failing.
type failing struct {
	pipeListener
	until time.Time
	tries *int
}

func (l failing) Accept() (net.Conn, error) {
	*l.tries++
	if time.Now().Before(l.until) {
		return nil, errors.New("too many open files")
	}
	return l.pipeListener.Accept()
}

func TestAServerOutlastsAListenerThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		s := &Server{Handler: echoes, ErrorLog: func(error) { told++ }}
		l := failing{newPipeListener(), time.Now().Add(24 * time.Hour), new(int)}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		select {
		case err := <-served:
			t.Fatalf("Serve gives up: %v", err)
		case <-time.After(24*time.Hour + time.Second): // a pause is no longer than that
		}
		synctest.Wait()
		if *l.tries < 24*60*60 || *l.tries > 25*60*60 || told != *l.tries-1 {
			t.Errorf("it tried %d times, and told of %d", *l.tries, told)
		}
		nc := l.dial()
		sendAll(nc, []byte(handshake))
		r := bufio.NewReader(nc)
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 101 ") {
			t.Errorf("a client reads %q, %v", line, err)
		}
		must(nc.Close())
		must(s.Shutdown(t.Context()))
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve gives %v", err)
		}
	})
}

func TestAServerAsksForTheOriginOnBothPaths(t *testing.T) {
	s := &Server{Handler: echoes, CheckOrigin: func(request wire.Head) bool {
		return slices.Equal(request.Values("Origin"), []string{"http://friend.example"})
	}}
	for path, url := range listen(t, s) {
		c := dialTest(t, url, &DialOptions{Header: http.Header{"Origin": {"http://friend.example"}}})
		must(c.CloseNow())
		var he *HandshakeError
		if _, err := Dial(t.Context(), url, nil); !errors.As(err, &he) || he.Status != 403 {
			t.Errorf("%s: without an Origin Dial gives %v", path, err)
		}
	}
}

// FuzzRequest holds that the parser of requests takes any bytes, keeps to what
// it was given, and that what it takes for a request is one when it is written
// again.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(handshake))
	f.Add([]byte("GET / HTTP/1.1\n\n"))
	f.Add([]byte("GET / HTTP/1.1\r\na:b\r\n c\r\n\r\n"))
	f.Add([]byte(accepted))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, err := readHead(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		h, err := parseRequest(head)
		if err != nil {
			return
		}
		again := appendRequest(h)
		behind := bytes.NewReader(again)
		head, err = readHead(bufio.NewReader(behind))
		if err != nil || behind.Len() > 0 || bytes.Count(head, []byte("\n")) != bytes.Count(again, []byte("\n")) {
			t.Fatalf("%q is written as %q, whose head ends elsewhere", b, again)
		}
		h2, err := parseRequest(head)
		if err != nil || fmt.Sprint(h2) != fmt.Sprint(h) {
			t.Fatalf("%q is read as %v, and again as %v, %v", b, h, h2, err)
		}
		_ = wire.CheckRequest(h)
	})
}

func ExampleServer() {
	// The same Handler on a bare TCP listener, and in net/http's server.
	server := Server{Handler: func(c *Conn, _ wire.Head) {
		opcode, p, err := c.ReadMessage()
		if err == nil {
			_ = c.WriteMessage(opcode, p)
		}
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	mux := http.NewServeMux()
	mux.Handle("/ws", &server)

	c, err := Dial(context.Background(), "ws://"+l.Addr().String(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = c.WriteMessage(wire.Text, []byte("Hello"))
	_, p, _ := c.ReadMessage()
	fmt.Printf("%s\n", p)
	_, _, err = c.ReadMessage()
	fmt.Println(err)
	fmt.Println(server.Shutdown(context.Background()), <-served)
	// Output:
	// Hello
	// the peer closed the connection: 1000 normal closure
	// <nil> the server was shut down
}
