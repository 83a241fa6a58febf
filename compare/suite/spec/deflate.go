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

// Deflate says how permessage-deflate (RFC 7692) must be negotiated for a case. An
// endpoint may do without the extension or choose other parameters. The verdict is then
// Note.
type Deflate struct {
	Offer  string // of the judge as a client; default: BrowserOffer
	Answer string // of the judge as a server; default: the parameters that were offered
	// Needs returns why the case cannot be played with the agreed parameters. It returns
	// "" if the case can be played. judge is the role of the judge.
	Needs func(agreed wire.DeflateParams, judge wire.Role) string
	// Offered returns why a case for clients cannot be played after this request. It
	// returns "" if the case can be played.
	Offered func(request wire.Head) string
}

// BrowserOffer is the offer that browsers send: a server may choose a smaller window.
const BrowserOffer = wire.PermessageDeflate + "; client_max_window_bits"

// FullWindow is the Needs of a case in which the judge refers back 32 KiB.
func FullWindow(agreed wire.DeflateParams, judge wire.Role) string {
	if bits := SendingBits(agreed, judge); bits < 15 {
		return fmt.Sprintf("it requires a window of %d bits, so this case cannot be judged", bits)
	}
	return ""
}

// SendingBits returns the size in bits of the window that the judge may use.
func SendingBits(agreed wire.DeflateParams, judge wire.Role) int {
	bits := agreed.ClientMaxWindowBits
	if judge == wire.Server {
		bits = agreed.ServerMaxWindowBits
	}
	return cmp.Or(bits, 15)
}

// A Packer compresses the messages of the judge.
type Packer struct {
	Out   bytes.Buffer
	Flate *flate.Writer
}

// NewPacker returns a packer whose messages refer to earlier messages.
func NewPacker() *Packer {
	p := new(Packer)
	p.Flate, _ = flate.NewWriter(&p.Out, flate.BestCompression) // the only error is an unknown level
	return p
}

// packers stores packers that PackAlone uses again, because each takes much memory.
var packers = sync.Pool{New: func() any { return NewPacker() }}

// PackAlone returns message compressed without the context of other messages.
func PackAlone(message []byte) []byte {
	p := packers.Get().(*Packer)
	defer packers.Put(p)
	p.Flate.Reset(&p.Out)
	return p.Pack(message)
}

// Pack returns message as it is sent (RFC 7692 §7.2.1).
func (p *Packer) Pack(message []byte) []byte {
	p.Out.Reset()
	_, _ = p.Flate.Write(message)
	_ = p.Flate.Flush()
	b := bytes.Clone(p.Out.Bytes())
	return b[:len(b)-4] // without 00 00 ff ff, the end of every flush
}

// Packed returns f with RSV1, and its payload compressed by PackAlone.
func Packed(f Frame) Frame {
	f.Payload.Packed = true
	return f.WithRSV(4)
}

// RawPacked returns a frame with RSV1 whose payload is b, unchanged.
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
