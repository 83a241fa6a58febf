package endpoint

import (
	"cmp"
	"errors"
	"net/http"
	"sync"
	"time"

	"wslab/compare/recording"
	"wslab/reference"
	"wslab/reference/wire"
)

// performReference is Endpoint.Perform of package reference.
func performReference(w http.ResponseWriter, r *http.Request, rec *recording.Connection, setup Setup, opened func(Actor)) {
	rec.OwnState()
	server := &referenceServer{socket: newSocket(rec)}
	upgrader := reference.Upgrader{CheckOrigin: originCheck(setup), Options: reference.Options{
		MaxMessage:   limitOf(setup),
		WriteTimeout: writeTimeout,
		CloseTimeout: noTimeout, // Close has closeTimeout
		HoldFlush:    -1,        // the bytes of each call must leave separately
		Observe:      func(o reference.Observation) { rec.Observed(state(o)) },
		OnControl:    server.pulse.heard,
		Misbehave:    reference.Misbehave{IgnoreClose: setup.IgnoreClose, KeepTCP: setup.KeepTCP || setup.IgnoreClose},
	}}
	call := rec.Enter(opens("Upgrade"))
	conn, err := upgrader.Upgrade(w, r)
	if err != nil {
		call.Return("", err)
		return
	}
	call.Return("a *reference.Conn", nil)
	server.conn, server.socket.conn = conn, conn.NetConn()
	defer conn.CloseNow()
	// Reading ends as soon as this side closes. Close is then still doing the closing
	// handshake, so wait for Close.
	defer func() {
		server.closing.Lock()
		defer server.closing.Unlock()
	}()
	opened(server)
	perform(server, setup)
}

type referenceServer struct {
	*socket
	conn    *reference.Conn
	closing sync.Mutex // locked while Close runs
}

func (s *referenceServer) next(within time.Duration) (wire.Opcode, []byte, error) {
	s.conn.SetReadDeadline(time.Now().Add(within))
	call := s.rec.Enter(reads("ReadMessage"))
	op, p, err := s.conn.ReadMessage()
	if byFrame(err) {
		call.Failed(err)
	} else {
		call.Return(message(op, p, err), err)
	}
	return op, p, err
}

// Read calls the library, which itself closes TCP.
func (s *referenceServer) Read(within time.Duration) error {
	_, _, err := s.next(cmp.Or(within, IdleTimeout))
	return err
}

// SayClose writes past the Machine. The Machine refuses some payloads, and would wait for
// the answering Close frame.
func (s *referenceServer) SayClose(payload []byte) error {
	h := wire.Header{Fin: true, Opcode: wire.Close, Form: wire.Length7, Length: uint64(len(payload))}
	call := s.rec.Enter(writes("WriteRawClose", describe(wire.Close, len(payload)), recording.Frame(wire.Close, payload)))
	err := s.conn.WriteRawClose(append(h.Append(nil), payload...))
	call.Return("nil", err)
	return err
}

func (s *referenceServer) HangUp(payload []byte) error {
	return errors.Join(s.SayClose(payload), s.TCPClose())
}

func (s *referenceServer) Bytes(b []byte) error {
	call := s.rec.Enter(writes("WriteRaw", recording.ByteCount(len(b)), recording.Writes{Bytes: b}))
	err := s.conn.WriteRaw(b)
	call.Return("nil", err)
	return err
}

// TCPClose also tells the Machine.
func (s *referenceServer) TCPClose() error {
	if s.conn.State() == reference.Closed {
		return s.socket.TCPClose()
	}
	call := s.rec.Enter(onSocket(recording.VerbClose, "net.Conn.Close"))
	err := s.conn.CloseNow()
	call.Return("nil", err)
	return err
}

// TCPReset also tells the Machine.
func (s *referenceServer) TCPReset() error {
	err := s.socket.TCPReset()
	s.conn.CloseNow()
	return err
}

func (s *referenceServer) Send(op wire.Opcode, parts ...[]byte) error {
	name, size := "WriteMessage", 0
	if len(parts) != 1 {
		name = "WriteFragments"
	}
	for _, p := range parts {
		size += len(p)
	}
	call := s.rec.Enter(writes(name, describe(op, size), recording.Fragments(op, parts)))
	err := s.conn.WriteFragments(op, parts...)
	call.Return("nil", err)
	return err
}

// AtOnce calls WriteMessage twice. The reference sends one message after the other.
func (s *referenceServer) AtOnce(op wire.Opcode, first, second []byte) error {
	return s.atOnce(first, second, false, func(p []byte) error { return s.Send(op, p) })
}

func (s *referenceServer) Control(op wire.Opcode, payload []byte) error {
	name, send := "Ping", s.conn.Ping
	if op == wire.Pong {
		name, send = "Pong", s.conn.Pong
	}
	call := s.rec.Enter(writes(name, describe(op, len(payload)), recording.Frame(op, payload)))
	err := send(payload)
	call.Return("nil", err)
	return err
}

func (s *referenceServer) Close(code wire.CloseCode, reason string) error {
	s.closing.Lock()
	defer s.closing.Unlock()
	call := s.rec.Enter(closes("Close", code.String(), recording.Frame(wire.Close, wire.ClosePayload{Code: code, Reason: reason}.Append(nil))))
	late := clockOf(s.socket.conn).AfterFunc(closeTimeout, func() { s.socket.conn.SetDeadline(time.Unix(1, 0)) })
	err := s.conn.Close(code, reason)
	late.Stop()
	call.Return("nil", err)
	return err
}

// state converts the Machine's state for a recording.
func state(o reference.Observation) recording.State {
	m := &recording.Machine{Fragments: o.Fragments, Bytes: o.Bytes, CloseSent: o.CloseSent, CloseReceived: o.CloseReceived}
	if o.Message != wire.Continuation {
		m.Message = o.Message.String()
	}
	return recording.State{Side: wire.Server.String(), State: o.State.String(), Was: o.Was.String(), Why: o.Why, Machine: m}
}
