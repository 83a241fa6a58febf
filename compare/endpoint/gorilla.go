package endpoint

import (
	"net/http"
	"reflect"
	"runtime"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"wslab/compare/recording"
	"wslab/reference/wire"
)

// serveGorilla is Endpoint.Serve of gorilla/websocket, used as its own
// documentation shows.
func serveGorilla(w http.ResponseWriter, r *http.Request, rec *recording.Connection, opened func(Server)) {
	var upgrader websocket.Upgrader
	call := rec.Enter("Upgrade", "")
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		call.Return("", err)
		return
	}
	call.Return("a *websocket.Conn", nil)
	defer func() {
		call := rec.Enter("Close", "")
		call.Return("nil", conn.Close())
	}()
	conn.SetReadLimit(MaxMessage)
	server := &gorillaServer{conn: conn, rec: rec}
	opened(server)
	for {
		conn.SetReadDeadline(time.Now().Add(IdleTimeout))
		call := rec.Enter("ReadMessage", "")
		op, p, err := conn.ReadMessage()
		if err != nil {
			call.Return("", err)
			return
		}
		call.Return(describe(wire.Opcode(op), len(p)), nil)
		if err := server.Send(wire.Opcode(op), p); err != nil {
			return
		}
	}
}

type gorillaServer struct {
	conn *websocket.Conn
	rec  *recording.Connection
	mu   sync.Mutex // gorilla allows one writer of messages at a time
}

// Send sends several parts by several Writes to one NextWriter: gorilla has no
// call that ends a fragment, and cuts a message only where its write buffer is
// full.
func (s *gorillaServer) Send(op wire.Opcode, parts ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if len(parts) == 1 {
		call := s.rec.Enter("WriteMessage", describe(op, len(parts[0])))
		err := s.conn.WriteMessage(int(op), parts[0])
		call.Return("nil", err)
		return err
	}
	call := s.rec.Enter("NextWriter", op.String())
	w, err := s.conn.NextWriter(int(op))
	call.Return("nil", err)
	if err != nil {
		return err
	}
	for _, p := range parts {
		call := s.rec.Enter("Write", describe(op, len(p)))
		_, err := w.Write(p)
		call.Return("nil", err)
		if err != nil {
			return err
		}
	}
	call = s.rec.Enter("writer.Close", "")
	err = w.Close()
	call.Return("nil", err)
	return err
}

func (s *gorillaServer) Control(op wire.Opcode, payload []byte) error {
	call := s.rec.Enter("WriteControl", describe(op, len(payload)))
	err := s.conn.WriteControl(int(op), payload, time.Now().Add(writeTimeout))
	call.Return("nil", err)
	return err
}

func (s *gorillaServer) Close(code wire.CloseCode, reason string) error {
	call := s.rec.Enter("WriteControl", "close, "+code.String())
	p := websocket.FormatCloseMessage(int(code), reason)
	err := s.conn.WriteControl(websocket.CloseMessage, p, time.Now().Add(writeTimeout))
	call.Return("nil", err)
	// The answer is read by the loop in ReadMessage. The socket's own deadline may
	// be set from here; gorilla's SetReadDeadline is the reader's alone.
	s.conn.NetConn().SetReadDeadline(time.Now().Add(closeTimeout))
	return err
}

// GorillaSource returns the path of the file that gorilla's (*Conn).ReadMessage
// was compiled from. On the machine that built this program its directory
// holds the module's source.
func GorillaSource() string {
	f := runtime.FuncForPC(reflect.ValueOf((*websocket.Conn).ReadMessage).Pointer())
	file, _ := f.FileLine(f.Entry())
	return file
}
