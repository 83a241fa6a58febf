package spec

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// A HeadCheck judges one thing about the target's half of the opening
// handshake.
type HeadCheck func(a Half) Finding

// A Finding is what a check has found. The zero value is that all is well.
type Finding struct {
	Verdict Verdict
	Why     string // for people, with the target as it
	Mistake string // code of the one mistake that this shows, "" where it may be several
}

// Found returns a finding that shows no certain mistake.
func Found(v Verdict, why string, args ...any) Finding {
	return Finding{Verdict: v, Why: fmt.Sprintf(why, args...)}
}

// Showing returns f as what shows the mistake with this code.
func (f Finding) Showing(mistake string) Finding {
	f.Mistake = mistake
	return f
}

// Span is a frame as it came: its header, and where its payload stands in that
// of the message or control frame.
type Span struct {
	Header wire.Header
	Start  int
}

// Message is one message or control frame that came from the target.
type Message struct {
	Opcode  wire.Opcode
	Payload []byte
	Frames  []Span
	Close   wire.ClosePayload // of a Close frame
	Packed  []byte            // the payload as it came, of a compressed message
	// idle says of a Pong that it answers nothing: its payload is none that the
	// judge has sent, or there is none. It may be the target's heartbeat.
	Idle bool
}

// Compressed reports whether s is a message with RSV1.
func (s Message) Compressed() bool { return !s.Opcode.IsControl() && s.Frames[0].Header.RSV1 }

// An Half is the target's half of the opening handshake.
type Half struct {
	Head    *dissect.Handshake
	Rest    []byte              // what came behind it in the same read
	Err     error               // why there is no head
	Deflate *wire.DeflateParams // what both halves agree on, nil where it is nothing
	Offers  bool                // of a client: permessage-deflate
	// withheld says that the judge did not send its half: see Withheld.
	Withheld bool
	Early    bool     // a client sent something before it was answered
	Known    []string // the keys of earlier connections of a client
	Port     string   // the judge's own
}

// Describe says what a message or control frame is: `TEXT "Hello"`.
func Describe(op wire.Opcode, head []byte, size int) string {
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
func (s Message) String() string {
	if s.Opcode == wire.Close {
		if s.Close.Code == wire.NoStatusReceived {
			return "CLOSE (empty)"
		}
		text := "CLOSE " + CodeText(s.Close.Code)
		if s.Close.Reason != "" {
			text += fmt.Sprintf(" %q", s.Close.Reason)
		}
		return text
	}
	text := Describe(s.Opcode, s.Payload[:min(len(s.Payload), KeepShown)], len(s.Payload))
	if n := len(s.Frames); n > 1 {
		text += fmt.Sprintf(" in %d frames", n)
	}
	return text
}

// CodeText gives a close code as its number.
func CodeText(c wire.CloseCode) string {
	if c == wire.NoStatusReceived {
		return "(empty)"
	}
	return strconv.Itoa(int(c))
}

// How much of what came, and of what is expected, a text shows.
const (
	KeepShown  = 24 // bytes of a payload
	keepHex    = 8  // of a long one that is no text
	keepListed = 6  // messages and frames
	KeepBytes  = 64 // bytes of the frame that is wrong
)
