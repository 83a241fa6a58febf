package bugs

// Line is one line of a diff.
type Line struct {
	Op   string `json:"op"` // " ", "-" or "+"
	Text string `json:"text"`
}

// Mend returns the mend of a fault as a diff of the lines of the naive server.
func Mend(number int) []Line { return []Line{} }
