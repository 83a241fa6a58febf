package reference

import "wslab/reference/wire"

// Send sends one frame: a whole message if opcode is Text or Binary and fin is true, a
// fragment of a message otherwise, or a Ping or Pong. It checks the frame by the same
// rules as Receive, and text for UTF-8. If the frame breaks a rule, Send sends nothing
// and returns a *SendError. SendClose sends Close frames. Send does not keep payload.
func (m *Machine) Send(opcode wire.Opcode, fin bool, payload []byte) error {
	if err := m.judge(opcode, fin, payload); err != nil {
		return err
	}
	m.appendFrame(fin, opcode, payload)
	return nil
}

// judge returns why the frame must not be sent, or records that it is.
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

// judgeText returns why payload cannot be the next part of a text.
func judgeText(text *wire.UTF8, payload []byte, fin bool) error {
	switch {
	case text.Check(payload) < len(payload):
		return &SendError{[]wire.Violation{broken(wire.RuleTextUTF8, "The text is not UTF-8.")}}
	case fin && !text.Complete():
		return &SendError{[]wire.Violation{broken(wire.RuleTextUTF8, "The text ends inside a character.")}}
	}
	return nil
}

// header returns the header of a frame that this end sends, without its masking key.
func (m *Machine) header(fin bool, opcode wire.Opcode, length int) wire.Header {
	return wire.Header{
		Fin:    fin,
		Opcode: opcode,
		Masked: m.role == wire.Client,
		Form:   wire.FormFor(uint64(length)),
		Length: uint64(length),
	}
}

// appendFrame appends a frame to the output. It leaves room for the longest header,
// because the length of an encoded payload is known last, and then removes the rest.
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
		h.Key = m.o.MaskKey() // §5.3: a new key for every frame, from an unpredictable source
	}
	m.out = h.Append(m.out[:start])
	start = len(m.out)
	m.out = append(m.out, payload...)
	if h.Masked {
		wire.Mask(h.Key, 0, m.out[start:])
	}
	//lesson:end
}
