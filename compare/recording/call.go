package recording

// Verb is what a call does to the connection.
type Verb string

// The verbs. A call that does several things has the one that it is made for.
const (
	VerbOpen  Verb = "open"  // the opening handshake
	VerbRead  Verb = "read"  // waits for what the peer sends
	VerbWrite Verb = "write" // sends
	VerbClose Verb = "close" // sends a Close frame, or ends TCP
	VerbOther Verb = "other" // touches no byte of the connection
)

// Doing is a call as it begins. Name and Args are as a reader of the code knows
// them.
type Doing struct {
	Verb   Verb
	Name   string
	Args   string
	Socket bool   // it is a call of the socket below the library
	Writes Writes // what a call that writes or closes is about to send
}

// Pending is a call that has not come back.
type Pending struct {
	c   *Connection
	end *Call // what Return completes and records
	u   *underway
}

// Enter records that the endpoint's code calls d; Return must follow. On a nil
// Connection neither does anything, so an endpoint runs unrecorded as well.
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

// Return records what the call came back with.
func (p Pending) Return(result string, err error) { p.back(result, err, false) }

// Failed records that the call came back with err because of a frame that the peer
// had sent: a Close frame, or one that breaks a rule.
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
