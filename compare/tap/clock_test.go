package tap

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAClockThatStandsStillUsesUpNoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		began := time.Now()
		rang := make(chan time.Duration, 1)
		c.AfterFunc(3*time.Second, func() { rang <- time.Since(began) })
		time.Sleep(time.Second)
		c.Stop()
		c.Stop() // it is stopped already
		late, timer := c.After(time.Second)
		defer timer.Stop()
		time.Sleep(time.Hour)
		select {
		case <-rang:
			t.Error("the timer of a stopped clock has fired")
		case <-late:
			t.Error("a timer that was set on a stopped clock has fired")
		default:
		}
		c.Start()
		c.Start()
		<-late
		if after := <-rang; after != time.Hour+3*time.Second {
			t.Errorf("the timer ran down after %v, want an hour and 3 s", after)
		}
		if shows := c.Now().Sub(began); shows != 3*time.Second {
			t.Errorf("the clock shows %v, want the 3 s that it has run", shows)
		}
	})
}

func TestATimerThatIsStoppedNeverRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []*Clock{nil, {}} {
			timer := c.AfterFunc(time.Second, func() { t.Error("it runs") })
			timer.Stop()
			timer.Stop()
			time.Sleep(time.Minute)
			if c != nil && len(c.timers) > 0 {
				t.Error("the clock keeps a timer that was stopped")
			}
		}
	})
}

func TestAContextOfAClockEndsWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		cause := errors.New("too long")
		ctx, stop := c.WithTimeout(context.Background(), time.Second, cause)
		defer stop()
		c.Stop()
		time.Sleep(time.Minute)
		if ctx.Err() != nil {
			t.Fatal("it has ended while the clock stood still")
		}
		c.Start()
		<-ctx.Done()
		if context.Cause(ctx) != cause {
			t.Errorf("it ended with %v", context.Cause(ctx))
		}
	})
}
