package spec

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// A HeadCheck checks one thing in the target's half of the opening handshake.
type HeadCheck func(a Half) Finding

// A Finding is the result of a check. The zero value is a pass.
type Finding struct {
	Verdict Verdict
	Why     string // a sentence in which "it" is the target
	Mistake string // code of the mistake that this shows, "" if several could be the cause
}

// Found returns a finding that does not identify a mistake.
func Found(v Verdict, why string, args ...any) Finding {
	return Finding{Verdict: v, Why: fmt.Sprintf(why, args...)}
}

// Showing returns f with the code of the mistake that it identifies.
func (f Finding) Showing(mistake string) Finding {
	f.Mistake = mistake
	return f
}

// Span is one received frame of a message. It has the frame header, and the offset in
// bytes at which the frame's payload starts in the payload of the message.
type Span struct {
	Header wire.Header
	Start  int
}

// Message is one message or control frame that the target sent.
type Message struct {
	Opcode  wire.Opcode
	Payload []byte
	Frames  []Span
	Close   wire.ClosePayload // of a Close frame
	Packed  []byte            // of a compressed message: the payload before it is decompressed
	// Idle marks a Pong that does not answer a Ping. Its payload is empty, or is not the
	// payload of a Ping of the judge. The Pong may be the target's heartbeat.
	Idle bool
}

// Compressed reports whether s is a message with RSV1.
func (s Message) Compressed() bool { return !s.Opcode.IsControl() && s.Frames[0].Header.RSV1 }

// A Half is the target's half of the opening handshake.
type Half struct {
	Head    *dissect.Handshake
	Rest    []byte              // bytes that arrived after it in the same read
	Err     error               // the reason if Head is nil
	Deflate *wire.DeflateParams // the agreed parameters, nil without permessage-deflate
	Offers  bool                // a client offers permessage-deflate
	// Withheld says that the judge did not send the response of the case. See
	// transcript.Withheld.
	Withheld bool
	Early    bool     // a client sent data before it received the response
	Known    []string // the keys of earlier connections of a client
	Port     string   // of the judge, as a server
}

// Describe returns a message or control frame as text: `TEXT "Hello"`. head is the
// beginning of the payload, size the length of the whole payload in bytes.
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
	// The cut may be inside a character. The text is still valid.
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

// String returns s as text, as Describe does.
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

// CodeText returns the number of a close code, "(empty)" for no code.
func CodeText(c wire.CloseCode) string {
	if c == wire.NoStatusReceived {
		return "(empty)"
	}
	return strconv.Itoa(int(c))
}

// How much a text shows at most.
const (
	KeepShown  = 24 // bytes of a payload
	keepHex    = 8  // of a long payload that is not text
	keepListed = 6  // messages and frames
	KeepBytes  = 64 // bytes of the wrong frame
)
