package session

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/reference/wire"
)

func TestAnUnknownCommandIsNamed(t *testing.T) {
	t.Parallel()
	l := start(t)
	s := l.session()
	l.open(s, "a", "reference")
	_, err := s.Valve("open wide", nil)
	for what, err := range map[string]error{
		"valve":    err,
		"order":    s.Order(Command{Client: "a", Do: "dance"}),
		"nobody":   s.Order(Command{Client: "nobody", Do: "text"}),
		"parts":    s.Order(Command{Client: "a", Do: "fragments"}),
		"raw":      s.Raw(RawCommand{Client: "a", Do: "dance"}, l.addr),
		"unopened": s.Raw(RawCommand{Client: "b", Do: "bytes", Hex: "00"}, l.addr),
		"nothing":  s.Raw(RawCommand{Client: "a", Do: "bytes"}, l.addr),
		"twice":    s.Raw(RawCommand{Client: "a", Do: "open", Endpoint: "gorilla"}, l.addr),
		"endpoint": s.Raw(RawCommand{Client: "b", Do: "open", Endpoint: "gorrilla"}, l.addr),
		"nameless": s.Raw(RawCommand{Do: "open", Endpoint: "gorilla"}, l.addr),
		"too long": s.Raw(RawCommand{Do: "open", Client: strings.Repeat("n", MaxClient+1), Endpoint: "gorilla"}, l.addr),
		"no field": s.Raw(RawCommand{Do: "open", Client: "b", Endpoint: "gorilla", Fields: [][2]*string{{}}}, l.addr),
		"play":     l.play(s, &scenario.Scenario{}, "gorrilla", "s"),
		"player":   l.play(s, &scenario.Scenario{}, "gorilla", strings.Repeat("n", MaxClient+1)),
	} {
		var command *CommandError
		if !errors.As(err, &command) || command.What == "" || command.Fix == "" {
			t.Errorf("%s: the error is %#v; it must say what is wrong and what helps", what, err)
		}
	}
	var hex *scenario.HexError
	if err := s.Raw(RawCommand{Client: "a", Do: "bytes", Hex: "81 0g"}, l.addr); !errors.As(err, &hex) || hex.At != 4 {
		t.Errorf("wrong hex gives %v", err)
	}
	if err := s.Order(Command{Client: "a", Do: "binary", Hex: "123"}); !errors.As(err, &hex) || hex.At != 2 {
		t.Errorf("wrong hex gives %v", err)
	}
}

func TestAServerSendsWhatItIsOrdered(t *testing.T) {
	t.Parallel()
	for _, name := range endpoints {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			s := l.session()
			l.open(s, "a", name)
			l.ok(s.Order(Command{Client: "a", Do: "text", Text: "grün"}))
			l.await(s, "text comes", sends(wire.Server, "grün"))
			l.ok(s.Order(Command{Client: "a", Do: "binary", Hex: "00ff"}))
			l.await(s, "binary comes", sends(wire.Server, "\x00\xff"))
			l.ok(s.Order(Command{Client: "a", Do: "fragments", Parts: []string{"He", "llo"}}))
			l.await(s, "the message is whole", func(e recording.Event) bool {
				m, ok := e.Body.(*recording.Message)
				return ok && e.From == "server" && string(m.Head) == "Hello"
			})
			l.ok(s.Order(Command{Client: "a", Do: "pong", Text: "beat"}))
			l.await(s, "the pong comes", sends(wire.Server, "beat"))
			for _, code := range []int{-1, 65536} {
				var command *CommandError
				if err := s.Order(Command{Client: "a", Do: "close", Code: &code}); !errors.As(err, &command) {
					t.Errorf("close code %d: %v", code, err)
				}
			}
			code := 4000
			l.ok(s.Order(Command{Client: "a", Do: "close", Code: &code, Reason: "enough"}))
			l.await(s, "the Close frame comes", closes(4000))
			l.send(s, "a", bye)
			l.await(s, "the server closes TCP", tcp("closed"))
			l.until("the server is not there any more", func() bool { return s.Order(Command{Client: "a", Do: "text"}) != nil })
		})
	}
}

// TestAnOrderAtAFullValveWaitsInTheBackground fills the valve first: until then an
// order is done at once, as a write to TCP is.
func TestAnOrderAtAFullValveWaitsInTheBackground(t *testing.T) {
	t.Parallel()
	for _, name := range endpoints {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			s := l.session()
			l.open(s, "a", name)
			s.Valve("hold", nil)
			l.ok(s.Order(Command{Client: "a", Do: "text", Text: strings.Repeat("x", 1<<20)}))
			l.await(s, "the valve is full", held(0, "waiting"))
			for i := range maxTasks {
				if err := s.Order(Command{Client: "a", Do: "text", Text: fmt.Sprintf("order %d", i)}); err != nil {
					t.Fatalf("order %d: %v", i, err)
				}
			}
			var command *CommandError
			if err := s.Order(Command{Client: "a", Do: "text"}); !errors.As(err, &command) {
				t.Errorf("one order more than may wait gives %v", err)
			}
			s.Valve("run", nil)
			for i := range maxTasks {
				l.await(s, fmt.Sprintf("order %d is done", i), sends(wire.Server, fmt.Sprintf("order %d", i)))
			}
			l.until("there is room again", func() bool { return s.Order(Command{Client: "a", Do: "text"}) == nil })
		})
	}
}
