package tap

// Direction is the direction of bytes at a tapped end.
type Direction uint8

// The two directions, seen from the tapped end.
const (
	In  Direction = iota // read by the endpoint
	Out                  // written by the endpoint
)

// Unit is a handshake or a frame: the bytes that are released or dropped in one step.
//
// A Unit with ID 0 is bytes that are neither, such as the body of a refusal. The valve
// passes them with the unit before them.
type Unit struct {
	ID  uint64 // the Recorder's name for the unit
	End int    // number of bytes given to Bytes that belong to this unit or to earlier ones
}

// A Recorder receives everything that passes a Conn. Several goroutines may call it at
// once for one Conn. It must not keep a slice that it receives. Fin, Failed, Closed and
// Gone may call Status and use the valve. They may wait for a lock whose holder does so.
// The other methods must not call the Conn.
//
// The order of the calls is the order on the wire: a reply is recorded after the bytes
// that caused it.
type Recorder interface {
	// Bytes reports bytes that the endpoint reads, or that its socket has accepted.
	// If the valve is shut, it reports bytes that have reached the valve. It returns
	// the units that the bytes complete.
	Bytes(d Direction, b []byte) []Unit
	// Stops reports that the bytes of the next call of Bytes stop at the valve on
	// their way to the endpoint. The endpoint receives a unit when Released reports it.
	Stops()
	// Unsent reports bytes that the endpoint wrote and its socket did not accept, with
	// the error of that Write. Bytes has not reported them.
	Unsent(b []byte, err error)
	// Unread reports size bytes that had arrived when the endpoint closed its socket, and
	// that the endpoint did not read. b is the beginning of these bytes.
	Unread(b []byte, size int)
	// Ahead reports that n unread bytes have arrived when the endpoint begins its
	// first Write.
	Ahead(n int)
	// Waits, Released and Dropped report a unit that the valve holds, releases or
	// drops. They do not report a unit that passes an open valve.
	Waits(d Direction, id uint64)
	Released(d Direction, id uint64)
	Dropped(d Direction, id uint64)
	// Uncrossed corrects the report of Bytes: the last n bytes of a unit were not
	// transmitted. If d is Out, the socket refused these bytes with err. If d is In, the
	// endpoint closed without reading them, and err is nil. If id is 0, the bytes belong
	// to no unit.
	Uncrossed(d Direction, id uint64, n int, err error)
	// Fin reports the end of direction d: the peer's FIN was read, or the endpoint sends
	// its own FIN and reads on. Failed reports that a Read or Write of the socket failed,
	// Closed that the endpoint closes its socket. Reset, before Closed, reports that the
	// socket is closed with RST. A FIN never overtakes a held unit: if a unit is held,
	// Waits and later Released or Dropped follow, with the ID that Fin or Closed
	// returned.
	Fin(d Direction) (id uint64)
	Failed(d Direction, err error)
	Reset()
	Closed() (id uint64)
	// Gone reports that the socket itself is closed. It is the last call.
	Gone()
}

// Unrecorded is a Recorder for a connection that another end records: it ignores
// everything. A Conn needs a Recorder for Callers and Sip.
type Unrecorded struct{}

// Bytes implements Recorder: no bytes complete a unit.
func (Unrecorded) Bytes(Direction, []byte) []Unit { return nil }

// Fin implements Recorder.
func (Unrecorded) Fin(Direction) uint64 { return 0 }

// Closed implements Recorder.
func (Unrecorded) Closed() uint64 { return 0 }

// The other methods of Recorder do nothing.

func (Unrecorded) Stops()                                  {}
func (Unrecorded) Unsent([]byte, error)                    {}
func (Unrecorded) Unread([]byte, int)                      {}
func (Unrecorded) Ahead(int)                               {}
func (Unrecorded) Waits(Direction, uint64)                 {}
func (Unrecorded) Released(Direction, uint64)              {}
func (Unrecorded) Dropped(Direction, uint64)               {}
func (Unrecorded) Uncrossed(Direction, uint64, int, error) {}
func (Unrecorded) Failed(Direction, error)                 {}
func (Unrecorded) Reset()                                  {}
func (Unrecorded) Gone()                                   {}
