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

// Report is the result of one case at one endpoint.
type Report struct {
	Case     *spec.Case
	Endpoint string
	Verdict  spec.Verdict // result of the behavior
	Closing  spec.Verdict // result of how the connection ended
	Reason   string       // one sentence; empty for a pass
	// ClosingReason is the reason of Closing, because Reason may be about Verdict.
	ClosingReason string
	Expected      string
	Got           string
	Bytes         []byte // of the first wrong frame, as on the wire
	Skipped       int    // number of bytes of that frame omitted before Bytes
	Caret         int    // the first wrong bit, counted from the first of Bytes; -1: none
	Rule          string // code of the rule that the target's bytes break; "" for none
	Mistake       string // code of the mistake, see mistakes.MistakeOf; "" if unknown
	Says          string // the sentence of the mistake
	Took          time.Duration
	Events        []recording.Event
	// Exchange has all that both ends sent, in order. A pass has an Exchange only if the
	// case was recorded.
	Exchange []transcript.Crossing

	// Handshake is the target's half of the opening handshake, nil if none arrived.
	Handshake *dissect.Handshake
	// Trace is what mistakes.DiagnoseAll needs of the report.
	Trace transcript.Trace

	broke spec.Duty // the MUST that the target broke, if it is not the Duty of the case

	partial bool // some events are missing
	// Unreachable says that there was no connection. Refused says that the server was not
	// listening.
	Unreachable bool
	Refused     bool
	// Busy says that a server had no room: it responded with 503 or 429.
	Busy bool
	// Died says that the target's process died during the case.
	Died bool
	// Again says that the case was played a second time, alone and with more time. The
	// first verdict depended on time or on a lost connection.
	Again bool

	// Withheld says that the judge did not send the response of the case. See
	// transcript.Withheld.
	Withheld bool
	// Script has the events of the client's JavaScript, if the client is a page.
	Script []recording.Script

	lacks  string // see Lacks
	slow   bool   // see Slow
	floods bool   // see Floods
	spoke  bool   // see Spoke
}

// Unless corrects r, the report of a case that resets TCP. alive is the report of a
// second connection. If the target did not serve that connection, r gets the verdict of
// alive.
func (r *Report) Unless(alive Report) {
	if alive.Verdict > spec.Warning {
		r.Verdict, r.Reason = alive.Verdict, "After the reset it did not serve another connection: "+alive.Reason
		r.Refused, r.Busy, r.lacks = alive.Refused, alive.Busy, alive.lacks
	}
}

// Lacks returns what was missing when the judge's time or the connection ended, such as
// "a Pong". A busy computer may be the cause instead of the endpoint. Lacks returns "" if
// the verdict depends only on what the target sent.
func (r Report) Lacks() string { return r.lacks }

// Slow reports whether bytes still moved when the case reached its upper bound of time.
func (r Report) Slow() bool { return r.slow }

// Floods reports whether the target sent more than the case can cause.
func (r Report) Floods() bool { return r.floods }

// Spoke reports whether the target sent bytes after the opening handshake.
func (r Report) Spoke() bool { return r.spoke }

// Lost reports whether the target closed TCP without a Close frame.
func (r Report) Lost() bool { return r.Trace.Ended && !r.Trace.Closed }

// Opened reports whether the target sent its half of the opening handshake.
func (r Report) Opened() bool { return r.Handshake != nil }

// NotPlayed returns the report of a case that was not played at endpoint. why is the
// reason.
func NotPlayed(c *spec.Case, endpoint, why string) Report {
	return Report{Case: c, Endpoint: endpoint, Verdict: spec.NotJudged, Closing: spec.NotJudged, Reason: sentence(why), Expected: expected(c), Caret: -1}
}

// NotJudged returns r with the verdict NotJudged and the reason why.
func (r Report) NotJudged(why string) Report {
	r.Verdict, r.Closing, r.Reason, r.Rule, r.Mistake, r.Bytes, r.Caret = spec.NotJudged, spec.NotJudged, sentence(why), "", "", nil, -1
	r.lacks, r.slow = "", false
	return r
}

// Worst returns the worse of the two verdicts.
func (r Report) Worst() spec.Verdict { return max(r.Verdict, r.Closing) }

// Why returns the reason of the worse verdict.
func (r Report) Why() string {
	if r.Closing > r.Verdict && r.ClosingReason != "" {
		return r.ClosingReason
	}
	return r.Reason
}

// NoWebSocket reports whether no WebSocket was opened, because there was no connection or
// no response with 101.
func (r Report) NoWebSocket() bool {
	h := r.Handshake
	return r.Unreachable || h == nil || h.From == wire.Server && h.Head.Status != 101
}

// MarshalJSON returns r without its events. Bytes are in hex, Took is in milliseconds.
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
