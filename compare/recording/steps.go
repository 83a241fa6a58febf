package recording

import (
	"bytes"
	"slices"
	"strings"
)

// block has the events of one step, or those between two steps.
type block struct {
	step   *Step // nil between steps
	over   *Step // of the last block: how the run ended
	events []Event
}

// blocks divides the events of a run by its steps. It sorts each block by connection. If
// two calls of the server's code were in progress at once, it moves their returns to the
// end. So the order does not depend on which goroutine is faster. Events without steps
// are one block, in their order.
func blocks(events []Event) []block {
	all := []block{{}}
	for _, e := range events {
		b := &all[len(all)-1]
		step, ok := e.Body.(*Step)
		switch {
		case !ok:
			b.events = append(b.events, e)
		case step.Phase == StepBegin:
			all = append(all, block{step: step})
		case step.Phase == StepEnd:
			all = append(all, block{})
		case step.Phase == PlayOver:
			b.over = step
		}
	}
	if len(all) == 1 {
		return all
	}
	open := map[int]map[uint64]bool{} // calls in progress, by connection
	for i := range all {
		slices.SortStableFunc(all[i].events, func(a, b Event) int { return a.Conn - b.Conn })
		all[i].events = settleCalls(all[i].events, open)
	}
	return all
}

// settleCalls moves the returns of calls after all other events of their connection,
// if two of its calls were in progress at once. open is kept from block to block.
func settleCalls(events []Event, open map[int]map[uint64]bool) []Event {
	var out []Event
	for len(events) > 0 {
		n := 1
		for n < len(events) && events[n].Conn == events[0].Conn {
			n++
		}
		out = append(out, settleCallsOf(events[:n], open)...)
		events = events[n:]
	}
	return out
}

// settleCallsOf is settleCalls for the events of one connection.
func settleCallsOf(events []Event, open map[int]map[uint64]bool) []Event {
	conn := events[0].Conn
	if open[conn] == nil {
		open[conn] = map[uint64]bool{}
	}
	calls, atOnce := open[conn], len(open[conn]) > 1
	var rest, returns []Event
	for _, e := range events {
		c, ok := e.Body.(*Call)
		if ok && c.Phase == "return" {
			delete(calls, c.ID)
			returns = append(returns, e)
			continue
		}
		if ok {
			calls[c.ID] = true
			atOnce = atOnce || len(calls) > 1
		}
		rest = append(rest, e)
	}
	if !atOnce {
		return events
	}
	slices.SortFunc(returns, func(a, b Event) int { return int(a.Body.(*Call).ID) - int(b.Body.(*Call).ID) })
	return append(rest, returns...)
}

// head writes the line above a block.
func (t *textWriter) head(b block) {
	switch {
	case b.step != nil:
		for line := range strings.Lines(b.step.Command) {
			t.printf("> %s\n", strings.TrimSuffix(line, "\n"))
		}
	case len(b.events) > 0:
		t.printf("> (%s)\n", map[bool]string{true: "after the last step", false: "between two steps"}[b.over != nil])
	}
}

// Transcript returns the effect of each step of a run, by the line of its command in
// the scenario: one line for each event, without bits. It is the same in every run.
func Transcript(events []Event) map[int][]string {
	all := map[int][]string{}
	t := newTextWriter(nil, events, TextOptions{Stable: true, Brief: true})
	for _, b := range blocks(events) {
		if b.step == nil {
			continue
		}
		var text bytes.Buffer
		t.w = &text
		for _, e := range b.events {
			t.event(e)
		}
		for line := range strings.Lines(text.String()) {
			all[b.step.Line] = append(all[b.step.Line], strings.TrimSuffix(line, "\n"))
		}
	}
	return all
}
