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

// judged are the servers of the lab that a page can test.
var judged = endpoint.Names(endpoint.Named())

// ownTargets starts the endpoints called names and returns them. stop ends them.
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
			var t suite.Target
			var end func()
			if t, end, err = runner.Serve(e); err == nil {
				stops = append(stops, end)
				targets = append(targets, t)
				continue
			}
		}
		stop()
		return nil, nil, err
	}
	return targets, stop, nil
}

// maxServers limits how many learners' servers the lab remembers.
const maxServers = 1000

// learnersServers maps IDs to the servers whose addresses learners sent. Its zero value
// is ready to use.
type learnersServers struct {
	mu   sync.Mutex
	byID map[string]suite.Target
	ids  []string // oldest first
}

// add stores t under id and returns id.
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

// get returns the server with that ID.
func (l *learnersServers) get(id string) (suite.Target, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.byID[id]
	if !ok {
		return t, &session.CommandError{What: "The lab server does not know this server.", Fix: "On the page, press the button beside the address again. A program first sends the address to /api/judge/server."}
	}
	return t, nil
}

// foreignTarget returns the server at an address that a learner wrote. Unless s.JudgeAny
// is set, the address must be on this computer, so that a page cannot make the lab dial
// other computers.
func (s *Server) foreignTarget(ctx context.Context, address string) (suite.Target, error) {
	var t suite.Target
	fix := "Write the address like ws://localhost:9000/."
	if len(address) > 1000 {
		return t, &session.CommandError{What: "The address is longer than 1000 bytes.", Fix: fix}
	}
	u, err := uri.Parse(strings.TrimSpace(address))
	if err != nil {
		return t, &session.CommandError{What: fmt.Sprintf("The lab server cannot use the address %.60q: %v.", uri.WithoutUser(address), err), Fix: fix}
	}
	host, port, _ := net.SplitHostPort(u.Addr)
	if host != u.Name {
		return t, &session.CommandError{What: fmt.Sprintf("The address %.60q has a zone.", address), Fix: "Write the IPv6 address without the % and the text after it."}
	}
	n, _ := strconv.ParseUint(port, 10, 16) // the address is valid
	if !s.JudgeAny && !isLoopback(host) {
		return t, &session.CommandError{
			What: fmt.Sprintf("%.60s is not on this computer. A page may only test servers on this computer.", host),
			Fix:  "Use localhost, 127.0.0.1 or [::1]. To allow other computers, start the lab server with -judge-any, or run go run ./compare judge -server " + address + ".",
		}
	}
	// Check now, to report the mistake at once. mayDial checks again, because a name may
	// resolve to another address later.
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

// errSelf is the error for an address of the lab server itself.
var errSelf = &session.CommandError{What: "This is the address of the lab server itself.", Fix: "Its endpoints are already in the table, by their names."}

// errElsewhere is the error for an address that leads to another computer.
var errElsewhere = &session.CommandError{What: "The address leads to another computer.", Fix: "To test servers on other computers, start the lab server with -judge-any."}

// addresses returns the IP addresses of host. If host cannot be resolved within
// dialTimeout, it returns none, and dialing reports the error.
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

// lookup resolves a name. Tests replace it.
var lookup = net.DefaultResolver.LookupNetIP

// isLoopback reports whether host is a loopback address or localhost.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// mayDial refuses to dial the lab server itself and, unless s.JudgeAny is set, other
// computers. address is an IP address, to which a name was already resolved.
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

// isOfInterface reports whether this computer has the address ip.
func isOfInterface(ip netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(all, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().Unmap() == ip.WithZone("")
	})
}
