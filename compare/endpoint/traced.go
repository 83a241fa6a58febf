package endpoint

import (
	"bufio"
	"net"
	"net/http"

	"wslab/compare/recording"
)

// Traced returns w for the handler of a connection that rec records. rec receives the
// calls that lead to a response of net/http. net/http sends its bytes only after the
// handler has returned, so the stack of that Write does not show who refused the request.
func Traced(w http.ResponseWriter, rec *recording.Connection) http.ResponseWriter {
	return &traced{ResponseWriter: w, rec: rec}
}

type traced struct {
	http.ResponseWriter
	rec     *recording.Connection
	written bool
}

// Unwrap is for http.ResponseController.
func (t *traced) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// Hijack is for gorilla, which does not use http.ResponseController.
func (t *traced) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(t.ResponseWriter).Hijack()
}

func (t *traced) WriteHeader(status int) {
	if !t.written {
		t.written = true
		t.rec.Respond(status)
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *traced) Write(p []byte) (int, error) {
	if !t.written {
		t.written = true
		t.rec.Respond(http.StatusOK)
	}
	return t.ResponseWriter.Write(p)
}
