package scenario

import (
	"context"
	"sync"
)

// Changes is a lock for data that others wait for. After changing the data, the holder
// calls Tell, and each waiter checks again. The zero value is ready. Changes must not be
// copied.
type Changes struct {
	sync.Mutex
	next  chan struct{} // closed by the next Tell; nil if there is no waiter
	watch func()        // may be nil
}

// Watch sets a function that every Tell calls, with c not locked.
func (c *Changes) Watch(changed func()) {
	c.Lock()
	defer c.Unlock()
	c.watch = changed
}

// Tell wakes all waiters. It locks c.
func (c *Changes) Tell() {
	c.Lock()
	if c.next != nil {
		close(c.next)
		c.next = nil
	}
	watch := c.watch
	c.Unlock()
	if watch != nil {
		watch()
	}
}

// Next returns a channel that the next Tell closes.
func (c *Changes) Next() <-chan struct{} {
	c.Lock()
	defer c.Unlock()
	return c.again()
}

// again is Next; the caller has locked c.
func (c *Changes) again() <-chan struct{} {
	if c.next == nil {
		c.next = make(chan struct{})
	}
	return c.next
}

// Await waits until the function there returns true. It calls there with c locked. If ctx
// ends first, Await calls there once more. If the result is still false, Await returns
// the cause.
func (c *Changes) Await(ctx context.Context, there func() bool) error {
	for {
		over := ctx.Err() != nil
		c.Lock()
		if there() {
			c.Unlock()
			return nil
		}
		next := c.again()
		c.Unlock()
		if over {
			return context.Cause(ctx)
		}
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}
