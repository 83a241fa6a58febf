package recording

// Phase says how far a run of a scenario is with a step.
type Phase string

// The phases of a step, in their order, and the end of the run.
const (
	StepReady Phase = "ready" // the run waits for the learner before the step
	StepBegin Phase = "begin" // the step begins
	StepEnd   Phase = "end"   // the effect of the step is complete
	PlayOver  Phase = "over"  // the run has ended; Error says why, if it ended early
)

// Step says how far the run of a scenario is. The events between begin and end of a
// step are the effect of that step. Conn of its Event is 0 until the client of the run
// has a connection.
type Step struct {
	Play     string `json:"play"`               // number of the run in its session
	BranchOf string `json:"branchOf,omitempty"` // the run whose beginning this changed run repeats
	Scenario string `json:"scenario"`
	Title    string `json:"title"`
	Endpoint string `json:"endpoint"`
	Client   string `json:"client"`          // token of the run's own client
	As       string `json:"as"`              // raw, browser
	Round    int    `json:"round,omitempty"` // as in Info

	Index   int    `json:"index"` // index of the step, from 0; with over, of the first step that was not completed
	Of      int    `json:"of"`    // how many steps the scenario has
	Line    int    `json:"line"`
	Command string `json:"command"`
	Say     string `json:"say,omitempty"` // the sentence to show after the step
	Phase   Phase  `json:"phase"`
	Error   string `json:"error,omitempty"`

	Order *Order `json:"order,omitempty"` // with begin: the call that a page must make
}

// Order is the call that a run asks of a page, whose browser is the client.
type Order struct {
	Do     string `json:"do"`               // open, send, close, leave
	Text   string `json:"text,omitempty"`   // send: a text message
	Hex    string `json:"hex,omitempty"`    // send: a binary message
	Repeat int    `json:"repeat,omitempty"` // send: a text of this many letters a
	Code   *int   `json:"code,omitempty"`   // close: nil for none
	Reason string `json:"reason,omitempty"`
}
