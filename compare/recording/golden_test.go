package recording_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"wslab/compare/recording"
	"wslab/reference/dissect"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with the file, or writes it with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from the recording. Run go test ./compare/recording -update, and see the change with git diff.", file)
	}
}

// The tests of the page in static/test read this file.
func TestTheEventsThatThePagesTestsReadAreWhatGoWrites(t *testing.T) {
	type detail struct {
		Event  recording.Event `json:"event"`
		Fields []dissect.Field `json:"fields"`
	}
	events := session()
	details := map[string]detail{}
	for _, e := range events {
		switch b := e.Body.(type) {
		case *dissect.Frame:
			details[strconv.FormatUint(e.Seq, 10)] = detail{e, b.Fields()}
		case *dissect.Handshake:
			details[strconv.FormatUint(e.Seq, 10)] = detail{e, []dissect.Field{}}
		}
	}
	b, err := json.MarshalIndent(map[string]any{"events": events, "details": details}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join("..", "..", "static", "test", "events.json"), append(b, '\n'))
}

func TestTheJSONOfEventsIsThatOfThePackageJSON(t *testing.T) {
	events := append(session(), recording.Event{Seq: 1 << 40, Conn: 7, Body: &recording.Script{What: "send", Text: "<&>\u2028\xff\"\\"}})
	for n := range len(events) + 1 {
		want, err := json.Marshal(events[:n])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := recording.JSON(events[:n]); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d events: %v, %s\nwant %s", n, err, got, want)
		}
	}
}

func TestTheSessionOfTheGoldenHoldsEveryKind(t *testing.T) {
	kinds := map[string]int{}
	last := uint64(0)
	for _, e := range session() {
		kinds[e.Kind()]++
		if e.Seq <= last {
			t.Errorf("event %d follows event %d", e.Seq, last)
		}
		last = e.Seq
	}
	for _, kind := range []string{"tcp", "bytes", "handshake", "frame", "message", "call", "script", "state", "held", "unsent", "unread", "step", "stack", "dropped", "http"} {
		if kinds[kind] == 0 {
			t.Errorf("there is no %s", kind)
		}
	}
	if kinds["unknown"] > 0 {
		t.Errorf("%d events are of an unknown kind", kinds["unknown"])
	}
}
