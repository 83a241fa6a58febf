package browser

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"wslab/compare/recording"
)

// askEvery is how often a waiting Client asks whether its page is still there.
const askEvery = 250 * time.Millisecond

// orderTimeout is how long a page that is there may take for one order. What
// JavaScript calls returns at once, so a page that takes longer is stuck.
const orderTimeout = 30 * time.Second

// Client is a play's side of a browser that is its client: it gives orders to a
// page and takes what the page tells. Its methods may be called concurrently.
type Client struct {
	send func(step int, o Order) // hands an order to the page, without waiting
	away func() error            // says that the page is gone, once it is

	mu      sync.Mutex
	step    int // the step whose order the page has, -1 for none
	outcome error
	heard   Heard
	changed chan struct{}
}

// Heard is what a page's JavaScript has been told of its WebSocket so far.
type Heard struct {
	Opened   bool
	Closed   bool
	Messages int
	Last     recording.Script // the newest onmessage or onclose
}

// NewClient returns a Client whose orders go to send. away is asked while the
// page owes an answer; nil means that a page is never gone.
func NewClient(send func(step int, o Order), away func() error) *Client {
	if away == nil {
		away = func() error { return nil }
	}
	return &Client{send: send, away: away, step: -1, changed: make(chan struct{})}
}

// Do has the page do what o says, as the given step of the play, and returns
// when it has. An error is what JavaScript threw, or says that the page is gone.
func (c *Client) Do(ctx context.Context, step int, o Order) error {
	c.mu.Lock()
	c.step, c.outcome = step, nil
	c.mu.Unlock()
	c.send(step, o)
	ctx, cancel := context.WithTimeoutCause(ctx, orderTimeout, errors.New("the page has not done it within "+orderTimeout.String()))
	defer cancel()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.step = -1
	}()
	if err := c.await(ctx, func() bool { return c.step != step }, c.away); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outcome
}

// Done takes the page's word that it has performed the order of step; failure
// is what JavaScript threw, if anything. It reports whether that was awaited.
func (c *Client) Done(step int, failure string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.step != step || step < 0 {
		return false
	}
	c.step = -1
	if failure != "" {
		c.outcome = fmt.Errorf("the page: %s", failure)
	}
	c.wake()
	return true
}

// Told takes what the page's JavaScript did or was told.
func (c *Client) Told(s recording.Script) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s.What {
	case "onopen":
		c.heard.Opened = true
	case "onmessage":
		c.heard.Messages++
		c.heard.Last = s
	case "onclose":
		c.heard.Closed = true
		c.heard.Last = s
	default:
		return
	}
	c.wake()
}

// Heard returns what has been told so far.
func (c *Client) Heard() Heard {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard
}

// Await waits until enough reports true of what the page has been told.
func (c *Client) Await(ctx context.Context, enough func(Heard) bool) error {
	return c.await(ctx, func() bool { return enough(c.heard) }, nil)
}

// await waits until there reports true, with c.mu held.
func (c *Client) await(ctx context.Context, there func() bool, away func() error) error {
	ask := time.NewTicker(askEvery)
	defer ask.Stop()
	for {
		c.mu.Lock()
		ok, changed := there(), c.changed
		c.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ask.C:
			if away == nil {
				continue
			}
			if err := away(); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// wake tells those who wait that something has changed. c.mu is held.
func (c *Client) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}
