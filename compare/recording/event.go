package recording

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"wslab/reference/dissect"
)

// Event is one thing that happened. Body is a pointer to one of the types
// below, to a dissect.Frame or to a dissect.Handshake; events share it, so it
// must not be changed.
type Event struct {
	Seq  uint64        // 1, 2, 3, … over all connections of a Recording
	At   time.Duration // since the Recording began
	Conn int           // 1, 2, 3, …; 0 when it is of no connection
	From string        // the end that it tells of, "client" or "server"
	Body any

	// Of an event that something recorded earlier is about: the seq of the call that
	// was entered, or of the report of the client's end, because of which it happened,
	// and of the report that it has arrived; 0 for none.
	By, Told uint64
}

// Kind returns the name of e's kind, as the JSON has it.
func (e Event) Kind() string {
	switch e.Body.(type) {
	case *TCP:
		return "tcp"
	case *Bytes:
		return "bytes"
	case *dissect.Handshake:
		return "handshake"
	case *dissect.Frame:
		return "frame"
	case *Message:
		return "message"
	case *Call:
		return "call"
	case *Script:
		return "script"
	case *State:
		return "state"
	case *Held:
		return "held"
	case *Unsent:
		return "unsent"
	case *Unread:
		return "unread"
	case *Dropped:
		return "dropped"
	case *Step:
		return "step"
	}
	return "unknown"
}

// JSON returns events as a JSON array. json.Marshal returns the same bytes, but it
// reads the JSON of each event once more to compact it.
func JSON(events []Event) ([]byte, error) {
	b := []byte{'['}
	for i, e := range events {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = e.appendJSON(b); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// MarshalJSON returns e as an object with the body under the name of its kind.
func (e Event) MarshalJSON() ([]byte, error) { return e.appendJSON(nil) }

// appendJSON appends the JSON of e to b.
func (e Event) appendJSON(b []byte) ([]byte, error) {
	var body []byte
	var err error
	if m, ok := e.Body.(json.Marshaler); ok {
		body, err = m.MarshalJSON() // json.Marshal would compact it again
	} else {
		body, err = json.Marshal(e.Body)
	}
	if err != nil {
		return nil, err
	}
	kind := e.Kind()
	b = slices.Grow(b, len(body)+80)
	b = fmt.Appendf(b, `{"seq":%d,"at":%d,"conn":%d,`, e.Seq, e.At.Microseconds(), e.Conn)
	if e.From != "" {
		b = fmt.Appendf(b, `"from":%q,`, e.From)
	}
	if e.By != 0 {
		b = fmt.Appendf(b, `"by":%d,`, e.By)
	}
	if e.Told != 0 {
		b = fmt.Appendf(b, `"told":%d,`, e.Told)
	}
	b = fmt.Appendf(b, `"kind":%q,%q:`, kind, kind)
	return append(append(b, body...), '}'), nil
}

// TCP is an event of the TCP connection itself.
type TCP struct {
	What string // open, fin, rst, closed, error
	Info *Info  // with open
	Err  *GoError

	// Behind, when not nil, says what waited at the valve when this happened.
	Behind *Behind
}

// Behind is what waits at the valve at one moment.
type Behind struct {
	Units int           // handshakes and frames, of both directions
	For   time.Duration // since the oldest of them has waited
}

// String says how much is held, and for how long.
func (b *Behind) String() string {
	if b.Units == 1 {
		return fmt.Sprintf("1 unit held for %.1f s", b.For.Seconds())
	}
	return fmt.Sprintf("%d units held, the oldest for %.1f s", b.Units, b.For.Seconds())
}

// MarshalJSON gives the time in µs.
func (b *Behind) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"units":%d,"for":%d}`, b.Units, b.For.Microseconds()), nil
}

// As says who the client of a connection is.
type As string

// The clients.
const (
	AsTab      As = "tab"      // a page of the session
	AsRaw      As = "raw"      // a raw client that a person commands
	AsScenario As = "scenario" // a raw client that a scenario commands
	AsOutside  As = "outside"  // anybody else
)

// Info says what a connection is between.
type Info struct {
	Endpoint string `json:"endpoint"` // "reference", "gorilla", …
	Client   string `json:"client"`   // name given by who opened it; empty from outside
	As       As     `json:"as,omitempty"`
	// Round is the number of what a person did to several endpoints at once:
	// connections of one round are to be seen beside each other. 0 for none.
	Round  int    `json:"round,omitempty"`
	Path   string `json:"path"`
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// MarshalJSON puts the fields of Info beside What.
func (t *TCP) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		What string `json:"what"`
		*Info
		Err    *GoError `json:"error,omitempty"`
		Behind *Behind  `json:"behind,omitempty"`
	}{t.What, t.Info, t.Err, t.Behind})
}

// KeepBytes is how many bytes of one read or write are kept.
const KeepBytes = 4096

// Bytes is one read or write as TCP delivered it.
type Bytes struct {
	Size int
	Head []byte // the first KeepBytes of them
}

// MarshalJSON gives the bytes as hex.
func (o *Bytes) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Size int    `json:"size"`
		Hex  string `json:"hex"`
	}{o.Size, hex.EncodeToString(o.Head)})
}

// Message is a message with the frames that formed it.
type Message struct {
	*dissect.Message
	Frames []uint64 // seqs, the first maxMessageFrames
}

// MarshalJSON adds the frames to the message's own JSON.
func (m *Message) MarshalJSON() ([]byte, error) {
	b, err := m.Message.MarshalJSON()
	if err != nil {
		return nil, err
	}
	frames, err := json.Marshal(m.Frames)
	if err != nil {
		return nil, err
	}
	return append(append(append(b[:len(b)-1], `,"frames":`...), frames...), '}'), nil
}

// Call is what an endpoint's code called, when it did and when it got back.
type Call struct {
	ID     uint64   `json:"id"` // the same for both phases
	Name   string   `json:"name"`
	Verb   Verb     `json:"verb"`
	Socket bool     `json:"socket,omitempty"` // of the socket below the library
	Phase  string   `json:"phase"`            // enter, return
	Of     uint64   `json:"of,omitempty"`     // seq of the event that it is about; 0 for none, or none yet
	Args   string   `json:"args,omitempty"`
	Result string   `json:"result,omitempty"`
	Err    *GoError `json:"error,omitempty"`
}

// Script is what the code at the client's end did or was told: the JavaScript
// of a page, or the raw client.
type Script struct {
	Client     string `json:"client"`
	What       string `json:"what"`
	Of         uint64 `json:"of,omitempty"`       // seq of the event that it is about; 0 for none, or none yet
	Awaits     bool   `json:"awaits,omitempty"`   // what it is about is still to come, and will name it
	Endpoint   string `json:"endpoint,omitempty"` // with what asks for a connection: where
	Round      int    `json:"round,omitempty"`    // and in which round, as Info has it
	Text       string `json:"text,omitempty"`
	Size       *int64 `json:"size,omitempty"`
	Code       *int   `json:"code,omitempty"`
	Reason     string `json:"reason,omitempty"`
	WasClean   *bool  `json:"wasClean,omitempty"`
	ReadyState *int   `json:"readyState,omitempty"`
}

// State is a change of one side's state (RFC 6455 §4.1, §7.1).
type State struct {
	Side    string   `json:"side"`
	State   string   `json:"state"`
	Was     string   `json:"was"`
	Why     string   `json:"why"`
	Machine *Machine `json:"machine,omitempty"`
}

// Machine is the reference's own state.
type Machine struct {
	Message       string `json:"message"` // kind of the unfinished message, empty between messages
	Fragments     int    `json:"fragments"`
	Bytes         int64  `json:"bytes"`
	CloseSent     bool   `json:"closeSent"`
	CloseReceived bool   `json:"closeReceived"`
}

// Held is what happened to a frame or handshake at the valve.
type Held struct {
	Of    uint64 `json:"of"`    // its seq
	State string `json:"state"` // waiting, released, dropped, unsent, unread

	// With unsent and unread: the tapped end failed to send the last Left bytes, with
	// Err, or closed TCP without reading them. 0 is all bytes.
	Left int      `json:"left,omitempty"`
	Err  *GoError `json:"error,omitempty"`
}

// piece is a frame, a handshake, or bytes that are neither, of which no Bytes
// event reports. It counts as no frame: it belongs to no message and changes no
// state.
type piece struct {
	Size      int                // bytes
	Head      []byte             // the first KeepBytes of them
	Frame     *dissect.Frame     // where the bytes are one whole frame
	Handshake *dissect.Handshake // where they are a request or response
}

type pieceJSON struct {
	Size      int                `json:"size"`
	Hex       string             `json:"hex"`
	Frame     *dissect.Frame     `json:"frame,omitempty"`
	Handshake *dissect.Handshake `json:"handshake,omitempty"`
	Err       *GoError           `json:"error,omitempty"`
}

func (p piece) json(err *GoError) ([]byte, error) {
	return json.Marshal(pieceJSON{p.Size, hex.EncodeToString(p.Head), p.Frame, p.Handshake, err})
}

// Unsent is what an end wrote and its socket did not take.
type Unsent struct {
	piece
	Err *GoError // of the Write
}

// MarshalJSON gives the bytes as hex.
func (u *Unsent) MarshalJSON() ([]byte, error) { return u.json(u.Err) }

// Unread is what has arrived at the tapped end, which closed TCP without reading
// it. Its Event's From is the sender.
type Unread struct{ piece }

// MarshalJSON gives the bytes as hex.
func (u *Unread) MarshalJSON() ([]byte, error) { return u.json(nil) }

// Dropped stands for events that are not there any more.
type Dropped struct {
	Count uint64 `json:"count"`
}

// GoError is an error as Go shows it.
type GoError struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// goError returns err's type and text, nil for nil.
func goError(err error) *GoError {
	if err == nil {
		return nil
	}
	return &GoError{fmt.Sprintf("%T", err), errorText(err)}
}

// errorText leaves the addresses out of a network error, be it within another:
// they differ in every run and say nothing.
func errorText(err error) string {
	text := err.Error()
	var op *net.OpError
	if errors.As(err, &op) {
		bare := *op
		bare.Source, bare.Addr = nil, nil
		text = strings.Replace(text, op.Error(), bare.Error(), 1)
	}
	return text
}
