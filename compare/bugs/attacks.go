package bugs

// Attack is an input that a page offers. Its name does not say which fault it shows.
type Attack struct {
	Name     string `json:"name"`
	Scenario string `json:"scenario"` // name of the scenario
}

// Attacks are all attacks, in the order of a page. Each fault has at least one.
var Attacks = []Attack{
	{"A request with a long cookie", "naive-long-request"},
	{"A frame in the segment of the request", "naive-glued-frame"},
	{"A request in two TCP segments", "naive-cut-request"},
	{"Upgrade: websocket:13", "naive-upgrade-colon"},
	{"A header field in lower case", "naive-lower-case-upgrade"},
	{"Upgrade: WebSocket", "naive-capital-websocket"},
	{"Connection: keep-alive, Upgrade", "naive-keep-alive"},
	{"A POST", "naive-post"},
	{"The page of another site", "naive-other-site"},
	{"The Origin null", "naive-null-origin"},

	{"A text of 125 bytes", "naive-125"},
	{"A text of 126 bytes", "naive-126"},
	{"200 bytes in the 64-bit form", "naive-64-bit-length"},
	{"A claim of a terabyte", "naive-huge-length"},

	{"A frame without a mask", "naive-unmasked"},

	{"A text in three fragments", "naive-first-fragment"},
	{"An empty fragment in the middle", "naive-empty-fragment"},
	{"A hundred and two fragments", "naive-many-fragments"},

	{"A Ping", "naive-ping"},
	{"A fragment of a Ping", "naive-fragmented-ping"},
	{"A Ping between two fragments", "naive-ping-between"},

	{"A Close frame", "naive-close"},
	{"The server closes", "naive-server-closes"},
	{"A message after the end", "naive-message-after-end"},

	{"A frame header in two TCP segments", "naive-split-header"},
	{"A text with RSV1", "naive-rsv1"},
	{"Opcode 3", "naive-opcode-3"},
	{"A text that is not UTF-8", "naive-not-utf8"},
	{"A binary message", "naive-binary-echo"},
	{"A client that sends a TCP FIN and reads on", "naive-fin"},
	{"Two messages at once", "naive-two-at-once"},
	{"Twelve texts and a TCP reset", "naive-reset"},
	{"A second client", "naive-second-client"},
	{"The server closes twice", "naive-closes-twice"},
}
