package suite

// diagnose returns the named mistake that r shows, or "" where none is known.
func diagnose(r *Report) string { return "" }
