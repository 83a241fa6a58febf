package reference

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"wslab/reference/wire"
)

var (
	errNotOpen    = errors.New("the connection is not open")
	errUseClose   = errors.New("only Close can send a Close frame")
	errNoParts    = errors.New("a message needs at least one fragment")
	errNotControl = errors.New("WriteControl sends only Ping and Pong frames")
	errStale      = errors.New("the next message was requested, so this one can no longer be read")
	errNotAType   = errors.New("the opcode of a message must be Text or Binary")
	errNoClose    = errors.New("the peer did not answer the Close frame in time")
	errWritten    = fmt.Errorf("the message is already closed: %w", net.ErrClosed)
	errLocalDone  = fmt.Errorf("this end closed the connection: %w", net.ErrClosed)
)

// A CloseError says that the peer ended the connection. Code and Reason are those of its
// Close frame. Without a Close frame, Code is AbnormalClosure and Err is the cause (RFC
// 6455 §7.1.5).
type CloseError struct {
	Code   wire.CloseCode
	Reason string // written by the peer: any UTF-8
	Err    error  // nil unless Code is AbnormalClosure
}

// Error returns the code, its name and the reason.
func (e *CloseError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("the connection ended without a Close frame (%s): %v", e.Code, e.Err)
	case e.Reason != "":
		return fmt.Sprintf("the peer closed the connection: %s, %q", e.Code, e.Reason)
	}
	return fmt.Sprintf("the peer closed the connection: %s", e.Code)
}

// Unwrap returns the error of the network, or nil.
func (e *CloseError) Unwrap() error { return e.Err }

// A ProtocolError says that this end failed the connection because the peer broke rules.
// The CloseCode of the first violation was sent to the peer.
type ProtocolError struct{ Violations []wire.Violation }

// Error returns every violation as a sentence.
func (e *ProtocolError) Error() string {
	return "the connection failed: " + sentences(e.Violations, " ")
}

// A SendError says that something was not sent because it would have broken these rules.
// The connection is unchanged.
type SendError struct{ Violations []wire.Violation }

// Error returns every violation as a sentence.
func (e *SendError) Error() string { return "nothing was sent: " + sentences(e.Violations, " ") }

// A HandshakeError says that an opening handshake was refused. Status is the one that
// the server sent.
type HandshakeError struct {
	Status     int
	Violations []wire.Violation
	Head       wire.Head // the refused request (Upgrade), or the refused response (Dial)
	Body       []byte    // start of the response's body, for Dial; at most maxBody bytes
	Err        error     // any other cause of the error
}

// Error returns the status and every violation.
func (e *HandshakeError) Error() string {
	s := "the opening handshake failed"
	switch e.Status {
	case 0:
	case http.StatusSwitchingProtocols: // the server accepted, but this end does not
		s += " although the server responded with 101"
	default:
		s = fmt.Sprintf("the opening handshake was refused with status %d", e.Status)
	}
	if at := e.Head.Values("Location"); e.Status/100 == 3 && len(at) > 0 {
		s += fmt.Sprintf(" (to %q, not followed)", at[0])
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if len(e.Violations) > 0 {
		s += ": " + sentences(e.Violations, " ")
	}
	return s
}

// Unwrap returns Err.
func (e *HandshakeError) Unwrap() error { return e.Err }

// sentences joins the texts of violations.
func sentences(violations []wire.Violation, sep string) string {
	all := make([]string, len(violations))
	for i, v := range violations {
		all[i] = v.Error()
	}
	return strings.Join(all, sep)
}

// broken returns a violation of r that begins with what was seen.
func broken(r wire.Rule, format string, args ...any) wire.Violation {
	return r.Broken(fmt.Sprintf(format, args...))
}
