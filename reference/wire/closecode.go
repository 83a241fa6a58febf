package wire

import (
	"fmt"
	"strings"
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

// MayBeSent reports whether c may stand in a Close frame: a defined code that
// is not one of the three local ones, or 3000–4999 (RFC 6455 §7.4.1, §7.4.2).
func (c CloseCode) MayBeSent() bool {
	defined := c >= NormalClosure && c <= BadGateway && c != 1004
	return defined && !c.IsLocal() || c >= 3000 && c <= 4999
}

// IsLocal reports whether c only ever tells an application what was missing
// and so never crosses the wire: 1005, 1006, 1015 (RFC 6455 §7.4.1).
func (c CloseCode) IsLocal() bool {
	return c == NoStatusReceived || c == AbnormalClosure || c == TLSHandshake
}

// String gives the number and, where there is one, its name.
func (c CloseCode) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", uint16(c), c.Name()))
}

// Name says in words what c means, or which range it is in; it is empty for a
// code that belongs to nobody.
func (c CloseCode) Name() string {
	switch {
	case c >= 3000 && c <= 3999:
		return "registered for libraries and applications"
	case c >= 4000 && c <= 4999:
		return "private use"
	}
	return closeNames[c]
}

var closeNames = map[CloseCode]string{
	NormalClosure:       "normal closure",
	GoingAway:           "going away",
	ProtocolError:       "protocol error",
	UnsupportedData:     "unsupported data",
	NoStatusReceived:    "no status received",
	AbnormalClosure:     "abnormal closure",
	InvalidPayload:      "invalid payload data",
	PolicyViolation:     "policy violation",
	MessageTooBig:       "message too big",
	MandatoryExtension:  "mandatory extension",
	InternalServerError: "internal server error",
	ServiceRestart:      "service restart",
	TryAgainLater:       "try again later",
	BadGateway:          "bad gateway",
	TLSHandshake:        "TLS handshake",
}
