package reference

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wslab/reference/wire"
)

func TestAnAnswerThatBreaksARuleIsRefused(t *testing.T) {
	for _, a := range []struct {
		name, old, new string
		status         int
		rule           wire.Rule // or
		text           string    // part of the error
	}{
		{"status 200", "101 Switching Protocols", "200 OK", 200, wire.RuleStatus, ""},
		{"a redirect", "101 Switching Protocols", "302 Found\r\nLocation: http://elsewhere/", 302, wire.RuleStatus, `to "http://elsewhere/", not followed`},
		{"no Upgrade", "Upgrade: websocket\r\n", "", 101, wire.RuleRespUpgrade, ""},
		{"no Connection", "Connection: Upgrade\r\n", "", 101, wire.RuleRespConnection, ""},
		{"no accept", "Sec-WebSocket-Accept", "X", 101, wire.RuleAcceptMissing, ""},
		{"a wrong accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "84sZS124gGGfrmxVbxoRgsdwG7w=", 101, wire.RuleAcceptWrong, ""},
		{"an extension", "Connection: Upgrade", "Connection: Upgrade\r\nSec-WebSocket-Extensions: permessage-deflate", 101, wire.RuleRespExtension, ""},
		{"a subprotocol", "Connection: Upgrade", "Connection: Upgrade\r\nSec-WebSocket-Protocol: x", 101, wire.RuleRespSubprotocol, ""},
		{"no HTTP", "HTTP/1.1", "SSH-2.0", 0, wire.Rule{}, "does not begin with HTTP/"},
		{"a status of two digits", "101", "99", 0, wire.Rule{}, "does not begin with an HTTP/1.1 status line"},
		{"a line without a colon", "Connection: Upgrade", "Connection", 101, wire.Rule{}, "not a header field"},
		{"two protocols", "Upgrade: websocket", "Upgrade: websocket, h2c", 101, wire.RuleRespUpgrade, ""},
		{"a first line that goes on", "Upgrade: websocket", " Upgrade: websocket", 101, wire.Rule{}, "not a header field"},
		{"nothing but interim responses", "HTTP/1.1", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10) + "HTTP/1.1", 100, wire.Rule{}, "more than 10 interim"},
		{"a space before the colon", "Connection:", "Connection :", 101, wire.Rule{}, "not a header field"},
		{"a control character", "Upgrade\r\n", "Up\x00grade\r\n", 101, wire.Rule{}, "not a header field"},
		{"a head without an end", "Upgrade: websocket", "X: " + strings.Repeat("x", maxHead), 0, wire.Rule{}, "exceeds 16384 bytes"},
		{"a head that is cut", "=\r\n\r\n", "=\r\n", 0, wire.Rule{}, "unexpected EOF"},
	} {
		t.Run(a.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, err := dialPipe(t, DialOptions{}, []byte(strings.Replace(accepted, a.old, a.new, 1)))
				var he *HandshakeError
				if !errors.As(err, &he) || he.Status != a.status || !strings.Contains(err.Error(), a.text) {
					t.Fatalf("Dial gives %v", err)
				}
				if a.rule.Code != "" && (len(he.Violations) != 1 || he.Violations[0].Code != a.rule.Code) {
					t.Errorf("the violations are %v", he.Violations)
				}
			})
		})
	}
}

func TestWhatTheServerSaysToARefusalIsKeptInPart(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no room "+strings.Repeat("x", 2*maxBody), http.StatusServiceUnavailable)
	}))
	defer srv.Close()
	_, err := Dial(t.Context(), "ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	var he *HandshakeError
	if !errors.As(err, &he) || he.Status != 503 || len(he.Body) != maxBody || !strings.HasPrefix(string(he.Body), "no room xxx") {
		t.Errorf("Dial gives %v", err)
	}
}

func TestARefusalWithoutAnEndIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		go func() {
			buf := make([]byte, 4096)
			theirs.Read(buf)
			theirs.Write([]byte("HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nno"))
		}()
		start := time.Now()
		_, err := Dial(t.Context(), "ws://a/", &DialOptions{NetDial: func(context.Context, string, string) (net.Conn, error) { return ours, nil }})
		var he *HandshakeError
		if !errors.As(err, &he) || he.Status != 403 || string(he.Body) != "no" {
			t.Errorf("Dial gives %v", err)
		}
		since(t, start, time.Second)
	})
}

func TestAnAnswerThatDripsDoesNotHoldDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, theirs)
		var server sync.WaitGroup
		server.Go(func() { // a byte every second of the bubble's time: too slow, though never silent
			for i := range accepted {
				if _, err := theirs.Write([]byte{accepted[i]}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		defer server.Wait()
		start := time.Now()
		_, err := Dial(t.Context(), "ws://a/", &DialOptions{NetDial: func(context.Context, string, string) (net.Conn, error) { return ours, nil }})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial gives %v", err)
		}
		since(t, start, 10*time.Second)
	})
}

func TestAnAnswerWithoutAnEndIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endless := strings.TrimSuffix(accepted, "\r\n") + strings.Repeat("a: b\r\n", maxHead)
		if _, _, err := dialPipe(t, DialOptions{}, []byte(endless)); !errors.Is(err, errLongHead) {
			t.Errorf("Dial gives %v", err)
		}
	})
}

func TestAnAnswerThatCannotBeHTTPFailsAtOnceAndIsShown(t *testing.T) {
	for name, a := range map[string]struct {
		answer string
		shown  string
	}{
		"a TLS alert":         {"\x15\x03\x01\x00\x02\x02\x28", "15 03 01 00 02 02 28"},
		"HTTP/2 SETTINGS":     {"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "00 00 12 04"},
		"an SSH banner":       {"SSH-2.0-OpenSSH_9.7\r\n", `SSH-2.0-OpenSSH_9.7`},
		"a frame":             {"\x81\x05Hello", "81 05 48"},
		"lower case":          {"http/1.1 101 Switching Protocols\r\n", "http/1.1 101"},
		"one byte":            {"X", `"X"`},
		"a long line of text": {strings.Repeat("x", 100), `"` + strings.Repeat("x", maxShown) + `"`},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			go func() {
				theirs.Read(make([]byte, 4096))
				theirs.Write([]byte(a.answer)) // then it sends nothing, and does not close TCP
			}()
			start := time.Now()
			_, err := Dial(t.Context(), "ws://a/", &DialOptions{NetDial: func(context.Context, string, string) (net.Conn, error) { return ours, nil }})
			var he *HandshakeError
			if !errors.As(err, &he) || he.Status != 0 || !strings.Contains(err.Error(), a.shown) {
				t.Errorf("%s: %v", name, err)
			}
			since(t, start, 0)
		})
	}
}

func TestA101ThatIsNoneIsNotCalledARefusal(t *testing.T) {
	for name, answer := range map[string]string{
		"HTTP/1.0":       strings.Replace(accepted, "HTTP/1.1", "HTTP/1.0", 1),
		"a wrong accept": strings.Replace(accepted, "s3pP", "s3pQ", 1),
		"no Upgrade":     strings.Replace(accepted, "Upgrade: websocket\r\n", "", 1),
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _, err := dialPipe(t, DialOptions{}, []byte(answer))
			var he *HandshakeError
			if c != nil || !errors.As(err, &he) || he.Status != 101 || strings.Contains(err.Error(), "refused") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestOfARefusalNoMoreIsReadThanIsKept(t *testing.T) {
	for name, head := range map[string]string{
		"with a length": fmt.Sprintf("Content-Length: %d\r\n\r\n", 1<<40),
		"in chunks":     "Transfer-Encoding: chunked\r\n\r\n40000000\r\n",
		"to the end":    "\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			wrote := make(chan int)
			go func() {
				theirs.Read(make([]byte, 4096))
				io.WriteString(theirs, "HTTP/1.1 403 Forbidden\r\n"+head)
				n := 0
				for part := make([]byte, 1024); ; {
					more, err := theirs.Write(part)
					if n += more; err != nil || n > 1<<24 {
						theirs.Close()
						wrote <- n
						return
					}
				}
			}()
			_, err := Dial(t.Context(), "ws://a/", &DialOptions{NetDial: func(context.Context, string, string) (net.Conn, error) { return ours, nil }})
			var he *HandshakeError
			if n := <-wrote; !errors.As(err, &he) || len(he.Body) != maxBody || n > 16*maxBody {
				t.Errorf("%s: %d bytes were taken: %v", name, n, err)
			}
		})
	}
}
