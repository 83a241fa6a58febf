//go:build race

package main

// race says that the race detector looks on.
const race = true
