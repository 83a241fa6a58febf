//go:build unix && !linux

package tap

import "syscall"

// inQueue returns how many bytes have arrived at fd and are unread, maxUnread at most.
func inQueue(fd uintptr) int {
	n, _, err := syscall.Recvfrom(int(fd), make([]byte, maxUnread), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	if err != nil {
		return 0
	}
	return max(n, 0)
}
