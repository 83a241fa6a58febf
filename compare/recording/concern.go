package recording

import (
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// concerns knows which event is about which. c.mu is held for all its methods.
type concerns struct {
	calls   []*underway // in the order in which they were entered
	unsure  []sent      // frames that several calls may have sent
	request uint64
	end     uint64 // of TCP, by this end's doing: the last
	unread  []came // frames that a read is still to return, or to fail of
	skipped int    // frames that were forgotten of unread

	// What a page tells, or a raw client.
	asked, opened, sends, gets, closes pairing
	goodbye                            bool // the server's Close frame has been recorded
	said                               bool // the client's has
	closeCode                          int  // of the client's Close frame, or of close(); 0 before either

	in, out      int64 // bytes so far, as the client sent and gets them
	wrote, units []span
	reads        []span
	readTo       int64
	told         int64 // bytes that a raw client says that it wrote
}

// handshake takes a handshake that is about to be recorded as seq: the bytes from
// begins to end of what its sender sends, which is this end where own is set. It
// returns what Event.By and Event.Told have to say.
func (k *concerns) handshake(seq uint64, h *dissect.Handshake, own bool, begins, end int64) (by, told uint64) {
	if own {
		if u := k.only(func(u *underway) bool { return u.doing.Verb == VerbWrite && u.of == 0 }); u != nil {
			u.sent(seq)
			by = u.seq
		}
	}
	if h.From == wire.Client {
		k.request = seq
		if k.told > 0 {
			return k.wroteIn(end, true), 0
		}
		return k.asked.frame(seq), 0
	}
	if h.Head.Status == 101 {
		told = k.opened.frame(seq)
	}
	if got := k.unit(seq, begins, end); got != 0 {
		told = got
	}
	return by, told
}

// frame is handshake for a frame of from's.
func (k *concerns) frame(seq uint64, f seen, from wire.Role, own bool, begins, end int64) (by, told uint64) {
	if own {
		by = k.ownFrame(seq, &f)
	} else {
		k.peerFrame(seq, &f)
	}
	if from == wire.Server {
		return by, k.serverFrame(seq, &f, begins, end)
	}
	return max(by, k.clientFrame(seq, &f, end)), 0
}

// dropped notes that a unit will not arrive.
func (k *concerns) dropped(seq uint64) {
	for i, c := range k.unread {
		if c.seq == seq {
			k.unread = append(k.unread[:i:i], k.unread[i+1:]...)
			break
		}
	}
	k.gets.remove(seq)
	k.opened.remove(seq)
	for i, u := range k.units {
		if u.seq != seq {
			continue
		}
		size := u.to - u.from
		k.units = append(k.units[:i:i], k.units[i+1:]...)
		for j := i; j < len(k.units); j++ {
			k.units[j].from -= size
			k.units[j].to -= size
		}
		k.out -= size
		break
	}
}

// ends takes an end of TCP of this end's doing that is about to be recorded as seq,
// and returns the enter event of the one call that does it.
func (k *concerns) ends(seq uint64) (by uint64) {
	closes := func(inner bool) func(*underway) bool {
		return func(u *underway) bool {
			return u.doing.Verb == VerbClose && u.of == 0 && u.doing.Writes.Inner == inner
		}
	}
	k.end = seq
	for _, inner := range []bool{true, false} {
		if u := k.only(closes(inner)); u != nil {
			u.of, by = seq, u.seq
		}
	}
	return by
}

// refused takes bytes that this end's socket did not take, whole f where it is not
// nil, which are about to be recorded as seq, and returns the enter event of the one
// call that wrote them.
func (k *concerns) refused(seq uint64, f *dissect.Frame) (by uint64) {
	u := k.only(func(u *underway) bool {
		if u.of != 0 || u.doing.Verb != VerbWrite && u.doing.Verb != VerbClose {
			return false
		}
		if f == nil {
			return true
		}
		s := seenFrame(f)
		return u.doing.Writes.sends(u.n, &s)
	})
	if u == nil {
		return 0
	}
	u.of = seq
	return u.seq
}
