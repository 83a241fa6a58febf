package browser

import (
	"strings"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// record returns the recording of a conversation with key and mask as stable text.
func record(t *testing.T, key string, mask [4]byte, normal bool) string {
	t.Helper()
	rec := recording.New(nil, recording.Limits{})
	c := rec.Connect(recording.Info{Endpoint: "reference", Client: "1"}, wire.Server)
	request := "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key:  " + key + "\r\nSec-WebSocket-Version: 13\r\n\r\n"
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + wire.Accept(key) + "\r\n\r\n"
	c.Bytes(tap.In, []byte(request))
	c.Bytes(tap.Out, []byte(answer))
	masked := func(op wire.Opcode, fin bool, payload string) []byte {
		h := wire.Header{Fin: fin, Opcode: op, Masked: true, Key: mask, Form: wire.FormFor(uint64(len(payload))), Length: uint64(len(payload))}
		b := append(h.Append(nil), payload...)
		wire.Mask(mask, 0, b[h.Size():])
		return b
	}
	send := func(op wire.Opcode, fin bool, payload string) { c.Bytes(tap.In, masked(op, fin, payload)) }
	send(wire.Text, false, "Hel")
	send(wire.Ping, true, "")
	send(wire.Continuation, true, "lo")
	c.Bytes(tap.Out, []byte("\x81\x05Hello"))
	send(wire.Binary, true, strings.Repeat("x", 70_000))
	send(wire.Text, false, "Hel")
	unread := append(masked(wire.Continuation, true, "lo, unread"), masked(wire.Close, true, "\x03\xe8bye")...)
	c.Unread(unread, len(unread))
	events, _ := rec.After(0, 1000)
	if normal {
		events = normalize(events)
	}
	var b strings.Builder
	if err := recording.WriteText(&b, events, recording.TextOptions{Stable: true}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhatABrowserDrawsAtRandomIsReplacedBySampleValues(t *testing.T) {
	const keyA, keyB = "DUqZrwDxcifZbEIeSuDD5g==", "/XjDMdIO/qp2297S7FZwKw=="
	a := record(t, keyA, [4]byte{1, 2, 3, 4}, true)
	b := record(t, keyB, [4]byte{0xff, 0, 0xaa, 7}, true)
	trimmed := func(s string) string { // a frame that is not kept whole keeps its own key
		before, rest, _ := strings.Cut(s, "client ❱ BINARY")
		_, after, _ := strings.Cut(rest, "client ❱ TEXT")
		return before + after
	}
	if trimmed(a) != trimmed(b) {
		t.Errorf("two recordings differ:\n%s\n%s", a, b)
	}
	for _, has := range []string{"dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "01 83 37 fa 21 3d 7f 9f 4d", `"Hel"`, `read it: CONTINUATION FIN masked`, "88 85 37 fa 21 3d", "1000 normal closure"} {
		if !strings.Contains(a, has) {
			t.Errorf("there is no %s in\n%s", has, a)
		}
	}
	if strings.Contains(a, "×") {
		t.Errorf("what was right has become wrong:\n%s", a)
	}
	if raw := record(t, keyA, [4]byte{1, 2, 3, 4}, false); len(strings.Split(raw, "\n")) != len(strings.Split(a, "\n")) {
		t.Errorf("lines are lost or added:\n%s\n%s", raw, a)
	}
}
