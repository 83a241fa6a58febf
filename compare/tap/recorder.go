package tap

// Direction says which way bytes go at a tapped end.
type Direction uint8

// The two directions, seen from the tapped end.
const (
	In  Direction = iota // read by the endpoint
	Out                  // written by the endpoint
)

// Unit is what is released or dropped in one step: a handshake or a frame.
//
// A Unit with ID 0 is bytes that are neither, like the body of a refusal: they
// go along with the unit before them.
type Unit struct {
	ID  uint64 // the Recorder's name for it
	End int    // bytes of the slice given to Bytes that belong to it or to earlier ones
}

// A Recorder receives all that passes a Conn. Calls for one Conn may come from
// several goroutines at once. It must not keep a slice that it is given. It must
// not call back into the Conn, but for Fin, Failed, Closed and Gone: they may ask
// for Status, work the valve, and lock what others hold who do.
//
// The order of the calls is the order on the wire: a reply is recorded after the
// bytes that caused it.
type Recorder interface {
	// Bytes reports bytes that crossed: the endpoint reads them, or its socket has
	// taken them. Where the valve is shut it reports bytes that reached the valve.
	// It returns the units that they completed.
	Bytes(d Direction, b []byte) []Unit
	// Stops reports that the bytes of the next Bytes stop at the valve, on their way
	// to the endpoint: it has not received what they complete before Released.
	Stops()
	// Unsent reports bytes that the endpoint wrote and its socket did not take, and
	// the error of that Write. Bytes has not reported them.
	Unsent(b []byte, err error)
	// Unread reports bytes that have arrived when the endpoint has closed its socket
	// and that it has not read: size of them, of which b is the beginning.
	Unread(b []byte, size int)
	// Ahead reports that n bytes have arrived, and are still to be read, as the
	// endpoint begins its first write.
	Ahead(n int)
	// Waits, Released and Dropped tell what becomes of a unit at the valve. A unit
	// that passes an open valve is not mentioned.
	Waits(d Direction, id uint64)
	Released(d Direction, id uint64)
	Dropped(d Direction, id uint64)
	// Uncrossed corrects what Bytes reported of a unit: its last n bytes have not
	// crossed. Out: the socket refused them with err. In: the endpoint has closed
	// without reading them, and err is nil. ID 0 is bytes of no unit.
	Uncrossed(d Direction, id uint64, n int, err error)
	// Fin tells that the last byte of direction d has gone: the peer's FIN was
	// read, or the endpoint sends its own and reads on. Failed tells that a Read or
	// Write of the socket failed, Closed that the endpoint closes its socket, and
	// Reset, before Closed, that it does so with RST. A FIN never overtakes a unit:
	// where one waits, Waits and later Released or Dropped follow, with the ID that
	// Fin or Closed returned.
	Fin(d Direction) (id uint64)
	Failed(d Direction, err error)
	Reset()
	Closed() (id uint64)
	// Gone tells that the socket itself is closed. It comes last.
	Gone()
}
