package runner_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/runner"
	"wslab/compare/scenario"
	"wslab/reference/dissect"
)

func TestMain(m *testing.M) {
	endpoint.BeServer()
	goleak.VerifyTestMain(m)
}

// parse returns the scenario that text is.
func parse(t *testing.T, text string) *scenario.Scenario {
	t.Helper()
	all, err := scenario.Load(fstest.MapFS{"s/test.txt": {Data: []byte("# test\n" + text)}}, "s")
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func TestARunHoldsAllFromTheFirstOctetToTheClosedSocket(t *testing.T) {
	for _, e := range endpoint.All() {
		events, err := runner.Run(t.Context(), parse(t, "open\nsend text Hello\nread 1\nclose 1000\nread eof"), e)
		if err != nil {
			t.Fatal(err)
		}
		var frames []string
		closed := false
		for i, ev := range events {
			if ev.Seq != uint64(i+1) || ev.Conn != 1 {
				t.Fatalf("event %d is number %d of connection %d", i+1, ev.Seq, ev.Conn)
			}
			switch b := ev.Body.(type) {
			case *dissect.Frame:
				frames = append(frames, ev.From+" "+b.Header.Opcode.String())
			case *recording.TCP:
				closed = closed || b.What == "closed"
			}
		}
		if got := strings.Join(frames, ", "); got != "client text, server text, client close, server close" || !closed {
			t.Errorf("%s: %s; TCP closed: %t", e.Name, got, closed)
		}
	}
}

func TestARequestThatNetHTTPRefusesItselfIsToldAtOnce(t *testing.T) {
	for _, e := range endpoint.All() {
		_, err := runner.Run(t.Context(), parse(t, "remove Host\nopen"), e)
		if err == nil || !strings.Contains(err.Error(), "scenario test: net/http answered the request by itself, so the endpoint "+e.Name) {
			t.Errorf("it gave %v", err)
		}
	}
}

func TestARunThatIsInterruptedSaysWhere(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stuck := endpoint.Endpoint{Name: "stuck", Serve: func(http.ResponseWriter, *http.Request, *recording.Connection, func(endpoint.Server)) {
		cancel()
		<-ctx.Done()
	}}
	_, err := runner.Run(ctx, parse(t, "open"), stuck)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "scenario test") {
		t.Errorf("it gave %v", err)
	}
}
