package scenario

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

func TestPatienceEndsWithTheServerOrWithItself(t *testing.T) {
	for name, c := range map[string]struct {
		server time.Duration // closes TCP
		waited time.Duration
		gaveUp bool
	}{
		"the server closes first": {200 * time.Millisecond, 200 * time.Millisecond, false},
		"the client gives up":     {time.Hour, time.Second, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			log, err := script(t, t.Context(), "open\npatience 1s", func(s *server) {
				s.hearsRequest()
				s.says(answer101)
				s.SetReadDeadline(began.Add(c.server))
				io.Copy(io.Discard, s)
			})
			if err != nil || time.Since(began) != c.waited || strings.Contains(log, "gave up after 1s") != c.gaveUp {
				t.Errorf("%s: %v after %v, and the log is\n%s", name, err, time.Since(began), log)
			}
		})
	}
}

func TestADeafClientReadsNothingUntilItHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := openRaw(t)
		c.Deafen(t.Context())
		said := make(chan struct{})
		go func() {
			defer close(said)
			s.says("\x81\x00")
		}()
		synctest.Wait()
		if p := c.Progress(); !p.Deaf || c.FramesRead() != 0 {
			t.Errorf("it has read %d frames, %+v", c.FramesRead(), p)
		}
		c.Hear()
		<-said
		if err := c.Frames(t.Context(), 1); err != nil || c.Progress().Deaf {
			t.Errorf("%v, %+v", err, c.Progress())
		}
		c.Deafen(t.Context())
		c.Close() // ends a deaf one, too
		s.Close()
	})
}

func TestADeafClientStaysSoBehindItsOwnFIN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		s := &server{Conn: far, t: t}
		go func() {
			s.hearsRequest()
			s.says(answer101)
			io.Copy(io.Discard, s)
		}()
		c, err := NewRaw(&halfable{Conn: near, t: t}, DefaultOpening(), "/", "host", func(string, string, int) {})
		if err != nil {
			t.Fatal(err)
		}
		c.Status(t.Context())
		c.Deafen(t.Context())
		c.Half()
		c.Bytes([]byte("late")) // as a scenario may; all who wait look again
		synctest.Wait()
		if p := c.Progress(); !p.Deaf || !p.Fin || p.Ended {
			t.Errorf("it is %+v", p)
		}
		c.Close()
		far.Close()
	})
}

func TestAClientThatDoesNotGetDeafIsNotWaitedForLongerThanThePlayLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		s := &server{Conn: far, t: t}
		go func() {
			s.hearsRequest()
			s.says(answer101)
			s.says("\x89\x00")
		}()
		hears, goOn := make(chan struct{}), make(chan struct{})
		c, err := newRaw(near, DefaultOpening().Request("/", "host"), 0, func(string, string, int) {}, func(it dissect.Item) {
			if it.Frame != nil {
				close(hears)
				<-goOn
			}
		}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		<-hears // and answers, as it might for long
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, ErrStopped)
		defer cancel()
		if err := c.Deafen(ctx); err != ErrStopped {
			t.Errorf("Deafen gives %v", err)
		}
		close(goOn)
		c.Close()
		far.Close()
	})
}

func TestPatienceThatIsCutShortTellsWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, ErrStopped)
		defer cancel()
		_, err := script(t, ctx, "open\npatience 1m", func(s *server) {
			s.hearsRequest()
			s.says(answer101)
			io.Copy(io.Discard, s)
		})
		if !errors.Is(err, ErrStopped) {
			t.Errorf("it gives %v", err)
		}
	})
}

// TestAClientThatNothingIsExpectedOfKeepsNoMoreThanItsBound hears heartbeats for
// as long as a learner may think.
func TestAClientThatNothingIsExpectedOfKeepsNoMoreThanItsBound(t *testing.T) {
	c, talk := &Scripted{}, dissect.NewFrames()
	for _, data := range []string{"\x81\x05first", strings.Repeat("\x89\x00", 3*maxCame), "\x81\x04last"} {
		for _, it := range talk.Bytes(wire.Server, []byte(data), false) {
			c.hear(it)
		}
	}
	if n := len(c.came); n > maxCame || string(c.came[0].payload) != "first" || string(c.came[n-1].payload) != "last" {
		t.Errorf("it keeps %d, from %q to %q", n, c.came[0].payload, c.came[n-1].payload)
	}
	if c.frames != 3*maxCame+2 {
		t.Errorf("it has counted %d frames", c.frames)
	}
}

// TestAClientGetsDeafAgainAsSoonAsItHears leaves the reader no time to read on.
func TestAClientGetsDeafAgainAsSoonAsItHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := openRaw(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for i := range 1000 {
			if err := c.Deafen(ctx); err != nil || !c.Progress().Deaf {
				t.Errorf("the %d. time: %v, %+v", i+1, err, c.Progress())
				break
			}
			c.Hear()
			if c.Progress().Deaf {
				t.Errorf("the %d. time it does not hear", i+1)
				break
			}
		}
		c.Close()
		s.Close()
	})
}
