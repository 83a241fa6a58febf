package naive

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"strings"
)

// server is the weekend server with one client.
type server struct {
	conn net.Conn

	// Of the cage: make([]byte, n); the begin and the end of a call; log.Printf.
	make   func(n uint64) []byte
	deeper func() func()
	log    func(format string, args ...any)
}

// handshake reads the client's request and answers it. It reports whether the
// connection is open.
func (s *server) handshake() bool {
	request := make([]byte, 1024)
	//lesson:begin fault-1
	// Fault 1: one Read of at most 1,024 bytes is taken for the whole request.
	n, _ := s.conn.Read(request)
	//lesson:end

	//lesson:begin fault-2
	// Fault 2: frames behind the request in the same Read are lines like others,
	// and nobody looks at them again.
	lines := strings.Split(string(request[:n]), "\r\n")
	//lesson:end

	//lesson:begin fault-3
	// Fault 3: there may be no second word.
	path := strings.Split(lines[0], " ")[1]
	//lesson:end

	headers := map[string]string{}
	for _, line := range lines[1:] {
		//lesson:begin fault-4
		// Fault 4: a value may have colons of its own; the first alone parts it
		// from the name.
		parts := strings.Split(line, ":")
		//lesson:end
		if len(parts) < 2 {
			continue
		}
		//lesson:begin fault-5
		// Fault 5: the name of a header field has no case, the key of a map has.
		headers[parts[0]] = strings.TrimSpace(parts[1])
		//lesson:end
	}

	upgrade := false
	//lesson:begin fault-6
	// Fault 6: websocket has no case here either.
	if headers["Upgrade"] == "websocket" {
		upgrade = true
	}
	//lesson:end
	//lesson:begin fault-7
	// Fault 7: Connection is a list, and its items have no case.
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
	// Fault 8: whatever the method, the HTTP version, the WebSocket version and
	// the key are, and if there is no key at all, the answer is yes.
	key := headers["Sec-WebSocket-Key"]
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	//lesson:end
	response := "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n"
	//lesson:begin fault-9
	// Fault 9: the page of any origin is welcome.
	if origin := headers["Origin"]; origin != "" {
		response += "Sec-WebSocket-Origin: " + origin + "\r\n"
	}
	//lesson:end
	//lesson:begin fault-10
	// Fault 10: this field, and the one above, are of a draft of 2010.
	response += "Sec-WebSocket-Location: ws://" + headers["Host"] + path + "\r\n"
	//lesson:end
	s.conn.Write([]byte(response + "\r\n"))
	return true
}

// frame is what readFrame makes of the bytes.
type frame struct {
	fin     bool
	opcode  byte
	payload []byte
}

// readFrame reads one frame and unmasks it.
func (s *server) readFrame() frame {
	head := make([]byte, 2)
	//lesson:begin fault-11
	// Fault 11: TCP gives what has come, not what was asked for. This goes for
	// every Read below.
	s.conn.Read(head)
	//lesson:end

	//lesson:begin fault-12
	// Fault 12: RSV1, RSV2 and RSV3 are masked away unseen.
	f := frame{fin: head[0]&0x80 != 0, opcode: head[0] & 0x0f}
	//lesson:end
	//lesson:begin fault-13
	// Fault 13: so is MASK, and a masking key is read whether there is one or not.
	length := head[1] & 0x7f
	//lesson:end

	size := uint64(length)
	//lesson:begin fault-14
	// Fault 14: nothing happens at 126, so the 16-bit form is a length of 126
	// bytes, and its two bytes are the first two of the masking key.
	if length == 127 {
		extended := make([]byte, 8)
		s.conn.Read(extended)
		size = binary.BigEndian.Uint64(extended)
	}
	//lesson:end

	key := make([]byte, 4)
	//lesson:begin fault-15
	// Fault 15: how many bytes came, and the error, are dropped, here and
	// everywhere: after the end of the stream all of this is zeros.
	s.conn.Read(key)
	//lesson:end

	//lesson:begin fault-16
	// Fault 16: the length is what the peer claims. Here its wish is granted.
	f.payload = s.make(size)
	//lesson:end
	//lesson:begin fault-17
	// Fault 17: length is not size: of a 64-bit length, 127 bytes are read, and
	// if size is less there is no room for them.
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
		// Fault 18: of a control frame, neither FIN nor the length is looked at.
		switch f.opcode {
		//lesson:end
		case 0x8:
			//lesson:begin fault-19
			// Fault 19: a Close frame is to be answered with a Close frame.
			s.conn.Close()
			return nil, false
			//lesson:end
		case 0x9, 0xA:
			//lesson:begin fault-20
			// Fault 20: a Ping is to be answered with a Pong.
			continue
			//lesson:end
		}

		//lesson:begin fault-21
		// Fault 21: here comes whatever is left: text and binary, and just so the
		// reserved opcodes and a continuation of nothing.
		if !f.fin {
			//lesson:end
			//lesson:begin fault-22
			// Fault 22: the rest is the whole. f.payload is forgotten.
			return s.readRest(nil), true
			//lesson:end
		}
		//lesson:begin fault-23
		// Fault 23: nobody has looked whether text is UTF-8.
		return f.payload, true
		//lesson:end
	}
}

// readRest adds the frames up to the last of the message to it.
func (s *server) readRest(message []byte) []byte {
	defer s.deeper()()
	//lesson:begin fault-24
	// Fault 24: whatever stands between the fragments, a Ping, a Close, a new
	// message, is taken for one of them.
	f := s.readFrame()
	//lesson:end
	//lesson:begin fault-25
	// Fault 25: an empty fragment is legal and ends nothing; FIN does.
	if len(f.payload) == 0 {
		return message
	}
	//lesson:end
	message = append(message, f.payload...)
	if f.fin {
		return message
	}
	//lesson:begin fault-26
	// Fault 26: one call deeper, and a longer message, for every fragment that
	// the peer cares to send.
	return s.readRest(message)
	//lesson:end
}

// send sends one message.
func (s *server) send(message []byte) error {
	//lesson:begin fault-27
	// Fault 27: FIN and text, whatever it was that came.
	header := []byte{0x81}
	//lesson:end
	//lesson:begin fault-28
	// Fault 28: 125 is neither less nor more than 125.
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
	// Fault 29: between these two another goroutine may send its own header.
	s.conn.Write(header)
	s.conn.Write(message)
	//lesson:end
	return nil
}

// close ends the connection.
func (s *server) close() {
	//lesson:begin fault-30
	// Fault 30: there is a frame for saying goodbye, with a code and a reason.
	s.conn.Close()
	//lesson:end
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
		// Fault 31: what could not be sent is gone, and nobody is told.
		s.send(message)
		//lesson:end
	}
}
