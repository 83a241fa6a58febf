package recording

// Verb says what a call does to the connection.
type Verb string

// The verbs. A call that does several things has the verb of its purpose.
const (
	VerbOpen  Verb = "open"  // the opening handshake
	VerbRead  Verb = "read"  // waits for data of the peer
	VerbWrite Verb = "write" // sends
	VerbClose Verb = "close" // sends a Close frame, or closes TCP
	VerbOther Verb = "other" // does not use the connection
)

// Doing describes a call when it begins. Name and Args are those of the source code.
type Doing struct {
	Verb   Verb
	Name   string
	Args   string
	Socket bool   // a call to the socket below the library
	Writes Writes // the bytes that a call with VerbWrite or VerbClose will send
}

// Pending is a call that has not returned.
type Pending struct {
	c   *Connection
	end *Call // the event that Return records
	u   *underway
}

// Enter records that the endpoint's code makes the call d. The caller must call Return or
// Failed when the call returns. On a nil Connection, all three methods do nothing, so an
// endpoint can run unrecorded.
func (c *Connection) Enter(d Doing) Pending {
	if c == nil {
		return Pending{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.calls++
	if len(c.r.spare) == 0 {
		c.r.spare = make([][2]Call, min(max(c.r.calls/8, 1), maxRoom/2))
	}
	both := &c.r.spare[0]
	c.r.spare = c.r.spare[1:]
	enter, end := &both[0], &both[1]
	enter.ID, enter.Name, enter.Phase, enter.Args, enter.Verb, enter.Socket = c.r.calls, d.Name, "enter", d.Args, d.Verb, d.Socket
	end.ID, end.Name, end.Phase, end.Verb, end.Socket = c.r.calls, d.Name, "return", d.Verb, d.Socket
	if d.Verb == VerbOpen {
		enter.Of = c.about.request
	}
	u := c.about.enter(c.r.next, d)
	c.r.append(c.r.Now(), c.ID, c.side.String(), enter)
	return Pending{c, end, u}
}

// Return records that the call returned result or err.
func (p Pending) Return(result string, err error) { p.back(result, err, false) }

// Failed records that the call returned err because of a frame of the peer: a Close
// frame, or a frame that breaks a rule.
func (p Pending) Failed(err error) { p.back("", err, true) }

func (p Pending) back(result string, err error, frame bool) {
	if p.c == nil {
		return
	}
	p.end.Result, p.end.Err = result, goError(err)
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.end.Of = p.c.about.leave(p.u, err != nil, frame)
	p.c.r.Append(p.c.ID, p.c.side.String(), p.end)
}
