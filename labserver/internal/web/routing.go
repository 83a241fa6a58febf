package web

import (
	"net/http"
	"regexp"
)

// routeField is a header field that a proxy in front of several lab servers adds. The
// proxy chooses the lab server by its value. Every ID in the response begins with the
// value and a dot, so the proxy can send later requests with the ID, which is in their
// path or query, to the same lab server.
const routeField = "Lab-Route"

var routeForm = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// routeOf returns the value of routeField in r, "" if it is missing or malformed.
func routeOf(r *http.Request) string {
	if v := r.Header.Get(routeField); routeForm.MatchString(v) {
		return v
	}
	return ""
}
