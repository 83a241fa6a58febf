package play

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/recognize"
	"wslab/reference/wire"
)

// writes returns the TCP writes of c's opening as role sends them. key is the handshake
// key. If role is the server, asked is the client's request.
func writes(c *spec.Case, role wire.Role, host, path, key string, asked wire.Head) []string {
	o := c.Opening
	list := o.Writes
	if list == nil {
		half := spec.Request
		if role == wire.Server {
			half = spec.Response
		}
		if extensions := extensions(c.Deflate, role, asked); extensions != "" {
			half = spec.Plus(half, "Sec-WebSocket-Extensions: "+extensions)
		}
		list = []string{half}
	}
	first := ""
	if list := asked.Tokens("Sec-WebSocket-Protocol"); len(list) > 0 {
		first = list[0]
	}
	fill := strings.NewReplacer(append(wrongAccepts(key), "{offered}", first, "{host}", host, "{path}", path, "{key}", key, "{accept}", wire.Accept(key))...)
	filled := make([]string, len(list))
	for i, w := range list {
		filled[i] = fill.Replace(w)
	}
	if o.Each > 0 {
		whole := strings.Join(filled, "")
		filled = nil
		for len(whole) > o.Each {
			filled, whole = append(filled, whole[:o.Each]), whole[o.Each:]
		}
		filled = append(filled, whole)
	}
	return filled
}

// wrongAccepts returns placeholders and their values: wrong accept values for key, one
// for each common mistake.
func wrongAccepts(key string) []string {
	right := wire.Accept(key)
	decoded, _ := base64.StdEncoding.DecodeString(key)
	sum := sha1.Sum([]byte(key + wire.GUID))
	swapped := strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, right)
	return []string{
		"{accept-cut}", right[:len(right)-1],
		"{accept-case}", swapped,
		"{accept-key}", wire.Hash(key),
		"{accept-lower}", wire.Hash(key + strings.ToLower(wire.GUID)),
		"{accept-misprint}", wire.Hash(key + recognize.MisprintedGUID),
		"{accept-decoded}", wire.Hash(string(decoded) + wire.GUID),
		"{accept-hex}", base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:]))),
	}
}

// readHead reads the target's half of the opening handshake. If the judge sent its half
// first, talk has that half.
func readHead(conn net.Conn, talk *dissect.Conversation, from wire.Role) spec.Half {
	b := make([]byte, 16<<10)
	var first []byte // enough to show in an error
	for got := 0; ; {
		n, err := conn.Read(b)
		got += n
		first = append(first, b[:min(n, 60-len(first))]...)
		if from == wire.Server && len(first) > 0 && !looksLikeHTTP(first) {
			return spec.Half{Err: fmt.Errorf("it sent %s, which is not HTTP", quoteLine(first))}
		}
		for _, it := range talk.Bytes(from, b[:n], false) {
			h := it.Handshake
			if h == nil || from == wire.Server && h.Head.Status/100 == 1 && h.Head.Status != 101 {
				continue
			}
			if len(h.Bytes()) >= dissect.MaxHead {
				break // it was cut: the switch returns the error
			}
			return spec.Half{Head: h, Rest: append([]byte(nil), b[it.End:n]...)}
		}
		switch {
		case got >= dissect.MaxHead:
			return spec.Half{Err: fmt.Errorf("it sent %s, and its response header still did not end", spec.Counted(got))}
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && got == 0:
			return spec.Half{Err: fmt.Errorf("it accepted the connection and sent nothing%w", transcript.ErrSilent)}
		case errors.Is(err, os.ErrDeadlineExceeded):
			return spec.Half{Err: fmt.Errorf("it sent %s, which are not a complete HTTP header%s%w", spec.Counted(got), transcript.ThenNothing, transcript.ErrSilent)}
		case errors.Is(err, io.EOF) && got == 0:
			return spec.Half{Err: errors.New("it closed TCP without sending anything")}
		case errors.Is(err, io.EOF):
			return spec.Half{Err: fmt.Errorf("it closed TCP after %s, which are not a complete HTTP header", spec.Counted(got))}
		case tap.IsReset(err):
			return spec.Half{Err: errors.New("it reset TCP during the opening handshake")}
		default:
			return spec.Half{Err: errors.New(tap.Plain(err))}
		}
	}
}

// looksLikeHTTP reports whether b can be the beginning of a status line.
func looksLikeHTTP(b []byte) bool {
	const begin = "HTTP/"
	n := min(len(b), len(begin))
	return string(b[:n]) == begin[:n]
}

// quoteLine returns the first line of b in quotes, 40 bytes at most.
func quoteLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	return fmt.Sprintf("%.40q", strings.TrimRight(line, "\r"))
}

// open does the opening handshake on conn, and returns the target's half. It sends glued
// in the same TCP write as the end of the judge's half.
func (y *player) open(ctx context.Context, conn *movingConn, host, path string, glued []byte) spec.Half {
	c, role := y.c, y.role
	talk := &dissect.Conversation{}
	key := c.Opening.UsedKey()
	var a spec.Half
	if role == wire.Server {
		if a = readHead(conn, talk, wire.Client); a.Err != nil {
			return a
		}
		key = a.Head.Head.Key()
		a.Early = len(a.Rest) > 0 || hears(c, ctx, conn)
		a.Offers = a.Head.Head.HasExtension(wire.PermessageDeflate)
		// If the case cannot be judged, send the valid response.
		if transcript.LacksOffer(c, a) != "" {
			_, _ = io.WriteString(conn, strings.ReplaceAll(spec.Response, "{accept}", wire.Accept(key)))
			return a
		}
	}
	var asked wire.Head
	if a.Head != nil {
		asked = a.Head.Head
	}
	list := writes(c, role, host, path, key, asked)
	var own *dissect.Handshake
	for _, it := range talk.Bytes(role, legible(strings.Join(list, "")), false) {
		if it.Handshake != nil {
			own = it.Handshake
		}
	}
	if role == wire.Server && !y.risky && own != nil && freezes(own.Head, asked) {
		a.Withheld = true
		_, _ = io.WriteString(conn, strings.ReplaceAll(spec.Response, "{accept}", wire.Accept(key)))
		return a
	}
	for i, w := range list {
		b := []byte(w)
		if i == len(list)-1 {
			b = append(b, glued...)
		}
		if n, err := conn.Write(b); err != nil {
			if role == wire.Server && i == 0 && n == 0 {
				a.Err = errors.New("it closed TCP before it received the response")
				return a
			}
			break // a target may refuse before it has read the whole handshake
		}
		if c.Opening.Gap > 0 && i < len(list)-1 {
			sleep(ctx, c.Opening.Gap)
		}
	}
	if c.Opening.Fin {
		_ = conn.CloseWrite()
	}
	if role == wire.Client {
		a = readHead(conn, talk, wire.Server)
	}
	if own != nil && a.Head != nil {
		asked, answered := own.Head, a.Head.Head
		if role == wire.Server {
			asked, answered = answered, asked
		}
		if agreed, inUse, _ := wire.CheckDeflateResponse(asked, answered); inUse {
			a.Deflate = &agreed
		}
	}
	return a
}

// legible returns the judge's half without the folded and long lines that dissect does
// not read. Dissect checks the target's half against this half.
func legible(half string) []byte {
	half = strings.NewReplacer("\r\n ", "  ", "\r\n\t", "  ").Replace(half)
	if len(half) < dissect.MaxHead {
		return []byte(half)
	}
	var b []byte
	for line := range strings.SplitAfterSeq(half, "\r\n") {
		if !strings.HasPrefix(line, "X-") {
			b = append(b, line[:min(len(line), 1000)]...)
			if len(line) > 1000 {
				b = append(b, " HTTP/1.1\r\n"...)
			}
		}
	}
	return b
}

// hears reports whether a client sends bytes during Opening.Listen. The client must wait
// for the response.
func hears(c *spec.Case, ctx context.Context, conn net.Conn) bool {
	if c.Opening.Listen == 0 {
		return false
	}
	_ = conn.SetReadDeadline(time.Now().Add(c.Opening.Listen))
	n, _ := conn.Read(make([]byte, 1))
	_ = conn.SetReadDeadline(time.Time{})
	if ctx.Err() != nil {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	}
	return n > 0
}

// Keys are the handshake keys of a client's connections so far. All methods may be called
// concurrently. A nil Keys stores no key.
type Keys struct {
	mu    sync.Mutex
	known []string
}

// Add stores key, and returns the keys that were stored before.
func (k *Keys) Add(key string) []string {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.known
	k.known = append(k.known[:len(k.known):len(k.known)], key)
	return before
}
