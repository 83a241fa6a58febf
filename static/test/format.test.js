import assert from "node:assert/strict";
import { test } from "node:test";
import { callLine, delta, frameLine, frameParts, grouped, handshakeLine, ms, quote, scriptLine, strip, tcpLine } from "../format.js";
import { parseHex, printable } from "../hex.js";
import { Tape } from "./events.js";

test("times are in ms with one digit", () => {
  assert.equal(ms(412600), "412.6");
  assert.equal(delta(200), "+0.2");
  assert.equal(delta(-200), "−0.2");
});

test("numbers are grouped in threes", () => {
  assert.equal(grouped(65536), "65,536");
  assert.equal(grouped("18446744073709551615"), "18,446,744,073,709,551,615");
});

test("typed hex is read with what people put between bytes", () => {
  assert.deepEqual([...parseHex("81 85,37:fa 0x21\n3d").bytes], [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d]);
  assert.equal(parseHex("").bytes.length, 0);
});

test("wrong hex is told with its place", () => {
  assert.deepEqual(parseHex("81 8g"), { error: "“g” is not a hex digit", at: 4 });
  assert.deepEqual(parseHex("81 8"), { error: "“8” needs a second digit: a byte is two hex digits", at: 3 });
  assert.equal(parseHex("81 zz").at, 3);
  assert.equal(parseHex("811").at, 2);
  assert.equal(parseHex("81:8:05").at, 3);
  assert.equal(parseHex("81;05").at, 2);
});

test("quoted text stays on one line and is cut", () => {
  assert.equal(quote("a\nb"), "“a␊b”");
  assert.equal(quote("x".repeat(50), 4), "“xxxx…”");
  assert.equal(printable(0x0a), "");
});

test("a frame is told in one line", () => {
  const t = new Tape();
  assert.equal(frameLine(t.frame(1, "client", "Hello").frame), "TEXT FIN masked · 5 bytes · “Hello”");
  assert.equal(frameLine(t.frame(1, "server", "").frame), "TEXT FIN · empty");
  assert.equal(frameLine(t.frame(1, "server", "", { opcode: 8, close: { code: 1000, reason: "bye" } }).frame), "CLOSE FIN · 1000 “bye”");
  assert.equal(frameLine(t.frame(1, "server", "", { opcode: 8, close: { code: 1005, reason: "" } }).frame), "CLOSE FIN · no code");
  const bad = t.frame(1, "server", "x", { violations: [{ code: "5.1/mask-missing" }] }).frame;
  assert.equal(frameLine(bad), "TEXT FIN · 1 byte · “x” × 5.1/mask-missing");
});

test("a control frame's payload is shown as text where it is text", () => {
  const t = new Tape();
  assert.match(frameLine(t.frame(1, "server", "are you there?", { opcode: 9 }).frame), /“are you there\?”$/);
  assert.match(frameLine(t.frame(1, "server", "\u0001\u0002", { opcode: 9 }).frame), /01 02$/);
});

test("the page's own query is left out of a request", () => {
  assert.equal(handshakeLine(new Tape().request(1).handshake), "GET /ws/reference HTTP/1.1 + 0 headers");
});

test("calls and scripts read like code", () => {
  const enter = { id: 1, name: "WriteMessage", phase: "enter", args: "text, 5 bytes" };
  assert.equal(callLine(enter), "WriteMessage(text, 5) …");
  assert.equal(callLine(enter, { id: 1, name: "WriteMessage", phase: "return" }), "WriteMessage(text, 5) → nil");
  assert.equal(callLine(enter, { id: 1, name: "WriteMessage", phase: "return", error: { type: "*E", text: "broken pipe" } }), "WriteMessage(text, 5) → broken pipe");
  assert.equal(scriptLine({ client: "x", what: "close", code: 1000, reason: "bye" }), 'close(1000, "bye")');
  assert.equal(scriptLine({ client: "x", what: "onclose", code: 1006, wasClean: false }), "onclose 1006, not clean");
  assert.equal(scriptLine({ client: "x", what: "send", size: 3 }), "send(3 bytes)");
});

test("a strip is the first sixteen bits", () => {
  assert.equal(strip(new Tape().frame(1, "client", "Hello").frame).join(""), "1000000110000101");
});

test("a server that refuses does no wrong, unless the request was sound", () => {
  const t = new Tape();
  const h = { ...t.response(1, 400).handshake, line: "HTTP/1.1 400 Bad Request" };
  assert.equal(handshakeLine(h), "400 Bad Request · note: refused, plain HTTP");
  assert.equal(handshakeLine({ ...h, violations: [{ code: "4.2.2/status" }] }), "400 Bad Request × 4.2.2/status");
  assert.doesNotMatch(handshakeLine(t.response(1).handshake), /not opened/);
});

test("a frame whose stream ended says what is missing; of a cut header, at least", () => {
  const whole = new Tape().frame(1, "client", "Hello").frame;
  assert.equal(frameParts({ ...whole, short: 3 }).cut, "3 bytes missing");
  assert.equal(frameParts({ ...whole, short: 1, missing: "never arrived" }).cut, "1 byte never arrived");
  assert.equal(frameParts({ ...whole, short: "9007199254740993" }).cut, "9,007,199,254,740,993 bytes missing");
  const header = { ...whole.header, length: "0", key: "", size: 2 };
  assert.equal(frameLine({ ...whole, header, size: 1, payload: "", text: undefined, short: 1, cut: true }), "TEXT FIN masked · incomplete header: at least 1 more byte is needed");
  assert.match(frameLine({ ...whole, header, size: 1, payload: "", text: undefined, short: 4, cut: true }), /at least 4 more bytes are needed$/);
});

test("the end of TCP says what was held meanwhile, and for how long", () => {
  assert.equal(tcpLine({ what: "fin" }, "client"), "TCP FIN from the client");
  assert.equal(tcpLine({ what: "fin", backlog: { units: 1, for: 60_012_345 } }, "client"), "TCP FIN from the client, with 1 unit held for 60.0 s");
  assert.equal(tcpLine({ what: "closed", backlog: { units: 3, for: 4_000_000 } }, "server"), "TCP closed by the server, with 3 units held, the oldest for 4.0 s");
});
