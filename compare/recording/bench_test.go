package recording_test

import (
	"strings"
	"testing"

	"wslab/compare/recording"
	"wslab/compare/tap"
	"wslab/reference/wire"
)

// BenchmarkEcho measures one recorded echo of 1 KiB without the network.
func BenchmarkEcho(b *testing.B) {
	rec := recording.New(nil, recording.Limits{})
	c := rec.Connect(recording.Info{}, wire.Server)
	key := "dGhlIHNhbXBsZSBub25jZQ=="
	c.Bytes(tap.In, []byte(upgradeRequest("reference", "x", key)))
	c.Bytes(tap.Out, []byte(upgradeResponse(key)))
	in, out := masked(0x82, [4]byte{1, 2, 3, 4}, strings.Repeat("x", 1024)), frame(0x82, strings.Repeat("x", 1024))
	b.ReportAllocs()
	for b.Loop() {
		call := c.Enter(recording.Doing{Verb: recording.VerbRead, Name: "ReadMessage"})
		c.Bytes(tap.In, in)
		call.Return("binary, 1024 bytes", nil)
		call = c.Enter(recording.Doing{Verb: recording.VerbWrite, Name: "WriteMessage", Args: "binary, 1024 bytes"})
		c.Bytes(tap.Out, out)
		call.Return("nil", nil)
	}
}

// BenchmarkJSON measures the JSON of the events, which a page that follows needs.
func BenchmarkJSON(b *testing.B) {
	events := session()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := recording.JSON(events); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(events)), "µs/event")
}
