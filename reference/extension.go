package reference

import "wslab/reference/wire"

// An Extension changes the payloads of messages if both ends agree to it in the opening
// handshake (RFC 6455 §9). A client offers it, and a server accepts it. Each connection
// gets its own Codec. Deflate is an Extension. An Extension may be used concurrently.
type Extension interface {
	// Offer returns the client's offers as the value of Sec-WebSocket-Extensions.
	Offer() string

	// Accept chooses among the offers in a client's request, and returns the response to
	// the chosen one. A nil Codec declines all offers: the connection opens without the
	// extension.
	Accept(request wire.Head) (response string, codec Codec)

	// Agree checks a server's response to the offers in request, which Offer returned. A
	// nil Codec means that the server declined. Violations fail the handshake.
	Agree(request, response wire.Head) (Codec, []wire.Violation)
}

// A Codec is an Extension in use on one connection. It changes whole messages, in the
// order of sending and receiving. It never receives a control frame.
type Codec interface {
	// RSV returns RSV1, RSV2 and RSV3 for the first frame of an encoded message. At least
	// one must be true. In all other frames they are 0.
	RSV() [3]bool

	// Encode appends to dst the payload for message.
	Encode(dst, message []byte) []byte

	// Decode returns the message of payload, in the memory of into if that is large
	// enough. The message has at most limit bytes. Decode may append to payload.
	Decode(into, payload []byte, limit int) ([]byte, []wire.Violation)

	// MaxEncoded returns the maximum size of a payload in bytes if its message has at
	// most limit bytes. A longer payload fails the connection before it is decoded.
	MaxEncoded(limit int) uint64
}

// use sets the codec of m, which may be nil.
func (m *Machine) use(codec Codec) {
	if m.codec = codec; codec != nil {
		m.rsv = codec.RSV()
	}
}

// encodes reports whether a frame is encoded. A frame with a whole message is encoded. A
// fragment is not, because an extension works on whole messages.
func (m *Machine) encodes(fin bool, opcode wire.Opcode, payload []byte) bool {
	return m.codec != nil && fin && (opcode == wire.Text || opcode == wire.Binary) && len(payload) > 0
}

// decode replaces the payload of an encoded message by the message.
func (m *Machine) decode() {
	var violations []wire.Violation
	m.message, violations = m.codec.Decode(m.message, m.packed, m.o.MaxMessage)
	if violations != nil {
		m.fail(violations...)
		return
	}
	m.checkText(m.message)
}
