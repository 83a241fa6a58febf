package endpoint

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// library is the Actor of one library. It has the methods that perform needs.
type library interface {
	Actor
	next(within time.Duration) (wire.Opcode, []byte, error) // reads a message
	wait()
	beat(Setup, Actor) (stop func())
}

// perform is the server's code on an open connection: it echoes, or waits for
// orders.
func perform(s library, setup Setup) {
	if setup.ByHand {
		s.wait()
		return
	}
	defer s.beat(setup, s)()
	for {
		op, p, err := s.next(IdleTimeout)
		if err != nil {
			break
		}
		if s.Send(op, p) != nil {
			return
		}
	}
	if setup.KeepTCP || setup.IgnoreClose {
		// The peer closes TCP, or leaves it open.
		for s.TCPRead() == nil {
		}
		s.TCPClose()
	}
}

// socket is the part of an Actor that all libraries share: the net.Conn below them.
type socket struct {
	conn  net.Conn
	rec   *recording.Connection
	pulse *pulse
	end   func()
	ended chan struct{}
}

func newSocket(rec *recording.Connection) *socket {
	ended := make(chan struct{})
	return &socket{rec: rec, pulse: newPulse(), ended: ended, end: sync.OnceFunc(func() { close(ended) })}
}

// End lets wait return, and closes TCP.
func (s *socket) End() {
	s.end()
	s.conn.Close()
}

// wait returns after End.
func (s *socket) wait() { <-s.ended }

// maxTCPRead limits one read, in bytes.
const maxTCPRead = 4096

func (s *socket) TCPRead() error {
	call := s.rec.Enter(onSocket(recording.VerbRead, "net.Conn.Read"))
	n, err := s.conn.Read(make([]byte, maxTCPRead))
	call.Return(recording.ByteCount(n), err)
	return err
}

func (s *socket) TCPWrite(b []byte) error {
	d := onSocket(recording.VerbWrite, "net.Conn.Write")
	d.Args, d.Writes.Bytes = recording.ByteCount(len(b)), b
	call := s.rec.Enter(d)
	// A library may have left a deadline. For example, gorilla gives its answering Close
	// one second.
	s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := s.conn.Write(b)
	call.Return("nil", err)
	if t, ok := s.conn.(*tap.Conn); ok && err == nil { // the socket may have a FIN that the server has not read
		t.AwaitReset()
	}
	return err
}

func (s *socket) TCPClose() error {
	call := s.rec.Enter(onSocket(recording.VerbClose, "net.Conn.Close"))
	err := s.conn.Close()
	call.Return("nil", err)
	return err
}

func (s *socket) TCPHalf() error {
	call := s.rec.Enter(onSocket(recording.VerbClose, "net.TCPConn.CloseWrite"))
	err := errors.ErrUnsupported
	if hc, ok := s.conn.(interface{ CloseWrite() error }); ok {
		err = hc.CloseWrite()
	}
	call.Return("nil", err)
	return err
}

// TCPReset closes TCP with a reset, as SetLinger(0) and Close do.
func (s *socket) TCPReset() error {
	call := s.rec.Enter(onSocket(recording.VerbClose, "net.TCPConn.SetLinger(0), Close"))
	err := errors.ErrUnsupported
	if rc, ok := s.conn.(interface{ Reset() error }); ok {
		err = rc.Reset()
	}
	call.Return("nil", err)
	return err
}

// atOnce calls send for first, and for second while the socket writes the first bytes of
// first. If waits is true, that Write waits until the second send has returned.
func (s *socket) atOnce(first, second []byte, waits bool, send func([]byte) error) error {
	t, ok := s.conn.(*tap.Conn)
	if !ok {
		return cannot(s.rec, "send two messages at once", "the connection is not tapped")
	}
	ended := make(chan error, 1)
	begin := sync.OnceFunc(func() { go func() { ended <- send(second) }() })
	t.DuringWrite(func() {
		begin()
		if waits {
			ended <- <-ended
		}
	})
	err := send(first)
	t.DuringWrite(nil)
	begin() // the first send did not write
	return errors.Join(err, <-ended)
}

// Kill returns an error: the server runs in this process.
func (s *socket) Kill() error { return cannot(s.rec, "kill", "the server's process is this one") }

// A PanicError is a panic of a library.
type PanicError struct{ Value any }

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// A CannotError says that an Actor cannot carry out an order, and why.
type CannotError struct{ What, Why string }

func (e *CannotError) Error() string { return e.What + " cannot be done: " + e.Why }

// cannot records an order that cannot be carried out.
func cannot(rec *recording.Connection, what, why string) error {
	call := rec.Enter(recording.Doing{Verb: recording.VerbOther, Name: what})
	err := &CannotError{what, why}
	call.Return("", err)
	return err
}

// plainActor is an Actor that can only do what a Server can.
type plainActor struct {
	Server
	rec *recording.Connection
}

func (a *plainActor) not(what string) error { return cannot(a.rec, what, "this server only echoes") }
func (a *plainActor) AtOnce(wire.Opcode, []byte, []byte) error {
	return a.not("send two messages at once")
}
func (a *plainActor) Read(time.Duration) error { return a.not("read") }
func (a *plainActor) SayClose([]byte) error    { return a.not("say close") }
func (a *plainActor) HangUp([]byte) error      { return a.not("send a Close frame and close TCP") }
func (a *plainActor) Bytes([]byte) error       { return a.not("send bytes") }
func (a *plainActor) TCPRead() error           { return a.not("net.Conn.Read") }
func (a *plainActor) TCPWrite([]byte) error    { return a.not("net.Conn.Write") }
func (a *plainActor) TCPClose() error          { return a.not("net.Conn.Close") }
func (a *plainActor) TCPHalf() error           { return a.not("net.TCPConn.CloseWrite") }
func (a *plainActor) TCPReset() error          { return a.not("reset") }
func (a *plainActor) Kill() error              { return a.not("kill") }

// End closes TCP, as far as its library can.
func (a *plainActor) End() { a.Server.Close(wire.NoStatusReceived, "") }

// opens, reads, writes and closes describe a call of a library.
func opens(name string) recording.Doing {
	return recording.Doing{Verb: recording.VerbOpen, Name: name}
}

func reads(name string) recording.Doing {
	return recording.Doing{Verb: recording.VerbRead, Name: name}
}

func writes(name, args string, what recording.Writes) recording.Doing {
	return recording.Doing{Verb: recording.VerbWrite, Name: name, Args: args, Writes: what}
}

func closes(name, args string, what recording.Writes) recording.Doing {
	return recording.Doing{Verb: recording.VerbClose, Name: name, Args: args, Writes: what}
}

// onSocket describes a call of the socket below the library.
func onSocket(verb recording.Verb, name string) recording.Doing {
	return recording.Doing{Verb: verb, Name: name, Socket: true}
}

// byFrame reports whether a frame caused the error of a library's read. Otherwise the
// socket did.
func byFrame(err error) bool {
	var socket net.Error
	return err != nil && !errors.As(err, &socket) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, net.ErrClosed)
}

// message describes the message that a read returned.
func message(op wire.Opcode, p []byte, err error) string {
	if err != nil {
		return ""
	}
	return describe(op, len(p))
}
