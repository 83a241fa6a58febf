package scenario

import (
	"encoding/binary"
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

	verb *verb
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
	if c.verb.page == nil {
		return nil
	}
	o, _ := c.verb.page(c)
	return o
}

// browser reports whether a browser can do c, or has nothing to do with it.
func (c *Command) browser() bool {
	if c.Who != ByClient {
		return true
	}
	if c.verb.page == nil {
		return false
	}
	_, can := c.verb.page(c)
	return can
}

// Awaits says what the client waits for in c.
func (c *Command) Awaits() Awaits { return c.verb.awaits }
