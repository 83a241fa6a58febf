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

// pulse receives the Pongs of a connection, and knows whether a Ping is being sent.
type pulse struct {
	pongs   chan string
	pinging atomic.Bool
	changed func() // called when pinging is over; may be nil
}

func newPulse() *pulse { return &pulse{pongs: make(chan string, 16)} }

// heard receives every control frame from the library's read.
func (p *pulse) heard(op wire.Opcode, payload []byte) {
	if op != wire.Pong {
		return
	}
	select {
	case p.pongs <- string(payload):
	default: // the buffer is full: the heartbeat does not need this Pong
	}
}

// ping sends a Ping. The Ping may reach the client before the call returns and is
// recorded. So pinging says whether the call is still running.
func (p *pulse) ping(a Actor, number string) error {
	p.pinging.Store(true)
	err := a.Control(wire.Ping, []byte(number))
	p.pinging.Store(false)
	if p.changed != nil {
		p.changed()
	}
	return err
}

// Rests reports whether no call of the heartbeat is running. Watch sets a function that
// is called when that may have changed. Watch must be called before perform.
func (s *socket) Rests(tap.Status) bool { return !s.pulse.pinging.Load() }

func (s *socket) Watch(changed func()) { s.pulse.changed = changed }

var errNoPong = errors.New("no Pong arrived in time")

// beat sends a Ping at the interval of setup, with its number as payload. If the Pong
// does not arrive in time, beat closes TCP: a server cannot notice a dead network in
// another way. The clock of beat stops while the wire is held. beat runs until stop.
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

// answered waits for the Pong with that payload, and ignores all other Pongs.
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
