package endpoint

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"wslab/compare/recording"
	"wslab/reference/recognize"
	"wslab/reference/wire"
)

// Mistake is one intentional error in the response to the opening handshake.
type Mistake struct {
	Name   string // "wrong-accept"
	Shows  string // the error in the response
	answer func(key string) string
}

// Mistakes lists all of them.
var Mistakes = []Mistake{
	{"wrong-accept", "Sec-WebSocket-Accept is computed with a misprinted GUID", func(key string) string {
		return switching("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: "+wire.Hash(key+recognize.MisprintedGUID))
	}},
	{"no-accept", "there is no Sec-WebSocket-Accept", func(key string) string {
		return switching("Upgrade: websocket", "Connection: Upgrade")
	}},
	{"no-upgrade", "there is no Upgrade header field", func(key string) string {
		return switching("Connection: Upgrade", "Sec-WebSocket-Accept: "+wire.Accept(key))
	}},
	{"no-connection", "there is no Connection header field", func(key string) string {
		return switching("Upgrade: websocket", "Sec-WebSocket-Accept: "+wire.Accept(key))
	}},
	{"status-200", "the status is 200, everything else is right", func(key string) string {
		return answering("200 OK", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: "+wire.Accept(key))
	}},
	{"unasked-subprotocol", "a subprotocol is chosen that the client did not offer", func(key string) string {
		return switching("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: "+wire.Accept(key), "Sec-WebSocket-Protocol: chat")
	}},
}

// switching returns a response with status 101 and the given header lines.
func switching(lines ...string) string { return response("101 Switching Protocols", lines) }

// answering returns a response with a status other than 101, the given header lines and a
// body. It sets Content-Length. Without that field, the body ends with the connection,
// and a browser may wait for the end before it fails the handshake.
func answering(status string, lines ...string) string {
	body := "The status of this response is not 101, so no WebSocket opens.\n"
	lines = append(lines, "Content-Type: text/plain; charset=utf-8", fmt.Sprintf("Content-Length: %d", len(body)))
	return response(status, lines) + body
}

// response returns a status line and header lines, up to the empty line.
func response(status string, lines []string) string {
	return "HTTP/1.1 " + status + "\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// brokenTimeout is how long a broken endpoint waits for the client to give up.
const brokenTimeout = 10 * time.Second

// serve is Endpoint.Serve. It sends the wrong response and waits for the client to close
// TCP, as any client must.
func (m Mistake) serve(w http.ResponseWriter, r *http.Request, rec *recording.Connection, _ func(Server)) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "This endpoint needs an HTTP/1.1 connection of its own: "+err.Error(), http.StatusNotImplemented)
		return
	}
	defer conn.Close()
	conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	call := rec.Enter(writes("Write", m.Shows, recording.Writes{}))
	_, err = io.WriteString(conn, m.answer(r.Header.Get("Sec-WebSocket-Key")))
	call.Return("nil", err)
	if err != nil {
		return
	}
	conn.SetReadDeadline(time.Now().Add(brokenTimeout))
	call = rec.Enter(onSocket(recording.VerbRead, "Read"))
	n, err := discard(buf.Reader)
	call.Return(recording.ByteCount(n), err)
}

// discard reads at most 64 KiB and returns the number of bytes and the error that
// ended it.
func discard(r *bufio.Reader) (int, error) {
	total, b := 0, make([]byte, 1024)
	for total < 64<<10 {
		n, err := r.Read(b)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}
