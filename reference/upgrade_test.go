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
	"testing"
	"time"

	"wslab/reference/uri"
	"wslab/reference/wire"
)

// serve runs an HTTP server whose only handler upgrades and then does what the
// test says. It gives the server's ws URL.
func serve(t *testing.T, u *Upgrader, handle func(*Conn)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := u.Upgrade(w, r)
		if err != nil {
			return
		}
		defer c.CloseNow()
		handle(c)
	}))
	t.Cleanup(srv.Close)
	return "ws" + strings.TrimPrefix(srv.URL, "http")
}

// echo sends every message back until there is no more.
func echo(c *Conn) {
	for {
		op, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		if c.WriteMessage(op, p) != nil {
			return
		}
	}
}

// echoes is echo for a Server.
func echoes(c *Conn, _ wire.Head) { echo(c) }

func dialTest(t *testing.T, url string, o *DialOptions) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c
}

func TestAClientAndAServerExchangeMessagesOverLoopback(t *testing.T) {
	url := serve(t, &Upgrader{Subprotocols: []string{"b", "a"}}, echo)
	c := dialTest(t, url, &DialOptions{Subprotocols: []string{"a", "b"}})
	if c.Subprotocol() != "b" {
		t.Errorf("the subprotocol is %q, and the server's first was %q", c.Subprotocol(), "b")
	}
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20} {
		sent := strings.Repeat("a", size)
		if err := c.WriteMessage(wire.Text, []byte(sent)); err != nil {
			t.Fatal(err)
		}
		op, p, err := c.ReadMessage()
		if err != nil || op != wire.Text || string(p) != sent {
			t.Fatalf("%d bytes came back as %s, %d bytes, %v", size, op, len(p), err)
		}
	}
	if err := c.WriteFragments(wire.Binary, []byte{1}, nil, []byte{2, 3}); err != nil {
		t.Fatal(err)
	}
	if op, p, err := c.ReadMessage(); err != nil || op != wire.Binary || string(p) != "\x01\x02\x03" {
		t.Fatalf("the fragments came back as %s, %v, %v", op, p, err)
	}
	if err := c.Close(wire.NormalClosure, "bye"); err != nil {
		t.Fatal(err)
	}
	if c.State() != Closed {
		t.Errorf("the state is %s", c.State())
	}
	if _, _, err := c.ReadMessage(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading after Close gives %v", err)
	}
	if err := c.WriteMessage(wire.Text, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing after Close gives %v", err)
	}
	if err := c.Close(wire.NormalClosure, ""); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closing after Close gives %v", err)
	}
}

func TestTheServerStartsTheClosingHandshake(t *testing.T) {
	result := make(chan error, 1)
	url := serve(t, &Upgrader{}, func(c *Conn) { result <- c.Close(4001, "enough") })
	c := dialTest(t, url, nil)
	_, _, err := c.ReadMessage()
	var ce *CloseError
	if !errors.As(err, &ce) || ce.Code != 4001 || ce.Reason != "enough" {
		t.Errorf("the client reads %v", err)
	}
	if err := <-result; err != nil {
		t.Errorf("the server's Close gives %v", err)
	}
	if c.State() != Closed {
		t.Errorf("the client's state is %s", c.State())
	}
}

// handshake is the request of RFC 6455 §1.3; tests change lines of it.
const handshake = "GET /chat HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Origin: http://server.example.com\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"\r\n"

// rawDial connects to a ws URL without a handshake and sends bytes.
func rawDial(t *testing.T, url string, data ...[]byte) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if _, err := nc.Write(slices.Concat(data...)); err != nil {
		t.Fatal(err)
	}
	return nc
}

func TestAHandshakeIsAnsweredAsTheRFCShows(t *testing.T) {
	url := serve(t, &Upgrader{Subprotocols: []string{"chat"}}, echo)
	request := strings.Replace(handshake, "\r\n\r\n", "\r\nSec-WebSocket-Protocol: superchat, chat\r\n\r\n", 1)
	nc := rawDial(t, url, []byte(request))
	want := "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
		"Sec-WebSocket-Protocol: chat\r\n\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
		t.Errorf("the answer is %q, %v", got, err)
	}
}

func TestFramesGluedToTheHandshakeAreAnswered(t *testing.T) {
	url := serve(t, &Upgrader{}, echo)
	text, bye := from(wire.Client, true, wire.Text, "Hello"), closeFrame(wire.Client, 1000, "")
	nc := rawDial(t, url, []byte(handshake), text, bye)
	got, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	if f := frames(t, wire.Server, got[headSize(got):]); !slices.Equal(f, []string{`text "Hello"`, "close 1000"}) {
		t.Errorf("the server sends %q", f)
	}
}

func TestARequestThatIsNoHandshakeIsRefusedWithEveryReason(t *testing.T) {
	url := serve(t, &Upgrader{}, func(*Conn) { t.Error("a connection was opened") })
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
		{"three things at once", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "Origin: http://elsewhere\r\n", 426,
			[]wire.Rule{wire.RuleUpgrade, wire.RuleConnection, wire.RuleOrigin}},
	} {
		t.Run(r.name, func(t *testing.T) {
			nc := rawDial(t, url, []byte(strings.Replace(handshake, r.old, r.new, 1)))
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != r.status {
				t.Errorf("the status is %d, %v", resp.StatusCode, err)
			}
			for _, rule := range r.rules {
				if !strings.Contains(string(body), rule.Sentence+" (RFC 6455 §"+rule.Section+")") {
					t.Errorf("the body does not name %s: %s", rule.Code, body)
				}
			}
			if n := strings.Count(string(body), "\n- "); n != len(r.rules) {
				t.Errorf("the body names %d rules: %s", n, body)
			}
			if allow := resp.Header.Get("Allow"); (allow == "GET") != (r.status == 405) {
				t.Errorf("Allow is %q", allow)
			}
			if r.status == 426 && (resp.Header.Get("Upgrade") != "websocket" || resp.Header.Get("Connection") != "Upgrade" || resp.Header.Get("Sec-WebSocket-Version") != "13") {
				t.Errorf("the header is %v", resp.Header)
			}
			if resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("the header is %v", resp.Header)
			}
		})
	}
}

func TestTheOriginMustBeTheHostUnlessTheServerSaysOtherwise(t *testing.T) {
	for _, o := range []struct {
		origin []string
		want   bool
	}{
		{nil, true}, {[]string{"http://a.example:80"}, true}, {[]string{"https://A.Example:80"}, true},
		{[]string{"http://a.example"}, true}, {[]string{"https://a.example"}, false}, {[]string{"http://b.example:80"}, false}, {[]string{"null"}, false},
		{[]string{""}, false}, {[]string{"http://a.example:80", "http://b.example"}, false}, {[]string{"http://a.example:80.evil"}, false},
		{[]string{"%zz"}, false},
	} {
		r := httptest.NewRequest("GET", "http://a.example:80/", nil)
		r.Header["Origin"] = o.origin
		if uri.SameOrigin(r.Header["Origin"], r.Host) != o.want {
			t.Errorf("SameOrigin of %q is %t", o.origin, !o.want)
		}
	}
	url := serve(t, &Upgrader{CheckOrigin: func(*http.Request) bool { return true }}, echo)
	c := dialTest(t, url, &DialOptions{Header: http.Header{"Origin": {"http://elsewhere"}}})
	must(c.CloseNow())
}

func TestWhatCannotBeTakenOverIsRefusedPlainly(t *testing.T) {
	request := func() *http.Request {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(handshake)))
		must(err)
		return r
	}
	w := httptest.NewRecorder() // cannot be hijacked
	_, err := new(Upgrader).Upgrade(w, request())
	var he *HandshakeError
	if !errors.As(err, &he) || he.Status != 500 || w.Code != 500 || !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("a server that keeps its connections: %d, %v", w.Code, err)
	}
	w, r := httptest.NewRecorder(), request()
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	_, err = new(Upgrader).Upgrade(w, r)
	if !errors.As(err, &he) || he.Status != 505 || w.Code != 505 || !strings.Contains(w.Body.String(), "HTTP/1.1") {
		t.Errorf("HTTP/2: %d, %v, %s", w.Code, err, w.Body)
	}
}

func TestARequestWithABodyOrWithoutAResourceNameIsRefused(t *testing.T) {
	url := serve(t, &Upgrader{}, func(*Conn) { t.Error("a connection was opened") })
	for name, request := range map[string]string{
		"a body":            strings.Replace(handshake, "Origin: ", "Content-Length: 5\r\nOrigin: ", 1) + "Hello",
		"a chunked body":    strings.Replace(handshake, "Origin: ", "Transfer-Encoding: chunked\r\nOrigin: ", 1) + "0\r\n\r\n",
		"an asterisk":       strings.Replace(handshake, "GET /chat", "GET *", 1),
		"a fragment":        strings.Replace(handshake, "GET /chat", "GET /chat#top", 1),
		"another scheme":    strings.Replace(handshake, "GET /chat", "GET ws://server.example.com/chat", 1),
		"nothing but names": strings.Replace(handshake, "GET /chat", "GET server.example.com:80", 1),
	} {
		resp, err := http.ReadResponse(bufio.NewReader(rawDial(t, url, []byte(request))), nil)
		if err != nil || resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %v, %v", name, resp, err)
		}
	}
}

func TestASubprotocolCannotSmuggleAHeader(t *testing.T) {
	evil := "chat\r\nSet-Cookie: a=b"
	s := &Server{Subprotocols: []string{evil, "", "chat"}}
	for offered, want := range map[string]string{"chat": "chat", evil: "", "x, chat, y": "chat"} {
		request := requestHead(httptest.NewRequest("GET", "/", nil))
		request.Fields = append(request.Fields, upgrade[0], upgrade[1], wire.Field{Name: "Sec-WebSocket-Key", Value: "dGhlIHNhbXBsZSBub25jZQ=="},
			wire.Field{Name: "Sec-WebSocket-Version", Value: "13"}, wire.Field{Name: "Sec-WebSocket-Protocol", Value: offered})
		response, agreed, refused := s.answer(request)
		if agreed.Subprotocol != want || strings.Contains(string(response), "Set-Cookie") || (refused != nil) != (want == "") {
			t.Errorf("of %q %q is chosen in %q, %v", offered, agreed.Subprotocol, response, refused)
		}
	}
}

// deadlines is a ResponseWriter whose connection remembers its deadlines.
type deadlines struct {
	http.ResponseWriter
	nc *rememberDeadline
}

type rememberDeadline struct {
	net.Conn
	cleared bool
}

func (c *rememberDeadline) SetDeadline(t time.Time) error {
	c.cleared = t.IsZero()
	return c.Conn.SetDeadline(t)
}

func (d deadlines) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(d.ResponseWriter).Hijack()
	d.nc.Conn = nc
	return d.nc, rw, err
}

func TestTheDeadlinesOfTheServerEndWithTheHandshake(t *testing.T) {
	cleared := make(chan bool, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc := &rememberDeadline{}
		c, err := new(Upgrader).Upgrade(deadlines{w, nc}, r)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		cleared <- nc.cleared
	}))
	defer srv.Close()
	c := dialTest(t, "ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	must(c.CloseNow())
	if !<-cleared {
		t.Error("the server's deadlines stay")
	}
}

func TestSourceHoldsTheRegionsThatLessonsShow(t *testing.T) {
	for file, regions := range map[string][]string{
		"receive.go":   {"judge", "limit", "unmask", "utf8", "fragments", "control"},
		"send.go":      {"frame-out"},
		"closing.go":   {"answer-close"},
		"handshake.go": {"upgrade-checks", "upgrade-response"},
	} {
		src, err := Source.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, region := range regions {
			if n := bytes.Count(src, []byte("//lesson:begin "+region+"\n")); n != 1 {
				t.Errorf("%s has %d regions %s", file, n, region)
			}
		}
		if b, e := bytes.Count(src, []byte("//lesson:begin ")), bytes.Count(src, []byte("//lesson:end\n")); b != e || b != len(regions) {
			t.Errorf("%s begins %d regions, ends %d, and the test knows %d", file, b, e, len(regions))
		}
	}
}

func ExampleUpgrader() {
	var upgrader Upgrader
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r)
		if err != nil {
			return // Upgrade has answered
		}
		defer c.CloseNow()
		for {
			opcode, p, err := c.ReadMessage()
			if err != nil {
				return
			}
			if err := c.WriteMessage(opcode, p); err != nil {
				return
			}
		}
	}))
	defer srv.Close()

	c, err := Dial(context.Background(), "ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = c.WriteFragments(wire.Text, []byte("Hel"), []byte("lo"))
	opcode, p, _ := c.ReadMessage()
	fmt.Println(opcode, string(p))
	fmt.Println(c.Close(wire.NormalClosure, "done"), c.State())
	// Output:
	// text Hello
	// <nil> CLOSED
}
