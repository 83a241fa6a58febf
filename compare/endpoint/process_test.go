package endpoint

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestAServersProcessEndsWithTheOneThatStartedIt(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), processVariable+"=reference")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer late.Stop()
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stdin.Close() // as the kernel does when a process dies
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if b, err := io.ReadAll(conn); len(b) > 0 {
		t.Errorf("%q, %v came", b, err)
	}
}

func TestAProcessThatDoesNotComeUpIsAnError(t *testing.T) {
	p, err := startProcess("gorrilla")
	if err == nil || p != nil || !strings.Contains(err.Error(), "did not start") {
		t.Errorf("it gave %v, %v", p, err)
	}
}

func TestAProcessCanBeKilledTwice(t *testing.T) {
	p, err := startProcess("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	p.kill()
	p.kill()
	if conn, err := net.Dial("tcp", p.addr); err == nil {
		conn.Close()
		t.Error("somebody still listens")
	}
}
