package reference

import "wslab/reference/wire"

// Send puts one frame out: a message when opcode is Text or Binary and fin is
// true, a fragment of one otherwise, or a Ping or Pong. It judges the header
// by the rules that Receive has for the peer's, and text by UTF-8: an illegal
// frame is refused with a *SendError, and nothing is sent. Close frames have
// SendClose. It keeps nothing of payload.
func (m *Machine) Send(opcode wire.Opcode, fin bool, payload []byte) error {
	if err := m.judge(opcode, fin, payload); err != nil {
		return err
	}
	m.appendFrame(fin, opcode, payload)
	return nil
}

// judge returns what forbids the frame, or takes note that it is sent.
func (m *Machine) judge(opcode wire.Opcode, fin bool, payload []byte) error {
	if m.state != Open {
		return errNotOpen
	}
	if opcode == wire.Close {
		return errUseClose
	}
	c := wire.Context{Sender: m.role, Fragmented: m.sending != wire.Continuation}
	violations := wire.Check(m.header(fin, opcode, len(payload)), c)
	if violations != nil {
		return &SendError{violations}
	}
	if opcode.IsControl() {
		return nil
	}

	message, text := m.sending, m.sendText
	if opcode != wire.Continuation {
		message, text = opcode, wire.UTF8{}
	}
	if message == wire.Text {
		if err := judgeText(&text, payload, fin); err != nil {
			return err
		}
	}
	m.sending, m.sendText = message, text
	if fin {
		m.sending = wire.Continuation
	}
	return nil
}

// judgeText returns what forbids payload as the next part of a text.
func judgeText(text *wire.UTF8, payload []byte, fin bool) error {
	switch {
	case text.Check(payload) < len(payload):
		return &SendError{[]wire.Violation{broken(wire.RuleTextUTF8, "The text is not UTF-8.")}}
	case fin && !text.Complete():
		return &SendError{[]wire.Violation{broken(wire.RuleTextUTF8, "The text ends inside a character.")}}
	}
	return nil
}

// header returns the header of a frame that this end sends, but for its
// masking key.
func (m *Machine) header(fin bool, opcode wire.Opcode, length int) wire.Header {
	return wire.Header{
		Fin:    fin,
		Opcode: opcode,
		Masked: m.role == wire.Client,
		Form:   wire.FormFor(uint64(length)),
		Length: uint64(length),
	}
}

// appendFrame writes a frame behind the output. How long an encoded payload
// becomes is known last, so the header's place is left free and closed up again.
func (m *Machine) appendFrame(fin bool, opcode wire.Opcode, payload []byte) {
	start := len(m.out)
	encoded := m.encodes(fin, opcode, payload)
	if encoded {
		var head [wire.MaxHeaderSize]byte
		m.out = m.codec.Encode(append(m.out, head[:]...), payload)
		payload = m.out[start+len(head):]
	}
	//lesson:begin frame-out
	h := m.header(fin, opcode, len(payload))
	if encoded {
		h.RSV1, h.RSV2, h.RSV3 = m.rsv[0], m.rsv[1], m.rsv[2]
	}
	if h.Masked {
		h.Key = m.o.MaskKey() // §5.3: a new key for every frame, from a source nobody can predict
	}
	m.out = h.Append(m.out[:start])
	start = len(m.out)
	m.out = append(m.out, payload...)
	if h.Masked {
		wire.Mask(h.Key, 0, m.out[start:])
	}
	//lesson:end
}
