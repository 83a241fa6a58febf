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
	"runtime"
	"strconv"
	"strings"
	"time"

	"wslab/reference"
	"wslab/reference/wire"
)

// idlePrefix before the name of an IdleWay makes BeServer a server whose memory MeasureIdle
// measures.
const idlePrefix = "idle/"

// An IdleWay is a way to serve idle WebSockets of package reference.
type IdleWay string

// The ways.
const (
	IdleListener IdleWay = "listener" // Server.Serve on a TCP listener
	IdleServer   IdleWay = "server"   // Server.ServeHTTP on net/http, which returns after the handshake
	IdleUpgrader IdleWay = "upgrader" // Upgrader.Upgrade, and an echo within the handler of net/http
)

// IdleWays are all ways.
var IdleWays = []IdleWay{IdleListener, IdleServer, IdleUpgrader}

// listen serves w on l.
func (w IdleWay) listen(l net.Listener) error {
	echo := func(c *reference.Conn) {
		defer c.CloseNow()
		for {
			op, p, err := c.ReadMessage()
			if err != nil || c.WriteMessage(op, p) != nil {
				return
			}
		}
	}
	server := &reference.Server{Handler: func(c *reference.Conn, _ wire.Head) { echo(c) }}
	var upgrader reference.Upgrader
	overHTTP := &http.Server{ReadHeaderTimeout: startTimeout}
	switch w {
	case IdleListener:
		return server.Serve(l)
	case IdleServer:
		overHTTP.Handler = server
	case IdleUpgrader:
		overHTTP.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := upgrader.Upgrade(w, r); err == nil {
				echo(c)
			}
		})
	default:
		return fmt.Errorf("there is no way %q to serve idle connections", w)
	}
	return overHTTP.Serve(l)
}

// beIdle serves the way called name. It prints its address and then, for each line of
// standard input, the bytes that the Go runtime uses for the heap and for stacks.
func beIdle(name string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- IdleWay(name).listen(l) }()
	fmt.Println(l.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		select {
		case err := <-failed:
			return err
		default:
		}
		var m runtime.MemStats
		for range 3 { // goroutines of a handshake may still be ending
			runtime.GC()
			time.Sleep(20 * time.Millisecond)
		}
		runtime.ReadMemStats(&m)
		fmt.Println(m.HeapInuse + m.StackInuse)
	}
	return nil
}

// MeasureIdle serves way in a process of its own, opens so many connections to it, sends
// one message on each and receives its echo. It returns by how many bytes the memory of
// the process then grew for each connection. When ctx ends, so does the process.
func MeasureIdle(ctx context.Context, way IdleWay, connections int) (perConnection int, err error) {
	program, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), processVariable+"="+idlePrefix+string(way))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		err = errors.Join(err, cmd.Wait())
	}()
	lines := bufio.NewReader(stdout)
	line := func() (string, error) {
		s, err := lines.ReadString('\n')
		return strings.TrimSpace(s), err
	}
	used := func() (int, error) {
		if _, err := io.WriteString(stdin, "\n"); err != nil {
			return 0, err
		}
		s, err := line()
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(s)
	}
	addr, err := line()
	if err != nil {
		return 0, fmt.Errorf("the server's process did not start: %w. Its main must call endpoint.BeServer first", err)
	}
	warm, err := openIdle(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer warm.CloseNow()
	before, err := used()
	if err != nil {
		return 0, err
	}
	for range connections {
		nc, err := openIdle(ctx, addr)
		if err != nil {
			return 0, err
		}
		defer nc.CloseNow()
	}
	after, err := used()
	if err != nil {
		return 0, err
	}
	return (after - before) / connections, nil
}

// openIdle opens a WebSocket and exchanges one message on it.
func openIdle(ctx context.Context, addr string) (*reference.Conn, error) {
	c, err := reference.Dial(ctx, "ws://"+addr+"/", &reference.DialOptions{})
	if err != nil {
		return nil, err
	}
	err = c.WriteMessage(wire.Text, []byte("Hello"))
	if err == nil {
		_, _, err = c.ReadMessage()
	}
	if err != nil {
		c.CloseNow()
		return nil, err
	}
	return c, nil
}
