package reference

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wslab/reference/wire"
)

func TestASlowHandshakeIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan error, 1)
		s := &Server{Handler: echoes, ErrorLog: func(err error) { told <- err }}
		l := newPipeListener()
		go s.Serve(l)
		nc := l.dial()
		start := time.Now()
		var writer sync.WaitGroup
		writer.Go(func() { // a byte every 0.9 s of the bubble's time, for as long as it is taken
			for i := range handshake {
				if _, err := nc.Write([]byte{handshake[i]}); err != nil {
					return
				}
				time.Sleep(900 * time.Millisecond)
			}
		})
		defer writer.Wait()
		err := <-told
		since(t, start, 5*time.Second)
		var he *HandshakeError
		if !errors.As(err, &he) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the server says %v", err)
		}
		must(s.Shutdown(t.Context()))
	})
}

func TestShutdownTells1001AndWaitsForTheHandlers(t *testing.T) {
	handlers, started := make(chan error, 2), make(chan bool, 2)
	s := &Server{Handler: func(c *Conn, _ wire.Head) {
		started <- true
		_, _, err := c.ReadMessage()
		handlers <- err
	}}
	var told []*Conn
	for _, url := range listen(t, s) {
		told = append(told, dialTest(t, url, nil))
	}
	ends := make(chan error, len(told))
	for _, c := range told {
		go func() {
			_, _, err := c.ReadMessage()
			ends <- err
		}()
	}
	for range told {
		<-started
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown gives %v", err)
	}
	for range told {
		var ce *CloseError
		if err := <-ends; !errors.As(err, &ce) || ce.Code != wire.GoingAway {
			t.Errorf("a client reads %v", err)
		}
		select {
		case err := <-handlers:
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("a handler reads %v", err)
			}
		default:
			t.Error("Shutdown did not wait for a handler")
		}
	}
}

func TestShutdownCutsOffWhoDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s := &Server{Handler: func(c *Conn, _ wire.Head) { c.ReadMessage() }}
		l := newPipeListener()
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		waiting, mute := l.dial(), l.dial()
		go io.WriteString(mute, handshake)
		go io.Copy(io.Discard, mute) // and never answers the Close
		synctest.Wait()
		start := time.Now()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown gives %v", err)
		}
		since(t, start, time.Second)
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve gives %v", err)
		}
		if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("a handshake that was waited for sees %v", err)
		}
		if err := s.Serve(newPipeListener()); !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve after Shutdown gives %v", err)
		}
	})
}

func TestAPanicEndsItsOwnConnectionAlone(t *testing.T) {
	logged := make(chan error, 2)
	s := &Server{ErrorLog: func(err error) { logged <- err }, Handler: func(c *Conn, _ wire.Head) {
		_, p, _ := c.ReadMessage()
		if string(p) == "panic" {
			panic("the test's")
		}
		_ = c.WriteMessage(wire.Text, p)
	}}
	for path, url := range listen(t, s) {
		bad, good := dialTest(t, url, nil), dialTest(t, url, nil)
		must(bad.WriteMessage(wire.Text, []byte("panic")))
		var ce *CloseError
		if _, _, err := bad.ReadMessage(); !errors.As(err, &ce) || ce.Code != wire.InternalServerError {
			t.Errorf("%s: the client reads %v", path, err)
		}
		if err := <-logged; !strings.Contains(err.Error(), "the test's") {
			t.Errorf("%s: the log says %v", path, err)
		}
		must(good.WriteMessage(wire.Text, []byte("x")))
		if _, p, err := good.ReadMessage(); err != nil || string(p) != "x" {
			t.Errorf("%s: another connection reads %q, %v", path, p, err)
		}
	}
}

func TestAPanicInTheHandshakeEndsItsOwnConnectionAlone(t *testing.T) {
	logged := make(chan error, 1)
	s := &Server{Handler: echoes, ErrorLog: func(err error) { logged <- err },
		CheckOrigin: func(request wire.Head) bool {
			if request.Target == "/origin" {
				panic("the test's secret")
			}
			return true
		}}
	url := listen(t, s)["TCP"]
	nc := rawDial(t, url, []byte(strings.Replace(handshake, "/chat", "/origin", 1)))
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 500 || strings.Contains(string(body), "secret") {
		t.Errorf("the answer is %d, %q, %v", resp.StatusCode, body, err)
	}
	must(nc.Close())
	if err := <-logged; !strings.Contains(err.Error(), "the test's secret") || !strings.Contains(err.Error(), "shutdown_test.go") {
		t.Errorf("the log says %v", err)
	}
	c := dialTest(t, url, nil)
	must(c.WriteMessage(wire.Text, []byte("x")))
	if _, p, err := c.ReadMessage(); err != nil || string(p) != "x" {
		t.Errorf("another connection reads %q, %v", p, err)
	}
	must(c.CloseNow())
}

func TestAPanicOfAnObserverInTheHandshakeEndsItsOwnConnectionAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := make(chan error, 1)
		l := newPipeListener()
		s := &Server{Handler: echoes, ErrorLog: func(err error) { logged <- err },
			Options: Options{Observe: func(Observation) { panic("the test's") }}}
		go s.Serve(l)
		for range 2 {
			nc := l.dial()
			sendAll(nc, []byte(handshake))
			if got, err := io.ReadAll(nc); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 101 ") || strings.Count(string(got), "HTTP/1.1") != 1 {
				t.Errorf("the client reads %q, %v", got, err)
			}
			if err := <-logged; !strings.Contains(err.Error(), "the test's") {
				t.Errorf("the log says %v", err)
			}
		}
		must(s.Shutdown(t.Context()))
	})
}
