package reference

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wslab/reference/wire"
)

// TestManyCallersAtOnceEndInTime has 24 pairs of connections written to, read,
// bounded and closed by several goroutines at once, while functions in Options
// panic now and then. A bubble's time passes only while everybody waits: what
// waits for longer than its own timeout shows, on a machine of any speed.
func TestManyCallersAtOnceEndInTime(t *testing.T) {
	const pairs, rounds = 24, 60
	timeouts := Options{WriteTimeout: time.Second, CloseTimeout: time.Second, FinTimeout: time.Second, IdleTimeout: 5 * time.Second}
	longest := timeouts.WriteTimeout*2 + timeouts.CloseTimeout + 2*timeouts.FinTimeout
	for i := range pairs {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(1, uint64(i)))
				a, b := net.Pipe()
				var all sync.WaitGroup
				for role, nc := range []net.Conn{a, b} {
					o := timeouts
					o.MaskKey = sometimesPanics(rand.New(rand.NewPCG(2, uint64(i))), func() [4]byte { return testKey })
					o.OnControl = func(wire.Opcode, []byte) {}
					c := NewConn(nc, wire.Role(role), o)
					for g, call := range callers(c, random, rounds) {
						name := fmt.Sprintf("pair %d, %s, caller %d", i, wire.Role(role), g)
						all.Go(func() {
							for call(func(f func()) { inTime(t, name, longest, f) }) {
							}
						})
					}
				}
				all.Wait()
			})
		})
	}
}

// inTime fails t where f takes longer than bound, and outlasts its panic.
func inTime(t *testing.T, name string, bound time.Duration, f func()) {
	start := time.Now()
	defer func() {
		if r := recover(); r != nil && r != "a key has panicked" {
			panic(r)
		}
		if took := time.Since(start); took > bound {
			t.Errorf("%s waited %v", name, took)
		}
	}()
	f()
}

// sometimesPanics returns f, which panics once in 50 calls.
func sometimesPanics(random *rand.Rand, f func() [4]byte) func() [4]byte {
	var mu sync.Mutex
	return func() [4]byte {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(50) == 0 {
			panic("a key has panicked")
		}
		return f()
	}
}

// callers returns what several goroutines do with c: each makes one call, through
// do, and reports whether it has more to do.
func callers(c *Conn, random *rand.Rand, rounds int) []func(do func(func())) bool {
	closeAfter := random.IntN(rounds)
	sizes := []int{0, 1, 125, 126, 5000, 64 << 10}
	counted := func(call func(n int)) func(do func(func())) bool {
		n := 0
		return func(do func(func())) bool {
			do(func() { call(n) })
			n++
			return n < rounds
		}
	}
	payload := slices.Repeat([]byte("x"), slices.Max(sizes))
	return []func(do func(func())) bool{
		counted(func(n int) { c.WriteMessage(wire.Binary, payload[:sizes[n%len(sizes)]]) }),
		counted(func(n int) { c.WriteFragments(wire.Text, payload[:n], nil, payload[:1]) }),
		counted(func(n int) {
			if w, err := c.NextWriter(wire.Text); err == nil {
				defer w.Close()
				w.Write(payload[:sizes[n%len(sizes)]])
			}
		}),
		counted(func(int) { c.Ping([]byte("p")) }),
		counted(func(n int) {
			time.Sleep(time.Duration(n) * time.Millisecond)
			c.SetWriteDeadline(time.Now().Add(time.Duration(n%3) * time.Second))
			c.SetWriteDeadline(time.Time{})
			c.State()
		}),
		counted(func(n int) {
			c.SetReadDeadline(time.Now().Add(time.Second))
			if n%2 == 0 {
				c.ReadMessage()
			} else if _, r, err := c.NextReader(); err == nil {
				io.CopyN(io.Discard, r, int64(n))
			}
		}),
		counted(func(n int) {
			time.Sleep(time.Millisecond)
			switch {
			case n == closeAfter:
				c.Close(wire.NormalClosure, "")
			case n == rounds-1:
				c.CloseNow()
			}
		}),
	}
}
