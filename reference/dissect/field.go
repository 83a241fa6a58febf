package dissect

import (
	"encoding/hex"
	"fmt"
	"strings"

	"wslab/reference/wire"
)

// Field is a named run of bits of a frame. The fields of a frame are in order, without
// gaps or overlaps, and cover all its bits.
type Field struct {
	Name       string           `json:"name"`   // "FIN", "opcode", "masking key", …
	Letter     string           `json:"letter"` // the name as one letter: F 1 2 3 O M L E K P C R
	Group      string           `json:"group"`  // for its color: head len key data code
	Bit        uint64           `json:"bit"`    // first bit, counted from the first bit of the frame, as in the RFC's figure
	Bits       uint64           `json:"bits"`
	Raw        string           `json:"raw"`   // the bits themselves if fewer than 8; otherwise the kept bytes in hex, as on the wire
	Value      string           `json:"value"` // the value, unmasked
	Form       string           `json:"form"`  // "1... .... = Mask: True"
	Meaning    string           `json:"meaning"`
	Sections   []string         `json:"rfc"`            // sections of RFC 6455
	Rule       string           `json:"rule,omitempty"` // code of the rule that explains the field
	Violations []wire.Violation `json:"violations,omitempty"`
	Site       string           `json:"site"` // lines of the source that read it, as package lesson resolves them
}

// The places in the source that read each field, as package.function#region.
const (
	siteFin       = "wire.ParseHeader#fin"
	siteRSV       = "wire.ParseHeader#rsv"
	siteOpcode    = "wire.ParseHeader#opcode"
	siteMask      = "wire.ParseHeader#mask"
	siteLength    = "wire.ParseHeader#length"
	siteLength16  = "wire.ParseHeader#length16"
	siteLength64  = "wire.ParseHeader#length64"
	siteKey       = "wire.ParseHeader#key"
	siteUnmask    = "reference.(*Machine).receivePayload#unmask"
	siteCloseCode = "wire.ParseClosePayload#closecode"
	siteReason    = "wire.ParseClosePayload#reason"
	siteUTF8      = "wire.(*UTF8).check#utf8"
)

// Sites lists every Site of a Field, so that a test can look each up in the source.
var Sites = []string{
	siteFin, siteRSV, siteOpcode, siteMask, siteLength, siteLength16, siteLength64,
	siteKey, siteUnmask, siteCloseCode, siteReason, siteUTF8,
}

// Fields returns the fields of f in order. If the stream ended inside f, the last field
// is cut there.
func (f *Frame) Fields() []Field {
	var fs []Field
	at := uint64(0)
	add := func(bits uint64, fd Field) {
		fd.Bit, fd.Bits = at, bits
		at += bits
		fs = append(fs, fd)
	}
	h := f.Header

	// 1. First byte.
	add(1, Field{Name: "FIN", Letter: "F", Group: "head", Value: setOrNot(h.Fin), Meaning: f.finMeaning(),
		Sections: []string{"5.2", "5.4"}, Rule: pick(h.Opcode.IsControl(), wire.RuleControlFragment.Code, ""), Site: siteFin})
	for i, set := range []bool{h.RSV1, h.RSV2, h.RSV3} {
		rule := []wire.Rule{wire.RuleRSV1, wire.RuleRSV2, wire.RuleRSV3}[i]
		meaning := "Reserved for extensions. Must be 0 unless an extension that uses it was negotiated."
		if set {
			meaning = "This bit is set, so an extension negotiated in the handshake must give it a meaning. With permessage-deflate, RSV1 means “this message is compressed”."
		}
		add(1, Field{Name: fmt.Sprintf("RSV%d", i+1), Letter: fmt.Sprint(i + 1), Group: "head", Value: setOrNot(set),
			Meaning: meaning, Sections: []string{"5.2", "9"}, Rule: rule.Code, Site: siteRSV})
	}
	add(4, Field{Name: "opcode", Letter: "O", Group: "head", Value: fmt.Sprintf("%s (0x%X)", h.Opcode, uint8(h.Opcode)),
		Meaning: opcodeMeaning(h.Opcode), Sections: []string{"5.2", opcodeSection(h.Opcode)}, Rule: wire.RuleOpcode.Code, Site: siteOpcode})

	// 2. Second byte, and the extended length if there is one.
	add(1, Field{Name: "MASK", Letter: "M", Group: "len", Value: setOrNot(h.Masked), Meaning: f.maskMeaning(), Sections: []string{"5.1", "5.3"},
		Rule: pick(f.From == wire.Client, wire.RuleMaskMissing.Code, wire.RuleMaskForbidden.Code), Site: siteMask})
	short, meaning := h.Length, "The payload's length in bytes. The masking key is not counted."
	switch h.Form {
	case wire.Length16:
		short, meaning = 126, "126 is a marker: the length is in the next two bytes."
	case wire.Length64:
		short, meaning = 127, "127 is a marker: the length is in the next eight bytes."
	}
	add(7, Field{Name: "payload length", Letter: "L", Group: "len", Value: fmt.Sprint(short), Meaning: meaning, Sections: []string{"5.2"},
		Rule: pick(h.Opcode.IsControl(), wire.RuleControlLength.Code, wire.RuleLengthMinimal.Code), Site: siteLength})
	if h.Form != wire.Length7 {
		site := pick(h.Form == wire.Length16, siteLength16, siteLength64)
		rule := pick(h.Form == wire.Length16 || h.Length>>63 == 0, wire.RuleLengthMinimal.Code, wire.RuleLengthTopBit.Code)
		add(uint64(h.Form), Field{Name: "extended payload length", Letter: "E", Group: "len", Value: fmt.Sprint(h.Length),
			Meaning:  fmt.Sprintf("The payload's length in bytes, in %d bits, the most significant byte first.", h.Form),
			Sections: []string{"5.2"}, Rule: rule, Site: site})
	}

	// 3. The masking key.
	if h.Masked {
		add(32, Field{Name: "masking key", Letter: "K", Group: "key", Value: hex.EncodeToString(h.Key[:]),
			Meaning: "Four bytes that the sender chose for this frame only. Payload byte i is XORed with byte i mod 4 of the key.", Sections: []string{"5.3", "10.3"}, Site: siteKey})
	}

	// 4. The payload.
	for _, fd := range f.payloadFields() {
		add(fd.Bits, fd)
	}
	fs = f.clip(fs)
	for i := range fs {
		f.finish(&fs[i])
	}
	return fs
}

// payloadFields returns the fields of the payload: code and reason of a Close frame,
// application data of any other. It sets Bits, but not the rest of their positions.
func (f *Frame) payloadFields() []Field {
	size := f.Header.Length
	if size == 0 || f.cut {
		return nil
	}
	p := f.Payload()
	length := min(size, 1<<60) * 8 // The number of bits of a longer payload does not fit into 64 bits, and no such payload ever arrives.
	if f.Close != nil && size >= 2 {
		code := Field{Name: "status code", Letter: "C", Group: "code", Bits: 16, Value: f.Close.Code.String(),
			Meaning: "The reason for closing, as a two-byte number.", Sections: []string{"5.5.1", "7.4"}, Rule: wire.RuleCloseCode.Code, Site: siteCloseCode}
		if size == 2 {
			return []Field{code}
		}
		return []Field{code, {Name: "reason", Letter: "R", Group: "data", Bits: length - 16, Value: quote(p[2:]),
			Meaning: "The reason for closing, as text for debugging. UTF-8, at most 123 bytes.", Sections: []string{"5.5.1", "7.1.6"}, Rule: wire.RuleCloseReason.Code, Site: siteReason}}
	}
	fd := Field{Name: "payload data", Letter: "P", Group: "data", Bits: length, Sections: []string{"5.2", "5.6"}, Site: siteUnmask}
	switch {
	case f.textual:
		fd.Value, fd.Meaning, fd.Rule = quote(p), "Text in UTF-8.", wire.RuleTextUTF8.Code
		if !f.Header.Masked {
			fd.Site = siteUTF8
		}
	case f.Header.Opcode == wire.Ping, f.Header.Opcode == wire.Pong:
		fd.Value, fd.Meaning, fd.Sections = quote(p), "Any bytes. A Pong has the same payload as the Ping that it answers.", []string{"5.5.2", "5.5.3"}
	case f.Header.Opcode == wire.Close:
		fd.Value, fd.Meaning, fd.Sections, fd.Rule = hex.EncodeToString(p), "The body of this Close frame has one byte, which is too short for a status code.", []string{"5.5.1"}, wire.RuleCloseBody.Code
		if size > 1 {
			fd.Meaning = "The body of a Close frame (status code and reason), of which a part did not arrive."
		}
		fd.Site = siteCloseCode
	default:
		fd.Value, fd.Meaning = shorten(hex.EncodeToString(p)), "Any bytes, for the application."
	}
	if f.Header.Masked {
		fd.Meaning += " Masked on the wire; shown here unmasked."
	}
	if n := uint64(len(p)); n < size-f.Short {
		fd.Value += fmt.Sprintf(" (%d of %d bytes)", n, size)
	}
	return []Field{fd}
}

// clip cuts fs to the bits that arrived.
func (f *Frame) clip(fs []Field) []Field {
	if f.Short == 0 {
		return fs
	}
	end := f.came * 8
	for i := range fs {
		if fs[i].Bit >= end {
			return fs[:i]
		}
		if fs[i].Bit+fs[i].Bits > end {
			fs[i].Bits = end - fs[i].Bit
			fs[i].Meaning += " The stream ended before the rest of this field" + pick(f.Missing == NotRead, " was read.", " came.")
		}
	}
	return fs
}

// finish sets the parts of a field that depend on its position: its bits, its form and
// the violations about it.
func (f *Frame) finish(fd *Field) {
	if fd.Bits < 8 {
		next := f.bytes[fd.Bit/8]
		var raw, form strings.Builder
		for i := range uint64(8) {
			inside := i >= fd.Bit%8 && i < fd.Bit%8+fd.Bits
			bit := byte('0' + next>>(7-i)&1)
			if i == 4 {
				form.WriteByte(' ')
			}
			if inside {
				raw.WriteByte(bit)
				form.WriteByte(bit)
			} else {
				form.WriteByte('.')
			}
		}
		fd.Raw = raw.String()
		fd.Form = form.String() + " = " + fd.label()
	} else {
		from := min(fd.Bit/8, uint64(len(f.bytes)))
		to := min((fd.Bit+fd.Bits)/8, uint64(len(f.bytes)))
		fd.Raw = hex.EncodeToString(f.bytes[from:to])
		fd.Form = fd.label()
	}
	for _, v := range f.Violations {
		about := violationField[v.Code]
		if about == "payload data" && f.Header.Length == 0 {
			about = "FIN" // an empty last fragment ends a text inside a character
		}
		if about == fd.Name {
			fd.Violations = append(fd.Violations, v)
			fd.Rule = v.Code
		}
	}
}

// label returns the name and value in Wireshark's words.
func (fd *Field) label() string {
	value := fd.Value
	switch fd.Name {
	case "FIN", "RSV1", "RSV2", "RSV3", "MASK":
		name := map[string]string{"FIN": "Fin", "RSV1": "Reserved 1", "RSV2": "Reserved 2", "RSV3": "Reserved 3", "MASK": "Mask"}[fd.Name]
		return name + ": " + pick(fd.Value == "set", "True", "False")
	case "opcode":
		return "Opcode: " + value
	case "payload length":
		return "Payload length: " + value
	case "extended payload length":
		return fmt.Sprintf("Extended Payload length (%d bits): %s", fd.Bits, value)
	case "masking key":
		return "Masking-Key: " + fd.Raw
	case "status code":
		return "Status code: " + value
	case "reason":
		return "Reason: " + value
	}
	return "Payload: " + value
}

// violationField says which field each rule of the frame is about.
var violationField = map[string]string{
	wire.RuleRSV1.Code: "RSV1", wire.RuleRSV2.Code: "RSV2", wire.RuleRSV3.Code: "RSV3",
	wire.RuleOpcode.Code: "opcode", wire.RuleStray.Code: "opcode", wire.RuleInterleaved.Code: "opcode", wire.RuleAfterClose.Code: "opcode",
	wire.RuleControlFragment.Code: "FIN", wire.RuleEarlyData.Code: "FIN",
	wire.RuleMaskMissing.Code: "MASK", wire.RuleMaskForbidden.Code: "MASK",
	wire.RuleControlLength.Code: "payload length",
	wire.RuleLengthMinimal.Code: "extended payload length", wire.RuleLengthTopBit.Code: "extended payload length",
	wire.RuleCloseBody.Code: "payload data", wire.RuleTextUTF8.Code: "payload data",
	wire.RuleCloseCode.Code: "status code", wire.RuleCloseReason.Code: "reason",
}

func (f *Frame) finMeaning() string {
	switch h := f.Header; {
	case h.Opcode.IsControl() && h.Fin:
		return "A control frame is never fragmented, so FIN is set."
	case h.Opcode.IsControl():
		return "FIN is not set: this control frame claims to be fragmented, which is not allowed."
	case h.Fin && h.Opcode == wire.Continuation:
		return "This is the last frame of its message."
	case h.Fin:
		return "This frame is the whole message."
	case h.Opcode == wire.Continuation:
		return "This frame is in the middle of a message. More frames follow."
	}
	return "This is the first frame of a message. More frames follow."
}

func (f *Frame) maskMeaning() string {
	switch masked := f.Header.Masked; {
	case masked && f.From == wire.Client:
		return "The payload is masked. The four-byte masking key follows the length. A client sets this bit on every frame, a server on none."
	case masked:
		return "The payload is masked, but this frame is from a server, which must not mask."
	case f.From == wire.Client:
		return "The payload is not masked, but this frame is from a client, which must mask. There is no masking key."
	}
	return "The payload is not masked, so there is no masking key. A client sets this bit on every frame, a server on none."
}

func opcodeMeaning(o wire.Opcode) string {
	switch o {
	case wire.Continuation:
		return "Continues the message started by an earlier frame. That first frame says whether it is text or binary."
	case wire.Text:
		return "Starts a text message, in UTF-8."
	case wire.Binary:
		return "Starts a binary message, of any bytes."
	case wire.Close:
		return "Starts or answers the closing handshake. Its sender sends no more data."
	case wire.Ping:
		return "Asks the peer for a Pong with the same payload, to check that it still responds."
	case wire.Pong:
		return "Answers a Ping with the same payload. An unsolicited Pong is a one-way heartbeat."
	}
	return "Reserved for later versions of the protocol. The receiver must fail the connection."
}

func opcodeSection(o wire.Opcode) string {
	switch o {
	case wire.Continuation:
		return "5.4"
	case wire.Text, wire.Binary:
		return "5.6"
	case wire.Close:
		return "5.5.1"
	case wire.Ping:
		return "5.5.2"
	case wire.Pong:
		return "5.5.3"
	}
	return "11.8"
}

func setOrNot(b bool) string { return pick(b, "set", "not set") }

func pick(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// maxValue limits the value of a field that shows a long payload.
const maxValue = 64

func quote(p []byte) string { return "“" + shorten(strings.ToValidUTF8(string(p), "\uFFFD")) + "”" }

func shorten(s string) string {
	if r := []rune(s); len(r) > maxValue {
		return string(r[:maxValue]) + "…"
	}
	return s
}
