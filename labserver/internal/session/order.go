package session

import (
	"fmt"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/scenario"
	"wslab/reference/wire"
)

// Command tells a server what to send.
type Command struct {
	Client string   `json:"client"`
	Do     string   `json:"do"` // text, binary, fragments, ping, pong, close
	Text   string   `json:"text"`
	Hex    string   `json:"hex"`
	Parts  []string `json:"parts"`
	Code   *int     `json:"code"` // nil: a Close frame without a body
	Reason string   `json:"reason"`
}

// Order has the server of c.Client's connection do c. It returns when the server has
// begun. The recording shows the outcome.
func (s *Session) Order(c Command) error {
	do, err := c.action()
	if err != nil {
		return err
	}
	server, err := s.server(c.Client)
	if err != nil {
		return err
	}
	// Run in the background, because a send that is held waits for its release.
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start(func() { do(server) }) // the recording shows the result of the call
}

// openGrace is how long an order waits for an opening handshake in progress. It is needed
// because a client can read the 101 before the server's code has the connection.
const openGrace = time.Second

// server returns the server of the newest connection of client.
func (s *Session) server(client string) (endpoint.Server, error) {
	s.mu.Lock()
	s.used = time.Now()
	var newest *live
	for _, l := range s.live {
		if l.rec.Info.Client == client && !l.conn.Status().Closed {
			newest = l
		}
	}
	s.mu.Unlock()
	if newest == nil {
		return nil, &CommandError{fmt.Sprintf("This session has no open connection called %.40q.", client), "Connect first."}
	}
	select {
	case <-newest.opened:
	case <-time.After(openGrace):
	case <-s.ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if newest.server == nil {
		return nil, &CommandError{fmt.Sprintf("The opening handshake of %.40q is not finished.", client), "If it is held, release it. If the server refused it, connect again."}
	}
	return newest.server, nil
}

// start runs task in the background. The caller holds s.mu.
func (s *Session) start(task func()) error {
	if s.ctx.Err() != nil {
		return errEnded
	}
	if s.tasks >= maxTasks {
		return &CommandError{fmt.Sprintf("This session already has %d actions waiting.", maxTasks), "Release the held frames first."}
	}
	s.tasks++
	s.work.Go(func() {
		task()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tasks--
	})
	return nil
}

// action checks c and returns a function that does it.
func (c Command) action() (func(endpoint.Server) error, error) {
	payload := []byte(c.Text)
	if c.Hex != "" {
		b, err := scenario.ParseHex(c.Hex)
		if err != nil {
			return nil, err
		}
		payload = b
	}
	switch c.Do {
	case "text":
		return func(server endpoint.Server) error { return server.Send(wire.Text, payload) }, nil
	case "binary":
		return func(server endpoint.Server) error { return server.Send(wire.Binary, payload) }, nil
	case "fragments":
		if len(c.Parts) == 0 || len(c.Parts) > 64 {
			return nil, &CommandError{fmt.Sprintf("%d is not a possible number of fragments.", len(c.Parts)), "Send 1 to 64 fragments."}
		}
		var parts [][]byte
		for _, p := range c.Parts {
			parts = append(parts, []byte(p))
		}
		return func(server endpoint.Server) error { return server.Send(wire.Text, parts...) }, nil
	case "ping":
		return func(server endpoint.Server) error { return server.Control(wire.Ping, payload) }, nil
	case "pong":
		return func(server endpoint.Server) error { return server.Control(wire.Pong, payload) }, nil
	case "close":
		code := wire.NoStatusReceived
		if c.Code != nil {
			if *c.Code < 0 || *c.Code > 0xFFFF {
				return nil, &CommandError{fmt.Sprintf("%d is not a close code.", *c.Code), "Use a number from 0 to 65535."}
			}
			code = wire.CloseCode(*c.Code)
		} else if c.Reason != "" {
			return nil, &CommandError{"A reason without a code is not possible, because the code comes first in the body of a Close frame.", "Give a code, or leave the reason out."}
		}
		return func(server endpoint.Server) error { return server.Close(code, c.Reason) }, nil
	}
	return nil, &CommandError{fmt.Sprintf("%.40q is not a command to a server.", c.Do), `Use "text", "binary", "fragments", "ping", "pong" or "close".`}
}
