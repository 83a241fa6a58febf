// Package hub sends a recording to those who follow it, as Server-Sent Events.
//
// Each follower reads the recording at its own pace; none has a queue that a
// recorder would have to wait for. One that falls behind by more than the
// recording keeps is told how many events it missed.
package hub

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"wslab/compare/recording"
)

const (
	// batch is the most events sent at once. With pause it bounds what a busy
	// connection costs: a page takes in no more than batch events per pause.
	batch = 200
	pause = 12 * time.Millisecond

	writeTimeout = 10 * time.Second // for a follower to take one batch
	keepAlive    = 15 * time.Second // between comments that show the stream is alive
)

// Stream sends the events of rec after the one numbered after to w, until the
// follower goes away, or until ctx ends and all have been sent. Position says
// where a page goes on, so it resumes without loss.
func Stream(ctx context.Context, w http.ResponseWriter, r *http.Request, rec *recording.Recording, after uint64) {
	if after > rec.Last() {
		after = 0 // a position in another recording: begin again
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	send := func(format string, args ...any) bool {
		control.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	if !send(": wslab\n\n") {
		return
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		over := ctx.Err() != nil // asked first: what was recorded before is sent
		events, gone := rec.After(after, batch)
		if gone > 0 {
			lost := recording.Event{Seq: events[0].Seq - 1, At: events[0].At, Body: &recording.Dropped{Count: gone}}
			events = append([]recording.Event{lost}, events...)
		}
		if len(events) > 0 {
			body, err := recording.JSON(events)
			if err != nil {
				return
			}
			after = events[len(events)-1].Seq
			if !send("id: %d\ndata: %s\n\n", after, body) {
				return
			}
		}
		if over {
			if len(events) == 0 {
				send("event: end\ndata: {}\n\n")
				return
			}
			continue
		}
		var busy <-chan time.Time
		more := rec.Changed(after)
		if len(events) >= batch/4 {
			busy, more = time.After(pause), nil
		}
		select {
		case <-busy:
		case <-more:
		case <-alive.C:
			if !send(": still here\n\n") {
				return
			}
		case <-r.Context().Done():
			return
		case <-ctx.Done():
		}
	}
}

// Position returns the seq of the last event that the follower has seen, as r
// says by Last-Event-ID or ?after=SEQ; 0 where it says nothing.
func Position(r *http.Request) (uint64, error) {
	s := r.Header.Get("Last-Event-ID")
	if s == "" {
		s = r.URL.Query().Get("after")
	}
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not the number of an event", s)
	}
	return n, nil
}
