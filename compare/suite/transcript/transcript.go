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

// Transcript is what came of a case that was played: all that a judgement looks at.
type Transcript struct {
	Judge    wire.Role     // the role of the judge
	NoConn   error         // why there was no connection, nil where there was one
	Deadline time.Duration // how long the judge waited since a byte last moved
	Most     time.Duration // and at most
	Lasted   time.Duration

	Half       spec.Half // the target's half of the opening handshake
	SlowHalf   bool      // the case was over before it came, while bytes still moved
	Played     bool      // the steps were played
	Saw        []spec.Message
	Closed     *spec.Message // the target's Close frame
	Fault      *Fault        // the first thing that breaks a rule; nothing is read after it
	Over       error         // why no more came: io.EOF for FIN
	First      []byte        // the first bytes behind the opening handshake
	Unfinished spec.Message  // a message whose end has not come
	Part       Part          // a frame that came in part
	Raw        []byte        // the first bytes of the last frame
	Flooded    bool          // more came than the case can call for
	TooLong    *spec.Message // what announced more bytes than anything called for
	State      State
	RanOut     bool // the judge's time was over before the end

	Browser     bool      // the client is a browser
	NoElsewhere error     // why a redirect could not be played
	Second      *Crossing // a request for the address that a redirect named

	Journal *Journal
	Kept    bool // the case is recorded by its caller
	Events  []recording.Event
	Partial bool // Events are not all that happened
}

// Fault is the first thing in the target's bytes that breaks a rule.
type Fault struct {
	Rule wire.Violation
	Of   spec.Message // as far as it came
	Bit  int          // in its last frame
}

// Part is a frame of which not all came.
type Part struct {
	Header  wire.Header
	Payload []byte // what came of it, unmasked
	Whole   bool   // its header came
}

// There reports whether a part of a frame came.
func (p Part) There() bool { return p.Whole || len(p.Payload) > 0 }

// Trace is what is kept of a report for a diagnosis from several.
type Trace struct {
	Models []int // those that explain what came
	Came   int   // messages and control frames
	Pongs  int
	Closed bool // it sent a Close frame
	Ended  bool // it ended TCP
	Code   wire.CloseCode
	Masked bool // a frame with a payload was masked
	Quiet  bool // nothing came that could be an answer, not even a broken frame
	// bareControl says that a client's control frame had no mask.
	BareControl bool
	NoClose     bool // it failed the connection without a Close frame
	// accepted is the mistake of an endpoint that answers a Close frame which breaks
	// a rule as it would answer one without.
	Accepted string
	Flooded  bool // more came than anything called for
	Faulty   bool // a frame that came breaks a rule, and is not one of the judge's
	Framed   bool // a frame came, whole or in part, that is not a Close frame
}

// State is what the run knows besides what came.
type State struct {
	CloseSent bool // the judge sent the Close frame that ends a ByJudge case
	Late      bool // a Patience step ended in vain
	Trailing  bool // bytes of the judge stand behind a Close frame of a step
	Flooded   bool
	Ended     bool          // the target has sent a Close frame, or ended TCP
	Timeout   bool          // the wait for the end of TCP was in vain
	Waited    time.Duration // for the end of TCP
	Quiet     bool          // the case ended because the judge's time was over
	Slow      bool          // and bytes still moved
	First     bool          // a client ended TCP before the judge did
}

// IsTimeout reports whether err is no end of TCP but of the judge's patience.
func IsTimeout(err error) bool { return !errors.Is(err, io.EOF) && EndText(err) == "TCP open" }

// EndText says how TCP ended, as a reader reads it.
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

// BitOf returns the first bit of h that breaks rule, 0 where it cannot be told.
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
