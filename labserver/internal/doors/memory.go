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

// ErrBusy is the error of Memory and HTTP2 if runs of other pages took all the time.
var ErrBusy = errors.New("other pages do this now")

// Memory is the memory that a server needs for an idle connection.
type Memory struct {
	Way         endpoint.IdleWay `json:"way"`
	Connections int              `json:"connections"`
	Bytes       int              `json:"bytes"` // for each connection
}

// Memory measures each way to serve idle connections, in a process of its own. It takes
// about a second, and at most memoryTimeout with the wait for runs of other pages.
func (d *Doors) Memory(ctx context.Context) ([]Memory, error) {
	ctx, done, err := d.begin(ctx, memoryTimeout)
	if err != nil {
		return nil, err
	}
	defer done()
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

// begin waits until no other run of HTTP2 or Memory is in progress. The returned context
// ends after timeout, which includes the wait, and when d closes. The caller must call
// done.
func (d *Doors) begin(ctx context.Context, timeout time.Duration) (_ context.Context, done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	stop := context.AfterFunc(d.ctx, cancel)
	end := func() {
		stop()
		cancel()
	}
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		end()
		return nil, nil, ErrBusy
	}
	if d.ctx.Err() != nil { // the select may not have seen it
		cancel()
	}
	return ctx, func() {
		<-d.turn
		end()
	}, nil
}
