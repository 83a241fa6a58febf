package reference

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"wslab/reference/wire"
)

func TestAReasonHasRoomForWhatFitsAndNoMore(t *testing.T) {
	f := []byte{0xf3, 0xfe, 0, 5} // to a client: RSV1–3, opcode 3, MASK, a length too long
	f = append(f, 1, 2, 3, 4)
	got := run(t, wire.Client, nil, f, len(f))
	if codes(got.err) != "5.2/rsv1 5.2/rsv2 5.2/rsv3 5.2/opcode-reserved 5.1/mask-forbidden 5.2/length-minimal" {
		t.Errorf("violations %s", codes(got.err))
	}
	want := "close 1002 RSV1 is 1; RSV2 is 1; RSV3 is 1; The opcode is 0x3; MASK is 1 in a frame from a server"
	if len(got.output) != 1 || got.output[0] != want {
		t.Errorf("the peer is told %q", got.output)
	}
}

func TestEveryCloseCodeIsAnsweredOrFailed(t *testing.T) {
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		for code := range 5100 {
			c := wire.CloseCode(code)
			body := string([]byte{byte(code >> 8), byte(code)})
			got := run(t, role, nil, from(role.Peer(), true, wire.Close, body), 1000)
			want := fmt.Sprintf("close %d", c)
			if !c.MayBeSent() {
				want = "close 1002 The Close frame carries " + c.String()
			}
			if len(got.output) != 1 || got.output[0] != want {
				t.Fatalf("%s answers %d with %q, want %q", role, code, got.output, want)
			}
		}
	}
}

func TestWhatOneMachineSendsTheOtherReceives(t *testing.T) {
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		m, _ := openMachine(role)
		must(m.Send(wire.Text, true, []byte("Hello")))
		must(m.Send(wire.Text, false, []byte("\xe6")))
		must(m.Send(wire.Ping, true, []byte("p")))
		must(m.Send(wire.Continuation, true, []byte("\x97\xa5")))
		must(m.Send(wire.Binary, true, bytes.Repeat([]byte{0xff}, 300)))
		must(m.Send(wire.Pong, true, nil))
		must(m.SendClose(1000, "bye"))
		got := run(t, role.Peer(), nil, m.TakeOutput(nil), 7)
		want := []string{`text "Hello"`, `ping "p"`, `text "日"`, fmt.Sprintf("binary %q", bytes.Repeat([]byte{0xff}, 300)), `pong ""`, `close "\x03\xe8bye"`}
		if got.err != nil || !slices.Equal(got.events, want) {
			t.Errorf("from the %s: %v, %q", role, got.err, got.events)
		}
	}
}

func TestAMachineSendsNothingThatBreaksARule(t *testing.T) {
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		for name, f := range map[string]struct {
			send func(m *Machine) error
			want string
		}{
			"a continuation of nothing":  {func(m *Machine) error { return m.Send(wire.Continuation, true, nil) }, "5.4/continuation-stray"},
			"a ping of 126":              {func(m *Machine) error { return m.Send(wire.Ping, true, make([]byte, 126)) }, "5.5/control-length"},
			"a ping in fragments":        {func(m *Machine) error { return m.Send(wire.Ping, false, nil) }, "5.5/control-fragmented"},
			"an opcode that is reserved": {func(m *Machine) error { return m.Send(5, true, nil) }, "5.2/opcode-reserved"},
			"text that is not UTF-8":     {func(m *Machine) error { return m.Send(wire.Text, true, []byte("\xff")) }, "8.1/text-utf8"},
			"text that is cut":           {func(m *Machine) error { return m.Send(wire.Text, true, []byte("\xe6")) }, "8.1/text-utf8"},
			"the code 1005":              {func(m *Machine) error { return m.SendClose(1005, "x") }, "7.4/close-code"},
			"the code 1006":              {func(m *Machine) error { return m.SendClose(1006, "") }, "7.4/close-code"},
			"a reason of 124":            {func(m *Machine) error { return m.SendClose(1000, strings.Repeat("x", 124)) }, "5.5/control-length"},
			"a reason that is not UTF-8": {func(m *Machine) error { return m.SendClose(1000, "\xff") }, "5.5.1/reason-utf8"},
			"a Close frame by Send":      {func(m *Machine) error { return m.Send(wire.Close, true, nil) }, errUseClose.Error()},
			"a frame after the Close": {func(m *Machine) error {
				must(m.SendClose(1000, ""))
				m.TakeOutput(nil)
				return m.Send(wire.Text, true, nil)
			}, errNotOpen.Error()},
		} {
			m, _ := openMachine(role)
			err := f.send(m)
			if c := codes(err); c != f.want {
				t.Errorf("%s sends %s: %q, want %q", role, name, c, f.want)
			}
			if out := m.TakeOutput(nil); len(out) > 0 {
				t.Errorf("%s sends %s: there is output, % x", role, name, out)
			}
			if err := m.Receive(from(role.Peer(), true, wire.Text, "x")); err != nil {
				t.Errorf("%s sends %s: and cannot receive, %v", role, name, err)
			}
		}
	}
}

func TestASecondMessageMustWaitForTheEndOfTheFirst(t *testing.T) {
	m, _ := openMachine(wire.Server)
	must(m.Send(wire.Text, false, []byte("a")))
	if c := codes(m.Send(wire.Binary, true, nil)); c != "5.4/message-interleaved" {
		t.Errorf("violations %q", c)
	}
	must(m.Send(wire.Continuation, true, []byte("b")))
	if got := frames(t, wire.Server, m.TakeOutput(nil)); !slices.Equal(got, []string{`text "a"`, `continuation "b"`}) {
		t.Errorf("the output is %q", got)
	}
}

func TestEveryFrameOfAClientHasAKeyOfItsOwn(t *testing.T) {
	n := byte(0)
	m := NewMachine(wire.Client, Options{MaskKey: func() [4]byte { n++; return [4]byte{n, n, n, n} }})
	m.Opened(Agreement{})
	must(m.Send(wire.Text, true, nil))
	must(m.Send(wire.Ping, true, []byte("p")))
	must(m.SendClose(1000, ""))
	want := []byte{0x81, 0x80, 1, 1, 1, 1, 0x89, 0x81, 2, 2, 2, 2, 'p' ^ 2, 0x88, 0x82, 3, 3, 3, 3, 0x03 ^ 3, 0xe8 ^ 3}
	if got := m.TakeOutput(nil); !bytes.Equal(got, want) {
		t.Errorf("the output is % x\nwant          % x", got, want)
	}
}

func TestAClaimedLengthTakesNoMemory(t *testing.T) {
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		for _, compressed := range []bool{false, true} {
			m := NewMachine(role, Options{MaxMessage: math.MaxInt, MaskKey: func() [4]byte { return testKey }})
			var a Agreement
			if compressed {
				a.Codec = newDeflateCodec(role, wire.DeflateParams{})
			}
			m.Opened(a)
			h := wire.Header{Fin: true, RSV1: compressed, Opcode: wire.Binary, Masked: role == wire.Server, Form: wire.Length64, Length: 1<<63 - 1}
			must(m.Receive(append(h.Append(nil), make([]byte, 100)...)))
			if held := cap(m.message) + cap(m.packed); held < 100 || held > 1000 {
				t.Errorf("%s: 100 bytes of a frame that claims %d hold %d", role, h.Length, held)
			}
		}
	}
}

// The Machine must not copy a whole message for each of its fragments: 1 MiB in
// fragments of 64 bytes would be 8 GiB of copies. If each fragment is taken at once, it
// must not get the memory of an earlier large message either.
func TestManyFragmentsTakeTheMemoryOfTheirMessage(t *testing.T) {
	const size, part = 1 << 20, 64
	for _, how := range []string{"as it is", "compressed", "in parts", "one frame in parts"} {
		m := NewMachine(wire.Server, Options{MaxMessage: 2 * size})
		m.Opened(Agreement{})
		must(m.Receive(from(wire.Client, true, wire.Binary, strings.Repeat("a", size))))
		m.TakeEvents()
		if how == "compressed" {
			m.use(newDeflateCodec(m.role, wire.DeflateParams{}))
		}
		fragments := make([][]byte, size/part)
		for i := range fragments {
			opcode := wire.Continuation
			if i == 0 {
				opcode = wire.Binary
			}
			fragments[i] = from(wire.Client, i == len(fragments)-1, opcode, strings.Repeat("a", part))
		}
		if how == "compressed" {
			fragments[0][0] |= 0x40 // RSV1; that it cannot be inflated shows at its end
		}
		if how == "one frame in parts" {
			whole := from(wire.Client, true, wire.Binary, strings.Repeat("a", size))
			fragments = slices.Collect(slices.Chunk(whole, part))
		}
		taken := 0
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, f := range fragments {
			_ = m.Receive(f)
			if strings.HasSuffix(how, "in parts") {
				taken += len(m.takePart())
			}
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 8*size {
			t.Errorf("%s: %d bytes in fragments of %d took %d bytes of memory", how, size, part, took)
		}
		for _, e := range m.TakeEvents() {
			taken += len(e.Payload)
		}
		if taken != size && how != "compressed" {
			t.Errorf("%s: %d bytes were received", how, taken)
		}
	}
}

func TestAMachineIsDeafBeforeItIsOpenAndAfterTCPIsClosed(t *testing.T) {
	m := NewMachine(wire.Server, Options{})
	if err := m.Receive([]byte{0x81}); err == nil || m.State() != Connecting {
		t.Errorf("a Machine in CONNECTING receives: %v", err)
	}
	if m.Send(wire.Text, true, nil) == nil || m.SendClose(1000, "") == nil {
		t.Error("a Machine in CONNECTING sends")
	}
	m.TCPClosed("the test")
	m.Opened(Agreement{})
	if m.State() != Closed {
		t.Errorf("the state goes back to %s", m.State())
	}
	if err := m.Receive(from(wire.Client, true, wire.Text, "x")); err != nil || m.TakeEvents() != nil {
		t.Errorf("a Machine in CLOSED receives: %v", err)
	}
	if m.SendClose(1000, "") == nil {
		t.Error("a Machine in CLOSED sends")
	}
}

func TestAClientWithoutMaskingKeysIsRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("NewMachine made a client that cannot mask")
		}
	}()
	NewMachine(wire.Client, Options{})
}

func ExampleMachine() {
	m := NewMachine(wire.Server, Options{})
	m.Opened(Agreement{})
	// The masked "Hello" of RFC 6455 §5.7, then a Ping, cut in the middle.
	data, _ := hex.DecodeString("818537fa213d7f9f4d5158" + "898000000000")
	_ = m.Receive(data[:8])
	_ = m.Receive(data[8:])
	for _, e := range m.TakeEvents() {
		fmt.Printf("%s %q\n", e.Opcode, e.Payload)
	}
	fmt.Printf("% x\n", m.TakeOutput(nil))
	// Output:
	// text "Hello"
	// ping ""
	// 8a 00
}

func ExampleMachine_Receive() {
	m := NewMachine(wire.Server, Options{})
	m.Opened(Agreement{})
	err := m.Receive([]byte{0x81, 0x05}) // a client that does not mask
	fmt.Println(err)
	fmt.Printf("%q\n", m.TakeOutput(nil)[4:])
	// Output:
	// the connection failed: MASK is 0 in a frame from a client. A client must mask every frame that it sends. (RFC 6455 §5.1)
	// "MASK is 0 in a frame from a client"
}
