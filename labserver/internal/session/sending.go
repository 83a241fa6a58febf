package session

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// Sending has the bytes that a peer sends to an endpoint after the opening handshake, one
// TCP write for each part.
type Sending struct {
	Endpoint string
	Parts    [][]byte
}

// sendingTimeout limits the opening handshake of a sending. sendingQuiet is how long a
// sending waits for the end of the connection after its last part.
const (
	sendingTimeout = 5 * time.Second
	sendingQuiet   = time.Second
)

// SendToServer sends as a client to the server called sending.Endpoint. It returns at once.
// The recording shows the outcome. addr is the address of the lab server.
func (s *Session) SendToServer(sending Sending, addr string) error {
	if _, err := endpoint.Find(sending.Endpoint); err != nil {
		return &CommandError{"The lab has no endpoint called " + cut(sending.Endpoint, 40) + ".", err.Error()}
	}
	client := "raw-" + sending.Endpoint + "-1"
	if err := s.reserve(client, 0); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	err := s.start(func() {
		defer s.forget(client, nil)
		log := s.log(client)
		if err := s.toServer(sending, client, addr, log); err != nil {
			log("error", err.Error(), -1)
		}
	})
	if err != nil {
		delete(s.raws, client)
	}
	return err
}

func (s *Session) toServer(sending Sending, client, addr string, log scenario.Log) error {
	ctx, cancel := context.WithTimeout(s.ctx, sendingTimeout)
	defer cancel()
	conn, err := s.dialer(addr)(ctx)
	if err != nil {
		return err
	}
	target := s.target(sending.Endpoint, client)
	log("dial", target, -1)
	raw, err := scenario.NewRaw(conn, scenario.DefaultOpening(), target, addr, log)
	if err != nil {
		return err
	}
	defer raw.Close()
	if status, err := raw.Status(ctx); err != nil || status != http.StatusSwitchingProtocols {
		return err
	}
	for _, part := range sending.Parts {
		if raw.Bytes(part) != nil {
			break // the server has closed the connection, and the log says so
		}
	}
	quiet, done := context.WithTimeout(s.ctx, sendingQuiet)
	defer done()
	_ = raw.EOF(quiet) // a connection that stays open is also an outcome
	return nil
}

// SendToClient starts the client called sending.Endpoint and sends to it as a server. It
// returns at once. The recording shows the outcome, as the server saw it.
func (s *Session) SendToClient(sending Sending, _ string) error {
	for _, c := range endpoint.Clients() {
		if c.Name != sending.Endpoint {
			continue
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.used = time.Now()
		return s.start(func() {
			if err := s.toClient(sending, c); err != nil {
				s.log(c.Name)("error", err.Error(), -1)
			}
		})
	}
	return &CommandError{"The lab has no client called " + cut(sending.Endpoint, 40) + ".", "Use " + strings.Join(endpoint.Names(endpoint.Clients()), " or ") + "."}
}

// tapClient returns conn, the client's end of the connection that rec records. If s
// records stacks, rec receives those of the client.
func (s *Session) tapClient(conn net.Conn, rec *recording.Connection) net.Conn {
	stack, sip := s.Reading()
	if !stack && sip == 0 {
		return conn
	}
	tapped := tap.New(conn)
	if stack {
		rec.Stacks(true)
		tapped.Callers(rec.PeerStack)
	}
	tapped.Attach(tap.Unrecorded{}, false)
	tapped.Sip(sip)
	return tapped
}

func (s *Session) toClient(sending Sending, client endpoint.Endpoint) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	near, err := net.DialTimeout("tcp", l.Addr().String(), sendingTimeout) // the kernel accepts it
	if err != nil {
		return err
	}
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(sendingTimeout)); err != nil {
		near.Close()
		return err
	}
	nc, err := l.Accept()
	if err != nil {
		near.Close()
		return err
	}
	conn := tap.New(nc)
	rec := s.Rec.Connect(recording.Info{
		Endpoint: "raw server", Client: client.Name, As: recording.AsOutside, Path: "/",
		Local: nc.LocalAddr().String(), Remote: nc.RemoteAddr().String(),
	}, wire.Server)
	near = s.tapClient(near, rec)
	ended := make(chan error, 1)
	go func() { ended <- client.Echo(near, "ws://"+l.Addr().String()+"/") }()
	defer func() { <-ended }()
	defer conn.Close()
	defer context.AfterFunc(s.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	conn.Attach(rec, false)
	if err := conn.SetDeadline(time.Now().Add(sendingTimeout)); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	request, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	answer := wire.AppendSwitchingProtocols(nil, request.Header.Get("Sec-WebSocket-Key"))
	for _, part := range append([][]byte{answer}, sending.Parts...) {
		if _, err := conn.Write(part); err != nil {
			break // the client has closed the connection, and the recording says so
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(sendingQuiet)); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, r) // a connection that stays open, or is reset, is also an outcome
	return nil
}
