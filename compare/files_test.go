package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// entries returns the names in dir.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestAFileIsWrittenAsAWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	name, link := filepath.Join(dir, "report"), filepath.Join(dir, "link")
	if err := replaceBytes(name, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	err := replaceFile(link, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half of it")
		return errors.New("no more")
	})
	if got, _ := os.ReadFile(name); err == nil || !strings.Contains(err.Error(), name) || string(got) != "old" || len(entries(t, dir)) != 2 {
		t.Errorf("after a failure: %v, %q, %q", err, got, entries(t, dir))
	}
	if err := replaceBytes(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(name); string(got) != "new" || len(entries(t, dir)) != 2 {
		t.Errorf("after a success: %q, %q", got, entries(t, dir))
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is one no more: %v, %v", info, err)
	}
}

func TestNoFileIsLeftWhereNothingWasJudged(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "report")
	args := []string{"-server", "ws://" + unused(t), "-json", file, "-junit", file + ".xml", "-html", file + ".html"}
	if status, _, stderr := judgeWith(t.Context(), args...); status != nothingJudged || len(entries(t, dir)) > 0 {
		t.Errorf("status %d, %sleft are %q", status, stderr, entries(t, dir))
	}
}

func TestOutsideOfTheModuleNothingIsMade(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{nil, {"run"}, {"run", "no-key"}, {"run", "-update", "-out", "elsewhere", "no-key"}, {"judge"}, {"headers"}} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), args, &stdout, &stderr)
		if status != nothingJudged || !strings.Contains(stderr.String(), "Run compare in the top directory of its module") || len(entries(t, ".")) > 0 {
			t.Errorf("%q: status %d, %s%smade are %q", args, status, &stdout, &stderr, entries(t, "."))
		}
	}
}

// unused returns an address without a listener.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return l.Addr().String()
}

// full is a device with no space left.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestWhatCannotBeShownIsTold(t *testing.T) {
	for _, args := range [][]string{{"list"}, {"-h"}, {"judge", "-endpoint", "reference", "5.5.2/empty-ping"}} {
		var stderr bytes.Buffer
		if status := run(t.Context(), args, full{}, &stderr); status != 2 || !strings.Contains(stderr.String(), "no space left") || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%q: status %d, %s", args, status, &stderr)
		}
	}
	device, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	device.Close()
	status, _, stderr := judgeWith(t.Context(), "-endpoint", "reference", "-json", "/dev/full", "5.5.2/empty-ping")
	if status != 2 || strings.Count(stderr, "/dev/full") != 1 {
		t.Errorf("a report on a full device: status %d, %s", status, stderr)
	}
}
