package scenario

import (
	"context"
	"fmt"
	"net"

	"wslab/reference/wire"
)

// Play plays s against the server that dial reaches, at target on host, and
// closes the connection behind it. It ends early, without an error, when the
// server refuses the handshake or closes: that is an outcome, not a failure.
// An error says at which line the scenario stopped and why, be it that ctx ended
// while the server kept it waiting.
func (s *Scenario) Play(ctx context.Context, dial func(context.Context) (net.Conn, error), target, host string, log Log) error {
	var c *Client
	frames := 0 // that "read" has waited for
	for _, cmd := range s.Commands {
		err := func() (err error) {
			switch cmd.Verb {
			case "open":
				conn, err := dial(ctx)
				if err != nil {
					log("error", "dial: "+plain(err), -1)
					return err
				}
				log("dial", target, -1)
				if c, err = NewClient(conn, cmd.Opening, target, host, log); err != nil {
					return err
				}
				_, err = c.Status(ctx)
				return err
			case "octets":
				return c.Octets(cmd.Octets)
			case "send":
				return c.Frame(wire.Text, []byte(cmd.Text))
			case "close":
				return c.Frame(wire.Close, wire.ClosePayload{Code: cmd.Code, Reason: cmd.Text}.Append(nil))
			case "read":
				if cmd.Frames == 0 {
					return c.EOF(ctx)
				}
				frames += cmd.Frames
				return c.Frames(ctx, frames)
			}
			return fmt.Errorf("no such command")
		}()
		over := err != nil
		if err == nil && c.refused() {
			// The server closes behind its refusal. Waiting for it makes who closes first
			// the same in every run.
			over, err = true, c.EOF(ctx)
		}
		switch {
		case c == nil || ctx.Err() != nil && err != nil:
			if c != nil {
				c.Close()
			}
			return fmt.Errorf("scenario %s, line %d: %s: %w", s.Name, cmd.Line, cmd.Verb, err)
		case over:
			return c.Close()
		}
	}
	return c.Close()
}
