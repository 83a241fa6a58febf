package wire

import (
	"fmt"
	"slices"
	"testing"
)

func TestTheCodesThatMayBeSentAreThoseOfTheTable(t *testing.T) {
	for i := range 5001 {
		c := CloseCode(i)
		want := i >= 1000 && i <= 1003 || i >= 1007 && i <= 1014 || i >= 3000 && i <= 4999
		if c.MayBeSent() != want {
			t.Errorf("MayBeSent of %d is %t", i, !want)
		}
		if local := slices.Contains([]int{1005, 1006, 1015}, i); c.IsLocal() != local {
			t.Errorf("IsLocal of %d is %t", i, !local)
		}
		if named := want || c.IsLocal(); (c.Name() != "") != named {
			t.Errorf("the name of %d is %q", i, c.Name())
		}
	}
	if CloseCode(65535).MayBeSent() {
		t.Error("65535 may be sent")
	}
}

func TestEveryOpcodeIsInOneHalfAndHasAName(t *testing.T) {
	for o := Opcode(0); o < 16; o++ {
		known := slices.Contains([]Opcode{Continuation, Text, Binary, Close, Ping, Pong}, o)
		if o.IsReserved() == known {
			t.Errorf("IsReserved of %s is %t", o, known)
		}
		if o.IsControl() != (o >= 8) || o.IsData() != (o <= 2) {
			t.Errorf("%s is in the wrong half", o)
		}
		if unnamed := fmt.Sprintf("opcode(0x%X)", uint8(o)); (o.String() == unnamed) == known {
			t.Errorf("opcode %d prints as %s", o, o)
		}
	}
	if !Opcode(0x11).IsReserved() {
		t.Error("an opcode of five bits is not reserved")
	}
}

func TestACloseBodyIsWrittenAsItWasRead(t *testing.T) {
	for _, p := range []ClosePayload{
		{Code: NoStatusReceived}, {Code: NormalClosure}, {Code: 4999, Reason: "bye"}, {Code: 1002, Reason: "Größe"},
	} {
		got, vs := ParseClosePayload(p.Append(nil))
		if got != p || vs != nil {
			t.Errorf("%+v came back as %+v, %v", p, got, vs)
		}
	}
}

func ExampleCloseCode() {
	fmt.Println(NormalClosure, CloseCode(4001), CloseCode(2999), AbnormalClosure.MayBeSent())
	// Output: 1000 normal closure 4001 private use 2999 false
}

func ExampleParseClosePayload() {
	p, _ := ParseClosePayload([]byte{0x03, 0xe8, 'b', 'y', 'e'})
	fmt.Println(p.Code, p.Reason)
	_, violations := ParseClosePayload([]byte{0x03, 0xed})
	fmt.Println(violations[0].Code)
	// Output:
	// 1000 normal closure bye
	// 7.4/close-code
}
