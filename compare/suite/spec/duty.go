package spec

import (
	"cmp"
	"fmt"
)

// A Party is the end of a connection that a requirement binds.
type Party string

// The parties. TheSender and TheReceiver are the ends of one frame, in either role.
const (
	TheServer   Party = "server"
	TheClient   Party = "client"
	TheEndpoint Party = "endpoint" // the client and the server
	TheSender   Party = "sender"
	TheReceiver Party = "receiver"
	TheBrowser  Party = "browser" // a client in a browser
)

// A Duty is a MUST of an RFC: its place, and the party that it binds. Only a case with
// a Duty can be failed (×).
type Duty struct {
	RFC       int    // 0 is 6455
	Standard  string // the name of the standard, if it is not an RFC
	Section   string // "5.2"
	Paragraph string // "paragraph 3", or the name of the field: "RSV1, RSV2, RSV3"
	Binds     Party
	Says      string // in our own words
	// OnReceipt says that the MUST is about invalid input. If the judge breaks a rule,
	// the target can fail only such a MUST.
	OnReceipt bool
}

// String names the place and the party.
func (d Duty) String() string {
	if d.Standard != "" {
		return fmt.Sprintf("%s, %s, %s; binds the %s", d.Standard, d.Section, d.Paragraph, d.Binds)
	}
	return fmt.Sprintf("RFC %d §%s, %s; binds the %s", cmp.Or(d.RFC, 6455), d.Section, d.Paragraph, d.Binds)
}

// MustOf returns a Duty of RFC 6455.
func MustOf(section, paragraph string, binds Party, says string) Duty {
	return Duty{Section: section, Paragraph: paragraph, Binds: binds, Says: says}
}

// OfRFC returns d as a MUST of another RFC.
func (d Duty) OfRFC(rfc int) Duty { d.RFC = rfc; return d }

// WhenReceived returns d with OnReceipt set.
func (d Duty) WhenReceived() Duty { d.OnReceipt = true; return d }

// Binds returns the place of c's MUST and the party that this MUST binds. It returns ""
// if c has no MUST.
func (c *Case) Binds() string {
	if c.Duty == (Duty{}) {
		return ""
	}
	return c.Duty.String()
}

// Source returns Binds if c has a MUST, otherwise the section of c.
func (c *Case) Source() string {
	if binds := c.Binds(); binds != "" {
		return binds
	}
	return fmt.Sprintf("RFC %d §%s", c.RFC, c.Section)
}
