package web

import (
	"errors"
	"net/http"

	"wslab/labserver/internal/doors"
	"wslab/labserver/internal/session"
)

// doors starts a run of raw clients on the listeners of lesson 10.
func (s *Server) doorRun(_ *http.Request, sess *session.Session, run session.DoorRun) (any, error) {
	after := sess.Rec.Last()
	clients, err := sess.Doors(s.doors, run)
	return map[string]any{"after": after, "clients": clients}, err
}

// doorHTTP2 sends requests to a port with TLS, by HTTP/2 and by HTTP/1.1.
func (s *Server) doorHTTP2(r *http.Request, _ struct{}) (any, error) {
	exchanges, err := s.doors.HTTP2(r.Context())
	if err != nil {
		return nil, &failure{Status: http.StatusInternalServerError, What: "The run with HTTP/2 failed: " + err.Error() + ".", Fix: "Run it again."}
	}
	return map[string]any{"exchanges": exchanges}, nil
}

// doorMemory measures the memory of idle connections.
func (s *Server) doorMemory(r *http.Request, _ struct{}) (any, error) {
	ways, err := s.doors.Memory(r.Context())
	switch {
	case errors.Is(err, doors.ErrBusy):
		return nil, &failure{Status: http.StatusConflict, What: "Another page of the lab measures the memory now.", Fix: "Try again in a few seconds."}
	case err != nil:
		return nil, &failure{Status: http.StatusInternalServerError, What: "The measurement failed: " + err.Error() + ".", Fix: "Measure again."}
	}
	return map[string]any{"ways": ways}, nil
}
