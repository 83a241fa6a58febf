package wire

import (
	"encoding/binary"
	"unicode/utf8"
)

// ClosePayload is the body of a Close frame (RFC 6455 §5.5.1): nothing, or a
// status code of two bytes and a reason in UTF-8.
type ClosePayload struct {
	Code   CloseCode // NoStatusReceived for an empty body, as §7.1.5 says
	Reason string    // as the wire had it, UTF-8 or not; at most 123 bytes
}

// ParseClosePayload reads an unmasked Close body. What it breaks comes as
// violations; the fields hold whatever could be read all the same.
func ParseClosePayload(b []byte) (ClosePayload, []Violation) {
	//lesson:begin closecode
	switch len(b) {
	case 0:
		return ClosePayload{Code: NoStatusReceived}, nil
	case 1:
		return ClosePayload{Code: NoStatusReceived}, []Violation{RuleCloseBody.Broken("")}
	}
	p := ClosePayload{Code: CloseCode(binary.BigEndian.Uint16(b)), Reason: string(b[2:])}
	//lesson:end
	var vs []Violation
	if !p.Code.MayBeSent() {
		vs = append(vs, RuleCloseCode.Broken("The Close frame carries "+p.Code.String()+"."))
	}
	//lesson:begin reason
	if !utf8.ValidString(p.Reason) {
		vs = append(vs, RuleCloseReason.Broken(""))
	}
	//lesson:end
	return p, vs
}

// Append writes p as a Close body to the end of dst: nothing at all for
// NoStatusReceived, the only one of the three local codes that has a form.
func (p ClosePayload) Append(dst []byte) []byte {
	if p.Code == NoStatusReceived {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(p.Code))
	return append(dst, p.Reason...)
}
