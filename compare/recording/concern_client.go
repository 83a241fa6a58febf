package recording

import "wslab/reference/wire"

// span is a stretch of the bytes of one direction, and the event that it is of.
type span struct {
	seq      uint64
	from, to int64
	named    bool // some other event names it, or it names one
}

// clientFrame takes a frame of the client's that is about to be recorded as seq and
// ends at the byte end of what it sends, and returns the report because of which
// it was sent, or 0.
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
			return 0 // it answers the server's
		}
		k.closeCode = code
		return k.closes.frame(seq)
	}
	return 0
}

// serverFrame takes a frame of the server's that is about to be recorded as seq and
// is the bytes from from to to of what it sends. It returns the report of its
// arrival, where that came before.
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

// wroteIn returns the report of the raw client's write that brought the last of the
// bytes up to at, or 0. Of bytes that are not a unit's it is told once.
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

// unit takes a unit of the server's that is about to be recorded as seq. It returns
// the report of the raw client's read that brought its end, where that came before.
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

// report takes what the client's end reports, which is about to be recorded as seq,
// and returns what it is about: 0 where that is nothing, or still to come.
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
		if state == 1 { // else the browser sends nothing
			p = &k.sends
		}
	case "close":
		// After the server's Close frame the browser answers by itself, and close() of a
		// page sends nothing; unless it was called before, and is told only now. A raw
		// client's report has no state.
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

// rawRead returns the first unit that ends within the next size bytes that a raw
// client has read.
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
	// What it has read may be recorded only now.
	if awaits = k.readTo > k.out; awaits && len(k.reads) < maxWaiting {
		k.reads = append(k.reads, span{seq: seq, from: from, to: k.readTo, named: of != 0})
	}
	return of, awaits && of == 0
}
