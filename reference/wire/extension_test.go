package wire

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// extensions is a handshake with these fields.
func extensions(fields ...string) Head {
	var h Head
	for _, f := range fields {
		h.Fields = append(h.Fields, Field{"sec-websocket-extensions", f})
	}
	return h
}

func TestExtensionsAreReadHoweverTheyAreSpread(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   string // canonical form of all of them
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"permessage-deflate"}, "permessage-deflate"},
		{[]string{"a, b"}, "a, b"},
		{[]string{"a", "b;x"}, "a, b; x"},
		{[]string{"a;x=1;y;z=\"2\", b"}, "a; x=1; y; z=2, b"},
		{[]string{"\ta ; x = 1 ;\ty , b "}, "a; x=1; y, b"},
		{[]string{`a; x="1\2"`}, "a; x=12"},
		{[]string{",, a , ,b,"}, "a, b"},
	} {
		list, ok := ParseExtensions(extensions(c.fields...))
		var got []string
		for _, e := range list {
			got = append(got, e.String())
		}
		if !ok || strings.Join(got, ", ") != c.want {
			t.Errorf("%q is read as %q, %v", c.fields, got, ok)
		}
		if vs := CheckExtensions(extensions(c.fields...)); vs != nil {
			t.Errorf("%q: %v", c.fields, vs)
		}
		again, ok := ParseExtensions(extensions(got...))
		if !ok || !slices.EqualFunc(again, list, func(a, b Extension) bool { return a.String() == b.String() }) {
			t.Errorf("%q is read as %v the second time", got, again)
		}
	}
}

func TestExtensionsThatAreNoListOfTokensAreRefused(t *testing.T) {
	for _, field := range []string{
		";", "=", "a;", "a; ;x", "a b", "a;x=", "a;x=;y", "a;=1", `a;x="`, `a;x="1`, `a;x=""`, `a;x="1 2"`, `a;x="1,2"`,
		`a;x="1"2`, `a;x="1\`, `a;x="\""`, `"a"`, "a/b", "a;x y", "a;x=1=2", "ä", "a\x00",
	} {
		if list, ok := ParseExtensions(extensions(field)); ok {
			t.Errorf("%q is read as %v", field, list)
		}
		vs := CheckExtensions(extensions(field))
		if len(vs) != 1 || vs[0].Code != RuleExtensionGrammar.Code || vs[0].Status != 400 {
			t.Errorf("%q: %v", field, vs)
		}
		if response, ok := AcceptDeflate(extensions("permessage-deflate", field), DeflateParams{}); ok {
			t.Errorf("%q is answered with %q", field, response)
		}
	}
}

func TestTheServerChoosesTheFirstOfferThatItCanAccept(t *testing.T) {
	none := DeflateParams{}
	for _, c := range []struct {
		offer    string
		policy   DeflateParams
		response string // "" declines
	}{
		{"", none, ""},
		{"x-webkit-deflate-frame", none, ""},
		{"permessage-deflate", none, "permessage-deflate"},
		{"Permessage-Deflate", none, "permessage-deflate"},
		{"x-other; y=1, permessage-deflate", none, "permessage-deflate"},

		// What browsers offer.
		{"permessage-deflate; client_max_window_bits", none, "permessage-deflate"},
		{"permessage-deflate; client_max_window_bits", DeflateParams{ClientMaxWindowBits: 10}, "permessage-deflate; client_max_window_bits=10"},
		{"permessage-deflate; client_max_window_bits", DeflateParams{ServerNoContextTakeover: true, ClientNoContextTakeover: true},
			"permessage-deflate; server_no_context_takeover; client_no_context_takeover"},

		// Each parameter as it is asked for.
		{"permessage-deflate; server_no_context_takeover", none, "permessage-deflate; server_no_context_takeover"},
		{"permessage-deflate; client_no_context_takeover", none, "permessage-deflate; client_no_context_takeover"},
		{"permessage-deflate; server_max_window_bits=8", none, "permessage-deflate; server_max_window_bits=8"},
		{`permessage-deflate; server_max_window_bits="10"`, none, "permessage-deflate; server_max_window_bits=10"},
		{"permessage-deflate; server_max_window_bits=12", DeflateParams{ServerMaxWindowBits: 9}, "permessage-deflate; server_max_window_bits=9"},
		{"permessage-deflate; server_max_window_bits=9", DeflateParams{ServerMaxWindowBits: 12}, "permessage-deflate; server_max_window_bits=9"},
		{"permessage-deflate", DeflateParams{ServerMaxWindowBits: 12}, "permessage-deflate; server_max_window_bits=12"},
		{"permessage-deflate; client_max_window_bits=10", none, "permessage-deflate; client_max_window_bits=10"},
		{"permessage-deflate; client_max_window_bits=10", DeflateParams{ClientMaxWindowBits: 12}, "permessage-deflate; client_max_window_bits=10"},
		{"permessage-deflate; client_max_window_bits=12", DeflateParams{ClientMaxWindowBits: 10}, "permessage-deflate; client_max_window_bits=10"},
		{"permessage-deflate", DeflateParams{ClientMaxWindowBits: 10}, "permessage-deflate"}, // §7.1.2.2: it cannot be asked for

		// Offers that must be declined.
		{"permessage-deflate; unknown", none, ""},
		{"permessage-deflate; server_no_context_takeover=1", none, ""},
		{"permessage-deflate; client_no_context_takeover=true", none, ""},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", none, ""},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits=10", none, ""},
		{"permessage-deflate; server_max_window_bits", none, ""},
		{"permessage-deflate; server_max_window_bits=0", none, ""},
		{"permessage-deflate; server_max_window_bits=7", none, ""},
		{"permessage-deflate; server_max_window_bits=16", none, ""},
		{"permessage-deflate; server_max_window_bits=08", none, ""},
		{"permessage-deflate; server_max_window_bits=+9", none, ""},
		{"permessage-deflate; server_max_window_bits=9.0", none, ""},
		{"permessage-deflate; client_max_window_bits=0", none, ""},
		{"permessage-deflate; client_max_window_bits=16", none, ""},
		{"permessage-deflate; client_max_window_bits=08", none, ""},

		// Several offers: the first is the one that the client prefers.
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", none, "permessage-deflate; server_max_window_bits=10"},
		{"permessage-deflate; server_max_window_bits=16, permessage-deflate", none, "permessage-deflate"},
		{"permessage-deflate; unknown=1, permessage-deflate; client_no_context_takeover, permessage-deflate", none, "permessage-deflate; client_no_context_takeover"},
	} {
		agreed, ok := AcceptDeflate(extensions(c.offer), c.policy)
		response := ""
		if ok {
			response = agreed.String()
		}
		if response != c.response || ok != (c.response != "") {
			t.Errorf("%s, policy %s: %q, %v", c.offer, c.policy, response, ok)
		}
		// What our server answers, our client takes.
		if ok {
			got, inUse, vs := CheckDeflateResponse(extensions(c.offer), extensions(response))
			if !inUse || vs != nil || got.ServerMaxWindowBits != agreed.ServerMaxWindowBits || got.ServerNoContextTakeover != agreed.ServerNoContextTakeover {
				t.Errorf("%s: the answer %s is taken as %+v, %v, %v", c.offer, response, got, inUse, vs)
			}
		}
		if spread, ok2 := AcceptDeflate(extensions(strings.Split(c.offer, ",")...), c.policy); spread != agreed || ok2 != ok {
			t.Errorf("%s: in fields of their own the offers are answered with %q", c.offer, spread)
		}
	}
}

func TestTheOfferSaysWhatThePolicyDoes(t *testing.T) {
	for want, policy := range map[string]DeflateParams{
		"permessage-deflate; client_max_window_bits":                                                         {},
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits": {ServerNoContextTakeover: true, ClientNoContextTakeover: true},
		"permessage-deflate; server_max_window_bits=10; client_max_window_bits=9":                            {ServerMaxWindowBits: 10, ClientMaxWindowBits: 9},
	} {
		if got := policy.Offer().String(); got != want {
			t.Errorf("%+v is offered as %q", policy, got)
		}
		if _, ok := AcceptDeflate(extensions(want), DeflateParams{}); !ok {
			t.Errorf("%q is declined", want)
		}
	}
}

func TestTheClientTakesWhatServersAnswer(t *testing.T) {
	const both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits"
	for _, c := range []struct {
		name, offer, answer string
		want                DeflateParams
	}{
		{"all that was offered", both, "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
			DeflateParams{ServerNoContextTakeover: true, ClientNoContextTakeover: true}},
		{"client_no_context_takeover left out", both, "permessage-deflate; server_no_context_takeover",
			DeflateParams{ServerNoContextTakeover: true, ClientNoContextTakeover: true}},
		{"nothing but the name", both, "permessage-deflate", DeflateParams{ClientNoContextTakeover: true}},
		{"server_max_window_bits unasked", "permessage-deflate", "permessage-deflate; server_max_window_bits=12", DeflateParams{ServerMaxWindowBits: 12}},
		{"both flags unasked", "permessage-deflate", "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
			DeflateParams{ServerNoContextTakeover: true, ClientNoContextTakeover: true}},
		{"a smaller server window than offered", "permessage-deflate; server_max_window_bits=12", "permessage-deflate; server_max_window_bits=9", DeflateParams{ServerMaxWindowBits: 9}},
		{"the largest server window left out, as by aiohttp and faye", "permessage-deflate; server_max_window_bits=15; client_max_window_bits", "permessage-deflate", DeflateParams{}},
		{"a client window where any was offered", "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=15", DeflateParams{ClientMaxWindowBits: 15}},
		{"a client window left out", "permessage-deflate; client_max_window_bits=10", "permessage-deflate", DeflateParams{ClientMaxWindowBits: 10}},
		{"a smaller client window", "permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=9", DeflateParams{ClientMaxWindowBits: 9}},
		{"a value in quotes", "permessage-deflate", `permessage-deflate; server_max_window_bits="12"`, DeflateParams{ServerMaxWindowBits: 12}},
		{"the second offer", "permessage-deflate; server_max_window_bits=9, permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=11",
			DeflateParams{ClientMaxWindowBits: 11}},
		{"an invalid value in the offer limits nothing", "permessage-deflate; server_max_window_bits=7", "permessage-deflate", DeflateParams{}},
	} {
		got, inUse, vs := CheckDeflateResponse(extensions(c.offer), extensions(c.answer))
		if got != c.want || !inUse || vs != nil {
			t.Errorf("%s: %+v, %v, %v", c.name, got, inUse, vs)
		}
	}
	for _, answer := range []string{"", "x-other"} {
		if got, inUse, vs := CheckDeflateResponse(extensions("permessage-deflate, x-other"), extensions(answer)); inUse || vs != nil {
			t.Errorf("%q: %+v, %v, %v", answer, got, inUse, vs)
		}
	}
}

// unfitAnswers are answers to offers that break one rule each.
var unfitAnswers = []struct {
	rule          Rule
	offer, answer string
}{
	{RuleDeflateRepeated, "permessage-deflate", "permessage-deflate, permessage-deflate"},
	{RuleDeflateUnknown, "permessage-deflate", "permessage-deflate; unknown"},
	{RuleDeflateTwice, "permessage-deflate", "permessage-deflate; server_no_context_takeover; server_no_context_takeover"},
	{RuleDeflateTwice, "permessage-deflate", "permessage-deflate; server_max_window_bits=10; Server_Max_Window_Bits=10"},
	{RuleDeflateServerFlag, "permessage-deflate", "permessage-deflate; server_no_context_takeover=true"},
	{RuleDeflateClientFlag, "permessage-deflate", "permessage-deflate; client_no_context_takeover=1"},
	{RuleDeflateServerBits, "permessage-deflate", "permessage-deflate; server_max_window_bits"},
	{RuleDeflateServerBits, "permessage-deflate", "permessage-deflate; server_max_window_bits=0"},
	{RuleDeflateServerBits, "permessage-deflate", "permessage-deflate; server_max_window_bits=16"},
	{RuleDeflateServerBits, "permessage-deflate", "permessage-deflate; server_max_window_bits=08"},
	{RuleDeflateServerMore, "permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=11"},
	{RuleDeflateServerMore, "permessage-deflate; server_max_window_bits=10", "permessage-deflate"},
	{RuleDeflateClientBits, "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits"},
	{RuleDeflateClientBits, "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=7"},
	{RuleDeflateClientMore, "permessage-deflate", "permessage-deflate; client_max_window_bits=15"},
	{RuleDeflateClientMore, "permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=11"},
}

// deflateBreaches are the handshakes with those answers, as CheckResponse
// judges them.
func deflateBreaches() (all []breach) {
	for _, u := range unfitAnswers {
		_, inUse, vs := CheckDeflateResponse(extensions(u.offer), extensions(u.answer))
		if inUse {
			vs = nil
		}
		all = append(all, breach{u.rule, u.answer, vs},
			breach{u.rule, u.answer + " in a handshake", CheckResponse(
				aRequest(set("Sec-WebSocket-Extensions", u.offer)), aResponse(set("Sec-WebSocket-Extensions", u.answer)))})
	}
	return all
}

func TestAnAnswerThatIsWrongInSeveralWaysIsToldAllOfThem(t *testing.T) {
	_, _, vs := CheckDeflateResponse(extensions("permessage-deflate"),
		extensions("permessage-deflate; x; server_max_window_bits=16; server_no_context_takeover=1; x"))
	var codes []string
	for _, v := range vs {
		codes = append(codes, v.Code)
	}
	want := "7692-7.1/parameter-unknown 7692-7.1.2.1/window-bits 7692-7.1.1.1/no-value 7692-7.1/parameter-repeated"
	if got := strings.Join(codes, " "); got != want {
		t.Errorf("found %s\nwant  %s", got, want)
	}
}

// FuzzExtensions reads any field. What can be read is written and read again
// the same, and what our server answers to it our client takes.
func FuzzExtensions(f *testing.F) {
	for _, b := range unfitAnswers {
		f.Add(b.offer, b.answer)
	}
	f.Add(`a;x="\1";y , ,b`, "permessage-deflate; client_max_window_bits")
	f.Fuzz(func(t *testing.T, a, b string) {
		offer := extensions(a, b)
		list, ok := ParseExtensions(offer)
		if ok != (CheckExtensions(offer) == nil) {
			t.Fatal("the parser and the check do not agree")
		}
		if !ok {
			return
		}
		var written []string
		for _, e := range list {
			written = append(written, e.String())
		}
		if again, ok := ParseExtensions(extensions(written...)); !ok || fmt.Sprint(again) != fmt.Sprint(list) {
			t.Fatalf("%q is read as %v, then as %v", []string{a, b}, list, again)
		}
		if response, ok := AcceptDeflate(offer, DeflateParams{ServerMaxWindowBits: 12}); ok {
			if _, inUse, vs := CheckDeflateResponse(offer, extensions(response.String())); !inUse || vs != nil {
				t.Fatalf("to %q our server answers %q, of which our client says %v", []string{a, b}, response, vs)
			}
		}
		CheckDeflateResponse(extensions(a), extensions(b))
	})
}

func ExampleAcceptDeflate() {
	request := Head{Fields: []Field{{"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"}}}
	agreed, ok := AcceptDeflate(request, DeflateParams{ServerNoContextTakeover: true})
	fmt.Println(agreed.ServerNoContextTakeover, ok)
	fmt.Println(agreed) // the response
	// Output:
	// true true
	// permessage-deflate; server_no_context_takeover
}

func TestAnExtensionIsThereHoweverItIsWrittenAndNotInAListThatBreaksTheGrammar(t *testing.T) {
	for value, want := range map[string]bool{
		"permessage-deflate":                   true,
		"x-other, Permessage-Deflate ; a=1":    true,
		`x-other; a="b", permessage-deflate`:   true,
		"":                                     false,
		"x-permessage-deflate":                 false,
		"x-other; permessage-deflate":          false,
		"x-other; permessage-deflate=1":        false,
		"permessage-deflate; a=":               false,
		"permessage-deflate, a b":              false,
		`x-other; a="1, permessage-deflate; b`: false,
	} {
		h := Head{Fields: []Field{{"Sec-WebSocket-Extensions", ""}, {"sec-websocket-extensions", value}}}
		if got := h.HasExtension(PermessageDeflate); got != want {
			t.Errorf("%q: %t", value, got)
		}
	}
}

// token and parameter are the grammar of RFC 6455 §9.1 once more, as expressions:
// a second reading of it for FuzzParseExtensions.
var (
	token     = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
	onlyToken = regexp.MustCompile("^" + token + "$")
	parameter = regexp.MustCompile("^(" + token + `)(?:[ \t]*=[ \t]*(?:(` + token + `)|"((?:[^"\\]|\\.)*)"))?$`)
	escaped   = regexp.MustCompile(`\\(.)`)
)

// readExtensions reads a list of extensions by cutting it at every comma and every
// semicolon: neither can be in a token, and a value in quotes must be one.
func readExtensions(s string) (list []Extension, ok bool) {
	for item := range strings.SplitSeq(s, ",") {
		if strings.Trim(item, " \t") == "" {
			continue
		}
		var e Extension
		for i, part := range strings.Split(item, ";") {
			part = strings.Trim(part, " \t")
			m := parameter.FindStringSubmatch(part)
			switch {
			case i == 0 && onlyToken.MatchString(part):
				e.Name = part
			case i == 0 || m == nil:
				return nil, false
			case !strings.Contains(part, "="):
				e.Params = append(e.Params, Param{Name: m[1]})
			default:
				value := m[2] + escaped.ReplaceAllString(m[3], "$1")
				if !onlyToken.MatchString(value) {
					return nil, false
				}
				e.Params = append(e.Params, Param{Name: m[1], Value: value, HasValue: true})
			}
		}
		list = append(list, e)
	}
	return list, true
}

// FuzzParseExtensions holds that two parsers, written apart, read the same
// extensions and parameters, or that both refuse; and that what was read, written
// again, is read alike.
func FuzzParseExtensions(f *testing.F) {
	for _, s := range []string{
		"", "permessage-deflate", "permessage-deflate; client_max_window_bits", `a; b="c"; d = e, f`, `a;b="c\d"`, `a;b="c\"d"`, `a;b="c,d"`,
		`a;b="c;d"`, "a;;b", "a;", ",,a,,", "a b", "a=b", `a;b=""`, `a;b="`, `a;b="\`, "a;b=c d", "a;b=\"c\" d", "\ta\t;\tb\t=\tc\t",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }) {
			return // no such character gets into a field's value
		}
		parse := func(s string) ([]Extension, bool) {
			return ParseExtensions(Head{Fields: []Field{{extensionsField, s}}})
		}
		got, ok := parse(s)
		want, also := readExtensions(s)
		if ok != also || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as %+v, %t, and as %+v, %t", s, got, ok, want, also)
		}
		var items []string
		for _, e := range got {
			items = append(items, e.String())
		}
		if again, ok := parse(strings.Join(items, ", ")); !ok || !reflect.DeepEqual(again, got) {
			t.Fatalf("%q is read as %+v, and once more as %+v, %t", s, got, again, ok)
		}
	})
}
