package tap

import (
	"context"
	"sync"
	"time"
)

// A Clock stands still while a wire is held. A wait that is measured by it is
// not used up by the time that a learner takes to look at a frame. It begins
// running. The nil Clock always runs.
type Clock struct {
	mu      sync.Mutex
	stopped time.Time     // since when it stands still; zero while it runs
	stood   time.Duration // how long it has stood still before
	timers  map[*Timer]struct{}
}

// Stop makes c stand still. Start makes it run on.
func (c *Clock) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped.IsZero() {
		return
	}
	c.stopped = time.Now()
	for t := range c.timers {
		t.timer.Stop()
	}
}

// Start makes c run on, if it stands still.
func (c *Clock) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped.IsZero() {
		return
	}
	c.stood += time.Since(c.stopped)
	c.stopped = time.Time{}
	for t := range c.timers {
		t.timer.Reset(t.at.Sub(c.now()))
	}
}

// Now returns the time that c shows: the real one, less what c has stood still.
func (c *Clock) Now() time.Time {
	if c == nil {
		return time.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// now is Now. c.mu is held.
func (c *Clock) now() time.Time {
	if !c.stopped.IsZero() {
		return c.stopped.Add(-c.stood)
	}
	return time.Now().Add(-c.stood)
}

// moment returns the time that c shows at the real time t, if it is not stopped
// from now on. The zero time stays what it is.
func (c *Clock) moment(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case t.IsZero():
		return t
	case c.stopped.IsZero():
		return t.Add(-c.stood)
	}
	return c.now().Add(time.Until(t))
}

// real returns when c will show t, or the zero time while c stands still and t
// has not come: then nobody knows.
func (c *Clock) real(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case t.IsZero() || !c.stopped.IsZero() && c.now().Before(t):
		return time.Time{}
	case c.stopped.IsZero():
		return t.Add(c.stood)
	}
	return past
}

// expired reports whether c shows t, or later. Nothing expires at the zero time.
func (c *Clock) expired(t time.Time) bool { return !t.IsZero() && !c.Now().Before(t) }

// A Timer calls a function when its Clock has run for a while.
type Timer struct {
	clock *Clock
	at    time.Time // on clock
	timer *time.Timer
}

// AfterFunc calls f in a goroutine of its own when c has run for d.
func (c *Clock) AfterFunc(d time.Duration, f func()) *Timer {
	if c == nil {
		return &Timer{timer: time.AfterFunc(d, f)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &Timer{clock: c, at: c.now().Add(d)}
	t.timer = time.AfterFunc(d, func() {
		if t.fires() {
			f()
		}
	})
	if !c.stopped.IsZero() {
		t.timer.Stop()
	}
	if c.timers == nil {
		c.timers = map[*Timer]struct{}{}
	}
	c.timers[t] = struct{}{}
	return t
}

// fires reports whether t's time has come. It has not where the clock was
// stopped at that very moment: then Start sets the timer again.
func (t *Timer) fires() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	if _, set := t.clock.timers[t]; !set || t.clock.now().Before(t.at) {
		return false
	}
	delete(t.clock.timers, t)
	return true
}

// Stop keeps t from calling its function, if it has not begun to.
func (t *Timer) Stop() {
	t.timer.Stop()
	if t.clock == nil {
		return
	}
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	delete(t.clock.timers, t)
}

// After returns a channel that is closed when c has run for d, and the Timer that
// closes it.
func (c *Clock) After(d time.Duration) (<-chan struct{}, *Timer) {
	over := make(chan struct{})
	return over, c.AfterFunc(d, func() { close(over) })
}

// WithTimeout returns a context that ends for the reason cause when c has run for
// d. The caller must call stop.
func (c *Clock) WithTimeout(ctx context.Context, d time.Duration, cause error) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := c.AfterFunc(d, func() { cancel(cause) })
	return ctx, func() {
		t.Stop()
		cancel(nil)
	}
}
