package suite

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wslab/reference/wire"
)

// withoutCase are the rules of package wire that no case names, and why.
var withoutCase = map[string]string{}

func TestEveryRuleHasACase(t *testing.T) {
	covered := map[string]string{}
	for _, c := range All() {
		for _, code := range c.Rules {
			covered[code] = c.ID
		}
	}
	for _, r := range wire.Rules {
		switch why := withoutCase[r.Code]; {
		case covered[r.Code] == "" && why == "":
			t.Errorf("no case is about %s: %s", r.Code, r.Sentence)
		case covered[r.Code] != "" && why != "":
			t.Errorf("%s is about %s, of which it is said that it has no case: %s", covered[r.Code], r.Code, why)
		}
	}
	for code := range withoutCase {
		if !slices.ContainsFunc(wire.Rules, func(r wire.Rule) bool { return r.Code == code }) {
			t.Errorf("there is no rule %s", code)
		}
	}
}

// A rule that is declared elsewhere is in no list, so that nothing links to it and
// no test asks for its case.
func TestEveryRuleIsDeclaredInPackageWire(t *testing.T) {
	root := os.DirFS("../..")
	declaration := regexp.MustCompile(`[^]]wire\.Rule\{`) // and not []wire.Rule{
	n := 0
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		n++
		b, err := fs.ReadFile(root, path)
		if declaration.Match(b) {
			t.Errorf("%s declares a rule", path)
		}
		return err
	})
	if err != nil || n < 100 {
		t.Errorf("%d files were read, %v", n, err)
	}
}

// musts are the demands of RFC 6455 §4, §5, §7 and §8.1 that bind an endpoint,
// in our own few words, with some of the cases about each; or why there is none.
var musts = []struct {
	section string
	demand  string
	cases   []string
	none    string
}{
	{"4.1", "a client does not use a URI whose parts are invalid", nil, "what the client does with a wrong URI does not come to a server"},
	{"4.1", "a client has one connection to a host in CONNECTING at a time", nil, "the judge accepts connections one after the other and cannot tell how many wait in the kernel"},
	{"4.1", "a client behind a proxy asks it by CONNECT", nil, "the judge is a server, no proxy"},
	{"4.1", "wss runs over TLS, with Server Name Indication; a certificate that cannot be verified ends it", nil, "the judge listens without TLS: it has no certificate that a client trusts"},
	{"4.1", "the handshake is an HTTP request with GET, of version 1.1 or higher", []string{"4.1/method-and-version", "4.1/header-grammar", "4.1/line-ends"}, ""},
	{"4.1", "the request target is the resource name", []string{"4.1/target"}, ""},
	{"4.1", "the request has Host, with the port where it is not the default one", []string{"4.1/host"}, ""},
	{"4.1", "Upgrade includes websocket, Connection includes Upgrade", []string{"4.1/upgrade-and-connection"}, ""},
	{"4.1", "the key is base64 of 16 bytes, a new random one for each connection", []string{"4.1/key", "4.1/new-key-for-each-connection"}, ""},
	{"4.1", "a browser sends Origin", []string{"4.1/origin"}, ""},
	{"4.1", "Sec-WebSocket-Version is 13", []string{"4.1/protocol-version"}, ""},
	{"4.1", "subprotocols are unique tokens", []string{"4.1/subprotocols"}, ""},
	{"4.1", "the client waits for the answer before it sends data", []string{"4.1/nothing-with-request", "4.1/nothing-before-response"}, ""},
	{"4.1", "a status that is not 101 is handled as HTTP, and opens no WebSocket", []string{"4.1/status-200", "4.1/status-400", "4.1/status-999"}, ""},
	{"4.1", "an answer without Upgrade: websocket fails the connection", []string{"4.1/no-upgrade", "4.1/upgrade-h2c"}, ""},
	{"4.1", "an answer without Upgrade in Connection fails the connection", []string{"4.1/no-connection", "4.1/connection-keep-alive"}, ""},
	{"4.1", "a missing or wrong Sec-WebSocket-Accept fails the connection, white space around it does not", []string{"4.1/no-accept", "4.1/accept-without-guid", "4.1/accept-with-white-space-around"}, ""},
	{"4.1", "an extension that was not asked for fails the connection", []string{"4.1/extension-not-offered"}, ""},
	{"4.1", "a subprotocol that was not asked for fails the connection", []string{"4.1/subprotocol-not-offered"}, ""},

	{"4.2.1", "a request that is no valid handshake is refused with a status", []string{"4.2.1/method-post", "4.2.1/no-host", "4.2.1/no-key"}, ""},
	{"4.2.1", "a GET of HTTP/1.1 or higher", []string{"4.2.1/method-*", "4.2.1/version-http-1.0"}, ""},
	{"4.2.1", "Host has the server's authority", []string{"4.2.1/no-host", "4.2.1/two-equal-hosts", "4.2.1/two-different-hosts", "4.2.1/empty-host", "4.2.1/host-with-*"}, ""},
	{"4.2.1", "Upgrade contains websocket in any case", []string{"4.2.1/upgrade-mixed-case", "4.2.1/upgrade-capitals", "4.2.1/upgrade-websocket-then-h2c", "4.2.1/upgrade-h2c-then-websocket", "4.2.1/upgrade-h2c-websocket-without-space", "4.2.1/two-upgrade-fields-websocket-second", "4.2.1/two-upgrade-fields-websocket-first", "4.2.1/no-upgrade", "4.2.1/empty-upgrade", "4.2.1/upgrade-h2c", "4.2.1/upgrade-websockets", "4.2.1/upgrade-notwebsocket", "4.2.1/upgrade-web-space-socket", "4.2.1/upgrade-list-without-comma"}, ""},
	{"4.2.1", "Connection includes Upgrade in any case", []string{"4.2.1/connection-with-*", "4.2.1/connection-lower-case", "4.2.1/connection-capitals", "4.2.1/connection-keep-alive-upgrade", "4.2.1/connection-upgrade-keep-alive", "4.2.1/connection-without-space", "4.2.1/two-connection-fields-upgrade-second", "4.2.1/two-connection-fields-upgrade-first", "4.2.1/upgrade-with-empty-items", "4.2.1/no-connection", "4.2.1/empty-connection", "4.2.1/connection-keep-alive", "4.2.1/connection-close", "4.2.1/connection-upgraded", "4.2.1/connection-no-upgrade", "4.2.1/connection-websocket", "4.2.1/connection-semicolon"}, ""},
	{"4.2.1", "the key is base64 of 16 bytes", []string{"4.2.1/key-in-*", "4.2.1/no-key", "4.2.1/two-keys-of-old-draft", "4.2.1/empty-key", "4.2.1/key-of-15-bytes", "4.2.1/key-of-17-bytes", "4.2.1/key-of-1-byte", "4.2.1/key-not-base64", "4.2.1/key-of-16-letters", "4.2.1/key-without-padding", "4.2.1/key-one-equals-sign-too-few", "4.2.1/key-one-equals-sign-too-many", "4.2.1/key-with-space-inside"}, ""},
	{"4.2.1", "the version is 13", []string{"4.2.1/no-version"}, ""},
	{"4.2.2", "a server on a TLS port does the TLS handshake first", nil, "that it is spoken is seen by -server wss; a case cannot ask for it"},
	{"4.2.2", "a server that does not accept the Origin answers with a status such as 403", []string{"4.2.2/origin-from-elsewhere", "4.2.2/origin-null", "4.2.2/origin-with-own-prefix"}, ""},
	{"4.2.2", "another version is refused with Sec-WebSocket-Version, and the handshake ends", []string{"4.4/version-0", "4.4/version-7", "4.4/version-8", "4.4/version-12", "4.4/version-14", "4.4/version-25", "4.4/version-130", "4.4/version-255"}, ""},
	{"4.2.2", "a resource that is not there is answered with a status such as 404", nil, "which resources a server has is not known to a judge"},
	{"4.2.2", "a subprotocol is chosen from those offered, or the field is left out", []string{"4.2.2/no-subprotocol-offered", "4.2.2/one-subprotocol", "4.2.2/two-subprotocols", "4.2.2/two-subprotocols-in-two-fields", "4.2.2/well-known-subprotocols", "4.2.2/subprotocol-with-every-token-character", "4.2.2/20-subprotocols", "4.2.2/subprotocols-without-spaces", "4.2.2/subprotocols-that-differ-in-case"}, ""},
	{"4.2.2", "extensions are chosen from those offered", []string{"4.2.2/no-extension-offered", "9.1/unknown-extension", "9.1/two-unknown-extensions", "9.1/two-extensions-in-two-fields", "9.1/parameter", "9.1/parameter-without-equals-sign"}, ""},
	{"4.2.2", "the answer is 101 with Upgrade, Connection and the right Sec-WebSocket-Accept", []string{"4.2.2/status-line", "4.2.2/upgrade", "4.2.2/connection", "4.2.2/accept-*"}, ""},
	{"4.4", "a version that the server does not know is answered with all that it knows", []string{"4.4/version-0", "4.4/version-7", "4.4/version-8", "4.4/version-12", "4.4/version-14", "4.4/version-25", "4.4/version-130", "4.4/version-255"}, ""},

	{"5.1", "a client masks every frame", []string{"5.1/wrong-mask-in-text-client"}, ""},
	{"5.1", "a server closes the connection on a frame without a mask", []string{"5.1/wrong-mask-in-empty-*", "5.1/wrong-mask-in-text", "5.1/wrong-mask-in-binary", "5.1/wrong-mask-in-ping", "5.1/wrong-mask-in-pong", "5.1/wrong-mask-in-close", "5.1/wrong-mask-in-first-fragment", "5.1/wrong-mask-in-text-of-126"}, ""},
	{"5.1", "a server masks no frame", []string{"5.2/text-of-0"}, ""},
	{"5.1", "a client closes the connection on a masked frame", []string{"5.1/wrong-mask-in-text-client", "5.1/wrong-mask-in-ping-client"}, ""},
	{"5.2", "RSV1, RSV2 and RSV3 are 0 unless an extension uses them; else the connection fails", []string{"5.2/text-then-*", "5.2/*-pong", "5.2/*-close", "5.2/*-in-text", "5.2/*-in-ping", "5.2/*-in-binary", "5.2/*-continuation", "5.2/rsv-opcode-and-mask-wrong"}, ""},
	{"5.2", "an unknown opcode fails the connection", []string{"5.2/opcode-*", "5.2/text-opcode-*"}, ""},
	{"5.2", "a 64-bit length has a top bit of 0", []string{"5.2/top-*"}, ""},
	{"5.2", "a length takes the minimal number of bytes", []string{"5.2/length-*"}, ""},
	{"5.2", "extensions are agreed on in the opening handshake", []string{"4.1/extension-not-offered", "7692-7.2/rsv1-not-agreed"}, ""},
	{"5.3", "a masked payload is unmasked whatever the key", []string{"5.3/key-00000000", "5.3/key-ffffffff", "5.3/key-00000001", "5.3/key-80000000", "5.3/key-48656c6c", "5.3/key-37fa213d", "5.3/payload-of-1", "5.3/payload-of-2", "5.3/payload-of-3", "5.3/payload-of-4", "5.3/payload-of-5", "5.3/payload-of-6", "5.3/payload-of-7", "5.3/payload-of-8", "5.3/payload-of-9"}, ""},
	{"5.3", "a client's masking keys are fresh and cannot be foreseen", []string{"5.3/new-key-for-each-frame"}, ""},
	{"5.4", "control frames are not fragmented", []string{"5.5/ping-fin-*", "5.5/empty-ping-fin-0"}, ""},
	{"5.4", "fragments are delivered in order", []string{"5.4/first-*", "5.4/second-*", "5.4/two-binary-*", "5.4/two-fragments-*", "5.4/last-of-3-empty-one-write"}, ""},
	{"5.4", "fragments of two messages are not interleaved", []string{"5.4/text-*", "5.4/binary-*", "5.4/empty-text-inside-text", "5.4/empty-text-inside-binary"}, ""},
	{"5.4", "control frames in the middle of a message are handled", []string{"5.4/ping-*", "5.4/empty-ping-between-binary", "5.4/pong-between-one-write", "5.4/pong-between-byte-by-byte", "5.4/two-pings-between"}, ""},
	{"5.4", "fragmented and whole messages are received", []string{"5.4/two-fragments-one-write", "5.6/text-binary-text"}, ""},
	{"5.4", "intermediaries leave control frames and fragments they cannot understand alone", nil, "the judge speaks to an endpoint, not through an intermediary"},
	{"5.4", "all fragments are of the type of the first", []string{"5.6/binary-then-text-in-fragments"}, ""},
	{"5.5", "a control frame has at most 125 bytes", []string{"5.5/ping-of-126", "5.5/ping-of-127", "5.5/ping-of-128", "5.5/ping-of-65535", "5.5/ping-of-65536"}, ""},
	{"5.5.1", "the body of a Close frame begins with a code of two bytes", []string{"5.5.1/body-of-1"}, ""},
	{"5.5.1", "a client does not show the reason to its user", nil, "what a user sees is not on the wire"},
	{"5.5.1", "after a Close frame no data frames are sent", []string{"5.5.1/text-after-close-one-write", "5.5.1/target-closes-text-then-close"}, ""},
	{"5.5.1", "a Close frame is answered by one", []string{"5.5.1/close-first", "5.5.1/close-byte-by-byte", "5.5.1/empty-close", "5.5.1/empty-close-byte-by-byte", "5.5.1/reason-of-1"}, ""},
	{"5.5.1", "after both Close frames the server closes TCP at once", []string{"7.1/close-only"}, ""},
	{"5.5.2", "a Ping is answered by a Pong, unless a Close frame has come", []string{"5.5.2/ping-of-*", "5.5.2/empty-ping", "5.5.2/ping-not-utf-8"}, ""},
	{"5.5.3", "a Pong has the payload of the Ping that it answers", []string{"5.5.2/ping-of-1", "5.5.2/ping-of-5", "5.5.2/ping-not-utf-8", "5.5.2/ping-of-124", "5.5.2/ping-of-125"}, ""},
	{"5.6", "a text is UTF-8 as a whole", []string{"8.1/u-*", "8.1/ascii", "8.1/greek", "8.1/1-to-4-bytes", "8.1/plane-ends", "8.1/combining-marks"}, ""},
	{"6.1", "what is sent is framed, with FIN on the last frame, and masked by a client", []string{"5.2/text-of-0", "5.2/text-of-0-client"}, ""},
	{"6.2", "what is received is parsed as frames, however TCP cuts them", []string{"tcp/text-cut-*", "tcp/text-byte-by-byte-to-20", "tcp/text-16-bit-byte-by-byte-to-20", "tcp/text-16-bit-cut-at-1", "tcp/text-16-bit-cut-at-2", "tcp/text-16-bit-cut-at-3", "tcp/text-16-bit-cut-at-4", "tcp/text-16-bit-cut-at-5", "tcp/text-16-bit-cut-at-6", "tcp/text-16-bit-cut-at-7"}, ""},

	{"7.1.1", "the server closes TCP, a client leaves that to it", []string{"7.1/close-only", "7.1/server-closes-tcp-late"}, ""},
	{"7.1.2", "the closing handshake starts with a Close frame", nil, "what makes an application start it is not the judge's; an endpoint that fails the connection is judged by 5.5.1 and 7.1.7"},
	{"7.1.7", "whoever fails the connection closes it, and goes on with nothing that comes", []string{"7.1/*-fault", "7.1/*-failing", "5.5.1/target-closes-no-close"}, ""},
	{"7.2.1", "a client whose TCP is lost fails the connection", []string{"7.1/fin-after-handshake-client", "7.1/fin-after-first-fragment-client"}, ""},
	{"7.2.3", "a client waits at random before it connects again", nil, "the judge sees many connections by design, and not what they are for"},
	{"7.4.1", "1005, 1006 and 1015 are never sent", []string{"7.4/code-1005", "7.4/code-1005-with-reason", "7.4/code-1006", "7.4/code-1006-with-reason", "7.4/code-1015", "7.4/code-1015-with-reason"}, ""},
	{"7.4.2", "codes below 3000 are sent only where they are defined", []string{"7.4/code-0", "7.4/code-0-with-reason", "7.4/code-1", "7.4/code-1-with-reason", "7.4/code-999", "7.4/code-999-with-reason", "7.4/code-1016", "7.4/code-1016-with-reason", "7.4/code-1017", "7.4/code-1017-with-reason", "7.4/code-1100", "7.4/code-1100-with-reason", "7.4/code-1999", "7.4/code-1999-with-reason", "7.4/code-2000", "7.4/code-2000-with-reason", "7.4/code-2999", "7.4/code-2999-with-reason"}, ""},
	{"8.1", "bytes that are not UTF-8 fail the connection", []string{"8.1/bad-*"}, ""},
}

func TestEveryMustHasACase(t *testing.T) {
	for _, m := range musts {
		if (len(m.cases) == 0) == (m.none == "") {
			t.Errorf("§%s, %s: name cases or the reason why there are none", m.section, m.demand)
		}
		for _, run := range m.cases {
			if len(fitting(run)) == 0 {
				t.Errorf("§%s, %s: there is no case %s", m.section, m.demand, run)
			}
		}
	}
}
