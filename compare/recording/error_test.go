package recording

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestErrorsAreShownWithoutAddresses(t *testing.T) {
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50001}
	err := &net.OpError{Op: "write", Net: "tcp", Source: addr, Addr: addr, Err: os.NewSyscallError("write", syscall.EPIPE)}
	got := goError(err)
	if got.Type != "*net.OpError" || got.Text != "write tcp: write: broken pipe" {
		t.Errorf("it is %+v", got)
	}
	if err.Addr == nil || goError(nil) != nil {
		t.Error("the error itself was changed, or nil is an error")
	}
}

func TestTheAddressesOfAnErrorWithinAnotherAreLeftOut(t *testing.T) {
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1234}
	op := &net.OpError{Op: "read", Net: "tcp", Source: addr, Addr: addr, Err: net.ErrClosed}
	hidden := errors.New(op.Error()) // as gorilla returns it
	for _, err := range []error{op, fmt.Errorf("outer: %w, and more", op), hidden} {
		if text := goError(err).Text; strings.Contains(text, "1234") || !strings.Contains(text, "read tcp: use of closed network connection") {
			t.Errorf("it says %q", text)
		}
	}
}
