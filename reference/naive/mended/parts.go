package mended

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"unicode/utf8"
)

// Limits in bytes.
const (
	maxRequest = 16 << 10
	maxMessage = 1 << 20
)

// Serve accepts clients from l, and serves each of them in its own goroutine, until l is
// closed. When a handshake is done, Serve calls opened with a function that starts the
// closing handshake. opened may be nil.
func Serve(l net.Listener, opened func(close func())) {
	defer func() {
		if v := recover(); v != errEnd {
			panic(v)
		}
	}()
	serve(socket{l, opened})
}

// socket is a listener.
type socket struct {
	net.Listener
	opened func(close func())
}

// accept returns the server with the next client. It ends serve when the socket is closed.
func (l socket) accept() *server {
	conn, err := l.Accept()
	if err != nil {
		panic(errEnd)
	}
	s := &server{
		conn: conn, make: func(n uint64) []byte { return make([]byte, n) }, deeper: func() func() { return func() {} },
		log: func(string, ...any) {},
	}
	s.opened = func() {
		if l.opened != nil {
			l.opened(s.close)
		}
	}
	return s
}

// end is the value of a panic.
type end string

func (e end) Error() string { return string(e) }

// errEnd ends the code of a connection, or of the server.
const errEnd = end("the connection has ended")

// ended closes TCP when the code of a connection ends. It must be deferred.
func (s *server) ended() {
	s.conn.Close()
	if v := recover(); v != nil && v != errEnd {
		panic(v)
	}
}

// end ends the connection. It does not return.
func (s *server) end() { panic(errEnd) }

// fail sends a Close frame with code and ends the connection (RFC 6455 §7.1.7). It does not
// return.
func (s *server) fail(code uint16) {
	s.sendClose(binary.BigEndian.AppendUint16(nil, code))
	s.end()
}

// refuse answers the handshake with an error, and returns false.
func (s *server) refuse(status string) bool {
	s.conn.Write([]byte("HTTP/1.1 " + status + "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
	return false
}

// names are the header fields that the server uses.
var names = []string{"Host", "Upgrade", "Connection", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version"}

// hasToken reports whether the list has token, in any case.
func hasToken(list, token string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(item), token) {
			return true
		}
	}
	return false
}

// unread is a connection that first returns the bytes rest again.
type unread struct {
	net.Conn
	rest []byte
}

func (u *unread) Read(p []byte) (int, error) {
	if len(u.rest) == 0 {
		return u.Conn.Read(p)
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

// read fills p, or ends the connection.
func (s *server) read(p []byte) {
	if _, err := io.ReadFull(s.conn, p); err != nil {
		s.end()
	}
}

// write sends a control frame with at most 125 bytes of payload.
func (s *server) write(first byte, payload []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	_, err := s.conn.Write(append([]byte{first, byte(len(payload))}, payload...))
	return err
}

// sendClose sends a Close frame, unless the server has sent one.
func (s *server) sendClose(payload []byte) (err error) {
	s.closing.Do(func() {
		s.closed.Store(true)
		err = s.write(0x88, payload)
	})
	return err
}

// closeAnswer returns the payload of the answer to a Close frame: the same close code, or
// the code of an error if the payload of that frame is invalid.
func closeAnswer(payload []byte) []byte {
	code := uint16(1002)
	switch n := len(payload); {
	case n == 0:
		return nil
	case n >= 2:
		switch sent := binary.BigEndian.Uint16(payload); {
		case !utf8.Valid(payload[2:]):
			code = 1007
		case sent >= 1000 && sent <= 1014 && sent != 1004 && sent != 1005 && sent != 1006, sent >= 3000 && sent <= 4999:
			code = sent
		}
	}
	return binary.BigEndian.AppendUint16(nil, code)
}

// control answers a control frame inside a message.
func (s *server) control(f frame) {
	switch {
	case f.opcode > 0xA || !f.fin || len(f.payload) > 125:
		s.fail(1002)
	case f.opcode == 0x8:
		s.sendClose(closeAnswer(f.payload))
		s.end()
	case f.opcode == 0x9:
		s.write(0x8A, f.payload)
	}
}

// valid reports true, or fails the connection if message is a text that is not UTF-8.
func (s *server) valid(message []byte) bool {
	if s.kind == 0x1 && !utf8.Valid(message) {
		s.fail(1007)
	}
	return true
}
