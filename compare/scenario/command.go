package scenario

import (
	"encoding/binary"
	"time"

	"wslab/compare/recording"
	"wslab/reference/wire"
)

// Who is the actor of a command.
type Who string

// The actors.
const (
	ByClient Who = "client"
	ByServer Who = "server"
	ByWire   Who = "wire"
	ByNobody Who = "note" // the run itself, which waits or does nothing
)

// Command is one line of a Scenario, or several lines of bytes that leave in one
// write. Parse makes it.
type Command struct {
	Line, End  int    // first and last line
	Text       string // as written
	Say        string // the comment lines directly above the command
	Transcript []string

	Who  Who
	Verb string // the words before the arguments: "server tcp write"

	// Set as the verb needs them:
	Opening Opening        // open
	Bytes   []byte         // to send: a payload, or bytes as they are
	Parts   [][]byte       // fragments
	Count   int            // of read, send repeat, crowd, wire split; read: 0 means until the end of TCP
	For     time.Duration  // of patience, wait, wire delay
	Code    wire.CloseCode // close; NoStatusReceived unless Coded is set
	Coded   bool           // a code was given, even one that must never be sent
	Reason  string
	Want    Want // expect

	verb *verb
}

// Want is what an expect waits for.
type Want struct {
	Kind    string // text, binary, ping, pong, close, eof, reset
	Any     bool   // with any payload
	Payload []byte // of a Close frame: code and reason
}

// CloseBody returns the payload of the Close frame of c, valid or not.
func (c *Command) CloseBody() []byte {
	if !c.Coded {
		return nil
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(c.Code)), c.Reason...)
}

// Order returns the order for a page to do c. It returns nil if the page only waits, or
// if the client is not the actor.
func (c *Command) Order() *recording.Order {
	if c.verb.page == nil {
		return nil
	}
	o, _ := c.verb.page(c)
	return o
}

// browser reports whether c can be part of a run with a browser as the client.
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

// Awaits returns what the client waits for in c.
func (c *Command) Awaits() Awaits { return c.verb.awaits }
