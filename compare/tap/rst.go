package tap

import (
	"syscall"
	"time"
)

// A write behind the peer's FIN succeeds, and where the peer has closed its
// socket it is answered with RST; the next write fails. How soon the RST is there
// is chance, and so would be what comes next. So the tap gives it time.

// resetTime bounds that. A peer that has only stopped sending answers nothing.
const resetTime = 500 * time.Millisecond

// AwaitReset returns when the RST that answers a write behind the peer's FIN has
// come, or does not come. The kernel tells nobody of it before the next call, so
// it is asked again and again.
func (c *Conn) AwaitReset() {
	sc, ok := c.Conn.(syscall.Conn)
	if !ok || c.silent.Load() || c.queued() { // what is held is answered by nobody
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	for until := time.Now().Add(resetTime); time.Now().Before(until); time.Sleep(50 * time.Microsecond) {
		waiting := false
		if raw.Control(func(fd uintptr) { waiting = closeWait(fd) }) != nil || !waiting {
			return
		}
	}
}
