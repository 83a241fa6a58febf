package doors

import (
	"context"
	"errors"
	"time"

	"wslab/compare/endpoint"
)

// Bounds of a measurement of memory.
const (
	idleConnections = 200 // of each way
	memoryTimeout   = 30 * time.Second
)

// ErrBusy is the error of Memory while another measurement runs.
var ErrBusy = errors.New("another page measures the memory")

// Memory is the memory that a server needs for an idle connection.
type Memory struct {
	Way         endpoint.IdleWay `json:"way"`
	Connections int              `json:"connections"`
	Bytes       int              `json:"bytes"` // for each connection
}

// Memory measures each way to serve idle connections, in a process of its own. It takes
// about a second, and at most memoryTimeout.
func (d *Doors) Memory(ctx context.Context) ([]Memory, error) {
	if !d.measuring.TryLock() {
		return nil, ErrBusy
	}
	defer d.measuring.Unlock()
	ctx, cancel := d.bounded(ctx, memoryTimeout)
	defer cancel()
	var all []Memory
	for _, way := range endpoint.IdleWays {
		n, err := endpoint.MeasureIdle(ctx, way, idleConnections)
		if err != nil {
			return nil, err
		}
		all = append(all, Memory{way, idleConnections, n})
	}
	return all, nil
}

// bounded returns ctx, which also ends after timeout and when d closes.
func (d *Doors) bounded(ctx context.Context, timeout time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	stop := context.AfterFunc(d.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}
