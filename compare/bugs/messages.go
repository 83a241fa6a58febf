package bugs

import (
	"fmt"

	"wslab/reference/naive"
	"wslab/reference/wire"
)

// messages follows the messages of the client, and those that the server delivers.
type messages struct {
	*finder
	lost bool // the server's message cannot be compared with the client's

	inside   bool // the client has begun a message
	ours     bool // the server reads fragments
	depth    int  // fragments that the server has read of its message
	opcode   wire.Opcode
	first    frame   // first fragment
	payload  int     // bytes of all fragments
	later    int     // bytes of the fragments after the first
	reserved []frame // frames with RSV bits
}

// next finds the faults in what the server did with g, which it read in r.
func (m *messages) next(r *read, g frame) {
	op := g.Header.Opcode
	if m.inside != m.ours {
		m.resync(r, g)
		return
	}
	if m.inside {
		m.fragment(r, g)
		return
	}
	evidence := []uint64{g.seq, r.head.leave, leaves(r.log), m.answered(r)}
	switch {
	case op == wire.Close:
		if m.c.closed > g.seq && len(g.Violations) == 0 && !m.sentClose() {
			said := "an empty Close frame"
			if g.Close != nil {
				said = fmt.Sprintf("a Close frame with %s", g.Close.Code)
			}
			m.open(19, fmt.Sprintf("The client sent %s. The server sent no Close frame back, and closed TCP.", said), g.seq, m.c.closed)
		}
		m.lost = true
	case op == wire.Ping || op == wire.Pong:
		if r.next == nil {
			return
		}
		events := []uint64{g.seq, r.head.leave, r.next.enter}
		if g.breaks(wire.RuleControlFragment) {
			m.open(18, fmt.Sprintf("The client sent a %s with FIN 0. The server ignored it and read the next frame.", op), events...)
		} else if op == wire.Ping && len(g.Violations) == 0 {
			m.open(20, fmt.Sprintf("The client sent a Ping with %s of payload. The server read the next frame without sending a Pong.", size(g.Header.Length)), events...)
		}
	case op != wire.Text && op != wire.Binary:
		if r.log != nil {
			what := fmt.Sprintf("a frame with the reserved opcode 0x%X", uint8(op))
			if op == wire.Continuation {
				what = "a continuation frame without a message"
			}
			m.open(21, fmt.Sprintf("The client sent %s. The server delivered its %s as a message.", what, size(r.delivered())), evidence...)
		}
		m.lost = !g.Header.Fin
	case g.Header.Fin:
		m.rsv(r, g)
		if r.log != nil {
			m.delivers(r, g, op, int(g.Header.Length), g.breaks(wire.RuleTextUTF8))
		}
	default:
		m.inside, m.ours, m.depth = true, true, 1
		m.opcode, m.first, m.payload, m.later, m.reserved = op, g, int(g.Header.Length), 0, nil
		m.note(g)
	}
}

// note remembers RSV bits of g, a fragment.
func (m *messages) note(g frame) {
	if g.breaks(wire.RuleRSV1, wire.RuleRSV2, wire.RuleRSV3) {
		m.reserved = append(m.reserved, g)
	}
}

// rsv finds fault 12 in g, a whole message or one of its fragments, whose message ends
// with r.
func (m *messages) rsv(r *read, g frame) {
	if r.log != nil && g.breaks(wire.RuleRSV1, wire.RuleRSV2, wire.RuleRSV3) {
		m.open(12, fmt.Sprintf("The first byte of the frame is %02x, with a reserved bit. The server delivered its message of %s.", g.Bytes()[0], size(r.delivered())), g.seq, r.log.leave, m.answered(r))
	}
}

// fragment is next while both sides are inside a message.
func (m *messages) fragment(r *read, g frame) {
	op := g.Header.Opcode
	m.depth++
	if r.log == nil && m.c.stopped() == string(naive.Depth) && r.next == nil {
		m.open(26, fmt.Sprintf("The message has had %d fragments so far. The server called itself for each of them, and the cage stopped it.", m.depth), m.first.seq, g.seq, m.c.served.leave)
		m.lost = true
		return
	}
	if op != wire.Continuation {
		if r.log != nil {
			m.open(24, fmt.Sprintf("A %s frame with %s of payload arrived between two fragments. The server added its payload to the message, and delivered %s.", op, size(g.Header.Length), size(r.delivered())), m.first.seq, g.seq, r.log.leave, m.answered(r))
			m.ours = false
		}
		m.lost = r.log == nil || !op.IsControl() // after a new message, it is not clear which message is meant
		return
	}
	m.note(g)
	m.payload += int(g.Header.Length)
	m.later += int(g.Header.Length)
	switch {
	case g.Header.Fin:
		m.inside, m.ours = false, false
		if r.log == nil {
			return
		}
		for _, g := range m.reserved {
			m.rsv(r, g)
		}
		if n := m.first.Header.Length; n > 0 && r.delivered() == m.later {
			m.open(22, fmt.Sprintf("The fragments of the message have %s. The server delivered %d: the first fragment, with %s, is missing.", size(m.payload), r.delivered(), size(n)), m.first.seq, g.seq, r.log.leave, m.answered(r))
		}
		m.delivers(r, g, m.opcode, r.delivered(), m.opcode == wire.Text && g.breaks(wire.RuleTextUTF8) && m.first.Header.Length == 0)
	case g.Header.Length == 0:
		if r.log != nil {
			m.open(25, fmt.Sprintf("An empty fragment without FIN arrived. The server ended the message there, and delivered %s.", size(r.delivered())), m.first.seq, g.seq, r.log.leave, m.answered(r))
			m.ours = false
		}
	}
}

// resync is next while the server treats the rest of a message as other messages.
func (m *messages) resync(r *read, g frame) {
	op := g.Header.Opcode
	if op == wire.Close {
		m.lost = true
		return
	}
	if r.log != nil {
		m.ours = false
	} else if !op.IsControl() {
		m.ours = true
	}
	if op == wire.Continuation && g.Header.Fin {
		m.inside = false
		m.lost = m.ours
	} else if m.inside == m.ours {
		m.lost = true // both are inside, but not at the same fragment
	}
}

// delivers finds the faults of a message of n bytes that ends with g and that the server
// delivers in r. invalid says that it is a text with invalid UTF-8.
func (m *messages) delivers(r *read, g frame, op wire.Opcode, n int, invalid bool) {
	events := []uint64{g.seq, r.log.leave, m.answered(r)}
	if invalid {
		m.open(23, fmt.Sprintf("The payload of the text is %s, which is not valid UTF-8. The server delivered it.", hexOf(g.Payload())), events...)
	}
	a := m.answer(r)
	if op == wire.Binary && a != nil && a.Header.Opcode == wire.Text && a.Header.Length == uint64(n) {
		m.open(27, fmt.Sprintf("The client sent a binary message of %s. The server sent it back with the first byte %02x, as a text.", size(n), a.Bytes()[0]), events...)
	}
	if n == 125 && r.next != nil && !r.wrote {
		m.open(28, "The server received a message of 125 bytes and sent nothing back.", append(events, r.next.enter)...)
	}
	if e := m.failedBefore(r.log.enter); e != 0 && n > 0 {
		m.open(31, fmt.Sprintf("A Write failed. The server ignored that, read the next message of %s, and tried to send it, too.", size(n)), append(events, e)...)
	}
}

// failedBefore returns the seq of a Write that failed before seq, or 0.
func (m *messages) failedBefore(seq uint64) uint64 {
	for _, k := range m.c.named("Write") {
		if k.err != nil && k.leave < seq {
			return k.leave
		}
	}
	return 0
}
