package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/sse"
	"wslab/labserver/internal/hub"
	"wslab/labserver/internal/lesson"
	"wslab/labserver/internal/session"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// failure is the JSON of an error.
type failure struct {
	Error string `json:"error"`
	Fix   string `json:"fix"`
	At    *int   `json:"at,omitempty"` // index in the text sent
}

// reply writes v as JSON.
func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// fail writes err, which may say itself what helps.
func fail(w http.ResponseWriter, err error) {
	var command *session.CommandError
	var hex *scenario.HexError
	switch {
	case errors.As(err, &command):
		reply(w, http.StatusConflict, failure{Error: command.What, Fix: command.Fix})
	case errors.As(err, &hex):
		reply(w, http.StatusBadRequest, failure{Error: "This is not hex: " + hex.Error() + ".", Fix: "Write each byte as two of 0–9 and a–f; white space between bytes does not matter.", At: &hex.At})
	default:
		reply(w, http.StatusBadRequest, failure{Error: err.Error()})
	}
}

// read decodes the request's body into v. When it can't, it answers and
// returns false.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return true
		}
		err = errors.New("something follows the JSON value")
	}
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		reply(w, http.StatusRequestEntityTooLarge, failure{Error: fmt.Sprintf("The request is longer than %d bytes.", tooLong.Limit), Fix: "Send less at once."})
		return false
	}
	reply(w, http.StatusBadRequest, failure{Error: "The request is not the JSON that belongs here: " + clipped(err.Error(), 200) + ".", Fix: "See the list of requests in README.md."})
	return false
}

// withSession finds the session that a route names.
func (s *Server) withSession(next func(http.ResponseWriter, *http.Request, *session.Session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sess, ok := s.sessions.Get(r.PathValue("id"))
		if !ok {
			reply(w, http.StatusNotFound, failure{Error: "There is no session " + clipped(r.PathValue("id"), 40) + ": it has ended, or the lab server was started anew.", Fix: "Reload the page to begin a new one."})
			return
		}
		next(w, r, sess)
	}
}

func (s *Server) newSession(w http.ResponseWriter, r *http.Request) {
	sess, err := s.sessions.New(false)
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"session": sess.ID, "now": sess.Rec.Now().Microseconds()})
}

func (s *Server) session(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	reply(w, http.StatusOK, map[string]any{
		"session": sess.ID, "now": sess.Rec.Now().Microseconds(), "holding": sess.Holding(), "outside": sess.Outside,
	})
}

func (s *Server) events(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	after, err := sse.Position(r)
	if err != nil {
		reply(w, http.StatusBadRequest, failure{Error: "The stream cannot go on there: " + err.Error() + ".", Fix: "Leave Last-Event-ID and after out to begin with the first event."})
		return
	}
	defer sess.Watch()()
	hub.Stream(sess.Over(), w, r, sess.Rec, after)
}

func (s *Server) event(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 64)
	e, ok := sess.Rec.Event(seq)
	if err != nil || !ok {
		reply(w, http.StatusNotFound, failure{Error: "There is no event " + clipped(r.PathValue("seq"), 40) + " in this session, or not any more.", Fix: "Choose one that is in the timeline."})
		return
	}
	detail := struct {
		Event  recording.Event `json:"event"`
		Fields []dissect.Field `json:"fields"`
	}{Event: e, Fields: []dissect.Field{}}
	if f, ok := e.Body.(*dissect.Frame); ok {
		detail.Fields = f.Fields()
	}
	reply(w, http.StatusOK, detail)
}

func (s *Server) logText(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	until := sess.Rec.Last()
	if q := r.URL.Query().Get("until"); q != "" {
		n, err := strconv.ParseUint(q, 10, 64)
		if err != nil {
			reply(w, http.StatusBadRequest, failure{Error: fmt.Sprintf("until=%.40q is not the number of an event.", q), Fix: "Leave it out for the whole log."})
			return
		}
		until = min(until, n)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	for after := uint64(0); after < until; {
		events, gone := sess.Rec.After(after, 500)
		if len(events) == 0 {
			return
		}
		if gone > 0 {
			fmt.Fprintf(w, "%d events before this were dropped\n", gone)
		}
		after = events[len(events)-1].Seq
		for len(events) > 0 && events[len(events)-1].Seq > until {
			events = events[:len(events)-1]
		}
		if recording.WriteText(w, events, recording.TextOptions{}) != nil {
			return
		}
	}
}

func (s *Server) script(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	var reports []session.Report
	if !read(w, r, &reports) {
		return
	}
	if err := sess.Report(reports); err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, struct{}{})
}

func (s *Server) valve(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	var command struct {
		Do      string   `json:"do"`
		Clients []string `json:"clients"`
	}
	if !read(w, r, &command) {
		return
	}
	seqs, err := sess.Valve(command.Do, command.Clients)
	if err != nil {
		fail(w, err)
		return
	}
	if seqs == nil {
		seqs = []uint64{}
	}
	word := "released"
	if command.Do == "drop" {
		word = "dropped"
	}
	reply(w, http.StatusOK, map[string]any{word: seqs})
}

func (s *Server) order(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	var c session.Command
	if read(w, r, &c) {
		after := sess.Rec.Last()
		s.taken(w, after, sess.Order(c))
	}
}

func (s *Server) raw(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	var c session.RawCommand
	if read(w, r, &c) {
		after := sess.Rec.Last()
		s.taken(w, after, sess.Raw(c, s.addr))
	}
}

func (s *Server) scenario(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	var c struct {
		Scenario string `json:"scenario"`
		Endpoint string `json:"endpoint"`
		Client   string `json:"client"`
		Round    int    `json:"round"`
	}
	if !read(w, r, &c) {
		return
	}
	sc, ok := s.chosen(w, c.Scenario, nil)
	if !ok {
		return
	}
	if c.Client == "" {
		fail(w, &session.CommandError{What: "The scenario's client has no name.", Fix: "Give it one, or begin a play."})
		return
	}
	after := sess.Rec.Last()
	_, err := sess.Play(session.PlayOrder{Scenario: sc, Endpoint: c.Endpoint, As: session.AsRaw, Pause: -1, Client: c.Client, Round: c.Round}, s.addr)
	s.taken(w, after, err)
}

// taken answers a command whose effect is recorded: every event of it comes
// after the one numbered after.
func (s *Server) taken(w http.ResponseWriter, after uint64, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]uint64{"after": after})
}

// done answers a command that has nothing to return.
func (s *Server) done(w http.ResponseWriter, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, struct{}{})
}

// dissected is a frame with its fields.
type dissected struct {
	Frame  *dissect.Frame  `json:"frame"`
	Fields []dissect.Field `json:"fields"`
}

const (
	maxDissected    = 500  // frames of one answer
	dissectedAtOnce = 1000 // bytes
)

func (s *Server) dissect(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Hex  string `json:"hex"`
		From string `json:"from"`
	}
	if !read(w, r, &ask) {
		return
	}
	from := wire.Client
	switch ask.From {
	case "server":
		from = wire.Server
	case "client", "":
	default:
		reply(w, http.StatusBadRequest, failure{Error: fmt.Sprintf("The sender cannot be %.40q.", ask.From), Fix: `It is "client" or "server".`})
		return
	}
	data, err := scenario.ParseHex(ask.Hex)
	if err != nil {
		fail(w, err)
		return
	}
	if len(data) == 0 {
		reply(w, http.StatusBadRequest, failure{Error: "There are no bytes.", Fix: "Paste the hex of a frame, for instance 81 05 48 65 6c 6c 6f."})
		return
	}
	talk := dissect.NewFrames()
	frames := []dissected{}
	rest, more := 0, false
	// Piece by piece, and no further than the answer goes.
	for at := 0; at < len(data) && !more; at += dissectedAtOnce {
		if r.Context().Err() != nil {
			return // nobody will read the answer
		}
		for _, it := range talk.Bytes(from, data[at:min(at+dissectedAtOnce, len(data))], true) {
			if it.Frame != nil {
				frames = append(frames, dissected{it.Frame, it.Frame.Fields()})
				rest = len(data) - at - it.End
			}
			if more = len(frames) == maxDissected && rest > 0; more {
				break
			}
		}
	}
	if !more {
		rest = 0
		if f := talk.End(from, dissect.NotThere); f != nil {
			frames = append(frames, dissected{f, f.Fields()})
		}
	}
	reply(w, http.StatusOK, map[string]any{"frames": frames, "rest": rest, "more": more})
}

func (s *Server) source(w http.ResponseWriter, r *http.Request) {
	site := r.URL.Query().Get("site")
	listing, err := s.Sites.Listing(site)
	if err != nil {
		reply(w, http.StatusNotFound, failure{Error: strings.TrimSuffix(err.Error(), ".") + ".", Fix: "Choose a field in a frame; its site is named there."})
		return
	}
	answer := struct {
		Site      string          `json:"site"`
		Reference lesson.Listing  `json:"reference"`
		Gorilla   *lesson.Listing `json:"gorilla"`
	}{Site: site, Reference: listing}
	if g, ok := lesson.GorillaListing(s.Gorilla, site); ok {
		answer.Gorilla = &g
	}
	reply(w, http.StatusOK, answer)
}

func (s *Server) connections(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, map[string]any{"connections": s.sessions.Connections()})
}

func (s *Server) noSuchAPI(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusNotFound, failure{Error: "There is nothing at " + clipped(r.Method, 40) + " " + clipped(r.URL.Path, 100) + ".", Fix: "README.md lists the requests that there are."})
}
