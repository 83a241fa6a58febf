package recording

import (
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// concerns finds the events that belong together. c.mu is held for all its methods.
type concerns struct {
	// Calls of the endpoint's code.
	calls   []*underway // in the order in which they were entered
	unsure  []sent      // own frames that several calls may have sent
	request uint64      // seq of the request
	end     uint64      // seq of the last event in which this end ended TCP
	unread  []came      // frames that a later read returns, or that make it fail
	skipped int         // messages that unread has forgotten

	// Reports of a page.
	asked, opened, sends, gets, closes pairing
	goodbye                            bool // the server's Close frame is recorded
	said                               bool // the client's Close frame is recorded
	closeCode                          int  // of the client's Close frame or close() call; 0 before that

	// Reports of a raw client, in bytes since the connection began.
	in, out int64  // bytes that the client and the server have sent
	wrote   []span // the client's writes that no event names yet
	units   []span // the server's units that the client has not read
	reads   []span // the client's reads of bytes that are not recorded yet
	readTo  int64  // bytes that the client reports as read
	told    int64  // bytes that the client reports as written
}

// handshake adds a handshake that will be recorded as seq. The handshake is bytes begins
// to end of its sender's stream. own says that this end sends it. handshake returns the
// Event.By and the Event.Told of the event.
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

// frame is handshake for a frame that from sends.
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

// dropped removes a unit that will not be received.
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

// ends adds an end of TCP by this end, which will be recorded as seq. It returns the
// enter event of the call that causes it, or 0.
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

// refused adds bytes that this end's socket did not accept and that will be recorded as
// seq. If f is not nil, the bytes are the frame f. refused returns the enter event of the
// call that wrote them, or 0 if no call or several calls can have written them.
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
