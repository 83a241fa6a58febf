package bugs

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"wslab/compare/runner"
	"wslab/compare/suite"
	"wslab/compare/suite/spec"
	"wslab/reference/naive/mended"
	"wslab/reference/wire"
)

// with returns the mended server with one fault: the region of that fault is the region
// of the naive server.
func with(number int) string {
	marker := fmt.Sprintf("//lesson:begin fault-%d\n", number)
	before, after, _ := strings.Cut(mendedSource(), marker)
	_, after, _ = strings.Cut(after, "//lesson:end")
	_, faulty, _ := strings.Cut(naiveSource(), marker)
	faulty, _, _ = strings.Cut(faulty, "//lesson:end")
	src := before + marker + faulty + "//lesson:end" + after
	return imported(src, number)
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

func TestExplore(t *testing.T) {
	var numbers []int
	for _, c := range Cards() {
		numbers = append(numbers, c.Number)
	}
	addrs := faulty(t, numbers)
	cases, err := suite.Match(suite.ForRole(suite.All(), wire.Server), "4.2.1/cut-*", "4.2.1/cookie-of*", "4.2.1/value-of-1025*", "4.2.1/long-value-first", "4.2.1/*-with-request", "4.2.1/request-line-of*", "4.2.1/values-with*", "4.2.1/names-*", "4.2.1/upgrade-*", "4.2.1/connection-*", "4.2.1/method-*", "4.2.1/no-key", "4.2.1/no-version", "4.2.2/origin*", "4.2.2/no-fields*", "tcp/text-cut-at*", "tcp/close-cut*", "5.2/rsv1-*", "5.1/*", "5.2/text-of-*", "5.2/binary-of-*", "5.2/top-bit*", "5.2/opcode-3*", "5.5/ping*", "5.5.1/close*", "5.5.2/*", "5.4/*one-write", "5.4/stray*", "8.1/bad-lone-80*", "5.4/1000*", "5.6/*")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(cases))
	var work sync.WaitGroup
	var mu sync.Mutex
	limit := make(chan bool, 6)
	for _, n := range numbers {
		limit <- true
		work.Go(func() {
			defer func() { <-limit }()
			reports := runner.Judge(t.Context(), cases, []suite.Target{runner.TargetOf("x", addrs[n])}, 0, nil)
			var failed []string
			for _, r := range reports {
				if r.Worst() >= spec.Warning {
					failed = append(failed, r.Case.ID+" "+r.Mistake)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			t.Logf("=== %d: %d fail: %.600q", n, len(failed), failed)
			for _, d := range suite.DiagnoseAll(reports) {
				t.Logf("    %d %s: %.3q", n, d.Mistake.Code, d.Cases[:min(3, len(d.Cases))])
			}
		})
	}
	work.Wait()
}

var _ = slices.Sort[[]int]
var _ = mended.Serve
var _ net.Conn
