package reference_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"wslab/reference"
	"wslab/reference/wire"
)

// A client and a server shake hands, and the client sends a compressed message. No
// network is involved: the program carries the bytes from one Machine to the other.
func ExampleMachine() {
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

// A server echoes what a client sends.
func Example() {
	server := &reference.Server{Handler: func(c *reference.Conn, _ wire.Head) {
		for {
			opcode, p, err := c.ReadMessage()
			if err != nil || c.WriteMessage(opcode, p) != nil {
				return // the Server closes the connection
			}
		}
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Shutdown(context.Background())

	c, err := reference.Dial(context.Background(), "ws://"+l.Addr().String()+"/", nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := c.WriteMessage(wire.Text, []byte("Hello")); err != nil {
		log.Fatal(err)
	}
	opcode, p, err := c.ReadMessage()
	fmt.Printf("%s %q, %v\n", opcode, p, err)
	fmt.Println(c.Close(wire.NormalClosure, "done"))
	// Output:
	// text "Hello", <nil>
	// <nil>
}
