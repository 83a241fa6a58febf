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

	"wslab/reference/wire"
)

// fitting returns the cases for servers whose ID fits p, or those for clients where
// there are none.
func fitting(p string) []*Case {
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		if list := slices.DeleteFunc(ForRole(All(), role), func(c *Case) bool { return !c.Fits(p) }); len(list) > 0 {
			return list
		}
	}
	return nil
}

// identified returns the cases whose IDs fit runs.
func identified(t *testing.T, runs ...string) []*Case {
	t.Helper()
	var cases []*Case
	for _, run := range runs {
		cases = append(cases, fitting(run)...)
	}
	if len(cases) == 0 {
		t.Fatalf("there is no case %q", runs)
	}
	return cases
}

func TestAServerThatRefusesAnUnusualRequestBreaksNoMUST(t *testing.T) {
	refuses := serve(func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		}
	})
	for _, each := range []struct {
		what string
		runs []string
		want Verdict
	}{
		{"offers of subprotocols", []string{"4.2.2/one-subprotocol", "4.2.2/two-subprotocols", "4.2.2/two-subprotocols-in-two-fields", "4.2.2/well-known-subprotocols", "4.2.2/subprotocol-with-every-token-character", "4.2.2/20-subprotocols", "4.2.2/subprotocols-without-spaces", "4.2.2/subprotocols-that-differ-in-case", "11.3/three-subprotocol-fields"}, Note},
		{"websocket in a list of protocols", []string{"4.2.1/upgrade-websocket-then-h2c", "4.2.1/upgrade-h2c-then-websocket", "4.2.1/upgrade-h2c-websocket-without-space", "4.2.1/two-upgrade-fields-websocket-second", "4.2.1/two-upgrade-fields-websocket-first", "4.2.1/upgrade-with-empty-items"}, Warning},
		{"two Connection fields", []string{"4.2.1/two-connection-fields-upgrade-second", "4.2.1/two-connection-fields-upgrade-first"}, Warning},
		{"offers of extensions", []string{"9.1/unknown-extension", "9.1/two-unknown-extensions", "9.1/two-extensions-in-two-fields", "9.1/parameter", "9.1/parameter-without-equals-sign", "9.1/several-parameters", "9.1/value-in-quotes", "9.1/value-in-quotes-with-backslash", "9.1/white-space-everywhere", "9.1/no-white-space", "9.1/empty-items-in-list", "9.1/name-with-known-prefix", "9.1/extensions-of-old-drafts", "9.1/50-extensions", "7692-7.1/offer-client-*", "7692-7.1/offer-server-*", "7692-7.1/*-good", "7692-7.1/offer-no-parameters", "7692-7.1/offer-both-no-context-takeover", "7692-7.1/offer-all-four", "7692-7.1/offer-all-four-opposite-order", "7692-7.1/offer-value-in-quotes", "7692-7.1/offer-value-in-quotes-with-backslash", "7692-7.1/offer-white-space", "7692-7.1/offer-two-good-in-two-fields", "7692-7.1/offer-another-extension-before", "7692-7.1/offer-another-extension-after"}, Warning},
		{"fields that are not known", []string{"4.2.1/unknown-*", "4.2.1/field-without-value", "4.2.1/accept-in-request", "4.2.1/cookies", "4.2.1/browser-fields", "4.2.1/value-that-looks-like-a-field", "4.2.1/values-with-colon-commas-and-quotes"}, Warning},
		{"a request that comes slowly", []string{"4.2.1/line-by-line-60-ms-apart", "4.2.1/pause-before-last-byte"}, Note},
		{"frames in the request's segment", []string{"4.2.1/*-with-request"}, Note},
		{"a key that comes twice", []string{"11.3/two-*", "11.3/same-key-twice", "11.3/key-and-empty-key"}, Pass},
		{"a version that comes twice", []string{"4.4/*-fields"}, Pass},
	} {
		for _, c := range identified(t, each.runs...) {
			if r := run(t, c, refuses, nil); r.Verdict != each.want {
				t.Errorf("refused are %s, %s: %s, want %s: %s", each.what, c, r.Verdict, each.want, r.Reason)
			}
		}
	}
}

func TestAServerThatIsLaxBreaksNoMUST(t *testing.T) {
	// It opens a WebSocket for whatever names a key, and echoes whatever frame comes.
	lax := serve(func(c net.Conn) {
		in := bufio.NewReader(c)
		key := ""
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimSpace(line); line == "" {
				break
			}
			if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Sec-WebSocket-Key") && key == "" {
				key = strings.TrimSpace(value)
			}
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+wire.Accept(key)+"\r\n\r\n")
		for {
			h, p, err := readFrame(in)
			switch {
			case err != nil:
				return
			case h.Opcode == wire.Ping:
				h.Opcode = wire.Pong
			}
			if h.Opcode == wire.Continuation {
				h.Opcode = wire.Text
			}
			_, _ = c.Write(unmasked(h.Opcode, string(p)))
			if h.Opcode == wire.Close {
				return
			}
		}
	})
	for _, each := range []struct {
		what string
		runs []string
		want Verdict
	}{
		{"lengths that are not the shortest", []string{"5.2/length-*"}, Warning},
		{"keys that are not base64 of 16 bytes", []string{"4.2.1/key-in-*", "4.2.1/key-of-15-bytes", "4.2.1/key-of-17-bytes", "4.2.1/key-of-1-byte", "4.2.1/key-not-base64", "4.2.1/key-of-16-letters", "4.2.1/key-without-padding", "4.2.1/key-one-equals-sign-too-few", "4.2.1/key-one-equals-sign-too-many", "4.2.1/key-with-space-inside"}, Warning},
		{"a key that comes twice", []string{"11.3/two-*", "11.3/same-key-twice", "11.3/key-and-empty-key"}, Warning},
		{"a version that comes twice", []string{"4.4/*-fields"}, Warning},
		{"the versions 7 and 8", []string{"4.4/version-7", "4.4/version-8"}, Note},
		{"header lines that break the grammar", []string{"4.2.1/header-line-without-colon", "4.2.1/header-line-without-colon-with-space", "4.2.1/name-with-*", "4.2.1/header-line-without-name"}, Warning},
		{"continuation frames without a message", []string{"5.4/*-first"}, Warning},
		{"messages inside others", []string{"5.4/text-fin-1-inside-text"}, Warning},
		{"control frames with FIN 0", []string{"5.5/ping-fin-0", "5.5/empty-ping-fin-0"}, Warning},
		{"control frames of more than 125 bytes", []string{"5.5/ping-of-126"}, Warning},
		{"Pongs", []string{"5.5.3/pong-of-0"}, Pass}, // an empty Pong may be a heartbeat
		{"Pongs with a payload", []string{"5.5.3/pong-of-1", "5.5.3/pong-of-124", "5.5.3/pong-of-125", "5.5.3/pong-not-utf-8"}, Note},

		// These are for a MUST of the receiver.
		{"the version 14", []string{"4.4/version-14"}, Fail},
		{"RSV2 and RSV3", []string{"5.2/rsv23-in-text"}, Fail},
		{"the opcode 3", []string{"5.2/opcode-3-with-payload"}, Fail},
		{"text that is not UTF-8", []string{"8.1/bad-lone-80"}, Fail},
		{"frames without a mask", []string{"5.1/wrong-mask-in-text"}, Fail},
		{"the code 1005", []string{"7.4/code-1005"}, Fail},
		{"no Upgrade", []string{"4.2.1/no-upgrade"}, Fail},
		{"white space before a colon", []string{"4.2.1/space-before-colon"}, Fail},
		{"extensions that break the grammar", []string{"9.1/bad-space-in-name"}, Fail},
	} {
		for _, c := range identified(t, each.runs...) {
			if r := run(t, c, lax, nil); r.Verdict != each.want {
				t.Errorf("accepted are %s, %s: %s, want %s: %s; got %s", each.what, c, r.Verdict, each.want, r.Reason, r.Got)
			}
		}
	}
}

func TestWhenAClientClosesTCPIsItsOwnChoice(t *testing.T) {
	for _, c := range identified(t, "5.6/text-binary-text-client", "5.5.1/close-first-client", "7.4/code-1000-client", "4.1/status-401") {
		synctest.Test(t, func(t *testing.T) {
			over := make(chan struct{})
			r := playMini(t.Context(), c, wire.Client, mini{does: func(m *mini) {
				for {
					h, p, ok := m.frame()
					if !ok {
						break
					}
					m.send(h.Opcode, p)
					if h.Opcode == wire.Close {
						break
					}
				}
				<-over // it has seen FIN, and does not close
			}})
			close(over)
			if r.Verdict > Warning || r.Closing > Warning {
				t.Errorf("%s: %s, closing %s: %s", c, r.Verdict, r.Closing, r.Reason)
			}
		})
	}
}
