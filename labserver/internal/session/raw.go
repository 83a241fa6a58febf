package session

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
)

// RawCommand tells a raw client what to do.
type RawCommand struct {
	Client   string       `json:"client"`
	Round    int          `json:"round"` // round, as in recording.Info
	Do       string       `json:"do"`    // open, bytes, close
	Endpoint string       `json:"endpoint"`
	Method   string       `json:"method"`
	Proto    string       `json:"proto"`
	Fields   [][2]*string `json:"fields"` // name and value; null as value removes the field
	Hex      string       `json:"hex"`
}

// rawClient is a raw client of the session. Raw is nil while the client connects, and for
// a client that only sends.
type rawClient struct {
	*scenario.Raw
	round int // round, as in recording.Info
}

// Raw carries out c with the raw client called c.Client. addr is the address of the lab
// server.
func (s *Session) Raw(c RawCommand, addr string) error {
	switch c.Do {
	case "open":
		return s.openRaw(c, addr)
	case "bytes":
		b, err := scenario.ParseHex(c.Hex)
		if err != nil {
			return err
		}
		raw, err := s.raw(c.Client)
		if err != nil {
			return err
		}
		if len(b) == 0 {
			return &CommandError{"There are no bytes to send.", "Write them as hex, for instance 81 05 48 65 6c 6c 6f."}
		}
		if err := raw.Bytes(b); err != nil {
			return &CommandError{"The raw client could not send the bytes: " + err.Error() + ".", "The server has closed the connection. Open another connection."}
		}
		return nil
	case "close":
		raw, err := s.raw(c.Client)
		if err != nil {
			return err
		}
		s.forget(c.Client, raw)
		raw.Close()
		return nil
	}
	return &CommandError{fmt.Sprintf("%.40q is not a command to a raw client.", c.Do), `Use "open", "bytes" or "close".`}
}

func (s *Session) raw(client string) (*scenario.Raw, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	if c := s.raws[client]; c.Raw != nil {
		return c.Raw, nil
	}
	return nil, &CommandError{fmt.Sprintf("There is no raw client called %.40q with an open connection.", client), "Open a connection. An earlier one has been closed."}
}

// forget removes the raw client called client if raw is still its connection.
func (s *Session) forget(client string, raw *scenario.Raw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raws[client].Raw == raw {
		delete(s.raws, client)
	}
}

func (s *Session) openRaw(c RawCommand, addr string) error {
	if _, err := endpoint.Find(c.Endpoint); err != nil {
		return &CommandError{"The lab has no endpoint called " + cut(c.Endpoint, 40) + ".", err.Error()}
	}
	opening := scenario.DefaultOpening()
	if c.Method != "" {
		opening.Method = c.Method
	}
	if c.Proto != "" {
		opening.Proto = c.Proto
	}
	for _, f := range c.Fields {
		switch {
		case f[0] == nil:
			return &CommandError{"A header field has no name.", `Write each field as ["Name", "value"].`}
		case f[1] == nil:
			opening.Remove(*f[0])
		default:
			opening.Set(*f[0], *f[1])
		}
	}
	if err := s.reserve(c.Client, c.Round); err != nil {
		return err
	}
	log := s.log(c.Client)
	conn, err := s.dialer(addr)(s.ctx)
	if err != nil {
		s.forget(c.Client, nil)
		return &CommandError{"The raw client could not connect to the lab server: " + err.Error() + ".", "Check that the lab server is running."}
	}
	target := s.target(c.Endpoint, c.Client)
	log("dial", target, -1)
	raw, err := scenario.NewRaw(conn, opening, target, addr, log)
	if err != nil {
		s.forget(c.Client, nil)
		return &CommandError{"The raw client could not send its opening handshake: " + err.Error() + ".", "Open the connection again."}
	}
	raw.Use(&s.clock)
	s.mu.Lock()
	ended := s.raws == nil
	if !ended {
		s.raws[c.Client] = rawClient{raw, c.Round}
		s.work.Go(func() {
			raw.EOF(s.ctx) // wait until the server has closed, or the session ends
			raw.Close()
			s.forget(c.Client, raw)
		})
	}
	s.mu.Unlock()
	if ended {
		raw.Close()
		return errEnded
	}
	return nil
}

// reserve adds a raw client called client, which will then connect in that round.
func (s *Session) reserve(client string, round int) error {
	if err := named(client); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, taken := s.raws[client]
	switch {
	case s.raws == nil:
		return errEnded
	case taken:
		return &CommandError{fmt.Sprintf("A raw client called %.40q already exists.", client), "Close it, or choose another name."}
	case len(s.raws) >= maxRawClients:
		return &CommandError{fmt.Sprintf("This session has its limit of %d raw clients.", maxRawClients), "Close one of them."}
	}
	s.raws[client] = rawClient{round: round}
	return nil
}

// named checks the name of a raw client.
func named(client string) error {
	if client == "" || len(client) > MaxClient {
		return &CommandError{fmt.Sprintf("The name of the client has %d bytes.", len(client)), fmt.Sprintf("Use 1 to %d bytes.", MaxClient)}
	}
	return nil
}

// target returns the request target of endpoint, with this session in its query.
func (s *Session) target(endpoint, client string) string {
	return "/ws/" + endpoint + "?session=" + url.QueryEscape(s.ID) + "&client=" + url.QueryEscape(client)
}

// log returns a scenario.Log that records for client.
func (s *Session) log(client string) scenario.Log {
	return func(what, text string, size int) {
		script := &recording.Script{Client: client, What: what, Text: cut(text, maxScriptText)}
		if size >= 0 {
			n := int64(size)
			script.Size = &n
		}
		if what == "read" {
			s.settle(client) // the recording must have the server's frame first
		}
		s.Rec.Report(s.Rec.Now(), script)
	}
}

// settle waits until the recording has all bytes that client can have received.
func (s *Session) settle(client string) {
	s.mu.Lock()
	i := slices.IndexFunc(s.live, func(l *live) bool { return l.rec.Info.Client == client })
	var conn *tap.Conn
	if i >= 0 {
		conn = s.live[i].conn
	}
	s.mu.Unlock()
	if conn != nil {
		conn.Settle()
	}
}

// dial connects to the lab server at addr.
type dial func(ctx context.Context, addr string) (net.Conn, error)

func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	return d.DialContext(ctx, "tcp", addr)
}

// dialer returns a function by which a raw client dials the lab server.
func (s *Session) dialer(addr string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := s.dial(ctx, addr)
		if err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.dialed) >= maxDialed {
				clear(s.dialed)
			}
			s.dialed[conn.LocalAddr().String()] = true
		}
		return conn, err
	}
}

// Dialed reports whether a raw client of s has opened the connection from the address
// remote, and no other call of Dialed or Serve has seen that connection. Only s can open
// such a connection. A page of another site cannot.
func (s *Session) Dialed(remote string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	dialed := s.dialed[remote]
	delete(s.dialed, remote)
	return dialed
}
