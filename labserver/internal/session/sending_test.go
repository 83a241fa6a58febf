package session

import (
	"context"
	"errors"
	"testing"
	"time"

	"wslab/compare/recording"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

func TestASendingIsPlayedToAClientAndRecorded(t *testing.T) {
	for _, name := range []string{"reference", "gorilla"} {
		s := newSession("id", false, dialTCP, nil, nil)
		// A text frame as a server must not send it: with a mask.
		masked := []byte{0x81, 0x82, 1, 2, 3, 4, 'h' ^ 1, 'i' ^ 2}
		if err := s.SendToClient(Sending{Endpoint: name, Parts: [][]byte{masked}}, ""); err != nil {
			t.Fatal(err)
		}
		s.work.Wait()
		var code wire.CloseCode
		events, _ := s.Rec.After(0, 1000)
		for _, e := range events {
			if f, ok := e.Body.(*dissect.Frame); ok && e.From == "client" && f.Header.Opcode == wire.Close {
				code = wire.CloseCode(f.Payload()[0])<<8 | wire.CloseCode(f.Payload()[1])
			}
			if script, ok := e.Body.(*recording.Script); ok {
				t.Errorf("%s: %s %s", name, script.What, script.Text)
			}
		}
		if code != wire.ProtocolError {
			t.Errorf("%s answers with the code %d", name, code)
		}
		s.close(context.Background(), "the end")
	}
}

func TestASendingForNobodyIsRefused(t *testing.T) {
	s := newSession("id", false, dialTCP, nil, nil)
	var command *CommandError
	if err := s.SendToClient(Sending{Endpoint: "naive"}, ""); !errors.As(err, &command) || command.Fix == "" {
		t.Errorf("a client that there is not: %v", err)
	}
	if err := s.SendToServer(Sending{Endpoint: "nobody"}, ""); !errors.As(err, &command) || command.Fix == "" {
		t.Errorf("a server that there is not: %v", err)
	}
	s.close(context.Background(), "the end")
	if err := s.SendToServer(Sending{Endpoint: "reference"}, ""); err != errEnded {
		t.Errorf("after the end: %v", err)
	}
	if err := s.SendToClient(Sending{Endpoint: "reference"}, ""); err != errEnded {
		t.Errorf("after the end: %v", err)
	}
}

func TestASendingEndsWithItsSession(t *testing.T) {
	s := newSession("id", false, dialTCP, nil, nil)
	ping := []byte{0x89, 0}
	if err := s.SendToClient(Sending{Endpoint: "reference", Parts: [][]byte{ping}}, ""); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.close(context.Background(), "the end")
	if d := time.Since(began); d > testTime {
		t.Errorf("the session ends after %v", d)
	}
}
