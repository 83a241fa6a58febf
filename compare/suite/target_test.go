package suite

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestATargetThatIsNoWebSocketIsToldInAPlainSentence(t *testing.T) {
	says := func(answer string) Target {
		return serve(func(c net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, answer)
			}
			untilEnd(c)
		})
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	// at returns the target that listens on addr.
	at := func(addr string) Target {
		return Target{Name: "test", Host: addr, Path: "/", Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}}
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	overTLS := func(target Target) Target {
		target.Dial = OverTLS(target.Dial, &tls.Config{ServerName: "127.0.0.1"})
		return target
	}

	for _, c := range []struct {
		what   string
		target Target
		want   string
		silent bool // time ran out
	}{
		{"nobody there", at(nobody.Addr().String()), "The connection was refused, so no server listens there.", false},
		{"no HTTP", says("SSH-2.0-OpenSSH_9.9\r\n"), `No WebSocket was opened: it sent "SSH-2.0-OpenSSH_9.9", which is not HTTP.`, false},
		{"200", says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), `No WebSocket was opened: it responded "HTTP/1.1 200 OK".`, false},
		{"a redirect", says("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n"),
			`No WebSocket was opened: it responded "HTTP/1.1 302 Found", a redirect to "/elsewhere". The judge does not follow redirects.`, false},
		{"silence", serve(untilEnd), "No answer within 300ms: it accepted the connection and sent nothing.", true},
		{"half an answer", says("HTTP/1.1 101 Sw"), "No answer within 300ms: it sent 15 bytes, which are not a complete HTTP header, and then nothing.", true},
		{"a head without end", says("HTTP/1.1 101 Switching Protocols\r\n" + strings.Repeat("X: y\r\n", 10000)), "and its response header still did not end.", false},
		{"noise without end", serve(func(c net.Conn) {
			for {
				if _, err := c.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}), "which is not HTTP.", false},
		{"says nothing", says(""), "No answer within 300ms: it accepted the connection and sent nothing.", true},
		{"closes at once", serve(func(net.Conn) {}), "No WebSocket was opened: ", false},
		{"a wrong accept", says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: hHLtf2V1k8aDQZfNjw3Ia1hCwt0=\r\n\r\n"),
			"It responded with 101, but a client must not accept the response: ", false},
		{"a certificate that nobody signed", overTLS(at(secure.Listener.Addr().String())), "Its certificate is not trusted: ", false},
		{"plain text where TLS was due", overTLS(serve(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			untilEnd(c)
		})), "It does not speak TLS on this port.", false},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := run(t, hello(), c.target, nil)
			want := Fail
			switch {
			case c.silent:
				want = NoAnswer
			case r.Unreachable:
				want = NotJudged
			}
			if r.Verdict != want || r.Closing != want || !strings.Contains(r.Reason, c.want) || strings.Contains(r.Reason, "\n") {
				t.Errorf("%s, closing %s: %s\nwant %s: %s", r.Verdict, r.Closing, r.Reason, want, c.want)
			}
			if !r.NoWebSocket() && c.what != "a wrong accept" {
				t.Error("the report says that a WebSocket was opened")
			}
		})
	}
}

func TestAServerThatSendsForEverIsStopped(t *testing.T) {
	target := webSocket(func(c net.Conn, _ *bufio.Reader) {
		for {
			if _, err := c.Write(unmasked(1, strings.Repeat("*", 60000))); err != nil {
				return
			}
		}
	})
	c := hello()
	c.Deadline = 5 * time.Second
	r := run(t, c, target, nil)
	if r.Verdict != NotJudged && r.Verdict != Fail || r.Lacks() != "" {
		t.Errorf("%s: %s", r.Verdict, r.Reason)
	}
}

func TestARunThatIsStoppedEndsAtOnce(t *testing.T) {
	c := hello()
	c.Deadline = time.Minute
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		target := webSocket(func(c net.Conn, in *bufio.Reader) {
			cancel()
			untilEnd(c)
		})
		if r := Run(ctx, c, target, nil); r.Took != 0 {
			t.Errorf("it took %s", r.Took)
		}
	})
}
