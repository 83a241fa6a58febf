package scenario

// Usage is one line of the language, for a person who writes scenarios.
type Usage struct {
	Who     string // "client", "server", "wire" or "note"; empty for a setting
	Line    string // with the names of its arguments: "close CODE REASON"
	Does    string // in Markdown
	Example string // a line that can be parsed; empty for a setting
	Setting string // a setting that the example needs, or empty
}

// Usages returns every setting and every command, each in the order of its table.
func Usages() (all []Usage) {
	for _, s := range settings {
		all = append(all, Usage{Line: joined(s.words, s.usage), Does: s.says})
	}
	for _, v := range verbs {
		all = append(all, Usage{string(v.who), joined(v.words, v.args.usage), v.says, joined(v.words, v.args.example), v.needs.setting()})
	}
	return all
}

// joined returns words and rest with a space between them, or words if rest is empty.
func joined(words, rest string) string {
	if rest == "" {
		return words
	}
	return words + " " + rest
}
