package opening

import (
	. "wslab/compare/suite/spec"
	"wslab/reference/wire"
)

// Section91 is RFC 6455 §9.1: how endpoints negotiate extensions.
func Section91() []*Case {
	s := Section{Name: "9.1", In: "9.1"}
	offer := func(values ...string) string {
		return Plus(Request, Prefixed("Sec-WebSocket-Extensions: ", values)...)
	}
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "A server declines an extension that it does not know by leaving it out of the response. It must not name an extension that the client did not offer.", keyword: Must, duty: DutyExtension,
		rules: []string{wire.RuleRespExtension.Code}, outcomes: OpensOr(Warning, "it refuses the whole handshake because of an extension offer that it only has to ignore"),
		list: []handshake{
			{"unknown-extension", "An unknown extension", offer("x-wslab")},
			{"two-unknown-extensions", "Two unknown extensions", offer("x-wslab-one, x-wslab-two")},
			{"two-extensions-in-two-fields", "Two extensions in two fields", offer("x-wslab-one", "x-wslab-two")},
			{"parameter", "An extension with a parameter", offer("x-wslab; bits=8")},
			{"parameter-without-equals-sign", "An extension with a parameter that has no value", offer("x-wslab; fast")},
			{"several-parameters", "An extension with several parameters", offer("x-wslab; a=1; b; c=d; a=2")},
			{"value-in-quotes", "An extension with a value in quotes", offer(`x-wslab; a="1"`)},
			{"value-in-quotes-with-backslash", "An extension with a value in quotes that has a backslash", offer(`x-wslab; a="\1\2"`)},
			{"white-space-everywhere", "White space in every place where the grammar allows it", offer("\t x-wslab-one ;\ta = 1 ; b , x-wslab-two")},
			{"no-white-space", "A list without white space", offer("x-wslab-one;a=1;b,x-wslab-two")},
			{"empty-items-in-list", "Empty items in the list", offer(", x-wslab-one,, ,x-wslab-two,")},
			{"name-with-known-prefix", "Two names that contain the name of a real extension", offer("permessage-deflate2, xpermessage-deflate")},
			{"extensions-of-old-drafts", "Extensions of old drafts", offer("deflate-stream, x-webkit-deflate-frame, mux; max-channels=4; flow-control")},
			{"50-extensions", "50 extensions", offer("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,a1,b1,c1,d1,e1,f1,g1,h1,i1,j1,k1,l1,m1,n1,o1,p1,q1,r1,s1,t1,u1,v1,w1,x1")},
		},
	})
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "If Sec-WebSocket-Extensions breaks its grammar, the server must fail the connection at once, so it opens no WebSocket.", keyword: Must, duty: DutyGrammar91,
		rules: []string{wire.RuleExtensionGrammar.Code}, outcomes: Refuses(),
		list: []handshake{
			{"bad-space-in-name", "An extension with a space in its name", offer("x wslab")},
			{"bad-nothing-after-semicolon", "Nothing after a semicolon", offer("x-wslab;")},
			{"bad-nothing-before-semicolon", "Nothing before a semicolon", offer("; a=1")},
			{"bad-parameter-without-name", "A parameter without a name", offer("x-wslab; =1")},
			{"bad-parameter-without-value", "A parameter with = and no value", offer("x-wslab; a=")},
			{"bad-empty-value-in-quotes", "A parameter with an empty value in quotes", offer(`x-wslab; a=""`)},
			{"bad-value-in-quotes-not-token", "A value in quotes that is not a token", offer(`x-wslab; a="1 2"`)},
			{"bad-quotes-not-closed", "A value without its closing quote", offer(`x-wslab; a="1`)},
			{"bad-bytes-after-quotes", "A digit after a value in quotes", offer(`x-wslab; a="1"2`)},
			{"bad-two-values", "A parameter with two values", offer("x-wslab; a=1=2")},
			{"bad-two-semicolons", "Two semicolons in a row", offer("x-wslab;; a=1")},
			{"bad-extension-in-quotes", "An extension in quotes", offer(`"x-wslab"`)},
			{"bad-extension-with-slash", "An extension with a slash", offer("x-wslab/1")},
			{"bad-extension-with-bytes-above-7f", "An extension with bytes above 0x7F", offer("x-wsl\xc3\xa4b")},
			{"bad-second-field", "A valid field and an invalid field", offer("x-wslab", "x wslab")},
			{"bad-deflate-parameter-without-name", "permessage-deflate with a parameter that has no name", offer("permessage-deflate; =8")},
		},
	})
	addHandshakes(&s, wire.Server, handshakes{
		requirement: "The grammar requires at least one item. A recipient of a list ignores empty items (RFC 9110 §5.6.1.2). So a server may accept or refuse an empty list.", keyword: May,
		rules: []string{wire.RuleExtensionGrammar.Code}, outcomes: OpensOr(Pass, ""),
		list: []handshake{
			{"extensions-empty", "An empty Sec-WebSocket-Extensions", offer("")},
			{"only-commas", "A list that consists of commas alone", offer(",,,")},
		},
	})
	return s.Cases
}
