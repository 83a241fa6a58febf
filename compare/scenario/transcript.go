package scenario

import "strings"

// WithTranscripts returns the text of s with new transcripts. Below each command, it
// writes the entry of lines for the line where the command begins.
func (s *Scenario) WithTranscripts(lines map[int][]string) string {
	below := map[int][]string{} // key: the last line of a command
	for _, c := range s.Commands {
		below[c.End] = lines[c.Line]
	}
	var out []string
	for i, line := range strings.Split(s.Text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "|") {
			continue
		}
		out = append(out, line)
		for _, t := range below[i+1] {
			out = append(out, strings.TrimRight("| "+t, " "))
		}
	}
	return strings.Join(out, "\n")
}
