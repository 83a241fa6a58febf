package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/suite"
)

// Workers is the default number of cases that run at once.
const Workers = 16

// Few is the largest number of cases for which the judge keeps all bytes. If there are
// more cases, only the results matter.
const Few = 10

// Serve serves e on a port of this computer until stop is called. It returns e as a
// target for cases. t.Host is the address. The implementations under study use their
// Listen, all others use net/http. stop returns when all goroutines have ended.
func Serve(e endpoint.Endpoint) (t suite.Target, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return t, nil, fmt.Errorf("serve the endpoint %s: %w", e.Name, err)
	}
	t = TargetOf(e.Name, l.Addr().String())
	if dial, stop, ok := e.Listen(l); ok {
		t.Dial = dial
		return t, stop, nil
	}
	var running sync.WaitGroup
	s := &http.Server{ReadHeaderTimeout: timeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		var rec *recording.Connection
		e.Serve(w, r, rec, func(endpoint.Server) {})
	})}
	running.Go(func() { _ = s.Serve(endpoint.KeepReads(l)) })
	return t, func() {
		s.Close()
		running.Wait()
	}, nil
}

// TargetOf returns the endpoint called name as a target for cases. The endpoint listens
// at addr of this computer.
func TargetOf(name, addr string) suite.Target {
	return suite.Target{Name: name, Host: addr, Path: "/", Stalls: name == endpoint.Naive, Dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", addr)
	}}
}

// Names returns the names of targets.
func Names(targets []suite.Target) []string {
	list := make([]string, len(targets))
	for i, t := range targets {
		list[i] = t.Name
	}
	return list
}

// Constants of Probe. tries limits its measurements. An answer is slow if it takes
// slowAnswer or more, from a request, a message or a Close frame.
const (
	tries      = 3
	slowAnswer = 40 * time.Millisecond
)

// Probe runs the simplest case, in which a server echoes one message, and returns its
// report. learned is t with the speed and patience that the report suggests. answer is
// the time of one answer if the server is slow, otherwise 0.
func Probe(ctx context.Context, t suite.Target) (r suite.Report, learned suite.Target, answer time.Duration) {
	r = suite.Probe(ctx, t)
	if r.Verdict == suite.NoAnswer && ctx.Err() == nil {
		patient := t
		patient.Patience = morePatience * max(1, t.Patience)
		if again := suite.Probe(ctx, patient); answered(again) {
			r, t = again, patient
		}
	}
	switch {
	case !answered(r):
		t.Silent = !r.NoWebSocket() && !r.Floods()
		return r, t, 0
	case r.Closing > suite.Warning:
		return r, t, 0 // Took includes the judge's timeout
	}
	// One connection has three answers. Measure again, because a busy computer is seldom
	// slow three times.
	const answers = 3
	answer = r.Took / answers
	for n := 1; n < tries && answer >= slowAnswer && ctx.Err() == nil; n++ {
		answer = min(answer, suite.Probe(ctx, t).Took/answers)
	}
	if answer < slowAnswer {
		return r, t, 0
	}
	t.Slow = true
	t.Patience = max(t.Patience, int(morePatience*answer/suite.DefaultDeadline)+1)
	return r, t, answer
}

// answered reports whether the server echoes, according to r, a report of the simplest
// case. It ignores how the server closes the connection, because the cases test that.
func answered(r suite.Report) bool { return r.Verdict <= suite.Warning }

// Bound limits the time of a run of cases against targets. The limit lets each case wait
// once. It has a minute for each target to run cases again.
func Bound(cases []*suite.Case, targets []suite.Target, workers int) time.Duration {
	if workers <= 0 {
		workers = Workers
	}
	var all time.Duration
	for _, t := range targets {
		var waits time.Duration
		for _, c := range cases {
			waits += c.AtMost()
		}
		patience := time.Duration(max(1, t.Patience))
		all += patience * (time.Minute + waits/time.Duration(min(workers, max(1, len(cases)))))
	}
	return all.Round(time.Second)
}

// Judge runs the cases for servers against each of targets, at most workers at once (0
// means Workers). Targets that mostly keep the judge waiting run beside the others, with
// four times as many workers.
//
// A result can depend on time or on a lost connection. Judge then runs the case again,
// alone and with more patience. It also runs one passed case of each section again,
// alone, because some mistakes show only then.
//
// Judge returns the reports of the first target in the order of cases, then those of the
// next target. If progress is not nil, Judge calls it with each final report, one at a
// time and once for each case. When ctx ends, Judge leaves out the cases without a final
// report. After Bound, it reports those as not judged.
func Judge(ctx context.Context, cases []*suite.Case, targets []suite.Target, workers int, progress func(suite.Report)) []suite.Report {
	if workers <= 0 {
		workers = Workers
	}
	bound := Bound(cases, targets, workers)
	all, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	reports := make([]suite.Report, len(cases)*len(targets))
	var mu sync.Mutex
	trials := make([]*trial, len(targets))
	for i, t := range targets {
		own := reports[i*len(cases) : (i+1)*len(cases)]
		trials[i] = newTrial(all, t, cases, workers, func(n int, r suite.Report) {
			mu.Lock()
			defer mu.Unlock()
			own[n] = r
			if progress != nil {
				progress(r)
			}
		})
	}
	// An idle target only waits for the judge's timeouts, which costs no processor time.
	// So it runs beside the others.
	var both sync.WaitGroup
	for _, t := range trials {
		if t.idle {
			both.Go(t.play)
		}
	}
	for _, t := range trials {
		if !t.idle {
			t.play()
		}
	}
	both.Wait()
	for _, t := range trials {
		t.confirm()
		t.sample()
	}
	if ctx.Err() == nil {
		for _, t := range trials {
			t.giveUp(fmt.Sprintf("the run reached its time limit of %s before this case had a result", bound))
		}
	}
	return ran(reports)
}

// atOnce calls do with each of list, at most workers at once. It ends early if ctx ends
// or stop returns true.
func atOnce(ctx context.Context, workers int, list []int, stop func() bool, do func(int)) {
	next := make(chan int)
	var running sync.WaitGroup
	for range min(workers, len(list)) {
		running.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
feed:
	for _, i := range list {
		if stop() {
			break
		}
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	running.Wait()
}

// Once runs c at t. If the result depends on time or on a lost connection, Once runs c
// again with more patience.
func Once(ctx context.Context, c *suite.Case, t suite.Target, rec *recording.Recording) suite.Report {
	r := suite.Run(ctx, c, t, rec)
	if !doubtful(r) || t.Stalls || ctx.Err() != nil {
		return r
	}
	t.Patience = morePatience * max(1, t.Patience)
	r = suite.Run(ctx, c, t, rec)
	r.Again = true
	return r
}

// ClientsOf returns a target for cases: the client called name, which connects to l. The
// caller closes l.
func ClientsOf(name string, l net.Listener) suite.ClientTarget {
	return suite.ClientTarget{Name: name, Keys: new(suite.Keys), Accept: func(ctx context.Context) (net.Conn, error) {
		if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
			stop := context.AfterFunc(ctx, func() { _ = d.SetDeadline(time.Unix(1, 0)) })
			defer stop()
		}
		c, err := l.Accept()
		if ctx.Err() != nil && err != nil {
			return nil, ctx.Err()
		}
		return c, err
	}}
}

// ErrGone says that a client did not connect again within its target's Again.
var ErrGone = errors.New("the client has not connected again")

// absence calls end when no client has been connected for a time. The time begins when a
// client leaves.
type absence struct {
	after time.Duration // 0 means never
	end   *time.Timer
	mu    sync.Mutex
	here  int
}

func newAbsence(after time.Duration, end func()) *absence {
	a := &absence{after: after, end: time.AfterFunc(time.Hour, end)}
	a.end.Stop()
	return a
}

func (a *absence) came() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.here++
	a.end.Stop()
}

func (a *absence) left() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.here--; a.here == 0 && a.after > 0 {
		a.end.Reset(a.after)
	}
}

// JudgeClient runs the cases for clients, each on the next connection of t. A client
// that connects several times at once runs several cases at once.
//
// A result can depend on time, or on a connection that was lost while other cases ran.
// JudgeClient then runs the case again on another connection, alone and with more
// patience.
//
// The reports are in the order of cases. When ctx ends, or no more clients connect,
// JudgeClient returns the reports so far and an error: ErrGone if no client connected
// within t.Again.
func JudgeClient(ctx context.Context, cases []*suite.Case, t suite.ClientTarget, progress func(suite.Report)) ([]suite.Report, error) {
	reports := make([]suite.Report, len(cases))
	var mu sync.Mutex
	var doubts []int
	here, crowd := 0, 0 // cases that run now; cases that began while another ran
	tell := func(i int, r suite.Report) {
		reports[i] = r
		if progress != nil {
			progress(r)
		}
	}
	var running sync.WaitGroup
	waiting, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	nobody := newAbsence(t.Again, func() { giveUp(ErrGone) })
	defer nobody.end.Stop()
	var err error
	for i, c := range cases {
		var conn net.Conn
		if conn, err = t.Accept(waiting); err != nil {
			if waiting.Err() != nil {
				err = context.Cause(waiting)
			}
			break
		}
		nobody.came()
		mu.Lock()
		if here++; here > 1 {
			crowd++
		}
		before, beside := crowd, here > 1
		mu.Unlock()
		running.Go(func() {
			defer nobody.left()
			r := runClient(ctx, c, t, conn)
			mu.Lock()
			defer mu.Unlock()
			here--
			switch {
			case ctx.Err() != nil:
			case doubtful(r) && (beside || crowd > before || r.Worst() != suite.Fail):
				reports[i], doubts = r, append(doubts, i)
			default:
				tell(i, r)
			}
		})
	}
	running.Wait()
	slices.Sort(doubts)
	for _, i := range doubts {
		if err == nil && t.More != nil {
			t.More()
		}
		r := reports[i]
		again, cancel := context.WithTimeout(ctx, cmp.Or(t.Again, 10*time.Second))
		if err == nil {
			patient := t
			patient.Patience = morePatience * max(1, t.Patience)
			if conn, gone := t.Accept(again); gone == nil {
				r = runClient(ctx, cases[i], patient, conn)
				r.Again = true
			} else {
				err = ErrGone // the client will not connect for the other cases either
			}
		}
		cancel()
		if ctx.Err() != nil {
			reports[i] = suite.Report{}
			continue
		}
		if !r.Again && r.Worst() == suite.Fail {
			r = r.NotJudged("the connection was lost while other cases ran, and the client did not connect again for a second try")
		}
		tell(i, r)
	}
	if len(ran(slices.Clone(reports))) == len(cases) {
		err = nil
	}
	return ran(reports), err
}

// runClient runs c on conn.
func runClient(ctx context.Context, c *suite.Case, t suite.ClientTarget, conn net.Conn) suite.Report {
	t.Accept = func(context.Context) (net.Conn, error) { return conn, nil }
	return suite.RunClient(ctx, c, t, nil)
}

// ran returns the reports of the cases that ran.
func ran(reports []suite.Report) []suite.Report {
	list := reports[:0]
	for _, r := range reports {
		if r.Case != nil {
			list = append(list, r)
		}
	}
	return list
}
