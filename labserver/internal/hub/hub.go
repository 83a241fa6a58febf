// Package hub sends a recording to its followers as Server-Sent Events.
//
// Each follower reads the recording at its own pace, so recording never waits for a
// follower. If the recording drops events that a follower has not read, the follower
// receives an event with their number.
package hub

import (
	"context"
	"net/http"
	"time"

	"wslab/compare/recording"
	"wslab/compare/sse"
)

// batch limits the events of one message. After a large message, Stream waits for pause,
// so a page receives at most batch events per pause.
const (
	batch = 200
	pause = 12 * time.Millisecond
)

// Stream sends the events of rec after number after to w. It returns when the follower
// leaves, or when ctx has ended and all events are sent. With after from sse.Position, a
// page resumes without loss.
func Stream(ctx context.Context, w http.ResponseWriter, r *http.Request, rec *recording.Recording, after uint64) {
	if after > rec.Last() {
		after = 0 // the position is in another recording, so begin again
	}
	sse.Follow(w, r, ctx.Done(), func() ([]sse.Message, bool, <-chan struct{}) {
		over := ctx.Err() != nil // check this first, so that all events recorded before are sent
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
