package runner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"wslab/compare/recording"
	"wslab/compare/suite"
)

// How the judge confirms a result that depends on time or on a lost connection.
const (
	// morePatience multiplies every wait of a case that runs again, alone.
	morePatience = 3
	// enough is the number of cases that must agree before the judge assumes the same of
	// the others. Each of them runs alone.
	enough = 3
	// costly limits the time of further runs after enough cases that lack the same thing
	// have run again.
	costly = 10 * time.Second
	// comesBack is how long the judge waits for a dead server to start again.
	comesBack = 5 * time.Second
	// mostDeaths is how often a server may die and start again.
	mostDeaths = 8
)

// pauses are the times that the judge waits, one after the other, before it tries a
// busy server again.
var pauses = []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}

// An alarm is a reason not to begin another case at a target for now.
type alarm uint8

const (
	calm   alarm = iota
	silent       // it has not answered a case so far
	full         // it answers 503 or 429
	floods       // it sends without end, whatever the case
	gone         // its server no longer listens
)

// played is a case that ran at a target. Its report is final only if final is set.
type played struct {
	report suite.Report
	nth    int  // its place in the order in which cases ended, from 1
	done   bool // there is a report
	final  bool
}

// A trial is the judging of one target.
type trial struct {
	ctx     context.Context
	target  suite.Target
	cases   []*suite.Case
	idle    bool
	workers int
	tell    func(int, suite.Report)

	mu    sync.Mutex
	list  []played // by the index of the case
	alarm alarm
	spoke bool  // the target has sent bytes after an opening handshake
	quiet int   // cases in which the target sent none
	row   int   // consecutive cases without a response to the handshake
	last  int   // the last case with a response
	flood []int // cases in which the target sent without end
	sane  bool  // the target has answered a case correctly without sending without end
	// held has, by section, the last passed case, whose report waits for sample. If
	// sample does not run cases again, held is nil.
	held   map[string]int
	stored int
	deaths int
	blamed string // the case that ended the process
}

func newTrial(ctx context.Context, t suite.Target, cases []*suite.Case, workers int, tell func(int, suite.Report)) *trial {
	r := &trial{ctx: ctx, target: t, cases: cases, idle: t.Silent || t.Stalls, workers: workers, tell: tell, list: make([]played, len(cases))}
	if r.idle || t.Slow {
		r.workers *= 4
	}
	if !r.idle && workers > 1 && len(cases) > Few {
		r.held = map[string]int{}
	}
	return r
}

// run runs case i. If alone is set, no other case is running, and run multiplies the
// patience.
func (t *trial) run(i int, alone bool) suite.Report {
	var rec *recording.Recording
	if len(t.cases) <= Few {
		rec = recording.New(nil, recording.Limits{})
	}
	target := t.target
	if alone {
		target.Patience = morePatience * max(1, target.Patience)
	}
	r := suite.Run(t.ctx, t.cases[i], target, rec)
	r.Again = alone
	return r
}

// doubtful reports whether a busy computer, or cases that ran at the same time, may have
// caused r instead of the target.
func doubtful(r suite.Report) bool {
	return r.Worst() > suite.Note && (r.Lacks() != "" || r.Worst() == suite.NotJudged) || r.Busy
}

// settle makes r the final report of case i. It tells the report, or holds the report for
// sample and tells the report that was held before, if any.
func (t *trial) settle(i int, r suite.Report) {
	t.mu.Lock()
	p := &t.list[i]
	p.report, p.done, p.final = r, true, true
	told := true
	if t.held != nil && r.Worst() == suite.Pass && !r.Again && !t.cases[i].Heavy {
		section := t.cases[i].Group()
		if last, ok := t.held[section]; !ok {
			t.held[section], told = i, false
		} else if i > last {
			t.held[section], i, r = i, last, t.list[last].report
		}
	}
	t.mu.Unlock()
	if told {
		t.tell(i, r)
	}
}

// left returns the cases without a report.
func (t *trial) left() []int {
	var list []int
	for i, p := range t.list {
		if !p.done {
			list = append(list, i)
		}
	}
	return list
}

// play runs every case once. It handles a target that refuses connections because it is
// busy, does not answer, or dies.
func (t *trial) play() {
	fruitless, skipped := 0, 0
	for t.ctx.Err() == nil {
		todo := t.left()
		if len(todo) == 0 {
			return
		}
		if t.target.Stalls {
			// Begin with the cases that may take longest. Otherwise such a case might
			// begin when all others have ended.
			slices.SortStableFunc(todo, func(a, b int) int { return cmp.Compare(t.cases[b].AtMost(), t.cases[a].AtMost()) })
		}
		before := t.stored
		t.alarm = calm
		atOnce(t.ctx, t.workers, todo, t.alarmed, t.once)
		if t.stored > before {
			fruitless, skipped = 0, 0
		}
		switch t.alarm {
		case silent:
			t.trySilent()
		case floods:
			t.skipFlood()
		case gone:
			t.searchCulprit()
		case full:
			t.workers = max(1, t.workers/2)
			if fruitless < len(pauses) && skipped == 0 || fruitless == 0 {
				pause(t.ctx, pauses[fruitless])
				fruitless++
				continue
			}
			const why = "it answered 503 or 429, even after a pause and without any other connection"
			t.settle(todo[0], suite.NotPlayed(t.cases[todo[0]], t.target.Name, why))
			fruitless = 0
			if skipped++; skipped == enough {
				t.giveUp(why + ", in " + t.name(todo[0]) + " and the cases before it")
			}
		}
	}
}

func (t *trial) alarmed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.alarm != calm
}

// once runs case i while others run.
func (t *trial) once(i int) {
	r := t.run(i, false)
	if t.ctx.Err() != nil {
		return // the case was cut short, so its result is chance
	}
	t.note(i, r)
	if !doubtful(r) || t.target.Stalls || t.target.Slow && r.Slow() {
		t.settle(i, r)
	}
}

// note keeps the report of case i. If the report says nothing about the case, note does
// not keep it, and the case must run again. If the next case would have the same problem,
// note raises an alarm.
func (t *trial) note(i int, r suite.Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case r.Refused:
		t.alarm = gone
		return
	case r.Busy && r.Verdict == suite.NotJudged:
		t.alarm = max(t.alarm, full)
		return
	}
	t.spoke = t.spoke || r.Spoke()
	switch {
	case r.Floods():
		t.flood = append(t.flood, i)
	case r.Spoke() && r.Worst() <= suite.Warning:
		t.sane = true
	}
	if len(t.flood) >= enough && !t.sane {
		t.alarm = max(t.alarm, floods)
	}
	switch {
	case r.Opened():
		t.row, t.last = 0, i
	case r.Verdict == suite.NoAnswer:
		t.row++
	}
	if r.Verdict == suite.NoAnswer && !t.spoke {
		t.quiet++
	}
	if !t.target.Stalls && (!t.spoke && t.quiet >= enough || t.row >= max(enough, t.workers)) {
		t.alarm = max(t.alarm, silent)
	}
	t.stored++
	t.list[i] = played{report: r, nth: t.stored, done: true}
}

// trySilent sends the simplest request to a target that seems to answer no request. If no
// answer arrives, trySilent runs some timed-out cases again, alone. If these time out
// again, it gives up the other cases.
func (t *trial) trySilent() {
	stopped := t.row >= max(enough, t.workers) && t.row < t.stored
	t.spoke, t.row = true, 0
	patient := t.target
	patient.Patience = morePatience * max(1, patient.Patience)
	switch {
	case t.target.Silent: // Probe has already sent the request
	case answered(suite.Probe(t.ctx, t.target)):
		return
	case answered(suite.Probe(t.ctx, patient)):
		t.target = patient // the target is only slow
		t.workers = max(1, t.workers/4)
		return
	}
	if stopped {
		t.giveUp(fmt.Sprintf("it stopped answering. The last case that it answered is %s", t.name(t.last)))
		return
	}
	var tried []int
	for i, p := range t.list {
		if !p.done || p.final || p.report.Verdict != suite.NoAnswer {
			continue
		}
		r := t.run(i, true)
		if t.ctx.Err() != nil {
			return
		}
		t.settle(i, r)
		if r.Verdict != suite.NoAnswer {
			return
		}
		if tried = append(tried, i); len(tried) == enough {
			break
		}
	}
	t.giveUp(fmt.Sprintf("it did not answer in %s, each run alone, so no other case was tried", t.names(tried)))
}

// skipFlood gives up the cases with a WebSocket at a target that sends without end,
// because the endless bytes hide its answers. The cases in which the target must refuse
// the handshake continue.
func (t *trial) skipFlood() {
	t.sane = true // so that skipFlood runs only once
	why := fmt.Sprintf("it sends without end once the WebSocket is open, as in %s, so no other case with a WebSocket was tried", t.names(t.flood[:enough]))
	for i, p := range t.list {
		switch {
		case p.final || t.cases[i].Refused():
		case p.done && p.report.Floods():
			t.settle(i, p.report.NotJudged(why))
		case !p.done:
			t.settle(i, suite.NotPlayed(t.cases[i], t.target.Name, why))
		}
	}
}

// giveUp reports every case without a final report as not judged.
func (t *trial) giveUp(why string) {
	for i, p := range t.list {
		switch {
		case p.final:
		case p.done:
			t.settle(i, p.report.NotJudged(why))
		default:
			t.settle(i, suite.NotPlayed(t.cases[i], t.target.Name, why))
		}
	}
}

// confirm runs the doubtful cases again, one after the other. If many cases lack the same
// thing, confirm runs enough of them, and then as many as the time costly permits.
func (t *trial) confirm() {
	type kind struct {
		waits    []int
		same     []int // run again, with the same result
		other    int   // run again, with another result
		unplayed []int
	}
	var order []string
	kinds := map[string]*kind{}
	for i, p := range t.list {
		if !p.done || p.final {
			continue
		}
		name := p.report.Lacks()
		if p.report.Slow() {
			name = "time"
		}
		if kinds[name] == nil {
			kinds[name], order = new(kind), append(order, name)
		}
		kinds[name].waits = append(kinds[name].waits, i)
	}
	var spent time.Duration
	for _, name := range order {
		k := kinds[name]
		for n, i := range k.waits {
			if t.ctx.Err() != nil {
				return
			}
			slow := t.list[i].report.Slow()
			if (len(k.same) >= enough || slow && n > 0) && k.other == 0 && spent > costly {
				k.unplayed = k.waits[n:]
				break
			}
			began, lacked := time.Now(), t.list[i].report.Lacks()
			r := t.run(i, true)
			if t.ctx.Err() != nil {
				return
			}
			if slow || len(k.same) >= enough {
				spent += time.Since(began)
			}
			if r.Refused {
				// Only the case before this one can have ended the process, because that
				// case ran alone.
				if n > 0 {
					t.blame(k.waits[n-1], t.list[k.waits[n-1]].report)
				}
				if t.deaths++; t.deaths > mostDeaths || !t.back() {
					t.dead(nil)
					return
				}
				r = t.run(i, true)
			}
			t.settle(i, r)
			if r.Lacks() == lacked && r.Worst() >= suite.Warning {
				k.same = append(k.same, i)
			} else {
				k.other++
			}
		}
		for _, i := range k.unplayed {
			r := t.list[i].report
			r.Reason += fmt.Sprintf(" It ran once, at the same time as other cases. Run again alone, the result was the same in %s.", t.names(k.same[:min(enough, len(k.same))]))
			t.settle(i, r)
		}
	}
}

// sample runs the last passed case of each section again, alone, and tells its report. If
// the case breaks a MUST in two such runs, sample tells that report instead.
func (t *trial) sample() {
	wrong := func(r suite.Report) bool { return r.Worst() == suite.Fail && r.Lacks() == "" && t.ctx.Err() == nil }
	for _, i := range slices.Sorted(maps.Values(t.held)) {
		r := t.list[i].report
		if t.ctx.Err() == nil && wrong(t.run(i, false)) {
			if alone := t.run(i, true); wrong(alone) {
				r = alone
				r.Reason += " It passed while other cases ran."
			}
		}
		t.tell(i, r)
	}
}

func (t *trial) name(i int) string { return t.cases[i].ID }

// maxNamed limits the cases that a sentence names.
const maxNamed = 20

// names lists cases.
func (t *trial) names(list []int) string {
	var ids []string
	for _, i := range list {
		ids = append(ids, t.name(i))
	}
	switch n := len(ids); {
	case n == 0:
		return "none"
	case n == 1:
		return ids[0]
	case n > maxNamed:
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:maxNamed], ", "), n-maxNamed)
	default:
		return strings.Join(ids[:n-1], ", ") + " and " + ids[n-1]
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
