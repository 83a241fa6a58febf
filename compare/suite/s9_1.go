package suite

import "wslab/reference/wire"

// section91 is RFC 6455 §9.1: extensions are offered and answered.
func section91() []*Case {
	s := group{name: "9.1", section: "9.1"}
	offer := func(values ...string) string {
		return plus(request, prefixed("Sec-WebSocket-Extensions: ", values)...)
	}
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A server declines an offer that it does not know by not answering it, and answers with nothing that was not offered.", keyword: Must, duty: dutyExtension,
		rules: []string{wire.RuleRespExtension.Code}, outcomes: opensOr(Warning, "it refuses the whole handshake for an offer that it only has to ignore"),
		list: []handshake{
			{"An extension that nobody knows", offer("x-wslab")},
			{"Two extensions that nobody knows", offer("x-wslab-one, x-wslab-two")},
			{"Two extensions in two fields", offer("x-wslab-one", "x-wslab-two")},
			{"An extension with a parameter", offer("x-wslab; bits=8")},
			{"An extension with a parameter that has no value", offer("x-wslab; fast")},
			{"An extension with several parameters", offer("x-wslab; a=1; b; c=d; a=2")},
			{"An extension with a value in quotes", offer(`x-wslab; a="1"`)},
			{"An extension with a value in quotes that has a backslash", offer(`x-wslab; a="\1\2"`)},
			{"White space wherever it may stand", offer("\t x-wslab-one ;\ta = 1 ; b , x-wslab-two")},
			{"No white space", offer("x-wslab-one;a=1;b,x-wslab-two")},
			{"Empty items in the list", offer(", x-wslab-one,, ,x-wslab-two,")},
			{"The name of a real extension with more behind it", offer("permessage-deflate2, xpermessage-deflate")},
			{"Extensions of old drafts", offer("deflate-stream, x-webkit-deflate-frame, mux; max-channels=4; flow-control")},
			{"50 extensions", offer("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,a1,b1,c1,d1,e1,f1,g1,h1,i1,j1,k1,l1,m1,n1,o1,p1,q1,r1,s1,t1,u1,v1,w1,x1")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "A Sec-WebSocket-Extensions that breaks its grammar fails the connection at once: there is no WebSocket.", keyword: Must, duty: dutyGrammar91,
		rules: []string{wire.RuleExtensionGrammar.Code}, outcomes: refuses(),
		list: []handshake{
			{"An extension with a space in its name", offer("x wslab")},
			{"Nothing behind a semicolon", offer("x-wslab;")},
			{"Nothing before a semicolon", offer("; a=1")},
			{"A parameter without a name", offer("x-wslab; =1")},
			{"A parameter with = and no value", offer("x-wslab; a=")},
			{"A parameter with an empty value in quotes", offer(`x-wslab; a=""`)},
			{"A value in quotes that is no token", offer(`x-wslab; a="1 2"`)},
			{"A value whose quotes do not end", offer(`x-wslab; a="1`)},
			{"Something behind a value in quotes", offer(`x-wslab; a="1"2`)},
			{"Two values", offer("x-wslab; a=1=2")},
			{"Two semicolons", offer("x-wslab;; a=1")},
			{"An extension in quotes", offer(`"x-wslab"`)},
			{"An extension with a slash", offer("x-wslab/1")},
			{"An extension with bytes above 0x7F", offer("x-wsl\xc3\xa4b")},
			{"A field that is right and one that is not", offer("x-wslab", "x wslab")},
			{"permessage-deflate with a parameter that has no name", offer("permessage-deflate; =8")},
		},
	})
	s.addHandshakes(wire.Server, handshakes{
		requirement: "The list has one item at least; who reads a list overlooks empty items (RFC 9110 §5.6.1.2).", keyword: May,
		rules: []string{wire.RuleExtensionGrammar.Code}, outcomes: opensOr(Pass, ""),
		list: []handshake{
			{"An empty Sec-WebSocket-Extensions", offer("")},
			{"A list of nothing but commas", offer(",,,")},
		},
	})
	return s.cases
}
