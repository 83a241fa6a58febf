package opening

import (
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section44 is RFC 6455 §4.4: versions of the protocol.
func Section44() []*Case {
	s := Section{Name: "4.4", In: "4.4"}
	version := func(values ...string) string {
		return Set(Request, "Sec-WebSocket-Version", Prefixed("Sec-WebSocket-Version: ", values)...)
	}
	const unknown = "A server refuses a version that it does not speak. It lists the versions that it speaks in Sec-WebSocket-Version of its response."
	addHandshakes(&s, wire.Server, handshakes{
		requirement: unknown, keyword: Must, duty: DutyVersions,
		rules: []string{wire.RuleVersion.Code}, outcomes: Refuses(), head: namesVersion,
		list: []handshake{{"version-0", "Version 0", version("0")}},
	})
	// The server in the example of §4.4 speaks 13, 8 and 7.
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "A server may also speak versions 7 and 8, as the server in the example of §4.4 does. If a server refuses a version, it lists the versions that it speaks.", keyword: Must, duty: DutyVersions,
		rules: []string{wire.RuleVersion.Code}, outcomes: RefusesOr(Note, "it also speaks this draft version, which is allowed"), head: namesVersion,
		list: []handshake{
			{"version-7", "Version 7", version("7")},
			{"version-8", "Version 8, of a draft that browsers once used", version("8")},
		},
	})
	addHandshakes(&s, wire.Server, handshakes{
		requirement: unknown, keyword: Must, duty: DutyVersions,
		rules: []string{wire.RuleVersion.Code}, outcomes: Refuses(), head: namesVersion,
		list: []handshake{
			{"version-12", "Version 12, which the RFC reserves and no protocol uses", version("12")},
			{"version-14", "Version 14", version("14")},
			{"version-25", "Version 25, from the example in the RFC", version("25")},
			{"version-130", "Version 130", version("130")},
			{"version-255", "Version 255, the highest possible version", version("255")},
		},
	})
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "Sec-WebSocket-Version is 13, written as one number from 0 to 255 without a leading zero (§4.3). A server refuses a request with any other value.", keyword: Must, duty: DutyReads(6, "A server refuses a request whose version is not 13."), section: "4.2.1",
		rules: []string{wire.RuleVersion.Code}, outcomes: Refuses(),
		list: []handshake{
			{"version-empty", "An empty version", version("")},
			{"version-013", "Version 013, with a leading zero", version("013")},
			{"version-plus-13", "Version +13", version("+13")},
			{"version-minus-13", "Version -13", version("-13")},
			{"version-13.0", "Version 13.0", version("13.0")},
			{"version-0xd", "Version 0xD", version("0xD")},
			{"version-269", "Version 269, whose lowest eight bits are 13", version("269")},
			{"version-thirteen", "Version thirteen", version("thirteen")},
			{"version-13-in-quotes", `Version "13", in quotes`, version(`"13"`)},
			{"version-13-with-quality", "Version 13;q=1", version("13;q=1")},
			{"versions-13-8-in-one-field", "Versions 13, 8 in one field", version("13, 8")},
			{"versions-8-13-in-one-field", "Versions 8, 13 in one field", version("8, 13")},
		},
	})
	// The MUST NOT of §11.3.5 binds only the client. So does the MUST NOT of §11.3.1 for
	// the key.
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "A client must send Sec-WebSocket-Version once. No MUST says how a server reacts to a repeated field.", keyword: May, section: "11.3.5",
		rules: []string{wire.RuleVersion.Code}, outcomes: RefusesOr(Warning, "it accepts a repeated Sec-WebSocket-Version, which a client must not send (RFC 6455 §11.3.5)"),
		list: []handshake{
			{"versions-13-8-in-two-fields", "Versions 13 and 8 in two fields", version("13", "8")},
			{"versions-8-13-in-two-fields", "Versions 8 and 13 in two fields", version("8", "13")},
			{"version-13-in-two-fields", "Version 13 in two fields", version("13", "13")},
		},
	})
	return s.Cases
}
