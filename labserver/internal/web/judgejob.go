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

// Bounds of what a page may have judged.
const (
	maxJudging   = 4                // runs at once: a page may have its servers, the learner's, its browser and one case
	maxJudged    = 8                // kept, the running ones included
	clientWait   = 30 * time.Second // for the browser's next connection
	judgeTimeout = 10 * time.Minute // for a run as a whole
	maxWaiting   = 256              // connections of a client that wait for their turn; browsers open 255 at most
)

// judging is a run of cases and what has come of it so far.
type judging struct {
	ID     string
	conns  chan *begun // of the client that is judged; nil where servers are
	ctx    context.Context
	cancel context.CancelFunc

	waiting atomic.Int32 // connections of the client whose turn has not come

	mu      sync.Mutex
	lines   [][]byte // JSON of reports, and at last that it is over
	over    bool
	changed chan struct{}            // closed by the next line
	scripts map[int]*told            // of the client's sockets, by their numbers
	led     map[string]chan net.Conn // the addresses that redirects lead to, and who asks there
}

// tell adds a line.
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
	Error string `json:"error,omitempty"` // why not every case was judged
	Away  bool   `json:"away,omitempty"`  // there was nothing to judge
	// Habits are what each does in many cases.
	Habits []suite.Habit `json:"habits,omitempty"`
	// Mistakes are what seems to be wrong with who was judged, by its reports.
	Mistakes []suite.Diagnosis `json:"mistakes,omitempty"`
	// Aligned is what crossed in the one case that was recorded.
	Aligned *suite.Alignment `json:"aligned,omitempty"`
	// Text is the report of that case, complete enough to be sent to others, and
	// Crossed the part of it with what both ends sent.
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

// after returns the lines behind the first n, whether no more will come, and a
// channel that is closed when there are more.
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

// begin runs do in the background, as a run called id.
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
		return nil, &session.CommandError{What: "Nothing was begun: the lab server is shutting down."}
	case running >= maxJudging:
		return nil, &session.CommandError{What: fmt.Sprintf("Nothing was begun: %d runs are under way already, in this tab or another: stop one of them, or wait until it is over.", running)}
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
			e.Error = "The lab server shut down, and this run ended with it. Press Judge to begin again when it is back."
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

// ending reports whether the program ends its runs.
func (js *judgings) ending() bool {
	js.mu.Lock()
	defer js.mu.Unlock()
	return js.stopped
}

// stop ends every run and returns when none is left.
func (js *judgings) stop() {
	js.mu.Lock()
	js.stopped = true
	for _, j := range js.list {
		j.cancel()
	}
	js.mu.Unlock()
	js.work.Wait()
}

// judgeServers plays cases against targets and tells j of each report.
func judgeServers(j *judging, cases []*suite.Case, targets []suite.Target, foreign bool) ending {
	if foreign {
		// One question first: of a server that is not there no case says anything.
		r := suite.Probe(j.ctx, targets[0])
		if r.Unreachable {
			return ending{Error: r.Reason, Away: true}
		}
		targets = slices.Clone(targets) // the caller names them meanwhile
		targets[0].Silent = r.Verdict > suite.Warning
	}
	reports := runner.Judge(j.ctx, cases, targets, 0, j.report)
	mistakes, habits := suite.DiagnoseAll(reports), suite.Habits(reports)
	if j.ctx.Err() != nil {
		return ending{Mistakes: mistakes, Habits: habits, Error: whyEnded(j.ctx)}
	}
	// One that has gone is judged again when it is back.
	if foreign && suite.Probe(j.ctx, targets[0]).Refused {
		return ending{Mistakes: mistakes, Habits: habits, Away: true, Error: "It can no longer be reached: nothing listens there." + leftOut(reports)}
	}
	return ending{Mistakes: mistakes, Habits: habits, Error: strings.TrimSpace(leftOut(reports))}
}

// report tells j of r without what crossed, which is played once more for who
// wants to see it.
func (j *judging) report(r suite.Report) {
	r.Exchange = nil
	j.tell(r)
}

// leftOut says how many cases were not judged, "" where all were.
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
		return " One case was not judged. " + why
	}
	return fmt.Sprintf(" %d cases were not judged. %s", n, why)
}

func whyEnded(ctx context.Context) string {
	switch ctx.Err() {
	case nil:
		return ""
	case context.DeadlineExceeded:
		return fmt.Sprintf("The run was stopped after %v.", judgeTimeout)
	}
	return runStopped
}

// runStopped is why a run that was told to stop did not judge every case.
const runStopped = "The run was stopped."

// follow sends the lines of j behind the first n as Server-Sent Events, until
// the run is over or who follows has left.
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
