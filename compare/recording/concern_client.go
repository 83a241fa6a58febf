package recording

import "wslab/reference/wire"

// span is a range of the bytes of one direction, with the event that they belong to.
type span struct {
	seq      uint64
	from, to int64
	named    bool // the event names another event, or another event names it
}

// clientFrame adds a frame of the client that will be recorded as seq. The frame ends at
// byte end of the client's stream. clientFrame returns the report of the call that sent
// the frame, or 0.
func (k *concerns) clientFrame(seq uint64, f *seen, end int64) (by uint64) {
	switch op := f.header.Opcode; {
	case k.told > 0:
		return k.wroteIn(end, true)
	case op == wire.Text || op == wire.Binary:
		return k.sends.frame(seq)
	case op == wire.Close && !k.said:
		k.said = true
		code := f.code
		waits := k.closeCode != 0
		if waits && code != k.closeCode || !waits && k.goodbye {
			return 0 // it answers the server's Close frame
		}
		k.closeCode = code
		return k.closes.frame(seq)
	}
	return 0
}

// serverFrame adds a frame of the server that will be recorded as seq. from and to are
// its beginning and end in the server's stream. serverFrame returns the report of the
// frame's arrival, if that report is already recorded.
func (k *concerns) serverFrame(seq uint64, f *seen, from, to int64) (told uint64) {
	op := f.header.Opcode
	k.goodbye = k.goodbye || op == wire.Close
	if op.IsData() && f.header.Fin {
		told = k.gets.frame(seq)
	}
	if got := k.unit(seq, from, to); got != 0 {
		told = got
	}
	return told
}

// wroteIn returns the report of the raw client's write that has the byte before at,
// or 0. Several units can name a write, but only one event that is not a unit.
func (k *concerns) wroteIn(at int64, unit bool) uint64 {
	for len(k.wrote) > 0 && k.wrote[0].to < at {
		k.wrote = k.wrote[1:]
	}
	if len(k.wrote) == 0 || !unit && k.wrote[0].named {
		return 0
	}
	k.wrote[0].named = true
	return k.wrote[0].seq
}

// unit adds a unit of the server that will be recorded as seq. It returns the report of
// the raw client's read that has the unit's last byte, if that report is already
// recorded.
func (k *concerns) unit(seq uint64, from, to int64) (told uint64) {
	if to > k.readTo {
		if len(k.units) < maxWaiting {
			k.units = append(k.units, span{seq: seq, from: from, to: to})
		}
		return 0
	}
	for len(k.reads) > 0 && k.reads[0].to < to {
		k.reads = k.reads[1:]
	}
	if len(k.reads) == 0 || k.reads[0].named {
		return 0
	}
	k.reads[0].named = true
	return k.reads[0].seq
}

// report adds a report of the client that will be recorded as seq. It returns the event
// that the report is about, or 0. awaits says that this event is not recorded yet.
func (k *concerns) report(seq uint64, s *Script) (of uint64, awaits bool) {
	var p *pairing
	state := 1
	if s.ReadyState != nil {
		state = *s.ReadyState
	}
	switch s.What {
	case "new WebSocket":
		p = &k.asked
	case "onopen":
		p = &k.opened
	case "onmessage":
		p = &k.gets
	case "send":
		if state == 1 { // otherwise the browser sends nothing
			p = &k.sends
		}
	case "close":
		// The browser itself answers the server's Close frame, and a later close() sends
		// nothing. But a report can be late: the page may have called close() before. A
		// raw client's report has no ready state.
		code := int(wire.NoStatusReceived)
		if s.Code != nil {
			code = *s.Code
		}
		first := k.closeCode == 0
		if s.ReadyState != nil && state != 3 && (first && !k.goodbye || !first && code == k.closeCode && k.closes.frames()) {
			k.closeCode = code
			p = &k.closes
		}
	case "write":
		if s.Size != nil {
			k.wrote = append(k.wrote, span{seq: seq, from: k.told, to: k.told + *s.Size})
			k.told += *s.Size
			return 0, true
		}
	case "read":
		if s.Size != nil {
			return k.rawRead(seq, *s.Size)
		}
	}
	if p == nil {
		return 0, false
	}
	of = p.report(seq)
	return of, of == 0
}

// rawRead adds a read of size bytes by a raw client. It returns the first unit that ends
// in these bytes.
func (k *concerns) rawRead(seq uint64, size int64) (of uint64, awaits bool) {
	from := k.readTo
	k.readTo += size
	n := 0
	for n < len(k.units) && k.units[n].to <= k.readTo {
		if of == 0 {
			of = k.units[n].seq
		}
		n++
	}
	k.units = k.units[n:]
	// The client may report its read before the bytes are recorded.
	if awaits = k.readTo > k.out; awaits && len(k.reads) < maxWaiting {
		k.reads = append(k.reads, span{seq: seq, from: from, to: k.readTo, named: of != 0})
	}
	return of, awaits && of == 0
}
