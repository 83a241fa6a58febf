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
		var stderr strings.Builder
		if status := run(context.Background(), args, io.Discard, &stderr); status != 2 || !strings.Contains(stderr.String(), "compare headers -h") {
			t.Errorf("%v: %d, %s", args, status, &stderr)
		}
	}
}

func TestTheCommandHeadersEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	var stderr strings.Builder
	if status := run(ctx, []string{"headers", "-out", dir}, io.Discard, &stderr); status != 2 || stderr.Len() == 0 {
		t.Errorf("%d, %s", status, &stderr)
	}
	if files, err := os.ReadDir(dir + "/headers"); err != nil || len(files) != 0 {
		t.Errorf("it has written %v, %v", files, err)
	}
}
