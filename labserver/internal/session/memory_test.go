package session

import (
	"context"
	"net"
	"testing"
	"time"

	"wslab/compare/tcptest"
)

// startInMemory is start on a network in memory, within a bubble of synctest.
func startInMemory(t *testing.T) *lab {
	t.Helper()
	m := tcptest.Listen()
	l := startOn(t, m, 1000*time.Hour)
	l.manager.dial = func(ctx context.Context, _ string) (net.Conn, error) { return m.Dial(ctx) }
	return l
}
