import assert from "node:assert/strict";
import { test } from "node:test";
import { Act, caused } from "../act.js";
import { Rows } from "../rows.js";
import { Tape } from "./events.js";

/** @param {object} [more] */
const world = (rows, more = {}) => ({ rows, session: "S", server: "there", holding: false, tab: () => undefined, ...more });
/** @param {number} readyState */
const tab = (readyState, opened = true, close = null) => () => ({ readyState, opened, close });

/** A connection of the tab that is open, with its tape. */
function connected(...endpoints) {
  const tape = new Tape();
  endpoints.forEach((endpoint, i) => {
    tape.open(i + 1, endpoint);
    tape.request(i + 1);
    tape.response(i + 1);
  });
  const rows = new Rows();
  let taken = 0;
  const sync = () => {
    rows.append(tape.events.slice(taken));
    taken = tape.events.length;
    return rows;
  };
  sync();
  return { tape, rows, sync };
}

/** @param {object} action @param {number} after @param {string[]} endpoints @param {Record<string, number>} [at] */
function act(action, after, endpoints, at = {}) {
  const made = new Act(action, "S", after);
  made.clients = endpoints.map((endpoint) => ({ endpoint, token: `${endpoint}-1` }));
  made.at = new Map(Object.entries(at));
  made.asked = false;
  return made;
}

const seqOf = (target) => target.row?.event.seq;

test("a send leads to the frame that was sent, not to the echo", () => {
  const { tape, rows, sync } = connected("reference");
  const a = act({ do: "send", text: "Hello" }, tape.events.length, ["reference"], { "reference-1": 4500 });
  a.look(rows);
  assert.equal(a.target("reference").row, null);
  const sent = tape.frame(1, "client", "Hello");
  tape.frame(1, "server", "Hello");
  a.look(sync());
  assert.deepEqual([seqOf(a.target("reference")), a.target("reference").sure], [sent.seq, false]);
  tape.add("script", 1, "client", { client: "reference-1", what: "send", of: sent.seq, text: "Hello" }).at = 4500;
  a.look(sync());
  assert.deepEqual([seqOf(a.target("reference")), a.target("reference").sure], [sent.seq, true]);
});

test("a send is not taken for the one before it, whose frame comes after it was pressed", () => {
  const { tape, sync } = connected("reference");
  const a = act({ do: "send", text: "b" }, tape.events.length, ["reference"], { "reference-1": 90_000 });
  const other = tape.frame(1, "client", "a");
  tape.add("script", 1, "client", { client: "reference-1", what: "send", of: other.seq, text: "a" }).at = 5000;
  a.look(sync());
  assert.equal(a.target("reference").row, null);
  const mine = tape.frame(1, "client", "b");
  a.look(sync());
  assert.equal(seqOf(a.target("reference")), mine.seq);
});

test("what a server is told leads to the server's frame after the order was taken", () => {
  const { tape, sync } = connected("reference");
  const a = act({ do: "say", text: "x" }, tape.events.length, ["reference"]);
  a.asked = true;
  const echo = tape.frame(1, "server", "an echo that was under way");
  a.look(sync());
  assert.deepEqual([seqOf(a.target("reference")), a.target("reference").sure], [echo.seq, false]);
  a.began.set("reference-1", echo.seq);
  a.asked = false;
  a.look(sync());
  assert.equal(a.target("reference").row, null);
  const said = tape.frame(1, "server", "x");
  a.look(sync());
  assert.deepEqual([seqOf(a.target("reference")), a.target("reference").sure], [said.seq, true]);
});

test("a button may name another event, and until that is there it leads to its own", () => {
  const { tape, sync } = connected("reference");
  const a = act({ do: "ping", text: "", shows: { kind: "frame", from: "client", opcode: "pong" } }, tape.events.length, ["reference"]);
  const ping = tape.frame(1, "server", "", { opcode: 9 });
  a.look(sync());
  assert.deepEqual([seqOf(a.target("reference")), a.target("reference").sure], [ping.seq, false]);
  const pong = tape.frame(1, "client", "", { opcode: 10 });
  a.look(sync());
  assert.deepEqual([seqOf(a.target("reference")), a.target("reference").sure], [pong.seq, true]);
});

test("of two servers it leads to the one that is looked at, as soon as that is there", () => {
  const { tape, sync } = connected("reference", "gorilla");
  const a = act({ do: "ping", text: "" }, tape.events.length, ["reference", "gorilla"]);
  const right = tape.frame(2, "server", "", { opcode: 9 });
  a.look(sync());
  assert.deepEqual([seqOf(a.target("reference")), a.target("reference").sure], [right.seq, false]);
  const left = tape.frame(1, "server", "", { opcode: 9 });
  a.look(sync());
  assert.deepEqual([seqOf(a.target("reference")), a.target("reference").sure], [left.seq, true]);
  assert.equal(seqOf(a.target("gorilla")), right.seq);
});

test("a scenario leads to its first frame, and where there is none to its request", () => {
  const { tape, sync } = connected();
  const a = act({ do: "scenario", name: "x" }, 0, ["reference"]);
  tape.open(1, "reference");
  const request = tape.request(1);
  a.look(sync());
  assert.deepEqual([seqOf(a.target("reference")), a.target("reference").sure], [request.seq, false]);
  tape.response(1);
  const frame = tape.frame(1, "client", "", { opcode: 8 });
  a.look(sync());
  assert.deepEqual([seqOf(a.target("reference")), a.target("reference").sure], [frame.seq, true]);
});

test("every action of a lesson and of the free lab that sends anything has a side of its own", () => {
  for (const [what, from] of Object.entries({ connect: "client", send: "client", close: "client", "raw-open": "client", "raw-bytes": "client", "raw-close": "client", scenario: "client", ping: "server", pong: "server", say: "server", fragments: "server", "server-close": "server" })) {
    const list = caused({ do: what });
    assert.ok(list.length && list.every((about) => about.from === from), what);
  }
  for (const what of ["hold", "run", "step", "back", "restart"]) assert.deepEqual(caused({ do: what }), []);
});

test("how a connection stands is said as it is, not as it was begun", () => {
  const { rows } = connected("reference", "gorilla");
  const a = act({ do: "connect" }, 0, ["reference", "gorilla"]);
  /** @param {ReturnType<typeof tab>} of @param {object} [more] */
  const says = (of, more = {}) => a.status(world(rows, { tab: of, ...more }));
  assert.deepEqual(says(tab(0)), { sign: "…", text: "Connecting to reference and gorilla." });
  assert.deepEqual(says(tab(1)), { sign: "✔", text: "Connected to reference and gorilla." });
  assert.deepEqual(says(tab(3, false, { code: 1006, wasClean: false })), { sign: "×", text: "Failed: the connections to reference and gorilla did not open." });
  assert.deepEqual(says(tab(3, true, { code: 1000, wasClean: true })), { sign: "", text: "The connections to reference and gorilla are closed with 1000." });
  assert.deepEqual(says(tab(3, true, { code: 1006, wasClean: false })), { sign: "×", text: "The connections to reference and gorilla are closed with 1006, not clean." });
  /** @param {string} token */
  const one = (token) => tab(token === "reference-1" ? 1 : 3, true, { code: 1000, wasClean: true })();
  assert.deepEqual(says(one), { sign: "", text: "Connected to reference. The connection to gorilla is closed with 1000." });
  assert.equal(says(tab(1), { session: "another" }), null);
});

test("a message is sent when its frame is on the wire, and not when the connection ended first", () => {
  const { tape, rows, sync } = connected("reference");
  const a = act({ do: "send", text: "Hello" }, tape.events.length, ["reference"]);
  a.size = 5;
  a.look(rows);
  assert.deepEqual(a.status(world(rows, { tab: tab(1) })), { sign: "…", text: "Your page is sending 5 bytes." });
  assert.deepEqual(a.status(world(rows, { tab: tab(3) })), { sign: "×", text: "Not sent: the connection to reference closed first." });
  const frame = tape.frame(1, "client", "Hello");
  tape.add("held", 1, "client", { of: frame.seq, state: "waiting" });
  a.look(sync());
  assert.deepEqual(a.status(world(rows, { tab: tab(1) })), { sign: "…", text: "Held on the wire: your page sent 5 bytes. Press → to release it." });
  assert.deepEqual(a.status(world(rows, { tab: tab(3) })), { sign: "×", text: "Not delivered: the connection to reference closed while the frame was held." });
  tape.add("held", 1, "client", { of: frame.seq, state: "released" });
  a.look(sync());
  assert.deepEqual(a.status(world(rows, { tab: tab(1) })), { sign: "✔", text: "Your page sent 5 bytes." });
  assert.deepEqual(a.status(world(rows, { tab: tab(3) })), { sign: "", text: "Your page sent 5 bytes. The connection to reference is now closed." });
});

test("a raw client is refused, connected or over; with the lab server it is over", () => {
  const { tape, rows, sync } = connected();
  const a = act({ do: "raw-open" }, 0, ["reference"]);
  assert.equal(a.status(world(rows)).sign, "…");
  assert.deepEqual(a.status(world(rows, { server: "lost" })), { sign: "×", text: "Failed: the raw client's connection to reference did not open." });
  tape.open(1, "reference");
  tape.request(1);
  tape.response(1);
  assert.deepEqual(a.status(world(sync())), { sign: "✔", text: "The raw client is connected to reference." });
  assert.deepEqual(a.status(world(rows, { server: "lost" })), { sign: "", text: "The raw client's connection to reference is now closed." });
  tape.tcp(1, "server", "closed");
  assert.deepEqual(a.status(world(sync())), { sign: "", text: "The raw client's connection to reference is now closed." });
  const b = act({ do: "raw-open" }, 0, ["gorilla"]);
  tape.open(2, "gorilla");
  tape.request(2);
  tape.response(2, 400);
  assert.deepEqual(b.status(world(sync())), { sign: "×", text: "Refused: gorilla answered the raw client with 400." });
});

test("what holds the wire is said while it holds", () => {
  const { rows } = connected();
  const hold = act({ do: "hold" }, 0, []);
  assert.deepEqual(hold.status(world(rows, { holding: true })), { sign: "✔", text: "The wire is held." });
  assert.equal(hold.status(world(rows)), null);
  assert.equal(hold.status(world(rows, { holding: true, server: "gone" })), null);
  assert.deepEqual(act({ do: "run" }, 0, []).status(world(rows)), { sign: "✔", text: "The wire is not held." });
});
