import assert from "node:assert/strict";
import { test } from "node:test";
import { delivered } from "../parts.js";

/** A session of which a server has read some bytes of the client "raw". */
class Session extends EventTarget {
  events = [];
  history = { events: this.events, count: (seq) => this.events.filter((e) => e.seq <= seq).length };
  rows = { byClient: new Map([["raw", { id: 7 }]]) };
  read(size, more = {}) {
    this.events.push({ seq: this.events.length + 1, conn: 7, from: "client", kind: "bytes", bytes: { size, hex: "" }, ...more });
    this.dispatchEvent(new Event("events"));
  }
}

const act = (size, began) => ({ size, clients: [{ endpoint: "naive", token: "raw" }], began: new Map([["raw", began]]) });
const never = new AbortController().signal;

test("the next part waits until the server has read the parts before it", async () => {
  const session = new Session();
  session.read(150); // the request, before the action
  let done = false;
  const wait = delivered(session, act(3, 1), never).then(() => (done = true));
  session.read(2);
  session.read(9, { conn: 8 }); // another connection
  session.read(9, { from: "server" });
  await new Promise(setImmediate);
  assert.equal(done, false);
  session.read(1);
  await wait;
});

test("a server that reads nothing is not waited for without an end", async () => {
  const late = new AbortController();
  const wait = delivered(new Session(), act(3, 0), late.signal);
  late.abort();
  await wait;
});
