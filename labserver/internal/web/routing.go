package web

import (
	"net/http"
	"regexp"
)

// routeField is the header field by which a proxy in front of several lab servers
// says with which of them a request was routed. Every ID that the answer brings begins
// with its value and a dot, so the proxy can route the requests that have the ID, in
// their path or query, to the same lab server.
const routeField = "Lab-Route"

var routeForm = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// routeOf returns the route that r brings, "" where it has none that can be in a path.
func routeOf(r *http.Request) string {
	if v := r.Header.Get(routeField); routeForm.MatchString(v) {
		return v
	}
	return ""
}
