/** Events for the tests, as a server would record them, numbered as they come. */

/** @param {string} text */
export const hexOf = (text) => [...new TextEncoder().encode(text)].map((b) => b.toString(16).padStart(2, "0")).join("");

const names = ["continuation", "text", "binary", "3", "4", "5", "6", "7", "close", "ping", "pong"];

const verbs = { Upgrade: "open", ReadMessage: "read", "net.Conn.Read": "read", WriteMessage: "write", "net.Conn.Write": "write", Close: "close" };

/**
 * A recording that grows by one event for each call. Package recording says
 * which event is about which; here the k-th of a kind simply goes with the k-th,
 * unless a test says otherwise.
 */
export class Tape {
  constructor() {
    this.events = [];
    this.calls = 0;
    this.later = 0; // microseconds that passed without an event
    this.waiting = {}; // frames, or reports, by connection and kind
    this.writes = []; // enter events of writes under way
  }

  /** Adds an event and returns it. */
  add(kind, conn, from, body, more = {}) {
    const seq = this.events.length + 1;
    const e = { seq, at: seq * 1000 + this.later, conn, from, ...more, kind, [kind]: body };
    this.events.push(e);
    return e;
  }

  /** The other half of something, which is taken; 0 when it is to come, and this waits for it. */
  other(conn, what, half) {
    const wait = (this.waiting[`${conn} ${what}`] ||= { half, seqs: [] });
    if (wait.half !== half && wait.seqs.length) return wait.seqs.shift();
    wait.half = half;
    wait.seqs.push(this.events.length + 1);
    return 0;
  }

  /** A client of tokens like raw-reference-1 is a raw one, one without any from outside. */
  open(conn, endpoint, client = `${endpoint}-1`, { as = client.startsWith("raw-") ? "raw" : client ? "tab" : "outside", round = client.startsWith("play-") ? 0 : Number(client.match(/\d+$/)) || 0 } = {}) {
    const early = `${client} new WebSocket`;
    if (this.waiting[early]) this.waiting[`${conn} new WebSocket`] = this.waiting[early];
    delete this.waiting[early];
    return this.add("tcp", conn, "client", { what: "open", endpoint, client, as, round, path: `/ws/${endpoint}`, local: "127.0.0.1:8080", remote: `127.0.0.1:500${conn}` });
  }

  tcp(conn, from, what) {
    return this.add("tcp", conn, from, { what });
  }

  request(conn, fields = []) {
    const by = this.other(conn, "new WebSocket", "wire") || undefined;
    return this.add("handshake", conn, "client", { what: "request", line: "GET /ws/reference?session=x HTTP/1.1", size: 300, hex: "", fields }, { by });
  }

  response(conn, status = 101, fields = []) {
    if (status === 101) this.other(conn, "onopen", "wire");
    return this.add("handshake", conn, "server", { what: "response", line: `HTTP/1.1 ${status} Switching Protocols`, status, size: 129, hex: "", fields });
  }

  /** A frame with a short payload, masked when it comes from the client. */
  frame(conn, from, text, { opcode = 1, fin = true, close = undefined, violations = undefined } = {}) {
    let by = 0;
    if (from === "client") {
      if (opcode === 1 || opcode === 2) by = this.other(conn, "send", "wire");
      if (opcode === 8) by = this.other(conn, "close", "wire");
      if ((opcode < 3 && fin) || opcode === 8 || violations) this.other(conn, "read", "wire");
    } else {
      if (opcode < 3 && fin) this.other(conn, "onmessage", "wire");
      const call = this.writes.find((e) => e.conn === conn && !e.of);
      if (call) [call.of, by] = [this.events.length + 1, call.seq];
    }
    const masked = from === "client";
    const key = masked ? [0x37, 0xfa, 0x21, 0x3d] : [];
    const body = [...new TextEncoder().encode(text)];
    const wire = body.map((b, i) => (masked ? b ^ key[i % 4] : b));
    const bytes = [(fin ? 0x80 : 0) | opcode, (masked ? 0x80 : 0) | body.length, ...key, ...wire];
    const hex = bytes.map((b) => b.toString(16).padStart(2, "0")).join("");
    const header = { fin, rsv1: false, rsv2: false, rsv3: false, opcode, name: names[opcode], masked, form: 7, length: String(body.length), key: masked ? "37fa213d" : "", size: masked ? 6 : 2 };
    return this.add("frame", conn, from, { offset: 0, size: bytes.length, header, hex, payload: hexOf(text), text: opcode === 1 ? text : undefined, close, violations }, { by: by || undefined });
  }

  enter(conn, name, args = "") {
    const id = ++this.calls;
    const verb = verbs[name] || "other";
    const of = verb === "open" ? this.events.find((e) => e.conn === conn && e.handshake)?.seq : undefined;
    const e = this.add("call", conn, "server", { id, name, verb, socket: name.includes("Conn."), phase: "enter", args, of });
    if (verb === "write") this.writes.push({ id, conn, seq: e.seq, of: 0 });
    return id;
  }

  back(conn, id, name, result = "", error = null) {
    const verb = verbs[name] || "other";
    let of = verb === "open" ? this.events.find((e) => e.conn === conn && e.handshake)?.seq : 0;
    if (verb === "read" && this.waiting[`${conn} read`]?.seqs.length) of = this.other(conn, "read", "code");
    if (verb === "write") of = this.writes.find((w) => w.id === id)?.of;
    this.writes = this.writes.filter((w) => w.id !== id);
    return this.add("call", conn, "server", { id, name, verb, socket: name.includes("Conn."), phase: "return", result, error, of: of || undefined });
  }

  script(conn, client, what, more = {}) {
    const pairs = ["new WebSocket", "onopen", "send", "onmessage", "close"].includes(what);
    const of = pairs && !("of" in more) ? this.other(conn || client, what, "told") : 0;
    return this.add("script", conn, "client", { client, what, of: of || undefined, awaits: (pairs && !of) || undefined, ...more });
  }

  held(conn, of, state) {
    return this.add("held", conn, of.from, { of: of.seq, state });
  }
}

/** The steps of a play, and the event that reports each. */
export class Acts {
  constructor(tape, commands, { play = "1", client = `play-${play}`, endpoint = "reference", as = "browser", branchOf = undefined } = {}) {
    this.tape = tape;
    this.commands = commands;
    this.base = { play, client, endpoint, as, branchOf, scenario: "close", title: "A close" };
  }

  tell(phase, index, more = {}) {
    const command = this.commands[index] || "";
    return this.tape.add("step", 0, "server", { ...this.base, index, of: this.commands.length, line: index + 2, command, say: `The result of ${command}.`, phase, ...more });
  }

  over(error) {
    return this.tell("over", this.commands.length, { error });
  }
}

/** The browser closes, and the server does nothing: the first disconnect. */
export function ignored(wait = 60_000_000, options = {}) {
  const t = new Tape();
  const client = options.client || "play-1";
  const acts = new Acts(t, ["open", "close 1000 bye", "patience 90s", "server tcp read", "server tcp write 8100", "server tcp write 8100"], options);
  const endpoint = acts.base.endpoint;
  acts.tell("ready", 0);
  acts.tell("begin", 0, { order: { do: "open" } });
  t.script(0, client, "new WebSocket");
  t.open(1, endpoint, client, { as: options.as === "raw" ? "scenario" : "tab" });
  t.request(1);
  t.response(1);
  t.add("state", 1, "server", { side: "server", state: "OPEN", was: "CONNECTING", why: "opened" });
  t.script(1, client, "onopen");
  acts.tell("end", 0);
  acts.tell("begin", 1, { order: { do: "close", code: 1000, reason: "bye" } });
  t.script(1, client, "close", { code: 1000, reason: "bye" });
  t.frame(1, "client", "\u0003", { opcode: 8, close: { code: 1000, name: "normal closure", reason: "bye" } });
  acts.tell("end", 1);
  acts.tell("begin", 2);
  t.later = wait;
  t.tcp(1, "client", "fin");
  t.script(1, client, "onclose", { code: 1006, wasClean: false, reason: "" });
  acts.tell("end", 2);
  acts.tell("begin", 3);
  const read = t.enter(1, "net.Conn.Read");
  t.back(1, read, "net.Conn.Read", "", { type: "*errors.errorString", text: "EOF" });
  acts.tell("end", 3);
  acts.tell("begin", 4);
  const one = t.enter(1, "net.Conn.Write", "2 bytes");
  t.back(1, one, "net.Conn.Write", "nil");
  acts.tell("end", 4);
  acts.tell("begin", 5);
  const two = t.enter(1, "net.Conn.Write", "2 bytes");
  t.back(1, two, "net.Conn.Write", "", { type: "*net.OpError", text: "write tcp: broken pipe" });
  acts.tell("end", 5);
  t.tcp(1, "server", "closed");
  acts.over();
  return t;
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
  t.back(1, read, "ReadMessage", "text, 5 bytes");
  const write = t.enter(1, "WriteMessage", "text, 5 bytes");
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
