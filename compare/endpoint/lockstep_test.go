package endpoint

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestTheNaiveServerReadsEachWriteOfAJudgeByItself sends frames in single bytes without
// a pause. The naive server echoes an empty message for each, because one Read of two
// bytes gets only one.
func TestTheNaiveServerReadsEachWriteOfAJudgeByItself(t *testing.T) {
	e, err := Find(Naive)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		dialTo, stop, ok := e.Listen(l)
		if !ok {
			t.Fatal("it cannot be judged")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		c, err := dialTo(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		if _, err := io.WriteString(c, naiveRequest); err != nil {
			t.Fatal(err)
		}
		var answer []byte
		for b := make([]byte, 1); !strings.HasSuffix(string(answer), "\r\n\r\n"); answer = append(answer, b...) {
			if _, err := io.ReadFull(c, b); err != nil {
				t.Fatal(err)
			}
		}
		// Two bytes are a message: the first is all that the server reads of a header,
		// and the second all that it reads of a masking key.
		for _, b := range []byte("\x81\x81\x81\x81") {
			if _, err := c.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]byte, 4)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "\x81\x00\x81\x00" {
			t.Errorf("it echoes % x, %v; want two empty messages", got, err)
		}
		c.Close()
		stop()
	}
}
