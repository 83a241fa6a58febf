package verdict

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"wslab/compare/recording"
	"wslab/compare/suite/spec"
	"wslab/compare/suite/transcript"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// Report is what came of one case at one endpoint.
type Report struct {
	Case     *spec.Case
	Endpoint string
	Verdict  spec.Verdict // of the behaviour
	Closing  spec.Verdict // of how the connection ended
	Reason   string       // one line; empty for what is right
	// ClosingReason is one line for Closing, where Reason may be about Verdict.
	ClosingReason string
	Expected      string
	Got           string
	Bytes         []byte // of the first wrong frame, as on the wire
	Skipped       int    // bytes of that frame left out before Bytes
	Caret         int    // the first wrong bit, counted from the first of Bytes; -1: none
	Rule          string // code of the rule that the target broke in what it sent; "" where it broke none
	Mistake       string // code of the mistake that this shows, see MistakeOf; "" where it is not known
	Says          string // the sentence of the mistake
	Took          time.Duration
	Events        []recording.Event
	// Exchange is what crossed the connection, both ways and in order. A pass has it
	// only where the case was recorded.
	Exchange []transcript.Crossing

	// Handshake is the target's half of the opening handshake, nil where none came.
	Handshake *dissect.Handshake
	// Trace is what DiagnoseAll looks at.
	Trace transcript.Trace

	broke spec.Duty // the MUST that is broken, where that is another than the one of the case

	partial bool // Events are not all that happened
	// Unreachable says that there was no connection to judge, and Refused that
	// nothing listened.
	Unreachable bool
	Refused     bool
	// Busy says that a server had no room: it answered 503 or 429.
	Busy bool
	// Died says that the target's process died in this case.
	Died bool
	// Again says that the case was played a second time, alone and with more
	// patience, because its first verdict rested on time or on a lost connection.
	Again bool

	// Withheld says that the judge did not send what the case is about: see the
	// constant.
	Withheld bool
	// Script is what the client's JavaScript was told, where it is a page's.
	Script []recording.Script

	lacks  string // what the judge waited for in vain, "" where the verdict rests on no wait
	slow   bool   // the case reached its upper bound while bytes still moved
	floods bool   // more came than the case can call for
	spoke  bool   // a byte came after the opening handshake
}

// Unless makes r, of a case that resets TCP, what alive says, the report of another
// connection, if the target is not there any more.
func (r *Report) Unless(alive Report) {
	if alive.Verdict > spec.Warning {
		r.Verdict, r.Reason = alive.Verdict, "After the reset it served no further connection: "+alive.Reason
		r.Refused, r.Busy, r.lacks = alive.Refused, alive.Busy, alive.lacks
	}
}

// Lacks returns what the judge waited for in vain, or lost with the connection,
// when it came to the verdict of r: "a Pong". It is "" where the verdict rests on
// what came. Such a verdict may say more of the machine than of the endpoint.
func (r Report) Lacks() string { return r.lacks }

// Slow reports whether bytes still moved when the case reached its upper bound.
func (r Report) Slow() bool { return r.slow }

// Floods reports whether more came than the case can call for.
func (r Report) Floods() bool { return r.floods }

// Spoke reports whether anything came after the opening handshake.
func (r Report) Spoke() bool { return r.spoke }

// Lost reports whether TCP ended without a Close frame.
func (r Report) Lost() bool { return r.Trace.Ended && !r.Trace.Closed }

// Opened reports whether the target answered the opening handshake.
func (r Report) Opened() bool { return r.Handshake != nil }

// NotPlayed returns the report of a case that was not played at endpoint, and why.
func NotPlayed(c *spec.Case, endpoint, why string) Report {
	return Report{Case: c, Endpoint: endpoint, Verdict: spec.NotJudged, Closing: spec.NotJudged, Reason: sentence(why), Expected: expected(c), Caret: -1}
}

// NotJudged returns r as one that says nothing of the endpoint, and why.
func (r Report) NotJudged(why string) Report {
	r.Verdict, r.Closing, r.Reason, r.Rule, r.Mistake, r.Bytes, r.Caret = spec.NotJudged, spec.NotJudged, sentence(why), "", "", nil, -1
	r.lacks, r.slow = "", false
	return r
}

// Worst returns the graver of the two verdicts.
func (r Report) Worst() spec.Verdict { return max(r.Verdict, r.Closing) }

// Why returns the sentence for the graver of the two verdicts.
func (r Report) Why() string {
	if r.Closing > r.Verdict && r.ClosingReason != "" {
		return r.ClosingReason
	}
	return r.Reason
}

// NoWebSocket reports whether there is nothing to judge: no connection, or no
// 101 in answer to a handshake that is right.
func (r Report) NoWebSocket() bool {
	h := r.Handshake
	return r.Unreachable || h == nil || h.From == wire.Server && h.Head.Status != 101
}

// MarshalJSON gives r without its events, the bytes in hex, the time in
// milliseconds.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Case          string                `json:"case"`
		Endpoint      string                `json:"endpoint"`
		Verdict       spec.Verdict          `json:"verdict"`
		Closing       spec.Verdict          `json:"closing"`
		Reason        string                `json:"reason"`
		ClosingReason string                `json:"closingReason,omitempty"`
		Expected      string                `json:"expected"`
		Got           string                `json:"got"`
		Bytes         string                `json:"bytes"`
		Skipped       int                   `json:"skipped,omitempty"`
		Caret         int                   `json:"caret"`
		Rule          string                `json:"rule"`
		Mistake       string                `json:"mistake"`
		Says          string                `json:"says,omitempty"` // the mistake's sentence
		Exchange      []transcript.Crossing `json:"exchange,omitempty"`
		Withheld      bool                  `json:"withheld,omitempty"`
		Script        []recording.Script    `json:"script,omitempty"`
		Took          float64               `json:"took"`
		Again         bool                  `json:"again,omitempty"`
		Died          bool                  `json:"died,omitempty"`
	}{r.Case.ID, r.Endpoint, r.Verdict, r.Closing, r.Reason, r.ClosingReason, r.Expected, r.Got, hex.EncodeToString(r.Bytes), r.Skipped,
		r.Caret, r.Rule, r.Mistake, r.Says, r.Exchange, r.Withheld, r.Script, float64(r.Took.Microseconds()) / 1000, r.Again, r.Died})
}
