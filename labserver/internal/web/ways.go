package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/sse"
	"wslab/labserver/internal/session"
)

// newWays makes a run of the four ways. The answer has the addresses of the ways.
func (s *Server) newWays(_ *http.Request, sess *session.Session, o session.WaysOrder) (any, error) {
	w, err := sess.NewWays(o)
	if err != nil {
		return nil, err
	}
	base := fmt.Sprintf("/api/sessions/%s/ways/%d/", url.PathEscape(sess.ID), w.Run)
	answer := map[string]any{"run": w.Run, "client": w.Client}
	for _, way := range session.AllWays {
		answer[way] = base + way
	}
	answer[session.WaySocket] = "/ws/reference?session=" + url.QueryEscape(sess.ID) + "&client=" + w.Client
	return answer, nil
}

// waysAsk is a command to a run.
type waysAsk struct {
	Do string `json:"do"`
}

func (s *Server) steerWays(r *http.Request, sess *session.Session, ask waysAsk) (any, error) {
	w, err := sess.WaysOf(r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	if err := w.Do(ask.Do); err != nil {
		return nil, err
	}
	return w.State(), nil
}

func (s *Server) ways(r *http.Request, sess *session.Session, _ nothing) (any, error) {
	w, err := sess.WaysOf(r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	return w.State(), nil
}

// maxMessage limits a message of the page, in bytes.
const maxMessage = 1000

// streamsFor are the limits of for= of a stream.
const (
	streamsFor = 20 * time.Second
	leastFor   = 100 * time.Millisecond
)

// way delivers the events of a run by HTTP, and receives messages of the page. Its request
// and its response are recorded.
func (s *Server) way(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	fail := func(err error) { respond(w, r, nil, err) }
	run, err := sess.WaysOf(r.PathValue("run"))
	if err != nil {
		fail(err)
		return
	}
	way := r.PathValue("way")
	if way == session.WaySocket || !slices.Contains(session.AllWays, way) {
		fail(missing(clipped(way, 40)+" is not one of the ways over HTTP.", "Use poll, long or events."))
		return
	}
	after, err := sse.Position(r)
	if err != nil {
		fail(invalid("The events cannot resume there: "+err.Error()+".", "To get all events, send neither Last-Event-ID nor after."))
		return
	}
	bound := time.Duration(0)
	if text := r.URL.Query().Get("for"); text != "" {
		ms, err := strconv.Atoi(text)
		if bound = time.Duration(ms) * time.Millisecond; err != nil || bound < leastFor || bound > streamsFor {
			fail(invalid(fmt.Sprintf("for=%.40q is not a time of a stream.", text), fmt.Sprintf("Use %d to %d, in ms.", leastFor.Milliseconds(), streamsFor.Milliseconds())))
			return
		}
	}
	if r.Method != http.MethodPost && r.ContentLength != 0 {
		// Without a deadline, which a stream does not have, net/http would wait for the body.
		fail(invalid("This request has a body.", "To send a message, use POST."))
		return
	}
	conn := endpoint.TapOf(r)
	if conn == nil {
		fail(&failure{Status: http.StatusNotImplemented, What: "The lab server cannot record this request, because it is not plain HTTP/1.1 over TCP.", Fix: "Use http://."})
		return
	}
	if !bytes.HasPrefix(conn.Early(), []byte(r.Method+" "+r.RequestURI+" ")) {
		fail(invalid("The lab server cannot record this request, because it arrived in the same TCP segment as another request.", "Wait for each response before you send the next request."))
		return
	}
	done, err := sess.Exchange(r, conn, run, way)
	if err != nil {
		fail(err)
		return
	}
	defer done()
	// The learner compares the costs of the ways. The fields of guard are for pages, not for
	// HTTP as such.
	clear(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	n := int(min(after, math.MaxInt32)) // a run has fewer events
	switch {
	case r.Method == http.MethodPost:
		receive(w, r, run, way)
	case way == session.WayPoll:
		ticks, over, _ := run.After(n)
		answerTicks(w, run, way, ticks, over)
	case way == session.WayLong:
		longPoll(w, r, run, n)
	default:
		streamTicks(w, r, run, n, bound)
	}
}

// receive receives a message of the page.
func receive(w http.ResponseWriter, r *http.Request, run *session.Ways, way string) {
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxMessage)); err != nil {
		respond(w, r, nil, &failure{Status: http.StatusRequestEntityTooLarge, What: fmt.Sprintf("The message is longer than %d bytes, or not complete.", maxMessage), Fix: "Send a shorter message."})
		return
	}
	run.Received(way)
	w.WriteHeader(http.StatusNoContent)
}

// longPoll waits for an event, or for the time that the run says.
func longPoll(w http.ResponseWriter, r *http.Request, run *session.Ways, n int) {
	limit := time.Duration(run.Wait) * time.Millisecond
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit + bodyTimeout)) // net/http cancels the request at its own deadline
	wait := time.NewTimer(limit)
	defer wait.Stop()
	for {
		ticks, over, changed := run.After(n)
		if len(ticks) > 0 || over {
			answerTicks(w, run, session.WayLong, ticks, over)
			return
		}
		select {
		case <-changed:
			continue
		case <-wait.C:
		case <-r.Context().Done(): // the page has sent FIN, and may still read
		}
		answerTicks(w, run, session.WayLong, nil, false)
		return
	}
}

// answerTicks writes ticks as a JSON array, or the status 204 if there are none. An empty
// array says that no more events will follow.
func answerTicks(w http.ResponseWriter, run *session.Ways, way string, ticks []session.Tick, over bool) {
	if len(ticks) == 0 && !over {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	b := []byte{'['}
	for i, t := range ticks {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, t.Text()...)
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(append(b, ']')); err == nil {
		run.Delivered(way, len(ticks))
	}
}

// streamTicks sends the events as Server-Sent Events. It ends after the last event, and
// after bound if that is not 0.
func streamTicks(w http.ResponseWriter, r *http.Request, run *session.Ways, n int, bound time.Duration) {
	if ticks, over, _ := run.After(n); over && len(ticks) == 0 {
		w.WriteHeader(http.StatusNoContent) // an EventSource connects again unless it gets this
		return
	}
	ctx := r.Context()
	if bound > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, bound)
		defer cancel()
	}
	sse.Follow(w, r, ctx.Done(), func() ([]sse.Message, bool, <-chan struct{}) {
		ticks, over, changed := run.After(n)
		var messages []sse.Message
		for _, t := range ticks {
			messages = append(messages, sse.Message{ID: uint64(t.N), Data: t.Text()})
		}
		n += len(ticks)
		run.Delivered(session.WayEvents, len(ticks))
		return messages, over || ctx.Err() != nil, changed
	})
}

// chat sends the same messages over TCP and over WebSocket.
func (s *Server) chat(_ *http.Request, sess *session.Session, o session.ChatOrder) (any, error) {
	after := sess.Rec.Last()
	c, err := sess.Chat(o, s.addr)
	return map[string]any{"after": after, "tcp": c.TCP, "socket": c.Socket}, err
}
