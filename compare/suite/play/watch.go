package play

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"wslab/compare/tap"
)

// ticks is how many parts the judge cuts each of its waits into. It counts the
// parts that it has seen pass, so time in which the judge itself did not run, on
// a busy machine or one that slept, is one part at most.
const ticks = 20

// errQuiet ends a case in which no byte has moved for as long as the judge waits.
// errSlow ends one that has reached its upper bound while bytes still moved.
var (
	errQuiet = errors.New("no byte has moved for as long as the judge waits")
	errSlow  = errors.New("the case has reached its upper bound")
)

// ranOut reports whether ctx has ended because the judge's time was over.
func ranOut(ctx context.Context) bool {
	why := context.Cause(ctx)
	return errors.Is(why, errQuiet) || errors.Is(why, errSlow)
}

// A movingConn counts the reads and writes that moved bytes.
type movingConn struct {
	*tap.Conn
	moves atomic.Uint64
}

func (c *movingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.moved(n)
	return n, err
}

// mostAtOnce is how many bytes a single call writes at most: where a target reads
// slowly, each call that ends shows that bytes still move.
const mostAtOnce = 128 << 10

func (c *movingConn) Write(b []byte) (n int, err error) {
	for {
		some := b[n:]
		some = some[:min(len(some), mostAtOnce)]
		var m int
		m, err = c.Conn.Write(some)
		c.moved(m)
		if n += m; err != nil || n >= len(b) {
			return n, err
		}
	}
}

func (c *movingConn) moved(n int) {
	if n > 0 {
		c.moves.Add(1)
	}
}

// watch returns a context that ends with errQuiet when no byte has moved on c for
// quiet, and with errSlow after most. 0 for most sets no upper bound.
func (c *movingConn) watch(ctx context.Context, quiet, most time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if quiet <= 0 {
		cancel(errQuiet)
		return ctx, func() {}
	}
	every := max(quiet/ticks, time.Millisecond)
	still, in := int(max(1, quiet/every)), int(most/every)
	go func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		last := c.moves.Load()
		for since, all := 0, 0; ; {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			since, all = since+1, all+1
			if now := c.moves.Load(); now != last {
				last, since = now, 0
			}
			switch {
			case since >= still:
				cancel(errQuiet)
			case in > 0 && all >= in:
				cancel(errSlow)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// within returns a context that ends after d, counted in ticks of the judge.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return (&movingConn{}).watch(ctx, d, 0)
}
