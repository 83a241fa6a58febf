import assert from "node:assert/strict";
import { test } from "node:test";
import { Ends, lanes, span, words } from "../ends.js";
import { columns, measure, ranges, verdict } from "../outcome.js";
import { Rows } from "../rows.js";
import { Acts, Tape, ignored } from "./events.js";

function ends(events, token = "play-1", cursor = Infinity) {
  const rows = new Rows();
  rows.append(events);
  const e = new Ends(token);
  e.sync(rows);
  return e.picture(cursor);
}

test("a long silence is one line that says how long it was", () => {
  const { lines } = ends(ignored().events);
  assert.deepEqual(lines.filter((l) => l.kind === "gap").map((l) => l.text), ["60.0 s without an event"]);
  assert.equal(ends(ignored(0).events).lines.filter((l) => l.kind === "gap").length, 0);
});

test("each end knows what it did and what has reached it, no more", () => {
  const { lines } = ends(ignored().events);
  const at = (text) => lines.find((l) => l.arrow?.text.startsWith(text)).known;
  assert.deepEqual(at("CLOSE"), { clientWs: "CLOSING", clientTcp: "open", serverTcp: "open", serverWs: "OPEN" });
  assert.deepEqual(at("FIN"), { clientWs: "CLOSING", clientTcp: "FIN sent", serverTcp: "FIN got", serverWs: "OPEN" });
  assert.equal(lines.find((l) => l.js.startsWith("onclose")).known.clientWs, "CLOSED");
  assert.deepEqual(lines[lines.length - 1].known.serverTcp, "closed");
});

test("bars cover every line of a lane without gap or overlap, once it has a state", () => {
  const { lines, bars } = ends(ignored().events);
  for (const lane of lanes) {
    const own = bars.filter((b) => b.lane === lane);
    own.forEach((b, i) => i && assert.equal(b.from, own[i - 1].to + 1));
    assert.equal(own[own.length - 1].to, lines.length - 1);
    for (const b of own) for (let i = b.from; i <= b.to; i++) assert.equal(lines[i].known[lane], b.state);
  }
});

test("behind a network gone silent nobody is told of anything", () => {
  const t = new Tape();
  const acts = new Acts(t, ["open", "wire silent", "wait 1s"]);
  acts.tell("begin", 0);
  t.script(0, "play-1", "new WebSocket");
  t.open(1, "reference", "play-1");
  t.request(1);
  t.response(1);
  acts.tell("begin", 1);
  acts.tell("begin", 2);
  const ping = t.frame(1, "server", "1", { opcode: 9 });
  t.held(1, ping, "dropped");
  t.tcp(1, "server", "closed");
  const { lines } = ends(t.events);
  const [lost, fin] = lines.slice(-2);
  assert.equal(lost.arrow.stays, "dropped");
  assert.equal(fin.arrow.stays, "dropped");
  assert.deepEqual([fin.known.clientWs, fin.known.clientTcp, fin.known.serverTcp], ["OPEN", "open", "closed"]);
});

test("a RST reaches the other end at once, and no FIN follows it", () => {
  const t = new Tape();
  t.open(1, "reference", "play-1");
  t.request(1);
  t.response(1);
  t.tcp(1, "client", "rst");
  t.tcp(1, "server", "closed");
  const { lines } = ends(t.events);
  assert.deepEqual(lines.slice(-2).map((l) => l.arrow.kind), ["rst", "note"]);
  assert.equal(lines[lines.length - 2].known.serverTcp, "reset");
  assert.equal(lines[lines.length - 1].known.clientWs, "CLOSED");
});

/** The server sends Close and closes TCP, and what the client does is not recorded. */
function hungUp(t, as) {
  const acts = new Acts(t, ["open", "server hangs up 1000 bye"], { as });
  acts.tell("begin", 0);
  t.open(1, "reference", "play-1");
  t.request(1);
  t.response(1);
  acts.tell("end", 0);
  acts.tell("begin", 1);
  t.frame(1, "server", "", { opcode: 8, close: { code: 1000, name: "", reason: "" } });
  return t;
}

test("of a server that closes TCP with perhaps something unread, the picture claims neither FIN nor RST", () => {
  const t = hungUp(new Tape(), "browser");
  t.tcp(1, "server", "closed");
  const closed = ends(t.events).lines.at(-1);
  assert.equal(closed.arrow.text, "socket closed: FIN or RST");
  assert.deepEqual([closed.known.clientTcp, closed.known.serverTcp], ["open", "closed"]);
  t.script(1, "play-1", "onclose", { code: 1000, wasClean: true, reason: "" });
  const { lines } = ends(t.events);
  assert.equal(lines.at(-1).known.clientTcp, "closed");
  assert.equal(lines.filter((l) => l.arrow?.from === "client" && l.arrow.kind === "close").length, 0);
});

test("a raw client says whether it got a FIN or a RST", () => {
  for (const [text, state] of [["EOF", "FIN got"], ["connection reset by peer", "reset"]]) {
    const t = hungUp(new Tape(), "raw");
    t.tcp(1, "server", "closed");
    t.script(1, "play-1", "read", { text, size: -1 });
    assert.equal(ends(t.events).lines.at(-1).known.clientTcp, state);
  }
});

test("a server that has read the client's Close frame and closes TCP sends FIN", () => {
  const t = hungUp(new Tape(), "browser");
  t.frame(1, "client", "", { opcode: 8, close: { code: 1000, name: "", reason: "" } });
  t.tcp(1, "server", "closed");
  const { arrow, known } = ends(t.events).lines.at(-1);
  assert.deepEqual([arrow.text, known.clientTcp], ["FIN, socket closed", "FIN got"]);
});

test("every line can be read out", () => {
  const { lines } = ends(ignored().events);
  for (const l of lines) assert.doesNotMatch(words(l, 0), /undefined|NaN|\[object|^$/);
  assert.match(words(lines.find((l) => l.arrow?.kind === "close"), 0), /client: close\(1000, "bye"\), client to server: CLOSE 1000/);
});

test("a span is told in the unit that fits", () => {
  assert.deepEqual([span(1_400), span(340_000), span(2_000_000), span(59_960_000), span(150_000_000)], ["1 ms", "340 ms", "2.0 s", "60.0 s", "2 min 30 s"]);
});

const part = (events) => events.filter((e) => e.conn === 1 || e.script);

test("the outcome is what the tab was told and what the server's next calls got back", () => {
  const o = measure(part(ignored().events), Infinity);
  assert.equal(o.code, 1006);
  assert.equal(o.clean, false);
  assert.ok(Math.abs(o.after - 60_000_000) < 20_000, String(o.after));
  assert.deepEqual([o.read.type, o.read.text], ["*errors.errorString", "EOF"]);
  assert.deepEqual(o.writes.map((w) => w.type), ["", "*net.OpError"]);
  assert.deepEqual(["after", "code", "clean", "read", "writes"].map((c) => verdict(c, o, true)), ["60", "1006", "false", "eof", "+-"]);
});

test("a learner who thinks between two steps does not make onclose later", () => {
  const t = new Tape();
  t.open(1, "reference", "play-1");
  t.script(1, "play-1", "close", { code: 1000 });
  t.later += 30_000_000;
  t.frame(1, "server", "", { opcode: 8, close: { code: 1000, name: "", reason: "" } });
  t.tcp(1, "server", "closed");
  t.script(1, "play-1", "onclose", { code: 1000, wasClean: true, reason: "" });
  assert.equal(measure(t.events, Infinity).after, 1000);
});

test("a FIN that the server does not read is known to the client alone", () => {
  const t = new Tape();
  const acts = new Acts(t, ["open", "tcp close", "server tcp read"], { as: "raw" });
  acts.tell("begin", 0);
  t.open(1, "reference", "play-1");
  t.request(1);
  t.response(1);
  acts.tell("end", 0);
  acts.tell("begin", 1);
  acts.tell("end", 1);
  acts.tell("begin", 2);
  t.tcp(1, "client", "fin");
  const { lines } = ends(t.events);
  const sent = lines.find((l) => l.arrow?.kind === "fin");
  assert.deepEqual([sent.known.clientTcp, sent.known.serverTcp], ["FIN sent", "open"]);
  assert.deepEqual([lines.at(-1).arrow.kind, lines.at(-1).known.serverTcp], ["note", "FIN got"]);
});

test("an outcome is not known before it came, and is told as missing once nothing more comes", () => {
  const { events } = ignored();
  const close = events.find((e) => e.frame?.close).seq;
  const o = measure(part(events), close);
  assert.deepEqual(["after", "code", "clean", "read", "writes"].map((c) => verdict(c, o, false)), ["", "", "", "", ""]);
  assert.deepEqual(["after", "code", "clean"].map((c) => verdict(c, o, true)), ["never", "none", "none"]);
});

test("the ranges of time leave no gap and do not overlap, and each measured time has its own", () => {
  const words = columns.after.choices.map(([, text]) => text);
  assert.equal(new Set(words).size, words.length);
  assert.equal(ranges[0][1], 0);
  ranges.forEach(([, from], i) => i && assert.ok(from > ranges[i - 1][1]));
  // Each range in words ends with the number that the next begins with.
  ranges.slice(0, -1).forEach(([, from], i) => assert.equal(words[i], i ? `${from} to ${ranges[i + 1][1]} s` : `under ${ranges[1][1]} s`));
  const within = (seconds) => verdict("after", { ...measure([], 0), after: seconds * 1e6 }, true);
  ranges.forEach(([name, from], i) => {
    assert.equal(within(from), name);
    if (i) assert.equal(within(from - 0.000001), ranges[i - 1][0]);
  });
  // Chromium 156, Firefox 153 and WebKitGTK 2.50 in disconnects 1 to 5.
  assert.deepEqual([0.001, 2.0, 5.1, 5.7, 20, 60].map(within), ["0", "2", "5", "5", "20", "60"]);
});

test("whatever comes of a run, it is one of the choices", () => {
  const call = (type, text) => ({ name: "net.Conn.Write", type, text, done: true });
  const [ok, bad] = [call("", "nil"), call("*net.OpError", "broken pipe")];
  const reads = [null, ok, bad, call("*errors.errorString", "EOF"), call("*net.OpError", "use of closed network connection"), { ...ok, done: false }];
  for (const after of [null, 0, 1e6, 5e6, 2e7, 6e7, 1e9])
    for (const code of [null, 999, 1000, 1006, 3000, 4999, 65535])
      for (const writes of [[], [ok], [bad], [ok, ok], [ok, bad], [bad, ok], [bad, bad]])
        for (const read of reads)
          for (const clean of [null, true, false]) {
            const o = { start: 0, after, code, reason: "", clean, error: false, read, writes };
            for (const [name, { choices }] of Object.entries(columns)) {
              const is = verdict(name, o, true);
              assert.ok(is === "" ? name === "read" && !read : choices.some(([v]) => v === is), `${name}: ${is}`);
            }
          }
});

test("each verdict is a choice that can be guessed", () => {
  const o = measure(part(ignored().events), Infinity);
  for (const [name, { choices }] of Object.entries(columns)) assert.ok(choices.some(([v]) => v === verdict(name, o, true)), name);
});
