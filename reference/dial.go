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
	"time"

	"wslab/reference/uri"
	"wslab/reference/wire"
)

// maxBody is the maximum number of bytes kept from the body of a refusal.
const maxBody = 1 << 10

// bodyTimeout bounds the wait for those bytes.
const bodyTimeout = time.Second

// DialOptions configure Dial. The zero value and nil mean the defaults.
type DialOptions struct {
	// Header has more header fields for the request, such as Origin, Cookie or
	// Authorization. Fields that the handshake itself writes are an error.
	Header http.Header

	// Subprotocols to offer, the preferred one first.
	Subprotocols []string

	// NetDial opens the TCP connection. Default: net.Dialer's DialContext.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)

	// TLSConfig is used for wss. Default: the system's certificates and the
	// URL's host name.
	TLSConfig *tls.Config

	// Timeout bounds all of Dial, including TCP and TLS. Default: 10 s.
	Timeout time.Duration

	// Key returns the 16 bytes of Sec-WebSocket-Key. Default: crypto/rand.
	Key func() [wire.KeySize]byte

	Options Options
}

// Dial opens a connection to a URL with the scheme ws or wss (RFC 6455 §3,
// §4.1). If the server refuses, redirects or breaks a rule, the error is a
// *HandshakeError. Dial does not follow redirects. After Dial has returned, ctx does not
// affect the connection.
//
// RFC 6455 §4.1 allows only one handshake to an IP address at a time. Dial leaves that
// to the caller: the rule protects servers from scripts in browsers, and a program that
// dials many servers must not wait for a silent one. A program that runs other people's
// code should enforce the rule.
func Dial(ctx context.Context, rawURL string, o *DialOptions) (c *Conn, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("dial %.200s: %w", uri.WithoutUser(rawURL), err)
		}
	}()
	o = cmp.Or(o, &DialOptions{})
	// 1. The URL, and the request that it makes.
	u, err := uri.Parse(rawURL)
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
	tcp, err := netDial(ctx, "tcp", u.Addr)
	if err != nil {
		return nil, err
	}
	// From here on, ctx ends every wait by setting a deadline in the past.
	stop := context.AfterFunc(ctx, func() { _ = tcp.SetDeadline(time.Unix(1, 0)) })
	nc := tcp
	if u.TLS {
		tc := tls.Client(tcp, tlsConfig(o.TLSConfig, u.Name))
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

// shake sends the request, judges the response and opens c.
func (c *Conn) shake(o *DialOptions, request wire.Head) error {
	if _, err := c.nc.Write(appendRequest(request)); err != nil {
		return &HandshakeError{Err: fmt.Errorf("send the request: %w", err)}
	}
	r := bufio.NewReader(c.nc)
	agreed, head, err := o.agree(request, r)
	if refused, ok := err.(*HandshakeError); ok && refused.Err == nil && refused.Status != http.StatusSwitchingProtocols {
		_ = c.nc.SetReadDeadline(c.m.o.Now().Add(bodyTimeout))
		refused.Body = refusalBody(head, r)
	}
	if err == nil {
		c.opened(agreed, r)
	}
	return err
}

// maxInterim is the maximum number of interim responses.
const maxInterim = 10

// readAnswer reads the head of the response and skips interim responses: 100 Continue,
// 103 Early Hints (RFC 9110 §15.2).
func readAnswer(r *bufio.Reader) (head []byte, response wire.Head, err error) {
	for range maxInterim {
		if err = awaitHTTP(r); err == nil {
			head, err = readHead(r)
		}
		if err != nil {
			return nil, response, fmt.Errorf("read the response: %w", err)
		}
		response, err = parseResponse(head)
		if err != nil || response.Status/100 != 1 || response.Status == http.StatusSwitchingProtocols {
			return head, response, err
		}
	}
	return nil, response, fmt.Errorf("the server sent more than %d interim responses", maxInterim)
}

// awaitHTTP waits for the first bytes of a status line. It fails at once if they cannot
// start one: a server of another protocol may never send a whole line.
func awaitHTTP(r *bufio.Reader) error {
	const begin = "HTTP/"
	for n := 1; n <= len(begin); n++ {
		if b, err := r.Peek(n); err != nil {
			if errors.Is(err, io.EOF) && len(b) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		} else if string(b) != begin[:n] {
			all, _ := r.Peek(min(r.Buffered(), maxShown)) // bytes that are buffered can always be peeked at
			return fmt.Errorf("the response does not begin with HTTP/ but with %q (% x)", all, all)
		}
	}
	return nil
}

// maxShown is the maximum number of bytes that an error quotes.
const maxShown = 32

// refusalBody reads the start of the body of a plain HTTP response, which often says why
// the server refused.
func refusalBody(head []byte, rest io.Reader) []byte {
	rest = io.LimitReader(rest, 2*maxBody) // chunked encoding adds some bytes for the sizes
	response, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(head), rest)), nil)
	if err != nil {
		return nil
	}
	defer response.Body.Close()                                   // this reads to the end of the body, which is near
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxBody)) // returns the bytes that have arrived
	return body
}

// tlsConfig completes config. Only HTTP/1.1 can be upgraded.
func tlsConfig(config *tls.Config, host string) *tls.Config {
	config = cmp.Or(config.Clone(), &tls.Config{})
	config.ServerName = cmp.Or(config.ServerName, host)
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{"http/1.1"}
	}
	return config
}
