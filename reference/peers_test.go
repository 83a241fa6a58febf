package reference

import (
	"bufio"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"wslab/reference/wire"
)

// What other endpoints and proxies sent when the reference met them, byte by
// byte. Fields of their heads that mean nothing here are left out.

const hellos = "Hello, hello, hello, hello, hello, hello"

func TestWhatRealClientsSendIsReadOnBothPaths(t *testing.T) {
	read := make(chan []string, 1)
	urls := listen(t, &Server{Options: Options{Extension: Deflate{}}, Handler: func(c *Conn, _ wire.Head) {
		var all []string
		for {
			_, p, err := c.ReadMessage()
			if err != nil {
				read <- append(all, err.Error())
				return
			}
			all = append(all, string(p))
		}
	}})
	for _, c := range []struct{ name, head, frames string }{
		{"aiohttp 3.8", `GET /chat HTTP/1.1
Host: 127.0.0.1:9650
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: hVJ2c+8yoAsXtDa3+E11XQ==
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits

`,
			"c18c75a1943187e959f8bc76c5f955e59531 c1874c4a824cbe6a264c264c82 8885033aecd70c9b8eae66"},
		{"Tornado 6.2", `GET /chat HTTP/1.1
Upgrade: websocket
Connection: Upgrade
Sec-Websocket-Key: cBYY/2MeaOPZk3zmcwh0aA==
Sec-Websocket-Version: 13
Sec-Websocket-Extensions: permessage-deflate; client_max_window_bits
Host: 127.0.0.1:9650

`,
			"c18c0b4daebdf9056374c29aff752b09afbd c18546e2c38eb4c2919346 88851b54903d14f5f2447e"},
		{"websockets 10.4, in fragments", `GET /chat HTTP/1.1
Host: 127.0.0.1:9650
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: xJnRDw0NAztzuyvC/KLmDw==
Sec-WebSocket-Version: 13
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits

`,
			"418f4df37ac2bfbbb70b84242b0a05f67ac24d0c85 0085175f56fc175f5603e8 008845c12ebe67812fbe45c1d141 8081155dd54815 c1857f30e7478d10b55a7f 88851aff2cc4155e4ebd7f"},
		{"Autobahn 22.7", `GET /chat HTTP/1.1
Host: 127.0.0.1:9650
Upgrade: WebSocket
Connection: Upgrade
Sec-WebSocket-Key: rj/Ql7g4jySUrqVE4MNpaA==
Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; client_max_window_bits
Sec-WebSocket-Version: 13

`,
			"c18c20c661fad28eac33e9113032008260fa c18c071e6114f556acddcec930dc275a6014 88856f83073f602265460a"},
		{"ws 8, with an empty first fragment", `GET /chat HTTP/1.1
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: /QlzW1Lql77QKUlF6Gskqg==
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
Host: 127.0.0.1:9650

`,
			"4185c14041bac14041453e 808c16e084f1e4a84938df37d53936a485f1 c18506de2e3ff4fe7c2206 888516a4b3da1905d1a373"},
		{"faye-websocket 0.11", `GET /chat HTTP/1.1
Host: 127.0.0.1:9650
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: vpcKqBDcYVdjpFCK1uVJJg==
Sec-WebSocket-Version: 13
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits

`,
			"c18c156fac4de7276184dcb8fd85352bad4d c18590da5f4162fa0d5c90 8885b183547dbe223604d4"},
		{"undici 7, uncompressed", `GET /chat HTTP/1.1
host: 127.0.0.1:9650
connection: upgrade
upgrade: websocket
sec-websocket-key: IJoEkuuXuaXaZGIXe2JXUQ==
sec-websocket-version: 13
sec-websocket-extensions: permessage-deflate; client_max_window_bits

`,
			"81a8ff2d3a71b748561d90011a199a41561ed30d52149341555ddf455f1d934216519748561d90011a199a41561e 81a8b6f08960fe95e50cd9dca908d39ce50f9ad0e105da9ce64c9698ec0cda9fa540de95e50cd9dca908d39ce50f 8885c960a042c6c1c23bac"},
	} {
		for path, url := range urls {
			nc := rawDial(t, url, join(crlf(c.head), unhex(c.frames)))
			got, err := io.ReadAll(nc)
			if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 101 ") {
				t.Fatalf("%s, %s: the answer is %q, %v", c.name, path, got, err)
			}
			if all := <-read; !slices.Equal(all, []string{hellos, hellos, `the peer closed the connection: 4001 private use, "bye"`}) {
				t.Errorf("%s, %s: the server reads %q", c.name, path, all)
			}
			if f := frames(t, wire.Server, got[headSize(got):]); !slices.Equal(f, []string{"close 4001"}) {
				t.Errorf("%s, %s: the server sends %q", c.name, path, f)
			}
		}
	}
}

func TestProxiesAreAnsweredPlainly(t *testing.T) {
	urls := listen(t, &Server{Handler: echoes})
	for _, c := range []struct {
		name, head string
		status     int
		says       []string
	}{
		{"nginx 1.22 with its two header lines", `GET /raw HTTP/1.1
Upgrade: websocket
Connection: upgrade
Host: 127.0.0.1:9650
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

`, 101, nil},
		{"nginx without them", `GET /rawbare HTTP/1.1
Host: 127.0.0.1:9650
Connection: close
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

`, 426, []string{"Upgrade is missing.", "Connection is \"close\"."}},
		{"nginx without them and in HTTP/1.0, as it does unless told otherwise", `GET /rawbare10 HTTP/1.0
Host: 127.0.0.1:9650
Connection: close
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

`, 400, []string{"The version is \"HTTP/1.0\".", "Upgrade is missing.", "Connection is \"close\"."}},
		{"HAProxy 2.6, from an extended CONNECT of HTTP/2", `GET /raw HTTP/1.1
host: 127.0.0.1:9603
sec-websocket-version: 13
origin: https://127.0.0.1:9603
sec-websocket-extensions: permessage-deflate; client_max_window_bits
upgrade: websocket
connection: upgrade
Sec-Websocket-Key: ieMDWFGmfLW2QXbZn+pbcg==

`, 101, nil},
	} {
		for path, url := range urls {
			nc := rawDial(t, url, crlf(c.head))
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status {
				t.Errorf("%s, %s: the status is %d", c.name, path, resp.StatusCode)
			}
			if c.status != 101 {
				body, err := io.ReadAll(resp.Body)
				for _, s := range c.says {
					if err != nil || !strings.Contains(string(body), s) {
						t.Errorf("%s, %s: %q is not in %q, %v", c.name, path, s, body, err)
					}
				}
			}
			nc.Close()
		}
	}
}

func TestWhatRealServersAnswerIsTaken(t *testing.T) {
	const longer = hellos + ", hello, hello"
	both := wire.DeflateParams{ServerNoContextTakeover: true, ClientNoContextTakeover: true}
	for _, s := range []struct {
		name         string
		offer        wire.DeflateParams
		head, frames string
		code         wire.CloseCode
	}{
		{"aiohttp 3.8, which leaves client_no_context_takeover out", both, `HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover
Server: Python/3.11 aiohttp/3.8.4

`,
			"c10cf248cdc9c9d751c8208d0200 c10cf248cdc9c9d751c8208d0200 880203e8", 1000},
		{"Tornado 6.2, which refers to messages before", wire.DeflateParams{}, `HTTP/1.1 101 Switching Protocols
Server: TornadoServer/6.2
Sec-Websocket-Extensions: permessage-deflate
Upgrade: websocket
Connection: Upgrade
Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=

`,
			"c10cf248cdc9c9d751c8208d0200 c105f2204b1700 88020fa1", 4001},
		{"websockets 10.4, with window bits that nobody asked for", wire.DeflateParams{}, `HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12; client_max_window_bits=12
Server: Python/3.11 websockets/10.4

`,
			"c10cf248cdc9c9d751c8208d0200 c105f2204b1700 88050fa1627965", 4001},
		{"Autobahn 22.7, which leaves client_no_context_takeover out", both, `HTTP/1.1 101 Switching Protocols
Server: AutobahnPython/22.7.1
Upgrade: WebSocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover

`,
			"c10cf248cdc9c9d751c8208d0200 c10cf248cdc9c9d751c8208d0200 880203e8", 1000},
		{"ws 8", wire.DeflateParams{}, `HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Extensions: permessage-deflate

`,
			"c10cf248cdc9c9d751c8208d0200 c105f2204b1700 88050fa1627965", 4001},
		{"gorilla 1.5.3, with both flags unasked", wire.DeflateParams{}, `HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover

`,
			"c12804c0310900001042d12a0630c815111c3ed87fbb7781590dcc6a605603b31a98d5c0ac066635b007 c12804c0310900001042d12a0630c815111c3ed87fbb7781590dcc6a605603b31a98d5c0ac066635b007 88020fa1", 4001},
		{"coder 1.8, which leaves short messages uncompressed", wire.DeflateParams{}, `HTTP/1.1 101 Switching Protocols
Connection: Upgrade
Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-Websocket-Extensions: permessage-deflate
Upgrade: websocket

`,
			"813648656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f 813648656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f 88050fa1627965", 4001},
		{"gws 1.8, which stores what is short", wire.DeflateParams{}, `HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12; client_max_window_bits=12
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=

`,
			"c13c003600c9ff48656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f00 c13c003600c9ff48656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f2c2068656c6c6f00 88020fa1", 4001},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _, err := dialPipe(t, DialOptions{Options: Options{Extension: Deflate{Params: s.offer}}}, join(crlf(s.head), unhex(s.frames)))
			if err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			defer c.CloseNow()
			for range 2 {
				if op, p, err := c.ReadMessage(); err != nil || op != wire.Text || string(p) != longer {
					t.Errorf("%s: %s %q, %v", s.name, op, p, err)
				}
			}
			var ce *CloseError
			if _, _, err := c.ReadMessage(); !errors.As(err, &ce) || ce.Code != s.code {
				t.Errorf("%s: %v", s.name, err)
			}
		})
	}
}

// crlf returns s with the line ends of HTTP.
func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

// unhex returns the bytes that are written in hexadecimal, with spaces between frames.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	must(err)
	return b
}
