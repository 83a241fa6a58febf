package runner

import (
	"encoding/binary"
	"syscall"
	"unsafe"
)

// kernelCounts says that kernelSent does.
const kernelCounts = true

// kernelSent returns how many bytes the kernel has taken to be sent at fd: those
// sent, without what it sent again, and those not sent yet (struct tcp_info of
// <linux/tcp.h>).
func kernelSent(fd uintptr) uint64 {
	var info [256]byte
	size := uint32(len(info))
	if _, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0); errno != 0 || size < 216 {
		return 0
	}
	notSent := binary.NativeEndian.Uint32(info[144:])
	sent, again := binary.NativeEndian.Uint64(info[200:]), binary.NativeEndian.Uint64(info[208:])
	return sent - again + uint64(notSent)
}
