package tap

import (
	"net"
	"syscall"
	"time"
)

// A write after the peer's FIN succeeds. If the peer has closed its socket, it answers
// with RST, and the next write fails. When the RST arrives is chance, and so would be the
// next event. So the tap waits for the RST.

// resetTime bounds that wait. A peer that has only sent FIN does not answer.
const resetTime = 500 * time.Millisecond

// AwaitReset waits for the RST that answers a write after the peer's FIN. It returns
// after resetTime if none arrives. It polls, because the kernel does not report an RST
// before the next call.
func (c *Conn) AwaitReset() {
	if c.silent.Load() || c.queued() { // the peer does not receive held bytes
		return
	}
	for until := time.Now().Add(resetTime); time.Now().Before(until); time.Sleep(50 * time.Microsecond) {
		if !ask(c.Conn, closeWait) {
			return
		}
	}
}

// Ended reports whether TCP has ended in both directions, so that every Read and
// Write of c returns at once. Only Linux shows that. Elsewhere Ended reports false.
func Ended(c net.Conn) bool { return ask(c, tcpClosed) }

// ask calls question with the socket of c and returns the answer. It returns false if
// c has no open socket.
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
