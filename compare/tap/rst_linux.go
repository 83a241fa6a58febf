package tap

import "syscall"

// closeWait reports whether TCP is in the state CLOSE-WAIT: the peer's FIN has
// come, and nothing since that would end the connection.
func closeWait(fd uintptr) bool {
	const stateCloseWait = 8 // TCP_CLOSE_WAIT of <netinet/tcp.h>
	info, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
	return err == nil && info&0xff == stateCloseWait // tcpi_state is its first byte
}
