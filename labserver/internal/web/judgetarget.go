package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/labserver/internal/session"
)

const dialTimeout = 5 * time.Second

// judged are the lab's own servers that can be judged.
var judged = []string{"reference", "gorilla", "naive"}

// ownTargets starts the endpoints called names and returns them as targets. stop
// ends them.
func ownTargets(names []string) (targets []suite.Target, stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	for _, name := range names {
		e, err := endpoint.Find(name)
		if err == nil {
			var addr string
			var end func()
			if addr, end, err = runner.Serve(e); err == nil {
				stops = append(stops, end)
				targets = append(targets, runner.TargetOf(name, addr))
				continue
			}
		}
		stop()
		return nil, nil, err
	}
	return targets, stop, nil
}

// foreignTarget reads the address of a server that the learner has written.
// Unless s.JudgeAny is set it must be of this machine: a page is not to make the
// lab dial elsewhere.
func (s *Server) foreignTarget(address string) (suite.Target, error) {
	var t suite.Target
	fix := "Write it like ws://localhost:9000/."
	if len(address) > 1000 {
		return t, &session.CommandError{What: "The address is too long.", Fix: fix}
	}
	u, err := url.Parse(strings.TrimSpace(address))
	switch {
	case err != nil:
		return t, &session.CommandError{What: fmt.Sprintf("%q is no address.", address), Fix: fix}
	case u.Scheme != "ws" && u.Scheme != "wss":
		return t, &session.CommandError{What: fmt.Sprintf("The address %q does not begin with ws:// or wss://.", address), Fix: fix}
	case u.Hostname() == "":
		return t, &session.CommandError{What: fmt.Sprintf("The address %q names no host.", address), Fix: fix}
	case u.User != nil:
		return t, &session.CommandError{What: "An address with a user's name cannot be judged.", Fix: "Leave what stands before the @ out."}
	case u.Fragment != "" || strings.Contains(address, "#"):
		return t, &session.CommandError{What: "A WebSocket address has no part behind a # (RFC 6455 §3).", Fix: "Leave it out."}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n == 0 {
		return t, &session.CommandError{What: fmt.Sprintf("%q is no port.", port), Fix: fix}
	}
	host := u.Hostname()
	if !s.JudgeAny && !isLoopback(host) {
		return t, &session.CommandError{
			What: fmt.Sprintf("%s is not this machine, and a page may have only servers of this machine judged.", host),
			Fix:  "Use localhost, 127.0.0.1 or [::1]; or start the lab server with -judge-any; or run go run ./compare judge -server " + u.String() + ".",
		}
	}
	if _, own, _ := net.SplitHostPort(s.addr); port == own && isLoopback(host) {
		return t, &session.CommandError{What: "That is this lab server itself.", Fix: "Its endpoints are in the matrix by their names."}
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	if !s.JudgeAny {
		dialer.Control = loopbackOnly
	}
	t = suite.Target{Name: u.Host, Host: u.Host, Path: u.RequestURI(), TLS: u.Scheme == "wss"}
	addr := net.JoinHostPort(host, port)
	t.Dial = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", addr) }
	if t.TLS {
		t.Dial = suite.OverTLS(t.Dial, &tls.Config{ServerName: host, NextProtos: []string{"http/1.1"}})
	}
	return t, nil
}

// isLoopback reports whether host is a name or address of this machine alone.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// loopbackOnly refuses to dial what a name has led to, if that is not this
// machine.
func loopbackOnly(_, address string, _ syscall.RawConn) error {
	ip, err := netip.ParseAddrPort(address)
	if err != nil || !ip.Addr().Unmap().IsLoopback() {
		return errors.New("it is not of this machine")
	}
	return nil
}
