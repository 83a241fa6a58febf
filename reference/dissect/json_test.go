package dissect

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"wslab/reference/wire"
)

func TestJSONIsWhatThePageIsPromised(t *testing.T) {
	talk := &Conversation{}
	s := feed(t, talk, []part{
		{wire.Client, []byte(request)},
		{wire.Server, []byte(strings.Replace(response, "s3pP", "x3pP", 1))},
		{wire.Client, data(t, "81 85 37 fa 21 3d 7f 9f 4d 51 58")},
		{wire.Server, data(t, "01 03 48 65 6c 89 01 21 80 02 6c 6f")},
		{wire.Client, data(t, "c3 00")},
		{wire.Server, data(t, "81 02 c3 28")},
		{wire.Server, frame(wire.Server, 0x82, make([]byte, 4120))},
		{wire.Client, frame(wire.Client, 0x88, []byte("\x03\xe8bye"))},
		{wire.Server, data(t, "88 00")},
		{wire.Server, data(t, "82 7f ff ff ff ff ff ff ff ff 00")},
	}, whole, false, true)
	var b bytes.Buffer
	for _, line := range strings.Split(strings.TrimSpace(s.log), "\n") {
		_, body, ok := strings.Cut(line, "{")
		if strings.HasPrefix(line, " ") || !ok {
			continue
		}
		if err := json.Indent(&b, []byte("{"+body), "", "  "); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		b.WriteByte('\n')
	}
	fields, err := json.MarshalIndent(s.frames[0].Fields(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	b.Write(fields)
	b.WriteByte('\n')
	golden(t, "json.txt", shortHex(b.String()))
}

// shortHex shortens the zeros of a long payload.
func shortHex(s string) string {
	const zeros = "0000000000000000"
	for strings.Contains(s, zeros+zeros) {
		s = strings.ReplaceAll(s, zeros+zeros, zeros)
	}
	return s
}

func TestAMessageIsShownAsTextUpToAWholeCharacter(t *testing.T) {
	for cut := range 4 {
		text := strings.Repeat("a", cut) + strings.Repeat("€", 100)
		m := feed(t, NewFrames(), []part{{wire.Server, frame(wire.Server, 0x81, []byte(text))}}, whole, false, true).messages[0]
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Size uint64
			Text string
			Hex  string
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if got.Hex != "" || !strings.HasPrefix(text, got.Text) || len(got.Text) < KeepMessage-utf8.UTFMax || got.Size != uint64(len(text)) {
			t.Errorf("%d bytes before: %s", cut, b)
		}
	}
}

func TestAFragmentThatBeginsInsideACharacterHasNoText(t *testing.T) {
	s := feed(t, NewFrames(), []part{{wire.Server, append(frame(wire.Server, 0x01, []byte("a\xe2")), frame(wire.Server, 0x80, []byte("\x82\xacb"))...)}}, whole, false, true)
	for _, f := range s.frames {
		if text, ok := f.Text(); ok {
			t.Errorf("fragment %d has the text %q", f.Fragment, text)
		}
	}
	if b, _ := json.Marshal(s.messages[0]); !strings.Contains(string(b), `"text":"a€b"`) {
		t.Errorf("the message is %s", b)
	}
}

// TestNumbersBeyondJavaScriptsAreStrings has lengths that a number of 53 bits would
// round. A number of this size is read again as an integer, and is right in Go alone.
func TestNumbersBeyondJavaScriptsAreStrings(t *testing.T) {
	for _, test := range []struct {
		length      uint64
		size, short string
	}{
		{1<<53 - 11, "9007199254740991", "9007199254740981"},
		{1<<53 - 10, `"9007199254740992"`, "9007199254740982"},
		{1<<53 + 1, `"9007199254741003"`, `"9007199254740993"`},
		{1<<64 - 11, `"18446744073709551615"`, `"18446744073709551605"`},
		{1<<64 - 1, `"18446744073709551625"`, `"18446744073709551615"`},
	} {
		header := wire.Header{Fin: true, Opcode: wire.Binary, Form: wire.Length64, Length: test.length}
		c := NewFrames()
		c.Bytes(wire.Server, header.Append(nil), true)
		b, err := json.Marshal(c.End(wire.Server, NeverArrived))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Size, Short json.RawMessage
			Header      struct{ Length string }
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if string(got.Size) != test.size || string(got.Short) != test.short || got.Header.Length != strconv.FormatUint(test.length, 10) {
			t.Errorf("length %d: size %s, short %s, want %s, %s", test.length, got.Size, got.Short, test.size, test.short)
		}
	}
}
