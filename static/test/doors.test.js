import test from "node:test";
import assert from "node:assert/strict";
import { door, has, opened, result, smallest } from "../doors.js";
import { hexOf } from "../hex.js";
import { runOf } from "../connection.js";

const hex = (/** @type {string} */ text) => hexOf(new TextEncoder().encode(text));
/** @param {number} seq @param {"client"|"server"} from @param {object} body @returns {any} */
const event = (seq, from, body) => ({ seq, at: seq, conn: 1, from, kind: Object.keys(body)[0], ...body });
/** @param {number} seq @param {string} text */
const read = (seq, text) => event(seq, "client", { bytes: { size: text.length, hex: hex(text) } });

test("what a server has of a request is said in lines", () => {
  assert.equal(has("GET / HT"), "0 whole lines, and the beginning of the next: “GET / HT”");
  assert.equal(has("GET / HTTP/1.1\r\nHost: a\r\n"), "2 whole lines");
  assert.equal(has(`GET / HTTP/1.1\r\nCookie: ${"a".repeat(992)}`), "1 whole line, and 1,000 bytes of the next");
  assert.equal(has("GET / HTTP/1.1\r\n\r"), "1 whole line, and the beginning of the next: “␍”");
  assert.equal(has("GET / HTTP/1.1\r\n\r\n"), "The whole request, 18 bytes");
  assert.equal(has("GET / HTTP/1.1\r\n\r\n\x81"), "The whole request, 18 bytes, and 1 byte after it");
});

test("the reads end with a response that accepts", () => {
  const events = [
    event(1, "server", { call: { phase: "enter", name: "net.Conn.SetDeadline", args: "in 10s" } }),
    event(2, "server", { call: { phase: "return", name: "net.Conn.SetDeadline", result: "nil" } }),
    read(3, "GET / HTTP/1.1\r\nUpg"),
    read(4, "rade: websocket\r\n\r\n"),
    event(5, "server", { call: { phase: "return", name: "http.Hijacker.Hijack", result: "11 bytes" } }),
    event(6, "server", { handshake: { what: "response", line: "HTTP/1.1 101 Switching Protocols", status: 101 } }),
    read(7, "a frame"),
    event(8, "server", { frame: { text: "Hello" } }),
    event(9, "client", { tcp: { what: "fin" } }),
  ];
  const d = door(events);
  assert.deepEqual(d.reads.map((r) => [r.seq, r.size]), [[3, 19], [4, 19]]);
  assert.deepEqual(d.calls, ["SetDeadline: in 10s", "Hijack returns 11 bytes"]);
  assert.deepEqual([d.response?.status, d.next, d.echo, d.over], [101, hex("a frame"), 8, false]);
  assert.equal(door([...events, event(10, "server", { tcp: { what: "closed" } })]).over, true);
});

test("reads after a refusal are shown as such", () => {
  const d = door([read(1, "GET / HTTP/1.1\r\n"), event(2, "server", { handshake: { what: "response", line: "HTTP/1.1 431 X", status: 431, body: "too long" } }), read(3, "aaaa")]);
  assert.deepEqual(d.reads.map((r) => r.has), ["1 whole line", "Read after the response, and discarded"]);
  assert.equal(d.response?.body, "too long");
});

test("a read of which the recording has only the beginning keeps its size", () => {
  const d = door([event(1, "client", { bytes: { size: 100, hex: hex("GET / HTTP/1.1\r\nA") } })]);
  assert.equal(d.reads[0].has, "1 whole line, and 84 bytes of the next");
});

test("the connections and the result of a request are said in words", () => {
  const page = { client: "both", what: "page", new: [["h2", "http/1.1"]], proto: "HTTP/2.0", status: 200 };
  assert.equal(opened(page), "1, which offers h2 and http/1.1");
  assert.equal(opened({ ...page, new: [[]] }), "1, which offers no protocol, so HTTP/1.1");
  assert.equal(opened({ ...page, new: [] }), "none: it uses the one above");
  assert.equal(result(page), "200 over HTTP/2.0");
  assert.equal(result({ ...page, error: "invalid" }), "The client refuses: invalid");
});

test("the exercise is solved by the tries alone", () => {
  const at = (/** @type {number} */ size, /** @type {number} */ limit) => ({ size, first: Math.min(size, limit), next: "", echo: size <= limit });
  assert.deepEqual(smallest([]), { solved: false, text: "" });
  assert.match(smallest([at(300, 1024)]).text, /300 bytes does not break/);
  assert.match(smallest([at(2000, 1024)]).text, /2,000 bytes break the server. Is a shorter/);
  assert.match(smallest([at(300, 1024), at(2000, 1024)]).text, /300 do not. The smallest is between them/);
  for (const limit of [512, 1024]) {
    const { solved, text } = smallest([at(300, limit), at(limit, limit), at(limit + 1, limit)]);
    assert.ok(solved);
    assert.match(text, new RegExp(`first Read returned ${limit.toLocaleString("en")} bytes`));
  }
  assert.equal(smallest([at(1024, 1024), at(1026, 1024)]).solved, false);
});

test("the name of a raw client says its run", () => {
  const conn = (/** @type {string} */ client, /** @type {string} */ endpoint) => /** @type {any} */ ({ client, endpoint, round: 3 });
  assert.equal(runOf(conn("cut-at-net-http-3", "net-http")), "cut-at");
  assert.equal(runOf(conn("naive-naive-3", "naive")), "naive");
  assert.equal(runOf(conn("reference-3", "reference")), "");
});
