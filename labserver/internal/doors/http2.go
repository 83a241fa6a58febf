package doors

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/scenario"
	"wslab/compare/tap"
)

// Exchange is one request to a port with TLS, and the result.
type Exchange struct {
	Client string     `json:"client"`          // both (a client of HTTP/2 and HTTP/1.1) or two (of HTTP/2 alone)
	What   string     `json:"what"`            // page, handshake, upgrade (a handshake without Connection), or fields (without Upgrade too)
	New    [][]string `json:"new"`             // for each TCP connection that the client opened: the protocols that it offered in TLS (ALPN)
	Proto  string     `json:"proto,omitempty"` // of the response
	Status int        `json:"status,omitempty"`
	Text   string     `json:"text,omitempty"`  // beginning of the body, unless it is a page or frames
	Error  string     `json:"error,omitempty"` // of the client; then there is no response
}

// Bounds of a run of HTTP2.
const (
	http2Timeout = 10 * time.Second
	maxText      = 400 // bytes
)

// HTTP2 opens a port with TLS, which net/http serves as it serves the door, and sends
// requests to it, with a client of both HTTP/2 and HTTP/1.1 and one of HTTP/2 alone. The port closes before HTTP2 returns.
func (d *Doors) HTTP2(ctx context.Context) ([]Exchange, error) {
	ctx, done, err := d.begin(ctx, http2Timeout)
	if err != nil {
		return nil, err
	}
	defer done()
	certificate, roots, err := selfSigned()
	if err != nil {
		return nil, err
	}
	way, err := newDoor()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	opened := [][]string{} // since the last exchange; guarded by mu
	server := &http.Server{
		Handler: d.http.Handler, ReadHeaderTimeout: http2Timeout, ErrorLog: d.http.ErrorLog,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{certificate},
			GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				mu.Lock()
				defer mu.Unlock()
				opened = append(opened, append([]string{}, hello.SupportedProtos...))
				return nil, nil // use the server's own
			},
		},
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.ServeTLS(way, "", "")
	}()
	defer func() {
		server.Close()
		<-ended
	}()

	// client returns a client of HTTP/2, and of HTTP/1.1 if one is true.
	client := func(one bool) *http.Transport {
		var p http.Protocols
		p.SetHTTP1(one)
		p.SetHTTP2(true)
		return &http.Transport{
			Protocols: &p, TLSClientConfig: &tls.Config{RootCAs: roots},
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return way.dial(ctx, func(nc net.Conn) *endpoint.Door { return &endpoint.Door{Conn: tap.New(nc)} })
			},
		}
	}
	both, two := client(true), client(false)
	defer both.CloseIdleConnections()
	defer two.CloseIdleConnections()
	base := "https://" + way.Addr().String()
	handshake := http.Header{}
	for _, f := range scenario.DefaultOpening().Fields {
		handshake.Set(f.Name, f.Value)
	}
	upgrade := handshake.Clone() // with Connection, Go's client never uses HTTP/2
	upgrade.Del("Connection")
	fields := upgrade.Clone()
	fields.Del("Upgrade")
	var all []Exchange
	for _, ask := range []struct {
		client, what string
		path         string
		header       http.Header
		by           *http.Transport
	}{
		{"both", "page", "/", http.Header{}, both},
		{"both", "handshake", endpoint.DoorPath, handshake, both},
		{"two", "upgrade", endpoint.DoorPath, upgrade, two},
		{"two", "fields", endpoint.DoorPath, fields, two},
	} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+ask.path, nil)
		if err != nil {
			return nil, err
		}
		r.Header = ask.header
		e := Exchange{Client: ask.client, What: ask.what}
		if response, err := ask.by.RoundTrip(r); err != nil {
			e.Error = err.Error()
		} else {
			e.Proto, e.Status = response.Proto, response.StatusCode
			if ask.what != "page" && response.StatusCode != http.StatusSwitchingProtocols {
				text, _ := io.ReadAll(io.LimitReader(response.Body, maxText))
				e.Text = string(text)
			}
			response.Body.Close()
		}
		mu.Lock()
		e.New, opened = opened, [][]string{}
		mu.Unlock()
		all = append(all, e)
	}
	return all, ctx.Err()
}

// selfSigned returns a certificate for 127.0.0.1 that is valid for an hour, and the roots
// with which a client accepts it.
func selfSigned() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots, nil
}
