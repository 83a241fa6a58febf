package session

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"wslab/compare/scenario"
)

// run goes through the steps of a play under c and tells on the channels where
// it waits and where it is. A step ends at once, or where there is under, when
// something comes from it.
func run(ctx context.Context, c *control, under <-chan struct{}) (ready, begun chan int, ended chan error) {
	ready, begun, ended = make(chan int, 100), make(chan int, 100), make(chan error, 1)
	go func() {
		for i := range c.steps {
			if err := c.wait(ctx, i, func() { ready <- i }); err != nil {
				ended <- err
				return
			}
			begun <- i
			if under != nil {
				<-under
			}
		}
		ended <- nil
	}()
	return ready, begun, ended
}

// drain returns the content of c.
func drain(c chan int) (all []int) {
	for {
		select {
		case i := <-c:
			all = append(all, i)
		default:
			return all
		}
	}
}

func same(a []int, b ...int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestAStepOrderedTwiceIsDoneOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		c := newControl(5, 1, cancel)
		ready, begun, ended := run(ctx, c, nil)
		synctest.Wait()
		if r, b := drain(ready), drain(begun); !same(r, 1) || !same(b, 0) {
			t.Errorf("paused before step 1 it waits before %v and has begun %v", r, b)
		}
		for range 3 {
			c.do("step", 1)
		}
		synctest.Wait()
		c.do("step", 1)
		c.do("step", 0)
		synctest.Wait()
		if r, b := drain(ready), drain(begun); !same(r, 2) || !same(b, 1) {
			t.Errorf("after step 1 it waits before %v and has begun %v", r, b)
		}
		c.do("step", 3) // a step further on leads there
		synctest.Wait()
		if r, b := drain(ready), drain(begun); !same(r, 4) || !same(b, 2, 3) {
			t.Errorf("after step 3 it waits before %v and has begun %v", r, b)
		}
		c.do("run", -1)
		if err := <-ended; err != nil || !same(drain(begun), 4) {
			t.Errorf("it ends with %v", err)
		}
	})
}

func TestAPlayThatRunsWaitsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		ready, begun, ended := run(ctx, newControl(3, -1, cancel), nil)
		if err := <-ended; err != nil || drain(ready) != nil || !same(drain(begun), 0, 1, 2) {
			t.Errorf("it ends with %v", err)
		}
	})
}

func TestAPlayThatWaitsCanBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		c := newControl(3, 0, cancel)
		ready, begun, ended := run(ctx, c, nil)
		synctest.Wait()
		c.do("stop", -1)
		if err := <-ended; !errors.Is(err, scenario.ErrStopped) || !same(drain(ready), 0) || drain(begun) != nil {
			t.Errorf("it ends with %v", err)
		}
		// An order that is too late has no effect.
		c.do("run", -1)
		c.do("stop", -1)
	})
}

func TestAPlayThatRunsPausesBehindTheStepUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		c := newControl(5, -1, cancel)
		under := make(chan struct{}) // a step ends when the test says so
		ready, begun, ended := run(ctx, c, under)
		synctest.Wait()
		under <- struct{}{}
		synctest.Wait()
		c.do("pause", -1) // step 1 is under way
		synctest.Wait()
		if r, b := drain(ready), drain(begun); r != nil || !same(b, 0, 1) || c.idle() {
			t.Errorf("while the step goes on it waits before %v and has begun %v", r, b)
		}
		under <- struct{}{}
		synctest.Wait()
		if r, b := drain(ready), drain(begun); !same(r, 2) || b != nil || !c.idle() {
			t.Errorf("after the step it waits before %v and has begun %v", r, b)
		}
		c.do("pause", -1) // it does so already
		c.do("step", 1)   // which was done before the pause
		synctest.Wait()
		c.do("step", 2)
		synctest.Wait()
		under <- struct{}{}
		synctest.Wait()
		if r, b := drain(ready), drain(begun); !same(r, 3) || !same(b, 2) {
			t.Errorf("a step further it waits before %v and has begun %v", r, b)
		}
		c.do("run", -1)
		synctest.Wait()
		c.do("pause", -1)
		c.do("run", -1) // after all
		under <- struct{}{}
		under <- struct{}{}
		if err := <-ended; err != nil || drain(ready) != nil || !same(drain(begun), 3, 4) {
			t.Errorf("it ends with %v", err)
		}
	})
}

func TestAPlayTakesNoOtherOrders(t *testing.T) {
	c := newControl(3, 0, func(error) {})
	for _, o := range []struct {
		do   string
		step int
	}{{"step", -1}, {"step", 3}, {"dance", 0}, {"", 0}} {
		var command *CommandError
		if err := c.do(o.do, o.step); !errors.As(err, &command) || command.Fix == "" {
			t.Errorf("%q %d gives %v", o.do, o.step, err)
		}
	}
}
