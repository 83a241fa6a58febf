package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
)

func TestTheCommandHeadersRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{{"headers", "reference"}, {"headers", "-nothing"}} {
		if status, err := run(context.Background(), args, io.Discard); status != 2 || err == nil || !strings.Contains(err.Error(), "compare headers -h") {
			t.Errorf("%v: %d, %v", args, status, err)
		}
	}
	var help strings.Builder
	if status, err := run(context.Background(), []string{"headers", "-h"}, &help); status != 0 || err != nil || !strings.Contains(help.String(), "-out") {
		t.Errorf("-h: %d, %v, %q", status, err, help.String())
	}
}

func TestTheCommandHeadersEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	if status, err := run(ctx, []string{"headers", "-out", dir}, io.Discard); status != 2 || err == nil {
		t.Errorf("%d, %v", status, err)
	}
	if files, err := os.ReadDir(dir + "/headers"); err != nil || len(files) != 0 {
		t.Errorf("it has written %v, %v", files, err)
	}
}
