package recording

import "wslab/reference/wire"

// underway is a call that has not returned.
type underway struct {
	seq   uint64 // seq of the enter event
	doing Doing
	n     int    // number of frames that the call has sent
	of    uint64 // seq of the event that the call is about
}

// sent notes that u has sent the frame seq.
func (u *underway) sent(seq uint64) {
	u.n++
	if u.of == 0 {
		u.of = seq
	}
}

// sent is a frame of this end.
type sent struct {
	seq   uint64
	frame seen
}

// came is a frame that the peer sent.
type came struct {
	seq   uint64
	whole bool   // the frame ends a message
	fault bool   // a read may fail because of the frame
	lazy  *whole // if not nil, fault is unknown until the frame is decoded
}

// mayFail reports whether a read may fail because of c.
func (c *came) mayFail() bool {
	if c.lazy != nil {
		f, _ := c.lazy.later.Decode(c.lazy.bytes)
		c.fault, c.lazy = len(f.Violations) > 0, nil
	}
	return c.fault
}

// only returns the call in progress for which is reports true, or nil if there is no such
// call or more than one.
func (k *concerns) only(is func(*underway) bool) *underway {
	var one *underway
	for _, u := range k.calls {
		if !is(u) {
			continue
		}
		if one != nil {
			return nil
		}
		one = u
	}
	return one
}

// ownFrame adds a frame of this end that will be recorded as seq. It returns the enter
// event of the call that sent the frame. If no call or several calls can have sent the
// frame, ownFrame returns 0. With several, the returns of these calls name the frame.
func (k *concerns) ownFrame(seq uint64, f *seen) (by uint64) {
	var one, outer *underway
	several := false
	for _, u := range k.calls {
		switch {
		case !u.doing.Writes.sends(u.n, f):
		case u.doing.Writes.Inner:
			outer = u
		default:
			several = one != nil
			one = u
		}
	}
	if several {
		k.unsure = append(k.unsure, sent{seq, *f})
		one = nil
	}
	if outer != nil {
		outer.sent(seq)
		by = outer.seq
	}
	if one != nil {
		one.sent(seq)
		by = one.seq
	}
	return by
}

// peerFrame adds a frame that this end's code will read. If a read of the socket itself
// is in progress, that read is about this frame.
func (k *concerns) peerFrame(seq uint64, f *seen) {
	if u := k.only(func(u *underway) bool { return u.doing.Verb == VerbRead && u.doing.Socket }); u != nil && u.of == 0 {
		u.of = seq
	}
	op := f.header.Opcode
	c := came{seq, op.IsData() && f.header.Fin, op == wire.Close || f.fault, f.lazy}
	if !c.whole && !c.fault {
		return
	}
	if len(k.unread) == maxWaiting {
		if k.unread[0].whole {
			k.skipped++
		}
		k.unread = k.unread[1:]
	}
	k.unread = append(k.unread, c)
}

// readCame returns the frame that ended the message of a read, or that made it fail.
func (k *concerns) readCame(failed bool) uint64 {
	if k.skipped > 0 && !failed {
		k.skipped--
		return 0
	}
	at := -1
	for i := range k.unread {
		if c := &k.unread[i]; failed && c.mayFail() || !failed && c.whole {
			at = i
			break
		}
	}
	if at < 0 && failed && len(k.unread) > 0 {
		at = 0 // the frame breaks a rule of the library, not of the RFC
	}
	if at < 0 {
		return 0
	}
	seq := k.unread[at].seq
	k.unread = k.unread[at+1:]
	return seq
}

// enter adds the call d, which is recorded as seq.
func (k *concerns) enter(seq uint64, d Doing) *underway {
	u := &underway{seq: seq, doing: d}
	k.calls = append(k.calls, u)
	return u
}

// leave removes u, a call that has returned. It returns the seq of the event that u was
// about. failed says that u returned an error. frame says that a frame caused the error.
func (k *concerns) leave(u *underway, failed, frame bool) uint64 {
	for i, other := range k.calls {
		if other == u {
			k.calls = append(k.calls[:i:i], k.calls[i+1:]...)
			break
		}
	}
	switch {
	case u.doing.Verb == VerbOpen:
		return k.request
	case u.doing.Verb == VerbRead && !u.doing.Socket:
		if !failed || frame {
			return k.readCame(failed)
		}
	case u.doing.Verb == VerbClose && u.of == 0 && k.end > u.seq:
		return k.end // if two calls close at the same time, either may have ended TCP
	case u.of == 0:
		for i, s := range k.unsure {
			if u.doing.Writes.sends(u.n, &s.frame) {
				u.of = s.seq
				k.unsure = append(k.unsure[:i:i], k.unsure[i+1:]...)
				break
			}
		}
	}
	if len(k.calls) == 0 {
		k.unsure = nil
	}
	return u.of
}
