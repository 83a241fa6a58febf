package mistakes

import (
	"bytes"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// quiet reports whether the endpoint sent no bytes that could be an answer: no message,
// Pong or Close frame, and no invalid or incomplete frame.
func (r *diagnosing) quiet() bool {
	return len(r.Saw) == 0 && r.Closed == nil && r.Fault == nil && !r.Part.There()
}

// due returns the frame that the case expected in place of a wrong frame with opcode op:
// the next message or Pong, or the Close frame. ok is false if the case expected none.
func (r *diagnosing) due(op wire.Opcode) (e spec.Frame, ok bool) {
	o := r.Case.Outcomes[0]
	if op == wire.Close {
		code := wire.NormalClosure
		if len(o.End.Codes) > 0 {
			code = o.End.Codes[0]
		}
		return spec.Frame{Opcode: wire.Close, Payload: spec.Payload{Data: wire.ClosePayload{Code: code}.Append(nil)}}, true
	}
	n := 0
	for _, s := range r.Saw {
		if !s.Idle {
			n++
		}
	}
	if n >= len(o.Sees) {
		return spec.Frame{}, false
	}
	return o.Sees[n], true
}

// carries reports whether b is p or the start of p. If b is empty, p must be empty, too.
func carries(b []byte, p spec.Payload) bool {
	want := p.Prefix(len(b))
	return bytes.HasPrefix(b, want) && len(want) == min(len(b), p.Len()) && (len(want) > 0 || p.Len() == 0)
}

// ofFrame names the mistake that the raw bytes of an invalid frame show.
func (r *diagnosing) ofFrame() string {
	raw := r.Raw
	h, ok := wire.ParseHeader(raw)
	if r.Fault == nil || !ok {
		return ""
	}
	if code := r.ofBytesAfter(raw); code != "" {
		return code
	}
	e, ok := r.due(h.Opcode)
	if !ok {
		return ""
	}
	n := uint64(e.Payload.Len())
	body := raw[h.Size():]
	sameKind := h.Opcode == e.Opcode
	// A Close frame may have any reason, so only its first two bytes are compared.
	if h.Opcode == wire.Close && h.Length >= 2 {
		n = h.Length
	}
	switch r.Fault.Rule.Code {
	case wire.RuleMaskForbidden.Code:
		clear := bytes.Clone(body)
		wire.Mask(h.Key, 0, clear)
		switch {
		case sameKind && h.Length == n && (carries(clear, e.Payload) || h.Length == 0):
			return "server-masks"
		case sameKind && n <= wire.MaxControlPayload && uint64(raw[1]&0x7F) == n && carries(raw[2:], e.Payload) && n > 0:
			return "mask-bit-without-key"
		case sameKind && n > wire.MaxControlPayload && raw[1] == byte(n) && carries(raw[2:], e.Payload):
			return "length-in-one-byte"
		}
	case wire.RuleMaskMissing.Code:
		if !sameKind || h.Length != n {
			return ""
		}
		if len(body) > 4 {
			clear := bytes.Clone(body[4:])
			wire.Mask([4]byte(body), 0, clear)
			if carries(clear, e.Payload) && !carries(body, e.Payload) {
				return "mask-bit-missing"
			}
		}
		switch {
		case h.Length == 0 && r.Trace.Masked:
			return "mask-left-out-when-empty"
		case !carries(body, e.Payload) && (!h.Opcode.IsControl() || len(body) > 0):
		case h.Opcode.IsControl():
			r.Trace.BareControl = true // other cases show whether other frames are masked
			if r.Trace.Masked {
				return "mask-left-out-in-control-frames"
			}
		case !r.Trace.Masked:
			return "client-does-not-mask"
		}
	case wire.RuleLengthMinimal.Code:
		switch {
		case !sameKind || slices.Contains(r.Case.Rules, wire.RuleLengthMinimal.Code):
		case swapped(h) == n:
			return "length-sent-little-endian"
		case h.Length == n && (carries(body, e.Payload) || h.Masked):
			return "length-not-minimal"
		}
	case wire.RuleControlFragment.Code:
		if sameKind && !slices.Contains(r.Case.Rules, wire.RuleControlFragment.Code) && (h.Length == n || h.Opcode == wire.Close) && (h.Masked || carries(body, e.Payload)) {
			return "control-sent-fragmented"
		}
	}
	return ""
}

// ofBytesAfter names the mistake that bytes between two frames show. They are the rest of
// a payload whose length was too small, or one byte before a valid frame.
func (r *diagnosing) ofBytesAfter(raw []byte) string {
	o := r.Case.Outcomes[0]
	if n := len(r.Saw); n > 0 && n <= len(o.Sees) {
		last, e := r.Saw[n-1], o.Sees[n-1]
		if last.Opcode == e.Opcode && len(last.Payload) < e.Payload.Len() && bytes.Equal(last.Payload, e.Payload.Prefix(len(last.Payload))) {
			left := spec.Payload{Data: e.Payload.Prefix(len(last.Payload) + spec.KeepBytes)[len(last.Payload):]}
			if masked := last.Frames[0].Header; masked.Masked {
				hidden := bytes.Clone(left.Data)
				wire.Mask(masked.Key, len(last.Payload)%4, hidden)
				left.Data = hidden
			}
			switch {
			case !carries(raw[:min(len(raw), len(left.Data))], left):
			case e.Opcode == wire.Text && utf8.RuneCount(e.Payload.Bytes()) == len(last.Payload):
				return "length-in-characters"
			case last.Frames[0].Header.Form == wire.Length7 && e.Payload.Len() > wire.MaxControlPayload && len(last.Payload) == e.Payload.Len()&0x7F:
				return "length-in-one-byte"
			case swapped(last.Frames[0].Header) == uint64(e.Payload.Len()):
				return "length-sent-little-endian"
			default:
				return "length-too-small"
			}
		}
	}
	next, ok := wire.ParseHeader(raw[min(1, len(raw)):])
	if len(r.Saw) == 0 || !ok || wire.Check(next, wire.Context{Sender: r.Case.Judges}) != nil {
		return ""
	}
	if e, ok := r.due(next.Opcode); ok && next.Opcode == e.Opcode && next.Length == uint64(e.Payload.Len()) {
		return "byte-after-frame"
	}
	return ""
}

// ofPart names the mistake that an incomplete frame shows: the length is larger than the
// payload that arrived.
func (r *diagnosing) ofPart() string {
	h := r.Part.Header
	switch {
	case r.Fault != nil || !r.Part.There():
		return ""
	case !r.Part.Whole:
		return r.ofBytesAfter(r.Part.Payload)
	}
	e, ok := r.due(h.Opcode)
	if !ok || h.Opcode != e.Opcode || !h.Fin {
		return ""
	}
	n, have := uint64(e.Payload.Len()), r.Part.Payload
	switch {
	case h.Form != wire.Length7 && swapped(h) == n && h.Length != n:
		return "length-sent-little-endian"
	case h.Form == wire.Length64 && h.Length>>32 == n && n > 0 && h.Length != n|n<<32:
		return "length-sent-in-32-bits"
	case uint64(len(have)) != n || h.Length <= n || !carries(have, e.Payload):
		return "" // the end of TCP may have cut off the rest
	case h.Masked && h.Length == n+4:
		return "length-counts-masking-key"
	}
	return "length-too-large"
}

// swapped returns the length of h with its bytes in reverse order.
func swapped(h wire.Header) uint64 {
	switch h.Form {
	case wire.Length16:
		return uint64(bits.ReverseBytes16(uint16(h.Length)))
	case wire.Length64:
		return bits.ReverseBytes64(h.Length)
	}
	return h.Length
}

// ofCloseBody names the mistake that the close code of the target shows.
func (r *diagnosing) ofCloseBody(body []byte) string {
	e, _ := r.due(wire.Close)
	want := e.Payload.Bytes()
	switch {
	case len(body) >= 4 && !bytes.ContainsFunc(body[:4], func(c rune) bool { return c < '0' || c > '9' }):
		return "close-code-as-text"
	case len(body) >= 4 && bytes.Equal(body[:4], append([]byte{0, 0}, want[:2]...)):
		return "close-code-in-32-bits"
	case len(body) >= 2 && body[0] == want[1] && body[1] == want[0] && want[0] != want[1]:
		return "close-code-little-endian"
	}
	return ""
}

// oldHTTP reports whether the request of c has an HTTP version below 1.1.
func oldHTTP(c *spec.Case) bool {
	line, _, _ := strings.Cut(strings.Join(c.Opening.Writes, ""), "\r\n")
	words := strings.Fields(line)
	return len(words) == 3 && (words[2] == "HTTP/1.0" || words[2] == "HTTP/0.9")
}
