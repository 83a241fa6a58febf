package reference

import "wslab/reference/wire"

// An Extension changes how messages become payloads, where both ends agree to it in
// the opening handshake (RFC 6455 §9). A client offers it, a server accepts it; either
// way each connection gets a Codec of its own. Deflate is one. An Extension may be
// used concurrently.
type Extension interface {
	// Offer returns the client's offers, as Sec-WebSocket-Extensions has them.
	Offer() string

	// Accept chooses among the offers in a client's request, and returns the
	// response to the chosen one. A nil Codec declines them all: the connection
	// opens without the extension.
	Accept(request wire.Head) (response string, codec Codec)

	// Agree judges a server's response to what Offer returned, which is in request.
	// A nil Codec says that the server has declined. Violations fail the handshake.
	Agree(request, response wire.Head) (Codec, []wire.Violation)
}

// A Codec is an Extension in use on one connection. It changes whole messages, in the
// order in which they are sent and received, and never sees a control frame.
type Codec interface {
	// RSV returns RSV1, RSV2 and RSV3 of the first frame of a message that is encoded.
	// One of them at least is true. In any other frame they stay 0.
	RSV() [3]bool

	// Encode appends to dst the payload that message is sent as.
	Encode(dst, message []byte) []byte

	// Decode returns the message of at most limit bytes that payload was encoded
	// from, in the memory of into as far as that is enough. It may append to payload.
	Decode(into, payload []byte, limit int) ([]byte, []wire.Violation)

	// MaxEncoded returns the most bytes that a payload may have whose message has at
	// most limit bytes. A longer payload fails the connection before it is decoded.
	MaxEncoded(limit int) uint64
}

// use has m encode and decode by codec, which may be nil.
func (m *Machine) use(codec Codec) {
	if m.codec = codec; codec != nil {
		m.rsv = codec.RSV()
	}
}

// encodes reports whether a frame is encoded: whole messages are. Fragments are sent
// as they are, because an extension works on whole messages.
func (m *Machine) encodes(fin bool, opcode wire.Opcode, payload []byte) bool {
	return m.codec != nil && fin && (opcode == wire.Text || opcode == wire.Binary) && len(payload) > 0
}

// decode makes the message of what was received of an encoded one.
func (m *Machine) decode() {
	var violations []wire.Violation
	m.message, violations = m.codec.Decode(m.message, m.packed, m.o.MaxMessage)
	if violations != nil {
		m.fail(violations...)
		return
	}
	m.checkText(m.message)
}
