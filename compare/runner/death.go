package runner

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"wslab/compare/suite"
)

// back waits until a server listens at the target's address again.
func (t *trial) back() bool {
	for end := time.Now().Add(comesBack); time.Now().Before(end) && t.ctx.Err() == nil; pause(t.ctx, 50*time.Millisecond) {
		if t.listens() {
			return true
		}
	}
	return false
}

func (t *trial) listens() bool {
	conn, err := t.target.Dial(t.ctx)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// suspects returns the cases in which the process may have died. These are the last cases
// that ran. Those that lost their connection are first.
func (t *trial) suspects() []int {
	var list []int
	for i, p := range t.list {
		if p.done && p.nth > 0 {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(t.list[b].nth, t.list[a].nth) })
	list = list[:min(len(list), 2*t.workers)]
	slices.SortStableFunc(list, func(a, b int) int {
		return cmp.Compare(order(t.list[a].report.Lost()), order(t.list[b].report.Lost()))
	})
	return list
}

func order(first bool) int {
	if first {
		return 0
	}
	return 1
}

// searchCulprit looks for the case that ended the target's process. It runs the last
// cases again, one after the other. The search only works if the target starts again
// after each death.
func (t *trial) searchCulprit() {
	t.deaths++
	list := t.suspects()
	if len(list) == 0 && !t.back() {
		t.giveUp("nothing listens there")
		return
	}
	for n, i := range list {
		if !t.back() {
			t.dead(list[n:])
			return
		}
		r := t.run(i, true)
		if t.ctx.Err() != nil {
			return
		}
		if t.diedAfter() {
			t.blame(i, r)
			continue
		}
		t.settle(i, r)
	}
	switch {
	case !t.back():
		t.dead(nil)
	case t.deaths > mostDeaths:
		t.giveUp(fmt.Sprintf("the process died %d times before this case could run", t.deaths))
	}
}

// diedAfter reports whether the process died in the last case. It sends a request,
// because a process that is about to die may still accept a connection.
func (t *trial) diedAfter() bool {
	r := suite.Probe(t.ctx, t.target)
	return !answered(r) && (r.Refused || !t.listens())
}

// blame reports that the process died in case i.
func (t *trial) blame(i int, r suite.Report) {
	t.blamed = t.name(i)
	r.Verdict, r.Closing, r.Rule, r.Mistake, r.Died = suite.Fail, suite.Fail, "", "", true
	r.Reason = "The process died: after this case, run alone, no server listened at its address."
	t.settle(i, r)
}

// dead reports the remaining cases of a target that did not start again. If the case that
// ended the target is unknown, it may be one of list.
func (t *trial) dead(list []int) {
	why := "the process died in " + t.blamed
	if t.blamed == "" {
		lost := slices.DeleteFunc(slices.Clone(list), func(i int) bool { return !t.list[i].report.Lost() && !doubtful(t.list[i].report) })
		if len(lost) == 0 {
			lost = list[:min(len(list), t.workers)]
		}
		why = "the process died. Any of these cases may have killed it: " + t.names(lost)
		for _, i := range lost {
			t.settle(i, t.list[i].report.NotJudged(why))
		}
	}
	t.giveUp(why)
}
