package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/labserver/internal/session"
	"wslab/reference/uri"
)

const dialTimeout = 5 * time.Second

// judged are the lab's own servers that can be judged.
var judged = endpoint.Names(endpoint.Named())

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

// maxServers bounds the learners' servers that are remembered.
const maxServers = 1000

// learnersServers are the servers whose addresses learners sent, by the IDs that
// their pages received for them. Its zero value is ready.
type learnersServers struct {
	mu   sync.Mutex
	byID map[string]suite.Target
	ids  []string // oldest first
}

// add remembers t by an ID, and returns the ID.
func (l *learnersServers) add(id string, t suite.Target) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID == nil {
		l.byID = map[string]suite.Target{}
	}
	if len(l.ids) == maxServers {
		delete(l.byID, l.ids[0])
		l.ids = l.ids[1:]
	}
	l.byID[id] = t
	l.ids = append(l.ids, id)
	return id
}

// get returns the server that add gave the ID.
func (l *learnersServers) get(id string) (suite.Target, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.byID[id]
	if !ok {
		return t, &session.CommandError{What: "The lab server does not have the address of this server, or no longer.", Fix: "Press Judge it beside the address. A program sends the address to /api/judge/server first."}
	}
	return t, nil
}

// foreignTarget reads the address of a server that the learner has written.
// Unless s.JudgeAny is set it must be of this machine: a page is not to make the
// lab dial elsewhere.
func (s *Server) foreignTarget(ctx context.Context, address string) (suite.Target, error) {
	var t suite.Target
	fix := "Write it like ws://localhost:9000/."
	if len(address) > 1000 {
		return t, &session.CommandError{What: "The address is too long.", Fix: fix}
	}
	u, err := uri.Parse(strings.TrimSpace(address))
	if err != nil {
		return t, &session.CommandError{What: fmt.Sprintf("The address %.60q cannot be used: %v.", uri.WithoutUser(address), err), Fix: fix}
	}
	host, port, _ := net.SplitHostPort(u.Addr)
	if host != u.Name {
		return t, &session.CommandError{What: fmt.Sprintf("The address %.60q has a zone.", address), Fix: "Write an IPv6 address without % and what follows it."}
	}
	n, _ := strconv.ParseUint(port, 10, 16) // it is valid
	if !s.JudgeAny && !isLoopback(host) {
		return t, &session.CommandError{
			What: fmt.Sprintf("%.60s is not this machine, and a page may have only servers of this machine judged.", host),
			Fix:  "Use localhost, 127.0.0.1 or [::1]; or start the lab server with -judge-any; or run go run ./compare judge -server " + address + ".",
		}
	}
	// A name may lead elsewhere later, so mayDial looks again at what is dialed; it is
	// looked at here to say so at once.
	for _, ip := range addresses(ctx, host) {
		if s.isSelf(netip.AddrPortFrom(ip, uint16(n))) {
			return t, errSelf
		}
	}
	dialer := &net.Dialer{Timeout: dialTimeout, Control: s.mayDial}
	t = suite.Target{Name: u.Host, Host: u.Host, Path: u.Target, TLS: u.TLS}
	t.Dial = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", u.Addr) }
	if t.TLS {
		t.Dial = suite.OverTLS(t.Dial, &tls.Config{ServerName: host, NextProtos: []string{"http/1.1"}})
	}
	return t, nil
}

// errSelf is why the lab server is not judged by its address.
var errSelf = &session.CommandError{What: "That is this lab server itself.", Fix: "Its endpoints are in the matrix by their names."}

// errElsewhere is why a name that led to this machine is not dialed any more.
var errElsewhere = &session.CommandError{What: "The address leads to another machine.", Fix: "Start the lab server with -judge-any to have servers of other machines judged."}

// addresses returns those that host is, or that it is resolved to within
// dialTimeout; none where it cannot be resolved, which dialing reports.
func addresses(ctx context.Context, host string) []netip.Addr {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	ips, _ := lookup(ctx, "ip", host)
	return ips
}

// lookup resolves a name. Tests have another.
var lookup = net.DefaultResolver.LookupNetIP

// isLoopback reports whether host is a name or address of this machine alone.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// mayDial refuses to dial an address, which a name was resolved to, if that is the lab
// server itself or, unless s.JudgeAny is set, not of this machine.
func (s *Server) mayDial(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	switch {
	case err != nil || !s.JudgeAny && !a.Addr().Unmap().IsLoopback():
		return errElsewhere
	case s.isSelf(a):
		return errSelf
	}
	return nil
}

// isSelf reports whether a connection to a would be accepted by s.
func (s *Server) isSelf(a netip.AddrPort) bool {
	ip := a.Addr().Unmap()
	return slices.ContainsFunc(s.listening, func(l netip.AddrPort) bool {
		own := l.Addr().Unmap()
		switch {
		case l.Port() != a.Port():
			return false
		case own.IsUnspecified():
			return ip.IsUnspecified() || ip.IsLoopback() || isOfInterface(ip)
		}
		return own == ip || ip.IsUnspecified() && own.IsLoopback()
	})
}

// isOfInterface reports whether this machine has the address ip.
func isOfInterface(ip netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(all, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().Unmap() == ip.WithZone("")
	})
}
