package naive

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bound returns the bound that ended a connection, or "".
func bound(err error) Bound {
	var stopped *Stopped
	if errors.As(err, &stopped) {
		return stopped.Bound
	}
	return ""
}

// TestAClientWaitsUntilTheOneBeforeItLeaves shows fault 32. leave is how the first client
// leaves.
func TestAClientWaitsUntilTheOneBeforeItLeaves(t *testing.T) {
	for _, test := range []struct {
		is          string
		leave       func(net.Conn)
		after       time.Duration // the first client leaves
		first, then Bound
		took        time.Duration // time of the second client
	}{
		{"with a Close frame", func(c net.Conn) { io.WriteString(c, masked(0x88, "")) }, time.Second / 2, "", Errors, time.Second / 2},
		{"without a Close frame", func(c net.Conn) { c.Close() }, time.Second / 2, Errors, Accept, time.Second / 2},
		{"by a panic", func(c net.Conn) { io.WriteString(c, bytesOf("81 ff 00 00 00 00 00 00 00 05 37 fa 21 3d")) }, time.Second / 2, Panic, Accept, time.Second / 2},
		{"too late", func(c net.Conn) { c.Close() }, time.Minute, Errors, Accept, time.Second},
	} {
		t.Run(test.is, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p Program
				var work sync.WaitGroup
				defer work.Wait()
				ours, theirs := net.Pipe()
				work.Go(func() {
					if err := p.Serve(ours, Options{Limits: Limits{Wait: time.Hour}}); bound(err) != test.first {
						t.Errorf("the first client: %v", err)
					}
				})
				go io.Copy(io.Discard, theirs)
				io.WriteString(theirs, request)
				time.AfterFunc(test.after, func() { test.leave(theirs) })

				ours2, theirs2 := net.Pipe()
				work.Go(func() {
					begin := time.Now()
					reads := 0
					err := p.Serve(ours2, Options{Call: func(name, _ string, _ []byte) func(string, error) {
						if name == "Read" {
							reads++
						}
						return func(string, error) {}
					}})
					if bound(err) != test.then || time.Since(begin) != test.took {
						fails(t, 32, []any{err, time.Since(begin)})
					}
					if served := reads > 0; served != (test.then == Errors) {
						fails(t, 32, reads)
					}
				})
				go func() {
					if _, err := io.WriteString(theirs2, request); err == nil {
						theirs2.Read(make([]byte, 1024))
						theirs2.Close()
					}
				}()
			})
		})
	}
}

func TestAfterItsLastClientTheServerStartsAgain(t *testing.T) {
	var p Program
	for range 3 {
		s := &script{chunks: []string{request, masked(0x81, "Hello")}}
		if err := p.Serve(s, Options{Limits: Limits{Errors: 1}}); bound(err) != Errors || !strings.HasSuffix(s.written.String(), "\x81\x05Hello") {
			t.Errorf("%q, %v", s.written.String(), err)
		}
	}
}

func TestAMessageAfterTheServersCloseIsWritten(t *testing.T) {
	s := &script{chunks: []string{request, masked(0x88, "")}}
	var server *Server
	if err := Serve(s, Options{Opened: func(opened *Server) { server = opened }}); err != nil || !s.closed {
		t.Fatal(err)
	}
	writes := 0
	server.c.call = func(name, _ string, _ []byte) func(string, error) {
		return func(_ string, err error) {
			if name == "Write" && err != nil {
				writes++
			}
		}
	}
	if err := server.Send([]byte("more")); err != nil || writes != 2 {
		fails(t, 33, []any{err, writes})
	}
}

// closedTwice returns the error of a socket that is closed already.
type closedTwice struct{ *script }

func (c closedTwice) Close() error {
	if c.closed {
		return &net.OpError{Op: "close", Net: "tcp", Err: net.ErrClosed}
	}
	return c.script.Close()
}

func TestClosingASecondTimePanics(t *testing.T) {
	var server *Server
	s := closedTwice{&script{chunks: []string{request, masked(0x88, "")}}}
	if err := Serve(s, Options{Opened: func(opened *Server) { server = opened }}); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); bound(err) != Panic || !strings.Contains(err.Error(), "interface conversion") {
		fails(t, 34, err)
	}
}
