package suite

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
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Opening is the judge's half of the opening handshake. Writes are its TCP
// writes, in which {host}, {path}, {key} and, in a server's answer, {accept}
// stand for what the connection calls for; wrongAccepts has more.
type Opening struct {
	Writes []string
	Key    string        // default: SampleKey
	Each   int           // or cut into writes of so many bytes, whatever Writes say
	Gap    time.Duration // between two writes
	Fin    bool          // end the judge's side of TCP behind it
	// Listen is how long the judge waits before it answers a client, which must
	// send nothing meanwhile.
	Listen time.Duration
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

// writes returns the TCP writes of c's opening as role sends them. key is the
// client's; asked is its half, where role answers it.
func (c *Case) writes(role wire.Role, host, path, key string, asked wire.Head) []string {
	o := c.Opening
	list := o.Writes
	if list == nil {
		half := request
		if role == wire.Server {
			half = response
		}
		if extensions := c.Deflate.extensions(role, asked); extensions != "" {
			half = plus(half, "Sec-WebSocket-Extensions: "+extensions)
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

// wrongAccepts returns what stands for answers to key that are made wrongly, and
// what they are.
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
		"{accept-misprint}", wire.Hash(key + dissect.MisprintedGUID),
		"{accept-decoded}", wire.Hash(string(decoded) + wire.GUID),
		"{accept-hex}", base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:]))),
	}
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
	head    *dissect.Handshake
	rest    []byte              // what came behind it in the same read
	err     error               // why there is no head
	deflate *wire.DeflateParams // what both halves agree on, nil where it is nothing
	offers  bool                // of a client: permessage-deflate
	// withheld says that the judge did not send its half: see Withheld.
	withheld bool
	early    bool     // a client sent something before it was answered
	known    []string // the keys of earlier connections of a client
	port     string   // the judge's own
}

// readHead reads the target's half. talk has been told of the judge's, if that
// came first.
func readHead(conn net.Conn, talk *dissect.Conversation, from wire.Role) answer {
	b := make([]byte, 16<<10)
	var first []byte // enough to see what it is
	for got := 0; ; {
		n, err := conn.Read(b)
		got += n
		first = append(first, b[:min(n, 60-len(first))]...)
		if from == wire.Server && len(first) > 0 && !looksLikeHTTP(first) {
			return answer{err: fmt.Errorf("it answered %s, which is no HTTP", quoteLine(first))}
		}
		for _, it := range talk.Bytes(from, b[:n], false) {
			h := it.Handshake
			if h == nil || from == wire.Server && h.Head.Status/100 == 1 && h.Head.Status != 101 {
				continue
			}
			if len(h.Bytes()) >= dissect.MaxHead {
				break // it was cut: see below
			}
			return answer{head: h, rest: append([]byte(nil), b[it.End:n]...)}
		}
		switch {
		case got >= dissect.MaxHead:
			return answer{err: fmt.Errorf("it sent %s, and the head of its answer was not at its end", counted(got))}
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && got == 0:
			return answer{err: fmt.Errorf("it accepted the connection and sent nothing%w", errSilent)}
		case errors.Is(err, os.ErrDeadlineExceeded):
			return answer{err: fmt.Errorf("it sent %s, which are not a whole head of HTTP%s%w", counted(got), thenNothing, errSilent)}
		case errors.Is(err, io.EOF) && got == 0:
			return answer{err: errors.New("it closed TCP and had said nothing")}
		case errors.Is(err, io.EOF):
			return answer{err: fmt.Errorf("it closed TCP after %s, which are no whole head of HTTP", counted(got))}
		case tap.IsReset(err):
			return answer{err: errors.New("it reset TCP during the opening handshake")}
		default:
			return answer{err: errors.New(tap.Plain(err))}
		}
	}
}

// thenNothing ends what is said of a target that stopped in the middle of a head.
const thenNothing = ", and then nothing"

// errSilent says that the judge's time was over. How long that was the report says.
var errSilent = errors.New("")

// looksLikeHTTP reports whether b can be the begin of a status line.
func looksLikeHTTP(b []byte) bool {
	const begin = "HTTP/"
	n := min(len(b), len(begin))
	return string(b[:n]) == begin[:n]
}

// quoteLine quotes the first line of b.
func quoteLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	return fmt.Sprintf("%.40q", strings.TrimRight(line, "\r"))
}

// open does the opening handshake of c on conn in role. glued goes with the last
// write of the judge's half.
func (c *Case) open(ctx context.Context, conn *movingConn, role wire.Role, host, path string, glued []byte) answer {
	talk := &dissect.Conversation{}
	key := c.Opening.key()
	var a answer
	if role == wire.Server {
		if a = readHead(conn, talk, wire.Client); a.err != nil {
			return a
		}
		key = a.head.Head.Key()
		a.early = len(a.rest) > 0 || c.hears(ctx, conn)
		a.offers = a.head.Head.HasExtension(wire.PermessageDeflate)
		// Where there is nothing to judge, nothing odd is sent.
		if c.lacksOffer(a) != "" {
			_, _ = io.WriteString(conn, strings.ReplaceAll(response, "{accept}", wire.Accept(key)))
			return a
		}
	}
	var asked wire.Head
	if a.head != nil {
		asked = a.head.Head
	}
	list := c.writes(role, host, path, key, asked)
	var own *dissect.Handshake
	for _, it := range talk.Bytes(role, legible(strings.Join(list, "")), false) {
		if it.Handshake != nil {
			own = it.Handshake
		}
	}
	if role == wire.Server && !c.risky && own != nil && freezes(own.Head, asked) {
		a.withheld = true
		_, _ = io.WriteString(conn, strings.ReplaceAll(response, "{accept}", wire.Accept(key)))
		return a
	}
	for i, w := range list {
		b := []byte(w)
		if i == len(list)-1 {
			b = append(b, glued...)
		}
		if n, err := conn.Write(b); err != nil {
			if role == wire.Server && i == 0 && n == 0 {
				a.err = errors.New("it was gone before its handshake was answered")
				return a
			}
			break // a peer may refuse before the request or the answer is at its end
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
	if own != nil && a.head != nil {
		asked, answered := own.Head, a.head.Head
		if role == wire.Server {
			asked, answered = answered, asked
		}
		if agreed, inUse, _ := wire.CheckDeflateResponse(asked, answered); inUse {
			a.deflate = &agreed
		}
	}
	return a
}

// legible returns the judge's half for a reader that knows neither folded lines
// nor long ones: an answer is judged by what was asked, however it was written.
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

// judgeOpening judges the target's half of the opening handshake, and reports
// whether that is all there is to judge.
func (c *Case) judgeOpening(r *Report, role wire.Role) bool {
	a := r.answer
	r.Expected = c.expected()
	lacks := ""
	switch {
	case role == wire.Client || a.head == nil:
	case a.withheld:
		r.Withheld, lacks = true, Withheld
	default:
		lacks = c.lacksOffer(a)
	}
	if lacks != "" {
		r.Verdict, r.Closing, r.Reason, r.Got = Note, Note, sentence(lacks), a.head.Line
		return true
	}
	refusal := c.refusal()
	switch {
	case role == wire.Server || refusal == nil || a.head != nil && a.head.Head.Status == 101 && c.mayOpen():
		// 1. A client's half must be right, whatever it is then answered, and so
		// must be a server's that opens a WebSocket.
		if reason, rule := a.refused(); reason != "" {
			r.Verdict, r.Closing, r.Reason, r.Rule = Fail, Fail, reason, rule
			r.Got = "no WebSocket"
			switch {
			case errors.Is(a.err, errSilent):
				c.noHandshake(r)
			case a.busy():
				r.Busy = true
				*r = r.NotJudged(fmt.Sprintf("it answered %.60q, so it had no room for this connection", a.head.Line))
			case a.head == nil:
				r.lacks = c.handshakeWords()
			}
			if a.head != nil && !r.Busy {
				r.pointRule(a.head, rule)
			}
			return true
		}
		return c.lacksDeflate(r, role)
	case a.head == nil:
		// 2. No answer at all.
		r.Got = a.err.Error()
		r.Verdict, r.Reason = Warning, sentence("it refused the handshake without an answer: "+a.err.Error())
		switch {
		case errors.Is(a.err, errSilent):
			c.noHandshake(r)
		case refusal.End.Silent:
			r.Verdict, r.Reason = refusal.Verdict, sentence(refusal.Why)
		}
	case a.head.Head.Status == 101:
		r.pointRule(a.head, "")
		r.Verdict, r.Closing, r.Reason = Fail, Fail, "It opened a WebSocket, and the handshake was one that it must refuse."
	default:
		// 3. A refusal.
		if r.Got, r.Busy = a.head.Line, a.busy(); r.Busy {
			r.lacks = "room for the connection"
		}
		for _, o := range c.Outcomes {
			if o.End.How == Refuses && o.End.allows(a.head.Head.Status) {
				r.Verdict, r.Reason = o.Verdict, sentence(o.Why)
				return true
			}
		}
		r.Verdict = Warning
		r.Reason = fmt.Sprintf("It refused the handshake with status %d, and %s was due.", a.head.Head.Status, refusal.End)
	}
	return true
}

// noHandshake makes r the report of a case in which the target's half of the
// opening handshake did not come in time.
func (c *Case) noHandshake(r *Report) {
	r.Verdict, r.Closing, r.Rule = NoAnswer, NoAnswer, ""
	r.lacks = c.handshakeWords()
	r.Got = r.answer.err.Error()
	if r.slow {
		r.Got = strings.TrimSuffix(r.Got, thenNothing)
		c.tooSlow(r)
		return
	}
	r.Reason = fmt.Sprintf("No answer within %s: %s.", c.deadline(), r.Got)
}

// handshakeWords names the target's half of the opening handshake. That to an
// unusual request is another than that to the usual one.
func (c *Case) handshakeWords() string {
	switch {
	case c.Judges == wire.Client:
		return "a request"
	case len(c.Opening.Writes) > 0 || c.Opening.Each > 0 || c.Opening.Fin:
		return "a response to an unusual request"
	}
	return "a response to the request"
}

// busy reports whether a says that the server has no room at present.
func (a answer) busy() bool {
	return a.head != nil && a.head.From == wire.Server && (a.head.Head.Status == 503 || a.head.Head.Status == 429)
}

// pointRule sets Got, Bytes and Caret to the line of h that breaks rule, or to
// its first line, where that tells.
func (r *Report) pointRule(h *dissect.Handshake, rule string) {
	name := dissect.HeaderField(rule)
	for _, l := range h.Lines {
		if name == "" || !strings.EqualFold(l.Name, name) {
			continue
		}
		line := string(h.Bytes()[l.Offset : l.Offset+l.Size])
		line = strings.TrimRight(line, "\r\n")
		at := min(len(l.Name)+len(": "), len(line)-1)
		if rule == wire.RuleAcceptWrong.Code && h.Accept != nil {
			r.Expected = "Sec-WebSocket-Accept: " + h.Accept.Expected
			value := strings.Index(line, l.Value)
			for at = value; at < len(line)-1 && at-value < len(h.Accept.Expected) && line[at] == h.Accept.Expected[at-value]; {
				at++
			}
		}
		r.pointLine(line, at)
		return
	}
	at := 0
	if h.From == wire.Server || rule == wire.RuleTarget.Code {
		at = strings.Index(h.Line, " ") + 1 // the status, or the target
	}
	r.pointLine(h.Line, at)
}

// pointLine sets Got to a line, and Bytes and Caret to the byte at of it.
func (r *Report) pointLine(line string, at int) {
	r.Got, r.Skipped = line, 0
	if at >= keepBytes {
		r.Skipped = at - keepBytes/2
	}
	r.Bytes = []byte(line[r.Skipped:min(len(line), r.Skipped+keepBytes)])
	r.Caret = 8 * (at - r.Skipped)
}

// refusal returns the first outcome that is a refusal, or nil.
func (c *Case) refusal() *Outcome {
	for i := range c.Outcomes {
		if c.Outcomes[i].End.How == Refuses {
			return &c.Outcomes[i]
		}
	}
	return nil
}

// mayOpen reports whether an outcome of c is an open WebSocket.
func (c *Case) mayOpen() bool {
	for _, o := range c.Outcomes {
		if o.End.How != Refuses {
			return true
		}
	}
	return false
}

// allows reports whether a refusal may have this status.
func (e End) allows(status int) bool {
	return slices.Contains(e.Statuses, status) || len(e.Statuses) == 0 && status >= 400
}

// hears listens to a client that waits for its answer, and reports whether it
// sends something all the same.
func (c *Case) hears(ctx context.Context, conn net.Conn) bool {
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

// Keys are the Sec-WebSocket-Keys of a client's connections so far. All methods
// may be called concurrently, also on nil, which knows none.
type Keys struct {
	mu    sync.Mutex
	known []string
}

// add returns the keys known before, and knows key from now on.
func (k *Keys) add(key string) []string {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.known
	k.known = append(k.known[:len(k.known):len(k.known)], key)
	return before
}

// A headCheck judges one thing about the target's half of the opening
// handshake.
type headCheck func(a answer) finding

// A finding is what a check has found. The zero value is that all is well.
type finding struct {
	verdict Verdict
	why     string // for people, with the target as it
	mistake string // code of the one mistake that this shows, "" where it may be several
}

// found returns a finding that shows no certain mistake.
func found(v Verdict, why string, args ...any) finding {
	return finding{verdict: v, why: fmt.Sprintf(why, args...)}
}

// shows returns f as what shows the mistake with this code.
func (f finding) shows(mistake string) finding {
	f.mistake = mistake
	return f
}

// take makes f what r says of the behaviour.
func (r *Report) take(f finding) {
	r.Verdict, r.Reason, r.shown = f.verdict, sentence(f.why), f.mistake
}

// judgeHead adds what c.Head says to r, where nothing graver is said: it is what
// the case is about.
func (c *Case) judgeHead(r *Report) {
	if c.Head == nil || r.answer.head == nil {
		return
	}
	if f := c.Head(r.answer); f.verdict != Pass && f.verdict >= r.Verdict {
		r.take(f)
		r.framed = false
		if r.lacks != "" && f.verdict == Fail {
			r.lacks = "" // the head is there, whatever came or did not come after it
		}
		for _, v := range r.answer.head.Violations {
			if slices.Contains(c.Rules, v.Code) {
				r.Rule = v.Code
				break
			}
		}
	}
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
	case h.Head.Status/100 == 3:
		to := strings.Join(h.Head.Values("Location"), ", ")
		return fmt.Sprintf("There is no WebSocket here: it answered %.60q, a redirect to %q, which is not followed.", h.Line, to), ""
	case h.Head.Status != 101:
		return fmt.Sprintf("There is no WebSocket here: it answered %.60q.", h.Line), ""
	case len(h.Violations) > 0:
		reason := "It answered 101, and no client may accept it: " + h.Violations[0].Error()
		if h.Accept != nil && h.Accept.Mistake != "" && h.Violations[0].Code == wire.RuleAcceptWrong.Code {
			reason += " Here " + h.Accept.Mistake + "."
		}
		return reason, h.Violations[0].Code
	}
	return "", ""
}
