package browser

import (
	"strings"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// normalize returns events in which the values of the raw client replace the random
// values of the browser: the handshake key, the accept value that follows from the key,
// and every masking key. So recordings of browsers and of the raw client can be compared
// byte by byte.
func normalize(events []recording.Event) []recording.Event {
	talks := map[int]*dissect.Conversation{}  // the bytes that were transmitted, by connection
	unread := map[int]*dissect.Conversation{} // the same, with the bytes after them that the server did not read
	out := make([]recording.Event, 0, len(events))
	for _, e := range events {
		if talks[e.Conn] == nil {
			talks[e.Conn] = &dissect.Conversation{}
		}
		talk := talks[e.Conn]
		switch b := e.Body.(type) {
		case *dissect.Handshake:
			for _, it := range talk.Bytes(b.From, sampleKey(b), true) {
				if it.Handshake != nil {
					it.Handshake.Body = b.Body
					e.Body = it.Handshake
				}
			}
		case *dissect.Frame:
			if f := again(talk, b); f != nil {
				e.Body = f
			}
		case *recording.Unread:
			if unread[e.Conn] == nil {
				unread[e.Conn] = talk.Clone()
			}
			if f := again(unread[e.Conn], b.Frame); f != nil {
				sample := *b
				sample.Frame, sample.Head = f, f.Bytes()
				e.Body = &sample
			}
		}
		out = append(out, e)
	}
	return out
}

// again decodes f in talk, with the sample masking key. It returns nil if f is nil or not
// all of f's bytes were kept.
func again(talk *dissect.Conversation, f *dissect.Frame) (sample *dissect.Frame) {
	if f == nil || f.Gap() > 0 || f.Short > 0 {
		return nil
	}
	for _, it := range talk.Bytes(f.From, sampleMask(f), true) {
		if it.Frame != nil {
			sample = it.Frame
		}
	}
	return sample
}

// sampleKey returns the bytes of h with the sample key, or with its accept value.
func sampleKey(h *dissect.Handshake) []byte {
	head := append([]byte(nil), h.Bytes()...)
	for _, l := range h.Lines {
		var want string
		switch {
		case strings.EqualFold(l.Name, "Sec-WebSocket-Key"):
			want = scenario.SampleKey
		case strings.EqualFold(l.Name, "Sec-WebSocket-Accept") && h.Accept != nil && l.Value == h.Accept.Expected:
			want = wire.Accept(scenario.SampleKey)
		}
		if len(want) == len(l.Value) && want != "" { // both are the base64 of the same number of bytes
			line := head[l.Offset : l.Offset+l.Size]
			copy(line[len(line)-len("\r\n")-len(want):], want)
		}
	}
	return head
}

// sampleMask returns the bytes of f. If f is masked, they are masked with the sample key.
func sampleMask(f *dissect.Frame) []byte {
	frame := append([]byte(nil), f.Bytes()...)
	if h := f.Header; h.Masked {
		header, payload := frame[:h.Size()], frame[h.Size():]
		copy(header[len(header)-len(h.Key):], scenario.SampleMask[:])
		copy(payload, f.Payload())
		wire.Mask(scenario.SampleMask, 0, payload)
	}
	return frame
}
