package suite

import (
	"bytes"
	"cmp"
	"compress/flate"
	"fmt"
	"sync"

	"wslab/reference/wire"
)

// Deflate is what a case about permessage-deflate (RFC 7692) asks of the
// opening handshake. An endpoint that has no such extension, or not as the case
// needs it, is within its rights: the verdict is then Note.
type Deflate struct {
	Offer  string // what the judge offers as a client; default: browserOffer
	Answer string // what it answers as a server; default: what the offer asks for
	// Needs says what the case lacks in what is agreed on, "" for nothing. The
	// judge is the end in role.
	Needs func(agreed wire.DeflateParams, judge wire.Role) string
	// Offered says what a case for clients lacks in the request.
	Offered func(request wire.Head) string
}

// browserOffer is what browsers offer: a server may ask for a smaller window.
const browserOffer = wire.PermessageDeflate + "; client_max_window_bits"

// extensions returns what role puts into Sec-WebSocket-Extensions. request is the
// client's, where role answers it.
func (d *Deflate) extensions(role wire.Role, request wire.Head) string {
	switch {
	case d == nil:
		return ""
	case role == wire.Client:
		return cmp.Or(d.Offer, browserOffer)
	case d.Answer != "":
		return d.Answer
	}
	// What an offer asks of the server must be in the answer, and what it says of
	// the client may be.
	answer := wire.PermessageDeflate
	for _, name := range []string{"server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits"} {
		if p, ok := offeredParam(request, name); ok {
			answer += "; " + p.String()
		}
	}
	return answer
}

// lacksOffer says what a client's request lacks that c is about, "" for nothing.
func (c *Case) lacksOffer(a answer) string {
	switch {
	case c.Subprotocols != nil && len(a.head.Head.Tokens("Sec-WebSocket-Protocol")) == 0:
		return "it offers no subprotocol, so there is nothing to judge"
	case c.Deflate == nil:
		return ""
	case !a.offers:
		return "it does not offer permessage-deflate, so there is nothing to judge"
	case c.Deflate.Offered != nil:
		return c.Deflate.Offered(a.head.Head)
	}
	return ""
}

// lacksDeflate says what c needs of permessage-deflate and the target did not agree
// on, "" for nothing.
func (c *Case) lacksDeflate(a answer, role wire.Role) string {
	switch {
	case c.Deflate == nil || c.Deflate.Needs == nil:
		return ""
	case a.deflate == nil && role == wire.Client:
		return "it does not take permessage-deflate, so there is nothing to judge"
	case a.deflate == nil:
		return ""
	}
	if lacks := c.Deflate.Needs(*a.deflate, role); lacks != "" {
		return lacks
	}
	if bits := sendingBits(*a.deflate, role); c.largestPacked() > 1<<bits {
		return fullWindow(*a.deflate, role)
	}
	return ""
}

// inUse is the least that a case of compressed data needs.
func inUse(wire.DeflateParams, wire.Role) string { return "" }

// takeover is what a case needs in which the judge's messages refer to those
// before them.
func takeover(agreed wire.DeflateParams, judge wire.Role) string {
	if judge == wire.Client && agreed.ClientNoContextTakeover || judge == wire.Server && agreed.ServerNoContextTakeover {
		return "it wants each message compressed on its own, so there is nothing to judge"
	}
	return ""
}

// fullWindow is what a case needs in which the judge reaches back 32 KiB.
func fullWindow(agreed wire.DeflateParams, judge wire.Role) string {
	if bits := sendingBits(agreed, judge); bits < 15 {
		return fmt.Sprintf("it wants a window of %d bits, so there is nothing to judge", bits)
	}
	return ""
}

// takeoverFullWindow is what a case needs in which both is so.
func takeoverFullWindow(agreed wire.DeflateParams, judge wire.Role) string {
	return cmp.Or(takeover(agreed, judge), fullWindow(agreed, judge))
}

// sendingBits returns the bits of the judge's window.
func sendingBits(agreed wire.DeflateParams, judge wire.Role) int {
	bits := agreed.ClientMaxWindowBits
	if judge == wire.Server {
		bits = agreed.ServerMaxWindowBits
	}
	return cmp.Or(bits, 15)
}

// largestPacked returns the bytes of the largest message that c compresses when
// it is sent: what it refers to need not lie in a smaller window.
func (c *Case) largestPacked() int {
	most := 0
	for _, s := range c.Steps {
		for _, f := range s.Frames {
			if f.Payload.Packed {
				most = max(most, min(f.Payload.Len(), 1<<15))
			}
		}
	}
	return most
}

// An inflater reads the target's compressed messages.
type inflater struct {
	takeover bool
	window   int // bytes that a distance may reach back
	bits     int
	limit    int
	history  []byte
}

// newInflater returns one for what sender sends.
func newInflater(p wire.DeflateParams, sender wire.Role, limit int) *inflater {
	takeover, bits := !p.ServerNoContextTakeover, p.ServerMaxWindowBits
	if sender == wire.Client {
		takeover, bits = !p.ClientNoContextTakeover, p.ClientMaxWindowBits
	}
	if bits == 0 {
		bits = 15
	}
	return &inflater{takeover: takeover, window: 1 << bits, bits: bits, limit: limit}
}

// message returns what payload stands for (RFC 7692 §7.2.2).
func (i *inflater) message(payload []byte) ([]byte, *wire.Violation) {
	history := i.history
	if !i.takeover {
		history = nil
	}
	broke := func(r wire.Rule, format string, args ...any) ([]byte, *wire.Violation) {
		v := r.Broken(fmt.Sprintf(format, args...))
		return nil, &v
	}
	message, farthest, err := inflate(history, payload, i.limit)
	if err != nil && !i.takeover {
		if _, _, with := inflate(i.history, payload, i.limit); with == nil && len(i.history) > 0 {
			return broke(wire.RuleDeflateTakeover, "This message can only be read with those before it.")
		}
	}
	if err != nil {
		return broke(wire.RuleDeflateData, "It cannot be inflated: %v.", err)
	}
	if farthest > i.window {
		return broke(wire.RuleDeflateWindow, "A distance of %d bytes was used, and the window has %d bits.", farthest, i.bits)
	}
	i.history = append(i.history, message...)
	i.history = i.history[max(0, len(i.history)-1<<15):]
	return message, nil
}

// A packer compresses what the judge sends.
type packer struct {
	out   bytes.Buffer
	flate *flate.Writer
}

// newPacker returns a packer whose messages refer to those before them.
func newPacker() *packer {
	p := new(packer)
	p.flate, _ = flate.NewWriter(&p.out, flate.BestCompression) // it fails for levels that do not exist
	return p
}

// packers are those for messages on their own, for they are large.
var packers = sync.Pool{New: func() any { return newPacker() }}

// packAlone returns message compressed on its own.
func packAlone(message []byte) []byte {
	p := packers.Get().(*packer)
	defer packers.Put(p)
	p.flate.Reset(&p.out)
	return p.pack(message)
}

// pack returns message as RFC 7692 §7.2.1 has it sent.
func (p *packer) pack(message []byte) []byte {
	p.out.Reset()
	_, _ = p.flate.Write(message)
	_ = p.flate.Flush()
	b := bytes.Clone(p.out.Bytes())
	return b[:len(b)-4] // without the 00 00 ff ff that every flush ends in
}

// packed returns f with its payload compressed on its own and RSV1 set.
func packed(f Frame) Frame {
	f.Payload.Packed = true
	return f.rsv(4)
}

// rawPacked returns a frame of a compressed message with these bytes.
func rawPacked(op wire.Opcode, b ...byte) Frame {
	return Frame{Fin: true, RSV: 4, Opcode: op, Payload: Payload{Data: b}}
}
