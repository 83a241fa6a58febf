package recording

import (
	"bytes"
	"sync"

	"wslab/compare/tap"
	"wslab/reference/wire"
)

// Plain records a TCP connection without WebSocket, whose server end is tapped: the bytes
// of each read and write, how TCP ends, and the calls of both ends' code. It is a
// tap.Recorder. Connections and ConnOf do not know it. Callers must not hold the wire.
type Plain struct {
	Info Info
	ID   int

	r     *Recording
	mu    sync.Mutex
	reset bool // the peer's RST is recorded
}

// ConnectPlain begins to record a TCP connection without WebSocket.
func (r *Recording) ConnectPlain(info Info) *Plain {
	p := &Plain{Info: info, r: r}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened++
	p.ID = r.opened
	r.append(r.Now(), p.ID, wire.Client.String(), &TCP{What: "open", Info: &p.Info})
	return p
}

// sender returns the end that sends the bytes of direction d.
func sender(d tap.Direction) wire.Role {
	if d == tap.Out {
		return wire.Server
	}
	return wire.Client
}

func (p *Plain) add(from wire.Role, body any) uint64 { return p.r.Append(p.ID, from.String(), body) }

// Bytes implements tap.Recorder.
func (p *Plain) Bytes(d tap.Direction, b []byte) []tap.Unit {
	p.add(sender(d), &Bytes{len(b), bytes.Clone(b[:min(len(b), KeepBytes)])})
	return []tap.Unit{{End: len(b)}}
}

// Fin implements tap.Recorder.
func (p *Plain) Fin(d tap.Direction) uint64 { return p.add(sender(d), &TCP{What: "fin"}) }

// Failed implements tap.Recorder. It records a reset once.
func (p *Plain) Failed(_ tap.Direction, err error) {
	what := "error"
	if tap.IsReset(err) {
		what = "rst"
		p.mu.Lock()
		again := p.reset
		p.reset = true
		p.mu.Unlock()
		if again {
			return
		}
	}
	p.add(wire.Client, &TCP{What: what, Err: goError(err)})
}

// Reset implements tap.Recorder.
func (p *Plain) Reset() { p.add(wire.Server, &TCP{What: "rst"}) }

// Closed implements tap.Recorder.
func (p *Plain) Closed() uint64 { return p.add(wire.Server, &TCP{What: "closed"}) }

// Gone implements tap.Recorder. Closed has already recorded the end.
func (p *Plain) Gone() {}

// Unsent implements tap.Recorder.
func (p *Plain) Unsent(b []byte, err error) {
	p.add(wire.Server, &Unsent{plainPiece(b, len(b)), goError(err)})
}

// Unread implements tap.Recorder.
func (p *Plain) Unread(b []byte, size int) { p.add(wire.Client, &Unread{plainPiece(b, size)}) }

func plainPiece(b []byte, size int) piece {
	return piece{Size: size, Head: bytes.Clone(b[:min(len(b), KeepBytes)])}
}

// The other methods of tap.Recorder are about a held wire, or about the bytes of a client
// that does not wait for a handshake.
func (p *Plain) Stops()                                      {}
func (p *Plain) Ahead(int)                                   {}
func (p *Plain) Waits(tap.Direction, uint64)                 {}
func (p *Plain) Released(tap.Direction, uint64)              {}
func (p *Plain) Dropped(tap.Direction, uint64)               {}
func (p *Plain) Uncrossed(tap.Direction, uint64, int, error) {}

// Call records that the code of from makes the call d, runs do, and records what do
// returned.
func (p *Plain) Call(from wire.Role, d Doing, do func() (result string, err error)) error {
	p.r.mu.Lock()
	p.r.calls++
	c := Call{ID: p.r.calls, Name: d.Name, Verb: d.Verb, Socket: d.Socket}
	enter := c
	enter.Phase, enter.Args = "enter", d.Args
	p.r.append(p.r.Now(), p.ID, from.String(), &enter)
	p.r.mu.Unlock()
	result, err := do()
	c.Phase, c.Result, c.Err = "return", result, goError(err)
	p.add(from, &c)
	return err
}
