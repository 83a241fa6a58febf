package tap

import (
	"net"
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
	if c.silent.Load() || c.queued() { // what is held is answered by nobody
		return
	}
	for until := time.Now().Add(resetTime); time.Now().Before(until); time.Sleep(50 * time.Microsecond) {
		if !ask(c.Conn, closeWait) {
			return
		}
	}
}

// Ended reports whether TCP has ended in both directions, so that every Read and
// Write of c returns at once. Only Linux says so: elsewhere it reports false.
func Ended(c net.Conn) bool { return ask(c, tcpClosed) }

// ask calls question with the socket of c and returns its answer, or false if c has
// no open socket.
func ask(c net.Conn, question func(fd uintptr) bool) (yes bool) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) { yes = question(fd) }) // it fails on a closed socket
	return yes
}
