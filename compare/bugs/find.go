package bugs

import (
	"cmp"
	"slices"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
)

// Found is a fault whose effect is in a recording.
type Found struct {
	Number int      `json:"number"`
	Conn   int      `json:"conn"`
	Events []uint64 `json:"events"` // seqs of the evidence, in order
	Said   string   `json:"said"`   // one sentence about this run
}

// Find returns the faults of the naive server whose effects are in events, by number. A
// fault that is there several times is in the result once, with its first evidence.
func Find(events []recording.Event) []Found {
	f := NewFinder()
	f.Add(events)
	return f.Found()
}

// Finder finds faults in a recording that arrives in pieces.
type Finder struct {
	all []*connection
	of  map[int]*connection
}

// NewFinder returns a Finder without events.
func NewFinder() *Finder { return &Finder{of: map[int]*connection{}} }

// Add adds the next events of the recording. The Finder keeps their bodies.
func (f *Finder) Add(events []recording.Event) {
	for _, e := range events {
		if t, ok := e.Body.(*recording.TCP); ok && t.What == "open" && t.Info != nil && t.Info.Endpoint == endpoint.Naive {
			c := &connection{id: e.Conn, opened: e.Seq}
			f.all = append(f.all, c)
			f.of[e.Conn] = c
		}
		if c := f.of[e.Conn]; c != nil {
			c.add(e)
		}
	}
}

// Found returns the faults whose effects are in the events so far, as Find does.
func (f *Finder) Found() []Found {
	search := &finder{seen: map[int]bool{}}
	for _, c := range f.all {
		search.c = c
		search.handshake()
		search.stream()
		search.end()
		search.writes()
		search.orders()
		search.accepts(f.all)
	}
	slices.SortFunc(search.found, func(a, b Found) int { return cmp.Compare(a.Number, b.Number) })
	return search.found
}

// finder collects the faults of one recording.
type finder struct {
	c     *connection // the connection that is searched
	found []Found
	seen  map[int]bool
}

// open opens the card with the number.
func (f *finder) open(number int, said string, events ...uint64) {
	if f.seen[number] {
		return
	}
	f.seen[number] = true
	events = slices.DeleteFunc(events, func(seq uint64) bool { return seq == 0 })
	slices.Sort(events)
	f.found = append(f.found, Found{number, f.c.id, slices.Compact(events), said})
}
