package suite

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wslab/compare/suite/spec"
	"wslab/reference/wire"
)

func TestEveryMUSTNamesItsSentenceAndWhomItBinds(t *testing.T) {
	parties := []spec.Party{spec.TheServer, spec.TheClient, spec.TheEndpoint, spec.TheSender, spec.TheReceiver, spec.TheBrowser}
	for _, c := range All() {
		d := c.Duty
		switch {
		case c.Keyword != Must && d != (spec.Duty{}):
			t.Errorf("%s is a %s and names a MUST: %s", c.ID, c.Keyword, d)
		case c.Keyword != Must:
		case d.Section == "" || d.Paragraph == "" || !slices.Contains(parties, d.Binds) || !strings.HasSuffix(d.Says, "."):
			t.Errorf("%s has the duty %+v", c, d)
		case d.Binds == spec.TheServer && c.Judges != wire.Server, d.Binds == spec.TheClient && c.Judges != wire.Client:
			t.Errorf("%s judges a %s, and its MUST binds the %s", c, c.Judges, d.Binds)
		case c.Lax != "":
			t.Errorf("%s has a MUST, and a reason why none speaks of it", c)
		}
	}
}

// A peer that answers everything with the wrong thing is wrong in each case of a
// MUST. It cannot fail a case of a MAY.
func TestNothingFailsACaseOfAMAY(t *testing.T) {
	for _, c := range All() {
		if c.Keyword != May || len(c.Opening.Writes) > 1 {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			r := playMini(t.Context(), c, c.Judges, mini{does: func(m *mini) {
				m.send(wire.Binary, []byte("not this"))
				m.send(3, nil)
				m.leave()
			}})
			if r.Worst() == Fail {
				t.Errorf("%s: %s, closing %s: %s", c, r.Verdict, r.Closing, r.Reason)
			}
		})
	}
}

func TestTheMUSTInBracketsIsTheOneThatWasBroken(t *testing.T) {
	for _, each := range []struct {
		what   string
		answer func(wire.Header, []byte) []byte
		broken string // in the cases about the opening handshake
	}{
		{"another payload", func(h wire.Header, p []byte) []byte { return unmasked(h.Opcode, "other") }, "RFC 6455 §6.2, "},
		{"another opcode", func(_ wire.Header, p []byte) []byte { return unmasked(wire.Binary, string(p)) }, "RFC 6455 §6.2, "},
		{"a length that is too long", func(wire.Header, []byte) []byte { return []byte{0x81, 100, 'H'} }, "RFC 6455 §5.2, Payload length"},
	} {
		target := answering(each.answer)
		seen := 0
		for _, c := range identified(t, "4.2.1/unknown-*", "4.2.1/cookies", "4.2.1/browser-fields", "4.2.1/method-*", "9.1/unknown-extension", "9.1/parameter", "5.6/text-binary-text") {
			short := *c
			short.Deadline = 300 * time.Millisecond
			r := run(t, &short, target, nil)
			if r.Verdict != Fail {
				continue
			}
			if !c.Duty.Handshake() || c.Refused() {
				if r.Source() != c.Source() {
					t.Errorf("%s, %s: %s", each.what, c, r.Source())
				}
				continue
			}
			seen++
			if !strings.HasPrefix(r.Source(), each.broken) || !strings.Contains(r.Words(), "\nbroken   ") {
				t.Errorf("%s, %s (%s): the MUST is said to be in %s", each.what, c, r.Reason, r.Source())
			}
		}
		if seen < 2 {
			t.Errorf("%s: %d cases about the opening handshake fail", each.what, seen)
		}
	}
	// A fault in the response itself breaks the case's own MUST.
	wrong := serve(func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		}
	})
	for _, c := range identified(t, "4.2.1/unknown-*", "4.2.1/cookies") {
		if r := run(t, c, wrong, nil); r.Verdict == Fail && r.Source() != c.Source() {
			t.Errorf("%s: %s", c, r.Source())
		}
	}
}
