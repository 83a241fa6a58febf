package spec

import (
	"cmp"
	"fmt"
)

// A Party is the side that a requirement binds.
type Party string

// The parties. TheSender and TheReceiver are the ends of one frame, whatever their
// roles.
const (
	TheServer   Party = "server"
	TheClient   Party = "client"
	TheEndpoint Party = "endpoint" // each of the two
	TheSender   Party = "sender"
	TheReceiver Party = "receiver"
	TheBrowser  Party = "browser" // a client that is one
)

// A Duty is a MUST of an RFC: where it is, and whom it binds. Only a case with a
// Duty can be failed (×).
type Duty struct {
	RFC       int    // 0 is 6455
	Standard  string // what it is of, where that is not an RFC
	Section   string // "5.2"
	Paragraph string // "paragraph 3", or the name of what it is about: "RSV1, RSV2, RSV3"
	Binds     Party
	Says      string // in our own words
	// OnReceipt says that it is about something wrong that was received. Without
	// that a peer that breaks a rule does not make the target break one.
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

// OfRFC returns d as one of another RFC.
func (d Duty) OfRFC(rfc int) Duty { d.RFC = rfc; return d }

// WhenReceived returns d as one about something wrong that was received.
func (d Duty) WhenReceived() Duty { d.OnReceipt = true; return d }

// Binds says where the requirement of c is and whom it binds, "" where no MUST
// of an RFC speaks of it.
func (c *Case) Binds() string {
	if c.Duty == (Duty{}) {
		return ""
	}
	return c.Duty.String()
}

// Source names the text that c's requirement is from, and whom it binds.
func (c *Case) Source() string {
	if binds := c.Binds(); binds != "" {
		return binds
	}
	return fmt.Sprintf("RFC %d §%s", c.RFC, c.Section)
}
