package spec

import (
	"bytes"
	"cmp"
	"compress/flate"
	"fmt"
	"strings"
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

// BrowserOffer is what browsers offer: a server may ask for a smaller window.
const BrowserOffer = wire.PermessageDeflate + "; client_max_window_bits"

// FullWindow is what a case needs in which the judge reaches back 32 KiB.
func FullWindow(agreed wire.DeflateParams, judge wire.Role) string {
	if bits := SendingBits(agreed, judge); bits < 15 {
		return fmt.Sprintf("it wants a window of %d bits, so there is nothing to judge", bits)
	}
	return ""
}

// SendingBits returns the bits of the judge's window.
func SendingBits(agreed wire.DeflateParams, judge wire.Role) int {
	bits := agreed.ClientMaxWindowBits
	if judge == wire.Server {
		bits = agreed.ServerMaxWindowBits
	}
	return cmp.Or(bits, 15)
}

// A Packer compresses what the judge sends.
type Packer struct {
	Out   bytes.Buffer
	Flate *flate.Writer
}

// NewPacker returns a packer whose messages refer to those before them.
func NewPacker() *Packer {
	p := new(Packer)
	p.Flate, _ = flate.NewWriter(&p.Out, flate.BestCompression) // it fails for levels that do not exist
	return p
}

// packers are those for messages on their own, for they are large.
var packers = sync.Pool{New: func() any { return NewPacker() }}

// PackAlone returns message compressed on its own.
func PackAlone(message []byte) []byte {
	p := packers.Get().(*Packer)
	defer packers.Put(p)
	p.Flate.Reset(&p.Out)
	return p.Pack(message)
}

// Pack returns message as RFC 7692 §7.2.1 has it sent.
func (p *Packer) Pack(message []byte) []byte {
	p.Out.Reset()
	_, _ = p.Flate.Write(message)
	_ = p.Flate.Flush()
	b := bytes.Clone(p.Out.Bytes())
	return b[:len(b)-4] // without the 00 00 ff ff that every flush ends in
}

// Packed returns f with its payload compressed on its own and RSV1 set.
func Packed(f Frame) Frame {
	f.Payload.Packed = true
	return f.WithRSV(4)
}

// RawPacked returns a frame of a compressed message with these bytes.
func RawPacked(op wire.Opcode, b ...byte) Frame {
	return Frame{Fin: true, RSV: 4, Opcode: op, Payload: Payload{Data: b}}
}

// OfferedParam returns a parameter of the first offer of permessage-deflate.
func OfferedParam(request wire.Head, name string) (wire.Param, bool) {
	list, _ := wire.ParseExtensions(request)
	for _, e := range list {
		if strings.EqualFold(e.Name, wire.PermessageDeflate) {
			for _, p := range e.Params {
				if p.Name == name {
					return p, true
				}
			}
			break
		}
	}
	return wire.Param{}, false
}
