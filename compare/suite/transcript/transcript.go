package transcript

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"wslab/compare/recording"
	"wslab/compare/suite/spec"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// Transcript is the record of a case that was played. A verdict is based on it alone.
type Transcript struct {
	Judge    wire.Role     // the role of the judge
	NoConn   error         // why there was no connection, nil if there was one
	Deadline time.Duration // how long the judge waited after the last byte in either direction
	Most     time.Duration // the upper bound of the whole case
	Lasted   time.Duration

	Half       spec.Half // the target's half of the opening handshake
	SlowHalf   bool      // the upper bound was reached while bytes still moved, before Half was complete
	Played     bool      // the steps were played
	Saw        []spec.Message
	Closed     *spec.Message // the target's Close frame
	Fault      *Fault        // the first violation of a rule; the judge reads no further bytes
	Over       error         // why the input ended: io.EOF for a TCP FIN
	First      []byte        // the first bytes after the opening handshake
	Unfinished spec.Message  // a message whose last fragment did not arrive
	Part       Part          // a frame that did not arrive whole
	Raw        []byte        // the first bytes of the last frame
	Flooded    bool          // the target sent more than the case can cause
	TooLong    *spec.Message // a message whose frame header announces more than any outcome has
	State      State
	RanOut     bool // the judge's time ended before the case ended

	Browser     bool      // the client is a browser
	NoElsewhere error     // why there is no second address for a redirect
	Second      *Crossing // a request for the address in Location

	Journal *Journal
	Kept    bool // the caller records the case
	Events  []recording.Event
	Partial bool // some events are missing
}

// Fault is the first violation of a rule in the target's bytes.
type Fault struct {
	Rule wire.Violation
	Of   spec.Message // the message, or the part of it that arrived
	Bit  int          // the first wrong bit of its last frame
}

// Part is a frame that did not arrive whole.
type Part struct {
	Header  wire.Header
	Payload []byte // the bytes that arrived, unmasked; if not Whole, those of the header
	Whole   bool   // the header arrived whole
}

// There reports whether some bytes of a frame arrived.
func (p Part) There() bool { return p.Whole || len(p.Payload) > 0 }

// Trace is the part of a report that mistakes.DiagnoseAll needs.
type Trace struct {
	Models []int // the indexes of the models that explain the transcript
	Came   int   // the number of messages and control frames
	Pongs  int
	// PongBack says that it answered a Pong with a Pong.
	PongBack bool
	Closed   bool // it sent a Close frame
	Ended    bool // it closed TCP
	Code     wire.CloseCode
	Masked   bool // a frame with a payload was masked
	Quiet    bool // it sent no bytes that could be an answer, not even an invalid frame
	// BareControl says that a client's control frame was not masked.
	BareControl bool
	NoClose     bool // it failed the connection without a Close frame
	// Accepted is the code of a mistake: the endpoint answers an invalid Close frame as
	// if that frame were valid.
	Accepted string
	Flooded  bool // it sent more than the case can cause
	Faulty   bool // a frame breaks a rule, and is not a frame of the judge sent back
	Framed   bool // it sent a frame, whole or not, that is not a Close frame
}

// State is the state of the run when it ended.
type State struct {
	CloseSent bool // the judge sent the Close frame that ends a JudgeCloses case
	Late      bool // a Patience step ended before the target failed the connection
	Trailing  bool // a step sent bytes after a Close frame
	Flooded   bool
	Ended     bool          // the target sent a Close frame, or closed TCP
	Timeout   bool          // the target did not close TCP in time
	Waited    time.Duration // how long the judge waited for the target to close TCP
	Quiet     bool          // the case ended because the judge's time ended
	Slow      bool          // Quiet, and bytes still moved
	First     bool          // a client closed TCP before the judge did
}

// IsTimeout reports whether err, the end of the input, is a timeout of the judge. TCP is
// then still open.
func IsTimeout(err error) bool { return !errors.Is(err, io.EOF) && EndText(err) == "TCP open" }

// EndText returns as text how TCP ended. err is the error of a read.
func EndText(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return "TCP open"
	case errors.Is(err, io.EOF):
		return "TCP closed (FIN)"
	case tap.IsReset(err):
		return "TCP reset (RST)"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "TCP open"
	case errors.Is(err, net.ErrClosed):
		return "TCP closed by the judge"
	}
	return "TCP failed: " + tap.Plain(err)
}

// BitOf returns the first bit of h that breaks the rule with this code, 0 if unknown.
func BitOf(rule string, h wire.Header) int {
	switch rule {
	case wire.RuleRSV1.Code:
		return 1
	case wire.RuleRSV2.Code:
		return 2
	case wire.RuleRSV3.Code:
		return 3
	case wire.RuleOpcode.Code, wire.RuleStray.Code, wire.RuleInterleaved.Code, wire.RuleAfterClose.Code:
		return 4
	case wire.RuleMaskMissing.Code, wire.RuleMaskForbidden.Code:
		return 8
	case wire.RuleLengthMinimal.Code, wire.RuleControlLength.Code:
		return 9
	case wire.RuleLengthTopBit.Code:
		return 16
	}
	return 0
}
