package browser

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
)

// Bounds of the waits for a page.
const (
	askEvery     = 250 * time.Millisecond // between checks that the page is still there
	orderTimeout = 30 * time.Second       // for one order: its call returns at once
	maxPatience  = 90 * time.Second       // until the browser gives up a connection
)

// Client is a browser as the client of one run. It does not know where the page is, so
// Done and Told receive the page's reports. Its methods may be called concurrently.
type Client struct {
	// Clock measures the waits for the page. Nil means the real time.
	Clock *tap.Clock

	sc   *scenario.Scenario
	send func(step int, o recording.Order) // sends an order to the page and does not wait
	away func() error                      // returns an error when the page is gone

	mu     scenario.Changes
	done   map[int]string     // the steps that the page has done, and the exception of each
	opened bool               // JavaScript has received onopen
	closed bool               // the page has received onclose, or the tab is closed
	told   []recording.Script // the onmessage and onclose that no read or expect has used
}

// NewClient returns a browser as the client of a run of sc. send sends an order to the
// page. If the page reads its orders from the recording, send is nil. The client calls
// away while it waits for the page.
func NewClient(sc *scenario.Scenario, send func(step int, o recording.Order), away func() error) *Client {
	if send == nil {
		send = func(int, recording.Order) {}
	}
	return &Client{sc: sc, send: send, away: away, done: map[int]string{}}
}

// Done reports that the page has carried out the order of step. failure is the exception
// that JavaScript threw, or "". Only the first report of a step counts.
func (c *Client) Done(step int, failure string) {
	defer c.mu.Tell()
	c.mu.Lock()
	defer c.mu.Unlock()
	if step < 0 || step >= len(c.sc.Commands) {
		return
	}
	if _, twice := c.done[step]; !twice {
		c.done[step] = failure
	}
}

// maxTold bounds the messages that wait for a read or expect.
const maxTold = 1000

// Told reports a call or an event of the page's JavaScript.
func (c *Client) Told(s recording.Script) {
	defer c.mu.Tell()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s.What {
	case "onopen":
		c.opened = true
	case "onmessage":
		if len(c.told) < maxTold {
			c.told = append(c.told, s)
		}
	case "onclose":
		if !c.closed {
			c.told = append(c.told, s)
		}
		c.closed = true
	}
}

// Watch implements scenario.Client.
func (c *Client) Watch(changed func()) { c.mu.Watch(changed) }

// Progress implements scenario.Client.
func (c *Client) Progress() scenario.Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	return scenario.Progress{Refused: c.closed && !c.opened, Fin: c.closed, Ended: c.closed}
}

// Close implements scenario.Client. The page itself ends its part of the run.
func (c *Client) Close() error { return nil }

// Do implements scenario.Client.
func (c *Client) Do(ctx context.Context, cmd *scenario.Command) error {
	if order := cmd.Order(); order != nil {
		if err := c.perform(ctx, cmd, *order); err != nil {
			return err
		}
		if order.Do == "leave" {
			c.mu.Lock()
			c.closed = true // a closed tab sends no more reports
			c.mu.Unlock()
		}
	}
	switch cmd.Awaits() {
	case scenario.AwaitsOpening:
		return c.mu.Await(ctx, func() bool { return c.opened || c.closed })
	case scenario.AwaitsFrames:
		if cmd.Count == 0 {
			return c.mu.Await(ctx, func() bool { return c.closed })
		}
		for range cmd.Count {
			if _, err := c.next(ctx); err != nil {
				return err
			}
		}
	case scenario.AwaitsWant:
		return c.expect(ctx, cmd.Want)
	case scenario.AwaitsEnd:
		ctx, stop := c.Clock.WithTimeout(ctx, maxPatience, fmt.Errorf("the browser has not given up the connection within %v", maxPatience))
		defer stop()
		return c.mu.Await(ctx, func() bool { return c.closed })
	}
	return nil
}

// perform sends o to the page and waits until the page has carried it out.
func (c *Client) perform(ctx context.Context, cmd *scenario.Command, o recording.Order) error {
	step := -1
	for i := range c.sc.Commands {
		if c.sc.Commands[i].Line == cmd.Line {
			step = i
		}
	}
	c.send(step, o)
	ctx, stop := c.Clock.WithTimeout(ctx, orderTimeout, fmt.Errorf("the page has not carried out the order within %v", orderTimeout))
	defer stop()
	there := func() bool {
		_, ok := c.done[step]
		return ok
	}
	for {
		short, stop := context.WithTimeoutCause(ctx, askEvery, errAsk)
		err := c.mu.Await(short, there)
		stop()
		if err == errAsk {
			err = c.away()
		} else if err == nil {
			break
		}
		if err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if threw := c.done[step]; threw != "" {
		return fmt.Errorf("JavaScript threw %s", threw)
	}
	return nil
}

// errAsk means that Client must check whether the page is still there.
var errAsk = errors.New("is the page still there?")

// rest waits until the page has sent no report for d.
func (c *Client) rest(ctx context.Context, d time.Duration) {
	for {
		select {
		case <-c.mu.Next():
		case <-time.After(d):
			return
		case <-ctx.Done():
			return
		}
	}
}

// next waits for the next onmessage or onclose. Once onclose has arrived, next always
// returns it.
func (c *Client) next(ctx context.Context) (recording.Script, error) {
	if err := c.mu.Await(ctx, func() bool { return len(c.told) > 0 || c.closed }); err != nil {
		return recording.Script{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.told) == 0 {
		return recording.Script{What: "leave"}, nil
	}
	first := c.told[0]
	if first.What == "onmessage" {
		c.told = c.told[1:]
	}
	return first, nil
}

// expect waits for the next event of JavaScript. The event must be want.
func (c *Client) expect(ctx context.Context, want scenario.Want) error {
	s, err := c.next(ctx)
	if err != nil {
		return fmt.Errorf("%w, but %s was expected", err, want)
	}
	if got := heard(s, want); !want.Fits(got) {
		return fmt.Errorf("%s arrived, but %s was expected", got, want)
	}
	return nil
}

// heard returns an event of JavaScript in the form of want, so that expect can compare
// them. A page does not report the bytes of a binary message, so heard compares only the
// size.
func heard(s recording.Script, want scenario.Want) scenario.Want {
	const noStatus = 1005
	size := int64(len(s.Text))
	if s.Size != nil {
		size = *s.Size
	}
	switch {
	case s.What != "onmessage" && want.Kind == "eof":
		return scenario.Want{Kind: "eof", Any: true}
	case s.What != "onmessage" && (s.Code == nil || *s.Code == noStatus):
		return scenario.Want{Kind: "close"}
	case s.What != "onmessage":
		body := binary.BigEndian.AppendUint16(nil, uint16(*s.Code))
		return scenario.Want{Kind: "close", Payload: append(body, s.Reason...)}
	case s.Text != "" || size == 0 && want.Kind == "text":
		return scenario.Want{Kind: "text", Payload: []byte(s.Text)}
	case size == int64(len(want.Payload)):
		return scenario.Want{Kind: "binary", Payload: want.Payload}
	}
	return scenario.Want{Kind: "binary", Payload: make([]byte, min(size, maxText))}
}
