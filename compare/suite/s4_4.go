package suite

import "wslab/reference/wire"

// section44 is RFC 6455 §4.4: versions of the protocol.
func section44() []*Case {
	s := group{name: "4.4", section: "4.4"}
	version := func(values ...string) string {
		return set(request, "Sec-WebSocket-Version", prefixed("Sec-WebSocket-Version: ", values)...)
	}
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A request for a version that the server does not speak is refused, and Sec-WebSocket-Version in the refusal names those that it speaks.", keyword: Must,
		rules: []string{wire.RuleVersion.Code}, outcomes: refuses(), head: namesVersion,
		list: []handshake{
			{"Version 0", version("0")},
			{"Version 7", version("7")},
			{"Version 8, of a draft that browsers once had", version("8")},
			{"Version 12, which was reserved and never used", version("12")},
			{"Version 14", version("14")},
			{"Version 25, the RFC's own example", version("25")},
			{"Version 130", version("130")},
			{"Version 255, the highest there can be", version("255")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Sec-WebSocket-Version has the value 13, one number from 0 to 255 without a leading zero (§4.3); a request with another is refused.", keyword: Must, section: "4.2.1",
		rules: []string{wire.RuleVersion.Code}, outcomes: refuses(),
		list: []handshake{
			{"An empty version", version("")},
			{"Version 013, with a leading zero", version("013")},
			{"Version +13", version("+13")},
			{"Version -13", version("-13")},
			{"Version 13.0", version("13.0")},
			{"Version 0xD", version("0xD")},
			{"Version 269, which is 13 in eight bits", version("269")},
			{"Version thirteen", version("thirteen")},
			{`Version "13" in quotes`, version(`"13"`)},
			{"Version 13;q=1", version("13;q=1")},
			{"Versions 13, 8 in one field", version("13, 8")},
			{"Versions 8, 13 in one field", version("8, 13")},
			{"Versions 13 and 8 in two fields", version("13", "8")},
			{"Versions 8 and 13 in two fields", version("8", "13")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "Sec-WebSocket-Version has the value 13. A field that is no list comes once.", keyword: Must, section: "4.2.1",
		rules: []string{wire.RuleVersion.Code}, outcomes: refusesOr(NonStrict, "it overlooks that the field is repeated"),
		list: []handshake{{"Version 13 in two fields", version("13", "13")}},
	})
	return s.cases
}
