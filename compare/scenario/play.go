package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wslab/compare/recording"
	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// ErrStopped ends a play: the learner stopped it.
var ErrStopped = errors.New("the play was stopped")

// ErrNothing ends a wait of a client that cannot succeed: both ends wait for each other.
var ErrNothing = errors.New("nothing more can arrive: both ends wait")

// Control decides when a step may begin. It returns at once, or it calls waiting and
// returns later. An error, such as ErrStopped, ends the play. A nil Control never waits.
type Control func(ctx context.Context, index int, waiting func()) error

// defaultPatience is the Patience of a Stage that sets none.
const defaultPatience = 2 * time.Minute

// endTime bounds how long the server's code may take to return after the play.
const endTime = 3 * time.Second

// Play plays s on st and records each step. It ends after the last step. It ends early,
// without an error, if the server refuses the handshake. An error begins with file and
// line, and is also in the event of the last step. The recording always keeps all events.
// When Play returns, only a server's code that is stuck is still running; the error then
// says so.
func (s *Scenario) Play(ctx context.Context, st *Stage, control Control) error {
	st.mu.Lock()
	st.setup = s.Setup
	if st.Patience == 0 {
		st.Patience = defaultPatience
	}
	st.mu.Unlock()
	st.join(st.Step.Client, st.Client)
	p := &play{s: s, st: st}
	var err error
	for p.index = 0; p.index < len(s.Commands) && err == nil && !p.refused; p.index++ {
		c := &s.Commands[p.index]
		if control != nil {
			if err = control(ctx, p.index, func() { p.tell(recording.StepReady, nil) }); err != nil {
				break
			}
		}
		p.tell(recording.StepBegin, nil)
		err = p.do(ctx, c)
		settling := st.settle(ctx)
		if err == nil {
			err = settling
		}
		if st.Settled != nil {
			st.Settled()
		}
		p.tell(recording.StepEnd, err)
		if err != nil {
			break
		}
	}
	if err == nil {
		p.index = len(s.Commands)
	} else if p.index < len(s.Commands) {
		c := s.Commands[p.index]
		err = fmt.Errorf("%s:%d: %s: %w", s.File, c.Line, c.Verb, err)
	}
	if stuck := p.end(ctx); err == nil {
		err = stuck
	}
	if st.Settled != nil {
		st.Settled()
	}
	p.tell(recording.PlayOver, err)
	return err
}

// play is a run of a Scenario on its Stage.
type play struct {
	s       *Scenario
	st      *Stage
	index   int
	refused bool // the server refused the handshake, so no other step can run

	// Of pongCame:
	seen                uint64 // the last event that pongCame has checked
	pongs, pongsAwaited int
}

// tell records a phase of the step at p.index.
func (p *play) tell(phase recording.Phase, err error) {
	step := p.st.Step
	step.Scenario, step.Title, step.Index, step.Of, step.Phase = p.s.Name, p.s.Title, p.index, len(p.s.Commands), phase
	if p.index < len(p.s.Commands) && phase != recording.PlayOver {
		c := &p.s.Commands[p.index]
		step.Line, step.Command, step.Say = c.Line, c.Text, c.Say
		if phase == recording.StepBegin && step.As == "browser" && c.Who == ByClient {
			step.Order = c.Order()
		}
	}
	if err != nil {
		step.Error = err.Error()
	}
	p.st.Rec.Append(p.conn(), "", &step)
}

// conn returns the number of the play's own connection, or 0 before it exists.
func (p *play) conn() int {
	if v := p.st.look(p.st.main()); v.rec != nil {
		return v.rec.ID
	}
	return 0
}

// do carries out c.
func (p *play) do(ctx context.Context, c *Command) error {
	switch {
	case c.verb.play != nil:
		return c.verb.play(p, ctx, c)
	case c.Who == ByClient:
		return p.client(ctx, c)
	case c.Who == ByServer:
		return p.server(ctx, c)
	}
	return p.wire(c)
}

func (p *play) wait(ctx context.Context, c *Command) error {
	_, err := p.st.until(ctx, p.st.Clock, c.For, func() bool { return false })
	return err
}

func (p *play) waitServer(ctx context.Context, _ *Command) error {
	return p.await(ctx, "the server's code has not ended", func() bool { return p.st.look(p.st.main()).over() })
}

func (p *play) waitPong(ctx context.Context, _ *Command) error {
	p.pongsAwaited++
	return p.await(ctx, "no Pong arrived", p.pongCame)
}

// await waits until there returns true. If that takes longer than the Stage's patience,
// the text of the error begins with otherwise.
func (p *play) await(ctx context.Context, otherwise string, there func() bool) error {
	came, err := p.st.until(ctx, p.st.Clock, p.st.Patience, there)
	if err == nil && !came {
		err = fmt.Errorf("%s in %v", otherwise, p.st.Patience)
	}
	return err
}

// pongCame reports whether the server has received as many Pongs from the play's client
// as the scenario has awaited.
func (p *play) pongCame() bool {
	for {
		events, _ := p.st.Rec.After(p.seen, 1000)
		if len(events) == 0 {
			return p.pongs >= p.pongsAwaited
		}
		for _, e := range events {
			f, ok := e.Body.(*dissect.Frame)
			if ok && e.From == wire.Client.String() && f.Header.Opcode == wire.Pong && e.Conn == p.conn() {
				p.pongs++
			}
		}
		p.seen = events[len(events)-1].Seq
	}
}

// openOwn is open for the play's own client.
func (p *play) openOwn(ctx context.Context, c *Command) error { return p.open(ctx, p.st.main(), c) }

// open has a client open its connection. It waits until the server's code has accepted or
// refused the connection.
func (p *play) open(ctx context.Context, party *party, c *Command) error {
	if err := p.bounded(ctx, func(ctx context.Context) error { return party.client.Do(ctx, c) }); err != nil {
		return err
	}
	refused := party.client.Progress().Refused
	if v := p.st.look(party); refused && !v.arrived {
		return errors.New("net/http answered the request by itself, so the endpoint never saw it")
	}
	p.refused = p.refused || refused
	return p.await(ctx, "the server's code has not accepted the connection", func() bool {
		v := p.st.look(party)
		opened := v.actor != nil || v.line.Reading // a server with a wrong response does not report that the connection is open
		return v.arrived && (opened && !refused || v.over())
	})
}

// crowd opens more connections, one after the other.
func (p *play) crowd(ctx context.Context, c *Command) error {
	if p.st.More == nil {
		return errors.New("this run cannot have more clients")
	}
	open := p.s.Commands[0] // the first connection is the scenario's own open
	open.Opening, open.Line, open.Text = DefaultOpening(), c.Line, c.Text
	for n := range c.Count {
		token := fmt.Sprintf("%s-crowd-%d", p.st.Step.Client, n+1)
		if err := p.open(ctx, p.st.join(token, p.st.More(token)), &open); err != nil {
			return err
		}
	}
	return nil
}

// client has the play's own client do c. If c waits and cannot succeed, client ends the
// wait.
func (p *play) client(ctx context.Context, c *Command) error {
	do := func(ctx context.Context) error { return p.st.Client.Do(ctx, c) }
	switch c.verb.awaits {
	case AwaitsEnd:
		return do(ctx) // c.For bounds it
	case AwaitsNothing:
		return p.bounded(ctx, do)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	done := make(chan struct{})
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		ended, err := p.st.until(ctx, p.st.Clock, p.st.Patience, func() bool {
			select {
			case <-done:
				return true
			default:
				return p.st.nothingComes()
			}
		})
		if ended && err == nil {
			stop(ErrNothing)
		}
	}()
	err := p.bounded(ctx, do)
	close(done)
	p.st.notify()
	<-watching
	if errors.Is(err, ErrNothing) && c.verb.awaits == AwaitsFrames {
		return nil // the recording has the frames that arrived
	}
	return err
}

// bounded calls f with a context that ends after the Stage's patience.
func (p *play) bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, stop := p.st.Clock.WithTimeout(ctx, p.st.Patience, fmt.Errorf("it took longer than %v", p.st.Patience))
	defer stop()
	err := f(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return err
}

// end closes all open connections at their clients, and waits until the server's
// code has returned.
func (p *play) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*endTime)
	defer cancel()
	all := p.st.all()
	for _, party := range all {
		if v := p.st.look(party); v.wire != nil && !v.line.Silent {
			v.wire.Run() // a held frame would keep the server's code waiting
		}
		party.client.Close()
	}
	p.st.settle(ctx)
	for _, party := range all {
		if v := p.st.look(party); v.actor != nil && !v.over() {
			v.actor.End()
		}
	}
	over := func() bool {
		for _, party := range all {
			if v := p.st.look(party); !v.gone() || v.calls > 0 {
				return false
			}
		}
		return true
	}
	ended, err := p.st.until(ctx, nil, endTime, over)
	if ended || err != nil {
		return err
	}
	for _, party := range all {
		if v := p.st.look(party); v.wire != nil {
			v.wire.Abort()
		}
	}
	if ended, _ := p.st.until(ctx, nil, endTime, over); !ended {
		return fmt.Errorf("%s: the server's code is stuck: it did not return after its socket was closed", p.s.File)
	}
	return fmt.Errorf("%s: the server's code did not return within %v; closing its socket ended it", p.s.File, endTime)
}
