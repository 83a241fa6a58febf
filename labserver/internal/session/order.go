package session

import (
	"fmt"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/scenario"
	"wslab/reference/wire"
)

// Command is what a server is told to send.
type Command struct {
	Client string   `json:"client"`
	Do     string   `json:"do"` // text, binary, fragments, ping, pong, close
	Text   string   `json:"text"`
	Hex    string   `json:"hex"`
	Parts  []string `json:"parts"`
	Code   *int     `json:"code"` // nil: a Close frame without a body
	Reason string   `json:"reason"`
}

// Order has the server at the other end of c.Client's connection do c. It
// returns once that has begun; the outcome is in the recording.
func (s *Session) Order(c Command) error {
	do, err := c.action()
	if err != nil {
		return err
	}
	server, err := s.server(c.Client)
	if err != nil {
		return err
	}
	// In the background: at a shut valve a send waits until it is released.
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start(func() { do(server) }) // the outcome is recorded as the call's return
}

// openGrace is how long an order waits for a handshake that is under way. A
// client has read the 101 a little before the server's code gets back the
// connection that it opened.
const openGrace = time.Second

// server returns the server's end of the newest connection of client.
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
		return nil, &CommandError{fmt.Sprintf("There is no open connection called %.40q.", client), "Connect first."}
	}
	select {
	case <-newest.opened:
	case <-time.After(openGrace):
	case <-s.ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if newest.server == nil {
		return nil, &CommandError{fmt.Sprintf("The handshake of %.40q is not done.", client), "If it is held, let it go; if it was refused, connect anew."}
	}
	return newest.server, nil
}

// start runs task in the background. s.mu is held.
func (s *Session) start(task func()) error {
	if s.ctx.Err() != nil {
		return errEnded
	}
	if s.tasks >= maxTasks {
		return &CommandError{fmt.Sprintf("%d orders and scenarios of this session wait for their turn already.", maxTasks), "Release what is held at the valve."}
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

// action checks c and returns what does it.
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
			return nil, &CommandError{fmt.Sprintf("A message cannot be sent in %d parts here.", len(c.Parts)), "Give 1 to 64 parts."}
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
				return nil, &CommandError{fmt.Sprintf("%d is no close code: it has 16 bits.", *c.Code), "Give a number from 0 to 65535."}
			}
			code = wire.CloseCode(*c.Code)
		} else if c.Reason != "" {
			return nil, &CommandError{"A reason needs a code: it stands behind it in the Close frame.", "Give a code, or leave the reason out."}
		}
		return func(server endpoint.Server) error { return server.Close(code, c.Reason) }, nil
	}
	return nil, &CommandError{fmt.Sprintf("A server cannot be told to %.40q.", c.Do), `It can send "text", "binary", "fragments", "ping", "pong" and "close".`}
}
