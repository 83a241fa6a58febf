package play

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"wslab/compare/tap"
)

// ticks is the number of ticks in each wait of the judge. The judge counts ticks instead
// of time. So a period in which the judge itself did not run counts as one tick.
const ticks = 20

// errQuiet ends a case after the deadline without a byte in either direction. errSlow
// ends a case at its upper bound while bytes still move.
var (
	errQuiet = errors.New("no byte has moved for as long as the judge waits")
	errSlow  = errors.New("the case has reached its upper bound")
)

// ranOut reports whether ctx ended because the judge's time ended.
func ranOut(ctx context.Context) bool {
	why := context.Cause(ctx)
	return errors.Is(why, errQuiet) || errors.Is(why, errSlow)
}

// A movingConn counts the reads and writes that moved bytes, and the bytes.
type movingConn struct {
	*tap.Conn
	moves         atomic.Uint64
	read, written atomic.Int64
}

func (c *movingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.moved(&c.read, n)
	return n, err
}

// mostAtOnce is the largest write in bytes. If a target reads slowly, the end of each
// such write shows that bytes still move.
const mostAtOnce = 128 << 10

func (c *movingConn) Write(b []byte) (n int, err error) {
	for {
		some := b[n:]
		some = some[:min(len(some), mostAtOnce)]
		var m int
		m, err = c.Conn.Write(some)
		c.moved(&c.written, m)
		if n += m; err != nil || n >= len(b) {
			return n, err
		}
	}
}

func (c *movingConn) moved(count *atomic.Int64, n int) {
	if n > 0 {
		c.moves.Add(1)
		count.Add(int64(n))
	}
}

// A course has the payload bytes that a case sends and receives, so that the judge can
// estimate how long a slow target needs for them.
type course struct {
	sends, receives int64
	longest         time.Duration // the longest time of a slow case

	opened        atomic.Bool   // the opening handshake is over
	written, read int64         // the bytes of the opening handshake
	answers       time.Duration // when the first answer arrived
}

// open notes that the opening handshake is over.
func (p *course) open(c *movingConn) {
	p.written, p.read = c.written.Load(), c.read.Load()
	p.opened.Store(true)
}

// needs estimates the time of the whole case from the bytes that moved in the time
// passed. It returns 0 if it has no estimate.
func (p *course) needs(c *movingConn, passed time.Duration) time.Duration {
	if !p.opened.Load() {
		return 0
	}
	part := func(moved, all int64) float64 { return min(1, float64(moved)/float64(max(1, all))) }
	if read := c.read.Load() - p.read; read > 0 && p.receives > 0 {
		if p.answers == 0 {
			p.answers = passed
		}
		return p.answers + time.Duration(float64(passed-p.answers)/part(read, p.receives))
	}
	if written := c.written.Load() - p.written; written > 0 && written < p.sends {
		return time.Duration(float64(passed) / part(written, p.sends))
	}
	return 0
}

// bound returns the upper bound of a case after the time passed. Normally that is most.
// It is more if the case will end within p.longest. It is passed if the case needs far
// more than that.
func (p *course) bound(c *movingConn, passed, most time.Duration) time.Duration {
	if p == nil {
		return most
	}
	longest := max(most, p.longest)
	switch needs := p.needs(c, passed); {
	case needs > 2*longest && passed >= most/4:
		return passed
	case passed >= most && needs > 0:
		return min(longest, needs+needs/4)
	}
	return most
}

// watch returns a context that ends with errQuiet when no byte has moved on c for
// quiet, and with errSlow after most. 0 for most sets no upper bound.
func (c *movingConn) watch(ctx context.Context, quiet, most time.Duration) (context.Context, context.CancelFunc) {
	return c.follow(ctx, quiet, most, nil)
}

// follow is watch for a whole case: course can change the upper bound.
func (c *movingConn) follow(ctx context.Context, quiet, most time.Duration, course *course) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if quiet <= 0 {
		cancel(errQuiet)
		return ctx, func() {}
	}
	every := max(quiet/ticks, time.Millisecond)
	still := int(max(1, quiet/every))
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
			passed := time.Duration(all) * every
			switch {
			case since >= still:
				cancel(errQuiet)
			case most >= every && passed+every > course.bound(c, passed, most):
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
