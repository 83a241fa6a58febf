//go:build unix

package endpoint

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wslab/reference"
	"wslab/reference/wire"
)

// The benchmarks here hold the reference against gorilla/websocket and against
// a TCP server that echoes the same number of bytes and knows no protocol. Each
// server runs in a process of its own, so that its CPU time can be measured. All run at
// the same time, and each round drives one after the other. The benchmark prints medians
// and their ratios:
//
//	go test ./compare/endpoint -run '^$' -bench . -benchtime 5x
//
// The unit of -benchtime is a round of every server.

// echoServers are the servers by name. Each echoes what it gets on l.
var echoServers = map[string]func(l net.Listener){
	"tcp":       echoTCP,
	"reference": echoReference(true),
	"fresh":     echoReference(false), // a new slice for every message
	"listen":    echoListen,
	"upgrade":   echoUpgrade,
	"gorilla":   echoGorilla,
}

// tcpEcho is the environment variable with the size of the message that a "tcp" server
// echoes, in bytes.
const tcpEcho = "TCP_ECHO"

func echoTCP(l net.Listener) {
	size, _ := strconv.Atoi(os.Getenv(tcpEcho))
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer nc.Close()
			// A connection begins with a line, as a handshake does.
			if _, err := readHead(nc); err != nil {
				return
			}
			if _, err := io.WriteString(nc, "\r\n\r\n"); err != nil {
				return
			}
			for buf := make([]byte, size); ; {
				if _, err := io.ReadFull(nc, buf); err != nil {
					return
				}
				if _, err := nc.Write(buf); err != nil {
					return
				}
			}
		}()
	}
}

func echoReference(reuse bool) func(l net.Listener) {
	server := reference.Server{Handler: func(c *reference.Conn, _ wire.Head) { echoMessages(c, reuse) }}
	return func(l net.Listener) { _ = http.Serve(l, &server) }
}

// echoUpgrade echoes within the handler of net/http, as most servers do.
func echoUpgrade(l net.Listener) {
	var u reference.Upgrader
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := u.Upgrade(w, r)
		if err != nil {
			return
		}
		defer c.CloseNow()
		echoMessages(c, true)
	}))
}

func echoListen(l net.Listener) {
	server := reference.Server{Handler: func(c *reference.Conn, _ wire.Head) { echoMessages(c, true) }}
	_ = server.Serve(l)
}

func echoMessages(c *reference.Conn, reuse bool) {
	var buf []byte
	for {
		op, p, err := c.ReadMessageInto(buf)
		if err != nil || c.WriteMessage(op, p) != nil {
			return
		}
		if reuse {
			buf = p
		}
	}
}

func echoGorilla(l net.Listener) {
	upgrader := websocket.Upgrader{}
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			op, p, err := c.ReadMessage()
			if err != nil || c.WriteMessage(op, p) != nil {
				return
			}
		}
	}))
}

// echoServer is the environment variable that makes this test binary one of
// echoServers. It prints its address, and after each line that it reads what it
// has used: microseconds of CPU, allocations, and resident bytes after a
// garbage collection when the line says so.
const echoServer = "ECHO_SERVER"

func init() {
	name := os.Getenv(echoServer)
	if name == "" {
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go echoServers[name](l)
	fmt.Println(l.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		resident := 0
		if lines.Text() == "resident" {
			debug.FreeOSMemory()
			statm, _ := os.ReadFile("/proc/self/statm")
			if f := strings.Fields(string(statm)); len(f) > 1 {
				resident, _ = strconv.Atoi(f[1])
			}
		}
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			panic(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println((u.Utime.Nano()+u.Stime.Nano())/1000, m.Mallocs, resident*os.Getpagesize())
	}
	os.Exit(0)
}

// A child is an echo server in a process of its own.
type child struct {
	name, addr string
	in         io.WriteCloser
	out        *bufio.Scanner
}

func startChild(tb testing.TB, name string, tcpSize int) *child {
	tb.Helper()
	cmd := exec.CommandContext(context.Background(), os.Args[0])
	cmd.Env = append(os.Environ(), echoServer+"="+name, tcpEcho+"="+strconv.Itoa(tcpSize))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	c := &child{name: name, in: in, out: bufio.NewScanner(out)}
	if !c.out.Scan() {
		tb.Fatalf("%s does not start", name)
	}
	c.addr = c.out.Text()
	return c
}

// A usage is what a child has used.
type usage struct {
	cpu      float64 // microseconds
	mallocs  float64
	resident float64
}

func (c *child) usage(tb testing.TB, line string) (u usage) {
	tb.Helper()
	if _, err := fmt.Fprintln(c.in, line); err != nil || !c.out.Scan() {
		tb.Fatalf("%s does not answer: %v", c.name, err)
	}
	if _, err := fmt.Sscan(c.out.Text(), &u.cpu, &u.mallocs, &u.resident); err != nil {
		tb.Fatal(err)
	}
	return u
}

// readHead reads up to an empty line, one byte at a time.
func readHead(nc net.Conn) ([]byte, error) {
	var head []byte
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); {
		if _, err := io.ReadFull(nc, one); err != nil {
			return head, err
		}
		head = append(head, one[0])
	}
	return head, nil
}

// connect opens n connections to c and does the handshake.
func (c *child) connect(tb testing.TB, n int) []net.Conn {
	tb.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		nc, err := net.Dial("tcp", c.addr)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { nc.Close() })
		request := "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
		if _, err := io.WriteString(nc, request); err != nil {
			tb.Fatal(err)
		}
		if head, err := readHead(nc); err != nil {
			tb.Fatalf("%s answers %q, %v", c.name, head, err)
		}
		conns[i] = nc
	}
	return conns
}

// frameOf returns a client's frame with size bytes of text, and the bytes of
// the echo's frame.
func frameOf(opcode wire.Opcode, text string, size int) (frame []byte, back int) {
	h := wire.Header{Fin: true, Opcode: opcode, Form: wire.FormFor(uint64(size)), Length: uint64(size)}
	back = h.Size() + size
	h.Masked, h.Key = true, [4]byte{0x37, 0xfa, 0x21, 0x3d}
	frame = h.Append(nil)
	start := len(frame)
	for len(frame) < start+size {
		frame = append(frame, text[:min(len(text), start+size-len(frame))]...)
	}
	wire.Mask(h.Key, 0, frame[start:])
	return frame, back
}

// exchange sends total messages over conns, burst of them at once on each, and
// waits for every echo.
func exchange(tb testing.TB, conns []net.Conn, frame []byte, back, total, burst int) time.Duration {
	out := bytes.Repeat(frame, burst)
	start := time.Now()
	var wg sync.WaitGroup
	for _, nc := range conns {
		wg.Go(func() {
			in := make([]byte, back*burst)
			for range max(1, total/len(conns)/burst) {
				if _, err := nc.Write(out); err != nil {
					tb.Error(err)
					return
				}
				if _, err := io.ReadFull(nc, in); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// median returns the middle of xs.
func median(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}

// sizeName writes a size as the tables do.
func sizeName(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%dMiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return fmt.Sprintf("%dB", n)
}

// drive drives names in turn, a round each time b asks for one, and reports of
// each its median CPU microseconds, allocations and messages per second.
func drive(b *testing.B, names []string, opcode wire.Opcode, text string, size, connections, burst, total int) (cpu map[string]float64, rate map[string]float64) {
	b.Helper()
	type running struct {
		*child
		name  string
		conns []net.Conn
		frame []byte
		back  int
		cpu   []float64
		alloc []float64
		rate  []float64
	}
	var all []*running
	for _, name := range names {
		r := &running{name: name}
		server, isText := strings.CutSuffix(name, "-text")
		if isText {
			opcode = wire.Text
		}
		r.frame, r.back = frameOf(opcode, text, size)
		if server == "tcp" {
			r.back = len(r.frame)
		}
		r.child = startChild(b, server, len(r.frame))
		r.conns = r.connect(b, connections)
		exchange(b, r.conns, r.frame, r.back, total/4, burst) // warm
		all = append(all, r)
	}
	per := total / connections / burst * connections * burst
	for b.Loop() {
		for _, r := range all {
			before := r.usage(b, "")
			took := exchange(b, r.conns, r.frame, r.back, per, burst)
			after := r.usage(b, "")
			r.cpu = append(r.cpu, (after.cpu-before.cpu)/float64(per))
			r.alloc = append(r.alloc, (after.mallocs-before.mallocs)/float64(per))
			r.rate = append(r.rate, float64(per)/took.Seconds())
		}
	}
	cpu, rate = map[string]float64{}, map[string]float64{}
	for _, r := range all {
		cpu[r.name], rate[r.name] = median(r.cpu), median(r.rate)
		b.ReportMetric(cpu[r.name], r.name+"-µs/msg")
		if r.name != "tcp" {
			b.ReportMetric(median(r.alloc), r.name+"-allocs/msg")
		}
	}
	b.ReportMetric(0, "ns/op") // a round's time means nothing
	return cpu, rate
}

// BenchmarkEcho measures the CPU time that a server needs for a message, as a
// ratio to TCP: 64 connections, one message in flight on each.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{16, 125, 1 << 10, 16 << 10, 64 << 10, 1 << 20} {
		b.Run(sizeName(size), func(b *testing.B) {
			names := []string{"tcp", "reference", "fresh", "listen", "gorilla"}
			cpu, _ := drive(b, names, wire.Binary, "0123456789abcdef", size, 64, 1, totalFor(size))
			for _, name := range names[1:] {
				b.ReportMetric(cpu[name]/cpu["tcp"], name+"/tcp")
			}
		})
	}
}

// totalFor returns how many messages make a round of a few tenths of a second.
func totalFor(size int) int { return max(256, min(30000, 1<<29/(size+8<<10))) }

// BenchmarkText holds text, which is checked, against binary, which is not.
func BenchmarkText(b *testing.B) {
	for _, text := range []struct{ name, text string }{{"ascii", "0123456789abcdef"}, {"mixed", "Grüße, 日本語 🙂. "}} {
		for _, size := range []int{125, 1 << 10, 64 << 10, 1 << 20} {
			whole := text.text
			size := size / len(whole) * len(whole) // no character is cut
			b.Run(text.name+"/"+strconv.Itoa(size), func(b *testing.B) {
				cpu, _ := drive(b, []string{"listen", "listen-text"}, wire.Binary, whole, size, 64, 1, totalFor(size))
				b.ReportMetric(cpu["listen-text"]/cpu["listen"], "text/binary")
			})
		}
	}
}

// BenchmarkPipelined has 16 messages in flight on each of 16 connections.
func BenchmarkPipelined(b *testing.B) {
	for _, size := range []int{16, 125, 1 << 10} {
		b.Run(sizeName(size), func(b *testing.B) {
			_, rate := drive(b, []string{"reference", "gorilla"}, wire.Binary, "0123456789abcdef", size, 16, 16, 100000)
			b.ReportMetric(rate["reference"], "reference-msg/s")
			b.ReportMetric(rate["gorilla"], "gorilla-msg/s")
			b.ReportMetric(rate["reference"]/rate["gorilla"], "reference/gorilla")
		})
	}
}

// BenchmarkIdle measures the resident memory of a server with 5,000 connections
// on which nothing happens: KiB for each of them.
func BenchmarkIdle(b *testing.B) {
	const connections = 5000
	if _, err := os.Stat("/proc/self/statm"); errors.Is(err, os.ErrNotExist) {
		b.Skip("resident memory is read from /proc")
	}
	frame, back := frameOf(wire.Binary, "0123456789abcdef", 125)
	for _, name := range []string{"reference", "listen", "upgrade", "gorilla"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c := startChild(b, name, 0)
				exchange(b, c.connect(b, 1), frame, back, 1, 1)
				empty := c.usage(b, "resident")
				conns := c.connect(b, connections)
				fresh := c.usage(b, "resident")
				exchange(b, conns, frame, back, connections, 1)
				echoed := c.usage(b, "resident")
				for _, nc := range conns {
					nc.Close()
				}
				b.ReportMetric((fresh.resident-empty.resident)/connections/1024, "fresh-KiB/conn")
				b.ReportMetric((echoed.resident-empty.resident)/connections/1024, "echoed-KiB/conn")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
