package opening

import (
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section113 is RFC 6455 §11.3: which of the header fields may be repeated.
func Section113() []*Case {
	s := Section{Name: "11.3", In: "11.3"}
	addHandshakes(&s, wire.Server, handshakes{
		// The MUST NOT of §11.3.1 binds the client, as that of §11.3.5 for the version does.
		requirement: "A client sends Sec-WebSocket-Key once. What a server does if it comes twice no MUST says.", keyword: May, section: "11.3.1",
		rules: []string{wire.RuleKeyRepeated.Code}, outcomes: RefusesOr(Warning, "it ignores that the field is repeated, which a client must not do (RFC 6455 §11.3.1)"),
		lax: "it accepts a repeated key, which a client must not send (RFC 6455 §11.3.1)",
		list: []handshake{
			{"same-key-twice", "The same key twice", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: {key}", "Sec-WebSocket-Key: {key}")},
			{"two-keys", "Two keys", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: {key}", "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==")},
			{"two-keys-names-in-other-case", "Two keys, the names in different case", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: {key}", "sec-websocket-key: AQIDBAUGBwgJCgsMDQ4PEA==")},
			{"two-keys-in-one-field", "Two keys in one field", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: {key}, AQIDBAUGBwgJCgsMDQ4PEA==")},
			{"key-and-empty-key", "A key and an empty one", Set(Request, "Sec-WebSocket-Key", "Sec-WebSocket-Key: {key}", "Sec-WebSocket-Key:")},
		},
	})
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "Sec-WebSocket-Extensions may appear several times in a request, and not in an answer.", keyword: Must, duty: DutyOnce("11.3.2"), section: "11.3.2",
		outcomes: OpensOr(Warning, "it refuses the whole handshake for an offer that it only has to ignore"), head: AtMostOnce("Sec-WebSocket-Extensions"),
		list: []handshake{{"three-extension-fields", "Three Sec-WebSocket-Extensions", Plus(Request,
			"Sec-WebSocket-Extensions: x-wslab-one", "Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Extensions: x-wslab-two")}},
	})
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "Sec-WebSocket-Accept does not appear more than once in an answer.", keyword: Must, duty: DutyOnce("11.3.3"), section: "11.3.3",
		rules: []string{wire.RuleAcceptMissing.Code}, outcomes: Opens(), head: AtMostOnce("Sec-WebSocket-Accept"),
		list: []handshake{{"accept-once", "Sec-WebSocket-Accept in the answer", Request}},
	})
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "Sec-WebSocket-Protocol may appear several times in a request, and not in an answer.", keyword: Must, duty: DutyOnce("11.3.4"), section: "11.3.4",
		rules: []string{wire.RuleRespSubprotocol.Code}, outcomes: OpensOr(Note, "it refuses a client whose subprotocols it does not speak, as it may"), head: AtMostOnce("Sec-WebSocket-Protocol"),
		list: []handshake{{"three-subprotocol-fields", "Three Sec-WebSocket-Protocols", Plus(Request,
			"Sec-WebSocket-Protocol: x-wslab-one", "Sec-WebSocket-Protocol: x-wslab-two", "Sec-WebSocket-Protocol: x-wslab-three")}},
	})
	return s.Cases
}
