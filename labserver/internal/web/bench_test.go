package web

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkWireToEvent measures from the write of a frame's last byte by a raw
// client to its event in the stream of a page. The goal for the page's row,
// which comes after it, is 30 ms.
func BenchmarkWireToEvent(b *testing.B) {
	s := start(b)
	sess := s.session()
	p := s.websocket("/ws/reference?client=c&session=" + sess.ID)
	defer p.Close()
	st := s.follow(sess.ID, nil)
	defer st.body.Close()
	var times []time.Duration
	for n := 0; b.Loop(); n++ {
		text := fmt.Sprint("frame ", n)
		data := frame(0x81, text)
		last := len(data) - 1
		p.say(data[:last])
		began := time.Now()
		p.say(data[last:])
		for seen := false; !seen; {
			events, ok := st.next()
			if !ok {
				b.Fatal("the stream has ended")
			}
			seen = slices.ContainsFunc(events, func(e event) bool { return e.From == "client" && e.Frame.Text == text })
		}
		times = append(times, time.Since(began))
		if _, _, err := p.read(); err != nil {
			b.Fatal(err)
		}
		p.SetDeadline(time.Now().Add(patience))
	}
	slices.Sort(times)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(times[len(times)/2]), "ms/event(median)")
	b.ReportMetric(ms(times[len(times)*99/100]), "ms/event(p99)")
}
