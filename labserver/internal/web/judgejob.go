package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wslab/compare/runner"
	"wslab/compare/sse"
	"wslab/compare/suite"
	"wslab/labserver/internal/session"
)

// Limits of runs of test cases.
const (
	maxJudging   = 4                // runs at once: one page may test the lab's servers, the learner's server, its browser and one case
	maxJudged    = 8                // runs that the lab server keeps, including those in progress
	clientWait   = 30 * time.Second // how long a run waits for the browser's next connection
	judgeTimeout = 10 * time.Minute // how long a whole run may take
	maxWaiting   = 256              // connections of a client that wait for their turn. A browser opens at most 255
)

// judging is a run of test cases with its reports so far.
type judging struct {
	ID     string
	conns  chan *begun // connections of the client under test; nil if the run tests servers
	ctx    context.Context
	cancel context.CancelFunc

	waiting atomic.Int32 // connections of the client that wait for their turn

	mu      sync.Mutex
	lines   [][]byte // JSON of the reports; the last line is the ending
	over    bool
	changed chan struct{}            // closed when the next line is added
	scripts map[int]*told            // events of the client's sockets, by socket number
	led     map[string]chan net.Conn // connections to the targets of redirects
}

// tell adds v as a line.
func (j *judging) tell(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b = fmt.Appendf(nil, `{"error":%q}`, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, b)
	close(j.changed)
	j.changed = make(chan struct{})
}

// ending is the last line of a run.
type ending struct {
	Over  bool   `json:"over"`
	Error string `json:"error,omitempty"` // why some cases have no result
	Away  bool   `json:"away,omitempty"`  // the server cannot be reached
	// Habits are deviations that an endpoint shows in many cases.
	Habits []suite.Habit `json:"habits,omitempty"`
	// Mistakes are the mistakes that the reports point to.
	Mistakes []suite.Diagnosis `json:"mistakes,omitempty"`
	// Aligned is the exchange of the one recorded case.
	Aligned *suite.Alignment `json:"aligned,omitempty"`
	// Text is the report of that case, complete enough to send to others. Crossed is its
	// transcript alone.
	Text    string `json:"text,omitempty"`
	Crossed string `json:"crossed,omitempty"`
}

func (j *judging) end(e ending) {
	e.Over = true
	j.tell(e)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.over = true
}

// after returns the lines after the first n, whether they are the last, and a channel
// that is closed when there are more.
func (j *judging) after(n int) (lines [][]byte, over bool, changed <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines[min(n, len(j.lines)):], j.over, j.changed
}

// judgings keeps the runs of the program. Its zero value is ready.
type judgings struct {
	mu      sync.Mutex
	list    []*judging
	stopped bool
	work    sync.WaitGroup
}

// begin runs do in the background, as the run called id.
func (js *judgings) begin(id string, client bool, do func(*judging) ending) (*judging, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	running := 0
	for _, j := range js.list {
		if _, over, _ := j.after(0); !over {
			running++
		}
	}
	switch {
	case js.stopped:
		return nil, &session.CommandError{What: "The run did not start because the lab server is shutting down.", Fix: "Start the lab server again."}
	case running >= maxJudging:
		return nil, &session.CommandError{What: fmt.Sprintf("The run did not start because %d runs are in progress, in this tab or another.", running), Fix: "Stop one of them, or wait until it ends."}
	}
	for i, j := range js.list {
		if _, over, _ := j.after(0); over && len(js.list) >= maxJudged {
			js.list = append(js.list[:i:i], js.list[i+1:]...)
			break
		}
	}
	j := &judging{ID: id, changed: make(chan struct{})}
	if client {
		j.conns = make(chan *begun)
	}
	j.ctx, j.cancel = context.WithTimeout(context.Background(), judgeTimeout)
	js.list = append(js.list, j)
	js.work.Go(func() {
		defer j.cancel()
		e := do(j)
		if e.Error == runStopped && js.ending() {
			e.Error = "The lab server shut down and ended this run. When it is back, press Judge to start again."
		}
		j.end(e)
	})
	return j, nil
}

// get returns the run called id, or nil.
func (js *judgings) get(id string) *judging {
	js.mu.Lock()
	defer js.mu.Unlock()
	for _, j := range js.list {
		if j.ID == id {
			return j
		}
	}
	return nil
}

// ending reports whether the program is ending its runs.
func (js *judgings) ending() bool {
	js.mu.Lock()
	defer js.mu.Unlock()
	return js.stopped
}

// stop ends every run and waits for them.
func (js *judgings) stop() {
	js.mu.Lock()
	js.stopped = true
	for _, j := range js.list {
		j.cancel()
	}
	js.mu.Unlock()
	js.work.Wait()
}

// judgeServers runs cases against targets and adds each report to j.
func judgeServers(j *judging, cases []*suite.Case, targets []suite.Target, foreign bool) ending {
	if foreign {
		// First check that the server can be reached. No case applies to one that cannot.
		r, learned, _ := runner.Probe(j.ctx, targets[0])
		if r.Unreachable {
			return ending{Error: r.Reason, Away: true}
		}
		targets = slices.Clone(targets) // the caller reads them meanwhile
		targets[0] = learned
	}
	reports := runner.Judge(j.ctx, cases, targets, 0, j.report)
	mistakes, habits := suite.DiagnoseAll(reports), suite.Habits(reports)
	if j.ctx.Err() != nil {
		return ending{Mistakes: mistakes, Habits: habits, Error: whyEnded(j.ctx)}
	}
	// The page tests a server again after it was away.
	if foreign && gone(j.ctx, targets[0]) {
		return ending{Mistakes: mistakes, Habits: habits, Away: true, Error: "The server can no longer be reached. No program listens at its address." + leftOut(reports)}
	}
	return ending{Mistakes: mistakes, Habits: habits, Error: strings.TrimSpace(leftOut(reports))}
}

// gone reports whether the program at t's address has stopped listening.
func gone(ctx context.Context, t suite.Target) bool {
	r, _, _ := runner.Probe(ctx, t)
	return r.Refused
}

// report adds r to j without its exchange. The page runs the case again to show that.
func (j *judging) report(r suite.Report) {
	r.Exchange = nil
	j.tell(r)
}

// leftOut says how many cases have no result, "" if all have one.
func leftOut(reports []suite.Report) string {
	n, why := 0, ""
	for _, r := range reports {
		if !r.Verdict.Judged() {
			n, why = n+1, r.Reason
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return " One test case has no result. " + why
	}
	return fmt.Sprintf(" %d test cases have no result. %s", n, why)
}

func whyEnded(ctx context.Context) string {
	switch ctx.Err() {
	case nil:
		return ""
	case context.DeadlineExceeded:
		return fmt.Sprintf("The run reached its limit of %v and was stopped.", judgeTimeout)
	}
	return runStopped
}

// runStopped says why a run that was stopped has no result for some cases.
const runStopped = "The run was stopped."

// follow sends the lines of j after the first n as Server-Sent Events, until the run
// ends or the client leaves.
func (j *judging) follow(w http.ResponseWriter, r *http.Request, n int) {
	sse.Follow(w, r, nil, func() ([]sse.Message, bool, <-chan struct{}) {
		lines, over, changed := j.after(n)
		messages := make([]sse.Message, len(lines))
		for i, line := range lines {
			n++
			messages[i] = sse.Message{ID: uint64(n), Data: line}
		}
		return messages, over, changed
	})
}
