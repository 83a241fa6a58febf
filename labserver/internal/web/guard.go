package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"wslab/reference/uri"
)

// policy is the page's Content-Security-Policy: everything from here, nothing
// inline, no frame, no form to elsewhere. %s is the origin of its WebSockets.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self' %s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard lets through requests that are meant for this server and come from
// none but its own pages. A web page elsewhere can make a browser send requests
// here, by name (DNS rebinding: Host) or across origins (Origin); programs that
// are no browser send no Origin and are served.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.isOwn(r.Host) {
			refuse(w, fmt.Sprintf("The Host %.100q is not one of this lab server's own.", r.Host),
				"Use localhost, 127.0.0.1 or [::1]; or start the lab server with -host and that name.")
			return
		}
		if origin := r.Header.Values("Origin"); len(origin) > 0 {
			if len(origin) > 1 || !isOwnOrigin(origin[0], r.Host) {
				refuse(w, fmt.Sprintf("The Origin %.100q is not this lab server's own: another web page may not drive the lab.", strings.Join(origin, ", ")),
					"Open the lab at http://"+r.Host+"/ itself. A program outside a browser sends no Origin.")
				return
			}
		} else if isForeign(r) {
			refuse(w, "This request comes from another web page, which may not drive the lab.", "Open the lab at http://"+r.Host+"/ itself.")
			return
		}
		if strings.HasPrefix(r.URL.Path, "/ws/") {
			// What an endpoint answers is under study, so nothing is added to it.
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", fmt.Sprintf(policy, "ws://"+r.Host))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// refuse answers 403 with the reason, as text for whoever is there.
func refuse(w http.ResponseWriter, what, fix string) {
	w.Header().Set("Connection", "close")
	http.Error(w, what+"\n"+fix, http.StatusForbidden)
}

// isOwn reports whether host, with or without a port, names this server: a
// loopback address, localhost, the address that it listens on, or a name given
// by flag.
func (s *Server) isOwn(host string) bool {
	if !uri.IsHost(host) {
		return false // no part of it may get into a header field or a page
	}
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		name = h
	}
	if uri.SameOrigin([]string{"http://" + host}, s.addr) {
		return true // an address cannot be rebound as a name can
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.IsLoopback() {
		return true
	}
	return slices.ContainsFunc(s.Hosts, func(own string) bool { return strings.EqualFold(own, name) })
}

// isForeign reports whether a browser says that r was made by a page of
// another origin, as for an image or a form, which may come without Origin.
// Such a page may lead here by a link, and ask for nothing but a page.
func isForeign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	link := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate"
	return !link || strings.HasPrefix(r.URL.Path, "/ws/") || strings.HasPrefix(r.URL.Path, "/api/")
}

// isOwnOrigin reports whether origin is a page of the server at host.
func isOwnOrigin(origin, host string) bool {
	scheme, _, _ := strings.Cut(origin, "://")
	return strings.EqualFold(scheme, "http") && uri.SameOrigin([]string{origin}, host)
}
