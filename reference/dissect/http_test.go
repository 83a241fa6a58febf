package dissect_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"wslab/reference/dissect"
	"wslab/reference/wire"
)

// told is a line for each part: kind, sender, size on the wire, data.
func told(parts []dissect.Part) []string {
	var lines []string
	for _, p := range parts {
		cut := ""
		if p.Cut {
			cut = " cut"
		}
		lines = append(lines, fmt.Sprintf("%s %v %d %q%s", p.What, p.From, p.Size, p.Data, cut))
	}
	return lines
}

// joined returns the lines of told with the bodies of each sender joined, because their number depends on
// how TCP cuts a body with Content-Length.
func joined(parts []dissect.Part) []string {
	var all []dissect.Part
	for _, p := range parts {
		if n := len(all); n > 0 && p.What == dissect.PartBody && all[n-1].What == p.What && all[n-1].From == p.From {
			last := &all[n-1]
			last.Size += p.Size
			last.Data = append(slices.Clone(last.Data), p.Data...)
			last.Cut = last.Cut || p.Cut
			continue
		}
		all = append(all, p)
	}
	return told(all)
}

// keep returns parts with bytes of their own.
func keep(parts []dissect.Part) []dissect.Part {
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].Data, parts[i].Bytes = bytes.Clone(parts[i].Data), bytes.Clone(parts[i].Bytes)
	}
	return parts
}

// exchanged gives the request and then the response to an Exchange, at most step bytes at
// once. ends is the end that then closes TCP; nil for none.
func exchanged(up, down string, step int, ends *wire.Role) (parts []dissect.Part, used [2]int, over bool) {
	var x dissect.Exchange
	for from, text := range []string{up, down} {
		for b := []byte(text); len(b) > 0; {
			piece := b[:min(step, len(b))]
			ps, n := x.Bytes(wire.Role(from), piece)
			parts = append(parts, keep(ps)...)
			used[from] += n
			b = b[len(piece):]
		}
	}
	over = x.Over()
	if ends != nil {
		parts = append(parts, keep(x.End(*ends))...)
	}
	return parts, used, over
}

const (
	get  = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
	head = "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"
	ok   = "HTTP/1.1 200 OK\r\n"
)

func TestAnExchangeEndsWhereRFC9112EndsIt(t *testing.T) {
	client, server := wire.Client, wire.Server
	for _, c := range []struct {
		name, up, down string
		ends           *wire.Role
		want           []string
		rest           [2]int // bytes that do not belong to the exchange
		open           bool   // it is not over before the end of TCP
	}{
		{"a length", get, ok + "Content-Length: 5\r\n\r\nHello", nil, []string{`request client 28 ""`, `response server 38 ""`, `body server 5 "Hello"`, `end server 0 ""`}, [2]int{}, false},
		{"a length of 0", get, ok + "Content-Length: 0\r\n\r\n", nil, []string{`request client 28 ""`, `response server 38 ""`, `end server 0 ""`}, [2]int{}, false},
		{"a length twice", get, ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nHi", nil, []string{`request client 28 ""`, `response server 57 ""`, `body server 2 "Hi"`, `end server 0 ""`}, [2]int{}, false},
		{"chunks", get, ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n00A;x=y\r\n, chunked!\r\n0\r\n\r\n", nil,
			[]string{`request client 28 ""`, `response server 47 ""`, `body server 31 "Hello, chunked!"`, `end server 5 ""`}, [2]int{}, false},
		{"a trailer", get, ok + "Transfer-Encoding: gzip, Chunked\r\n\r\n1\r\nH\r\n0\r\nX: y\r\n\r\n", nil,
			[]string{`request client 28 ""`, `response server 53 ""`, `body server 6 "H"`, `end server 11 ""`}, [2]int{}, false},
		{"no content", get, "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", nil, []string{`request client 28 ""`, `response server 46 ""`, `end server 0 ""`}, [2]int{}, false},
		{"not modified", get, "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", nil, []string{`request client 28 ""`, `response server 57 ""`, `end server 0 ""`}, [2]int{}, false},
		{"HEAD", head, ok + "Content-Length: 5\r\n\r\n", nil, []string{`request client 29 ""`, `response server 38 ""`, `end server 0 ""`}, [2]int{}, false},
		{"an interim response", get, "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nH", nil,
			[]string{`request client 28 ""`, `response server 25 ""`, `response server 38 ""`, `body server 1 "H"`, `end server 0 ""`}, [2]int{}, false},
		{"a request with a body", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 204 No Content\r\n\r\n", nil,
			[]string{`request client 38 ""`, `body client 3 "abc"`, `response server 27 ""`, `end server 0 ""`}, [2]int{}, false},
		{"a request in chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", nil,
			[]string{`request client 47 ""`, `body client 13 "abc"`, `response server 27 ""`, `end server 0 ""`}, [2]int{}, false},
		{"the next request", get + "GET /next", ok + "Content-Length: 1\r\n\r\nHHTTP/1.1", nil,
			[]string{`request client 28 ""`, `response server 38 ""`, `body server 1 "H"`, `end server 0 ""`}, [2]int{9, 8}, false},
		{"lines that end in LF", "GET /x HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\nContent-Length: 1\n\nH", nil,
			[]string{`request client 25 ""`, `response server 35 ""`, `body server 1 "H"`, `end server 0 ""`}, [2]int{}, false},

		{"until the server closes", get, ok + "\r\nHello", &server, []string{`request client 28 ""`, `response server 19 ""`, `body server 5 "Hello"`, `end server 0 ""`}, [2]int{}, true},
		{"until the client closes", get, ok + "\r\nHello", &client, []string{`request client 28 ""`, `response server 19 ""`, `body server 5 "Hello"`, `end server 0 "" cut`}, [2]int{}, true},
		{"half a request", "GET /x HT", "", &client, []string{`request client 9 "" cut`, `end server 0 "" cut`}, [2]int{}, true},
		{"no response", get, "", &server, []string{`request client 28 ""`, `end server 0 "" cut`}, [2]int{}, true},
		{"half a length", get, ok + "Content-Length: 5\r\n\r\nHel", &server, []string{`request client 28 ""`, `response server 38 ""`, `body server 3 "Hel"`, `end server 0 "" cut`}, [2]int{}, true},
		{"half a chunk", get, ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nHel", &server, []string{`request client 28 ""`, `response server 47 ""`, `body server 6 "Hel" cut`, `end server 0 "" cut`}, [2]int{}, true},
		{"half a size line", get, ok + "Transfer-Encoding: chunked\r\n\r\n5", &server, []string{`request client 28 ""`, `response server 47 ""`, `body server 1 "" cut`, `end server 0 "" cut`}, [2]int{}, true},
		{"no last line", get, ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n", &server, []string{`request client 28 ""`, `response server 47 ""`, `end server 3 "" cut`}, [2]int{}, true},

		{"a chunk without a size", get, ok + "Transfer-Encoding: chunked\r\n\r\nxyz\r\nHello", &server, []string{`request client 28 ""`, `response server 47 ""`, `body server 10 "Hello"`, `end server 0 ""`}, [2]int{}, true},
		{"two lengths", get, ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nHi", &server, []string{`request client 28 ""`, `response server 57 ""`, `body server 2 "Hi"`, `end server 0 ""`}, [2]int{}, true},
		{"a length that is not a number", get, ok + "Content-Length: -1\r\n\r\nHi", &server, []string{`request client 28 ""`, `response server 39 ""`, `body server 2 "Hi"`, `end server 0 ""`}, [2]int{}, true},
	} {
		for _, step := range []int{1 << 20, 20, 7, 1} {
			parts, used, over := exchanged(c.up, c.down, step, c.ends)
			if got := joined(parts); !slices.Equal(got, c.want) {
				t.Errorf("%s, %d bytes at once:\n%s\nwant\n%s", c.name, step, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if over == c.open {
				t.Errorf("%s, %d bytes at once: over is %v", c.name, step, over)
			}
			if rest := [2]int{len(c.up) - used[0], len(c.down) - used[1]}; rest != c.rest {
				t.Errorf("%s, %d bytes at once: %v bytes are left, want %v", c.name, step, rest, c.rest)
			}
		}
	}
}

func TestAChunkIsOnePart(t *testing.T) {
	down := ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n2\r\nHi\r\n0\r\n\r\n"
	for _, step := range []int{1 << 20, 3, 1} {
		parts, _, _ := exchanged(get, down, step, nil)
		want := []string{`request client 28 ""`, `response server 47 ""`, `body server 10 "Hello"`, `body server 7 "Hi"`, `end server 5 ""`}
		if got := told(parts); !slices.Equal(got, want) {
			t.Errorf("%d bytes at once: %q", step, got)
		}
		if string(parts[2].Bytes) != "5\r\nHello\r\n" || string(parts[4].Bytes) != "0\r\n\r\n" {
			t.Errorf("%d bytes at once: the bytes are %q and %q", step, parts[2].Bytes, parts[4].Bytes)
		}
	}
}

func TestTheHeaderFieldsOfAnExchangeHaveAMeaningAndAPlace(t *testing.T) {
	parts, _, _ := exchanged("POST /p?after=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX-Own: 1\r\n\r\n", ok+"Transfer-Encoding: chunked\r\n\r\n", 1<<20, nil)
	request, response := parts[0], parts[1]
	if request.Line != "POST /p?after=1 HTTP/1.1" || request.Head.Method != "POST" || response.Head.Status != 200 || len(request.Lines) != 3 {
		t.Fatalf("%+v, %+v", request, response)
	}
	for _, l := range request.Lines {
		if line := string(request.Bytes[l.Offset : l.Offset+l.Size]); line != l.Name+": "+l.Value+"\r\n" {
			t.Errorf("%s is at %q", l.Name, line)
		}
		if known := l.Name != "X-Own"; known != (l.Meaning != "") || l.Section != "" {
			t.Errorf("%s means %q, section %q", l.Name, l.Meaning, l.Section)
		}
	}
}

func TestAnExchangeKeepsLittleOfALongOne(t *testing.T) {
	long := strings.Repeat("x", dissect.MaxHTTPHead)
	parts, used, _ := exchanged(get, ok+"X: "+long+"\r\n\r\nmore", 1000, new(wire.Role))
	size := 0
	for _, p := range parts {
		if p.From == wire.Server {
			size += p.Size
		}
		if len(p.Bytes) > dissect.KeepPayload || len(p.Data) > dissect.KeepPayload {
			t.Errorf("%s keeps %d and %d bytes", p.What, len(p.Bytes), len(p.Data))
		}
	}
	if size != used[1] || !parts[1].Cut {
		t.Errorf("the parts have %d of %d bytes, and the head has cut=%v", size, used[1], parts[1].Cut)
	}
	parts, _, _ = exchanged(get, fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", ok, len(long), long), 100, nil)
	if p := parts[2]; p.DataSize != len(long) || len(p.Data) != dissect.KeepPayload || len(p.Bytes) != dissect.KeepPayload {
		t.Errorf("the chunk has %d bytes of data, and keeps %d and %d", p.DataSize, len(p.Data), len(p.Bytes))
	}
}

// FuzzExchange checks that each byte is in exactly one part, however TCP cuts the bytes,
// and that the data are those of net/http.
func FuzzExchange(f *testing.F) {
	f.Add(get, ok+"Content-Length: 5\r\n\r\nHello", uint16(3))
	f.Add("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", ok+"Transfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n", uint16(1))
	f.Add(head, "HTTP/1.1 100 Continue\r\n\r\n"+ok+"\r\nHello", uint16(7))
	f.Fuzz(func(t *testing.T, up, down string, step uint16) {
		ends := wire.Server
		var first []string
		var data []byte
		for i, step := range []int{1 << 20, max(int(step), 1)} {
			parts, used, _ := exchanged(up, down, step, &ends)
			var size [2]int
			for _, p := range parts {
				size[p.From] += p.Size
				if p.DataSize > p.Size {
					t.Fatalf("a part of %d bytes has %d bytes of data", p.Size, p.DataSize)
				}
				if i == 0 && p.From == wire.Server {
					data = append(data, p.Data...)
				}
			}
			if size != used {
				t.Fatalf("the parts have %v bytes, and the exchange %v: %q", size, used, told(parts))
			}
			if parts[len(parts)-1].What != dissect.PartEnd {
				t.Fatalf("it does not end: %q", told(parts))
			}
			if i == 0 {
				first = joined(parts)
			} else if got := joined(parts); len(up)+len(down) < 1000 && !slices.Equal(got, first) {
				t.Fatalf("in pieces of %d bytes:\n%q\nat once:\n%q", step, got, first)
			}
		}
		request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(up)))
		folded := strings.Contains(down, "\n ") || strings.Contains(down, "\n\t") // net/http joins such lines (RFC 9112 §5.2)
		if err != nil || folded || len(up)+len(down) > 1000 {
			return
		}
		response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(down)), request)
		if err != nil || response.StatusCode < 200 || request.Method == "CONNECT" || response.Proto != "HTTP/1.1" {
			return
		}
		if got, err := io.ReadAll(response.Body); err == nil && !bytes.Equal(got, data) {
			t.Fatalf("net/http reads %q, the exchange has %q", got, data)
		}
	})
}
