package dissect

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"

	"wslab/reference/wire"
)

// maxSafe is the highest integer that a number in JavaScript holds exactly.
const maxSafe = 1<<53 - 1

// number returns n for JSON. A peer can claim any number. The page would round a number
// above maxSafe, so such a number is a string.
func number(n uint64) any {
	if n > maxSafe {
		return strconv.FormatUint(n, 10)
	}
	return n
}

// size returns the size that f announces, for JSON. Size cannot hold every such size.
func (f *Frame) size() any {
	if n := f.Size(); n < math.MaxUint64 {
		return number(n)
	}
	sum := new(big.Int).SetUint64(f.Header.Length)
	return sum.Add(sum, big.NewInt(int64(f.Header.Size()))).String()
}

// MarshalJSON writes f without its fields, which Fields returns.
func (f *Frame) MarshalJSON() ([]byte, error) {
	type header struct {
		Fin    bool            `json:"fin"`
		RSV1   bool            `json:"rsv1"`
		RSV2   bool            `json:"rsv2"`
		RSV3   bool            `json:"rsv3"`
		Opcode wire.Opcode     `json:"opcode"`
		Name   string          `json:"name"`
		Masked bool            `json:"masked"`
		Form   wire.LengthForm `json:"form"`
		Length string          `json:"length"` // decimal digits, because numbers in JavaScript have 53 bits
		Key    string          `json:"key"`
		Size   int             `json:"size"`
	}
	type closing struct {
		Code   wire.CloseCode `json:"code"`
		Name   string         `json:"name"`
		Reason string         `json:"reason"`
	}
	type fragment struct {
		Index  int    `json:"index"`
		Final  bool   `json:"final"`
		Opcode string `json:"opcode"`
	}
	h := f.Header
	v := struct {
		Offset     uint64           `json:"offset"`
		Size       any              `json:"size"`
		Header     header           `json:"header"`
		Hex        string           `json:"hex"`
		Tail       string           `json:"tail"`
		Gap        uint64           `json:"gap"`
		Short      any              `json:"short"`
		Missing    string           `json:"missing,omitempty"`
		Cut        bool             `json:"cut,omitempty"`
		Payload    string           `json:"payload"`
		Text       *string          `json:"text,omitempty"`
		Close      *closing         `json:"close,omitempty"`
		Fragment   *fragment        `json:"fragment,omitempty"`
		Violations []wire.Violation `json:"violations"`
	}{
		Offset: f.Offset, Size: f.size(),
		Header: header{h.Fin, h.RSV1, h.RSV2, h.RSV3, h.Opcode, h.Opcode.String(), h.Masked, h.Form,
			strconv.FormatUint(h.Length, 10), "", h.Size()},
		Hex: hex.EncodeToString(f.bytes), Tail: hex.EncodeToString(f.Tail()), Gap: f.Gap(), Short: number(f.Short), Cut: f.cut,
		Payload: hex.EncodeToString(f.Payload()), Violations: f.Violations,
	}
	if f.Short > 0 {
		v.Missing = f.missing()
	}
	if h.Masked {
		v.Header.Key = hex.EncodeToString(h.Key[:])
	}
	if s, ok := f.Text(); ok {
		v.Text = &s
	}
	if p := f.Close; p != nil {
		v.Close = &closing{p.Code, p.Code.Name(), p.Reason}
	}
	if h.Opcode.IsData() && (!h.Fin || f.Fragment > 0) {
		v.Fragment = &fragment{f.Fragment, h.Fin, f.Message.String()}
	}
	if v.Violations == nil {
		v.Violations = []wire.Violation{}
	}
	return json.Marshal(v)
}

// MarshalJSON writes h with its lines and the meaning of each.
func (h *Handshake) MarshalJSON() ([]byte, error) {
	type line struct {
		Name    string `json:"name"`
		Value   string `json:"value"`
		Offset  int    `json:"offset"`
		Size    int    `json:"size"`
		Meaning string `json:"meaning"`
		Section string `json:"rfc"`
		Rule    string `json:"rule,omitempty"`
	}
	v := struct {
		What       string           `json:"what"`
		Line       string           `json:"line"`
		Status     int              `json:"status,omitempty"`
		Size       int              `json:"size"`
		Hex        string           `json:"hex"`
		Fields     []line           `json:"fields"`
		Key        string           `json:"key,omitempty"`
		Accept     *Accept          `json:"accept,omitempty"`
		Body       string           `json:"body,omitempty"`
		Violations []wire.Violation `json:"violations"`
	}{
		What: pick(h.From == wire.Client, "request", "response"), Line: h.Line, Status: h.Head.Status, Size: len(h.bytes),
		Hex: hex.EncodeToString(h.bytes), Fields: []line{}, Key: h.Head.Key(), Accept: h.Accept, Body: h.Body, Violations: h.Violations,
	}
	for _, l := range h.Lines {
		v.Fields = append(v.Fields, line{l.Name, l.Value, l.Offset, l.Size, l.Meaning, l.Section, h.ruleBrokenBy(l.Name)})
	}
	if v.Violations == nil {
		v.Violations = []wire.Violation{}
	}
	return json.Marshal(v)
}

// MarshalJSON writes m as text or hex, as far as kept.
func (m *Message) MarshalJSON() ([]byte, error) {
	v := struct {
		Opcode string `json:"opcode"`
		Size   uint64 `json:"size"`
		Text   string `json:"text,omitempty"`
		Hex    string `json:"hex,omitempty"`
	}{Opcode: m.Opcode.String(), Size: m.Size}
	if text := wholeCharacters(m.Head); m.Opcode == wire.Text && !m.Compressed && utf8.Valid(text) {
		v.Text = string(text)
	} else {
		v.Hex = hex.EncodeToString(m.Head)
	}
	return json.Marshal(v)
}

// wholeCharacters removes an incomplete character from the end of b.
func wholeCharacters(b []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return b[:len(b)-n]
			}
			break
		}
	}
	return b
}
