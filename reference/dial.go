package reference

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wslab/reference/wire"
)

// maxBody is the bytes that are kept of the body of a response that refuses.
const maxBody = 1 << 10

// bodyTimeout bounds how long they are waited for.
const bodyTimeout = time.Second

// DialOptions of Dial. The zero value, and nil, stand for the defaults.
type DialOptions struct {
	// Header holds further fields of the request, such as Origin, Cookie or
	// Authorization. What the handshake writes itself is refused.
	Header http.Header

	// Subprotocols to offer, the preferred one first.
	Subprotocols []string

	// NetDial opens the TCP connection. Default: net.Dialer's DialContext.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)

	// TLSConfig is used for wss. Default: the system's certificates and the
	// URL's host name.
	TLSConfig *tls.Config

	// Timeout bounds Dial as a whole, TCP and TLS included, where ctx does not
	// end sooner. Default: 10 s.
	Timeout time.Duration

	// Key returns the 16 bytes of Sec-WebSocket-Key. Default: crypto/rand.
	Key func() [wire.KeySize]byte

	Options Options
}

// Dial opens a connection to a URL with the scheme ws or wss (RFC 6455 §3,
// §4.1). A server that refuses, redirects or answers wrongly gives a
// *HandshakeError; redirects are not followed. Once Dial has returned, the end
// of ctx means nothing to the connection.
//
// One handshake to an IP address at a time, as §4.1 asks for, is left to the
// caller. The rule protects servers from scripts in browsers; a program that
// dials many servers must not wait behind one that is silent. Who runs the code
// of others should see to it.
func Dial(ctx context.Context, rawURL string, o *DialOptions) (c *Conn, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("dial %.200s: %w", withoutUser(rawURL), err)
		}
	}()
	if o == nil {
		o = &DialOptions{}
	}
	// 1. The URL, and the request that it makes.
	u, addr, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	request, err := o.request(u)
	if err != nil {
		return nil, err
	}

	// 2. The TCP connection, and TLS on it.
	ctx, cancel := context.WithTimeout(ctx, timeout(o.Timeout, 10*time.Second))
	defer cancel()
	netDial := new(net.Dialer).DialContext
	if o.NetDial != nil {
		netDial = o.NetDial
	}
	tcp, err := netDial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	// From here on ctx ends every wait by a deadline that has passed.
	stop := context.AfterFunc(ctx, func() { _ = tcp.SetDeadline(time.Unix(1, 0)) })
	nc := tcp
	if u.Scheme == "wss" {
		tc := tls.Client(tcp, tlsConfig(o.TLSConfig, withoutZone(u.Hostname())))
		nc, err = tc, tc.HandshakeContext(ctx)
	}

	// 3. The handshake, and the connection that it opens.
	c = newConn(nc, wire.Client, o.Options)
	if err == nil {
		err = c.shake(o, request)
	}
	if !stop() {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		c.shut("the opening handshake failed")
		return nil, err
	}
	return c, nil
}

// shake sends the request, judges the response, and opens c as was agreed on.
func (c *Conn) shake(o *DialOptions, request wire.Head) error {
	if _, err := c.nc.Write(appendRequest(request)); err != nil {
		return &HandshakeError{Err: fmt.Errorf("send the request: %w", err)}
	}
	r := bufio.NewReader(c.nc)
	head, response, err := readAnswer(r)
	if err != nil {
		return &HandshakeError{Status: response.Status, Head: response, Err: err}
	}
	agreed, err := o.agree(request, response)
	if refused, ok := err.(*HandshakeError); ok && response.Status != http.StatusSwitchingProtocols {
		_ = c.nc.SetReadDeadline(c.m.o.Now().Add(bodyTimeout))
		refused.Body = refusalBody(head, r)
	}
	if err == nil {
		c.opened(agreed, r)
	}
	return err
}

// maxInterim bounds the answers before the answer.
const maxInterim = 10

// readAnswer reads the head of the answer to the request, behind any interim
// ones: 100 Continue, 103 Early Hints (RFC 9110 §15.2).
func readAnswer(r *bufio.Reader) (head []byte, response wire.Head, err error) {
	for range maxInterim {
		if err = awaitHTTP(r); err == nil {
			head, err = readHead(r)
		}
		if err != nil {
			return nil, response, fmt.Errorf("read the answer: %w", err)
		}
		response, err = parseResponse(head)
		if err != nil || response.Status/100 != 1 || response.Status == http.StatusSwitchingProtocols {
			return head, response, err
		}
	}
	return nil, response, fmt.Errorf("the server gives more than %d interim answers", maxInterim)
}

// awaitHTTP waits for the first bytes of a status line. Bytes that cannot begin one
// fail at once: a server that speaks another protocol may send no line at all.
func awaitHTTP(r *bufio.Reader) error {
	const begin = "HTTP/"
	for n := 1; n <= len(begin); n++ {
		if b, err := r.Peek(n); err != nil {
			if errors.Is(err, io.EOF) && len(b) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		} else if string(b) != begin[:n] {
			all, _ := r.Peek(min(r.Buffered(), maxShown)) // what is buffered can be peeked at
			return fmt.Errorf("the answer does not begin with HTTP/ but with %q (% x)", all, all)
		}
	}
	return nil
}

// maxShown is the bytes that an error shows of what is no HTTP.
const maxShown = 32

// refusalBody reads the beginning of the body behind the head of a plain HTTP
// response: it often says in words what is wrong.
func refusalBody(head []byte, behind io.Reader) []byte {
	behind = io.LimitReader(behind, 2*maxBody) // the sizes of chunks take some
	response, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(head), behind)), nil)
	if err != nil {
		return nil
	}
	defer response.Body.Close()                                   // it reads to the end, which is near
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxBody)) // as much as came
	return body
}

// schemePorts are the ports where a URL names none.
var schemePorts = map[string]string{"ws": "80", "wss": "443"}

// parseURL reads a URL of the schemes ws and wss and gives the address to dial
// (RFC 6455 §3).
func parseURL(s string) (u *url.URL, addr string, err error) {
	u, err = url.Parse(s)
	var broken *url.Error
	if errors.As(err, &broken) {
		err = broken.Err // without the URL, which may hold a password
	}
	if err != nil && strings.Contains(s, "@") {
		err = errors.New("the URL cannot be read")
	}
	if err != nil {
		return nil, "", err
	}
	port := schemePorts[u.Scheme]
	switch {
	case port == "":
		return nil, "", fmt.Errorf("the scheme is %q, and ws or wss was expected", u.Scheme)
	case u.Hostname() == "":
		return nil, "", errors.New("the URL has no host")
	case strings.Contains(s, "#"):
		return nil, "", errors.New("the URL has a fragment identifier, which a WebSocket URL must not have")
	case u.User != nil:
		return nil, "", errors.New("the URL has a user name; send an Authorization header instead")
	case !wire.IsTarget(u.RequestURI()):
		return nil, "", errors.New("the URL has a character that must be percent-encoded")
	case !wire.IsHost(hostField(u)):
		return nil, "", fmt.Errorf("the host %.60q is not one; write a name beyond ASCII in its ASCII form, xn--…", u.Host)
	}
	return u, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)), nil
}

// hostField returns the Host for u: the port only where it is not the scheme's, and
// no zone, which means something on this machine alone (RFC 6874 §4).
func hostField(u *url.URL) string {
	host := strings.TrimSuffix(u.Host, ":") // a port may be empty
	host = strings.TrimSuffix(host, ":"+schemePorts[u.Scheme])
	if address, port, ok := strings.Cut(host, "]"); ok {
		host = withoutZone(address) + "]" + port
	}
	return host
}

// withoutZone returns an IPv6 address without its zone.
func withoutZone(address string) string {
	if strings.Contains(address, ":") {
		address, _, _ = strings.Cut(address, "%")
	}
	return address
}

// withoutUser returns a URL without user name and password, for an error. Where it
// cannot be read, all before the last @ may be part of them.
func withoutUser(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" {
		return s[strings.LastIndex(s, "@")+1:]
	}
	if u.User != nil {
		u.User = nil
		return u.String()
	}
	return s
}

// tlsConfig completes config: HTTP/1.1 alone can be upgraded.
func tlsConfig(config *tls.Config, host string) *tls.Config {
	if config = config.Clone(); config == nil {
		config = &tls.Config{}
	}
	config.ServerName = cmp.Or(config.ServerName, host)
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{"http/1.1"}
	}
	return config
}
