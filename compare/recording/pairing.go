package recording

// maxWaiting bounds how many frames or reports wait for their counterpart. A forgotten
// frame or report still counts: the k-th frame belongs to the k-th report.
const maxWaiting = 4096

// pairing joins the k-th frame with the k-th report. The later of the two names the
// earlier.
type pairing struct {
	waiting []uint64 // seqs of frames or of reports, never of both
	reports bool     // waiting has reports
	gone    int      // how many were forgotten before waiting
}

// frame adds a frame that will be recorded as seq. It returns the report that waited for
// the frame, or 0.
func (p *pairing) frame(seq uint64) (report uint64) { return p.add(seq, false) }

// report adds a report that will be recorded as seq. It returns the frame that waited for
// the report, or 0.
func (p *pairing) report(seq uint64) (frame uint64) { return p.add(seq, true) }

// add adds seq to waiting, unless its counterpart waits there.
func (p *pairing) add(seq uint64, report bool) (other uint64) {
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

// remove removes a frame that will never be received.
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
