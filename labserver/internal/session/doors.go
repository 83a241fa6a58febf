package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
	"wslab/labserver/internal/doors"
	"wslab/reference/wire"
)

// Limits of a run.
const (
	maxDoorRequest = 32 << 10 // bytes
	doorTimeout    = 20 * time.Second
)

// DoorRun says which bytes raw clients send to the doors, all at once.
type DoorRun struct {
	Run   string `json:"run"`   // one of endpoint.DoorRuns
	Round int    `json:"round"` // round, as in recording.Info
	Cut   int    `json:"cut"`   // bytes of the first segment of endpoint.DoorCutAt
	Size  int    `json:"size"`  // bytes of the request of endpoint.DoorLong, Size and Naive
}

// A DoorClient is a raw client of a run.
type DoorClient struct {
	Endpoint string `json:"endpoint"`
	Client   string `json:"client"`
}

// Doors starts a run on the doors at d, and returns its clients. The recording shows the
// run. The name of a client is RUN-ENDPOINT-ROUND.
func (s *Session) Doors(d *doors.Doors, run DoorRun) ([]DoorClient, error) {
	ends := []string{endpoint.Listener, endpoint.NetHTTP}
	if run.Run == endpoint.DoorNaive {
		ends = []string{endpoint.Naive}
	}
	// Refuse a run that is not possible before a client connects. The system chooses ports
	// of five digits.
	if _, _, err := run.bytes("127.0.0.1:00000"); err != nil {
		return nil, err
	}
	var clients []DoorClient
	undo := func() {
		for _, c := range clients {
			s.forget(c.Client, nil)
		}
	}
	for _, name := range ends {
		c := DoorClient{name, fmt.Sprintf("%s-%s-%d", run.Run, name, run.Round)}
		if err := s.reserve(c.Client, run.Round); err != nil {
			undo()
			return nil, err
		}
		clients = append(clients, c)
	}
	s.mu.Lock()
	s.used = time.Now()
	err := s.start(func() {
		defer undo()
		var both sync.WaitGroup
		for _, c := range clients {
			both.Go(func() {
				log := s.log(c.Client)
				if err := s.knock(d, run, c, log); err != nil {
					log("error", tap.Plain(err), -1)
				}
			})
		}
		both.Wait()
	})
	s.mu.Unlock()
	if err != nil {
		undo()
		return nil, err
	}
	return clients, nil
}

// bytes returns the bytes before the response: those of the first segment, and those of
// the second segment, if any.
func (run DoorRun) bytes(host string) (first, second []byte, err error) {
	opening := scenario.DefaultOpening()
	switch run.Run {
	case endpoint.DoorWhole, endpoint.DoorCut, endpoint.DoorCutAt, endpoint.DoorGlued:
	case endpoint.DoorPage:
		opening.Fields = []wire.Field{{Name: "Connection", Value: "close"}}
		return opening.Request("/", host), nil, nil
	case endpoint.DoorLong, endpoint.DoorSize, endpoint.DoorNaive:
		// A browser sends all cookies of a site, so a real request is long because of them.
		opening.Set("Cookie", "")
		least := len(opening.Request(endpoint.DoorPath, host)) + 1
		if run.Size < least || run.Size > maxDoorRequest {
			return nil, nil, &CommandError{fmt.Sprintf("The request cannot have %d bytes.", run.Size), fmt.Sprintf("Use a number from %d to %d.", least, maxDoorRequest)}
		}
		opening.Set("Cookie", strings.Repeat("a", run.Size-least+1))
	default:
		return nil, nil, &CommandError{fmt.Sprintf("%.40q is not a run of the listeners.", run.Run), "Use one of " + strings.Join(endpoint.DoorRuns, ", ") + "."}
	}
	request := opening.Request(endpoint.DoorPath, host)
	switch run.Run {
	case endpoint.DoorCut:
		at := bytes.Index(request, []byte("Upgrade:")) + len("Upg")
		return request[:at], request[at:], nil
	case endpoint.DoorCutAt:
		if run.Cut < 1 || run.Cut >= len(request) {
			return nil, nil, &CommandError{fmt.Sprintf("The request has %d bytes, so it cannot be cut after byte %d.", len(request), run.Cut), fmt.Sprintf("Use a number from 1 to %d.", len(request)-1)}
		}
		return request[:run.Cut], request[run.Cut:], nil
	case endpoint.DoorGlued:
		return scenario.AppendFrame(request, wire.Text, true, []byte("Hello")), nil, nil
	}
	return request, nil, nil
}

// knock carries out run with the raw client c.
func (s *Session) knock(d *doors.Doors, run DoorRun, c DoorClient, log scenario.Log) error {
	ctx, stop := s.clock.WithTimeout(s.ctx, doorTimeout, errors.New("the run took too long"))
	defer stop()
	path := endpoint.DoorPath
	if run.Run == endpoint.DoorPage {
		path = "/"
	}
	log("dial", path, -1)
	arrived := make(chan *live, 1) // nil if the session refuses the connection
	conn, err := d.Dial(ctx, c.Endpoint, func(nc net.Conn) *endpoint.Door {
		l, door := s.arrive(nc, recording.Info{Endpoint: c.Endpoint, Client: c.Client, As: recording.AsRaw, Round: run.Round, Path: path})
		arrived <- l
		return door
	})
	if err != nil {
		return err
	}
	l, err := received(ctx, arrived)
	if err != nil || l == nil {
		conn.Close()
		return err
	}
	first, second, err := run.bytes(conn.RemoteAddr().String())
	if err != nil {
		conn.Close()
		return err
	}
	raw, err := scenario.NewRawBytes(conn, first, log)
	if err != nil {
		return err
	}
	defer raw.Close()
	raw.Use(&s.clock)
	if second != nil {
		if err := until(ctx, func() bool { return rests(l, raw) }); err != nil { // otherwise one Read could return both segments
			return err
		}
		if err := raw.Bytes(second); err != nil {
			return err
		}
	}
	if status, err := raw.Status(ctx); err != nil || status != 101 {
		return errors.Join(err, raw.EOF(ctx))
	}
	if run.Run != endpoint.DoorGlued {
		if err := raw.Frame(wire.Text, []byte("Hello")); err != nil {
			return err
		}
	}
	if err := until(ctx, func() bool { return rests(l, raw) }); err != nil {
		return err
	}
	if !raw.Progress().Ended {
		if err := raw.Frame(wire.Close, wire.ClosePayload{Code: wire.NormalClosure}.Append(nil)); err != nil {
			return nil // the server has closed the connection, and the log says so
		}
	}
	if err := until(ctx, func() bool { return raw.Progress().Ended || c.Endpoint == endpoint.Naive && rests(l, raw) }); err != nil {
		return err
	}
	return nil
}

// arrive begins to record nc, which a door has accepted. If the session has no room, arrive
// returns nil.
func (s *Session) arrive(nc net.Conn, info recording.Info) (*live, *endpoint.Door) {
	l := &live{conn: tap.New(nc), opened: make(chan struct{}), gone: make(chan struct{})}
	info.Local, info.Remote = nc.LocalAddr().String(), nc.RemoteAddr().String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil || len(s.live) >= maxConnections {
		return nil, nil
	}
	s.record(l, info, nil)
	return l, &endpoint.Door{Conn: l.conn, Rec: l.rec, Opened: func(server endpoint.Server) {
		s.opened(l, server)
		close(l.opened)
	}}
}

// received returns the next value of c, or the cause of the end of ctx.
func received[T any](ctx context.Context, c <-chan T) (v T, err error) {
	select {
	case v = <-c:
		return v, nil
	case <-ctx.Done():
		return v, context.Cause(ctx)
	}
}

// rests reports whether the server has read all bytes of raw and waits for more, and raw
// has read all bytes of the server. If the connection has ended, rests returns true.
func rests(l *live, raw *scenario.Raw) bool {
	there, here := l.conn.Status(), raw.Progress()
	return here.Ended || there.Reading && there.In >= here.Written && here.Read >= there.Out
}

// until waits until there returns true.
func until(ctx context.Context, there func() bool) error {
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !there() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
