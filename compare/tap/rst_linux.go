package tap

import "syscall"

// closeWait reports whether the peer's FIN has arrived and the connection has not
// ended since.
func closeWait(fd uintptr) bool { return tcpState(fd) == 8 } // TCP_CLOSE_WAIT of <netinet/tcp.h>

// tcpClosed reports whether the connection has ended in both directions.
func tcpClosed(fd uintptr) bool { return tcpState(fd) == 7 } // TCP_CLOSE

// tcpState returns the state of a TCP connection, 0 if there is none.
func tcpState(fd uintptr) int {
	info, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
	if err != nil {
		return 0
	}
	return info & 0xff // tcpi_state is its first byte
}
