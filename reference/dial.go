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
	// From here on ctx ends every wait by a deadline that has passed.
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

// shake sends the request, judges the response, and opens c as was agreed on.
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
			return nil, response, fmt.Errorf("read the response: %w", err)
		}
		response, err = parseResponse(head)
		if err != nil || response.Status/100 != 1 || response.Status == http.StatusSwitchingProtocols {
			return head, response, err
		}
	}
	return nil, response, fmt.Errorf("the server sent more than %d interim responses", maxInterim)
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
			return fmt.Errorf("the response does not begin with HTTP/ but with %q (% x)", all, all)
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

// tlsConfig completes config: HTTP/1.1 alone can be upgraded.
func tlsConfig(config *tls.Config, host string) *tls.Config {
	config = cmp.Or(config.Clone(), &tls.Config{})
	config.ServerName = cmp.Or(config.ServerName, host)
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{"http/1.1"}
	}
	return config
}
