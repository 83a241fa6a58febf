package bugs

import (
	"slices"
	"strings"
	"testing"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/runner"
	"wslab/compare/scenario"
	"wslab/lessons"
)

// numbers returns the numbers of found.
func numbers(found []Found) []int {
	list := []int{}
	for _, f := range found {
		list = append(list, f.Number)
	}
	return list
}

// run runs a scenario of the lessons against the endpoint called name.
func run(t *testing.T, scenarioName, name string) []recording.Event {
	t.Helper()
	all, err := scenario.Load(lessons.Files, "scenarios")
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Find(all, scenarioName)
	if err != nil {
		t.Fatal(err)
	}
	return play(t, s, name)
}

// play runs s against the endpoint called name.
func play(t *testing.T, s *scenario.Scenario, name string) []recording.Event {
	t.Helper()
	e, err := endpoint.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	events, err := runner.Run(t.Context(), s, e)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// opens has the faults that each attack opens: one, its own.
var opens = map[string]int{
	"naive-long-request": 1, "naive-glued-frame": 2, "naive-cut-request": 3, "naive-upgrade-colon": 4, "naive-lower-case-upgrade": 5,
	"naive-capital-websocket": 6, "naive-keep-alive": 7, "naive-post": 8, "naive-other-site": 9, "naive-null-origin": 10,
	"naive-split-header": 11, "naive-rsv1": 12, "naive-unmasked": 13, "naive-126": 14, "naive-fin": 15, "naive-huge-length": 16,
	"naive-64-bit-length": 17, "naive-fragmented-ping": 18, "naive-close": 19, "naive-ping": 20, "naive-opcode-3": 21,
	"naive-first-fragment": 22, "naive-not-utf8": 23, "naive-ping-between": 24, "naive-empty-fragment": 25, "naive-many-fragments": 26,
	"naive-binary-echo": 27, "naive-125": 28, "naive-two-at-once": 29, "naive-server-closes": 30, "naive-reset": 31,
	"naive-second-client": 32, "naive-message-after-end": 33, "naive-closes-twice": 34,
}

func TestEachAttackOpensExactlyItsCard(t *testing.T) {
	seen := map[int]bool{}
	for _, a := range Attacks {
		t.Run(a.Scenario, func(t *testing.T) {
			t.Parallel()
			found := Find(run(t, a.Scenario, endpoint.Naive))
			if !slices.Equal(numbers(found), []int{opens[a.Scenario]}) {
				t.Errorf("it opens %v, want %d", numbers(found), opens[a.Scenario])
			}
			for _, f := range found {
				t.Logf("%d: conn %d, %v: %s", f.Number, f.Conn, f.Events, f.Said)
			}
		})
		seen[opens[a.Scenario]] = true
	}
	for _, c := range Cards() {
		if !seen[c.Number] {
			t.Errorf("no attack opens card %d, %s", c.Number, c.Name)
		}
	}
}

// asNaive returns events as if the naive server had served the connections. Otherwise Find
// would ignore those of the other servers.
func asNaive(events []recording.Event) []recording.Event {
	events = slices.Clone(events)
	for i, e := range events {
		if tcp, ok := e.Body.(*recording.TCP); ok && tcp.Info != nil {
			info := *tcp.Info
			info.Endpoint = endpoint.Naive
			events[i].Body = &recording.TCP{What: tcp.What, Info: &info, Err: tcp.Err, Backlog: tcp.Backlog}
		}
	}
	return events
}

func TestAGoodRunOpensNoCard(t *testing.T) {
	for _, scenario := range []string{"masked-hello", "ping-answered", "close-empty", "server-closes", "fragments", "length-forms", "naive-two-frames-in-one-read"} {
		for _, name := range []string{endpoint.Reference, endpoint.Gorilla} {
			if found := Find(asNaive(run(t, scenario, name))); len(found) > 0 {
				t.Errorf("%s on %s: %+v", scenario, name, found)
			}
		}
	}
	for is, text := range map[string]string{
		"one Hello":                "open\nsend text Hello\nread 1",
		"and TCP closes":           "open\nsend text Hello\nread 1\ntcp close\nwait server",
		"and TCP resets":           "open\nsend text Hello\nread 1\ntcp reset\nwait server",
		"and the client leaves":    "open\nsend text Hello\nread 1\nleave\nwait server",
		"four messages":            "open\nsend text a\nsend text \"\"\nsend text " + strings.Repeat("x", 124) + "\nsend text Grüße\nread 4",
		"two frames in one write":  "open\nbytes 81 81 37 fa 21 3d 56\nbytes 81 81 37 fa 21 3d 56\nread 2",
		"a Pong that is no answer": "open\npong hi\nsend text Hello\nread 1",
		"a message of the server":  "open\nserver send text Hello\nread 1\nserver send text again\nread 1",
		"two messages of the server, one after the other":   "open\nserver send both \"Hello\"\nserver send both \"Hello\"\nread 2",
		"a refusal that is right":                           "remove Upgrade\nopen",
		"the lab's own page":                                "field Host: localhost\nfield origin: http://localhost\nopen\nsend text Hello\nread 1",
		"more frames in one write than the recording keeps": "open\nbytes " + strings.Repeat("81 81 37 fa 21 3d 56 ", 700) + "\nread 700",
		"a held wire": "open\nwire hold\nsend text Hello\nwire run\nread 1",
		"a slow wire": "open\nwire delay 20ms\nsend text Hello\nread 1",
	} {
		t.Run(is, func(t *testing.T) {
			t.Parallel()
			s, err := scenario.Parse("good.txt", "# Good\n"+text+"\n")
			if err != nil {
				t.Fatal(err)
			}
			if found := Find(play(t, s, endpoint.Naive)); len(found) > 0 {
				t.Errorf("%+v", found)
			}
		})
	}
}

func TestAFaultAfterMoreBytesThanTheRecordingKeepsIsFound(t *testing.T) {
	s, err := scenario.Parse("long.txt", "# Long\nopen\nbytes "+strings.Repeat("81 81 37 fa 21 3d 56 ", 700)+"89 80 37 fa 21 3d\nread 700\nsend text Hello\nread 1\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := numbers(Find(play(t, s, endpoint.Naive))); !slices.Equal(got, []int{20}) {
		t.Errorf("it opens %v", got)
	}
}

// TestNoAttackOpensACardOnAServerThatIsRight runs the attacks on the other servers.
func TestNoAttackOpensACardOnAServerThatIsRight(t *testing.T) {
	for _, a := range Attacks {
		for _, name := range []string{endpoint.Reference, endpoint.Gorilla} {
			t.Run(a.Scenario+" "+name, func(t *testing.T) {
				t.Parallel()
				if found := Find(asNaive(run(t, a.Scenario, name))); len(found) > 0 {
					t.Errorf("%+v", found)
				}
			})
		}
	}
}
