package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"wslab/compare/scenario"
	"wslab/labserver/internal/session"
)

// failure is an error as the API reports it: what happened, and what to do now.
type failure struct {
	Status int    `json:"-"`
	What   string `json:"error"`
	Fix    string `json:"fix"`
	At     *int   `json:"at,omitempty"` // index of the mistake in the text that the client sent
}

// Error returns what happened.
func (f *failure) Error() string { return f.What }

// invalid is the failure of a request with a mistake in it.
func invalid(what, fix string) error {
	return &failure{Status: http.StatusBadRequest, What: what, Fix: fix}
}

// missing is the failure of a request that names something that does not exist.
func missing(what, fix string) error {
	return &failure{Status: http.StatusNotFound, What: what, Fix: fix}
}

// failureOf returns err as the API reports it.
func failureOf(err error) *failure {
	var f *failure
	var command *session.CommandError
	var hex *scenario.HexError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &command):
		return &failure{Status: http.StatusConflict, What: command.What, Fix: command.Fix}
	case errors.As(err, &hex):
		return &failure{Status: http.StatusBadRequest, What: "This text is not hex: " + hex.Error() + ".", Fix: "Write each byte as two digits from 0–9 and a–f. You may put white space between bytes.", At: &hex.At}
	}
	return &failure{Status: http.StatusBadRequest, What: err.Error()}
}

// respond writes v as JSON, or err if it is not nil. An *asset is already JSON.
func respond(w http.ResponseWriter, r *http.Request, v any, err error) {
	status := http.StatusOK
	if err != nil {
		f := failureOf(err)
		status, v = f.Status, f
	}
	if a, ok := v.(*asset); ok {
		a.serve(w, r)
		return
	}
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

// decode reads the request's body into v.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		err = errors.New("there is more text after the JSON value")
	}
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return &failure{Status: http.StatusRequestEntityTooLarge, What: fmt.Sprintf("The request body is longer than %d bytes.", tooLong.Limit), Fix: "Send less in one request."}
	}
	return invalid("The request body is not the JSON that this route expects: "+clipped(err.Error(), 200)+".", "See the list of requests in labserver/README.md.")
}

// nothing is the request of a route that needs only its path and query, and the answer
// of a route that returns nothing.
type nothing struct{}

// answer makes a handler of h. h receives the decoded request and returns the answer.
func answer[Q any](h func(r *http.Request, ask Q) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var ask Q
		var v any
		var err error
		if _, none := any(ask).(nothing); !none {
			err = decode(w, r, &ask)
		}
		if err == nil {
			v, err = h(r, ask)
		}
		respond(w, r, v, err)
	}
}

// with makes a handler of h for a route whose path names a session or a run. find looks
// it up.
func with[T, Q any](find func(*http.Request) (T, error), h func(r *http.Request, of T, ask Q) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		of, err := find(r)
		if err != nil {
			respond(w, r, nil, err) // the body is not read
			return
		}
		answer(func(r *http.Request, ask Q) (any, error) { return h(r, of, ask) })(w, r)
	}
}

// found is like with for a handler that writes its own response.
func found[T any](find func(*http.Request) (T, error), next func(http.ResponseWriter, *http.Request, T)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if of, err := find(r); err != nil {
			respond(w, r, nil, err)
		} else {
			next(w, r, of)
		}
	}
}
