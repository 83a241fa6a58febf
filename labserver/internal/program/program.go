// Package program is the program labserver: its flags, its listeners and its start. It is
// a package of its own, so that tests in other packages can start the lab server too.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"wslab/compare/endpoint"
	"wslab/compare/scenario"
	"wslab/labserver/internal/lesson"
	"wslab/labserver/internal/session"
	"wslab/labserver/internal/web"
	"wslab/lessons"
	"wslab/reference/uri"
	"wslab/static"
)

// Bounds of -memory in MiB. minMemory has room for the sessions of a classroom if little
// happens in each.
const (
	minMemory = 16
	maxMemory = math.MaxInt >> 20
)

// config holds the values of the flags.
type config struct {
	addr  string
	open  bool
	dev   bool
	any   bool
	hosts []string

	memory int // MiB
}

// Run starts the lab server with the flags args. It returns when ctx ends, or with the
// error that stopped the lab server. After -h the error is flag.ErrHelp.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parse(args, stderr)
	if err != nil {
		return err
	}
	server, err := newServer(c, stderr)
	if err != nil {
		return err
	}
	listeners, err := listen(c.addr)
	if err != nil {
		return err
	}
	home := "http://" + listeners[0].Addr().String() + "/"
	if ip := listeners[0].Addr().(*net.TCPAddr).AddrPort().Addr(); !ip.Unmap().IsLoopback() {
		fmt.Fprintf(stderr, "wslab: warning: other computers can reach %s. Anyone who can reach the lab can control it, and can make it connect to WebSocket servers on this computer.\n", c.addr)
		home = "http://" + net.JoinHostPort(c.hosts[0], strconv.Itoa(listeners[0].Addr().(*net.TCPAddr).Port)) + "/"
	}
	fmt.Fprintln(stdout, "wslab:", home)
	if c.open {
		if err := openBrowser(home); err != nil {
			fmt.Fprintf(stderr, "wslab: could not open a browser (%v). Open %s yourself.\n", err, home)
		}
	}
	return server.Serve(ctx, listeners...)
}

// parse reads the flags. Its error is one line.
func parse(args []string, stderr io.Writer) (config, error) {
	var c config
	var hosts string
	flags := flag.NewFlagSet("labserver", flag.ContinueOnError)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on. Port 0 chooses a free port")
	flags.BoolVar(&c.open, "open", true, "open a browser at the start")
	flags.BoolVar(&c.dev, "dev", false, "read the folders lessons and static again for each request")
	flags.BoolVar(&c.any, "judge-any", false, "let the page test servers on other computers too")
	flags.IntVar(&c.memory, "memory", session.DefaultMemory>>20, "limit of all recordings together, in `MiB`. At the limit, the lab drops recordings that have ended, oldest first")
	flags.StringVar(&hosts, "host", "", "additional host `names` of the lab, separated by commas. Required when other computers can reach -addr")
	flags.SetOutput(io.Discard)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "usage: go run ./labserver [flags]")
			flags.SetOutput(stderr)
			flags.PrintDefaults()
			return c, err
		}
		return c, fmt.Errorf("%w. To list the flags: go run ./labserver -h", err)
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q. To list the flags: go run ./labserver -h", flags.Arg(0))
	}
	if c.memory < minMemory || c.memory > maxMemory {
		return c, fmt.Errorf("-memory %d is out of range. Use a number of MiB from %d to %d", c.memory, minMemory, maxMemory)
	}
	for name := range strings.SplitSeq(hosts, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if strings.ContainsAny(name, ":/;,") || !uri.IsHost(name) {
			return c, fmt.Errorf("-host %q is not a host name. Write a name such as lab.example, without a port", name)
		}
		c.hosts = append(c.hosts, name)
	}
	host, _, err := net.SplitHostPort(c.addr)
	if err != nil {
		return c, fmt.Errorf("-addr %q is not host:port. Write it like 127.0.0.1:8080", c.addr)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) && len(c.hosts) == 0 {
		return c, fmt.Errorf("other computers can reach -addr %q. Add -host with the names of this lab, or listen on 127.0.0.1", c.addr)
	}
	return c, nil
}

// listen listens on addr. For 127.0.0.1 and localhost it also listens on [::1] with the
// same port, because browsers resolve localhost to either address.
func listen(addr string) ([]net.Listener, error) {
	host, port, _ := net.SplitHostPort(addr)
	if host == "localhost" {
		host = "127.0.0.1"
	}
	// With port 0, the chosen port may be in use on the other address. Try again then.
	for range 10 {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return nil, listenError(addr, err)
		}
		if host != "127.0.0.1" {
			return []net.Listener{l}, nil
		}
		chosen := l.Addr().(*net.TCPAddr).Port
		l6, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(chosen)))
		switch {
		case err == nil:
			return []net.Listener{l, l6}, nil
		case !errors.Is(err, syscall.EADDRINUSE):
			return []net.Listener{l}, nil // this computer has no IPv6
		}
		l.Close()
		if port != "0" {
			return nil, listenError(net.JoinHostPort("::1", port), err)
		}
	}
	return nil, fmt.Errorf("no port is free on both 127.0.0.1 and [::1]. Choose one with -addr")
}

func listenError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program, perhaps another lab server, is using %s. Choose another port with -addr, or any free port with -addr 127.0.0.1:0", addr)
	}
	return fmt.Errorf("cannot listen on %s: %w", addr, err)
}

// newServer loads lessons, scenarios and sources, and returns a lab server with them.
func newServer(c config, stderr io.Writer) (*web.Server, error) {
	lessonFiles, pageFiles := fs.FS(lessons.Files), fs.FS(static.Files)
	if c.dev {
		var err error
		if lessonFiles, err = folder("lessons"); err != nil {
			return nil, err
		}
		if pageFiles, err = folder("static"); err != nil {
			return nil, err
		}
	}
	sites, err := lesson.Resolve(lesson.Sources)
	if err != nil {
		return nil, err
	}
	options := lesson.Options{Sites: sites, GorillaDir: gorillaDir()}
	for _, m := range endpoint.Mistakes {
		options.Mistakes = append(options.Mistakes, m.Name)
	}
	return web.New(web.Options{
		Course:    func() (*lesson.Course, error) { return lesson.Load(lessonFiles, options) },
		Scenarios: func() ([]*scenario.Scenario, error) { return scenario.Load(lessonFiles, "scenarios") },
		Sites:     sites, Gorilla: options.GorillaDir, Std: stdDir(), Static: pageFiles,
		Dev: c.dev, JudgeAny: c.any, Hosts: c.hosts, Memory: c.memory << 20, Log: log.New(stderr, "wslab: ", 0),
	})
}

// folder returns the files of dir for -dev. It does not follow a link that leads out of
// dir.
func folder(dir string) (fs.FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("-dev reads the folder %s, which does not exist here. Run the lab server in the top folder of the repository", dir)
	}
	return root.FS(), nil
}

// gorillaDir returns the folder of gorilla's source. It returns "" if this computer does
// not have the source, for instance because the program was built on another computer.
func gorillaDir() string {
	file := endpoint.GorillaSource()
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return filepath.Dir(file)
}

// stdDir returns the folder of the standard library's source, or "" if this computer does
// not have it.
func stdDir() string {
	f := runtime.FuncForPC(reflect.ValueOf(net.Listen).Pointer())
	file, _ := f.FileLine(f.Entry()) // SRC/net/dial.go
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return filepath.Dir(filepath.Dir(file))
}

// openBrowser asks the desktop to open url.
func openBrowser(url string) error {
	command := map[string][]string{"darwin": {"open"}, "windows": {"rundll32", "url.dll,FileProtocolHandler"}}[runtime.GOOS]
	if command == nil {
		command = []string{"xdg-open"}
	}
	cmd := exec.Command(command[0], append(command[1:], url)...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // otherwise the process stays as a zombie
	return nil
}
