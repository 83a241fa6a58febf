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

// Workers is how many cases run at once where nothing else is said.
const Workers = 16

// Few is how many cases are at most kept whole, however much crosses in them: of
// many the verdicts matter, and of few what led to them.
const Few = 10

// Serve serves e on a port of this machine until stop is called, for any number
// of cases: the known endpoints as endpoint.Listen does, others behind net/http.
// stop returns when nothing of it runs any more.
func Serve(e endpoint.Endpoint) (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("serve the endpoint %s: %w", e.Name, err)
	}
	addr = l.Addr().String()
	if stop, ok := endpoint.Listen(e.Name, l); ok {
		return addr, stop, nil
	}
	var running sync.WaitGroup
	s := &http.Server{ReadHeaderTimeout: timeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		var rec *recording.Connection
		e.Serve(w, r, rec, func(endpoint.Server) {})
	})}
	running.Go(func() { _ = s.Serve(endpoint.KeepReads(l)) })
	return addr, func() {
		s.Close()
		running.Wait()
	}, nil
}

// TargetOf returns the endpoint called name, served at addr of this machine, as a
// target for cases.
func TargetOf(name, addr string) suite.Target {
	return suite.Target{Name: name, Host: addr, Path: "/", Stalls: name == "naive", Dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", addr)
	}}
}

// Judge plays each of cases that judges servers against each of targets, at most
// workers at once (0 is Workers), and beside them four times as many of targets
// that mostly keep the judge waiting. It returns the reports: all of the first
// target in the order of cases, then those of the next. progress, when not nil,
// is told of each as it comes, one at a time. When ctx ends, what has not run is
// left out.
func Judge(ctx context.Context, cases []*suite.Case, targets []suite.Target, workers int, progress func(suite.Report)) []suite.Report {
	if workers <= 0 {
		workers = Workers
	}
	reports := make([]suite.Report, len(cases)*len(targets))
	var mu sync.Mutex
	run := func(i int) {
		var rec *recording.Recording
		if len(cases) <= Few {
			rec = recording.New(nil, recording.Limits{})
		}
		r := cases[i%len(cases)].Run(ctx, targets[i/len(cases)], rec)
		if ctx.Err() != nil {
			return // cut short, so it says nothing of the target
		}
		mu.Lock()
		defer mu.Unlock()
		reports[i] = r
		if progress != nil {
			progress(r)
		}
	}
	var quick, idle []int
	for i := range reports {
		if t := targets[i/len(cases)]; t.Silent || t.Stalls {
			idle = append(idle, i)
		} else {
			quick = append(quick, i)
		}
	}
	// Most of the idle ones end by the judge's patience, which costs nothing but
	// time: they run beside the others, and those first that may take longest, lest
	// one of them begin when all is done.
	slices.SortStableFunc(idle, func(a, b int) int {
		return cmp.Compare(cases[b%len(cases)].AtMost(), cases[a%len(cases)].AtMost())
	})
	var both sync.WaitGroup
	both.Go(func() { atOnce(ctx, workers, quick, run) })
	both.Go(func() { atOnce(ctx, 4*workers, idle, run) })
	both.Wait()
	return ran(reports)
}

// atOnce calls do with each of list, at most workers at once, until ctx ends.
func atOnce(ctx context.Context, workers int, list []int, do func(int)) {
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
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	running.Wait()
}

// ClientsOf returns the client that connects to l, called name, as a target for
// cases. The caller closes l.
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

// ErrGone is that a client has stayed away for its target's Again.
var ErrGone = errors.New("the client has not connected again")

// absence calls end when nobody has been there for a time. It begins when the
// first who comes has left.
type absence struct {
	after time.Duration // 0: never
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

// JudgeClient plays the cases that judge clients, each on the next connection of
// t: a client that connects several times at once has several cases at once. The
// reports are in the order of cases. When ctx ends, or no more clients connect,
// they are those that ran, and the error says why: ErrGone where t.Again has gone
// by.
func JudgeClient(ctx context.Context, cases []*suite.Case, t suite.ClientTarget, progress func(suite.Report)) ([]suite.Report, error) {
	reports := make([]suite.Report, len(cases))
	var mu sync.Mutex
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
		one := t
		one.Accept = func(context.Context) (net.Conn, error) { return conn, nil }
		running.Go(func() {
			defer nobody.left()
			r := c.RunClient(ctx, one, nil)
			if ctx.Err() != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			reports[i] = r
			if progress != nil {
				progress(r)
			}
		})
	}
	running.Wait()
	return ran(reports), err
}

// ran returns those of reports that there are.
func ran(reports []suite.Report) []suite.Report {
	list := reports[:0]
	for _, r := range reports {
		if r.Case != nil {
			list = append(list, r)
		}
	}
	return list
}
