package recording

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"wslab/reference/dissect"
)

// Event is one thing that happened. Body is a pointer to one of the types below, to a
// dissect.Frame or to a dissect.Handshake. Events share bodies, so callers must not
// change them.
type Event struct {
	Seq  uint64        // 1, 2, 3, … over all connections of a Recording
	At   time.Duration // since the Recording began
	Conn int           // 1, 2, 3, …; 0 for no connection
	From string        // the end that did it or sent it, "client" or "server"
	Body any

	By   uint64 // seq of the call or report that caused it; 0 for none
	Told uint64 // seq of an earlier report of its arrival; 0 for none
}

// Kind returns the name of e's kind in the JSON.
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
	case *Stack:
		return "stack"
	case *HTTP:
		return "http"
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
	What    string // open, fin, rst, closed, error
	Info    *Info  // with open
	Err     *GoError
	Backlog *Backlog // the units that were held at that moment; nil for none
}

// Backlog describes the units that are held at one moment.
type Backlog struct {
	Units int           // handshakes and frames of both directions
	For   time.Duration // how long the oldest has been held
}

// String returns how many units are held, and for how long.
func (b *Backlog) String() string {
	if b.Units == 1 {
		return fmt.Sprintf("1 unit held for %.1f s", b.For.Seconds())
	}
	return fmt.Sprintf("%d units held, the oldest for %.1f s", b.Units, b.For.Seconds())
}

// MarshalJSON returns the time in µs.
func (b *Backlog) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"units":%d,"for":%d}`, b.Units, b.For.Microseconds()), nil
}

// As says which kind of client a connection has.
type As string

// The clients.
const (
	AsTab      As = "tab"      // a page of the session
	AsRaw      As = "raw"      // a raw client under a person's control
	AsScenario As = "scenario" // a raw client under a scenario's control
	AsOutside  As = "outside"  // any other program
)

// Info describes the two ends of a connection.
type Info struct {
	Endpoint string `json:"endpoint"` // "reference", "gorilla", …
	Client   string `json:"client"`   // name that the client gives itself; a program from outside has none
	As       As     `json:"as,omitempty"`
	// Round is the number of an action on several endpoints at once: a page shows the
	// connections of one round beside each other. 0 for none.
	Round  int    `json:"round,omitempty"`
	Path   string `json:"path"`
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// MarshalJSON puts the fields of Info on the level of What.
func (t *TCP) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		What string `json:"what"`
		*Info
		Err     *GoError `json:"error,omitempty"`
		Backlog *Backlog `json:"backlog,omitempty"`
	}{t.What, t.Info, t.Err, t.Backlog})
}

// KeepBytes bounds how many bytes of one read or write a Recording keeps.
const KeepBytes = 4096

// Bytes is one read or write as TCP delivered it.
type Bytes struct {
	Size int
	Head []byte // the first KeepBytes of them
}

// MarshalJSON returns the bytes as hex.
func (o *Bytes) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Size int    `json:"size"`
		Hex  string `json:"hex"`
	}{o.Size, hex.EncodeToString(o.Head)})
}

// Message is a message with the frames that formed it.
type Message struct {
	*dissect.Message
	Frames []uint64 // seqs of the first maxMessageFrames
}

// MarshalJSON returns the message's own JSON with the frames.
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

// Call is a call of an endpoint's code, when it is entered or when it returns.
type Call struct {
	ID     uint64   `json:"id"` // the same in both phases
	Name   string   `json:"name"`
	Verb   Verb     `json:"verb"`
	Socket bool     `json:"socket,omitempty"` // a call to the socket below the library
	Phase  string   `json:"phase"`            // enter, return
	Of     uint64   `json:"of,omitempty"`     // seq of the event that it is about; 0 for none, or none yet
	Args   string   `json:"args,omitempty"`
	Result string   `json:"result,omitempty"`
	Err    *GoError `json:"error,omitempty"`
}

// Script is a report of the client's code, the JavaScript of a page or the raw client:
// a call that it made, or an event that it received.
type Script struct {
	Client     string `json:"client"`
	What       string `json:"what"`
	Of         uint64 `json:"of,omitempty"`       // seq of the event that it is about; 0 for none, or none yet
	Awaits     bool   `json:"awaits,omitempty"`   // the event that it is about is not recorded yet, and will name this report
	Endpoint   string `json:"endpoint,omitempty"` // the endpoint that the client dials, if this is a report of dialing
	Round      int    `json:"round,omitempty"`    // round of that connection, as in Info
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
	Message       string `json:"message"`   // kind of the unfinished message, empty between messages
	Fragments     int    `json:"fragments"` // fragments of that message so far
	Bytes         int64  `json:"bytes"`     // bytes of the payloads of these fragments
	CloseSent     bool   `json:"closeSent"`
	CloseReceived bool   `json:"closeReceived"`
}

// Held says what happened to a unit at the valve: a handshake, a frame, or a FIN.
type Held struct {
	Of    uint64 `json:"of"`    // seq of the unit
	State string `json:"state"` // waiting, released, dropped, unsent, unread

	// With unsent: the tapped end failed to send the last Left bytes, with Err. With
	// unread: the tapped end closed TCP without reading the last Left bytes. 0 means all
	// bytes.
	Left int      `json:"left,omitempty"`
	Err  *GoError `json:"error,omitempty"`
}

// piece is a frame, a handshake, or bytes that are neither. No Bytes event has these
// bytes. A frame in a piece is not counted. It does not belong to a message or change a
// state.
type piece struct {
	Size      int                // bytes
	Head      []byte             // the first KeepBytes of them
	Frame     *dissect.Frame     // if the bytes are one whole frame
	Handshake *dissect.Handshake // if they are a request or response
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

// Unsent is bytes that an end wrote and that its socket did not accept.
type Unsent struct {
	piece
	Err *GoError // error of the Write
}

// MarshalJSON returns the bytes as hex.
func (u *Unsent) MarshalJSON() ([]byte, error) { return u.json(u.Err) }

// Unread is bytes that arrived at the tapped end, which closed TCP without reading
// them. From of its Event is the sender.
type Unread struct{ piece }

// MarshalJSON returns the bytes as hex.
func (u *Unread) MarshalJSON() ([]byte, error) { return u.json(nil) }

// Dropped replaces events that the Recording has discarded.
type Dropped struct {
	Count uint64 `json:"count"`
}

// GoError is a Go error.
type GoError struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// goError returns the type and text of err, or nil for nil.
func goError(err error) *GoError {
	if err == nil {
		return nil
	}
	return &GoError{fmt.Sprintf("%T", err), errorText(err)}
}

// errorText returns the text of err without the addresses of a network error, which
// differ from run to run. The network error may be wrapped in err.
func errorText(err error) string {
	text := err.Error()
	var op *net.OpError
	if errors.As(err, &op) {
		bare := *op
		bare.Source, bare.Addr = nil, nil
		return strings.Replace(text, op.Error(), bare.Error(), 1)
	}
	if strings.Contains(text, "->") { // gorilla hides the network error and keeps its text
		text = addresses.ReplaceAllString(text, "$1:")
	}
	return text
}

// addresses matches the beginning of the text of a net.OpError, with both addresses.
var addresses = regexp.MustCompile(`\b((?:read|write) (?:tcp|unix|pipe)) \S+->\S+:`)
