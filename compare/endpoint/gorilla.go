package endpoint

import (
	"cmp"
	"errors"
	"net/http"
	"reflect"
	"runtime"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"wslab/compare/recording"
	"wslab/reference/wire"
)

// performGorilla is Endpoint.Perform of gorilla/websocket. It uses gorilla as gorilla's
// own documentation shows.
func performGorilla(w http.ResponseWriter, r *http.Request, rec *recording.Connection, setup Setup, opened func(Actor)) {
	upgrader := websocket.Upgrader{HandshakeTimeout: writeTimeout, CheckOrigin: originCheck(setup)}
	call := rec.Enter(opens("Upgrade"))
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		call.Return("", err)
		return
	}
	call.Return("a *websocket.Conn", nil)
	server := &gorillaServer{socket: newSocket(rec), conn: conn, byHand: setup.ByHand, keepTCP: setup.KeepTCP || setup.IgnoreClose}
	server.socket.conn = conn.NetConn()
	defer conn.Close()
	if !setup.ByHand && !server.keepTCP {
		defer server.closeNow()
	}
	conn.SetReadLimit(int64(limitOf(setup)))
	if setup.IgnoreClose {
		conn.SetCloseHandler(func(int, string) error { return nil })
	}
	conn.SetPongHandler(func(payload string) error {
		server.pulse.heard(wire.Pong, []byte(payload))
		return nil
	})
	opened(server)
	perform(server, setup)
}

type gorillaServer struct {
	*socket
	conn    *websocket.Conn
	byHand  bool
	keepTCP bool
	mu      sync.Mutex // gorilla allows one writer of messages at a time
}

func (s *gorillaServer) next(within time.Duration) (wire.Opcode, []byte, error) {
	s.conn.SetReadDeadline(time.Now().Add(within))
	call := s.rec.Enter(reads("ReadMessage"))
	op, p, err := s.conn.ReadMessage()
	// Gorilla also reports the end of TCP with a CloseError.
	if byFrame(err) && !websocket.IsCloseError(err, websocket.CloseAbnormalClosure) {
		call.Failed(err)
	} else {
		call.Return(message(wire.Opcode(op), p, err), err)
	}
	return wire.Opcode(op), p, err
}

// Read calls the library. After an error it calls Close, as gorilla's user must.
func (s *gorillaServer) Read(within time.Duration) error {
	_, _, err := s.next(cmp.Or(within, IdleTimeout))
	if err != nil && !s.keepTCP {
		s.closeNow()
	}
	return err
}

// closeNow is gorilla's Close, which only closes TCP.
func (s *gorillaServer) closeNow() error {
	call := s.rec.Enter(closes("Close", "", recording.Writes{}))
	err := s.conn.Close()
	call.Return("nil", err)
	return err
}

func (s *gorillaServer) SayClose(payload []byte) error {
	call := s.rec.Enter(writes("WriteControl", describe(wire.Close, len(payload)), recording.Frame(wire.Close, payload)))
	err := s.conn.WriteControl(websocket.CloseMessage, payload, time.Now().Add(writeTimeout))
	call.Return("nil", err)
	return err
}

func (s *gorillaServer) HangUp(payload []byte) error {
	return errors.Join(s.SayClose(payload), s.closeNow())
}

// Bytes writes below gorilla, which refuses to send invalid frames.
func (s *gorillaServer) Bytes(b []byte) error { return s.TCPWrite(b) }

// Send writes several parts with several Writes to one NextWriter. Gorilla has no call
// that ends a fragment. It cuts a message only when its write buffer is full.
func (s *gorillaServer) Send(op wire.Opcode, parts ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if len(parts) == 1 {
		call := s.rec.Enter(writes("WriteMessage", describe(op, len(parts[0])), recording.Frame(op, parts[0])))
		err := s.conn.WriteMessage(int(op), parts[0])
		call.Return("nil", err)
		return err
	}
	call := s.rec.Enter(recording.Doing{Verb: recording.VerbOther, Name: "NextWriter", Args: op.String()})
	w, err := s.conn.NextWriter(int(op))
	call.Return("nil", err)
	if err != nil {
		return err
	}
	for _, p := range parts {
		call := s.rec.Enter(writes("Write", describe(op, len(p)), recording.Writes{Data: true}))
		_, err := w.Write(p)
		call.Return("nil", err)
		if err != nil {
			return err
		}
	}
	call = s.rec.Enter(writes("writer.Close", "", recording.Writes{Data: true}))
	err = w.Close()
	call.Return("nil", err)
	return err
}

// AtOnce calls WriteMessage without the lock that gorilla asks of its user. Gorilla finds
// this out and panics. The Write waits for the panic: otherwise chance would decide whether
// gorilla finds it out.
func (s *gorillaServer) AtOnce(op wire.Opcode, first, second []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	return s.atOnce(first, second, true, func(p []byte) (err error) {
		call := s.rec.Enter(writes("WriteMessage", describe(op, len(p)), recording.Frame(op, p)))
		defer func() {
			if v := recover(); v != nil {
				s.rec.Panicked()
				err = &PanicError{v}
			}
			call.Return("nil", err)
		}()
		return s.conn.WriteMessage(int(op), p)
	})
}

func (s *gorillaServer) Control(op wire.Opcode, payload []byte) error {
	call := s.rec.Enter(writes("WriteControl", describe(op, len(payload)), recording.Frame(op, payload)))
	err := s.conn.WriteControl(int(op), payload, time.Now().Add(writeTimeout))
	call.Return("nil", err)
	return err
}

// Close sends a Close frame. Gorilla leaves reading the answering Close frame and closing
// TCP to its user. A server by hand has no other reader, so Close reads.
func (s *gorillaServer) Close(code wire.CloseCode, reason string) error {
	p := websocket.FormatCloseMessage(int(code), reason)
	call := s.rec.Enter(closes("WriteControl", "close, "+code.String(), recording.Frame(wire.Close, p)))
	err := s.conn.WriteControl(websocket.CloseMessage, p, time.Now().Add(writeTimeout))
	call.Return("nil", err)
	// Only the reader may call gorilla's SetReadDeadline. So set the deadline of the
	// socket.
	s.conn.NetConn().SetReadDeadline(time.Now().Add(closeTimeout))
	if !s.byHand || err != nil {
		return err
	}
	for err == nil {
		_, _, err = s.next(IdleTimeout)
	}
	if s.keepTCP {
		return nil
	}
	return s.closeNow()
}

// GorillaSource returns the path of the file from which gorilla's (*Conn).ReadMessage was
// compiled. On the computer that built this program, the directory of that file has the
// module's source.
func GorillaSource() string {
	f := runtime.FuncForPC(reflect.ValueOf((*websocket.Conn).ReadMessage).Pointer())
	file, _ := f.FileLine(f.Entry())
	return file
}
