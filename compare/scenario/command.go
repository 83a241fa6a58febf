package scenario

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"wslab/compare/recording"
	"wslab/reference/wire"
)

// Who says whose part a command is.
type Who string

// The parts.
const (
	ByClient Who = "client"
	ByServer Who = "server"
	ByWire   Who = "wire"
	ByNobody Who = "note" // the play waits, or only says something
)

// Command is one line of a Scenario, or several lines of bytes that leave in
// one write.
type Command struct {
	Line, End  int    // first and last line
	Text       string // as it stands there
	Say        string // its sentence: the comment lines right above it
	Transcript []string

	Who  Who
	Verb string // the words that are not its arguments: "server tcp write"

	// What the verb needs of these:
	Opening Opening        // open
	Bytes   []byte         // what is sent, a message's payload included
	Parts   [][]byte       // fragments
	Count   int            // read, send repeat, crowd, wire split; read: 0 means until the end of TCP
	For     time.Duration  // patience, wait, wire delay
	Code    wire.CloseCode // close; NoStatusReceived where Coded is not set
	Coded   bool           // a code was given, be it one that must never be sent
	Reason  string
	Want    Want // expect
}

// Want is what an expect waits for.
type Want struct {
	Kind    string // text, binary, ping, pong, close, eof, reset
	Any     bool   // whatever its payload
	Payload []byte // of a close: code and reason
}

// CloseBody returns the payload of the Close frame that c asks for, legal or not.
func (c *Command) CloseBody() []byte {
	if !c.Coded {
		return nil
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(c.Code)), c.Reason...)
}

// Order returns what a page is asked to do for c, nil where its browser does
// nothing by order: it only waits, or c is not the client's.
func (c *Command) Order() *recording.Order {
	switch c.Verb {
	case "open":
		return &recording.Order{Do: "open"}
	case "send text":
		return &recording.Order{Do: "send", Text: string(c.Bytes)}
	case "send binary":
		return &recording.Order{Do: "send", Hex: hex.EncodeToString(c.Bytes)}
	case "send repeat":
		return &recording.Order{Do: "send", Repeat: c.Count}
	case "close":
		o := &recording.Order{Do: "close", Reason: c.Reason}
		if c.Coded {
			code := int(c.Code)
			o.Code = &code
		}
		return o
	case "leave":
		return &recording.Order{Do: "leave"}
	}
	return nil
}

// browser reports whether a browser can do c, or has nothing to do with it.
func (c *Command) browser() bool {
	if c.Who != ByClient {
		return true
	}
	switch c.Verb {
	case "open":
		return c.Opening.Method == "GET" && c.Opening.Proto == "HTTP/1.1"
	case "read", "patience", "crowd":
		return true
	case "expect":
		switch c.Want.Kind {
		case "text", "binary", "close", "eof":
			return true
		}
		return false
	}
	return c.Order() != nil
}
