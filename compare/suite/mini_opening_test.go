package suite

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"

	"wslab/compare/suite/spec"
	"wslab/reference/recognize"
	"wslab/reference/wire"
)

// head reads up to the empty line.
func (m *mini) head() (lines []string, ok bool) {
	for {
		end := bytes.Index(m.in, []byte("\r\n\r\n"))
		whole := end >= 0
		switch {
		case m.is("request-buffer-small") && len(m.in) >= 1024 && (!whole || end > 1024):
			lines, m.in = strings.Split(string(m.in[:1024]), "\r\n"), m.in[1024:]
			return lines[:len(lines)-1], true
		case m.is("request-read-once", "answer-read-once") && len(m.in) > 0 && !whole:
			end, whole = len(m.in), true
			m.in = append(m.in, "\r\n\r\n"...)
		}
		if whole {
			lines = strings.Split(string(m.in[:end]), "\r\n")
			m.in = m.in[end+4:]
			if m.is("glued-frame-lost") {
				m.in = nil
			}
			return lines, true
		}
		if len(m.in) > 16<<10 || m.more(16<<10) != nil {
			return nil, false
		}
	}
}

// headerFields are as they came; those with a name in another case count.
type headerFields [][2]string

func (m *mini) parse(lines []string) (list headerFields, ok bool) {
	for _, l := range lines {
		name, value, found := strings.Cut(l, ":")
		if m.is("header-split-at-colon-space") {
			name, value, found = strings.Cut(l, ": ")
		}
		if !found || !wire.IsToken(name) || m.is("header-split-at-every-colon") && !strings.EqualFold(name, "Host") && strings.Contains(value, ":") {
			return nil, false
		}
		if m.is("header-value-not-trimmed") {
			value = strings.TrimLeft(value, " ")
		} else {
			value = strings.Trim(value, " \t")
		}
		list = append(list, [2]string{name, value})
	}
	return list, true
}

func (m *mini) values(list headerFields, name string) (vs []string) {
	exact := m.is("header-names-by-case") || m.is("key-name-by-case") && name == "Sec-WebSocket-Key"
	for _, f := range list {
		if f[0] == name || !exact && strings.EqualFold(f[0], name) {
			vs = append(vs, f[1])
		}
	}
	return vs
}

func (m *mini) has(list headerFields, name, token string) bool {
	byCase := m.is(strings.ToLower(name) + "-by-case")
	for _, v := range m.values(list, name) {
		items := strings.Split(v, ",")
		if m.is("connection-not-a-list") && name == "Connection" {
			items = []string{v}
		}
		for _, item := range items {
			item = strings.Trim(item, " \t")
			if item == token || !byCase && strings.EqualFold(item, token) || m.is("token-as-substring") && strings.Contains(strings.ToLower(item), strings.ToLower(token)) {
				return true
			}
		}
	}
	return false
}

// answer is the server's half of the opening handshake.
func (m *mini) answer() bool {
	lines, ok := m.head()
	if !ok {
		return false
	}
	refuse := func(status int, more string) bool {
		fmt.Fprintf(m.conn, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n%s\r\n", status, http.StatusText(status), more)
		m.leave()
		return false
	}
	list, ok := m.parse(lines[1:])
	start := strings.Fields(lines[0])
	if !ok || len(start) != 3 {
		return refuse(400, "")
	}
	first := func(name string) string { return strings.Join(m.values(list, name), ", ") }
	key := first("Sec-WebSocket-Key")
	decoded, err := base64.StdEncoding.DecodeString(key)
	version := "Sec-WebSocket-Version: 13\r\n"
	if m.is("version-not-named") {
		version = ""
	}
	switch {
	case start[0] != "GET" && !m.is("method-not-checked"):
		return refuse(405, "")
	case start[2] != "HTTP/1.1" && !m.is("http-version-not-checked"),
		len(m.values(list, "Host")) != 1 && !m.is("host-not-checked"),
		!m.has(list, "Upgrade", "websocket") && !m.is("upgrade-not-checked"),
		!m.has(list, "Connection", "Upgrade") && !m.is("connection-not-checked"),
		key == "" && !m.is("key-not-checked", "key-name-by-case"),
		key != "" && (err != nil || len(decoded) != 16):
		return refuse(400, "")
	case first("Sec-WebSocket-Version") != "13" && !m.is("version-not-checked"):
		return refuse(426, version)
	}
	accept := wire.Accept(key)
	for _, slip := range recognize.Slips() {
		if slip.Code == m.makes {
			accept = slip.Value(key)
			break
		}
	}
	switch m.makes {
	case "accept-is-key":
		accept = key
	case "accept-constant":
		accept = wire.Accept("x3JJHMbDL1EzLkh9GBhXDw==")
	}
	more := map[string]string{
		"subprotocol-invented":  "Sec-WebSocket-Protocol: chat\r\n",
		"extension-invented":    "Sec-WebSocket-Extensions: permessage-deflate\r\n",
		"http-after-handshake":  "\r\nHTTP/1.1 200 OK\r\n",
		"crlf-behind-handshake": "\r\n",
		"chunk-after-handshake": "\r\n0\r\n",
	}[m.makes]
	fmt.Fprintf(m.conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n", accept, more)
	return true
}

// ask is the client's half of the opening handshake.
func (m *mini) ask() bool {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	key, host := base64.StdEncoding.EncodeToString(nonce), m.conn.RemoteAddr().String()
	if m.is("key-constant") {
		key = spec.SampleKey
	}
	if m.is("host-without-port") {
		host, _, _ = net.SplitHostPort(host)
	}
	host = m.hostOf(host)
	if m.is("host-without-brackets") {
		_, port, _ := net.SplitHostPort(host)
		host = "::1:" + port
	}
	fmt.Fprintf(m.conn, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", host, key)
	lines, ok := m.head()
	if !ok {
		return false
	}
	list, ok := m.parse(lines[1:])
	accept := strings.Join(m.values(list, "Sec-WebSocket-Accept"), ", ")
	return ok && m.has(list, "Upgrade", "websocket") && m.has(list, "Connection", "Upgrade") &&
		(accept == wire.Accept(key) || m.is("accept-not-checked")) &&
		(strings.HasPrefix(lines[0], "HTTP/1.1 101 ") || m.is("status-not-checked"))
}
