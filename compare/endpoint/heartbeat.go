package endpoint

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// pulse hears the Pongs of a connection, and tells whether a Ping is being sent.
type pulse struct {
	pongs   chan string
	pinging atomic.Bool
	changed func() // told that pinging is over; nil when nobody watches
}

func newPulse() *pulse { return &pulse{pongs: make(chan string, 16)} }

// heard is told of every control frame, by the library's read.
func (p *pulse) heard(op wire.Opcode, payload []byte) {
	if op != wire.Pong {
		return
	}
	select {
	case p.pongs <- string(payload):
	default: // nobody waits for so many
	}
}

// ping sends a Ping. Its bytes may have reached the client, and be the last that
// a step waits for, before the call has come back and is recorded.
func (p *pulse) ping(a Actor, number string) error {
	p.pinging.Store(true)
	err := a.Control(wire.Ping, []byte(number))
	p.pinging.Store(false)
	if p.changed != nil {
		p.changed()
	}
	return err
}

// Rests reports whether the heartbeat has no call under way. Watch has changed
// called when that may have become so; it must be called before perform.
func (s *socket) Rests(tap.Status) bool { return !s.pulse.pinging.Load() }

func (s *socket) Watch(changed func()) { s.pulse.changed = changed }

var errNoPong = errors.New("no Pong arrived in time")

// beat sends a Ping as often as setup says, each with its number for payload,
// and closes TCP when its Pong does not come in time: behind a line that has gone
// dead, nothing else would ever tell. While the wire is held its time stands
// still. It goes on until stop.
func (s *socket) beat(setup Setup, a Actor) (stop func()) {
	if setup.PingEvery == 0 {
		return func() {}
	}
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		clock := clockOf(s.conn)
		tick, timer := clock.After(setup.PingEvery)
		defer func() { timer.Stop() }()
		for n := 1; ; n++ {
			select {
			case <-tick:
			case <-over:
				return
			}
			tick, timer = clock.After(setup.PingEvery)
			number := strconv.Itoa(n)
			if s.pulse.ping(a, number) != nil {
				return
			}
			if !s.answered(number, setup.PongWithin, over) {
				select {
				case <-over:
					return
				default:
				}
				call := s.rec.Enter(recording.Doing{Verb: recording.VerbOther, Name: "heartbeat", Args: "Ping " + number})
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
	late, timer := clockOf(s.conn).After(within)
	defer timer.Stop()
	for {
		select {
		case pong := <-s.pulse.pongs:
			if pong == number {
				return true
			}
		case <-late:
			return false
		case <-over:
			return false
		}
	}
}
