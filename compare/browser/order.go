package browser

// Order is what the page shall do.
type Order struct {
	Do     string `json:"do"`
	Text   string `json:"text,omitempty"`
	Hex    string `json:"hex,omitempty"`
	Repeat int    `json:"repeat,omitempty"`
	Code   *int   `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}
