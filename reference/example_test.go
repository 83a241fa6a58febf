package reference_test

import (
	"fmt"
	"log"

	"wslab/reference"
	"wslab/reference/wire"
)

// A client and a server shake hands, and the client sends a compressed message. No
// network is involved: the program carries the bytes from one Machine to the other.
func ExampleServer_Answer() {
	options := reference.Options{Extension: reference.Deflate{}, MaskKey: func() [4]byte { return [4]byte{1, 2, 3, 4} }}
	dial := &reference.DialOptions{Options: options}
	server := &reference.Server{Options: options}

	// 1. The opening handshake: request, response, and what both ends agree on.
	request, err := dial.Request("ws://example.com/chat")
	if err != nil {
		log.Fatal(err)
	}
	response, atServer, err := server.Answer(request)
	if err != nil {
		log.Fatal(err)
	}
	atClient, err := dial.Agree(request, response)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(atClient.Head.Values("Sec-WebSocket-Extensions"))

	// 2. Two Machines go on from there.
	sender := reference.NewMachine(wire.Client, options)
	sender.Opened(atClient)
	receiver := reference.NewMachine(wire.Server, options)
	receiver.Opened(atServer)

	// 3. A message: bytes from one, into the other.
	if err := sender.Send(wire.Text, true, []byte("Hello, Hello, Hello, Hello")); err != nil {
		log.Fatal(err)
	}
	frame := sender.TakeOutput(nil)
	fmt.Printf("% x\n", frame)
	if err := receiver.Receive(frame); err != nil {
		log.Fatal(err)
	}
	for _, event := range receiver.TakeEvents() {
		fmt.Printf("%s %q\n", event.Opcode, event.Payload)
	}
	// Output:
	// [permessage-deflate]
	// c1 8b 01 02 03 04 f3 4a ce cd c8 d5 52 c4 43 03 03
	// text "Hello, Hello, Hello, Hello"
}
