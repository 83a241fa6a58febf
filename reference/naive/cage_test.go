package naive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// claim returns the header of a masked text frame that claims n bytes in the
// 64-bit form.
func claim(n uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, n)) + "\x37\xfa\x21\x3d"
}

func TestAClaimedLengthTakesNoMemoryAndIsReported(t *testing.T) {
	for n, text := range map[uint64]string{
		1<<20 + 1:  "naive: here it would have allocated 1048577 bytes",
		1 << 40:    "naive: here it would have allocated 1099511627776 bytes",
		1<<63 - 1:  "naive: here it would have allocated 9223372036854775807 bytes",
		1<<64 - 12: "naive: here it would have allocated 18446744073709551604 bytes",
	} {
		var before, behind runtime.MemStats
		runtime.ReadMemStats(&before)
		got := after(claim(n))
		runtime.ReadMemStats(&behind)
		if grown := behind.TotalAlloc - before.TotalAlloc; grown > 256<<10 {
			t.Errorf("a claim of %d bytes took %d", n, grown)
		}
		if got.err == nil || got.err.Error() != text || got.bound() != Memory || !got.closed {
			t.Errorf("a claim of %d bytes: %v", n, got.err)
		}
		if last := got.calls[len(got.calls)-1]; !strings.HasPrefix(last, "make []byte, ") || !strings.Contains(last, "would have allocated") {
			t.Errorf("the last call is %q", last)
		}
	}
}

func TestWhatTheCageHasRoomForIsAllocated(t *testing.T) {
	if got := after(claim(1 << 20)); got.bound() != Errors {
		t.Errorf("a claim of exactly 1 MiB: %v", got.err)
	}
}

// TestFloodsOfFragmentsTakeBoundedMemory sends a message in as many fragments
// as the depth allows, with the most that each may have.
func TestFloodsOfFragmentsTakeBoundedMemory(t *testing.T) {
	flood := masked(0x01, "a") + strings.Repeat(claim(64<<10)+strings.Repeat("x", 127), 1000)
	flood = strings.ReplaceAll(flood, "\x81\xff", "\x00\xff") // not one has FIN
	s := &script{chunks: []string{request, flood}}
	var before, behind runtime.MemStats
	runtime.ReadMemStats(&before)
	got := play(s, Limits{})
	runtime.ReadMemStats(&behind)
	// What is allocated is at most what was asked for, twice as much again for
	// the slice that grows, and little things.
	if grown := behind.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("the flood took %d bytes", grown)
	}
	if got.bound() != Memory || !strings.Contains(got.err.Error(), "after") {
		t.Error(got.err)
	}
}

func TestTheMemoryOfAMessageIsGivenBackWithIt(t *testing.T) {
	hundred := masked(0x81, strings.Repeat("a", 100))
	s := &script{chunks: []string{request, strings.Repeat(hundred, 50)}}
	if got := play(s, Limits{Memory: 150}); len(got.messages) != 50 || got.bound() != Errors {
		t.Errorf("%d messages, %v", len(got.messages), got.err)
	}
}

func TestAPanicIsReportedAsWhatItIs(t *testing.T) {
	got := asks("GET\r\n\r\n")
	want := "naive: here it panics, and without the cage the whole program would end: runtime error: index out of range [1] with length 1"
	if got.err == nil || got.err.Error() != want {
		t.Error(got.err)
	}
	var stopped *Stopped
	if errors.As(got.err, &stopped) {
		if _, ok := stopped.Value.(runtime.Error); !ok {
			t.Errorf("the value is a %T", stopped.Value)
		}
	}
}

func TestErrorsThatAreIgnoredOnEndAreCounted(t *testing.T) {
	got := play(&script{chunks: []string{request}}, Limits{Errors: 16})
	reads := 0
	for _, call := range got.calls {
		if strings.HasPrefix(call, "Read") && strings.HasSuffix(call, "EOF") {
			reads++
		}
	}
	if reads != 17 || !strings.Contains(got.err.Error(), `it ignored 16 errors of Read in a row, the last "EOF"`) {
		t.Errorf("%d reads, %v", reads, got.err)
	}
}

func TestErrorsOfWriteThatAreIgnoredOnEndAreCounted(t *testing.T) {
	s := &script{chunks: []string{request, strings.Repeat(masked(0x81, "Hello"), 20)}, failAfter: 1}
	got := play(s, Limits{Errors: 5})
	if len(got.messages) != 3 || !strings.Contains(got.err.Error(), `it ignored 5 errors of Write in a row, the last "broken pipe"`) {
		t.Errorf("%d messages, %v", len(got.messages), got.err)
	}
}

// FuzzServe holds the cage to its word for any bytes, cut anywhere: Serve comes
// back, with a *Stopped or nothing, and has closed the connection.
func FuzzServe(f *testing.F) {
	f.Add([]byte(request+masked(0x81, "Hello")), uint16(len(request)))
	f.Add([]byte(request+claim(1<<40)), uint16(len(request)))
	f.Add([]byte(request+masked(0x01, "a")+masked(0x00, "")+masked(0x80, "b")), uint16(len(request)))
	f.Add([]byte(request+"\x81\xff\x00\x00\x00\x00\x00\x00\x00\x05abcdHello"), uint16(len(request)))
	f.Add([]byte(request+strings.Repeat(masked(0x01, "a"), 101)), uint16(len(request)))
	f.Add([]byte("GET"), uint16(1))
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		at := min(int(cut), len(data))
		s := &script{}
		for _, chunk := range []string{string(data[:at]), string(data[at:])} {
			if chunk != "" {
				s.chunks = append(s.chunks, chunk)
			}
		}
		var asked uint64
		err := Serve(s, Options{Limits: Limits{Memory: 1 << 16}, Call: func(name, args string, _ []byte) func(string, error) {
			var n uint64
			if name == "make" {
				fmt.Sscanf(args, "[]byte, %d", &n)
			}
			return func(_ string, err error) {
				if err == nil {
					asked = max(asked, n)
				}
			}
		}})
		var stopped *Stopped
		if err != nil && !errors.As(err, &stopped) {
			t.Errorf("ended with a %T: %v", err, err)
		}
		if asked > 1<<16 || !s.closed {
			t.Errorf("%d bytes allocated at once; closed is %t", asked, s.closed)
		}
	})
}

// pipe serves one end of a net.Pipe with limits and gives the other to peer.
// It returns how long that took on the bubble's clock, and the error.
func pipe(limits Limits, peer func(net.Conn)) (took time.Duration, err error) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	var work sync.WaitGroup
	work.Go(func() { peer(theirs) })
	begin := time.Now()
	err = Serve(ours, Options{Limits: limits})
	took = time.Since(begin)
	theirs.Close()
	work.Wait()
	return took, err
}

// open makes a handshake and drops the response.
func open(c net.Conn) {
	io.WriteString(c, request)
	c.Read(make([]byte, 1024))
}

func TestEveryWaitHasAnEnd(t *testing.T) {
	limits := Limits{Wait: time.Minute, Total: 10 * time.Minute}
	for _, test := range []struct {
		is    string
		peer  func(net.Conn)
		took  time.Duration
		bound Bound
	}{
		{"a peer that never asks", func(net.Conn) {}, time.Minute, Wait},
		{"a peer that says nothing more", func(c net.Conn) { open(c) }, time.Minute, Wait},
		{"a peer that does not read the echo", func(c net.Conn) {
			open(c)
			io.WriteString(c, masked(0x81, "Hello"))
		}, time.Minute, Wait},
		{"a peer that says something every 50 seconds", func(c net.Conn) {
			open(c)
			for {
				// The clock of the synctest bubble takes no real time.
				<-time.After(50 * time.Second)
				if _, err := io.WriteString(c, masked(0x89, "")); err != nil {
					return
				}
			}
		}, 10 * time.Minute, Total},
	} {
		t.Run(test.is, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, err := pipe(limits, test.peer)
				var stopped *Stopped
				if !errors.As(err, &stopped) || stopped.Bound != test.bound || took != test.took {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
}
