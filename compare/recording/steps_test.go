package recording

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"wslab/compare/tap"
	"wslab/reference/wire"
)

// play is a recording of two steps on two connections. swap swaps the order of events
// of two goroutines.
func play(swap bool) *Recording {
	r := New(nil, Limits{})
	step := func(index int, phase Phase, command string) {
		r.Append(0, "", &Step{Scenario: "s", Index: index, Of: 2, Line: 3 * (index + 1), Command: command, Phase: phase})
	}
	step(0, StepBegin, "open")
	a := r.Connect(Info{}, wire.Server)
	b := r.Connect(Info{}, wire.Server)
	read := a.Enter(Doing{Verb: VerbRead, Name: "ReadMessage"})
	step(0, StepEnd, "open")
	step(1, StepBegin, "bytes 81\nbytes 00")
	write := a.Enter(Doing{Verb: VerbWrite, Name: "WriteMessage"})
	do := []func(){
		func() { read.Return("text", nil) },
		func() { write.Return("nil", nil) },
		func() { b.Fin(tap.In) },
		func() { a.Closed() },
	}
	if swap {
		do[0], do[1], do[2], do[3] = do[3], do[2], do[1], do[0]
	}
	for _, f := range do {
		f()
	}
	step(1, StepEnd, "bytes 81\nbytes 00")
	b.Closed()
	r.Append(0, "", &Step{Scenario: "s", Index: 2, Of: 2, Phase: PlayOver, Error: "s.txt:6: what"})
	return r
}

func TestAStableTextIsPartedBySteps(t *testing.T) {
	want := `> open
client · opens TCP
conn 2  client · opens TCP

> bytes 81
> bytes 00
server · closes TCP
server · CLOSED: TCP is closed
server · ReadMessage → text
server · WriteMessage → nil
conn 2  client · sends TCP FIN: no more bytes follow

> (after the last step)
conn 2  server · closes TCP
conn 2  server · CLOSED: TCP is closed

! s.txt:6: what
`
	for _, swap := range []bool{false, true} {
		events, _ := play(swap).After(0, 100)
		var b bytes.Buffer
		if err := WriteText(&b, events, TextOptions{Stable: true}); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("swapped %t, it is\n%s\nwant\n%s", swap, &b, want)
		}
		lines := Transcript(events)
		if got := strings.Join(lines[6], "; "); len(lines) != 2 || got != "server · closes TCP; server · CLOSED: TCP is closed; server · ReadMessage → text; server · WriteMessage → nil; conn 2  client · sends TCP FIN: no more bytes follow" {
			t.Errorf("swapped %t, the transcripts are %q", swap, lines)
		}
	}
}

func TestALogTellsStepsWhereTheyBegin(t *testing.T) {
	events, _ := play(false).After(0, 100)
	var b bytes.Buffer
	if err := WriteText(&b, events, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"> s:3 open\n", "> s:6 bytes 81; bytes 00\n", "> s has ended: s.txt:6: what\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, &b)
		}
	}
}

func TestAStepsJSONIsThatOfTheContract(t *testing.T) {
	code := 1000
	e := Event{Seq: 1, Body: &Step{
		Play: "3", BranchOf: "2", Scenario: "x", Title: "X", Endpoint: "reference", Client: "t", As: "browser",
		Index: 1, Of: 7, Line: 5, Command: "close 1000 bye", Say: "It ends.", Phase: StepBegin,
		Order: &Order{Do: "close", Code: &code, Reason: "bye"},
	}}
	got, err := json.Marshal(e)
	want := `{"seq":1,"at":0,"conn":0,"kind":"step","step":{"play":"3","branchOf":"2","scenario":"x","title":"X","endpoint":"reference","client":"t","as":"browser",` +
		`"index":1,"of":7,"line":5,"command":"close 1000 bye","say":"It ends.","phase":"begin","order":{"do":"close","code":1000,"reason":"bye"}}}`
	if err != nil || string(got) != want {
		t.Errorf("it is\n%s, %v\nwant\n%s", got, err, want)
	}
}
