package browser

import (
	"strings"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// normalise returns events with what a browser draws at random replaced by the
// sample values that the raw client uses: the handshake's key, and so its
// accept, and every masking key. So two recordings of a browser can be compared
// with each other and with one of the raw client, byte by byte.
func normalise(events []recording.Event) []recording.Event {
	talks := map[int]*dissect.Conversation{}
	out := make([]recording.Event, 0, len(events))
	for _, e := range events {
		talk := talks[e.Conn]
		if talk == nil {
			talk = &dissect.Conversation{}
			talks[e.Conn] = talk
		}
		switch b := e.Body.(type) {
		case *dissect.Handshake:
			for _, it := range talk.Bytes(b.From, sampleKey(b), true) {
				if it.Handshake != nil {
					it.Handshake.Body = b.Body
					e.Body = it.Handshake
				}
			}
		case *dissect.Frame:
			if whole := b.Gap() == 0 && b.Short == 0; !whole {
				break // its bytes are not all there to be read again
			}
			for _, it := range talk.Bytes(b.From, sampleMask(b), true) {
				if it.Frame != nil {
					e.Body = it.Frame
				}
			}
		}
		out = append(out, e)
	}
	return out
}

// sampleKey returns the bytes of h with the sample key, or the accept for it.
func sampleKey(h *dissect.Handshake) []byte {
	data := append([]byte(nil), h.Bytes()...)
	for _, l := range h.Lines {
		var want string
		switch {
		case strings.EqualFold(l.Name, "Sec-WebSocket-Key"):
			want = scenario.SampleKey
		case strings.EqualFold(l.Name, "Sec-WebSocket-Accept") && h.Accept != nil && l.Value == h.Accept.Expected:
			want = wire.Accept(scenario.SampleKey)
		}
		if len(want) == len(l.Value) && want != "" { // both are base64 of as many bytes
			line := data[l.Offset : l.Offset+l.Size]
			copy(line[len(line)-len("\r\n")-len(want):], want)
		}
	}
	return data
}

// sampleMask returns the bytes of f masked with the sample key, if they are
// masked at all.
func sampleMask(f *dissect.Frame) []byte {
	data := append([]byte(nil), f.Bytes()...)
	if h := f.Header; h.Masked {
		head := h.Size()
		copy(data[head-len(h.Key):], scenario.SampleMask[:])
		copy(data[head:], f.Payload())
		wire.Mask(scenario.SampleMask, 0, data[head:])
	}
	return data
}
