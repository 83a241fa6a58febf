//go:build unix && !linux

package runner

// kernelCounts says that kernelSent does not.
const kernelCounts = false

func kernelSent(uintptr) uint64 { return 0 }
