package endpoint

import (
	"net/http"
	"sync"
	"time"

	"wslab/compare/recording"
	"wslab/reference"
	"wslab/reference/wire"
)

// serveReference is Endpoint.Serve of package reference.
func serveReference(w http.ResponseWriter, r *http.Request, rec *recording.Connection, opened func(Server)) {
	rec.OwnState()
	upgrader := reference.Upgrader{Options: reference.Options{
		MaxMessage:   MaxMessage,
		WriteTimeout: writeTimeout,
		CloseTimeout: closeTimeout,
		HoldFlush:    -1, // each call's octets are to be seen by themselves
		Observe:      func(o reference.Observation) { rec.Observed(state(o)) },
	}}
	call := rec.Enter("Upgrade", "")
	conn, err := upgrader.Upgrade(w, r)
	if err != nil {
		call.Return("", err)
		return
	}
	call.Return("a *reference.Conn", nil)
	defer conn.CloseNow()
	server := &referenceServer{conn: conn, rec: rec}
	// Reading ends as soon as this side closes; the closing handshake is then
	// Close's, and must not be cut short.
	defer func() {
		server.closing.Lock()
		defer server.closing.Unlock()
	}()
	opened(server)
	for {
		conn.SetReadDeadline(time.Now().Add(IdleTimeout))
		call := rec.Enter("ReadMessage", "")
		op, p, err := conn.ReadMessage()
		if err != nil {
			call.Return("", err)
			return
		}
		call.Return(describe(op, len(p)), nil)
		if err := server.Send(op, p); err != nil {
			return
		}
	}
}

type referenceServer struct {
	conn    *reference.Conn
	rec     *recording.Connection
	closing sync.Mutex // held while Close runs
}

func (s *referenceServer) Send(op wire.Opcode, parts ...[]byte) error {
	name, size := "WriteMessage", 0
	if len(parts) != 1 {
		name = "WriteFragments"
	}
	for _, p := range parts {
		size += len(p)
	}
	call := s.rec.Enter(name, describe(op, size))
	err := s.conn.WriteFragments(op, parts...)
	call.Return("nil", err)
	return err
}

func (s *referenceServer) Control(op wire.Opcode, payload []byte) error {
	name, send := "Ping", s.conn.Ping
	if op == wire.Pong {
		name, send = "Pong", s.conn.Pong
	}
	call := s.rec.Enter(name, describe(op, len(payload)))
	err := send(payload)
	call.Return("nil", err)
	return err
}

func (s *referenceServer) Close(code wire.CloseCode, reason string) error {
	s.closing.Lock()
	defer s.closing.Unlock()
	call := s.rec.Enter("Close", code.String())
	err := s.conn.Close(code, reason)
	call.Return("nil", err)
	return err
}

// state puts the Machine's state into the words of a recording.
func state(o reference.Observation) recording.State {
	m := &recording.Machine{Fragments: o.Fragments, Octets: o.Octets, CloseSent: o.CloseSent, CloseReceived: o.CloseReceived}
	if o.Message != wire.Continuation {
		m.Message = o.Message.String()
	}
	return recording.State{Side: wire.Server.String(), State: o.State.String(), Was: o.Was.String(), Why: o.Why, Machine: m}
}
