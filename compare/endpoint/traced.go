package endpoint

import (
	"bufio"
	"net"
	"net/http"
	"runtime"

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
	t.responds(status)
	t.ResponseWriter.WriteHeader(status)
}

func (t *traced) Write(p []byte) (int, error) {
	t.responds(http.StatusOK)
	return t.ResponseWriter.Write(p)
}

// responds records the stack of the first call that sets the status.
func (t *traced) responds(status int) {
	if t.written {
		return
	}
	t.written = true
	var calls [32]uintptr
	t.rec.Respond(status, calls[:runtime.Callers(3, calls[:])]) // begin with the caller of WriteHeader or Write
}
