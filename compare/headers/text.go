package headers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// A Sheet has the Map of one Target for each Context.
type Sheet [contexts]*Map

// Ask sends every header to t in every context. If ctx ends first, Ask returns the error
// of ctx.
func Ask(ctx context.Context, t Target) (*Sheet, error) {
	var s Sheet
	for _, c := range Contexts {
		m, err := t.Map(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t, err)
		}
		s[c] = m
	}
	return &s, nil
}

// WriteText writes s as text. Each line is for a range of first bytes with the same
// outcomes. It has a word for each range of second bytes. The text is the same in every
// run, so two texts can be diffed.
func WriteText(w io.Writer, t Target, s *Sheet) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "How %s as a %s treats each two bytes that a frame can begin with.\n", t.Endpoint, t.Role)
	fmt.Fprintf(b, "First byte (FIN, RSV1-3, opcode), then second bytes (MASK, length) and their outcome.\n\n")
	for _, o := range Outcomes() {
		fmt.Fprintf(b, "  %-7s %s\n", o, o.Sentence())
	}
	for _, c := range Contexts {
		fmt.Fprintf(b, "\n%s\n", title(c))
		for from := 0; from < 256; {
			row, to := line(s[c], from), from+1
			for to < 256 && line(s[c], to) == row {
				to++
			}
			fmt.Fprintf(b, "%-6s%s\n", span(from, to), row)
			from = to
		}
	}
	return b.Flush()
}

// title returns the line above the outcomes of a context.
func title(c Context) string {
	if c == Fragmented {
		return "fragmented: after the first frame of a text message"
	}
	return "fresh: as the first frame of the connection"
}

// line returns the outcomes of m for one first byte.
func line(m *Map, first int) string {
	var b strings.Builder
	row := m[first<<8 : (first+1)<<8]
	for from := 0; from < len(row); {
		to := from + 1
		for to < len(row) && row[to] == row[from] {
			to++
		}
		fmt.Fprintf(&b, "  %s %s", span(from, to), row[from])
		from = to
	}
	return b.String()
}

// span returns the bytes from … to-1 as hex.
func span(from, to int) string {
	if to-from == 1 {
		return fmt.Sprintf("%02x", from)
	}
	return fmt.Sprintf("%02x-%02x", from, to-1)
}

// ReadText reads the text of WriteText.
func ReadText(r io.Reader) (*Sheet, error) {
	byWord := map[string]Outcome{}
	for _, o := range Outcomes() {
		byWord[o.String()] = o
	}
	s, have := &Sheet{}, [contexts]int{}
	var m *Map
	var seen *int
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		if c, ok := titled(text); ok {
			s[c] = new(Map)
			m, seen = s[c], &have[c]
			continue
		}
		words := strings.Fields(text)
		if m == nil || len(words) == 0 {
			continue
		}
		first, last, err := spanned(words[0])
		for i := 1; err == nil && i < len(words); i += 2 {
			from, to, bad := spanned(words[i])
			if err = bad; err != nil {
				break
			}
			if i+1 == len(words) {
				err = fmt.Errorf("%s has no outcome", words[i])
				break
			}
			o, ok := byWord[words[i+1]]
			if !ok {
				err = fmt.Errorf("%q is not an outcome", words[i+1])
			}
			for row := first; row <= last; row++ {
				for second := from; second <= to; second++ {
					m[row<<8|second] = o
					*seen++
				}
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	for _, c := range Contexts {
		if have[c] != Count {
			return nil, fmt.Errorf("%s: %d outcomes, want %d", c, have[c], Count)
		}
	}
	return s, lines.Err()
}

// titled returns the context with that title.
func titled(text string) (Context, bool) {
	for _, c := range Contexts {
		if text == title(c) {
			return c, true
		}
	}
	return 0, false
}

// spanned reads the text of span. last is the last byte.
func spanned(s string) (first, last int, err error) {
	from, to, more := strings.Cut(s, "-")
	if !more {
		to = from
	}
	for _, half := range []struct {
		text string
		to   *int
	}{{from, &first}, {to, &last}} {
		if _, err := fmt.Sscanf(half.text, "%02x", half.to); err != nil || len(half.text) != 2 {
			return 0, 0, fmt.Errorf("%q is not a byte in hex", half.text)
		}
	}
	if last < first {
		return 0, 0, fmt.Errorf("%q runs backward", s)
	}
	return first, last, nil
}
