package web

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"wslab/compare/headers"
	"wslab/compare/outputs"
	"wslab/labserver/internal/session"
)

// headerMap is the frame header map of one endpoint, as JSON: the endpoint's reaction to
// every pair of bytes at the beginning of a frame.
type headerMap struct {
	Endpoint string           `json:"endpoint"`
	Role     string           `json:"role"`
	Runs     int              `json:"runs"`
	Outcomes []headerOutcome  `json:"outcomes"`
	Rules    [][]string       `json:"rules"` // the sets of rules that headers break
	Contexts []headerContexts `json:"contexts"`
}

// headerOutcome is an outcome, as a word and as a sentence.
type headerOutcome struct {
	Word     string `json:"word"`
	Sentence string `json:"sentence"`
}

// headerContexts has one byte for each header. JSON writes the bytes in base64.
type headerContexts struct {
	Name     string `json:"name"`
	Outcomes []byte `json:"outcomes"` // index in headerMap.Outcomes
	Marks    []byte `json:"marks"`    // 0 ✔, 1 ≈, 2 ×
	Broken   []byte `json:"broken"`   // index in headerMap.Rules
}

// headerMaps caches the JSON of maps.
var headerMaps = struct {
	sync.Mutex
	made map[string]*asset
}{made: map[string]*asset{}}

// mapOf returns the JSON of t's map. It reads the file that go run ./compare headers
// wrote. The 131,072 runs take some seconds, and their result is always the same.
func mapOf(ctx context.Context, t headers.Target) (*asset, error) {
	headerMaps.Lock()
	defer headerMaps.Unlock()
	if a := headerMaps.made[t.String()]; a != nil {
		return a, nil
	}
	file, err := outputs.Headers.Open("headers/" + t.String() + ".txt")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	sheet, err := headers.ReadText(file)
	if err != nil {
		return nil, err
	}
	m := headerMap{Endpoint: t.Endpoint, Role: t.Role.String(), Runs: headers.Count * len(headers.Contexts)}
	for _, o := range headers.Outcomes() {
		m.Outcomes = append(m.Outcomes, headerOutcome{o.String(), o.Sentence()})
	}
	sets := map[string]byte{}
	for _, c := range headers.Contexts {
		of := headerContexts{c.String(), make([]byte, headers.Count), make([]byte, headers.Count), make([]byte, headers.Count)}
		for n, o := range sheet[c] {
			if n%1000 == 0 && ctx.Err() != nil {
				return nil, ctx.Err() // the client has left, or the lab server ends
			}
			h := headers.At(n)
			broken := []string{}
			for _, v := range h.Broken(t.Sender(), c) {
				broken = append(broken, v.Code)
			}
			name := strings.Join(broken, " ")
			set, known := sets[name]
			if !known {
				if len(m.Rules) > 0xFF {
					return nil, fmt.Errorf("one byte cannot number %d sets of rules", len(m.Rules)+1)
				}
				set = byte(len(m.Rules))
				sets[name] = set
				m.Rules = append(m.Rules, broken)
			}
			of.Outcomes[n], of.Marks[n], of.Broken[n] = byte(o), byte(h.Judge(o, t.Sender(), c)), set
		}
		m.Contexts = append(m.Contexts, of)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	a := newAsset(body, "application/json")
	headerMaps.made[t.String()] = a
	return a, nil
}

func (s *Server) headerMap(r *http.Request, _ nothing) (any, error) {
	t, err := target(r.URL.Query().Get("endpoint"), r.URL.Query().Get("role"))
	if err != nil {
		return nil, err
	}
	a, err := mapOf(r.Context(), t)
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	if err != nil {
		return nil, &failure{Status: http.StatusInternalServerError, What: "The lab server cannot read the frame header map: " + err.Error() + ".", Fix: "Write it again with go run ./compare headers, and build the lab server again."}
	}
	return a, nil
}

// target returns the endpoint called endpoint in that role.
func target(endpoint, role string) (headers.Target, error) {
	t, err := headers.Find(endpoint, role)
	if err != nil {
		return t, missing(fmt.Sprintf("There is no frame header map of %.60q as %.20q.", endpoint, role), "Choose reference, gorilla or naive as server, or reference or gorilla as client.")
	}
	return t, nil
}

// headerAsk is a frame header and the endpoint to send it to.
type headerAsk struct {
	Header   string `json:"header"` // four hex digits
	Endpoint string `json:"endpoint"`
	Role     string `json:"role"`
	Context  string `json:"context"` // "fresh" or "fragmented"
}

// sendHeader sends one frame header to an endpoint over TCP. A new session records the
// connection, and the page then shows that session.
func (s *Server) sendHeader(r *http.Request, ask headerAsk) (any, error) {
	data, err := hex.DecodeString(ask.Header)
	if err != nil || len(data) != 2 {
		return nil, invalid(fmt.Sprintf("%.20q is not a frame header.", ask.Header), "Write its first two bytes as four hex digits, for instance 8185.")
	}
	c := headers.Fresh
	switch ask.Context {
	case "", headers.Fresh.String():
	case headers.Fragmented.String():
		c = headers.Fragmented
	default:
		return nil, invalid(fmt.Sprintf("%.20q is not a context.", ask.Context), `Use "fresh" or "fragmented".`)
	}
	t, err := target(ask.Endpoint, ask.Role)
	if err != nil {
		return nil, err
	}
	sess, err := s.sessions.New(routeOf(r), false)
	if err != nil {
		return nil, err
	}
	h := headers.Header(data)
	sending := session.Sending{Endpoint: t.Endpoint, Parts: [][]byte{h.Bytes(), headers.Probe(t.Sender())}}
	if before := c.Before(t.Sender()); before != nil {
		sending.Parts = append([][]byte{before}, sending.Parts...)
	}
	send := sess.SendToServer
	if t.Role.String() == "client" {
		send = sess.SendToClient
	}
	return map[string]any{"session": sess.ID}, send(sending, s.addr)
}
