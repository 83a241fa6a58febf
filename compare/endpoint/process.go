package endpoint

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"wslab/compare/recording"
	"wslab/reference/wire"
)

// processVariable, in its environment, makes a program that calls BeServer an
// endpoint's server.
const processVariable = "WSLAB_SERVER_PROCESS"

// startTimeout bounds how long a server's process may take to come up.
const startTimeout = 10 * time.Second

// BeServer makes this process a server of one endpoint, if it was started for
// that, and then does not return. Any program that runs scenarios must call it
// first of all, its TestMain included: a server that can be killed is this
// program once more.
//
// The server ends when its standard input does, so it never outlives the
// process that started it.
func BeServer() {
	name := os.Getenv(processVariable)
	if name == "" {
		return
	}
	if err := beServer(name); err != nil {
		fmt.Fprintln(os.Stderr, "server process:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func beServer(name string) error {
	e, err := Find(name)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go http.Serve(KeepReads(l), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		e.Serve(w, r, nil, func(Server) {})
	}))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// process is a server in a process of its own.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	addr  string
	kill  func()
}

// startProcess starts this program once more as the server called name.
func startProcess(name string) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), processVariable+"="+name)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, stdin: stdin}
	p.kill = sync.OnceFunc(func() {
		cmd.Process.Kill()
		stdin.Close()
		cmd.Wait()
	})
	late := time.AfterFunc(startTimeout, p.kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if !late.Stop() || err != nil {
		p.kill()
		return nil, fmt.Errorf("the server's process did not come up: %w; does its main call endpoint.BeServer first?", errors.Join(err, context.DeadlineExceeded))
	}
	p.addr = strings.TrimSpace(line)
	return p, nil
}

// performInProcess passes the connection on to e in a process of its own, octets,
// FIN and RST, as if the client were connected to it. The tap stands here.
func performInProcess(e Endpoint, w http.ResponseWriter, r *http.Request, rec *recording.Connection, opened func(Actor)) {
	call := rec.Enter("start the server's process", e.Name)
	p, err := startProcess(e.Name)
	call.Return("it listens", err)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer p.kill()
	far, err := net.DialTimeout("tcp", p.addr, startTimeout)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.Close()
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "This endpoint needs an HTTP/1.1 connection of its own: "+err.Error(), http.StatusNotImplemented)
		return
	}
	defer conn.Close()
	near := replay(conn, r, buf.Reader.Buffered())
	if near == nil {
		return
	}
	conn.SetDeadline(time.Time{})
	a := &processActor{plainActor{notServer{rec}, rec}, p, conn, far}
	opened(a)
	both := make(chan struct{})
	go func() {
		defer close(both)
		passOn(conn, far)
	}()
	passOn(far, near)
	<-both
}

// passOn copies from one end of a relay to the other until FIN, which it passes
// on, or until one of them fails, which it passes on as RST.
func passOn(to, from net.Conn) {
	_, err := io.Copy(onlyWriter{to}, onlyReader{from})
	if err == nil {
		if hc, ok := to.(interface{ CloseWrite() error }); ok {
			hc.CloseWrite()
		}
		return
	}
	reset(to)
	from.Close()
}

// onlyReader and onlyWriter keep io.Copy from asking the kernel to copy, past
// the tap.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// reset closes conn with RST.
func reset(conn net.Conn) {
	switch c := conn.(type) {
	case interface{ Reset() error }:
		c.Reset()
	case *net.TCPConn:
		c.SetLinger(0)
		c.Close()
	default:
		c.Close()
	}
}

// processActor is the server's end of a connection that leads to another
// process. It can be killed, and that is all.
type processActor struct {
	plainActor
	p         *process
	conn, far net.Conn
}

// Kill ends the process as kill -9 does. Its kernel closes its sockets.
func (a *processActor) Kill() error {
	call := a.rec.Enter("kill -9", "")
	a.p.kill()
	call.Return("the server's process is gone", nil)
	return nil
}

// End ends the relay.
func (a *processActor) End() {
	a.conn.Close()
	a.far.Close()
}

// notServer is a Server that cannot be told anything.
type notServer struct{ rec *recording.Connection }

const elsewhere = "its code is in another process"

func (s notServer) Send(wire.Opcode, ...[]byte) error { return cannot(s.rec, "send", elsewhere) }
func (s notServer) Control(wire.Opcode, []byte) error { return cannot(s.rec, "control", elsewhere) }
func (s notServer) Close(code wire.CloseCode, _ string) error {
	return cannot(s.rec, "close", elsewhere)
}
