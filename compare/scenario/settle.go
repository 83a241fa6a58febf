package scenario

import (
	"context"
	"time"
)

// Bounds of waiting. If an effect takes longer than settleTime, its remaining events
// belong to a later step.
const (
	settleTime = 2 * time.Second
	quietTime  = 60 * time.Millisecond // without an event, if a browser is the client
)

// settle waits until the effect of a command is over: both ends of every connection have
// read all bytes of the peer, and wait for more or have ended.
func (st *Stage) settle(ctx context.Context) error {
	bound := settleTime
	for _, p := range st.all() {
		if p.wire != nil {
			bound += 4 * p.wire.Delay()
		}
	}
	settled, err := st.until(ctx, nil, bound, st.settled)
	if !settled || err != nil || st.main().client.Progress().Known {
		return err
	}
	// A browser does not report its progress, so wait for a quiet moment.
	for deadline := time.Now().Add(bound); time.Now().Before(deadline); {
		last := st.changes()
		if more, err := st.until(ctx, nil, quietTime, func() bool { return st.changes() != last }); !more || err != nil {
			return err
		}
	}
	return nil
}

// settled reports whether all connections are at rest.
func (st *Stage) settled() bool {
	for _, p := range st.all() {
		if !st.look(p).settled(st.setup) {
			return false
		}
	}
	return true
}

// settled reports whether both ends of v are at rest.
func (v view) settled(setup Setup) bool {
	if v.wire == nil {
		return true
	}
	return v.serverRests(setup) && v.clientRests()
}

// serverRests reports whether the server's code has read everything and waits, or has
// ended, or has no work.
func (v view) serverRests(setup Setup) bool {
	switch {
	case v.served:
		return v.line.Closed && v.calls == 0
	case v.actor == nil && !v.line.Reading:
		return false // the server is still answering the handshake
	case setup.ByHand && v.calls == 0:
		return true
	case v.line.Blocked:
		return true
	case v.calls > 0 && !v.waits:
		return false
	case v.calls > 0 && !setup.ByHand && v.line.Out+v.line.Taken == v.before:
		return false // the code that echoes is the reader; the call has not written yet
	case !v.line.Reading:
		return false
	case !v.Known:
		return true
	case v.Fin: // a read ends at once, unless the FIN is lost, or waits after held frames
		return v.line.Silent || v.line.Waiting > 0 && (v.line.FinIn || v.line.Failed)
	}
	r, more := v.actor.(restless)
	return v.line.In == v.Written && (!more || r.Rests(v.line))
}

// clientRests reports whether the client has read everything that the server sent.
func (v view) clientRests() bool {
	switch {
	case !v.Known, v.Ended, v.Deaf, v.line.Silent:
		return true
	case (v.line.Closed || v.line.FinOut || v.line.Failed) && !v.line.FinHeld:
		return false // the end of TCP has not reached the client yet
	}
	return v.Read == v.line.Out
}

// nothingComes reports whether the client waits without success: all connections are at
// rest, and neither end will act by itself.
func (st *Stage) nothingComes() bool {
	if st.setup.PingEvery > 0 {
		return false
	}
	for _, p := range st.all() {
		v := st.look(p)
		if !v.Known || v.line.Waiting > 0 || v.line.Part || !v.settled(st.setup) {
			return false
		}
	}
	return true
}

// gone reports whether v is over, and everything that its server wrote was sent.
func (v view) gone() bool { return v.over() && (v.wire == nil || !v.line.Lingers) }

// over reports whether the server's code has ended and its socket is closed.
func (v view) over() bool { return v.wire == nil || v.served && v.line.Closed }
