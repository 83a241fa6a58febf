package scenario

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// A verb is one command of the language: its words, its arguments, and all its actions.
// The rest of the module does not know a command by its words.
type verb struct {
	words string // words at the start of the line: "server tcp write"
	args  argument
	who   Who
	says  string // what it does, for a person who writes scenarios

	// A client's verb. A raw client does raw. A browser does the order that page returns.
	// If a browser cannot do the command, page is nil or returns false. Both clients then
	// wait for awaits.
	joins  bool // successive lines with this verb are one command
	raw    func(s *Scripted, ctx context.Context, r *Raw, c *Command) error
	page   func(c *Command) (o *recording.Order, can bool)
	awaits Awaits

	// For a server's verb: this calls the server's code.
	server   func(a Actor, c *Command)
	needs    need
	waits    bool // the call may wait for something that the client does
	plain    bool // every server can do it, even one that only echoes
	everyone bool // the order goes to the server's end of all connections
	hushes   bool // a client that answers by itself does not answer during the call

	// For a verb of the wire.
	line func(l *tap.Conn, c *Command) error

	// For any verb that the play itself carries out. The functions above are then nil.
	play func(p *play, ctx context.Context, c *Command) error
}

// Awaits is what a client waits for in a command.
type Awaits uint8

// The things that a client can wait for.
const (
	AwaitsNothing Awaits = iota
	AwaitsOpening        // the response to its handshake
	AwaitsFrames         // Command.Count frames; if that is 0, the end of TCP
	AwaitsWant           // Command.Want
	AwaitsEnd            // the end of the connection, for at most Command.For
)

// need says which setting a server's verb needs.
type need uint8

const (
	inThisProcess need = iota // any server but one in a process of its own
	byHand
	inProcess
)

// setting returns the line that gives a scenario n.
func (n need) setting() string {
	return [...]string{inThisProcess: "", byHand: "server by hand", inProcess: "server in a process"}[n]
}

// verbs is the table of all commands. If a line begins with the words of several
// commands, the longest words count.
var verbs = []*verb{
	{words: "open", args: request, who: ByClient, says: "sends the opening handshake, and waits for the response", awaits: AwaitsOpening, page: opens, play: (*play).openOwn},
	{words: "send text", args: text, who: ByClient, says: "sends a text message in one frame", page: order(func(c *Command) recording.Order { return recording.Order{Do: "send", Text: string(c.Bytes)} }),
		raw: frame(wire.Text, (*Command).payload)},
	{words: "send binary", args: data, who: ByClient, says: "sends a binary message in one frame", page: order(func(c *Command) recording.Order { return recording.Order{Do: "send", Hex: hex.EncodeToString(c.Bytes)} }),
		raw: frame(wire.Binary, (*Command).payload)},
	{words: "send repeat", args: count("a number of bytes", 1, maxRepeat), who: ByClient, says: "sends a text message of N letters `a`", page: order(func(c *Command) recording.Order { return recording.Order{Do: "send", Repeat: c.Count} }),
		raw: frame(wire.Text, func(c *Command) []byte { return bytes.Repeat([]byte("a"), c.Count) })},
	{words: "send fragments", args: parts, who: ByClient, says: "sends a text message in fragments, all in one write",
		raw: raw(func(r *Raw, c *Command) { r.Bytes(fragmented(c.Parts)) })},
	{words: "ping", args: text, who: ByClient, says: "sends a Ping",
		raw: frame(wire.Ping, (*Command).payload)},
	{words: "pong", args: text, who: ByClient, says: "sends a Pong",
		raw: frame(wire.Pong, (*Command).payload)},
	{words: "close", args: code, who: ByClient, says: "sends a Close frame; in a browser, calls `close()`", page: order(closes), raw: (*Scripted).sayClose},
	{words: "bytes", joins: true, args: data, who: ByClient, says: "sends these bytes as they are. Lines that follow each other leave in one write",
		raw: raw(func(r *Raw, c *Command) { r.Bytes(c.Bytes) })},
	{words: "read", args: frames, who: ByClient, says: "waits for N more frames, or until the server closes the TCP connection", awaits: AwaitsFrames, page: noOrder,
		raw: func(s *Scripted, ctx context.Context, r *Raw, c *Command) error { return s.read(ctx, r, c.Count) }},
	{words: "expect", args: expected, who: ByClient, says: "fails if the next message, control frame or end differs", awaits: AwaitsWant, page: hears,
		raw: func(s *Scripted, ctx context.Context, r *Raw, c *Command) error { return s.expect(ctx, r, c.Want) }},
	{words: "reading off", args: nothing, who: ByClient, says: "stops reading; what the server sends stays in the socket",
		raw: func(_ *Scripted, ctx context.Context, r *Raw, _ *Command) error { return r.Deafen(ctx) }},
	{words: "reading on", args: nothing, who: ByClient, says: "reads again",
		raw: raw(func(r *Raw, _ *Command) { r.Hear() })},
	{words: "tcp close", args: nothing, who: ByClient, says: "closes the TCP connection without a Close frame",
		raw: raw(func(r *Raw, _ *Command) { r.Close() })},
	{words: "tcp half", args: nothing, who: ByClient, says: "sends a TCP FIN and reads on",
		raw: raw(func(r *Raw, _ *Command) { r.Half() })},
	{words: "tcp reset", args: nothing, who: ByClient, says: "closes the TCP connection with a reset (RST)",
		raw: raw(func(r *Raw, _ *Command) { r.Reset() })},
	{words: "leave", args: nothing, who: ByClient, says: "closes the tab; a raw client closes its TCP connection", page: order(func(*Command) recording.Order { return recording.Order{Do: "leave"} }),
		raw: raw(func(r *Raw, _ *Command) { r.Close() })},
	{words: "patience", args: duration, who: ByClient, says: "waits for the end of the connection; a raw client closes TCP after this time", awaits: AwaitsEnd, page: noOrder,
		raw: func(s *Scripted, ctx context.Context, r *Raw, c *Command) error { return s.patience(ctx, r, c.For) }},
	{words: "crowd", args: count("a number of clients", 1, maxCrowd), who: ByClient, says: "opens N more connections with raw clients that answer Ping and Close", page: noOrder, play: (*play).crowd},

	{words: "server read", args: nothing, who: ByServer, says: "reads one message with the library", needs: byHand, waits: true,
		server: func(a Actor, _ *Command) { a.Read(0) }},
	{words: "server read within", args: duration, who: ByServer, says: "reads one message with the library, with a read deadline", needs: byHand,
		server: func(a Actor, c *Command) { a.Read(c.For) }},
	{words: "server send text", args: text, who: ByServer, says: "sends a text message", plain: true,
		server: func(a Actor, c *Command) { a.Send(wire.Text, c.Bytes) }},
	{words: "server send both", args: parts, who: ByServer, says: "sends each text as a message, all at the same time", plain: true,
		server: sendAll},
	{words: "server send binary", args: data, who: ByServer, says: "sends a binary message",
		server: func(a Actor, c *Command) { a.Send(wire.Binary, c.Bytes) }},
	{words: "server send fragments", args: parts, who: ByServer, says: "sends a text message in fragments, as far as the library can",
		server: func(a Actor, c *Command) { a.Send(wire.Text, c.Parts...) }},
	{words: "server send repeat", args: pieces, who: ByServer, says: "sends a text message of N letters `a`; with M, in writes of M letters",
		server: func(a Actor, c *Command) { a.Send(wire.Text, c.Parts...) }},
	{words: "server send at once", args: two, who: ByServer, says: "sends two text messages, the second while the first is being written",
		server: func(a Actor, c *Command) { a.AtOnce(wire.Text, c.Parts[0], c.Parts[1]) }},
	{words: "server ping", args: text, who: ByServer, says: "sends a Ping",
		server: func(a Actor, c *Command) { a.Control(wire.Ping, c.Bytes) }},
	{words: "server pong", args: text, who: ByServer, says: "sends a Pong",
		server: func(a Actor, c *Command) { a.Control(wire.Pong, c.Bytes) }},
	{words: "server close", args: code, who: ByServer, says: "starts the library's closing handshake", waits: true, plain: true,
		server: func(a Actor, c *Command) { a.Close(c.Code, c.Reason) }},
	{words: "server says close", args: code, who: ByServer, says: "sends a Close frame, valid or not, and does nothing else",
		server: func(a Actor, c *Command) { a.SayClose(c.CloseBody()) }},
	{words: "server hangs up", args: code, who: ByServer, says: "sends a Close frame and closes the TCP connection at once", hushes: true,
		server: func(a Actor, c *Command) { a.HangUp(c.CloseBody()) }},
	{words: "server bytes", args: data, who: ByServer, says: "sends these bytes as they are, past the library's checks",
		server: func(a Actor, c *Command) { a.Bytes(c.Bytes) }},
	{words: "server tcp read", args: nothing, who: ByServer, says: "reads from the socket, below the library", needs: byHand, waits: true,
		server: func(a Actor, _ *Command) { a.TCPRead() }},
	{words: "server tcp write", args: data, who: ByServer, says: "writes to the socket, below the library",
		server: func(a Actor, c *Command) { a.TCPWrite(c.Bytes) }},
	{words: "server tcp close", args: nothing, who: ByServer, says: "closes the TCP connection",
		server: func(a Actor, _ *Command) { a.TCPClose() }},
	{words: "server tcp half", args: nothing, who: ByServer, says: "sends a TCP FIN and can still read",
		server: func(a Actor, _ *Command) { a.TCPHalf() }},
	{words: "server tcp reset", args: nothing, who: ByServer, says: "closes the TCP connection with a reset (RST)",
		server: func(a Actor, _ *Command) { a.TCPReset() }},
	{words: "server kill", args: nothing, who: ByServer, says: "kills the server's process", needs: inProcess,
		server: func(a Actor, _ *Command) { a.Kill() }},
	{words: "server shutdown", args: nothing, who: ByServer, says: "closes all connections with 1001, as a server that shuts down", waits: true, plain: true, everyone: true,
		server: func(a Actor, _ *Command) { a.Close(wire.GoingAway, "the server is shutting down") }},

	{words: "wire hold", args: nothing, who: ByWire, says: "holds every frame, in both directions",
		line: func(l *tap.Conn, _ *Command) error { l.Hold(); return nil }},
	{words: "wire run", args: nothing, who: ByWire, says: "releases all held frames and holds no more",
		line: func(l *tap.Conn, _ *Command) error { l.Run(); return nil }},
	{words: "wire release", args: nothing, who: ByWire, says: "releases the oldest held frame",
		line: func(l *tap.Conn, _ *Command) error { return oneHeld(l.ReleaseOldest()) }},
	{words: "wire drop", args: nothing, who: ByWire, says: "drops the oldest held frame",
		line: func(l *tap.Conn, _ *Command) error { return oneHeld(l.DropOldest()) }},
	{words: "wire silent", args: nothing, who: ByWire, says: "drops everything from now on and closes nothing, like a network that fails",
		line: func(l *tap.Conn, _ *Command) error { l.Silent(); return nil }},
	{words: "wire delay", args: duration, who: ByWire, says: "delays every frame by this time, in each direction",
		line: func(l *tap.Conn, c *Command) error { l.SetDelay(c.For); return nil }},
	{words: "wire split", args: count("a number of bytes", 1, 1<<16), who: ByWire, says: "cuts the TCP writes into pieces of at most N bytes",
		line: func(l *tap.Conn, c *Command) error { l.Split(c.Count); return nil }},
	{words: "wire sip", args: count("a number of bytes", 1, 1<<16), who: ByWire, says: "makes each read of the server return at most N bytes",
		line: func(l *tap.Conn, c *Command) error { l.Sip(c.Count); return nil }},

	{words: "wait server", args: nothing, who: ByNobody, says: "waits until the server's code has returned and its socket is closed", play: (*play).waitServer},
	{words: "wait pong", args: nothing, who: ByNobody, says: "waits until the next Pong of the client has reached the server", play: (*play).waitPong},
	{words: "wait", args: duration, who: ByNobody, says: "waits for this time", play: (*play).wait},
	{words: "note", args: nothing, who: ByNobody, says: "does nothing; it is a place for a comment", play: func(*play, context.Context, *Command) error { return nil }},
}

// renamed maps the old names of commands to the new ones.
var renamed = map[string]string{"octets": "bytes", "server octets": "server bytes"}

// Actor is the server's end of an open connection. A play gives it orders. It records
// every call with its result, and returns the same error. The methods may be called
// concurrently. A server by hand is an exception: its methods are called one at a time.
type Actor interface {
	// Send sends one message, with one frame for each part if the library can.
	Send(op wire.Opcode, parts ...[]byte) error
	// Control sends a Ping or Pong.
	Control(op wire.Opcode, payload []byte) error
	// Close is the library's closing handshake, as far as the library has one.
	Close(code wire.CloseCode, reason string) error
	// AtOnce sends two messages with two goroutines. The second begins while the library
	// writes the first to the socket.
	AtOnce(op wire.Opcode, first, second []byte) error
	// Read is the library's read of the next message. If within is not 0, it is the read
	// deadline, from now on.
	Read(within time.Duration) error
	// SayClose sends a Close frame with that payload, valid or not, and does nothing
	// else. HangUp sends that Close frame and closes TCP at once.
	SayClose(payload []byte) error
	HangUp(payload []byte) error
	// Bytes sends bytes as they are, past the library's checks.
	Bytes(b []byte) error
	// The socket below the library, as net.Conn has it.
	TCPRead() error
	TCPWrite(b []byte) error
	TCPClose() error
	TCPHalf() error
	TCPReset() error
	// Kill kills the server's process.
	Kill() error
	// End lets the server's code return, and closes TCP if it is open.
	End()
}

// sendAll calls Send in one goroutine for each part.
func sendAll(a Actor, c *Command) {
	var sending sync.WaitGroup
	for _, p := range c.Parts {
		sending.Go(func() { a.Send(wire.Text, p) })
	}
	sending.Wait()
}

// raw adapts an action that cannot fail the scenario: the server may have
// closed TCP, and the Raw's log has the error.
func raw(do func(*Raw, *Command)) func(*Scripted, context.Context, *Raw, *Command) error {
	return func(_ *Scripted, _ context.Context, r *Raw, c *Command) error {
		do(r, c)
		return nil
	}
}

// frame is raw for sending one frame.
func frame(op wire.Opcode, payload func(*Command) []byte) func(*Scripted, context.Context, *Raw, *Command) error {
	return raw(func(r *Raw, c *Command) { r.Frame(op, payload(c)) })
}

func (c *Command) payload() []byte { return c.Bytes }

// The functions below are for the field page of a verb.

func opens(c *Command) (*recording.Order, bool) {
	return &recording.Order{Do: "open"}, c.Opening.Method == "GET" && c.Opening.Proto == "HTTP/1.1"
}

// order is for a command that a browser can always do.
func order(of func(*Command) recording.Order) func(*Command) (*recording.Order, bool) {
	return func(c *Command) (*recording.Order, bool) {
		o := of(c)
		return &o, true
	}
}

func closes(c *Command) recording.Order {
	o := recording.Order{Do: "close", Reason: c.Reason}
	if c.Coded {
		code := int(c.Code)
		o.Code = &code
	}
	return o
}

// noOrder is for a command that needs no order to a browser.
func noOrder(*Command) (*recording.Order, bool) { return nil, true }

// hears is noOrder if JavaScript can see the expected event.
func hears(c *Command) (*recording.Order, bool) {
	return nil, slices.Contains([]string{"text", "binary", "close", "eof"}, c.Want.Kind)
}

// oneHeld returns an error if no frame was held.
func oneHeld(_ uint64, ok bool) error {
	if !ok {
		return errors.New("no frame is held")
	}
	return nil
}

// fits returns an error if v needs a setting that setup does not have.
func (v *verb) fits(setup Setup) error {
	switch {
	case v.who != ByServer:
	case v.needs == byHand && !setup.ByHand:
		return fmt.Errorf("%s needs the setting server by hand: without it, the code that echoes does the reading", v.words)
	case v.needs == inProcess && !setup.Process:
		return fmt.Errorf("%s needs the setting server in a process", v.words)
	case v.needs != inProcess && setup.Process:
		return fmt.Errorf("%s cannot reach a server in a process of its own: that server only echoes until it is killed", v.words)
	}
	return nil
}
