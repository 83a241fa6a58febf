// Labserver serves the lessons, the page and the WebSockets under study, and
// opens a browser on them.
package main

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
	"os/signal"
	"path/filepath"
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

func main() {
	endpoint.BeServer() // a scenario's server that can be killed is this program once more
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "wslab:", err)
		os.Exit(2)
	}
}

// Bounds of -memory in MiB. Less than minMemory would not do for the sessions of a
// classroom, however little happens in each.
const (
	minMemory = 16
	maxMemory = math.MaxInt >> 20
)

// config is what the flags say.
type config struct {
	addr  string
	open  bool
	dev   bool
	any   bool
	hosts []string

	memory int // MiB
}

// run is main with its surroundings passed in. It returns when ctx ends or
// when the lab server cannot go on.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
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
		fmt.Fprintf(stderr, "wslab: warning: %s can be reached from other machines, and whoever reaches it can drive the lab\n", c.addr)
		home = "http://" + net.JoinHostPort(c.hosts[0], strconv.Itoa(listeners[0].Addr().(*net.TCPAddr).Port)) + "/"
	}
	fmt.Fprintln(stdout, "wslab:", home)
	if c.open {
		if err := openBrowser(home); err != nil {
			fmt.Fprintf(stderr, "wslab: no browser could be opened (%v); open %s yourself\n", err, home)
		}
	}
	return server.Serve(ctx, listeners...)
}

// parse reads the flags; what is wrong with them comes back as one line.
func parse(args []string, stderr io.Writer) (config, error) {
	var c config
	var hosts string
	flags := flag.NewFlagSet("labserver", flag.ContinueOnError)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 takes a free one")
	flags.BoolVar(&c.open, "open", true, "open a browser")
	flags.BoolVar(&c.dev, "dev", false, "read lessons and page from the folders lessons and static at every request")
	flags.BoolVar(&c.any, "judge-any", false, "let the page have servers of other machines judged, too")
	flags.IntVar(&c.memory, "memory", session.DefaultMemory>>20, "most `MiB` that all recordings together may take; when they reach it, the oldest that are over go first")
	flags.StringVar(&hosts, "host", "", "more `names`, separated by commas, by which the server may be called; needed when -addr is not a loopback address")
	flags.SetOutput(io.Discard)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "usage: go run ./labserver [flags]")
			flags.SetOutput(stderr)
			flags.PrintDefaults()
			return c, err
		}
		return c, fmt.Errorf("%w; go run ./labserver -h lists the flags", err)
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q; go run ./labserver -h lists the flags", flags.Arg(0))
	}
	if c.memory < minMemory || c.memory > maxMemory {
		return c, fmt.Errorf("-memory %d is not a number of MiB from %d to %d", c.memory, minMemory, maxMemory)
	}
	for name := range strings.SplitSeq(hosts, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if strings.ContainsAny(name, ":/;,") || !uri.IsHost(name) {
			return c, fmt.Errorf("-host %q is not a name alone, as in lab.example; -addr says the port", name)
		}
		c.hosts = append(c.hosts, name)
	}
	host, _, err := net.SplitHostPort(c.addr)
	if err != nil {
		return c, fmt.Errorf("-addr %q is not host:port, as in 127.0.0.1:8080", c.addr)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) && len(c.hosts) == 0 {
		return c, fmt.Errorf("-addr %q can be reached from other machines; say with -host by which names, or use 127.0.0.1", c.addr)
	}
	return c, nil
}

// listen listens on addr, and where that is 127.0.0.1 or localhost, on [::1]
// with the same port too: a browser takes either for localhost.
func listen(addr string) ([]net.Listener, error) {
	host, port, _ := net.SplitHostPort(addr)
	if host == "localhost" {
		host = "127.0.0.1"
	}
	// With port 0, another program may have the port that was chosen on the other
	// address; then another is chosen.
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
			return []net.Listener{l}, nil // no IPv6 on this machine
		}
		l.Close()
		if port != "0" {
			return nil, listenError(net.JoinHostPort("::1", port), err)
		}
	}
	return nil, fmt.Errorf("no port is free on both 127.0.0.1 and [::1]; give one with -addr")
}

func listenError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is taken by another program (another lab server?); choose another port with -addr, or -addr 127.0.0.1:0 for any free one", addr)
	}
	return fmt.Errorf("cannot listen on %s: %w", addr, err)
}

// newServer reads lessons, scenarios and sources and makes the lab server.
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
		Sites:     sites, Gorilla: options.GorillaDir, Static: pageFiles,
		Dev: c.dev, JudgeAny: c.any, Hosts: c.hosts, Memory: c.memory << 20, Log: log.New(stderr, "wslab: ", 0),
	})
}

// folder returns the files of dir for -dev. A link that leads out of it is not
// followed.
func folder(dir string) (fs.FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("-dev reads the folder %s, which is not here; run it from the top of the repository", dir)
	}
	return root.FS(), nil
}

// gorillaDir returns the folder of gorilla's source, or nothing where this
// machine does not have it, as when the program was built elsewhere.
func gorillaDir() string {
	file := endpoint.GorillaSource()
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return filepath.Dir(file)
}

// openBrowser asks the desktop to show url.
func openBrowser(url string) error {
	command := map[string][]string{"darwin": {"open"}, "windows": {"rundll32", "url.dll,FileProtocolHandler"}}[runtime.GOOS]
	if command == nil {
		command = []string{"xdg-open"}
	}
	cmd := exec.Command(command[0], append(command[1:], url)...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // so that it does not stay as a zombie
	return nil
}
