//go:build !race

package runner_test

// race says that the race detector looks on.
const race = false
