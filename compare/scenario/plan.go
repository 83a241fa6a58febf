package scenario

// Plan is a scenario as a page shows it, step by step.
type Plan struct {
	Name    string     `json:"name"`
	Title   string     `json:"title"`
	Browser bool       `json:"browser"` // whether a browser can be its client
	Plain   bool       `json:"plain"`   // see Scenario.Plain
	Steps   []PlanStep `json:"steps"`
	Text    string     `json:"text,omitempty"` // without transcripts
}

// PlanStep is one command of a Plan.
type PlanStep struct {
	Index   int    `json:"index"`
	Line    int    `json:"line"` // in the plan's text
	Command string `json:"command"`
	Say     string `json:"say,omitempty"`
	Who     string `json:"who"` // client, server, wire or note
}

// Plan returns the steps of s, and its text without the transcripts, which are from
// another run.
func (s *Scenario) Plan() Plan {
	p := Plan{Name: s.Name, Title: s.Title, Browser: s.Browser(), Plain: s.Plain(), Steps: []PlanStep{}, Text: s.WithTranscripts(nil)}
	above := 0 // lines of transcripts above the step
	for i, c := range s.Commands {
		p.Steps = append(p.Steps, PlanStep{i, c.Line - above, c.Text, c.Say, string(c.Who)})
		above += len(c.Transcript)
	}
	return p
}
