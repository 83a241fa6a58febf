package scenario

import (
	"context"
	"errors"
	"slices"

	"wslab/reference/wire"
)

// server gives an order to the server's code. What its call comes back with is
// an outcome, and recorded. A call that waits goes on behind the step; the next
// order waits for it.
func (p *play) server(ctx context.Context, c *Command) error {
	parties := []*party{p.st.main()}
	if c.Verb == "server shutdown" {
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
			return errors.New("the server's code has not come back from the call before")
		}
		p.st.order(party, c)
	}
	return nil
}

// waiting are the orders whose calls may wait for what the client does.
var waiting = []string{"server read", "server tcp read", "server close", "server shutdown"}

// order has p's actor do c, in the background. A client that answers by itself
// does not while the server hangs up: whether its Close or the end of TCP comes
// first would be chance.
func (st *Stage) order(p *party, c *Command) {
	line := p.wire.Status()
	before := line.Out + line.Taken
	st.mu.Lock()
	p.calls++
	p.waits, p.before = slices.Contains(waiting, c.Verb), before
	a := p.actor
	st.mu.Unlock()
	resume := func() {}
	if client, ok := p.client.(*Scripted); ok && c.Verb == "server hangs up" {
		resume = client.holdAnswers()
	}
	go func() {
		c.act(a)
		resume()
		st.mu.Lock()
		p.calls--
		st.mu.Unlock()
		st.notify()
	}()
}

// act has a do what c says.
func (c *Command) act(a Actor) {
	switch c.Verb {
	case "server read":
		a.Read()
	case "server send text":
		a.Send(wire.Text, c.Bytes)
	case "server send binary":
		a.Send(wire.Binary, c.Bytes)
	case "server send fragments":
		a.Send(wire.Text, c.Parts...)
	case "server ping":
		a.Control(wire.Ping, c.Bytes)
	case "server pong":
		a.Control(wire.Pong, c.Bytes)
	case "server close":
		a.Close(c.Code, c.Reason)
	case "server shutdown":
		a.Close(wire.GoingAway, "the server is shutting down")
	case "server says close":
		a.SayClose(c.CloseBody())
	case "server hangs up":
		a.HangUp(c.CloseBody())
	case "server bytes":
		a.Bytes(c.Bytes)
	case "server tcp read":
		a.TCPRead()
	case "server tcp write":
		a.TCPWrite(c.Bytes)
	case "server tcp close":
		a.TCPClose()
	case "server tcp half":
		a.TCPHalf()
	case "server tcp reset":
		a.TCPReset()
	case "server kill":
		a.Kill()
	}
}

// wire does something to the line.
func (p *play) wire(c *Command) error {
	line := p.st.look(p.st.main()).wire
	if line == nil {
		return errors.New("there is no connection")
	}
	switch c.Verb {
	case "wire hold":
		line.Hold()
	case "wire run":
		line.Run()
	case "wire silent":
		line.Silent()
	case "wire delay":
		line.SetDelay(c.For)
	case "wire split":
		line.Split(c.Count)
	case "wire release":
		if _, ok := line.ReleaseOldest(); !ok {
			return errors.New("nothing waits at the valve")
		}
	case "wire drop":
		if _, ok := line.DropOldest(); !ok {
			return errors.New("nothing waits at the valve")
		}
	}
	return nil
}
