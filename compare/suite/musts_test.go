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
	{"4.1", "the handshake is an HTTP request with GET, of version 1.1 or higher", []string{"4.1/1", "4.1/10", "4.1/11"}, ""},
	{"4.1", "the request target is the resource name", []string{"4.1/2"}, ""},
	{"4.1", "the request has Host, with the port where it is not the default one", []string{"4.1/3"}, ""},
	{"4.1", "Upgrade includes websocket, Connection includes Upgrade", []string{"4.1/4"}, ""},
	{"4.1", "the key is base64 of 16 bytes, a new random one for each connection", []string{"4.1/5", "4.1/160"}, ""},
	{"4.1", "a browser sends Origin", []string{"4.1/7"}, ""},
	{"4.1", "Sec-WebSocket-Version is 13", []string{"4.1/6"}, ""},
	{"4.1", "subprotocols are unique tokens", []string{"4.1/8"}, ""},
	{"4.1", "the client waits for the answer before it sends data", []string{"4.1/13", "4.1/14"}, ""},
	{"4.1", "a status that is not 101 is handled as HTTP, and opens no WebSocket", []string{"4.1/15", "4.1/21", "4.1/30"}, ""},
	{"4.1", "an answer without Upgrade: websocket fails the connection", []string{"4.1/60", "4.1/62"}, ""},
	{"4.1", "an answer without Upgrade in Connection fails the connection", []string{"4.1/69", "4.1/71"}, ""},
	{"4.1", "a missing or wrong Sec-WebSocket-Accept fails the connection, white space around it does not", []string{"4.1/77", "4.1/86", "4.1/75"}, ""},
	{"4.1", "an extension that was not asked for fails the connection", []string{"4.1/99"}, ""},
	{"4.1", "a subprotocol that was not asked for fails the connection", []string{"4.1/95"}, ""},

	{"4.2.1", "a request that is no valid handshake is refused with a status", []string{"4.2.1/2", "4.2.1/36", "4.2.1/77"}, ""},
	{"4.2.1", "a GET of HTTP/1.1 or higher", []string{"4.2.1/2–9", "4.2.1/10"}, ""},
	{"4.2.1", "Host has the server's authority", []string{"4.2.1/36–39", "4.2.1/188–190"}, ""},
	{"4.2.1", "Upgrade contains websocket in any case", []string{"4.2.1/42–55"}, ""},
	{"4.2.1", "Connection includes Upgrade in any case", []string{"4.2.1/57–75"}, ""},
	{"4.2.1", "the key is base64 of 16 bytes", []string{"4.2.1/77–91"}, ""},
	{"4.2.1", "the version is 13", []string{"4.2.1/98"}, ""},
	{"4.2.2", "a server on a TLS port does the TLS handshake first", nil, "that it is spoken is seen by -server wss; a case cannot ask for it"},
	{"4.2.2", "a server that does not accept the Origin answers with a status such as 403", []string{"4.2.2/36–38"}, ""},
	{"4.2.2", "another version is refused with Sec-WebSocket-Version, and the handshake ends", []string{"4.4/1–8"}, ""},
	{"4.2.2", "a resource that is not there is answered with a status such as 404", nil, "which resources a server has is not known to a judge"},
	{"4.2.2", "a subprotocol is chosen from those offered, or the field is left out", []string{"4.2.2/8", "4.2.2/18–25"}, ""},
	{"4.2.2", "extensions are chosen from those offered", []string{"4.2.2/9", "9.1/1–5"}, ""},
	{"4.2.2", "the answer is 101 with Upgrade, Connection and the right Sec-WebSocket-Accept", []string{"4.2.2/1–3", "4.2.2/11–15"}, ""},
	{"4.4", "a version that the server does not know is answered with all that it knows", []string{"4.4/1–8"}, ""},

	{"5.1", "a client masks every frame", []string{"5.1/1c"}, ""},
	{"5.1", "a server closes the connection on a frame without a mask", []string{"5.1/1–10"}, ""},
	{"5.1", "a server masks no frame", []string{"5.2/118"}, ""},
	{"5.1", "a client closes the connection on a masked frame", []string{"5.1/1c", "5.1/4c"}, ""},
	{"5.2", "RSV1, RSV2 and RSV3 are 0 unless an extension uses them; else the connection fails", []string{"5.2/1–57"}, ""},
	{"5.2", "an unknown opcode fails the connection", []string{"5.2/58–117"}, ""},
	{"5.2", "a 64-bit length has a top bit of 0", []string{"5.2/186–191"}, ""},
	{"5.2", "a length takes the minimal number of bytes", []string{"5.2/159–185"}, ""},
	{"5.2", "extensions are agreed on in the opening handshake", []string{"4.1/99", "7692-7.2/52"}, ""},
	{"5.3", "a masked payload is unmasked whatever the key", []string{"5.3/1–15"}, ""},
	{"5.3", "a client's masking keys are fresh and cannot be foreseen", []string{"5.3/19"}, ""},
	{"5.4", "control frames are not fragmented", []string{"5.5/1–4"}, ""},
	{"5.4", "fragments are delivered in order", []string{"5.4/1–13"}, ""},
	{"5.4", "fragments of two messages are not interleaved", []string{"5.4/63–74"}, ""},
	{"5.4", "control frames in the middle of a message are handled", []string{"5.4/38–48"}, ""},
	{"5.4", "fragmented and whole messages are received", []string{"5.4/1", "5.6/1"}, ""},
	{"5.4", "intermediaries leave control frames and fragments they cannot understand alone", nil, "the judge speaks to an endpoint, not through an intermediary"},
	{"5.4", "all fragments are of the type of the first", []string{"5.6/3"}, ""},
	{"5.5", "a control frame has at most 125 bytes", []string{"5.5/5–9"}, ""},
	{"5.5.1", "the body of a Close frame begins with a code of two bytes", []string{"5.5.1/20"}, ""},
	{"5.5.1", "a client does not show the reason to its user", nil, "what a user sees is not on the wire"},
	{"5.5.1", "after a Close frame no data frames are sent", []string{"5.5.1/31", "5.5.1/44"}, ""},
	{"5.5.1", "a Close frame is answered by one", []string{"5.5.1/1–5"}, ""},
	{"5.5.1", "after both Close frames the server closes TCP at once", []string{"7.1/1"}, ""},
	{"5.5.2", "a Ping is answered by a Pong, unless a Close frame has come", []string{"5.5.2/1–7"}, ""},
	{"5.5.3", "a Pong has the payload of the Ping that it answers", []string{"5.5.2/2–6"}, ""},
	{"5.6", "a text is UTF-8 as a whole", []string{"8.1/1–24"}, ""},
	{"6.1", "what is sent is framed, with FIN on the last frame, and masked by a client", []string{"5.2/118", "5.2/118c"}, ""},
	{"6.2", "what is received is parsed as frames, however TCP cuts them", []string{"tcp/1–20"}, ""},

	{"7.1.1", "the server closes TCP, a client leaves that to it", []string{"7.1/1", "7.1/3"}, ""},
	{"7.1.2", "the closing handshake starts with a Close frame", nil, "what makes an application start it is not the judge's; an endpoint that fails the connection is judged by 5.5.1 and 7.1.7"},
	{"7.1.7", "whoever fails the connection closes it, and goes on with nothing that comes", []string{"7.1/4–9", "5.5.1/47"}, ""},
	{"7.2.1", "a client whose TCP is lost fails the connection", []string{"7.1/10c", "7.1/14c"}, ""},
	{"7.2.3", "a client waits at random before it connects again", nil, "the judge sees many connections by design, and not what they are for"},
	{"7.4.1", "1005, 1006 and 1015 are never sent", []string{"7.4/42–47"}, ""},
	{"7.4.2", "codes below 3000 are sent only where they are defined", []string{"7.4/34–39", "7.4/48–59"}, ""},
	{"8.1", "bytes that are not UTF-8 fail the connection", []string{"8.1/37–243"}, ""},
}

func TestEveryMustHasACase(t *testing.T) {
	byID := map[string]*Case{}
	for _, c := range All() {
		byID[c.ID] = c
	}
	for _, m := range musts {
		if (len(m.cases) == 0) == (m.none == "") {
			t.Errorf("§%s, %s: name cases or the reason why there are none", m.section, m.demand)
		}
		for _, run := range m.cases {
			ids, err := Expand(run)
			if err != nil {
				t.Errorf("§%s, %s: %v", m.section, m.demand, err)
			}
			for _, id := range ids {
				if byID[id] == nil {
					t.Errorf("§%s, %s: there is no case %s", m.section, m.demand, id)
				}
			}
		}
	}
}
