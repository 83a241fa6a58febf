package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// Limits of a chat.
const (
	maxChat     = 20  // messages
	maxChatText = 200 // bytes of a message
	maxChatRead = 4096

	chatTimeout = 5 * time.Second // for each of its two connections
	arriveIn    = time.Second     // time for its messages to arrive before the server begins to read
)

// ChatOrder has the messages that a client sends over TCP, and the same over WebSocket.
type ChatOrder struct {
	Messages []string `json:"messages"`
	Split    int      `json:"split"` // bytes that the TCP server asks for in each Read; 0 means maxChatRead
}

// Chat names the clients of a chat.
type Chat struct {
	TCP    string `json:"tcp"`
	Socket string `json:"socket"`
}

// Chat sends the messages over TCP and over WebSocket. Each is one Write. Both servers
// begin to read when all messages have arrived. Chat returns at once. The recording shows
// the outcome. addr is the address of the lab server.
func (s *Session) Chat(o ChatOrder, addr string) (Chat, error) {
	if len(o.Messages) == 0 || len(o.Messages) > maxChat {
		return Chat{}, &CommandError{fmt.Sprintf("The chat has %d messages.", len(o.Messages)), fmt.Sprintf("Send 1 to %d messages.", maxChat)}
	}
	for i, m := range o.Messages {
		if len(m) == 0 || len(m) > maxChatText {
			return Chat{}, &CommandError{fmt.Sprintf("Message %d of the chat has %d bytes.", i+1, len(m)), fmt.Sprintf("Use 1 to %d bytes.", maxChatText)}
		}
	}
	if o.Split < 0 || o.Split > maxChatRead {
		return Chat{}, &CommandError{fmt.Sprintf("A Read of %d bytes is not possible here.", o.Split), fmt.Sprintf("Use 1 to %d bytes, or 0 for %d.", maxChatRead, maxChatRead)}
	}
	s.mu.Lock()
	s.used = time.Now()
	s.chats++
	c := Chat{fmt.Sprintf("chat-%d-tcp", s.chats), fmt.Sprintf("chat-%d-ws", s.chats)}
	s.mu.Unlock()
	if err := s.reserve(c.Socket, 0); err != nil {
		return Chat{}, err
	}
	closing := wire.ClosePayload{Code: wire.NormalClosure}.Append(nil)
	size := 0
	for _, m := range append([]string{string(closing)}, o.Messages...) {
		size += wire.Header{Masked: true, Form: wire.FormFor(uint64(len(m))), Length: uint64(len(m))}.Size() + len(m)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hands[c.Socket] = &hand{
		read: func(a scenario.Actor, conn *tap.Conn) {
			arrived(s.ctx, conn, size)
			for a.Read(0) == nil {
			}
		},
		act: func(ctx context.Context, _ scenario.Actor) { <-ctx.Done() },
	}
	err := s.start(func() {
		defer s.unhand(c.Socket)
		if err := s.chatTCP(o, c.TCP); err != nil {
			s.log(c.TCP)("error", err.Error(), -1)
		}
		log := s.log(c.Socket)
		if err := s.chatSocket(o, closing, c.Socket, addr, log); err != nil {
			log("error", err.Error(), -1)
		}
	})
	if err != nil {
		delete(s.raws, c.Socket)
		delete(s.hands, c.Socket)
	}
	return c, err
}

// unhand forgets the raw client called client and its server.
func (s *Session) unhand(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hands, client)
	delete(s.raws, client)
}

// arrived returns when size bytes have arrived at conn, or after arriveIn. TCP does not
// say when bytes arrive, so arrived looks again and again.
func arrived(ctx context.Context, conn *tap.Conn, size int) {
	ctx, cancel := context.WithTimeout(ctx, arriveIn)
	defer cancel()
	for conn.Arrived() < size && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
}

// chatTCP sends the messages over TCP.
func (s *Session) chatTCP(o ChatOrder, client string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(s.ctx, chatTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	sender, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer sender.Close()
	accepted, err := l.Accept()
	if err != nil {
		return err
	}
	conn := tap.New(accepted)
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)); sender.SetDeadline(time.Unix(1, 0)) })()
	rec := s.Rec.ConnectPlain(recording.Info{
		Endpoint: "tcp", Client: client, As: recording.AsRaw, Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String(),
	})
	conn.Attach(rec, false)
	size := 0
	for _, m := range o.Messages {
		size += len(m)
		err := rec.Call(wire.Client, recording.Doing{Verb: recording.VerbWrite, Name: "net.Conn.Write", Args: quoted([]byte(m))}, func() (string, error) {
			n, err := sender.Write([]byte(m))
			return recording.ByteCount(n), err
		})
		if err != nil {
			return err
		}
	}
	arrived(ctx, conn, size)
	_ = rec.Call(wire.Client, recording.Doing{Verb: recording.VerbClose, Name: "net.Conn.Close"}, func() (string, error) { return "nil", sender.Close() })
	b := make([]byte, maxChatRead)
	if o.Split > 0 {
		b = b[:o.Split]
	}
	for err == nil {
		err = rec.Call(wire.Server, recording.Doing{Verb: recording.VerbRead, Name: "net.Conn.Read", Args: fmt.Sprintf("room for %s", recording.ByteCount(len(b)))}, func() (string, error) {
			n, err := conn.Read(b)
			return quoted(b[:n]), err
		})
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	_ = rec.Call(wire.Server, recording.Doing{Verb: recording.VerbClose, Name: "net.Conn.Close"}, func() (string, error) { return "nil", conn.Close() })
	return err
}

// quoted describes bytes in a call: "5 bytes: \"Hello\"".
func quoted(b []byte) string { return fmt.Sprintf("%s: %q", recording.ByteCount(len(b)), b) }

// chatSocket sends the messages over WebSocket, and then a Close frame with the payload
// closing.
func (s *Session) chatSocket(o ChatOrder, closing []byte, client, addr string, log scenario.Log) error {
	ctx, cancel := context.WithTimeout(s.ctx, chatTimeout)
	defer cancel()
	conn, err := s.dial(ctx, addr)
	if err != nil {
		return err
	}
	target := s.target("reference", client)
	log("dial", target, -1)
	raw, err := scenario.NewRaw(conn, scenario.DefaultOpening(), target, addr, log)
	if err != nil {
		return err
	}
	raw.Use(&s.clock)
	defer raw.Close()
	if status, err := raw.Status(ctx); err != nil || status != http.StatusSwitchingProtocols {
		return err
	}
	for _, m := range o.Messages {
		if err := raw.Frame(wire.Text, []byte(m)); err != nil {
			return nil // the log has the error
		}
	}
	if raw.Frame(wire.Close, closing) == nil {
		_ = raw.EOF(ctx) // a connection that stays open is also an outcome
	}
	return nil
}
