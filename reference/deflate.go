package reference

import (
	"errors"
	"strings"

	"wslab/reference/deflate"
	"wslab/reference/wire"
)

// Deflate is the Extension permessage-deflate (RFC 7692): it compresses messages. An
// application that mixes secrets with text that an attacker can choose should not use
// it.
//
// Between messages, a connection without context takeover keeps no memory for it. With
// context takeover, the decompressor keeps the last 32 KiB received at most, and the
// compressor keeps a flate.Writer: 0.8 MiB, or 1.2 MiB for a window below 32 KiB
// (TestWhatAnIdleConnectionKeeps). So a server with many connections should set
// ServerNoContextTakeover.
type Deflate struct {
	// Params are the parameters that this end asks for.
	Params wire.DeflateParams

	// Offers are a client's offers, the preferred one first. They replace the offer that
	// Params makes. An empty wire.DeflateParams{} at the end is a fallback for a server
	// that declines the others.
	Offers []wire.DeflateParams
}

// Offer implements Extension.
func (d Deflate) Offer() string {
	if len(d.Offers) == 0 {
		return d.Params.Offer().String()
	}
	var items []string
	for _, o := range d.Offers {
		items = append(items, o.String())
	}
	return strings.Join(items, ", ")
}

// Accept implements Extension.
func (d Deflate) Accept(request wire.Head) (response string, codec Codec) {
	if agreed, ok := wire.AcceptDeflate(request, d.Params); ok {
		return agreed.String(), newDeflateCodec(wire.Server, agreed)
	}
	return "", nil
}

// Agree implements Extension.
func (d Deflate) Agree(request, response wire.Head) (Codec, []wire.Violation) {
	agreed, inUse, unfit := wire.CheckDeflateResponse(request, response)
	if !inUse {
		return nil, unfit
	}
	return newDeflateCodec(wire.Client, agreed), nil
}

// Deflate returns the negotiated parameters of permessage-deflate, and whether the
// extension is in use.
func (c *Conn) Deflate() (p wire.DeflateParams, inUse bool) {
	d, inUse := c.m.codec.(*deflateCodec)
	if inUse {
		p = d.params
	}
	return p, inUse
}

// A deflateCodec is the Codec of Deflate, over compress/flate.
type deflateCodec struct {
	params wire.DeflateParams
	*deflate.Compressor
	*deflate.Decompressor
}

func newDeflateCodec(role wire.Role, p wire.DeflateParams) *deflateCodec {
	send, sendBits := !p.ServerNoContextTakeover, p.ServerMaxWindowBits
	receive, receiveBits := !p.ClientNoContextTakeover, p.ClientMaxWindowBits
	if role == wire.Client {
		send, sendBits, receive, receiveBits = receive, receiveBits, send, sendBits
	}
	return &deflateCodec{p, deflate.NewCompressor(sendBits, send), deflate.NewDecompressor(receiveBits, receive)}
}

func (c *deflateCodec) RSV() [3]bool { return [3]bool{true, false, false} }

func (c *deflateCodec) Encode(dst, message []byte) []byte { return c.Compress(dst, message) }

// Decode implements Codec (RFC 7692 §7.2.2).
func (c *deflateCodec) Decode(into, payload []byte, limit int) ([]byte, []wire.Violation) {
	message, err := c.Decompress(into, payload, limit)
	switch {
	case err == nil:
		return message, nil
	case errors.Is(err, deflate.ErrSize):
		return message, []wire.Violation{broken(wire.RuleMessageSize, "The decompressed message exceeds the limit of %d bytes.", limit)}
	}
	return message, []wire.Violation{wire.RuleDeflateData.Broken(err.Error() + ".")}
}

// MaxEncoded implements Codec.
func (c *deflateCodec) MaxEncoded(limit int) uint64 { return deflate.MaxSize(limit) }
