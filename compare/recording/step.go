package recording

// Phase says how far a play is with a step.
type Phase string

// The phases of a step, in their order, and the end of the play.
const (
	StepReady Phase = "ready" // the play waits for the learner before it
	StepBegin Phase = "begin" // it is being done
	StepEnd   Phase = "end"   // its effect has settled
	PlayOver  Phase = "over"  // nothing more will come; Error says why, where it came early
)

// Step tells how far the play of a scenario is. What stands between the begin
// and the end of a step is what that step did. Its Event's Conn is 0 until the
// play's client has a connection.
type Step struct {
	Play     string `json:"play"`               // number of the play within the session
	BranchOf string `json:"branchOf,omitempty"` // play that this one began as a copy of
	Scenario string `json:"scenario"`
	Title    string `json:"title"`
	Endpoint string `json:"endpoint"`
	Client   string `json:"client"`          // token of the play's own client
	As       string `json:"as"`              // raw, browser
	Round    int    `json:"round,omitempty"` // as Info has it

	Index   int    `json:"index"` // of the step, from 0; with over, of the first that was not done to its end
	Of      int    `json:"of"`    // steps there are
	Line    int    `json:"line"`
	Command string `json:"command"`
	Say     string `json:"say,omitempty"` // the sentence to be read when the step has settled
	Phase   Phase  `json:"phase"`
	Error   string `json:"error,omitempty"`

	Order *Order `json:"order,omitempty"` // with begin: what a page shall do
}

// Order is what a play asks of a page, whose browser is the client.
type Order struct {
	Do     string `json:"do"`               // open, send, close, leave
	Text   string `json:"text,omitempty"`   // send: a text message
	Hex    string `json:"hex,omitempty"`    // send: a binary message
	Repeat int    `json:"repeat,omitempty"` // send: a text of that many letters a
	Code   *int   `json:"code,omitempty"`   // close: nil for none
	Reason string `json:"reason,omitempty"`
}
