package session

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestARawClientMakesRoomWhenItsConnectionEnds(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	for i := range maxRawClients {
		l.open(s, fmt.Sprintf("raw-%d", i), "reference")
	}
	var command *CommandError
	err := s.Raw(RawCommand{Do: "open", Client: "more", Endpoint: "reference"}, l.addr)
	if !errors.As(err, &command) || !strings.Contains(command.What, fmt.Sprint(maxRawClients)) {
		t.Fatalf("one raw client too many gives %v", err)
	}
	// The server ends one, a learner another.
	l.send(s, "raw-0", "81 05 48 65 6c 6c 6f") // not masked
	l.await(s, "the server closes", of("raw-0", s, tcp("closed")))
	l.until("there is room", func() bool { return s.Raw(RawCommand{Do: "open", Client: "raw-0", Endpoint: "gorilla"}, l.addr) == nil })
	l.await(s, "the same name is open again", handshake("raw-0", s, 101))
	l.ok(s.Raw(RawCommand{Do: "close", Client: "raw-1"}, l.addr))
	l.open(s, "more", "gorilla")
	// A refused handshake also leaves nothing.
	l.ok(s.Raw(RawCommand{Do: "close", Client: "raw-2"}, l.addr))
	for i := range 2 * maxRawClients {
		key := "Sec-WebSocket-Key"
		name := fmt.Sprintf("refused-%d", i)
		l.until("there is room", func() bool {
			return s.Raw(RawCommand{Do: "open", Client: name, Endpoint: endpoints[i%2], Fields: [][2]*string{{&key, nil}}}, l.addr) == nil
		})
		l.await(s, "it is refused", handshake(name, s, 400))
	}
}

func TestOneNameIsOneRawClientHoweverFastTheyAreOpened(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	var wg sync.WaitGroup
	opened := make(chan error, 32)
	for range cap(opened) {
		wg.Go(func() { opened <- s.Raw(RawCommand{Do: "open", Client: "a", Endpoint: "reference"}, l.addr) })
	}
	wg.Wait()
	close(opened)
	good := 0
	for err := range opened {
		if err == nil {
			good++
		}
	}
	if n := len(s.Rec.Connections()); good != 1 || n > 1 {
		t.Errorf("%d were opened and %d are connected", good, n)
	}
}
