package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/sse"
	"wslab/labserver/internal/hub"
	"wslab/labserver/internal/session"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// sessionOf returns the session that the path of r names.
func (s *Server) sessionOf(r *http.Request) (*session.Session, error) {
	sess, ok := s.sessions.Get(r.PathValue("id"))
	if !ok {
		return nil, missing("There is no session "+clipped(r.PathValue("id"), 40)+". It ended, or the lab server restarted.", "Reload the page to begin a new session.")
	}
	return sess, nil
}

func (s *Server) newSession(r *http.Request, _ nothing) (any, error) {
	sess, err := s.sessions.New(routeOf(r), false)
	if err != nil {
		return nil, err
	}
	return map[string]any{"session": sess.ID, "now": sess.Rec.Now().Microseconds()}, nil
}

func (s *Server) session(_ *http.Request, sess *session.Session, _ nothing) (any, error) {
	stack, sip := sess.Reading()
	return map[string]any{
		"session": sess.ID, "now": sess.Rec.Now().Microseconds(), "holding": sess.Holding(), "outside": sess.Outside,
		"stack": stack, "sip": sip,
	}, nil
}

func (s *Server) events(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	after, err := sse.Position(r)
	if err != nil {
		respond(w, r, nil, invalid("The stream cannot resume there: "+err.Error()+".", "To begin with the first event, send neither Last-Event-ID nor after."))
		return
	}
	defer sess.Watch()()
	hub.Stream(sess.Over(), w, r, sess.Rec, after)
}

func (s *Server) event(r *http.Request, sess *session.Session, _ nothing) (any, error) {
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 64)
	e, ok := sess.Rec.Event(seq)
	if err != nil || !ok {
		return nil, missing("This session has no event "+clipped(r.PathValue("seq"), 40)+". The number is wrong, or the lab dropped the event.", "Choose an event that is in the timeline.")
	}
	detail := struct {
		Event  recording.Event `json:"event"`
		Fields []dissect.Field `json:"fields"`
	}{Event: e, Fields: []dissect.Field{}}
	if f, ok := e.Body.(*dissect.Frame); ok {
		detail.Fields = f.Fields()
	}
	return detail, nil
}

func (s *Server) logText(w http.ResponseWriter, r *http.Request, sess *session.Session) {
	until := sess.Rec.Last()
	if q := r.URL.Query().Get("until"); q != "" {
		n, err := strconv.ParseUint(q, 10, 64)
		if err != nil {
			respond(w, r, nil, invalid(fmt.Sprintf("until=%.40q is not the number of an event.", q), "To get the whole log, leave until out."))
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

func (s *Server) script(_ *http.Request, sess *session.Session, reports []session.Report) (any, error) {
	return nothing{}, sess.Report(reports)
}

// valveAsk is a command to the valve. On is for "stack", and Bytes for "sip".
type valveAsk struct {
	Do      string   `json:"do"`
	Clients []string `json:"clients"`
	On      *bool    `json:"on"`
	Bytes   *int     `json:"bytes"`
}

func (s *Server) valve(_ *http.Request, sess *session.Session, ask valveAsk) (any, error) {
	switch {
	case ask.Do == "stack" && ask.On == nil:
		return nil, invalid("The command \"stack\" has no \"on\".", `Add "on": true or "on": false.`)
	case ask.Do == "sip" && ask.Bytes == nil:
		return nil, invalid("The command \"sip\" has no \"bytes\".", `Add "bytes", for instance 1. 0 means no limit.`)
	case ask.Do != "stack" && ask.On != nil, ask.Do != "sip" && ask.Bytes != nil:
		return nil, invalid(fmt.Sprintf("The command %.40q has neither \"on\" nor \"bytes\".", ask.Do), `Leave them out. "on" belongs to "stack", and "bytes" to "sip".`)
	case ask.Do == "stack":
		return nothing{}, sess.Stack(*ask.On, ask.Clients)
	case ask.Do == "sip":
		return nothing{}, sess.Sip(*ask.Bytes, ask.Clients)
	}
	seqs, err := sess.Valve(ask.Do, ask.Clients)
	if seqs == nil {
		seqs = []uint64{}
	}
	word := "released"
	if ask.Do == "drop" {
		word = "dropped"
	}
	return map[string]any{word: seqs}, err
}

func (s *Server) order(_ *http.Request, sess *session.Session, c session.Command) (any, error) {
	return after(sess, func() error { return sess.Order(c) })
}

func (s *Server) raw(_ *http.Request, sess *session.Session, c session.RawCommand) (any, error) {
	return after(sess, func() error { return sess.Raw(c, s.addr) })
}

// clientAsk has the message that a raw server sends to the client of a library: the bytes
// of Hex, or a text of Repeat letters.
type clientAsk struct {
	Client string `json:"client"`
	Hex    string `json:"hex"`
	Repeat int    `json:"repeat"`
}

// client has a library's client echo a message, as a client in this program.
func (s *Server) client(_ *http.Request, sess *session.Session, ask clientAsk) (any, error) {
	if (ask.Hex == "") == (ask.Repeat == 0) || ask.Repeat < 0 || ask.Repeat > endpoint.MaxMessage {
		return nil, invalid("The request needs either \"hex\" or \"repeat\".", fmt.Sprintf(`Use "hex" with the bytes to send, or "repeat" with a size from 1 to %d.`, endpoint.MaxMessage))
	}
	b, err := scenario.ParseHex(ask.Hex)
	if err != nil {
		return nil, err
	}
	if ask.Repeat > 0 {
		h := wire.Header{Fin: true, Opcode: wire.Text, Form: wire.FormFor(uint64(ask.Repeat)), Length: uint64(ask.Repeat)}
		b = append(h.Append(nil), bytes.Repeat([]byte("a"), ask.Repeat)...)
	}
	return after(sess, func() error {
		return sess.SendToClient(session.Sending{Endpoint: ask.Client, Parts: [][]byte{b}}, s.addr)
	})
}

// after runs do, a command whose effect is recorded. The answer has the number of the
// last event before do, so the page knows where to look for the effect.
func after(sess *session.Session, do func() error) (any, error) {
	last := sess.Rec.Last()
	return map[string]uint64{"after": last}, do()
}

// dissected is a frame with its fields.
type dissected struct {
	Frame  *dissect.Frame  `json:"frame"`
	Fields []dissect.Field `json:"fields"`
}

const (
	maxDissected    = 500  // maximum number of frames in one answer
	dissectedAtOnce = 1000 // bytes
)

// dissectAsk holds bytes, and their sender: "client" or "server".
type dissectAsk struct {
	Hex  string `json:"hex"`
	From string `json:"from"`
}

func (s *Server) dissect(r *http.Request, ask dissectAsk) (any, error) {
	from := wire.Client
	switch ask.From {
	case "server":
		from = wire.Server
	case "client", "":
	default:
		return nil, invalid(fmt.Sprintf("%.40q is not a sender.", ask.From), `Use "client" or "server".`)
	}
	data, err := scenario.ParseHex(ask.Hex)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, invalid("There are no bytes to decode.", "Paste the hex of a frame, for instance 81 05 48 65 6c 6c 6f.")
	}
	talk := dissect.NewFrames()
	frames := []dissected{}
	rest, more := 0, false
	// Decode in pieces, so that decoding stops at the last frame of the answer.
	for at := 0; at < len(data) && !more; at += dissectedAtOnce {
		if r.Context().Err() != nil {
			return nil, r.Context().Err() // the client has left
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
	return map[string]any{"frames": frames, "rest": rest, "more": more}, nil
}

// connections lists the connections of all sessions. With -host it lists only those of
// the session in the query, because anyone who has a session's ID can read the session.
func (s *Server) connections(r *http.Request, _ nothing) (any, error) {
	shared, own := len(s.Hosts) > 0, r.URL.Query().Get("session")
	list := s.sessions.Connections(func(sess *session.Session) bool { return !shared || sess.ID == own })
	return map[string]any{"connections": list, "shared": shared}, nil
}

func (s *Server) noSuchAPI(w http.ResponseWriter, r *http.Request) {
	respond(w, r, nil, missing("The lab server has no route "+clipped(r.Method, 40)+" "+clipped(r.URL.Path, 100)+".", "See the list of requests in labserver/README.md."))
}
