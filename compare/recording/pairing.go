package recording

// Bounds of what waits to be joined with its other half. What is forgotten keeps
// its turn: the k-th goes with the k-th, kept or not.
const maxWaiting = 4096

// pairing joins the k-th frame with the k-th report of it. Whichever is recorded
// later names the other.
type pairing struct {
	waiting []uint64 // seqs of frames or of reports, never of both
	reports bool     // which of them
	gone    int      // how many of them were forgotten
}

// frame takes a frame that is about to be recorded as seq, and returns the report
// that waited for it, or 0.
func (p *pairing) frame(seq uint64) (report uint64) { return p.take(seq, false) }

// report takes a report that is about to be recorded as seq, and returns the frame
// that waited for it, or 0.
func (p *pairing) report(seq uint64) (frame uint64) { return p.take(seq, true) }

func (p *pairing) take(seq uint64, report bool) (other uint64) {
	switch {
	case p.gone > 0 && p.reports != report:
		p.gone--
		return 0
	case len(p.waiting) > 0 && p.reports != report:
		other = p.waiting[0]
		p.waiting = p.waiting[1:]
		return other
	}
	p.reports = report
	if len(p.waiting) == maxWaiting {
		p.waiting = p.waiting[1:]
		p.gone++
	}
	p.waiting = append(p.waiting, seq)
	return 0
}

// frames reports whether frames wait for reports.
func (p *pairing) frames() bool { return !p.reports && p.gone+len(p.waiting) > 0 }

// remove takes a frame out that will never reach its end.
func (p *pairing) remove(seq uint64) {
	if p.reports {
		return
	}
	for i, s := range p.waiting {
		if s == seq {
			p.waiting = append(p.waiting[:i:i], p.waiting[i+1:]...)
			return
		}
	}
}
