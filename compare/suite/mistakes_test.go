package suite

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"wslab/compare/suite/mistakes"
	"wslab/compare/suite/spec"
	"wslab/compare/tcptest"
	"wslab/reference/recognize"
	"wslab/reference/wire"
)

// isTitle returns a function that reports whether c has a title or ID, or, where it ends
// in *, one that begins so.
func isTitle(c *Case) func(title string) bool {
	return func(title string) bool {
		begin, several := strings.CutSuffix(title, "*")
		return c.Title == title || several && strings.HasPrefix(c.Title, begin) || c.Fits(title) || c.Fits(title+spec.Mirrored)
	}
}

// judged returns the reports of cases with these titles at a mini endpoint that
// makes a mistake. Each case has its own connection. All run at once, in the bubble of t.
func judged(t *testing.T, role wire.Role, makes string, titles ...string) []Report {
	t.Helper()
	var cases []*Case
	for _, c := range ForRole(All(), role) {
		if slices.ContainsFunc(titles, isTitle(c)) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		t.Errorf("no case has one of the titles %q", titles)
	}
	reports := make([]Report, len(cases))
	var playing sync.WaitGroup
	for i, c := range cases {
		playing.Go(func() { reports[i] = playMini(t.Context(), c, role, mini{makes: makes}) })
	}
	playing.Wait()
	return reports
}

// playMini plays c at a copy of small, which serves each connection. The caller is in a
// bubble of synctest.
func playMini(ctx context.Context, c *Case, role wire.Role, small mini) Report {
	connect := func(context.Context) (net.Conn, error) {
		ours, theirs := tcptest.Pair()
		m := small
		m.role, m.conn = role, theirs
		go m.run()
		return ours, nil
	}
	if role == wire.Server {
		return Run(ctx, c, Target{Name: "test", Host: "test", Dial: connect}, nil)
	}
	return RunClient(ctx, c, ClientTarget{Name: "test", Accept: connect}, nil)
}

var (
	serverRequest  = "The smallest valid request"
	clientRequests = "The method and version of the request"
)

// proof has, for a mistake, the cases that show it, and some that must not mislead.
type proof struct {
	mistake string
	titles  []string
}

// acceptProofs returns a proof for each mistake of package recognize.
func acceptProofs() []proof {
	var all []proof
	for _, slip := range recognize.Slips() {
		p := proof{slip.Code, []string{"Sec-WebSocket-Accept for *"}}
		if !slices.ContainsFunc(all, func(q proof) bool { return q.mistake == p.mistake }) {
			all = append(all, p)
		}
	}
	return all
}

// proofs has a proof for each mistake.
var proofs = slices.Concat(acceptProofs(), []proof{
	{"key-name-by-case", []string{serverRequest, "All field names in lower case", "All field names in capitals"}},
	{"accept-is-key", []string{"Sec-WebSocket-Accept for *"}},
	{"accept-constant", []string{"Sec-WebSocket-Accept for *"}},

	{"request-read-once", []string{serverRequest, "A request cut *", "A request line by line", "A field value of 8,000 bytes"}},
	{"request-buffer-small", []string{serverRequest, "A request cut in a *", "A cookie with a value of 4,096 bytes*", "A field value of 8,000 bytes", "An unknown field"}},
	{"glued-frame-lost", []string{serverRequest, clientRequests, "A frame in the same *", "Three frames in the same *", "Two text frames in one TCP write"}},
	{"header-names-by-case", []string{serverRequest, "All field names in *"}},
	{"header-split-at-every-colon", []string{serverRequest, "An unknown field", "A field whose value looks like a field", "All field names in *"}},
	{"header-split-at-colon-space", []string{serverRequest, "No space after the colons", "Tabs after the colons", "White space after the values", "An unknown field", "A field whose value looks like a field"}},
	{"header-value-not-trimmed", []string{serverRequest, "No space after the colons", "White space after the values", "An unknown field", "A field whose value looks like a field"}},
	{"connection-not-a-list", []string{serverRequest, "Connection: *", "Upgrade: *"}},
	{"connection-by-case", []string{serverRequest, "Connection: *", "Upgrade: *"}},
	{"upgrade-by-case", []string{serverRequest, "Connection: *", "Upgrade: *"}},
	{"token-as-substring", []string{serverRequest, "Connection: *", "Upgrade: *", "No Upgrade", "No Connection"}},
	{"method-not-checked", []string{serverRequest, "The method *", "A request of HTTP/1.0"}},
	{"http-version-not-checked", []string{serverRequest, "The method *", "A request of HTTP/1.0"}},
	{"host-not-checked", []string{serverRequest, "No Host", "Two Host fields*"}},
	{"upgrade-not-checked", []string{serverRequest, "Connection: *", "Upgrade: *", "No Upgrade", "No Connection"}},
	{"connection-not-checked", []string{serverRequest, "Connection: *", "Upgrade: *", "No Upgrade", "No Connection"}},
	{"key-not-checked", []string{serverRequest, "No key", "A key of *", "A key that is *"}},
	{"version-not-checked", []string{serverRequest, "Version *"}},
	{"version-not-named", []string{serverRequest, "Version *"}},
	{"subprotocol-invented", []string{serverRequest, "No subprotocol if the client offered none"}},
	{"extension-invented", []string{serverRequest, "No extension if the client offered none"}},

	{"accept-not-checked", []string{clientRequests, "Sec-WebSocket-Accept *", "The status 403 Forbidden"}},
	{"status-not-checked", []string{clientRequests, "Sec-WebSocket-Accept with the key itself", "The status 200 OK", "The status 403 Forbidden", "The status 500 *"}},
	{"key-constant", []string{clientRequests, "The key in the request"}},
	{"host-without-port", []string{clientRequests, "Host in the request"}},
	{"host-without-brackets", []string{clientRequests, "Host in the request"}},
	{"answer-read-once", []string{clientRequests, "A response cut *", "A response byte by byte"}},

	{"one-read-one-frame", tcpTitles},
	{"read-not-full", tcpTitles},
	{"payload-read-once", tcpTitles},
	{"header-read-once", tcpTitles},
	{"second-frame-lost", tcpTitles},

	{"length-126-taken-for-length", []string{"A binary message of 12*"}},
	{"length-127-read-as-32-bits", []string{"A binary message of 125 bytes", "A binary message of 65,53*"}},
	{"length-64-read-and-ignored", []string{"A binary message of 125 bytes", "A binary message of 65,53*"}},
	{"length-little-endian", []string{"A binary message of 125 bytes", "A binary message of 255 bytes", "A binary message of 256 bytes", "A binary message of 257 bytes"}},
	{"length-125-refused", []string{"A text message of 12*"}},
	{"length-64-not-supported", []string{"A text message of 1 byte", "A text message of 65,5*"}},
	{"length-not-minimal", []string{"A text message of 12*"}},
	{"length-in-characters", []string{"Well-formed: *"}},
	{"length-sent-little-endian", []string{"A text message of 12*", "A text message of 255 bytes", "A text message of 256 bytes", "A text message of 65,536 bytes"}},
	{"length-sent-in-32-bits", []string{"A text message of 12*", "A text message of 65,53*"}},
	{"length-in-one-byte", []string{"A text message of 12*", "A text message of 255 bytes", "A text message of 256 bytes"}},
	{"length-counts-masking-key", []string{"A text message of 1 byte", "A text message of 12*", "A Ping with five bytes of text"}},
	{"length-too-large", []string{"A text message of 1 byte", "A text message of 124 bytes", "A Ping with five bytes of text", "Close code 1000"}},
	{"length-too-small", []string{"A text message of 1 byte", "A text message of 12*", "Example: a text message in one frame"}},
	{"byte-after-frame", []string{"A text message of 1 byte", "A text message of 12*", "A Ping with five bytes of text"}},
	{"payload-still-masked", []string{"The masking key *", "A text message of 1 byte"}},
	{"mask-begun-anew-at-each-read", []string{"Cut after byte 7: a text frame", "Cut after byte 8: a text frame", "Cut after byte 9: a text frame", "A text message of 12*"}},
	{"mask-begun-before-payload", []string{"A payload of 9 bytes, masked *", "A payload of 3 bytes, masked *"}},
	{"mask-not-checked", []string{"A text frame with the wrong MASK bit", "A binary frame with the wrong MASK bit", "A Ping with the wrong MASK bit"}},
	{"mask-bit-without-key", []string{"A text message of 1 byte", "A text message of 12*", "A Ping with five bytes of text"}},
	{"mask-bit-missing", []string{"A text message of 1 byte", "A text message of 12*", "A Ping with five bytes of text"}},
	{"server-masks", []string{"A text message of 1 byte", "An empty Ping"}},
	{"client-does-not-mask", []string{"A text message of 1 byte", "An empty Ping"}},
	{"mask-left-out-when-empty", []string{"A text, a binary and a text message", "Three text frames in one TCP write, the second empty"}},
	{"mask-left-out-in-control-frames", []string{"A text message of 1 byte", "A Ping with five bytes of text"}},
	{"masking-key-constant", []string{"The masking keys of eight messages"}},
	{"fin-inverted", []string{"A text message of 12*", "An empty Ping"}},
	{"nibbles-swapped", []string{"A text message of 1*"}},
	{"payload-without-header", []string{"Example: a text message in one frame", "A text message of 12*"}},
	{"http-after-handshake", []string{"Example: a text message in one frame"}},
	{"crlf-behind-handshake", []string{"Example: a text message in one frame"}},
	{"chunk-after-handshake", []string{"Example: a text message in one frame", "RSV2 and RSV3 in *", "A continuation *"}},
	{"rsv-not-checked", []string{"RSV1 in *", "7692-7.2/rsv1-in-second-fragment", "RSV2 and RSV3 in *"}},
	{"opcode-not-checked", []string{"Opcode 3 *", "A text message, opcode B *"}},

	{"first-fragment-dropped", fragmentTitles},
	{"only-last-fragment", fragmentTitles},
	{"fragment-is-message", fragmentTitles},
	{"empty-fragment-ends-message", fragmentTitles},
	{"empty-final-fragment-loses-message", fragmentTitles},
	{"control-frame-in-message", fragmentTitles},
	{"fragments-forgotten-at-ping", fragmentTitles},
	{"continuation-stray-not-checked", []string{"A text message in two fragments, *", "A stray *", "Nothing to continue*", "Inside a text message: *", "A continuation*"}},
	{"interleaved-not-checked", []string{"A text message in two fragments, *", "Inside a *", "5.4/text-inside-text-byte-by-byte"}},
	{"control-fragment-not-checked", []string{"A Ping with FIN bit 0*", "An empty Ping"}},
	{"control-sent-fragmented", append([]string{"A Ping with FIN bit 0*"}, pingTitles...)},
	{"control-length-not-checked", []string{"A Ping with a payload of 12*", "An empty Ping"}},

	{"ping-not-answered", pingTitles},
	{"pong-without-payload", pingTitles},
	{"ping-delivered-as-message", pingTitles},
	{"ping-answered-late", fragmentTitles},
	{"pong-answered", slices.Concat(pingTitles, []string{"An unsolicited Pong*"})},

	{"close-not-answered", closeTitles},
	{"close-ignored", closeTitles},
	{"close-1005-sent", closeTitles},
	{"close-code-as-text", closeTitles},
	{"close-code-little-endian", closeTitles},
	{"close-code-in-32-bits", closeTitles},
	{"close-code-not-checked", closeTitles},
	{"close-reason-not-checked", closeTitles},
	{"close-body-not-checked", closeTitles},
	{"data-after-close", closeTitles},
	{"tcp-left-open", closeTitles},
	{"fails-without-close", append([]string{"RSV1 in *", "7692-7.2/rsv1-in-second-fragment", "Opcode 3 *"}, closeTitles...)},

	{"utf8-not-checked", textTitles},
	{"utf8-checked-per-fragment", textTitles},
	{"utf8-checked-per-read", tcpTitles},
	{"utf8-replaced", textTitles},
	{"text-read-as-latin1", []string{"Well-formed: *", "A text message of 1 byte"}},
	{"binary-sent-as-text", []string{"A binary message of 1 byte", "A text message of 1 byte", "A binary message with all 256 byte values"}},
	{"text-sent-as-binary", []string{"A binary message of 1 byte", "A text message of 1 byte"}},
})

var (
	oneFrame     = []string{"5.2/text-of-1", "5.2/text-of-2", "5.7/text-in-one-frame"}
	cutPayload   = []string{"tcp/text-cut-before-last", "tcp/?-byte-character-cut-at-1", "tcp/3-byte-character-cut-at-2"}
	cutHeader    = []string{"tcp/text-cut-at-[1-5]", "tcp/byte-by-byte-empty-text", "tcp/text-16-bit-cut-at-[1-3]"}
	severalTexts = []string{"tcp/two-texts-one-write", "tcp/100-texts-one-write", "5.6/ten-texts-one-write", "tcp/three-texts-one-empty-one-write"}

	tcpTitles      = slices.Concat(oneFrame, cutPayload, cutHeader, severalTexts)
	fragmentTitles = []string{"A text message in two fragments, *", "A text message in three fragments, *", "A text message in five *", "A Ping between *", "A Pong between *", "5.4/pong-between-byte-by-byte", "A text message of 1 byte"}
	pingTitles     = []string{"A text message of 1 byte", "An empty Ping", "5.5.2/ping-of-*", "5.5.2/ping-not-utf-8", "5.1/wrong-mask-in-ping", "5.4/ping-of-125-between", "A Ping, *", "5.5.1/close-after-pong", "5.5.2/five-pings-await-each-pong", "Example: a Ping and its Pong", "5.4/pong-between-one-write", "5.5.3/pong-then-*"}
	closeTitles    = []string{"A text message of 1 byte", "A Close frame as the first frame", "A Close frame without a body", "A Close frame with a body of one byte",
		"Only the closing handshake", "Close code 100*", "Close code 3000", "A close reason with U+0000*", "A close reason with FF*"}
	textTitles = []string{"A text message in two fragments, in one TCP write", "Well-formed: *", "Malformed: U+D*", "Malformed: the*", "Malformed: FF*", `"κόσμε" *`, "Malformed, in an unfinished message: *"}
)

func TestEachMistakeOfASmallEndpointIsDiagnosedByItsName(t *testing.T) {
	type result struct {
		role    wire.Role
		reports []Report
		names   []string
	}
	for _, p := range proofs {
		t.Run(p.mistake, func(t *testing.T) {
			t.Parallel()
			var results []result // for each role that can make the mistake
			synctest.Test(t, func(t *testing.T) {
				m, _ := MistakeOf(p.mistake)
				for _, role := range map[string][]wire.Role{"server": {wire.Server}, "client": {wire.Client}, "both": {wire.Server, wire.Client}}[m.Role] {
					r := result{role: role, reports: judged(t, role, p.mistake, p.titles...)}
					for _, d := range DiagnoseAll(r.reports) {
						r.names = append(r.names, d.Mistake.Code)
					}
					results = append(results, r)
				}
			})
			for _, r := range results {
				if !slices.Equal(r.names, []string{p.mistake}) {
					t.Errorf("diagnosed %q", r.names)
					for _, r := range r.reports {
						t.Logf("%s %s %s: %s; got %s; %s", r.Verdict, r.Closing, r.Case, r.Reason, r.Got, r.Mistake)
					}
				}
				for _, r := range r.reports {
					if r.Mistake != "" && r.Mistake != p.mistake && !sameValue(r, p.mistake) {
						t.Errorf("%s alone says %s: got %s", r.Case, r.Mistake, r.Got)
					}
				}
			}
		})
	}
}

// sameValue reports whether the Sec-WebSocket-Accept in r is also that of another mistake.
func sameValue(r Report, mistake string) bool {
	h := r.Handshake
	return h != nil && h.Accept != nil && recognize.Gives(mistake, h.Accept.Key, h.Accept.Got)
}

func TestNothingIsNamedOfASmallEndpointThatIsRight(t *testing.T) {
	var titles []string
	for _, p := range proofs {
		titles = append(titles, p.titles...)
	}
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		synctest.Test(t, func(t *testing.T) {
			for _, r := range judged(t, role, "", titles...) {
				if r.Worst() == Fail || r.Mistake != "" {
					t.Errorf("%s: %s, %s: %s; named %q", r.Case, r.Verdict, r.Closing, r.Reason, r.Mistake)
				}
			}
		})
	}
}

func TestEveryMistakeHasAProof(t *testing.T) {
	codes := map[string]bool{}
	for _, m := range mistakes.Mistakes() {
		if codes[m.Code] {
			t.Errorf("%s is there twice", m.Code)
		}
		codes[m.Code] = true
		if m.Says == "" || m.Instead == "" || m.Usually == "" || !strings.HasPrefix(m.Section, "RFC ") || !strings.HasPrefix(m.Says, "You") {
			t.Errorf("%s lacks something: %+v", m.Code, m)
		}
		if n := len(slices.DeleteFunc(slices.Clone(proofs), func(p proof) bool { return p.mistake != m.Code })); n != 1 {
			t.Errorf("%s has %d proofs", m.Code, n)
		}
	}
	for _, p := range proofs {
		if !codes[p.mistake] {
			t.Errorf("%s is proved, and no mistake", p.mistake)
		}
	}
}
