package runner

// openingDifferences are those in the opening handshake and in
// permessage-deflate. Gorilla stands behind net/http there, which reads the
// request before it.
var openingDifferences = []Difference{
	{
		Cases:     []string{"4.2.1/10"},
		Reference: "refuses HTTP/1.0 with 400", Gorilla: "opens the WebSocket", Section: "4.2.1",
		Reason: "The request must be of HTTP/1.1 or higher; neither gorilla nor net/http looks.",
	},
	{
		Cases:     []string{"4.2.1/28"},
		Reference: "refuses the target * with 400", Gorilla: "opens the WebSocket", Section: "4.2.1",
		Reason: "The target must be a resource name or a whole URL; net/http takes * from any method, and gorilla does not look.",
	},
	{
		Cases:     []string{"4.2.1/33–35"},
		Reference: "refuses the target with 400", Gorilla: "opens the WebSocket", Section: "4.2.1",
		Reason: "A fragment, octets above 0x7F or the scheme ws break the grammar of a target; what a server makes of that is its own to say, and net/http lets them pass.", BothLegal: true,
	},
	{
		Cases:     []string{"4.2.1/39"},
		Reference: "refuses an empty Host with 400", Gorilla: "opens the WebSocket", Section: "4.2.1",
		Reason: "HTTP knows an empty Host where there is no authority; a handshake must have the server's.",
	},
	{
		Cases:     []string{"4.2.1/66–67"},
		Reference: "overlooks the empty items", Gorilla: "refuses with 400", Section: "4.2.1",
		Reason: "A list may have empty items (RFC 9110 §5.6.1.2); gorilla stops reading it at the first.",
	},
	{
		Cases:     []string{"4.2.1/132–134"},
		Reference: "refuses folded lines with 400", Gorilla: "reads them as one", Section: "4.2.1",
		Reason: "RFC 9112 §5.2 gives a server the choice; gorilla's is that of net/http.", BothLegal: true,
	},
	{
		Cases:     []string{"4.2.1/144–145", "4.2.1/147"},
		Reference: "refuses a head of more than 16 KiB with 431", Gorilla: "opens the WebSocket", Section: "10.4",
		Reason: "Each has a limit of its own; that of net/http is 1 MiB.", BothLegal: true,
	},
	{
		Cases:     []string{"4.2.1/149–152"},
		Reference: "refuses a request with content with 400", Gorilla: "closes TCP without an answer", Section: "4.2.1",
		Reason: "Neither opens the WebSocket, but a refusal must be an HTTP response. Gorilla takes the content for frames that came too early.",
	},
	{
		Cases:     []string{"4.2.1/175–183"},
		Reference: "reads the frames behind the request", Gorilla: "closes TCP without an answer", Section: "4.1",
		Reason: "The client must wait for the answer and has not, so it is owed nothing.", BothLegal: true,
	},
	{
		Cases:     []string{"4.2.2/26–30"},
		Reference: "refuses with 400", Gorilla: "opens the WebSocket without a subprotocol", Section: "4.2.1",
		Reason: "A handshake that breaks the grammar must be refused; gorilla does not look at subprotocols where it has been given none.",
	},
	{
		Cases:     []string{"4.4/19–23"},
		Reference: "refuses with 426", Gorilla: "opens the WebSocket", Section: "4.2.1",
		Reason: "A request has one version, 13; gorilla reads the field as a list and looks for 13 in it.",
	},
	{
		Cases:     []string{"9.1/15–30"},
		Reference: "refuses with 400", Gorilla: "opens the WebSocket", Section: "9.1",
		Reason: "Whoever receives a Sec-WebSocket-Extensions that breaks the grammar must fail the connection; gorilla reads it as far as it can.",
	},
	{
		Cases:     []string{"11.3/1–3", "11.3/5"},
		Reference: "refuses with 400", Gorilla: "answers the first key", Section: "11.3.1",
		Reason: "The key must not appear more than once; gorilla looks at the first alone.",
	},
	{
		Cases:     []string{"7692-7.1/14–26", "7692-7.2/80–87"},
		Reference: "answers with the window that is offered, and keeps to it", Gorilla: "accepts the offer and leaves the window out", Section: "RFC 7692 §7.1.2.1",
		Reason: "A server that accepts an offer with server_max_window_bits must answer with it. Gorilla has no other window than 15 bits, and should decline.",
	},
	{
		Cases:     []string{"7692-7.1/35–73"},
		Reference: "declines the offer", Gorilla: "accepts it", Section: "RFC 7692 §7.1",
		Reason: "An offer with parameters or values that are not defined must be declined; gorilla looks at the extension's name alone.",
	},
	{
		Cases:     []string{"7692-7.2/10"},
		Reference: "inflates both", Gorilla: "drops what stands behind the block with BFINAL", Section: "RFC 7692 §7.2.1",
		Reason: "Another block may follow one with BFINAL set; gorilla's message ends with the first stream.",
	},
	{
		Cases:     []string{"7692-7.2/26"},
		Reference: "takes no octets for an empty message", Gorilla: "closes TCP", Section: "RFC 7692 §7.2.3.6",
		Reason: "An empty message is compressed to one octet; what none at all is the RFC does not say.", BothLegal: true,
	},
	{
		Cases:     []string{"7692-7.2/40–47"},
		Reference: "inflates with what came before", Gorilla: "asks for messages that are each compressed on their own", Section: "RFC 7692 §7.1.1.2",
		Reason: "A server may answer with client_no_context_takeover; gorilla always does.", BothLegal: true,
	},
	{
		Cases:     []string{"7692-7.2/51"},
		Reference: "fails the connection with 1009 at 32 MiB", Gorilla: "inflates and sends back 48 MiB", Section: "10.4",
		Reason: "Limits are each implementation's own. Gorilla's SetReadLimit counts the octets that come, not those that they inflate to.", BothLegal: true,
	},
	{
		Cases:     []string{"7692-7.2/54–60"},
		Reference: "fails the connection with 1002", Gorilla: "overlooks RSV1", Section: "RFC 7692 §6",
		Reason: "RSV1 may stand in the first frame of a message alone; gorilla allows it in every frame once compression is agreed on.",
	},
	{
		Cases:     []string{"7692-7.2/66–75"},
		Reference: "fails the connection with 1007", Gorilla: "closes TCP without a Close frame", Section: "7.1.7",
		Reason: "Both fail the connection; a Close frame should go before the end of TCP.", BothLegal: true,
	},
	{
		Cases:     []string{"7692-7.2/76–79"},
		Reference: "fails the connection with 1007", Gorilla: "delivers the text as it is", Section: "8.1",
		Reason: "Whoever finds that text is not UTF-8 must fail the connection. Gorilla's documentation leaves it to the application to look, and the application of its example does not.",
	},
}
