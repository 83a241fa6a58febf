package runner_test

import (
	"net"
	"net/http"
	"testing"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/reference"
	"wslab/reference/wire"
)

// The judged reference reads its requests itself. In the lab, net/http reads the request
// first.
func TestTheReferenceBehindNetHTTPKeepsToTheHandshakeStrictly(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &reference.Server{Options: reference.Options{Extension: reference.Deflate{}}, Handler: func(c *reference.Conn, _ wire.Head) {
		for {
			op, p, err := c.ReadMessage()
			if err != nil || c.WriteMessage(op, p) != nil {
				return
			}
		}
	}}
	front := &http.Server{Handler: server, ReadHeaderTimeout: endpoint.IdleTimeout}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = front.Serve(l)
	}()
	defer func() {
		front.Close()
		_ = server.Shutdown(t.Context())
		<-done
	}()
	cases, err := suite.Match(suite.ForRole(suite.All(), wire.Server), "4.*", "9.1", "11.3", "7692-7.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runner.Judge(t.Context(), cases, []suite.Target{runner.TargetOf("reference", l.Addr().String())}, 0, nil) {
		if w := r.Worst(); w == suite.Warning || w == suite.Fail {
			t.Errorf("%s: %s, closing %s: %s\n\texpected %s\n\tgot      %s", r.Case, r.Verdict, r.Closing, r.Reason, r.Expected, r.Got)
		}
	}
}
