package tap

import (
	"context"
	"sync"
	"time"
)

// A Clock stops while a wire is held, so the time that a learner takes to look at a
// frame does not count. A new Clock runs. A nil Clock always runs.
type Clock struct {
	mu      sync.Mutex
	stopped time.Time     // when it was stopped; zero while it runs
	stood   time.Duration // how long it was stopped before that
	timers  map[*Timer]struct{}
}

// Stop stops c until Start.
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

// Start makes c run again, if it is stopped.
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

// Now returns the time of c: the real time less the time for which c was stopped.
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

// moment returns the time of c at the real time t, if c runs until then. It returns
// the zero time unchanged.
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

// real returns the real time at which c will reach t. It returns the zero time if t is
// zero, or if c is stopped before t, so that the real time is unknown.
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

// expired reports whether c has reached t. The zero time is never reached.
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

// fires reports whether t has expired. If the clock stopped at the last moment, t has not
// expired, and Start sets the timer again.
func (t *Timer) fires() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	if _, set := t.clock.timers[t]; !set || t.clock.now().Before(t.at) {
		return false
	}
	delete(t.clock.timers, t)
	return true
}

// Stop prevents t from calling its function, if the call has not begun.
func (t *Timer) Stop() {
	t.timer.Stop()
	if t.clock == nil {
		return
	}
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	delete(t.clock.timers, t)
}

// After returns a channel that closes when c has run for d, and the Timer that closes
// it.
func (c *Clock) After(d time.Duration) (<-chan struct{}, *Timer) {
	over := make(chan struct{})
	return over, c.AfterFunc(d, func() { close(over) })
}

// WithTimeout returns a context that ends with cause when c has run for d. The caller
// must call stop.
func (c *Clock) WithTimeout(ctx context.Context, d time.Duration, cause error) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := c.AfterFunc(d, func() { cancel(cause) })
	return ctx, func() {
		t.Stop()
		cancel(nil)
	}
}
