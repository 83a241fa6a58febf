package recording_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"wslab/compare/recording"
)

func TestTextTellsTheSession(t *testing.T) {
	// With steps the text is parted by them; TestAStableTextIsPartedBySteps has that.
	events := session()
	events = events[:slices.IndexFunc(events, func(e recording.Event) bool { return e.Kind() == "step" })]
	for _, stable := range []bool{false, true} {
		var b bytes.Buffer
		if err := recording.WriteText(&b, events, recording.TextOptions{Stable: stable}); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata", fmt.Sprintf("session-stable-%t.txt", stable)), b.Bytes())
	}
}

func TestTextReportsWhatItsWriterSays(t *testing.T) {
	r, w := io.Pipe()
	r.CloseWithError(errors.New("the disk is full"))
	if err := recording.WriteText(w, session(), recording.TextOptions{}); err == nil || err.Error() != "the disk is full" {
		t.Errorf("it gave %v", err)
	}
}

func TestOutcomeSaysWhatTheServerSent(t *testing.T) {
	var gorilla []recording.Event
	for _, e := range session() {
		if e.Conn == 2 {
			gorilla = append(gorilla, e)
		}
	}
	want := `101; TEXT FIN, 5 bytes "Hello"; PONG FIN, 4 bytes; TEXT FIN, 9 bytes "Hello you"; TEXT FIN, 4 bytes "step"; CLOSE FIN, 10 bytes 1002 protocol error "bad MASK"; closed`
	if got := recording.Outcome(gorilla); got != want {
		t.Errorf("it is %s\nwant %s", got, want)
	}
}

func TestNumbersAndLongTextsAreWrittenForPeople(t *testing.T) {
	if got := recording.ByteCount(0) + ", " + recording.ByteCount(uint64(1)) + ", " + recording.ByteCount(int64(2)); got != "0 bytes, 1 byte, 2 bytes" {
		t.Error(got)
	}
	if got := recording.Clip("grün", 3) + " " + recording.Clip("grün", 4); got != "grü… grün" {
		t.Error(got)
	}
}
