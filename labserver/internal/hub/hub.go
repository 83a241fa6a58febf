// Package hub sends a recording to those who follow it, as Server-Sent Events.
//
// Each follower reads the recording at its own pace; none has a queue that a
// recorder would have to wait for. One that falls behind by more than the
// recording keeps is told how many events it missed.
package hub

import (
	"context"
	"net/http"
	"time"

	"wslab/compare/recording"
	"wslab/compare/sse"
)

// batch is the most events sent at once. With pause it bounds what a busy
// connection costs: a page takes in no more than batch events per pause.
const (
	batch = 200
	pause = 12 * time.Millisecond
)

// Stream sends the events of rec after the one numbered after to w, until the
// follower goes away, or until ctx ends and all have been sent. sse.Position
// says where a page goes on, so it resumes without loss.
func Stream(ctx context.Context, w http.ResponseWriter, r *http.Request, rec *recording.Recording, after uint64) {
	if after > rec.Last() {
		after = 0 // a position in another recording: begin again
	}
	sse.Follow(w, r, ctx.Done(), func() ([]sse.Message, bool, <-chan struct{}) {
		over := ctx.Err() != nil // asked first: what was recorded before is sent
		events, gone := rec.After(after, batch)
		if len(events) == 0 {
			if over {
				return []sse.Message{{Event: "end", Data: []byte("{}")}}, true, nil
			}
			return nil, false, rec.Changed(after)
		}
		full := len(events) >= batch/4
		if gone > 0 {
			lost := recording.Event{Seq: events[0].Seq - 1, At: events[0].At, Body: &recording.Dropped{Count: gone}}
			events = append([]recording.Event{lost}, events...)
		}
		body, err := recording.JSON(events)
		if err != nil {
			return nil, true, nil
		}
		after = events[len(events)-1].Seq
		more := rec.Changed(after)
		if full {
			more = afterPause()
		}
		return []sse.Message{{ID: after, Data: body}}, false, more
	})
}

// afterPause returns a channel that is closed after pause.
func afterPause() <-chan struct{} {
	c := make(chan struct{})
	time.AfterFunc(pause, func() { close(c) })
	return c
}
