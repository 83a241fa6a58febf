package reference

import (
	"cmp"
	"fmt"

	"wslab/reference/wire"
)

// State is the state of a connection (RFC 6455 §4.1, §7.1), named as in the
// RFC and in a browser's readyState.
type State uint8

// The four states, in the only order in which they are entered.
const (
	Connecting State = iota // the opening handshake is not done
	Open                    // messages flow both ways
	Closing                 // a Close frame was sent or received (§7.1.3)
	Closed                  // the TCP connection is closed (§7.1.4)
)

// String returns the state's name in capitals.
func (s State) String() string {
	return [...]string{"CONNECTING", "OPEN", "CLOSING", "CLOSED"}[s&3]
}

// DefaultMaxMessage is the default of Options.MaxMessage: 1 MiB.
const DefaultMaxMessage = 1 << 20

// A Machine is one end of a WebSocket connection without a network: it receives bytes and
// calls, and returns events and bytes. It has no clock, goroutine, socket or source of
// randomness, so the same input always gives the same output, however the bytes are cut.
// Conn puts one on a net.Conn.
//
// Its memory is bounded by its input: one message up to the limit (a little more than
// twice that if the message is encoded), and output of at most three times the last
// input plus one Close frame, until the output is taken. Only one goroutine at a time
// may use a Machine.
type Machine struct {
	role wire.Role
	o    Options

	state         State
	closeSent     bool
	closeReceived bool
	peerClose     wire.ClosePayload // the peer's Close; meaningful once closeReceived
	failed        error             // the *ProtocolError with which this end failed the connection

	// The frame that is being received.
	head    [wire.MaxHeaderSize]byte // header bytes, headLen of them
	headLen int
	frame   wire.Header
	left    uint64 // payload bytes still to come; 0 between frames

	// The message that is being received. It is separate from the frame, because control
	// frames may be between its fragments.
	opcode    wire.Opcode // Text or Binary; Continuation when there is none
	fragments int         // frames that have ended
	bytes     int64       // payload bytes of those frames
	text      wire.UTF8
	encoded   bool // the first frame had a reserved bit of the extension

	// The payload bytes of both.
	memory

	// The message that is being sent.
	sending  wire.Opcode // Continuation when there is none
	sendText wire.UTF8

	codec Codec   // nil without an extension
	rsv   [3]bool // its RSV

	events []Event // what TakeEvents will return
	out    []byte  // what TakeOutput will return
}

// An Event is a message or control frame from the peer. Text and Binary are whole
// messages; Ping, Pong and Close are frames. Payload is unmasked and belongs to the
// receiver of the Event.
type Event struct {
	Opcode  wire.Opcode
	Payload []byte
}

// An Observation describes one change of a Machine's state, and all of the state after
// it. Was equals State if only the other fields changed.
type Observation struct {
	Was, State    State
	Why           string      // what caused the change, in words
	Message       wire.Opcode // message being received, Text or Binary; Continuation for none
	Fragments     int         // frames of that message received so far
	Bytes         int64       // payload bytes of those frames
	CloseSent     bool
	CloseReceived bool
}

// NewMachine returns a Machine in state CONNECTING. It uses only MaxMessage, MaskKey,
// Observe and Misbehave of o, and keeps the others for a Conn. A client must have a
// MaskKey.
func NewMachine(role wire.Role, o Options) *Machine {
	if role == wire.Client && o.MaskKey == nil {
		panic("reference: a client's Machine needs Options.MaskKey")
	}
	o.MaxMessage = cmp.Or(max(o.MaxMessage, 0), DefaultMaxMessage)
	return &Machine{role: role, o: o}
}

// Opened tells m that the opening handshake is done, and what it settled (RFC 6455
// §4.1, §4.2.2).
func (m *Machine) Opened(a Agreement) {
	if m.state == Connecting {
		m.use(a.Codec)
		m.enter(Open, "the opening handshake is done")
	}
}

// TCPClosed tells m that the TCP connection is closed, and why. Nothing more can be sent
// or received (RFC 6455 §7.1.4).
func (m *Machine) TCPClosed(why string) {
	if m.state == Closed {
		return
	}
	m.out, m.control = nil, nil
	m.drop()
	m.opcode, m.fragments, m.bytes = wire.Continuation, 0, 0
	m.enter(Closed, why)
}

// State returns the connection's state.
func (m *Machine) State() State { return m.state }

// Err returns the ProtocolError with which m failed the connection, or nil.
func (m *Machine) Err() error { return m.failed }

// PeerClose returns the body of the peer's Close frame, and whether one was received.
func (m *Machine) PeerClose() (wire.ClosePayload, bool) { return m.peerClose, m.closeReceived }

// TakeEvents returns the events since the last call, in order.
func (m *Machine) TakeEvents() []Event {
	events := m.events
	m.events = nil
	return events
}

// TakeOutput returns the bytes to send to the peer, in order. The Machine continues in
// the memory of spare, which may be nil: two alternating buffers save one allocation for
// each write.
func (m *Machine) TakeOutput(spare []byte) []byte {
	out := m.out
	m.out = spare[:0]
	return out
}

// enter moves m to state s and reports why. States never go back, so a lower s only
// reports.
func (m *Machine) enter(s State, why string) {
	was := m.state
	m.state = max(was, s)
	if m.o.Observe != nil {
		m.o.Observe(Observation{
			Was: was, State: m.state, Why: why,
			Message: m.opcode, Fragments: m.fragments, Bytes: m.bytes,
			CloseSent: m.closeSent, CloseReceived: m.closeReceived,
		})
	}
}

// tell reports a change of an Observation's fields other than the state. It is small
// enough for the compiler to inline it, so it costs nothing without an observer.
func (m *Machine) tell(format string, n int) {
	if m.o.Observe != nil {
		m.enter(m.state, fmt.Sprintf(format, n, m.opcode))
	}
}
