package play

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTimeInWhichTheJudgeDidNotRunIsNotHeldAgainstATarget(t *testing.T) {
	// A tick that comes late is one tick: a wait ends only after enough of them.
	synctest.Test(t, func(t *testing.T) {
		began, n := time.Now(), 0
		ctx, cancel := within(t.Context(), time.Second)
		defer cancel()
		for ctx.Err() == nil {
			time.Sleep(time.Second / ticks)
			synctest.Wait()
			n++
		}
		if n != ticks || time.Since(began) != time.Second || !ranOut(ctx) {
			t.Errorf("it ends after %d ticks, %s: %v", n, time.Since(began), context.Cause(ctx))
		}
	})
}

func TestOnlyTheDecodersOwnErrorIsCaught(t *testing.T) {
	if err := catch(func() { panic(errCode) }); !errors.Is(err, errCode) {
		t.Errorf("its own error comes back as %v", err)
	}
	if err := catch(func() {}); err != nil {
		t.Errorf("nothing comes back as %v", err)
	}
	for _, other := range []any{"a string", 1, errors.New("another error")} {
		func() {
			defer func() {
				if e := recover(); e != other {
					t.Errorf("%v is passed on as %v", other, e)
				}
			}()
			err := catch(func() { panic(other) })
			t.Errorf("the panic %v is taken for %v", other, err)
		}()
	}
	defer func() {
		if e := recover(); e == nil {
			t.Error("an index out of range is taken for corrupt data")
		}
	}()
	var none []byte
	_ = catch(func() { _ = none[len(none)] })
}

// FuzzInflate holds that whatever comes, the decoder panics with nothing but its own
// error.
func FuzzInflate(f *testing.F) {
	for _, seed := range []string{"", "\xf2\x48\xcd\xc9\xc9\x07\x00", "\x05\xe0\x01", "\xed\xfd\x01\x00", "\x00\x05\x00\xfa\xffHello\x00"} {
		f.Add([]byte("history"), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, history, payload []byte) { _, _, _ = inflate(history, payload, 1<<16) })
}
