package runner_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference"
	"wslab/reference/wire"
)

// judge plays every server case against the endpoint called name.
func judge(t *testing.T, name string) []suite.Report {
	t.Helper()
	e, err := endpoint.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := runner.Serve(e)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	began := time.Now()
	cases := suite.ForRole(suite.All(), wire.Server)
	reports := runner.Judge(t.Context(), cases, []suite.Target{runner.TargetOf(name, addr)}, 0, nil)
	if len(reports) != len(cases) {
		t.Errorf("%d reports of %d cases", len(reports), len(cases))
	}
	t.Logf("%s: %d cases in %s", name, len(cases), time.Since(began).Round(time.Millisecond))
	return reports
}

func TestTheReferencePassesEveryCaseStrictly(t *testing.T) {
	for _, r := range judge(t, "reference") {
		if w := r.Worst(); w == suite.NonStrict || w == suite.Fail {
			t.Errorf("%s: %s, closing %s: %s\n\texpected %s\n\tgot      %s", r.Case, r.Verdict, r.Closing, r.Reason, r.Expected, r.Got)
		}
	}
}

// judgeClient plays every client case against dial, which connects, echoes
// until the connection ends, and is called again.
func judgeClient(t *testing.T, name string, echo func(url string)) []suite.Report {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var clients sync.WaitGroup
	defer clients.Wait()
	done := make(chan struct{})
	defer close(done)
	for range runner.Workers {
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					echo("ws://" + l.Addr().String() + "/")
				}
			}
		})
	}
	began := time.Now()
	cases := suite.ForRole(suite.All(), wire.Client)
	reports, err := runner.JudgeClient(t.Context(), cases, runner.ClientsOf(name, l), nil)
	l.Close()
	if err != nil || len(reports) != len(cases) {
		t.Errorf("%d reports of %d cases, %v", len(reports), len(cases), err)
	}
	t.Logf("%s: %d cases in %s", name, len(cases), time.Since(began).Round(time.Millisecond))
	return reports
}

func TestTheReferencesClientPassesEveryCaseStrictly(t *testing.T) {
	reports := judgeClient(t, "reference", func(url string) {
		// A client that connects while heavy cases run waits for its answer.
		c, err := reference.Dial(context.Background(), url, &reference.DialOptions{Timeout: time.Minute,
			Options: reference.Options{MaxMessage: endpoint.JudgedMessage, Deflate: &wire.DeflateParams{}}})
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			op, p, err := c.ReadMessage()
			if err != nil || c.WriteMessage(op, p) != nil {
				return
			}
		}
	})
	for _, r := range reports {
		if w := r.Worst(); w == suite.NonStrict || w == suite.Fail {
			t.Errorf("%s: %s, closing %s: %s\n\texpected %s\n\tgot      %s", r.Case, r.Verdict, r.Closing, r.Reason, r.Expected, r.Got)
		}
	}
}
