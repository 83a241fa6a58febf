package tap

import (
	"syscall"
	"unsafe"
)

// inQueue returns how many bytes have arrived at fd and are unread.
func inQueue(fd uintptr) int {
	var n int32
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&n))); errno != 0 {
		return 0
	}
	return int(n)
}
