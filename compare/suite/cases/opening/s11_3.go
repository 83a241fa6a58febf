package opening

import (
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section113 is RFC 6455 §11.3: which header fields a message may repeat.
func Section113() []*Case {
	s := Section{Name: "11.3", In: "11.3"}
	addHandshakes(&s, wire.Server, handshakes{
		// The MUST NOT of §11.3.1 binds only the client. So does the MUST NOT of §11.3.5
		// for the version.
		requirement: "A client must send Sec-WebSocket-Key once. No MUST says how a server reacts to a repeated field.", keyword: May, section: "11.3.1",
		rules: []string{wire.RuleKeyRepeated.Code}, outcomes: RefusesOr(Warning, "it accepts a repeated Sec-WebSocket-Key, which a client must not send (RFC 6455 §11.3.1)"),
		lax: "it accepts a repeated Sec-WebSocket-Key, which a client must not send (RFC 6455 §11.3.1)",
		list: []handshake{
			{"same-key-twice", "The same key twice", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: {key}", "Sec-WebSocket-Key: {key}")},
			{"two-keys", "Two keys", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: {key}", "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==")},
			{"two-keys-names-in-other-case", "Two keys, with the field names in different case", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: {key}", "sec-websocket-key: AQIDBAUGBwgJCgsMDQ4PEA==")},
			{"two-keys-in-one-field", "Two keys in one field", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: {key}, AQIDBAUGBwgJCgsMDQ4PEA==")},
			{"key-and-empty-key", "A key and an empty key", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: {key}", "Sec-WebSocket-Key:")},
		},
	})
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "Sec-WebSocket-Extensions may appear several times in a request. It must not appear more than once in a response.", keyword: Must, duty: DutyOnce("11.3.2"), section: "11.3.2",
		outcomes: OpensOr(Warning, "it refuses the whole handshake because of an extension offer that it only has to ignore"), head: AtMostOnce("Sec-WebSocket-Extensions"),
		list: []handshake{{"three-extension-fields", "Three Sec-WebSocket-Extensions fields", Plus(Request,
			"Sec-WebSocket-Extensions: x-wslab-one", "Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Extensions: x-wslab-two")}},
	})
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "Sec-WebSocket-Accept must not appear more than once in a response.", keyword: Must, duty: DutyOnce("11.3.3"), section: "11.3.3",
		rules: []string{wire.RuleAcceptMissing.Code}, outcomes: Opens(), head: AtMostOnce("Sec-WebSocket-Accept"),
		list: []handshake{{"accept-once", "Sec-WebSocket-Accept in the response", Request}},
	})
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "Sec-WebSocket-Protocol may appear several times in a request. It must not appear more than once in a response.", keyword: Must, duty: DutyOnce("11.3.4"), section: "11.3.4",
		rules: []string{wire.RuleRespSubprotocol.Code}, outcomes: OpensOr(Note, "it refuses a client that offers only subprotocols it does not speak, which is allowed"), head: AtMostOnce("Sec-WebSocket-Protocol"),
		list: []handshake{{"three-subprotocol-fields", "Three Sec-WebSocket-Protocol fields", Plus(Request,
			"Sec-WebSocket-Protocol: x-wslab-one", "Sec-WebSocket-Protocol: x-wslab-two", "Sec-WebSocket-Protocol: x-wslab-three")}},
	})
	return s.Cases
}
