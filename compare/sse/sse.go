// Package sse sends Server-Sent Events: recordings and reports to the pages of the lab, and
// orders to a browser that runs scenarios.
//
// A slow follower does not delay the others. Every write is bounded.
package sse

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	writeTimeout = 10 * time.Second // to send the messages of one call of next
	keepAlive    = 15 * time.Second // between comments that show the stream is alive
)

// A Message is one event of a stream. Data must not have a line break.
type Message struct {
	ID    uint64 // 0: none
	Event string // "": an ordinary message
	Data  []byte
}

// Follow sends messages to w as Server-Sent Events. It returns after the last message,
// when the client leaves, or when a write takes longer than writeTimeout.
//
// next returns the messages that are ready, and whether they are the last. It also
// returns a channel that is closed when there are more. Follow calls next again when that
// channel or wake is closed.
func Follow(w http.ResponseWriter, r *http.Request, wake <-chan struct{}, next func() (ready []Message, last bool, more <-chan struct{})) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // a stream may take longer than other requests; if w has no deadlines, it needs no change
	send := func(b []byte) bool {
		control.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := w.Write(b)
		return err == nil && control.Flush() == nil
	}
	if !send([]byte(": wslab\n\n")) {
		return
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		ready, last, more := next()
		if len(ready) > 0 && !send(format(ready)) || last {
			return
		}
		select {
		case <-more:
		case <-alive.C:
			if !send([]byte(": still here\n\n")) {
				return
			}
		case <-r.Context().Done():
			return
		case <-wake:
		}
	}
}

// format returns messages in the format of a stream (WHATWG HTML, section 9.2).
func format(messages []Message) []byte {
	var b bytes.Buffer
	for _, m := range messages {
		if m.ID > 0 {
			fmt.Fprintf(&b, "id: %d\n", m.ID)
		}
		if m.Event != "" {
			fmt.Fprintf(&b, "event: %s\n", m.Event)
		}
		fmt.Fprintf(&b, "data: %s\n\n", m.Data)
	}
	return b.Bytes()
}

// Position returns the ID of the last message that the follower has seen. It reads the ID
// from Last-Event-ID or ?after=ID of r, and returns 0 if r has neither.
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
