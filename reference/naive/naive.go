package naive

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"strings"
	"sync/atomic"
)

// server is the naive server with one client.
type server struct {
	conn   net.Conn
	closed atomic.Bool // it has closed conn

	// Functions of the cage: make([]byte, n); the start and the end of a nested call;
	// log.Printf; the handshake is done.
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
	// Fault 1: the server treats one Read of at most 1,024 bytes as the whole request.
	n, _ := s.conn.Read(request)
	//lesson:end

	//lesson:begin fault-2
	// Fault 2: frames that arrive in the same Read as the request become lines too, and
	// the server never looks at them again.
	lines := strings.Split(string(request[:n]), "\r\n")
	//lesson:end

	//lesson:begin fault-3
	// Fault 3: the line may not have a second word.
	path := strings.Split(lines[0], " ")[1]
	//lesson:end

	headers := map[string]string{}
	for _, line := range lines[1:] {
		//lesson:begin fault-4
		// Fault 4: a value may contain colons. Only the first colon ends the name.
		parts := strings.Split(line, ":")
		//lesson:end
		if len(parts) < 2 {
			continue
		}
		//lesson:begin fault-5
		// Fault 5: upper and lower case differ in a map's keys, but not in the names of
		// header fields.
		headers[parts[0]] = strings.TrimSpace(parts[1])
		//lesson:end
	}

	upgrade := false
	//lesson:begin fault-6
	// Fault 6: upper and lower case must not matter for websocket either.
	if headers["Upgrade"] == "websocket" {
		upgrade = true
	}
	//lesson:end
	//lesson:begin fault-7
	// Fault 7: Connection is a list, and upper and lower case do not matter in it.
	if headers["Connection"] != "Upgrade" {
		upgrade = false
	}
	//lesson:end
	if !upgrade {
		s.conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		s.conn.Close()
		return false
	}

	//lesson:begin fault-8
	// Fault 8: the server accepts any method, any HTTP version, any WebSocket version and
	// any key, even if there is no key.
	key := headers["Sec-WebSocket-Key"]
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	//lesson:end
	response := "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n"
	//lesson:begin fault-9
	// Fault 9: the server accepts the page of any origin.
	if origin := headers["Origin"]; origin != "" {
		response += "Sec-WebSocket-Origin: " + origin + "\r\n"
	}
	//lesson:end
	//lesson:begin fault-10
	// Fault 10: this field and the one above are from a draft of 2010.
	response += "Sec-WebSocket-Location: ws://" + headers["Host"] + path + "\r\n"
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
	// Fault 11: TCP delivers the bytes that have arrived, maybe fewer than the buffer
	// holds. This is true for every Read below.
	s.conn.Read(head)
	//lesson:end

	//lesson:begin fault-12
	// Fault 12: RSV1, RSV2 and RSV3 are removed here without a check.
	f := frame{fin: head[0]&0x80 != 0, opcode: head[0] & 0x0f}
	//lesson:end
	//lesson:begin fault-13
	// Fault 13: MASK is removed too. The server reads a masking key even if there is
	// none.
	length := head[1] & 0x7f
	//lesson:end

	size := uint64(length)
	//lesson:begin fault-14
	// Fault 14: 126 is not handled. So the server treats the 16-bit form as a length of
	// 126 bytes, and its two length bytes as the start of the masking key.
	if length == 127 {
		extended := make([]byte, 8)
		s.conn.Read(extended)
		size = binary.BigEndian.Uint64(extended)
	}
	//lesson:end

	key := make([]byte, 4)
	//lesson:begin fault-15
	// Fault 15: the server ignores the number of bytes read and the error, here and
	// everywhere. After the end of the stream, all of this is zeros.
	s.conn.Read(key)
	//lesson:end

	//lesson:begin fault-16
	// Fault 16: the length is only the peer's claim, but the server allocates it.
	f.payload = s.make(size)
	//lesson:end
	//lesson:begin fault-17
	// Fault 17: this reads length bytes, not size. For a 64-bit length that is 127, and a
	// smaller payload has no room for them.
	s.conn.Read(f.payload[:length])
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
		// Fault 18: the server does not check FIN or the length of a control frame.
		switch f.opcode {
		//lesson:end
		case 0x8:
			s.closed.Store(true)
			//lesson:begin fault-19
			// Fault 19: the answer to a Close frame must be a Close frame.
			s.conn.Close()
			return nil, false
			//lesson:end
		case 0x9, 0xA:
			//lesson:begin fault-20
			// Fault 20: the answer to a Ping must be a Pong.
			continue
			//lesson:end
		}

		//lesson:begin fault-21
		// Fault 21: all other opcodes arrive here: text and binary, but also reserved
		// opcodes and a continuation without a message.
		if !f.fin {
			//lesson:end
			//lesson:begin fault-22
			// Fault 22: only the later fragments become the message. f.payload is lost.
			return s.readRest(nil), true
			//lesson:end
		}
		//lesson:begin fault-23
		// Fault 23: the server has not checked whether text is valid UTF-8.
		return f.payload, true
		//lesson:end
	}
}

// readRest appends the later fragments to message, up to the last one.
func (s *server) readRest(message []byte) []byte {
	defer s.deeper()()
	//lesson:begin fault-24
	// Fault 24: the server treats any frame between the fragments as a fragment: a Ping,
	// a Close frame, or a new message.
	f := s.readFrame()
	//lesson:end
	//lesson:begin fault-25
	// Fault 25: an empty fragment is valid and does not end the message. Only FIN ends
	// it.
	if len(f.payload) == 0 {
		return message
	}
	//lesson:end
	message = append(message, f.payload...)
	if f.fin {
		return message
	}
	//lesson:begin fault-26
	// Fault 26: each fragment of the peer makes the call stack deeper and the message
	// longer, without a limit.
	return s.readRest(message)
	//lesson:end
}

// send sends one message.
func (s *server) send(message []byte) error {
	//lesson:begin fault-33
	// Fault 33: the server knows whether it has closed the connection, but it does not
	// check that before it writes.
	header := make([]byte, 0, 4)
	//lesson:end
	//lesson:begin fault-27
	// Fault 27: FIN and text, whatever the opcode of the received message.
	header = append(header, 0x81)
	//lesson:end
	//lesson:begin fault-28
	// Fault 28: 125 is not in any of these ranges.
	switch n := len(message); {
	case n < 125:
		header = append(header, byte(n))
	case n > 125 && n < 65536:
		header = append(header, 126, byte(n>>8), byte(n))
	default:
		return errors.New("message too long")
	}
	//lesson:end
	//lesson:begin fault-29
	// Fault 29: between these two calls, another goroutine may send its own header.
	s.conn.Write(header)
	s.conn.Write(message)
	//lesson:end
	return nil
}

// close ends the connection.
func (s *server) close() {
	s.closed.Store(true)
	//lesson:begin fault-30
	// Fault 30: the protocol has a Close frame for this, with a code and a reason.
	err := s.conn.Close()
	//lesson:end
	if err != nil {
		//lesson:begin fault-34
		// Fault 34: an error of another type makes these type assertions panic.
		call := err.(*net.OpError).Err.(*os.SyscallError)
		s.log("%s failed: %v", call.Syscall, call.Err)
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
		// Fault 31: if the send fails, the message is lost, and the caller does not learn
		// of it.
		s.send(message)
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
		// Fault 32: the server accepts the next client only after this client has left.
		s.client()
		//lesson:end
	}
}

// client serves one client.
func (s *server) client() {
	if s.handshake() {
		s.opened()
		s.echo()
	}
}
