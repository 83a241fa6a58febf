//go:build !linux

package tap

// Only Linux shows the state of a connection.
func closeWait(uintptr) bool { return false }
func tcpClosed(uintptr) bool { return false }
