package scenario

import (
	"context"
	"errors"
)

// server gives an order to the server's code. The result of the call is recorded, and an
// error of the call is not an error of the run. A call that waits for the client
// continues after the step. The next order waits for that call.
func (p *play) server(ctx context.Context, c *Command) error {
	parties := []*party{p.st.main()}
	if c.verb.everyone {
		parties = p.st.all()
	}
	for _, party := range parties {
		back, err := p.st.until(ctx, p.st.Clock, settleTime, func() bool { return p.st.look(party).calls == 0 })
		if err != nil {
			return err
		}
		if v := p.st.look(party); v.actor == nil {
			return errors.New("the connection is not open")
		} else if !back {
			return errors.New("the server's code has not returned from the previous call")
		}
		p.st.order(party, c)
	}
	return nil
}

// order has p's actor do c, in the background. While the server sends a Close frame and
// closes TCP, a client that answers by itself must not answer. Otherwise chance would
// decide whether its Close frame or the end of TCP is first.
func (st *Stage) order(p *party, c *Command) {
	line := p.wire.Status()
	before := line.Out + line.Taken
	st.mu.Lock()
	p.calls++
	p.waits, p.before = c.verb.waits, before
	a := p.actor
	st.mu.Unlock()
	resume := func() {}
	if client, ok := p.client.(*Scripted); ok && c.verb.hushes {
		resume = client.holdAnswers()
	}
	go func() {
		c.verb.server(a, c)
		resume()
		st.mu.Lock()
		p.calls--
		st.mu.Unlock()
		st.notify()
	}()
}

// wire does c with the connection of the play's own client.
func (p *play) wire(c *Command) error {
	line := p.st.look(p.st.main()).wire
	if line == nil {
		return errors.New("there is no connection")
	}
	return c.verb.line(line, c)
}
