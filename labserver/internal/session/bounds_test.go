package session

import "testing"

func TestNamesOfRawClientsAreForgottenWithThem(t *testing.T) {
	l := start(t)
	s := l.session()
	for range 3 {
		l.ok(s.SendToServer(Sending{Endpoint: "reference", Parts: [][]byte{{0x81, 0x80, 0, 0, 0, 0}}}, l.addr))
		if err := s.SendToServer(Sending{Endpoint: "reference"}, l.addr); err == nil {
			t.Error("two sendings have the same client")
		}
		l.until("the sending ends", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.raws) == 0 && s.tasks == 0
		})
	}
}
