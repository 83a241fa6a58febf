package mended

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// server is the server with one client.
type server struct {
	conn    net.Conn
	closed  atomic.Bool // it has closed conn, or has sent a Close frame
	kind    byte        // opcode of the last message
	sending sync.Mutex  // locked while a frame is written
	closing sync.Once   // sends the Close frame

	make   func(n uint64) []byte
	deeper func() func()
	log    func(format string, args ...any)
	opened func()
}

// handshake reads the client's request and answers it. It reports whether the
// connection is open.
func (s *server) handshake() bool {
	request := make([]byte, 1024)
	//lesson:begin fault-1
	n := 0
	for !bytes.Contains(request[:n], []byte("\r\n\r\n")) {
		if n == len(request) && n < maxRequest {
			request = append(request, make([]byte, 1024)...)
		}
		more, err := s.conn.Read(request[n:])
		if n += more; err != nil || more == 0 {
			return s.refuse("400 Bad Request")
		}
	}
	//lesson:end

	//lesson:begin fault-2
	// The connection returns the bytes after the empty line again.
	head, rest, _ := bytes.Cut(request[:n], []byte("\r\n\r\n"))
	s.conn = &unread{Conn: s.conn, rest: rest}
	lines := strings.Split(string(head), "\r\n")
	//lesson:end

	//lesson:begin fault-3
	words := strings.Split(lines[0], " ")
	if len(words) != 3 {
		return s.refuse("400 Bad Request")
	}
	path := words[1]
	//lesson:end
	_ = path // with fault 10, the response has it

	headers := map[string]string{}
	for _, line := range lines[1:] {
		//lesson:begin fault-4
		parts := strings.SplitN(line, ":", 2)
		//lesson:end
		if len(parts) < 2 {
			continue
		}
		//lesson:begin fault-5
		for _, name := range names {
			if strings.EqualFold(parts[0], name) {
				headers[name] = strings.TrimSpace(parts[1])
			}
		}
		//lesson:end
	}

	upgrade := false
	//lesson:begin fault-6
	if hasToken(headers["Upgrade"], "websocket") {
		upgrade = true
	}
	//lesson:end
	//lesson:begin fault-7
	if !hasToken(headers["Connection"], "upgrade") {
		upgrade = false
	}
	//lesson:end
	if !upgrade {
		return s.refuse("400 Bad Request")
	}

	//lesson:begin fault-8
	if !strings.HasPrefix(lines[0], "GET /") || !strings.HasSuffix(lines[0], " HTTP/1.1") || headers["Host"] == "" {
		return s.refuse("400 Bad Request")
	}
	if headers["Sec-WebSocket-Version"] != "13" {
		return s.refuse("426 Upgrade Required\r\nSec-WebSocket-Version: 13")
	}
	key := headers["Sec-WebSocket-Key"]
	if random, err := base64.StdEncoding.DecodeString(key); err != nil || len(random) != 16 {
		return s.refuse("400 Bad Request")
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	//lesson:end
	response := "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n"
	//lesson:begin fault-9
	if origin := headers["Origin"]; origin != "" && origin != "http://"+headers["Host"] {
		return s.refuse("403 Forbidden")
	}
	//lesson:end
	//lesson:begin fault-10
	//lesson:end
	s.conn.Write([]byte(response + "\r\n"))
	return true
}

// frame is the result of readFrame.
type frame struct {
	fin     bool
	opcode  byte
	payload []byte
}

// readFrame reads one frame and unmasks it.
func (s *server) readFrame() frame {
	head := make([]byte, 2)
	//lesson:begin fault-11
	if _, err := io.ReadFull(s.conn, head); err != nil {
		s.end()
	}
	//lesson:end

	//lesson:begin fault-12
	if head[0]&0x70 != 0 {
		s.fail(1002)
	}
	f := frame{fin: head[0]&0x80 != 0, opcode: head[0] & 0x0f}
	//lesson:end
	//lesson:begin fault-13
	if head[1]&0x80 == 0 {
		s.fail(1002)
	}
	length := head[1] & 0x7f
	//lesson:end

	size := uint64(length)
	//lesson:begin fault-14
	if length == 126 {
		extended := make([]byte, 2)
		s.read(extended)
		size = uint64(binary.BigEndian.Uint16(extended))
	}
	if length == 127 {
		extended := make([]byte, 8)
		s.read(extended)
		size = binary.BigEndian.Uint64(extended)
	}
	//lesson:end

	key := make([]byte, 4)
	//lesson:begin fault-15
	if _, err := io.ReadFull(s.conn, key); err != nil {
		s.end()
	}
	//lesson:end

	//lesson:begin fault-16
	if size > maxMessage {
		s.fail(1009)
	}
	f.payload = s.make(size)
	//lesson:end
	//lesson:begin fault-17
	s.read(f.payload)
	//lesson:end
	for i := range f.payload {
		f.payload[i] ^= key[i%4]
	}
	return f
}

// readMessage reads frames until a message is whole. It reports whether the
// connection is still open.
func (s *server) readMessage() (message []byte, open bool) {
	defer s.deeper()()
	for {
		f := s.readFrame()
		//lesson:begin fault-18
		if f.opcode >= 0x8 && (!f.fin || len(f.payload) > 125) {
			s.fail(1002)
		}
		switch f.opcode {
		//lesson:end
		case 0x8:
			s.closed.Store(true)
			//lesson:begin fault-19
			s.sendClose(closeAnswer(f.payload))
			s.conn.Close()
			return nil, false
			//lesson:end
		case 0x9, 0xA:
			//lesson:begin fault-20
			if f.opcode == 0x9 {
				s.write(0x8A, f.payload)
			}
			continue
			//lesson:end
		}

		s.kind = f.opcode
		//lesson:begin fault-21
		if f.opcode != 0x1 && f.opcode != 0x2 {
			s.fail(1002)
		}
		if !f.fin {
			//lesson:end
			//lesson:begin fault-22
			message = s.readRest(f.payload)
			return message, s.valid(message)
			//lesson:end
		}
		//lesson:begin fault-23
		return f.payload, s.valid(f.payload)
		//lesson:end
	}
}

// readRest appends the later fragments to message, up to the last one.
func (s *server) readRest(message []byte) []byte {
	defer s.deeper()()
	for {
		//lesson:begin fault-24
		f := s.readFrame()
		for f.opcode >= 0x8 {
			s.control(f)
			f = s.readFrame()
		}
		if f.opcode != 0x0 {
			s.fail(1002)
		}
		//lesson:end
		//lesson:begin fault-25
		//lesson:end
		message = append(message, f.payload...)
		if f.fin {
			return message
		}
		//lesson:begin fault-26
		// The loop around these lines reads the next fragment.
		if len(message) > maxMessage {
			s.fail(1009)
		}
		//lesson:end
	}
}

// send sends one message.
func (s *server) send(message []byte) error {
	//lesson:begin fault-33
	if s.closed.Load() {
		return net.ErrClosed
	}
	header := make([]byte, 0, 4)
	//lesson:end
	//lesson:begin fault-27
	header = append(header, 0x80|s.kind)
	//lesson:end
	//lesson:begin fault-28
	switch n := len(message); {
	case n <= 125:
		header = append(header, byte(n))
	case n < 65536:
		header = append(header, 126, byte(n>>8), byte(n))
	default:
		header = append(header, 127)
		header = binary.BigEndian.AppendUint64(header, uint64(n))
	}
	//lesson:end
	var err error
	//lesson:begin fault-29
	s.sending.Lock()
	defer s.sending.Unlock()
	_, err = s.conn.Write(append(header, message...))
	//lesson:end
	return err
}

// close ends the connection.
func (s *server) close() {
	s.closed.Store(true)
	//lesson:begin fault-30
	// The client answers with a Close frame. Then readMessage closes TCP.
	err := s.sendClose([]byte{0x03, 0xE8})
	//lesson:end
	if err != nil {
		//lesson:begin fault-34
		s.log("closing failed: %v", err)
		//lesson:end
	}
}

// echo sends every message back.
func (s *server) echo() {
	for {
		message, open := s.readMessage()
		if !open {
			return
		}
		s.log("received %.60q, %d bytes", message, len(message))
		//lesson:begin fault-31
		if s.send(message) != nil {
			return
		}
		//lesson:end
	}
}

// listener accepts clients.
type listener interface{ accept() *server }

// serve accepts clients, and echoes their messages.
func serve(l listener) {
	for {
		s := l.accept()
		//lesson:begin fault-32
		go s.client()
		//lesson:end
	}
}

// client serves one client.
func (s *server) client() {
	defer s.ended()
	if s.handshake() {
		s.opened()
		s.echo()
	}
}
