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
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// processVariable in the environment of a program that calls BeServer makes it the
// server of an endpoint.
const processVariable = "WSLAB_SERVER_PROCESS"

// startTimeout bounds the start of a server's process.
const startTimeout = 10 * time.Second

// BeServer makes this process the server of one endpoint, if the process was started for
// that. It then does not return. A server that can be killed is a second process of the
// same program. So any program that runs scenarios must call BeServer first, and so must
// its TestMain.
//
// The server ends when its standard input ends, so it never outlives the process that
// started it.
func BeServer() {
	name := os.Getenv(processVariable)
	if name == "" {
		return
	}
	serve := beServer
	if way, ok := strings.CutPrefix(name, idlePrefix); ok {
		name, serve = way, beIdle
	}
	if err := serve(name); err != nil {
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
	server := &http.Server{
		ReadHeaderTimeout: startTimeout,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			report(c.(*tap.Conn))
			return ctx
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			e.Serve(w, r, nil, func(Server) {})
		}),
	}
	go Tapped(server, nil)(l)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// report writes a line to standard output whenever c's code waits in a read. The line has
// the number of bytes that the code has read and written.
func report(c *tap.Conn) {
	changed := make(chan struct{}, 1)
	c.Watch(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	go func() {
		for range changed {
			if s := c.Status(); s.Reading {
				fmt.Println(s.In, s.Out)
			}
		}
	}()
}

// process is a server in a process of its own, for one connection.
type process struct {
	addr string
	kill func()

	mu      sync.Mutex
	in, out int64 // numbers of the last report
	gone    bool
	changed func()
}

// follow reads the reports of the process until it ends.
func (p *process) follow(reports *bufio.Reader) {
	for {
		line, err := reports.ReadString('\n')
		p.mu.Lock()
		p.gone = err != nil
		fmt.Sscan(line, &p.in, &p.out)
		changed := p.changed
		p.mu.Unlock()
		if changed != nil {
			changed()
		}
		if err != nil {
			return
		}
	}
}

// startProcess starts a second process of this program, as the server called name.
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
	p, reports, followed := &process{}, bufio.NewReader(stdout), make(chan struct{})
	p.kill = sync.OnceFunc(func() {
		cmd.Process.Kill()
		stdin.Close()
		<-followed // Wait must follow the last read
		cmd.Wait()
	})
	late := time.AfterFunc(startTimeout, func() { cmd.Process.Kill() })
	line, err := reports.ReadString('\n')
	go func() {
		defer close(followed)
		p.follow(reports)
	}()
	if !late.Stop() || err != nil {
		p.kill()
		return nil, fmt.Errorf("the server's process did not start: %w. Its main must call endpoint.BeServer first", errors.Join(err, context.DeadlineExceeded))
	}
	p.addr = strings.TrimSpace(line)
	return p, nil
}

// performInProcess relays the connection to e, which is in a process of its own. It
// relays bytes, FIN and RST, as if the client were connected to that process. The tap is
// in this process.
func performInProcess(e Endpoint, w http.ResponseWriter, r *http.Request, rec *recording.Connection, opened func(Actor)) {
	call := rec.Enter(recording.Doing{Verb: recording.VerbOther, Name: "start the server's process", Args: e.Name})
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
	a := &processActor{plainActor{notServer{rec}, rec}, p, conn, far, make(chan struct{})}
	opened(a)
	go func() {
		defer close(a.silent)
		passOn(conn, far)
	}()
	passOn(far, near)
	<-a.silent
}

// passOn copies bytes from one end of a relay to the other, and passes FIN on. If one end
// fails, passOn sends RST to the other.
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

// onlyReader and onlyWriter hide methods. With these methods, io.Copy would let the
// kernel copy, past the tap.
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

// processActor is the server's end of a connection to another process, which can
// only be killed.
type processActor struct {
	plainActor
	p         *process
	conn, far net.Conn
	silent    chan struct{} // closed when the process sends no more bytes and its FIN or RST was passed on
}

// Rests reports whether the process is idle. It then has read everything from the relay
// and waits for more, and all its bytes have reached the client. Watch sets a function
// that is called when that may have changed.
func (a *processActor) Rests(line tap.Status) bool {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	return a.p.gone || a.p.in == line.In && a.p.out == line.Out
}

func (a *processActor) Watch(changed func()) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.p.changed = changed
}

// Kill ends the process as kill -9 does. Its kernel closes its sockets.
func (a *processActor) Kill() error {
	call := a.rec.Enter(closes("kill -9", "", recording.Writes{}))
	a.p.kill()
	<-a.silent
	call.Return("the server's process is gone", nil)
	return nil
}

// End ends the relay.
func (a *processActor) End() {
	a.conn.Close()
	a.far.Close()
}

// notServer is a Server that obeys no order.
type notServer struct{ rec *recording.Connection }

const elsewhere = "the server's code is in another process"

func (s notServer) Send(wire.Opcode, ...[]byte) error { return cannot(s.rec, "send", elsewhere) }
func (s notServer) Control(wire.Opcode, []byte) error { return cannot(s.rec, "control", elsewhere) }
func (s notServer) Close(code wire.CloseCode, _ string) error {
	return cannot(s.rec, "close", elsewhere)
}
