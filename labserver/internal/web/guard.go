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

// policy is the page's Content-Security-Policy: all content from this server, no inline
// script, no frame, no form. %s is the origin of its WebSockets.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self' %s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard accepts requests for this server from its own pages and from programs. A page of
// another site can make a browser send requests here, by DNS rebinding (see Host) or
// across origins (see Origin), and guard refuses those. Programs send no Origin.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.isOwn(r.Host) {
			refuse(w, fmt.Sprintf("The Host %.100q is not a name of this lab server.", r.Host),
				"Use localhost, 127.0.0.1 or [::1]. To allow another name, start the lab server with -host and that name.")
			return
		}
		if origin := r.Header.Values("Origin"); len(origin) > 0 {
			if (len(origin) > 1 || !isOwnOrigin(origin[0], r.Host)) && !s.byRawClient(r) {
				refuse(w, fmt.Sprintf("The Origin %.100q is not an origin of this lab server. A page of another site may not control the lab.", strings.Join(origin, ", ")),
					"Open the lab at http://"+r.Host+"/ and use it there. A program outside a browser should send no Origin.")
				return
			}
		} else if isForeign(r) {
			refuse(w, "This request comes from a page of another site, which may not control the lab.", "Open the lab at http://"+r.Host+"/ and use it there.")
			return
		}
		if strings.HasPrefix(r.URL.Path, "/ws/") {
			// The learner studies the response of an endpoint, so guard adds nothing to
			// it.
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

// byRawClient reports whether a raw client of a session opens a WebSocket by r. A raw
// client may send any Origin: the learner studies how an endpoint reacts to it.
func (s *Server) byRawClient(r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, "/ws/") {
		return false
	}
	sess, ok := s.sessions.Get(r.URL.Query().Get("session"))
	return ok && sess.Dialed(r.RemoteAddr)
}

// refuse sends a response with status 403 and the reason as text.
func refuse(w http.ResponseWriter, what, fix string) {
	w.Header().Set("Connection", "close")
	http.Error(w, what+"\n"+fix, http.StatusForbidden)
}

// isOwn reports whether host, with or without a port, names this server: a loopback
// address, localhost, the address that it listens on, or a name from -host.
func (s *Server) isOwn(host string) bool {
	if !uri.IsHost(host) {
		return false // such a host must not get into a header field or a page
	}
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		name = h
	}
	if uri.SameOrigin([]string{"http://" + host}, s.addr) {
		return true // a page cannot use an IP address for DNS rebinding
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

// isForeign reports whether a page of another origin made the request r, for instance by
// an image or a form, whose requests have no Origin. Such a page may only link to our
// pages.
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
