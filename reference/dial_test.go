package reference

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wslab/reference/wire"
)

// sampleKey makes a Dial whose Sec-WebSocket-Key is that of RFC 6455 §1.3.
func sampleKey() [wire.KeySize]byte { return [wire.KeySize]byte([]byte("the sample nonce")) }

// accepted is the answer of RFC 6455 §1.3; tests change lines of it.
const accepted = "HTTP/1.1 101 Switching Protocols\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
	"\r\n"

// headSize returns the bytes of the head that b starts with, its empty line
// included, or 0 when b ends before it.
func headSize(b []byte) int {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(b, []byte(end)); i >= 0 {
			return i + len(end)
		}
	}
	return 0
}

// dialPipe dials a server that reads one head and then writes parts. It returns
// the request, too. It must run in a bubble.
func dialPipe(t *testing.T, o DialOptions, parts ...[]byte) (*Conn, string, error) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { theirs.Close() })
	request := make(chan string, 1)
	go func() {
		var b []byte
		for headSize(b) == 0 {
			buf := make([]byte, 100)
			n, err := theirs.Read(buf)
			if err != nil {
				break
			}
			b = append(b, buf[:n]...)
		}
		request <- string(b)
		for _, p := range parts {
			if _, err := theirs.Write(p); err != nil {
				return
			}
		}
		if len(parts) > 0 {
			theirs.Close()
		}
	}()
	o.Key = sampleKey
	o.NetDial = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
	c, err := Dial(t.Context(), "ws://server.example.com/chat?a=b", &o)
	return c, <-request, err
}

func TestTheRequestIsThatOfTheRFC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, request, err := dialPipe(t, DialOptions{
			Subprotocols: []string{"chat", "superchat"},
			Header:       http.Header{"Origin": {"http://example.com"}, "Cookie": {"a=b"}},
		}, []byte(accepted))
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		want := "GET /chat?a=b HTTP/1.1\r\n" +
			"Host: server.example.com\r\n" +
			"Upgrade: websocket\r\n" +
			"Connection: Upgrade\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
			"Sec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Protocol: chat, superchat\r\n" +
			"Cookie: a=b\r\n" +
			"Origin: http://example.com\r\n\r\n"
		if request != want {
			t.Errorf("the request is %q\nwant           %q", request, want)
		}
	})
}

func TestTheAnswerAndWhatIsGluedToItMayBeCutAnywhere(t *testing.T) {
	stream := join([]byte(accepted), from(wire.Server, true, wire.Text, "Hello"), closeFrame(wire.Server, 1000, "bye"))
	for _, n := range []int{len(stream), (len(stream) + 1) / 2, 1} {
		synctest.Test(t, func(t *testing.T) {
			c, _, err := dialPipe(t, DialOptions{}, slices.Collect(slices.Chunk(stream, n))...)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			if op, p, err := c.ReadMessage(); err != nil || op != wire.Text || string(p) != "Hello" {
				t.Errorf("in pieces of %d: %s %q, %v", n, op, p, err)
			}
			var ce *CloseError
			if _, _, err := c.ReadMessage(); !errors.As(err, &ce) || ce.Code != 1000 || ce.Reason != "bye" {
				t.Errorf("in pieces of %d: %v", n, err)
			}
		})
	}
}

func TestAnAnswerMayBeFoldedAndComeBehindInterimOnes(t *testing.T) {
	for name, answer := range map[string]string{
		"folded":          strings.Replace(accepted, "Connection: Upgrade", "Connection:\r\n\tUpgrade", 1),
		"folded, with LF": strings.ReplaceAll(strings.Replace(accepted, "Connection: Upgrade", "Connection:\r\n Upgrade", 1), "\r\n", "\n"),
		"interim":         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + accepted,
	} {
		// The message after the response is longer than one read.
		long := strings.Repeat("Hello", 1000)
		stream := join([]byte(answer), from(wire.Server, true, wire.Text, long))
		for _, n := range []int{len(stream), (len(stream) + 1) / 2, 1} {
			synctest.Test(t, func(t *testing.T) {
				c, _, err := dialPipe(t, DialOptions{}, slices.Collect(slices.Chunk(stream, n))...)
				if err != nil {
					t.Fatalf("%s, in pieces of %d: %v", name, n, err)
				}
				defer c.CloseNow()
				if _, p, err := c.ReadMessage(); err != nil || string(p) != long {
					t.Errorf("%s, in pieces of %d: %.20q, %v", name, n, p, err)
				}
			})
		}
	}
}

func TestDialEndsWithItsContextOrItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, d := range []struct {
			o       DialOptions
			context time.Duration
			want    time.Duration
		}{
			{DialOptions{}, time.Hour, 10 * time.Second},
			{DialOptions{Timeout: time.Second}, time.Hour, time.Second},
			{DialOptions{}, 3 * time.Second, 3 * time.Second},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), d.context)
			ours, theirs := net.Pipe()
			d.o.NetDial = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
			go io.Copy(io.Discard, theirs) // it reads the request and says nothing
			start := time.Now()
			_, err := Dial(ctx, "ws://a/", &d.o)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Dial gives %v", err)
			}
			since(t, start, d.want)
			cancel()
			theirs.Close()
		}
	})
}

func TestTheEndOfTheContextMeansNothingToAConnection(t *testing.T) {
	url := serve(t, &Upgrader{}, echo)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	must(c.WriteMessage(wire.Text, []byte("Hello")))
	if _, p, err := c.ReadMessage(); err != nil || string(p) != "Hello" {
		t.Errorf("ReadMessage gives %q, %v", p, err)
	}
	must(c.Close(wire.NormalClosure, ""))
}

func TestURLsThatAreNoWebSocketURLsAreRefused(t *testing.T) {
	never := func(context.Context, string, string) (net.Conn, error) {
		t.Error("it was dialled")
		return nil, os.ErrInvalid
	}
	for _, url := range []string{
		"", "http://a/", "a:80", "//a/", "ws:///", "ws://", "ws://a/#b", "ws://a/#", "ws://u:p@a/", "ws://a/\r\nX: y",
		"ws://a/?a b", "ws://a/?ü", "ws://a:x/", "ws://a b/", "ws://a%20b/", "ws://bücher.example/", "ws://b%C3%BCcher.example/", "ws://[::1/", "ws://:80/",
	} {
		if _, err := Dial(t.Context(), url, &DialOptions{NetDial: never}); err == nil {
			t.Errorf("%q was dialled", url)
		}
	}
}

func TestAnErrorOfDialHoldsNoPassword(t *testing.T) {
	never := func(context.Context, string, string) (net.Conn, error) { return nil, os.ErrInvalid }
	for _, url := range []string{
		"ws://user:s3cret@a/", "ws://s3cret@a/", "ws://user:s3cret@a:x/", "ws://user:s3/cret@a/", "ws://user:s3cret%zz@a/", "ws://user:s3cret @a/",
		"user:s3cret@a", "wss://user:s3cret@[::1/", "ws://user:s3cret@a/#x", "http://user:s3cret@a/",
	} {
		_, err := Dial(t.Context(), url, &DialOptions{NetDial: never})
		if err == nil || errors.Is(err, os.ErrInvalid) || strings.Contains(err.Error(), "s3") || strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestOffersOfDeflateAreMadeInTheirOrder(t *testing.T) {
	for _, o := range []struct {
		options DialOptions
		want    string
	}{
		{DialOptions{Options: Options{Extension: Deflate{}}}, "permessage-deflate; client_max_window_bits"},
		{DialOptions{Options: Options{Extension: Deflate{Params: wire.DeflateParams{ClientMaxWindowBits: 10}}}}, "permessage-deflate; client_max_window_bits=10"},
		{DialOptions{Options: Options{Extension: Deflate{Offers: []wire.DeflateParams{{}}}}}, "permessage-deflate"},
		{DialOptions{Options: Options{Extension: Deflate{Offers: []wire.DeflateParams{{ServerMaxWindowBits: 10, ClientMaxWindowBits: wire.AnyWindowBits}, {}}}}},
			"permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate"},
	} {
		synctest.Test(t, func(t *testing.T) {
			answer := strings.Replace(accepted, "Connection: Upgrade", "Connection: Upgrade\r\nSec-WebSocket-Extensions: permessage-deflate", 1)
			c, request, err := dialPipe(t, o.options, []byte(answer))
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			if _, inUse := c.Deflate(); !inUse || !strings.Contains(request, "\r\nSec-WebSocket-Extensions: "+o.want+"\r\n") {
				t.Errorf("the request is %q, want the offer %s", request, o.want)
			}
		})
	}
}

func TestARequestCannotBeInjectedInto(t *testing.T) {
	never := func(context.Context, string, string) (net.Conn, error) { return nil, os.ErrInvalid }
	for name, o := range map[string]DialOptions{
		"a value with a line end":      {Header: http.Header{"X": {"a\r\nY: b"}}},
		"a name with a colon":          {Header: http.Header{"X: y\r\nZ": {"a"}}},
		"a Host":                       {Header: http.Header{"Host": {"a"}}},
		"a key":                        {Header: http.Header{"sec-websocket-key": {"a"}}},
		"an extension":                 {Header: http.Header{"Sec-WebSocket-Extensions": {"permessage-deflate"}}},
		"a body":                       {Header: http.Header{"Content-Length": {"5"}}},
		"a subprotocol with a comma":   {Subprotocols: []string{"a, b"}},
		"an empty subprotocol":         {Subprotocols: []string{""}},
		"a subprotocol that is double": {Subprotocols: []string{"a", "a"}},
	} {
		o.NetDial = never
		if _, err := Dial(t.Context(), "ws://a/", &o); err == nil || errors.Is(err, os.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAClientAndAServerTalkOverTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := new(Upgrader).Upgrade(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		echo(c)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // do not log the refused certificate below
	srv.StartTLS()
	defer srv.Close()
	url := "wss" + strings.TrimPrefix(srv.URL, "https")
	config := srv.Client().Transport.(*http.Transport).TLSClientConfig
	c := dialTest(t, url, &DialOptions{TLSConfig: &tls.Config{RootCAs: config.RootCAs}})
	must(c.WriteMessage(wire.Text, []byte("Hello")))
	if _, p, err := c.ReadMessage(); err != nil || string(p) != "Hello" {
		t.Errorf("ReadMessage gives %q, %v", p, err)
	}
	if err := c.Close(wire.NormalClosure, ""); err != nil {
		t.Error(err)
	}
	if _, err := Dial(t.Context(), url, nil); err == nil {
		t.Error("a certificate that nobody has signed is taken")
	}
}

// FuzzParseResponse holds that no answer makes the parser panic, and that every
// field of an answer it takes is one that could be sent on.
// FuzzDial gives Dial any answer at all. It must end when the answer does, and may
// open a connection only where net/http reads a 101 with the right accept value.
func FuzzDial(f *testing.F) {
	for _, s := range []string{
		accepted, "", "HTTP/1.1 101", "HTTP/1.0 101 x\r\n\r\n", "HTTP/1.1 403 Forbidden\r\nContent-Length: 99999999999\r\n\r\nno",
		"HTTP/1.1 100 Continue\r\n\r\n" + accepted, "HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "\x15\x03\x01\x00\x02\x02\x28",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			defer theirs.Close()
			r := bufio.NewReader(theirs)
			if _, err := http.ReadRequest(r); err == nil {
				_, _ = theirs.Write(answer)
			}
		}()
		c, err := Dial(t.Context(), "ws://server.example.com/chat", &DialOptions{
			Key: sampleKey, NetDial: func(context.Context, string, string) (net.Conn, error) { return ours, nil },
		})
		<-served
		if (c == nil) == (err == nil) {
			t.Fatalf("Dial gives %v, %v", c, err)
		}
		if c == nil {
			return
		}
		defer c.CloseNow()
		r := bufio.NewReader(bytes.NewReader(answer))
		for {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("Dial opens on %q, of which net/http says %v", answer, err)
			}
			if resp.StatusCode == http.StatusSwitchingProtocols {
				if resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || !resp.ProtoAtLeast(1, 1) {
					t.Fatalf("Dial opens on %q", answer)
				}
				return
			}
		}
	})
}

func FuzzParseResponse(f *testing.F) {
	f.Add([]byte(accepted))
	f.Add([]byte("HTTP/1.1 200\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, err := readHead(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		h, err := parseResponse(head)
		if err != nil {
			return
		}
		head, err = readHead(bufio.NewReader(bytes.NewReader(wire.AppendHead(nil, fmt.Sprintf("%s %03d", h.Proto, h.Status), h.Fields...))))
		must(err)
		again, err := parseResponse(head)
		if err != nil || !slices.Equal(again.Fields, h.Fields) || again.Status != h.Status {
			t.Fatalf("%+v came back as %+v, %v", h, again, err)
		}
	})
}
