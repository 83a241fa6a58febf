package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Opening is the judge's half of the opening handshake. Writes are its TCP
// writes, in which {host}, {path}, {key} and, in a server's answer, {accept}
// stand for what the connection calls for.
type Opening struct {
	Writes []string
	Key    string        // default: SampleKey
	Gap    time.Duration // between two writes
}

// SampleKey is the Sec-WebSocket-Key of RFC 6455 §1.3.
const SampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// The openings that every endpoint has to accept.
const (
	request = "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
	response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: {accept}\r\n\r\n"
)

// writes returns the TCP writes of o as role sends them. key is the client's,
// when role answers it.
func (o Opening) writes(role wire.Role, host, path, key string) []string {
	list := o.Writes
	if list == nil {
		list = []string{request}
		if role == wire.Server {
			list = []string{response}
		}
	}
	fill := strings.NewReplacer("{host}", host, "{path}", path, "{key}", key, "{accept}", wire.Accept(key))
	filled := make([]string, len(list))
	for i, w := range list {
		filled[i] = fill.Replace(w)
	}
	return filled
}

// key returns the key that a client's opening has.
func (o Opening) key() string {
	if o.Key != "" {
		return o.Key
	}
	return SampleKey
}

// An answer is the target's half of the opening handshake.
type answer struct {
	head *dissect.Handshake
	rest []byte // what came behind it in the same read
	err  error  // why there is no head
}

// opens reports whether the head that came opens a WebSocket.
func (a answer) opens() bool {
	return a.head != nil && a.head.Head.Status == 101 && len(a.head.Violations) == 0
}

// readHead reads the target's half. talk has been told of the judge's, if that
// came first.
func readHead(conn *tap.Conn, talk *dissect.Conversation, from wire.Role) answer {
	b := make([]byte, 16<<10)
	for got := 0; ; {
		n, err := conn.Read(b)
		got += n
		for _, it := range talk.Octets(from, b[:n], false) {
			h := it.Handshake
			if h == nil || from == wire.Server && h.Head.Status/100 == 1 && h.Head.Status != 101 {
				continue
			}
			if got > dissect.MaxHead && !strings.HasPrefix(h.Line, "HTTP/") {
				break
			}
			return answer{head: h, rest: append([]byte(nil), b[it.End:n]...)}
		}
		switch {
		case talk.Opaque(from) || got > dissect.MaxHead:
			return answer{err: fmt.Errorf("it sent %d octets, and they hold no head of HTTP", got)}
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && got == 0:
			return answer{err: errors.New("it accepted the connection and said nothing")}
		case errors.Is(err, os.ErrDeadlineExceeded):
			return answer{err: fmt.Errorf("it sent %d octets, which are no whole head of HTTP, and then nothing", got)}
		case errors.Is(err, io.EOF) && got == 0:
			return answer{err: errors.New("it closed TCP and had said nothing")}
		case errors.Is(err, io.EOF):
			return answer{err: fmt.Errorf("it closed TCP after %d octets, which are no whole head of HTTP", got)}
		case tap.IsReset(err):
			return answer{err: errors.New("it reset TCP during the opening handshake")}
		default:
			return answer{err: errors.New(plain(err))}
		}
	}
}

// open does the opening handshake of c on conn in role. glued goes with the last
// write of the judge's half.
func (c *Case) open(ctx context.Context, conn *tap.Conn, role wire.Role, host, path string, glued []byte) answer {
	talk := &dissect.Conversation{}
	key := c.Opening.key()
	var a answer
	if role == wire.Server {
		if a = readHead(conn, talk, wire.Client); a.err != nil {
			return a
		}
		key = a.head.Head.Key()
	}
	list := c.Opening.writes(role, host, path, key)
	for i, w := range list {
		b := []byte(w)
		talk.Octets(role, b, false)
		if i == len(list)-1 {
			b = append(b, glued...)
		}
		if _, err := conn.Write(b); err != nil {
			if role == wire.Server {
				a.err = errors.New("it was gone before its handshake was answered")
				return a
			}
			break // a server may refuse before the request is at its end
		}
		if c.Opening.Gap > 0 && i < len(list)-1 {
			sleep(ctx, c.Opening.Gap)
		}
	}
	if role == wire.Client {
		a = readHead(conn, talk, wire.Server)
	}
	return a
}

// refused says why a does not open a WebSocket, for a case that needs one.
func (a answer) refused() (reason, rule string) {
	switch h := a.head; {
	case a.err != nil:
		return "There is no WebSocket: " + a.err.Error() + ".", ""
	case h.From == wire.Client:
		if len(h.Violations) > 0 {
			return "The client's handshake is wrong: " + h.Violations[0].Error(), h.Violations[0].Code
		}
		return "", ""
	case !strings.HasPrefix(h.Line, "HTTP/"):
		return fmt.Sprintf("There is no WebSocket: it answered %.60q, which is no HTTP.", h.Line), wire.RuleStatus.Code
	case h.Head.Status/100 == 3:
		to := strings.Join(h.Head.Values("Location"), ", ")
		return fmt.Sprintf("There is no WebSocket here: it answered %.60q, a redirect to %q, which is not followed.", h.Line, to), wire.RuleStatus.Code
	case h.Head.Status != 101:
		return fmt.Sprintf("There is no WebSocket here: it answered %.60q.", h.Line), wire.RuleStatus.Code
	case len(h.Violations) > 0:
		reason := "It answered 101, and no client may accept it: " + h.Violations[0].Error()
		if h.Accept != nil && h.Accept.Mistake != "" && h.Violations[0].Code == wire.RuleAcceptWrong.Code {
			reason += " " + h.Accept.Mistake
		}
		return reason, h.Violations[0].Code
	}
	return "", ""
}
