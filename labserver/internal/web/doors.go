package web

import (
	"errors"
	"net/http"

	"wslab/labserver/internal/doors"
	"wslab/labserver/internal/session"
)

// doorRun starts a run of raw clients on the listeners of lesson 10.
func (s *Server) doorRun(_ *http.Request, sess *session.Session, run session.DoorRun) (any, error) {
	after := sess.Rec.Last()
	clients, err := sess.Doors(s.doors, run)
	return map[string]any{"after": after, "clients": clients}, err
}

// doorHTTP2 sends requests to a port with TLS, over HTTP/2 and HTTP/1.1.
func (s *Server) doorHTTP2(r *http.Request, _ struct{}) (any, error) {
	exchanges, err := s.doors.HTTP2(r.Context())
	return map[string]any{"exchanges": exchanges}, doorFailure(err)
}

// doorMemory measures the memory of idle connections.
func (s *Server) doorMemory(r *http.Request, _ struct{}) (any, error) {
	ways, err := s.doors.Memory(r.Context())
	return map[string]any{"ways": ways}, doorFailure(err)
}

func doorFailure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, doors.ErrBusy):
		return &failure{Status: http.StatusConflict, What: "Other pages of the lab do this now.", Fix: "Try again in a few seconds."}
	}
	return &failure{Status: http.StatusInternalServerError, What: "The run failed: " + err.Error() + ".", Fix: "Run it again."}
}
