package endpoint

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"wslab/reference/wire"
)

// pulse hears the Pongs of a connection.
type pulse struct{ pongs chan string }

func newPulse() pulse { return pulse{make(chan string, 16)} }

// heard is told of every control frame, by the library's read.
func (p pulse) heard(op wire.Opcode, payload []byte) {
	if op != wire.Pong {
		return
	}
	select {
	case p.pongs <- string(payload):
	default: // nobody waits for so many
	}
}

var errNoPong = errors.New("no Pong came in time")

// beat sends a Ping as often as setup says, each with its number for payload,
// and closes TCP when its Pong does not come in time: behind a line that has gone
// dead, nothing else would ever tell. It goes on until stop.
func (s *socket) beat(setup Setup, a Actor) (stop func()) {
	if setup.PingEvery == 0 {
		return func() {}
	}
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(setup.PingEvery)
		defer ticker.Stop()
		for n := 1; ; n++ {
			select {
			case <-ticker.C:
			case <-over:
				return
			}
			number := strconv.Itoa(n)
			if a.Control(wire.Ping, []byte(number)) != nil {
				return
			}
			if !s.answered(number, setup.PongWithin, over) {
				select {
				case <-over:
					return
				default:
				}
				call := s.rec.Enter("heartbeat", "Ping "+number)
				call.Return("", fmt.Errorf("%w: %v after Ping %s", errNoPong, setup.PongWithin, number))
				a.TCPClose()
				return
			}
		}
	}()
	return func() {
		close(over)
		<-done
	}
}

// answered waits for the Pong with that payload. Others, late or unasked, do
// not count.
func (s *socket) answered(number string, within time.Duration, over <-chan struct{}) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		select {
		case pong := <-s.pulse.pongs:
			if pong == number {
				return true
			}
		case <-timer.C:
			return false
		case <-over:
			return false
		}
	}
}
