package session

import (
	"context"
	"fmt"
	"math"
	"sync"

	"wslab/compare/scenario"
)

// control decides when a run continues. It only knows up to which step the run may go. A
// pause lowers that step, but never below a step that has begun, so a repeated order does
// a step once.
type control struct {
	steps  int // number of steps of the run
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	free    int  // steps below this one may begin
	begun   int  // steps below this one have begun
	waiting bool // the run waits for the learner
	changed chan struct{}
}

// newControl returns the control of a run with that many steps, which first waits before
// step pause. With a negative pause it never waits. cancel ends the run.
func newControl(steps, pause int, cancel context.CancelCauseFunc) *control {
	if pause < 0 {
		pause = math.MaxInt
	}
	return &control{steps: steps, cancel: cancel, free: pause, changed: make(chan struct{})}
}

// do carries out the learner's order: "step" continues through the given step, "run" to
// the end, "pause" waits after the step in progress, and "stop" ends the run.
func (c *control) do(what string, step int) error {
	switch what {
	case "step":
		if step < 0 || step >= c.steps {
			return &CommandError{fmt.Sprintf("This run has no step %d. It has %d steps, and the first is 0.", step, c.steps), "Send the number of the step that the run waits at."}
		}
		c.allow(step + 1)
	case "run":
		c.allow(math.MaxInt)
	case "pause":
		c.pause()
	case "stop":
		c.stop(scenario.ErrStopped)
	default:
		return &CommandError{fmt.Sprintf("%.40q is not a command to a run.", what), `Use "step", "run", "pause" or "stop".`}
	}
	return nil
}

// stop ends the run with the cause why.
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

// wait returns when step may begin. If it must wait, it calls ready first.
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

// idle reports whether the run waits for the learner.
func (c *control) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting
}
