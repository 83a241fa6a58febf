package spec

import (
	"strings"
	"time"
)

// AtMostOnce returns a check that fails if the field called name is repeated.
func AtMostOnce(name string) HeadCheck {
	return func(a Half) Finding {
		if n := len(a.Head.Head.Values(name)); n > 1 {
			return Found(Fail, "it sends %s %d times", name, n)
		}
		return Finding{}
	}
}

// Tried are the steps that show whether a WebSocket is open: the target echoes a message.
var Tried = []Step{Send(Text("Hello"))}

// Set returns head with lines in place of the lines of the field called name.
func Set(head, name string, lines ...string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(head, "\r\n") {
		field, _, isField := strings.Cut(line, ":")
		switch {
		case isField && strings.EqualFold(field, name):
			for _, l := range lines {
				b.WriteString(l + "\r\n")
			}
			lines = nil
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}

// Plus returns head with lines added at its end.
func Plus(head string, lines ...string) string {
	head = strings.TrimSuffix(head, "\r\n")
	for _, l := range lines {
		head += l + "\r\n"
	}
	return head + "\r\n"
}

// StartLine returns head with another first line.
func StartLine(head, line string) string {
	_, fields, _ := strings.Cut(head, "\r\n")
	return line + "\r\n" + fields
}

// Renamed returns head with the names of its fields changed.
func Renamed(head string, change func(string) string) string {
	lines := strings.Split(head, "\r\n")
	for i, l := range lines {
		if name, value, ok := strings.Cut(l, ":"); ok && i > 0 {
			lines[i] = change(name) + ":" + value
		}
	}
	return strings.Join(lines, "\r\n")
}

// Backwards returns head with its fields in reverse order.
func Backwards(head string) string {
	line, fields, _ := strings.Cut(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	list := strings.Split(fields, "\r\n")
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return line + "\r\n" + strings.Join(list, "\r\n") + "\r\n\r\n"
}

// Opening is the judge's half of the opening handshake. Writes are its TCP writes. The
// engine replaces {host}, {path}, {key} and, in a response, {accept} by the values of the
// connection. See writes and wrongAccepts in play/opening.go for more placeholders.
type Opening struct {
	Writes []string
	Key    string        // default: SampleKey
	Each   int           // if not 0, the bytes of each TCP write, instead of Writes
	Gap    time.Duration // between two writes
	Fin    bool          // then close the judge's side of TCP
	// Listen is how long the judge waits before it responds to a client. The client must
	// not send bytes meanwhile.
	Listen time.Duration
}

// SampleKey is the Sec-WebSocket-Key of RFC 6455 §1.3.
const SampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// The valid request and the valid response.
const (
	Request = "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
	Response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: {accept}\r\n\r\n"
)

// UsedKey returns the handshake key of o, SampleKey by default.
func (o Opening) UsedKey() string {
	if o.Key != "" {
		return o.Key
	}
	return SampleKey
}

// Prefixed returns values with prefix before each.
func Prefixed(prefix string, values []string) []string {
	lines := make([]string, len(values))
	for i, v := range values {
		lines[i] = prefix + v
	}
	return lines
}
