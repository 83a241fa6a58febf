package wire

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// CloseCode is the status code of a Close frame: 16 bits, RFC 6455 §7.4.
type CloseCode uint16

// The codes that RFC 6455 §7.4.1 defines, and those that IANA has registered
// since under §11.7 (1012–1014).
const (
	NormalClosure       CloseCode = 1000
	GoingAway           CloseCode = 1001
	ProtocolError       CloseCode = 1002
	UnsupportedData     CloseCode = 1003
	NoStatusReceived    CloseCode = 1005 // never on the wire: the Close frame had no body
	AbnormalClosure     CloseCode = 1006 // never on the wire: there was no Close frame
	InvalidPayload      CloseCode = 1007
	PolicyViolation     CloseCode = 1008
	MessageTooBig       CloseCode = 1009
	MandatoryExtension  CloseCode = 1010
	InternalServerError CloseCode = 1011
	ServiceRestart      CloseCode = 1012
	TryAgainLater       CloseCode = 1013
	BadGateway          CloseCode = 1014
	TLSHandshake        CloseCode = 1015 // never on the wire: TLS failed before there was one
)

// MayBeSent reports whether c may be in a Close frame: a defined code that
// is not one of the three local ones, or 3000–4999 (RFC 6455 §7.4.1, §7.4.2).
func (c CloseCode) MayBeSent() bool {
	defined := c >= NormalClosure && c <= BadGateway && c != 1004
	return defined && !c.IsLocal() || c >= 3000 && c <= 4999
}

// IsLocal reports whether c is only reported to an application and is never on the wire:
// 1005, 1006, 1015 (RFC 6455 §7.4.1).
func (c CloseCode) IsLocal() bool {
	return c == NoStatusReceived || c == AbnormalClosure || c == TLSHandshake
}

// String returns the number and, if there is one, the name.
func (c CloseCode) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", uint16(c), c.Name()))
}

// Name returns the meaning of c, or its range. It is empty for an unassigned code.
func (c CloseCode) Name() string {
	switch {
	case c >= 3000 && c <= 3999:
		return "registered for libraries and applications"
	case c >= 4000 && c <= 4999:
		return "private use"
	case c >= NormalClosure && c <= TLSHandshake:
		return closeNames[c-NormalClosure]
	}
	return ""
}

// closeNames are the names of the codes from 1000 to 1015.
var closeNames = strings.Split("normal closure,going away,protocol error,unsupported data,,"+
	"no status received,abnormal closure,invalid payload data,policy violation,message too big,"+
	"mandatory extension,internal server error,service restart,try again later,bad gateway,TLS handshake", ",")

// ClosePayload is the body of a Close frame (RFC 6455 §5.5.1): nothing, or a
// status code of two bytes and a reason in UTF-8.
type ClosePayload struct {
	Code   CloseCode // NoStatusReceived for an empty body (§7.1.5)
	Reason string    // as on the wire, UTF-8 or not; at most 123 bytes
}

// ParseClosePayload parses the unmasked body of a Close frame. It returns the broken
// rules, and the parts that could be parsed.
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

// Append appends p as a Close body to dst. NoStatusReceived gives an empty body
// (RFC 6455 §7.1.5).
func (p ClosePayload) Append(dst []byte) []byte {
	if p.Code == NoStatusReceived {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(p.Code))
	return append(dst, p.Reason...)
}
