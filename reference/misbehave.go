package reference

// Misbehave names what an end does against RFC 6455 on purpose, for lessons and
// tests.
type Misbehave struct {
	IgnoreClose bool // it sends no Close frame in answer to the peer's (§5.5.1)
	KeepTCP     bool // it leaves TCP open behind a closing handshake (§7.1.1)
}

// WriteRawClose is WriteRaw of a Close frame, legal or not: the peer's is not
// answered with another. It neither waits for that nor closes TCP.
func (c *Conn) WriteRawClose(data []byte) error {
	c.mu.Lock()
	if c.m.State() == Open || c.m.State() == Closing {
		c.m.closeSent = true
		c.m.enter(Closing, "a Close frame was sent past the Machine")
	}
	c.mu.Unlock()
	return c.WriteRaw(data)
}
