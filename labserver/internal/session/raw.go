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

// RawCommand is what a raw client is told to do.
type RawCommand struct {
	Client   string       `json:"client"`
	Round    int          `json:"round"` // as recording.Info has it
	Do       string       `json:"do"`    // open, bytes, close
	Endpoint string       `json:"endpoint"`
	Method   string       `json:"method"`
	Proto    string       `json:"proto"`
	Fields   [][2]*string `json:"fields"` // name and value; a null value removes the field
	Hex      string       `json:"hex"`
}

// rawClient is a raw client that the session opens. Raw is nil while it is being
// opened, and of one that only sends.
type rawClient struct {
	*scenario.Raw
	round int // as recording.Info has it
}

// Raw does c with the raw client that it names. addr is the lab server's own
// address.
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
			return &CommandError{"There are no bytes to send.", "Write them as hex: 81 05 48 65 6c 6c 6f."}
		}
		if err := raw.Bytes(b); err != nil {
			return &CommandError{"The bytes could not be written: " + err.Error() + ".", "The server has ended the connection. Open another."}
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
	return &CommandError{fmt.Sprintf("A raw client cannot %.40q.", c.Do), `It can "open", send "bytes" and "close".`}
}

func (s *Session) raw(client string) (*scenario.Raw, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	if c := s.raws[client]; c.Raw != nil {
		return c.Raw, nil
	}
	return nil, &CommandError{fmt.Sprintf("There is no raw client called %.40q with a connection.", client), "Open one; if there was one, it has ended."}
}

// forget makes room for another raw client, when raw is still the one called
// client.
func (s *Session) forget(client string, raw *scenario.Raw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raws[client].Raw == raw {
		delete(s.raws, client)
	}
}

func (s *Session) openRaw(c RawCommand, addr string) error {
	if _, err := endpoint.Find(c.Endpoint); err != nil {
		return &CommandError{"There is no endpoint called " + cut(c.Endpoint, 40) + ".", err.Error()}
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
			return &CommandError{"A header field has no name.", `Write fields as ["Name", "value"].`}
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
	conn, err := s.dial(s.ctx, addr)
	if err != nil {
		s.forget(c.Client, nil)
		return &CommandError{"The lab server could not be reached: " + err.Error() + ".", "Is it still running?"}
	}
	target := s.target(c.Endpoint, c.Client)
	log("dial", target, -1)
	raw, err := scenario.NewRaw(conn, opening, target, addr, log)
	if err != nil {
		s.forget(c.Client, nil)
		return &CommandError{"The handshake could not be written: " + err.Error() + ".", "Open the connection again."}
	}
	raw.Use(&s.clock)
	s.mu.Lock()
	ended := s.raws == nil
	if !ended {
		s.raws[c.Client] = rawClient{raw, c.Round}
		s.work.Go(func() {
			raw.EOF(s.ctx) // the server has closed, or the session ends
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

// reserve keeps the name client for a raw client that is about to be opened, in a
// round as recording.Info has it.
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
		return &CommandError{fmt.Sprintf("There is a raw client called %.40q already.", client), "Close it, or choose another name."}
	case len(s.raws) >= maxRawClients:
		return &CommandError{fmt.Sprintf("This session has %d raw clients, which is the most it may have.", maxRawClients), "Close one of them."}
	}
	s.raws[client] = rawClient{round: round}
	return nil
}

// named checks the name of a client that the session itself opens.
func named(client string) error {
	if client == "" || len(client) > MaxClient {
		return &CommandError{fmt.Sprintf("A client cannot have a name of %d bytes.", len(client)), fmt.Sprintf("Give it 1 to %d.", MaxClient)}
	}
	return nil
}

// target is the request target that leads to endpoint and back to this session.
func (s *Session) target(endpoint, client string) string {
	return "/ws/" + endpoint + "?session=" + url.QueryEscape(s.ID) + "&client=" + url.QueryEscape(client)
}

// log returns a scenario.Log that records under the name client.
func (s *Session) log(client string) scenario.Log {
	return func(what, text string, size int) {
		script := &recording.Script{Client: client, What: what, Text: cut(text, maxScriptText)}
		if size >= 0 {
			n := int64(size)
			script.Size = &n
		}
		if what == "read" {
			s.settle(client) // the server's frame stands above it
		}
		s.Rec.Report(s.Rec.Now(), script)
	}
}

// settle waits until what client can have received is recorded.
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

// dial connects to the lab server, which listens at addr.
type dial func(ctx context.Context, addr string) (net.Conn, error)

func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	return d.DialContext(ctx, "tcp", addr)
}

// dialer returns how a raw client reaches the lab server itself.
func (s *Session) dialer(addr string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return s.dial(ctx, addr) }
}
