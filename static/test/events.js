/** Events for the tests, as a server would record them, numbered as they come. */

/** @param {string} text */
export const hexOf = (text) => [...new TextEncoder().encode(text)].map((b) => b.toString(16).padStart(2, "0")).join("");

const names = ["continuation", "text", "binary", "3", "4", "5", "6", "7", "close", "ping", "pong"];

/** A recording that grows by one event for each call. */
export class Tape {
  constructor() {
    this.events = [];
    this.calls = 0;
  }

  /** Adds an event and returns it. */
  add(kind, conn, from, body) {
    const seq = this.events.length + 1;
    const e = { seq, at: seq * 1000, conn, from, kind, [kind]: body };
    this.events.push(e);
    return e;
  }

  open(conn, endpoint, client = `${endpoint}-1`) {
    return this.add("tcp", conn, "client", { what: "open", endpoint, client, path: `/ws/${endpoint}`, local: "127.0.0.1:8080", remote: `127.0.0.1:500${conn}` });
  }

  tcp(conn, from, what) {
    return this.add("tcp", conn, from, { what });
  }

  request(conn, fields = []) {
    return this.add("handshake", conn, "client", { what: "request", line: "GET /ws/reference?session=x HTTP/1.1", size: 300, hex: "", fields });
  }

  response(conn, status = 101, fields = []) {
    return this.add("handshake", conn, "server", { what: "response", line: `HTTP/1.1 ${status} Switching Protocols`, status, size: 129, hex: "", fields });
  }

  /** A frame with a short payload, masked when it comes from the client. */
  frame(conn, from, text, { opcode = 1, fin = true, close = undefined, violations = undefined } = {}) {
    const masked = from === "client";
    const key = masked ? [0x37, 0xfa, 0x21, 0x3d] : [];
    const body = [...new TextEncoder().encode(text)];
    const wire = body.map((b, i) => (masked ? b ^ key[i % 4] : b));
    const octets = [(fin ? 0x80 : 0) | opcode, (masked ? 0x80 : 0) | body.length, ...key, ...wire];
    const hex = octets.map((b) => b.toString(16).padStart(2, "0")).join("");
    const header = { fin, rsv1: false, rsv2: false, rsv3: false, opcode, name: names[opcode], masked, form: 7, length: String(body.length), key: masked ? "37fa213d" : "", size: masked ? 6 : 2 };
    return this.add("frame", conn, from, { offset: 0, size: octets.length, header, hex, payload: hexOf(text), text: opcode === 1 ? text : undefined, close, violations });
  }

  enter(conn, name, args = "") {
    const id = ++this.calls;
    this.add("call", conn, "server", { id, name, phase: "enter", args });
    return id;
  }

  back(conn, id, name, result = "", error = null) {
    return this.add("call", conn, "server", { id, name, phase: "return", result, error });
  }

  script(conn, client, what, more = {}) {
    return this.add("script", conn, "client", { client, what, ...more });
  }

  held(conn, of, state) {
    return this.add("held", conn, of.from, { of: of.seq, state });
  }
}

/** A whole short conversation with one endpoint: handshake, one echo, and a close. */
export function echo(endpoint = "reference") {
  const t = new Tape();
  const client = `${endpoint}-1`;
  t.script(0, client, "new WebSocket");
  t.open(1, endpoint);
  t.request(1);
  const up = t.enter(1, "Upgrade");
  t.response(1);
  t.back(1, up, "Upgrade", "a *Conn");
  let read = t.enter(1, "ReadMessage");
  t.script(1, client, "onopen");
  t.frame(1, "client", "Hello");
  t.back(1, read, "ReadMessage", "text, 5 octets");
  const write = t.enter(1, "WriteMessage", "text, 5 octets");
  t.frame(1, "server", "Hello");
  t.back(1, write, "WriteMessage");
  read = t.enter(1, "ReadMessage");
  t.script(1, client, "send", { text: "Hello", size: 5 });
  t.script(1, client, "onmessage", { text: "Hello", size: 5 });
  t.frame(1, "client", "\u0003\u00e8", { opcode: 8, close: { code: 1000, name: "normal closure", reason: "" } });
  t.back(1, read, "ReadMessage", "", { type: "*CloseError", text: "close 1000" });
  t.script(1, client, "close", { code: 1000 });
  t.tcp(1, "server", "closed");
  t.script(1, client, "onclose", { code: 1000, wasClean: true, reason: "" });
  return t;
}
