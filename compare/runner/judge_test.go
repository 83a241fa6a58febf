package runner_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference"
	"wslab/reference/wire"
)

// affordable leaves out what takes minutes under the race detector: the cases
// with large payloads, in which nothing else happens than in small ones.
func affordable(cases []*suite.Case) []*suite.Case {
	if !race {
		return cases
	}
	var list []*suite.Case
	for _, c := range cases {
		if g := c.Group(); g != "sizes" && g != "7692-7.2" && !c.Heavy {
			list = append(list, c)
		}
	}
	return list
}

// judge plays every server case against the endpoint called name.
func judge(t *testing.T, name string) []suite.Report {
	t.Helper()
	e, err := endpoint.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	target, stop, err := runner.Serve(e)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	began := time.Now()
	cases := affordable(suite.ForRole(suite.All(), wire.Server))
	reports := runner.Judge(t.Context(), cases, []suite.Target{target}, 0, nil)
	if len(reports) != len(cases) {
		t.Errorf("%d reports of %d cases", len(reports), len(cases))
	}
	t.Logf("%s: %d cases in %s", name, len(cases), time.Since(began).Round(time.Millisecond))
	return reports
}

func TestTheReferencePassesEveryCaseStrictly(t *testing.T) {
	reports := judge(t, "reference")
	if codes := named(reports); len(codes) > 0 {
		t.Errorf("it is said to make the mistakes %q", codes)
	}
	for _, r := range reports {
		if w := r.Worst(); w == suite.Warning || w == suite.Fail {
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
	cases := affordable(suite.ForRole(suite.All(), wire.Client))
	target := runner.ClientsOf(name, l)
	reports, err := runner.JudgeClient(t.Context(), cases, target, nil)
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
			Options: reference.Options{MaxMessage: endpoint.JudgedMessage, Extension: reference.Deflate{}}})
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
		if w := r.Worst(); w == suite.Warning || w == suite.Fail {
			t.Errorf("%s: %s, closing %s: %s\n\texpected %s\n\tgot      %s", r.Case, r.Verdict, r.Closing, r.Reason, r.Expected, r.Got)
		}
	}
}

func TestAClientThatHasBeenThereIsWaitedForAndOneThatHasNotForEver(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Client)[:9]
	for _, c := range []struct {
		what  string
		comes []time.Duration // when it connects, after it has left
		again time.Duration
		want  error
		ends  time.Duration
	}{
		{"never", nil, 10 * time.Second, context.DeadlineExceeded, time.Hour},
		{"late", []time.Duration{time.Minute}, 10 * time.Second, runner.ErrGone, time.Minute + 10*time.Second},
		{"three times", []time.Duration{0, 9 * time.Second, 9 * time.Second}, 10 * time.Second, runner.ErrGone, 28 * time.Second},
		{"waited for for ever", []time.Duration{0, time.Minute}, 0, context.DeadlineExceeded, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			n := 0
			target := suite.ClientTarget{Name: "test", Again: c.again, Accept: func(ctx context.Context) (net.Conn, error) {
				if n == len(c.comes) {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				select {
				case <-time.After(c.comes[n]):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				n++
				ours, theirs := net.Pipe()
				theirs.Close()
				return ours, nil
			}}
			reports, err := runner.JudgeClient(ctx, cases, target, nil)
			if !errors.Is(err, c.want) || len(reports) != len(c.comes) || time.Since(began) != c.ends {
				t.Errorf("%s: %d reports, %v after %s; want %v after %s", c.what, len(reports), err, time.Since(began), c.want, c.ends)
			}
		})
	}
}

// silent is how a server is dialled that reads everything and says nothing.
func silent(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = io.Copy(io.Discard, theirs)
		theirs.Close()
	}()
	return ours, nil
}

func TestOfATargetThatStallsTheLongestCasesBeginFirstAndNoneIsWaitedForVeryLong(t *testing.T) {
	short := suite.ForRole(suite.All(), wire.Server)[0]
	long := *short
	long.Deadline = time.Hour
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		target := suite.Target{Name: "test", Stalls: true, Dial: silent}
		reports := runner.Judge(t.Context(), []*suite.Case{short, short, short, short, &long}, []suite.Target{target}, 1, nil)
		// Four run at once. If the long one began after the short ones, it would end
		// later. The judge ends a wait one tick after it, when no byte has moved.
		if took := time.Since(began); len(reports) != 5 || reports[4].Took != took || took < 5*time.Second || took > 6*time.Second || reports[0].Took > 3*time.Second {
			t.Errorf("%d reports in %s: the first took %s, the last %s", len(reports), took, reports[0].Took, reports[len(reports)-1].Took)
		}
	})
}

func TestATargetThatStallsIsJudgedBesideTheOthers(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Server)[:1]
	synctest.Test(t, func(t *testing.T) {
		one, other := suite.Target{Name: "one", Dial: silent}, suite.Target{Name: "other", Stalls: true, Dial: silent}
		began := time.Now()
		runner.Judge(t.Context(), cases, []suite.Target{one}, 1, nil)
		alone := time.Since(began)
		began = time.Now()
		reports := runner.Judge(t.Context(), cases, []suite.Target{one, other}, 1, nil)
		if took := time.Since(began); len(reports) != 2 || took > alone+time.Second || reports[0].Endpoint != "one" || reports[1].Endpoint != "other" {
			t.Errorf("%d reports in %s, and in %s without the other", len(reports), took, alone)
		}
	})
}

func TestKnownDifferencesAreHeldToWhatHappens(t *testing.T) {
	cases := suite.ForRole(suite.All(), wire.Server)[:3]
	report := func(c *suite.Case, endpoint string, v suite.Verdict) suite.Report {
		return suite.Report{Case: c, Endpoint: endpoint, Verdict: v, Reason: "It is so."}
	}
	var reports []suite.Report
	for _, c := range cases {
		reports = append(reports, report(c, "reference", suite.Pass))
	}
	reports = append(reports, report(cases[0], "gorilla", suite.Fail), report(cases[1], "gorilla", suite.Pass), report(cases[2], "gorilla", suite.Warning))
	for _, c := range []struct {
		what  string
		table []runner.Difference
		want  []string
	}{
		{"all explained", []runner.Difference{{Cases: []string{cases[0].ID, cases[2].ID}}}, nil},
		{"one not explained", []runner.Difference{{Cases: []string{cases[0].ID}}}, []string{cases[2].ID + " ", "differ, and no known difference explains it"}},
		{"one explained in vain", []runner.Difference{{Cases: []string{cases[0].ID, cases[1].ID, cases[2].ID}}}, []string{cases[1].ID + " ", "no longer differ"}},
		{"one twice", []runner.Difference{{Cases: []string{cases[0].ID, cases[2].ID}}, {Cases: []string{cases[0].ID}}}, []string{cases[0].ID + " is in the known differences twice"}},
		{"one that there is not", []runner.Difference{{Cases: []string{cases[0].ID, cases[2].ID, "9.9/9"}}}, []string{"the known difference 9.9/9 names no case"}},
		{"one that names nothing", []runner.Difference{{Cases: []string{cases[0].ID, cases[2].ID}}, {Cases: []string{"nothing"}}}, []string{"the known difference nothing names no case"}},
	} {
		errs := runner.CheckAgainst(c.table, cases, reports)
		text := ""
		for _, err := range errs {
			text += err.Error() + "\n"
		}
		if (len(c.want) == 0) != (len(errs) == 0) || len(errs) > 1 {
			t.Errorf("%s: %s", c.what, text)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %swant %q", c.what, text, want)
			}
		}
	}
}

func TestEveryKnownDifferenceSaysWhatWhyAndWhere(t *testing.T) {
	for _, d := range runner.Differences {
		if d.Reference == "" || d.Gorilla == "" || d.Section == "" || !strings.HasSuffix(d.Reason, ".") {
			t.Errorf("%q: %+v", d.Cases, d)
		}
	}
}
