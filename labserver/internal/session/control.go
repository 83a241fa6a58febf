package session

import (
	"context"
	"fmt"
	"math"
	"sync"

	"wslab/compare/scenario"
)

// control is how a learner decides when a play goes on. All it knows is up to
// which step the play may go without asking. Only a pause takes back what was
// allowed, and never a step that was begun: so a step that is ordered twice is
// done once.
type control struct {
	steps  int // of the play
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	free    int  // steps below this one may begin
	begun   int  // steps below this one have
	waiting bool // for the learner
	changed chan struct{}
}

// newControl returns the control of a play of so many steps that goes up to
// step pause without asking; a negative pause lets it run to its end. cancel
// ends the play.
func newControl(steps, pause int, cancel context.CancelCauseFunc) *control {
	if pause < 0 {
		pause = math.MaxInt
	}
	return &control{steps: steps, cancel: cancel, free: pause, changed: make(chan struct{})}
}

// do takes what the learner orders: "step", which lets the play go on through
// the given step, "run", "pause", which begins no step after the one under way,
// or "stop".
func (c *control) do(what string, step int) error {
	switch what {
	case "step":
		if step < 0 || step >= c.steps {
			return &CommandError{fmt.Sprintf("There is no step %d in this play: it has %d, the first is 0.", step, c.steps), "Name the step that the play waits before."}
		}
		c.allow(step + 1)
	case "run":
		c.allow(math.MaxInt)
	case "pause":
		c.pause()
	case "stop":
		c.stop(scenario.ErrStopped)
	default:
		return &CommandError{fmt.Sprintf("A play cannot be told to %.40q.", what), `It knows "step", "run", "pause" and "stop".`}
	}
	return nil
}

// stop ends the play because of why.
func (c *control) stop(why error) {
	c.mu.Lock()
	c.waiting = false
	c.mu.Unlock()
	c.cancel(why)
}

func (c *control) allow(free int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if free > c.free {
		c.free = free
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

func (c *control) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free = min(c.free, c.begun)
}

// wait returns when step may begin. When that is not yet so, it calls ready
// first.
func (c *control) wait(ctx context.Context, step int, ready func()) error {
	told := false
	for {
		c.mu.Lock()
		changed := c.changed
		c.waiting = step >= c.free && ctx.Err() == nil
		waiting := c.waiting
		if !waiting {
			c.begun = step + 1
		}
		c.mu.Unlock()
		if !waiting {
			return context.Cause(ctx)
		}
		if !told {
			told = true
			ready()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// idle reports whether the play waits for the learner and has not been stopped.
func (c *control) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting
}
