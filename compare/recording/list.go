package recording

// chunkSize is how many events a chunk of a list holds. Most recordings are short, and
// a lab server may keep two thousand: a chunk of 64 takes 5 KiB.
const chunkSize = 64

// list is a queue of events in chunks. A full Recording neither moves events nor
// allocates memory: the chunk that becomes empty at the front is used again at the
// back. BenchmarkEcho1KiB of package endpoint shows the gain.
type list struct {
	chunks []*chunk
	spare  *chunk // an empty chunk
	start  int    // index of the first event in chunks[0]
	size   int
}

// chunk has events and their weights. The weight is stored, because the body of an old
// event is no longer in a cache.
type chunk struct {
	events  [chunkSize]Event
	weights [chunkSize]int
}

// add appends e.
func (l *list) add(e *Event, weight int) {
	at := l.start + l.size
	if at == len(l.chunks)*chunkSize {
		if l.spare == nil {
			l.spare = new(chunk)
		}
		l.chunks = append(l.chunks, l.spare)
		l.spare = nil
	}
	c := l.chunks[at/chunkSize]
	// Field by field: copying the struct costs more while the garbage collector runs.
	to := &c.events[at%chunkSize]
	to.Seq, to.At, to.Conn, to.From, to.Body, to.By, to.Told = e.Seq, e.At, e.Conn, e.From, e.Body, e.By, e.Told
	c.weights[at%chunkSize] = weight
	l.size++
}

// drop removes the first event and returns its weight. l must not be empty.
func (l *list) drop() (weight int) {
	c := l.chunks[0]
	weight = c.weights[l.start]
	c.events[l.start].Body = nil // frees its bytes
	l.start++
	l.size--
	if l.start == chunkSize {
		l.spare = c
		l.chunks = append(l.chunks[:0], l.chunks[1:]...)
		l.start = 0
	}
	return weight
}

// slice returns a copy of at most max events, starting at index.
func (l *list) slice(index, max int) []Event {
	events := make([]Event, min(max, l.size-index))
	for n := 0; n < len(events); {
		at := l.start + index + n
		n += copy(events[n:], l.chunks[at/chunkSize].events[at%chunkSize:])
	}
	return events
}
