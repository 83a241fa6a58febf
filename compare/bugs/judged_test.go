package bugs

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"wslab/compare/endpoint"
	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/compare/suite/spec"
	"wslab/reference/naive/mended"
	"wslab/reference/wire"
)

// with returns the mended server with one fault: the region of that fault is the region
// of the naive server.
func with(number int) string { return imported(faultIn(mendedSource(), number), number) }

// faultIn returns src with the region of a fault from the naive server.
func faultIn(src string, number int) string {
	marker := fmt.Sprintf("//lesson:begin fault-%d\n", number)
	before, after, _ := strings.Cut(src, marker)
	_, after, _ = strings.Cut(after, "//lesson:end")
	_, faulty, _ := strings.Cut(naiveSource(), marker)
	faulty, _, _ = strings.Cut(faulty, "//lesson:end")
	return before + marker + faulty + "//lesson:end" + after
}

// imports matches the imports of a file.
var imports = regexp.MustCompile(`(?s)import \(.*?\n\)`)

// imported returns src in the package faultN, with the imports that it needs.
func imported(src string, number int) string {
	var list strings.Builder
	for _, path := range []string{"bytes", "crypto/sha1", "encoding/base64", "encoding/binary", "errors", "io", "net", "os", "strings", "sync", "sync/atomic"} {
		name := path[strings.LastIndex(path, "/")+1:]
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(src) {
			fmt.Fprintf(&list, "\t%q\n", path)
		}
	}
	src = imports.ReplaceAllString(src, "import (\n"+list.String()+")")
	return strings.Replace(src, "package mended", fmt.Sprintf("package fault%d", number), 1)
}

// caged is code for the servers with one fault. It ends a connection instead of the
// program if the server panics, and after many errors in a row.
const caged = `
// cage is a connection that ends after many errors.
type cage struct {
	net.Conn
	errors atomic.Int32
}

func (c *cage) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, c.count(err)
}

func (c *cage) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, c.count(err)
}

func (c *cage) count(err error) error {
	if err == nil {
		c.errors.Store(0)
	} else if c.errors.Add(1) > 100 {
		panic(errEnd)
	}
	return err
}
`

// faulty builds a program with a server for each fault, starts it, and returns the
// addresses of the servers.
func faulty(t *testing.T, numbers []int) map[int]string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	parts, err := os.ReadFile("../../reference/naive/mended/parts.go")
	if err != nil {
		t.Fatal(err)
	}
	part := strings.NewReplacer(
		"	if v := recover(); v != nil && v != errEnd {\n\t\tpanic(v)\n\t}\n", "	_ = recover() // other clients continue\n",
		"conn: conn, make: func(n uint64) []byte { return make([]byte, n) }", "conn: &cage{Conn: conn}, make: func(n uint64) []byte { return make([]byte, n, min(n, 64<<20)) }",
		"	\"strings\"\n", "	\"strings\"\n	\"sync/atomic\"\n",
	).Replace(string(parts)) + caged
	main, calls := "package main\n\nimport (\n\t\"fmt\"\n\t\"net\"\n", ""
	for _, n := range numbers {
		name := fmt.Sprintf("fault%d", n)
		write(name+"/server.go", with(n))
		write(name+"/parts.go", strings.Replace(part, "package mended", "package "+name, 1))
		main += fmt.Sprintf("\t\"faulty/%s\"\n", name)
		calls += fmt.Sprintf("\tlisten(%d, %s.Serve)\n", n, name)
	}
	write("main.go", main+`)

func listen(number int, serve func(net.Listener, func(func()))) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(number, l.Addr())
	go func() { defer func() { recover() }(); serve(l, nil) }()
}

func main() {
`+calls+`	fmt.Scanln() // until standard input is closed
}
`)
	write("go.mod", "module faulty\n\ngo 1.24\n")
	program := filepath.Join(dir, "faulty.exe")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := exec.Command(program)
	stdin, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		server.Wait()
	})
	addrs := map[int]string{}
	for in := bufio.NewScanner(stdout); len(addrs) < len(numbers) && in.Scan(); {
		var n int
		var addr string
		fmt.Sscan(in.Text(), &n, &addr)
		addrs[n] = addr
	}
	return addrs
}

// cut has the faults that a client shows by the cuts of TCP. They are judged on the naive
// server itself, because the judge can wait until that server has read each part.
var cut = []int{1, 11}

// judged has the cases that show a fault to the judge. The other faults have none: the
// judge does not order a server to do anything, does not try the limits of its memory, and
// leaves Origin to the server.
var judged = map[int][]string{
	1:  {"4.2.1/least-request", "4.2.1/cut-in-version", "4.2.1/cut-after-request-line", "4.2.1/cut-in-key", "4.2.1/cut-before-colon"},
	2:  {"4.2.1/least-request", "4.2.1/frame-with-request"},
	3:  {"4.2.1/least-request", "4.2.1/request-line-of-one-word"},
	5:  {"4.2.1/least-request", "4.2.1/names-*"},
	6:  {"4.2.1/least-request", "4.2.1/upgrade-mixed-case", "4.2.1/upgrade-capitals"},
	7:  {"4.2.1/least-request", "4.2.1/connection-keep-alive-upgrade", "4.2.1/connection-upgrade-keep-alive"},
	8:  {"4.2.1/least-request", "4.2.1/method-post", "4.2.1/method-put"},
	11: {"tcp/text-cut-at-1", "tcp/text-cut-at-2", "tcp/text-cut-at-3", "tcp/text-cut-at-4", "tcp/text-cut-at-5", "tcp/byte-by-byte-empty-text", "5.2/text-of-1", "5.2/text-of-2", "5.7/text-in-one-frame", "tcp/text-cut-before-last", "tcp/2-byte-character-cut-at-1", "tcp/3-byte-character-cut-at-1", "tcp/3-byte-character-cut-at-2", "tcp/two-texts-one-write", "tcp/100-texts-one-write", "5.6/ten-texts-one-write", "tcp/three-texts-one-empty-one-write"},
	12: {"5.2/rsv1-in-text", "5.2/rsv1-in-binary"},
	13: {"5.1/wrong-mask-in-text"},
	14: {"5.2/text-of-129", "5.2/text-of-255"},
	17: {"5.2/text-of-65536"},
	18: {"5.5/ping-fin-0", "5.5/empty-ping-fin-0"},
	19: {"5.5.1/close-first", "7.1/close-only"},
	20: {"5.5.2/empty-ping", "5.5.2/ping-of-1", "5.2/text-of-1", "5.2/text-of-2", "5.7/text-in-one-frame"},
	21: {"5.2/opcode-3-empty", "5.2/opcode-3-with-payload"},
	22: {"5.4/two-fragments-one-write", "5.4/last-of-3-empty-one-write", "5.4/five-fragments-one-write"},
	23: {"8.1/bad-lone-80", "8.1/bad-lone-80-in-text"},
	24: {"5.4/text-fin-1-inside-text", "5.4/binary-fin-1-inside-text", "5.4/ping-between-one-write"},
	25: {"5.4/*-one-write"},
	27: {"5.2/binary-of-1", "5.2/binary-of-2"},
	28: {"5.2/text-of-124", "5.2/text-of-125"},
}

// judgeFault runs cases against the server with the fault of c, and the mended server.
func judgeFault(t *testing.T, c Card, cases []*suite.Case, targets []suite.Target) {
	failed := 0
	var named []string
	reports := runner.Judge(t.Context(), cases, targets, 0, nil)
	for _, r := range reports {
		switch {
		case r.Worst() < spec.Warning:
		case r.Endpoint == "mended":
			t.Errorf("fault %d: the mended server fails %s", c.Number, r.Case.ID)
		default:
			failed++
			if r.Mistake != "" {
				named = append(named, r.Mistake)
			}
		}
	}
	for _, d := range suite.DiagnoseAll(reports) {
		named = append(named, d.Mistake.Code)
	}
	if failed == 0 || c.Mistake != "" && !slices.Contains(named, c.Mistake) || c.Mistake == "" && len(named) > 0 {
		t.Errorf("fault %d: %d cases fail, and the judge names %v, the card %q", c.Number, failed, named, c.Mistake)
	}
}

// TestTheJudgeFindsEachFaultAndNotItsMend judges the mended server with one fault, and the
// mended server. The first fails a case that the second passes, and the judge names the
// mistake of the card.
func TestTheJudgeFindsEachFaultAndNotItsMend(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program and waits for servers that do not answer")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { mended.Serve(l, nil) })
	defer work.Wait()
	defer l.Close()
	numbers := slices.Sorted(maps.Keys(judged))
	addrs := faulty(t, slices.DeleteFunc(slices.Clone(numbers), func(n int) bool { return slices.Contains(cut, n) }))
	cards := Cards()
	e, err := endpoint.Find(endpoint.Naive)
	if err != nil {
		t.Fatal(err)
	}
	itself, stop, err := runner.Serve(e)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	// The judge mostly waits, so judge all of them at the same time.
	var judging sync.WaitGroup
	for _, n := range numbers {
		cases, err := suite.Match(suite.ForRole(suite.All(), wire.Server), judged[n]...)
		if err != nil {
			t.Fatal(err)
		}
		judging.Go(func() {
			server := itself
			if !slices.Contains(cut, n) {
				server = runner.TargetOf("faulty", addrs[n])
			}
			judgeFault(t, cards[n-1], cases, []suite.Target{server, runner.TargetOf("mended", l.Addr().String())})
		})
	}
	judging.Wait()
	for _, c := range cards {
		if c.Mistake != "" && judged[c.Number] == nil {
			t.Errorf("fault %d names the mistake %s, and no case shows it", c.Number, c.Mistake)
		}
		if _, ok := suite.MistakeOf(c.Mistake); !ok && c.Mistake != "" {
			t.Errorf("the judge has no mistake %s", c.Mistake)
		}
	}
}
