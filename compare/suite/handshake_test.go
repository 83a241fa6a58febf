package suite

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// titled returns the case for role with a title.
func titled(t *testing.T, role wire.Role, title string) *Case {
	t.Helper()
	list := ForRole(All(), role)
	i := slices.IndexFunc(list, func(c *Case) bool { return c.Title == title })
	if i < 0 {
		t.Fatalf("there is no case for a %s with the title %q", role, title)
	}
	return list[i]
}

// runClient is RunClient in memory, with a simulated clock. client has the other end of
// the connection.
func runClient(t *testing.T, c *Case, target ClientTarget, client func(net.Conn)) (r Report) {
	t.Helper()
	target.Name, target.Accept = "test", serve(client).Dial
	synctest.Test(t, func(t *testing.T) { r = RunClient(t.Context(), c, target, nil) })
	return r
}

func TestAServerThatAnswersWronglyIsToldWhat(t *testing.T) {
	right := strings.ReplaceAll(spec.Response, "{accept}", wire.Accept(spec.SampleKey))
	for _, server := range []struct {
		does, answer, title string
		want                Verdict
		says                string // in the reason
	}{
		{"all right", right, "No Content-Length in the response", Pass, ""},
		{"sends a Content-Length", spec.Plus(right, "Content-Length: 0"), "No Content-Length in the response", Fail, "Content-Length: 0"},
		{"sends a Transfer-Encoding", spec.Plus(right, "Transfer-Encoding: chunked"), "No Transfer-Encoding in the response", Fail, "chunked"},
		{"ends lines with LF", strings.ReplaceAll(right, "\r\n", "\n"), "The line ends of the response", Fail, "LF alone"},
		{"writes Upgrade in capitals", spec.Set(right, "Upgrade", "Upgrade: WEBSOCKET"), "Upgrade in the response", Note, "differs in case"},
		{"chooses a subprotocol by itself", spec.Plus(right, "Sec-WebSocket-Protocol: chat"), "One subprotocol offered", Fail, `subprotocol "chat"`},
		{"chooses an extension by itself", spec.Plus(right, "Sec-WebSocket-Extensions: mux"), "An unknown extension", Fail, `extension "mux"`},
		{"has a misprinted GUID", spec.Set(right, "Sec-WebSocket-Accept", "Sec-WebSocket-Accept: 84sZS124gGGfrmxVbxoRgsdwG7w="), "Sec-WebSocket-Accept for the example key of §1.3", Fail, "known misprint"},
		{"sends two accepts", spec.Plus(right, "Sec-WebSocket-Accept: {again}"), "Sec-WebSocket-Accept in the response", Fail, "2 times"},
		{"accepts a POST", right, "The method POST", Fail, "must refuse"},
		{"answers a POST with 200", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "The method POST", Warning, "status 200"},
		{"answers a POST with 405", "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n", "The method POST", Pass, ""},
		{"hangs up on a POST", "", "The method POST", Warning, "without a response"},
		{"refuses all", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "Upgrade: WebSocket", Fail, "400"},
		{"does not name its version", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "Version 8, of a draft that browsers once used", Fail, "the versions that it speaks"},
		{"names another version", "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nSec-WebSocket-Version: 8\r\n\r\n", "Version 7", Fail, "does not list 13"},
		{"names its version among others", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nSec-WebSocket-Version: 13, 8\r\n\r\n", "Version 7", Pass, ""},
		{"accepts deflate with a parameter that nobody knows", spec.Plus(right, "Sec-WebSocket-Extensions: permessage-deflate"), "Offer to decline: an undefined parameter", Fail, "must decline"},
		{"has no deflate", right, "Example: one block", Note, "cannot be judged"},
	} {
		c := titled(t, wire.Server, server.title)
		r := run(t, c, serve(func(conn net.Conn) {
			in := bufio.NewReader(conn)
			for {
				if line, err := in.ReadString('\n'); err != nil || strings.TrimSpace(line) == "" {
					break
				}
			}
			if _, err := io.WriteString(conn, server.answer); err == nil && strings.HasPrefix(server.answer, "HTTP/1.1 101") {
				// The echo of Hello and of the judge's Close frame.
				head := make([]byte, 6+5)
				if _, err := io.ReadFull(in, head); err == nil {
					_, _ = io.WriteString(conn, "\x81\x05Hello")
				}
				if _, err := io.ReadFull(in, head[:6+2]); err == nil {
					_, _ = io.WriteString(conn, "\x88\x02\x03\xe8")
				}
			}
		}), nil)
		if r.Verdict != server.want || !strings.Contains(r.Reason, server.says) {
			t.Errorf("a server that %s: %s, %s, want %s and %q", server.does, r.Verdict, r.Reason, server.want, server.says)
		}
	}
}

func TestAClientThatDoesWrongIsToldWhat(t *testing.T) {
	ask := strings.NewReplacer("{path}", "/", "{host}", "127.0.0.1:{port}", "{key}", "q83vEjRWeJq83vASNFZ4mg==").Replace(spec.Request)
	for _, client := range []struct {
		does, asks, early, title string
		careful                  bool // it looks at the answer
		want                     Verdict
		says                     string
	}{
		{"all right", ask, "", "Host in the request", true, Pass, ""},
		{"leaves its port out", strings.Replace(ask, ":{port}", "", 1), "", "Host in the request", true, Fail, "without the port"},
		{"names another port", strings.Replace(ask, "{port}", "1", 1), "", "Host in the request", true, Warning, "127.0.0.1:1"},
		{"has the key of the RFC", strings.Replace(ask, "q83vEjRWeJq83vASNFZ4mg==", spec.SampleKey, 1), "", "The key in the request", true, Fail, "an example in RFC 6455"},
		{"has a key of zeros", strings.Replace(ask, "q83vEjRWeJq83vASNFZ4mg==", "AAAAAAAAAAAAAAAAAAAAAA==", 1), "", "The key in the request", true, Fail, "almost all bytes are equal"},
		{"has the same key again", ask, "", "A different key for each connection", true, Fail, "in a connection before"},
		{"asks for a relative target", strings.Replace(ask, "GET /", "GET chat", 1), "", "The target of the request", true, Fail, `The target is "chat".`},
		{"announces a body", spec.Plus(ask, "Content-Length: 5"), "", "No content in the request", true, Warning, `Content-Length is "5".`},
		{"asks for version 8", strings.Replace(ask, ": 13", ": 8", 1), "", "The version of the WebSocket protocol in the request", true, Fail, "must be 13"},
		{"offers a subprotocol twice", spec.Plus(ask, "Sec-WebSocket-Protocol: chat, chat"), "", "Subprotocols in the request", true, Fail, "twice"},
		{"does not wait for the answer", ask, "\x81\x85\x00\x00\x00\x00Hello", "No bytes while the client waits for the response", true, Fail, "before it receives the response"},
		{"does not look at the accept", ask, "", "Sec-WebSocket-Accept with the key itself", false, Fail, "It treated the response as one that opens a WebSocket"},
		{"looks at the accept", ask, "", "Sec-WebSocket-Accept with the key itself", true, Pass, ""},
		{"does not look at the status", ask, "", "The status 403 Forbidden", false, Fail, "It treated the response"},
		{"does not know deflate", ask, "", "Example: one block", true, Note, "cannot be judged"},
	} {
		c := titled(t, wire.Client, client.title)
		keys := new(Keys)
		keys.Add("q83vEjRWeJq83vASNFZ4mg==")
		r := runClient(t, c, ClientTarget{Keys: keys}, func(conn net.Conn) {
			_, port, _ := net.SplitHostPort(conn.RemoteAddr().String())
			_, _ = io.WriteString(conn, strings.ReplaceAll(client.asks, "{port}", port)+client.early)
			in := bufio.NewReader(conn)
			response, err := http.ReadResponse(in, nil)
			if err != nil {
				return
			}
			if client.careful && (response.StatusCode != 101 || response.Header.Get("Sec-WebSocket-Accept") != wire.Accept("q83vEjRWeJq83vASNFZ4mg==")) {
				return
			}
			b := make([]byte, 7)
			if _, err := io.ReadFull(in, b); err == nil {
				_, _ = io.WriteString(conn, "\x81\x85\x00\x00\x00\x00Hello")
			}
			if _, err := io.ReadFull(in, b[:4]); err == nil {
				_, _ = io.WriteString(conn, "\x88\x82\x00\x00\x00\x00\x03\xe8")
			}
			_, _ = io.Copy(io.Discard, in)
		})
		if r.Verdict != client.want || !strings.Contains(r.Reason, client.says) {
			t.Errorf("a client that %s: %s, %s, want %s and %q", client.does, r.Verdict, r.Reason, client.want, client.says)
		}
	}
}

func TestAClientMayOverlookAHeaderLineThatIsNone(t *testing.T) {
	ask := strings.NewReplacer("{path}", "/", "{host}", "127.0.0.1:{port}", "{key}", "q83vEjRWeJq83vASNFZ4mg==").Replace(spec.Request)
	for _, title := range []string{"A header line without a colon in the response", "A header line without a name in the response", "A field name with a space in the response"} {
		c := titled(t, wire.Client, title)
		for opens, want := range map[bool]Verdict{true: Warning, false: Pass} {
			r := runClient(t, c, ClientTarget{}, func(conn net.Conn) {
				_, port, _ := net.SplitHostPort(conn.RemoteAddr().String())
				_, _ = io.WriteString(conn, strings.ReplaceAll(ask, "{port}", port))
				in := bufio.NewReader(conn)
				for {
					if line, err := in.ReadString('\n'); err != nil || line == "\r\n" {
						break
					}
				}
				if !opens {
					return
				}
				for range 2 { // the text, and the judge's Close frame
					h, p, err := readFrame(in)
					if err != nil {
						return
					}
					_, _ = conn.Write(spec.Of(h.Opcode, Payload{Data: p}).Append(nil, wire.Client, func() [4]byte { return [4]byte{1, 2, 3, 4} }))
				}
				_, _ = io.Copy(io.Discard, in)
			})
			if r.Verdict != want || r.Closing != Pass {
				t.Errorf("%s, opens %t: %s, closing %s: %s (got %s), want %s", c, opens, r.Verdict, r.Closing, r.Reason, r.Got, want)
			}
		}
	}
}

func TestAWrongAcceptIsPointedAt(t *testing.T) {
	wrong := "s3pPLMBiTxaQ9kYGzzhZRbK-xOo=" // one character of it
	c := titled(t, wire.Server, "Sec-WebSocket-Accept for the example key of §1.3")
	r := run(t, c, serve(func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.WriteString(conn, strings.ReplaceAll(spec.Response, "{accept}", wrong))
		}
	}), nil)
	line := "Sec-WebSocket-Accept: " + wrong
	if string(r.Bytes) != line || r.Caret != 8*strings.Index(line, "-x") || r.Expected != "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("%q, bit %d, expected %s", r.Bytes, r.Caret, r.Expected)
	}
}
