package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Transcript is what came of a case that was played: all that a judgement looks at.
type Transcript struct {
	Judge    wire.Role     // the role of the judge
	NoConn   error         // why there was no connection, nil where there was one
	Deadline time.Duration // how long the judge waited since a byte last moved
	Most     time.Duration // and at most
	Lasted   time.Duration

	Half       answer // the target's half of the opening handshake
	Played     bool   // the steps were played
	Saw        []seen
	Closed     *seen  // the target's Close frame
	Fault      *fault // the first thing that breaks a rule; nothing is read after it
	Over       error  // why no more came: io.EOF for FIN
	First      []byte // the first bytes behind the opening handshake
	Unfinished seen   // a message whose end has not come
	Part       part   // a frame that came in part
	Raw        []byte // the first bytes of the last frame
	Flooded    bool   // more came than the case can call for
	TooLong    *seen  // what announced more bytes than anything called for
	State      state
	RanOut     bool // the judge's time was over before the end

	Browser     bool      // the client is a browser
	NoElsewhere error     // why a redirect could not be played
	Second      *Crossing // a request for the address that a redirect named

	Journal *journal
	Kept    bool // the case is recorded by its caller
	Events  []recording.Event
	Partial bool // Events are not all that happened
}

// span is a frame as it came: its header, and where its payload stands in that
// of the message or control frame.
type span struct {
	header wire.Header
	start  int
}

// seen is one message or control frame that came from the target.
type seen struct {
	opcode  wire.Opcode
	payload []byte
	frames  []span
	close   wire.ClosePayload // of a Close frame
	packed  []byte            // the payload as it came, of a compressed message
	// idle says of a Pong that it answers nothing: its payload is none that the
	// judge has sent, or there is none. It may be the target's heartbeat.
	idle bool
}

// compressed reports whether s is a message with RSV1.
func (s seen) compressed() bool { return !s.opcode.IsControl() && s.frames[0].header.RSV1 }

// fault is the first thing in the target's bytes that breaks a rule.
type fault struct {
	rule wire.Violation
	of   seen // as far as it came
	bit  int  // in its last frame
}

// part is a frame of which not all came.
type part struct {
	header  wire.Header
	payload []byte // what came of it, unmasked
	whole   bool   // its header came
}

// there reports whether a part of a frame came.
func (p part) there() bool { return p.whole || len(p.payload) > 0 }

// Trace is what is kept of a report for a diagnosis from several.
type Trace struct {
	models []int // those that explain what came
	came   int   // messages and control frames
	pongs  int
	closed bool // it sent a Close frame
	ended  bool // it ended TCP
	code   wire.CloseCode
	masked bool // a frame with a payload was masked
	quiet  bool // nothing came that could be an answer, not even a broken frame
	// bareControl says that a client's control frame had no mask.
	bareControl bool
	noClose     bool // it failed the connection without a Close frame
	// accepted is the mistake of an endpoint that answers a Close frame which breaks
	// a rule as it would answer one without.
	accepted string
	flooded  bool // more came than anything called for
	faulty   bool // a frame that came breaks a rule, and is not one of the judge's
	framed   bool // a frame came, whole or in part, that is not a Close frame
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

// busy reports whether a says that the server has no room at present.
func (a answer) busy() bool {
	return a.head != nil && a.head.From == wire.Server && (a.head.Head.Status == 503 || a.head.Head.Status == 429)
}

// fit says how what was seen stands to what is expected.
type fit uint8

const (
	cannot fit = iota // it can no longer become what is expected
	partly            // more is to come
	wholly
)

// fits holds what was seen against o. wrong is the index in saw of the first
// that o has no place for, or -1, and due what o has in its place. A Pong may
// come unasked (RFC 6455 §5.5.3), so that of one that is idle nothing follows.
func (o Outcome) fits(saw []seen) (f fit, wrong int, due *Expect) { return o.hold(saw, false) }

// hold is fits, and with strict has a place for no idle Pong either.
func (o Outcome) hold(saw []seen, strict bool) (f fit, wrong int, due *Expect) {
	f = wholly
	lanes := []func(wire.Opcode) bool{func(op wire.Opcode) bool { return !op.IsControl() }, wire.Opcode.IsControl}
	if o.InOrder {
		lanes = []func(wire.Opcode) bool{func(wire.Opcode) bool { return true }}
	}
	wrong = -1
	for _, lane := range lanes {
		next := 0
		skip := func() *Expect { // the next of o.Sees in this lane
			for ; next < len(o.Sees); next++ {
				if lane(o.Sees[next].Opcode) {
					return &o.Sees[next]
				}
			}
			return nil
		}
		for i, s := range saw {
			if !lane(s.opcode) {
				continue
			}
			before := next
			e := skip()
			first := e
			for e != nil && e.Optional && !e.is(s) {
				next++
				e = skip()
			}
			if (e == nil || !e.is(s)) && s.idle && !strict {
				next = before
				continue
			}
			if e == nil || !e.is(s) {
				if wrong < 0 || i < wrong {
					wrong, due = i, first
				}
				f = cannot
				break
			}
			next++
		}
		for e := skip(); e != nil; e = skip() {
			if !e.Optional {
				f = min(f, partly)
			}
			next++
		}
	}
	return f, wrong, due
}

// is reports whether s is what is expected.
func (e Expect) is(s seen) bool {
	return s.opcode == e.Opcode && e.Payload.equal(s.payload)
}

// describe says what a message or control frame is: `TEXT "Hello"`.
func describe(op wire.Opcode, head []byte, size int) string {
	name := strings.ToUpper(op.String())
	switch {
	case size == 0:
		return name + " (empty)"
	case op == wire.Close:
		return name
	}
	more := ""
	if size > len(head) {
		more = fmt.Sprintf("… (%d bytes)", size)
	}
	// A character that was cut by us is not the target's fault.
	whole := head
	for i := 0; more != "" && i < utf8.UTFMax-1 && len(whole) > 0 && !utf8.Valid(whole); i++ {
		whole = whole[:len(whole)-1]
	}
	if op != wire.Binary && utf8.Valid(whole) {
		return name + " " + strconv.Quote(string(whole)) + more
	}
	if more != "" {
		head = head[:min(len(head), keepHex)]
	}
	return fmt.Sprintf("%s % x%s", name, head, more)
}

// String describes what came.
func (s seen) String() string {
	if s.opcode == wire.Close {
		if s.close.Code == wire.NoStatusReceived {
			return "CLOSE (empty)"
		}
		text := "CLOSE " + codeText(s.close.Code)
		if s.close.Reason != "" {
			text += fmt.Sprintf(" %q", s.close.Reason)
		}
		return text
	}
	text := describe(s.opcode, s.payload[:min(len(s.payload), keepShown)], len(s.payload))
	if n := len(s.frames); n > 1 {
		text += fmt.Sprintf(" in %d frames", n)
	}
	return text
}

// codeText gives a close code as its number.
func codeText(c wire.CloseCode) string {
	if c == wire.NoStatusReceived {
		return "(empty)"
	}
	return strconv.Itoa(int(c))
}

// state is what the run knows besides what came.
type state struct {
	closeSent bool // the judge sent the Close frame that ends a ByJudge case
	late      bool // a Patience step ended in vain
	trailing  bool // bytes of the judge stand behind a Close frame of a step
	flooded   bool
	ended     bool          // the target has sent a Close frame, or ended TCP
	timeout   bool          // the wait for the end of TCP was in vain
	waited    time.Duration // for the end of TCP
	quiet     bool          // the case ended because the judge's time was over
	slow      bool          // and bytes still moved
	first     bool          // a client ended TCP before the judge did
}

// best returns the first outcome that what was seen can still be, or, with
// over, is.
func (c *Case) best(saw []seen, closed *seen, s state, over bool) *Outcome {
	for i := range c.Outcomes {
		o := &c.Outcomes[i]
		f, _, _ := o.fits(saw)
		if f == cannot || o.End.Early && s.late || over && f != wholly {
			continue
		}
		if o.End.Exact && closed != nil && !slices.Contains(o.End.Codes, closed.close.Code) {
			continue
		}
		if over {
			switch o.End.How {
			case ByJudge:
				if !s.closeSent {
					continue // it ended before it was asked to
				}
			case Fails, Answers, Drops:
				if s.closeSent || !s.ended || o.End.Exact && closed == nil {
					continue
				}
			case Refuses:
				if c.Judges == wire.Server || s.closeSent || !s.ended {
					continue // a server's refusal has been judged by its answer
				}
			}
		}
		return o
	}
	return nil
}

// isTimeout reports whether err is no end of TCP but of the judge's patience.
func isTimeout(err error) bool { return !errors.Is(err, io.EOF) && endText(err) == "TCP open" }

// endText says how TCP ended, as a reader reads it.
func endText(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return "TCP open"
	case errors.Is(err, io.EOF):
		return "TCP closed (FIN)"
	case tap.IsReset(err):
		return "TCP reset (RST)"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "TCP open"
	case errors.Is(err, net.ErrClosed):
		return "TCP closed by the judge"
	}
	return "TCP failed: " + tap.Plain(err)
}

// bitOf returns the first bit of h that breaks rule, 0 where it cannot be told.
func bitOf(rule string, h wire.Header) int {
	switch rule {
	case wire.RuleRSV1.Code:
		return 1
	case wire.RuleRSV2.Code:
		return 2
	case wire.RuleRSV3.Code:
		return 3
	case wire.RuleOpcode.Code, wire.RuleStray.Code, wire.RuleInterleaved.Code, wire.RuleAfterClose.Code:
		return 4
	case wire.RuleMaskMissing.Code, wire.RuleMaskForbidden.Code:
		return 8
	case wire.RuleLengthMinimal.Code, wire.RuleControlLength.Code:
		return 9
	case wire.RuleLengthTopBit.Code:
		return 16
	}
	return 0
}

// sentSet has what of the judge's frames a control frame can send back.
type sentSet struct {
	payloads map[string]bool
	codes    []wire.CloseCode // of its Close frames
}

// has reports whether b is one of the payloads.
func (s sentSet) has(b []byte) bool { return s.payloads[string(b)] }

// returns reports whether a Close frame with code only sends back what the judge
// has sent, as is usual (RFC 6455 §5.5.1). 1005, 1006 and 1015 must not stand in
// any Close frame, whoever began with them (§7.4.1).
func (s sentSet) returns(code wire.CloseCode) bool {
	return !code.IsLocal() && slices.Contains(s.codes, code)
}

// sent returns what c sends in frames that a control frame could send back.
func (c *Case) sent() sentSet {
	set := sentSet{payloads: map[string]bool{}}
	pongs, pings := map[string]bool{}, map[string]bool{}
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			n := f.Payload.Len()
			switch f.Opcode {
			case wire.Pong:
				pongs[string(f.Payload.prefix(n))] = true
				continue // a Pong for a Pong answers nothing, and may come at any time
			case wire.Ping:
				pings[string(f.Payload.prefix(n))] = true
			}
			if n <= wire.MaxControlPayload && (n > 0 || f.Opcode.IsControl()) {
				set.payloads[string(f.Payload.prefix(n))] = true
			}
			if f.Opcode == wire.Close && n >= 2 {
				body, _ := wire.ParseClosePayload(f.Payload.prefix(n))
				set.codes = append(set.codes, body.Code)
			}
		}
	}
	// So may one whose payload a data frame has as well.
	maps.DeleteFunc(set.payloads, func(p string, _ bool) bool { return pongs[p] && !pings[p] })
	return set
}

// sent reports whether the judge has sent such a frame.
func sent(c *Case, op wire.Opcode, payload []byte) bool {
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			if f.Opcode == op && f.Payload.equal(payload) {
				return true
			}
		}
	}
	return false
}

// breaksMust reports whether a MUST forbids what f's frame has. Of the codes in a
// Close frame the RFC forbids 1005, 1006 and 1015 alone; others are only not
// defined (RFC 6455 §7.4).
func (f *fault) breaksMust() bool {
	if f.rule.Code != wire.RuleCloseCode.Code {
		return true
	}
	body, _ := wire.ParseClosePayload(f.of.payload)
	return body.Code.IsLocal()
}

// sentBack reports whether the frame of f is one that the judge sent, as
// far as it came.
func sentBack(c *Case, f *fault) bool {
	of := f.of
	h := of.frames[len(of.frames)-1].header
	switch f.rule.Code {
	case wire.RuleCloseCode.Code, wire.RuleCloseBody.Code, wire.RuleCloseReason.Code:
		return sent(c, wire.Close, of.payload)
	case wire.RuleTextUTF8.Code:
		return slices.ContainsFunc(c.messages(), func(m []byte) bool { return bytes.HasPrefix(m, of.payload) })
	}
	for _, s := range c.Steps {
		for _, own := range s.Frames {
			length := uint64(own.Payload.Len())
			if own.Lies {
				length = own.Claims
			}
			same := own.Opcode == h.Opcode || own.Opcode == wire.Ping && h.Opcode == wire.Pong
			if same && own.RSV == rsvOf(h) && length == h.Length {
				return true
			}
		}
	}
	return false
}

// rsvOf returns the reserved bits of h as a Frame has them.
func rsvOf(h wire.Header) (bits uint8) {
	for i, set := range []bool{h.RSV3, h.RSV2, h.RSV1} {
		if set {
			bits |= 1 << i
		}
	}
	return bits
}

// messages returns the payloads of c's messages, fragments joined.
func (c *Case) messages() (list [][]byte) {
	var message []byte
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			if f.Opcode.IsControl() || f.Payload.Len() > maxModelled {
				continue
			}
			if f.Opcode != wire.Continuation {
				message = nil
			}
			message = append(message, f.Payload.Bytes()...)
			list = append(list, bytes.Clone(message))
		}
	}
	return list
}

// needsOpen reports whether c judges a as one that must open a WebSocket. A client's
// half must be right, whatever it is then answered, and so must be a server's that
// opens a WebSocket.
func (c *Case) needsOpen(a answer, role wire.Role) bool {
	return role == wire.Server || c.refusal() == nil || a.head != nil && a.head.Head.Status == 101 && c.mayOpen()
}

// lacksRequest says what a client's half lacks for c to be judged, "" for nothing.
func (c *Case) lacksRequest(a answer, role wire.Role) string {
	switch {
	case role == wire.Client || a.head == nil:
		return ""
	case a.withheld:
		return Withheld
	}
	return c.lacksOffer(a)
}

// opens reports whether the steps of c can be played behind a.
func (a answer) opens(c *Case, role wire.Role) bool {
	if c.lacksRequest(a, role) != "" || !c.needsOpen(a, role) {
		return false
	}
	reason, _ := a.refused()
	return reason == "" && c.lacksDeflate(a, role) == ""
}
