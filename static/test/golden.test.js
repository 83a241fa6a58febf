import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Pairs } from "../align.js";
import { bitName, layout, place } from "../bits.js";
import { line, uncrossed } from "../format.js";
import { History } from "../history.js";
import { Orders, said, standing } from "../play.js";
import { Rows } from "../rows.js";
import { goAt, jsAt, stepAt } from "../shown.js";
import { whose } from "../connection.js";

// A Go test of package compare/recording writes this file, so that the two
// sides cannot drift apart.
const { events, details } = JSON.parse(readFileSync(new URL("events.json", import.meta.url), "utf8"));

test("what Go records is what the page reads", () => {
  assert.ok(events.length > 0);
  const kinds = ["tcp", "bytes", "handshake", "frame", "message", "call", "script", "state", "held", "unsent", "unread", "step", "stack", "dropped", "http"];
  const history = new History();
  const rows = new Rows();
  for (const e of events) {
    assert.ok(kinds.includes(e.kind), `event ${e.seq} is of the unknown kind ${e.kind}`);
    assert.ok(e[e.kind], `event ${e.seq} has nothing under ${e.kind}`);
    assert.ok(Number.isInteger(e.seq) && Number.isInteger(e.at) && Number.isInteger(e.conn), `event ${e.seq} has no place`);
    if (!e.frame) continue;
    const { header, hex, size, gap = 0, tail = "" } = e.frame;
    assert.equal(hex.length / 2 + gap + tail.length / 2 + (e.frame.short || 0), size + (e.frame.short || 0), `event ${e.seq} does not add up`);
    assert.equal(typeof header.length, "string");
  }
  rows.append(history.append(events));
  const pairs = new Pairs();
  pairs.sync(rows);
  for (const row of rows.list) {
    for (const text of [line(row.event), jsAt(row, Infinity), goAt(row, Infinity).text]) assert.doesNotMatch(text, /undefined|NaN|\[object/);
  }
  for (const p of pairs.list) for (const d of pairs.differences(p, Infinity)) assert.doesNotMatch(d, /undefined|NaN|\[object/);
});

test("a play that Go records is one that the page can step, and carry out", () => {
  const rows = new Rows();
  rows.append(events);
  assert.equal(rows.plays.byId.size, 1);
  const [play] = rows.plays.byId.values();
  const { phases, over, error } = standing(play, Infinity);
  assert.ok(over && !error);
  assert.deepEqual(phases, play.marks.map(() => "done"));
  assert.deepEqual(standing(play, play.marks[0].ready).phases.slice(0, 2), ["ready", "todo"]);
  // Each step heads a row, is reported when it has settled and not before, and its effects are below it.
  for (const mark of play.marks) {
    const row = rows.bySeq.get(mark.event.seq);
    assert.equal(stepAt(row, mark.begin).say, "");
    assert.equal(stepAt(row, mark.end).say, mark.say);
    assert.equal(said(mark, Infinity), mark.say);
    assert.ok(rows.list.some((r) => r.conn.client === play.token && r.seq > mark.begin && r.seq < mark.end));
  }
  assert.equal(whose(rows.byClient.get(play.token), false), "your page");
  const orders = new Orders();
  orders.expect(play.token);
  assert.deepEqual(orders.due(events).map((s) => s.order.do), ["open", "send", "close"]);
});

test("the fields that Go tells of a frame tile its bits, and each bit has a name", () => {
  let frames = 0;
  for (const { event, fields } of Object.values(details)) {
    if (!event.frame) continue;
    frames++;
    let bit = 0;
    for (const f of fields) {
      assert.equal(f.bit, bit, `event ${event.seq}, ${f.name}`);
      assert.match(f.letter, /^[F123OMLEKPCR]$/);
      assert.doesNotMatch(place(f, f.bit), /undefined|NaN/);
      bit += f.bits;
    }
    for (const word of layout(event.frame, fields).words) {
      for (const b of word.kind === "bits" ? word.bytes.flatMap((o) => o.bits) : []) {
        const f = fields[b.field];
        assert.ok(b.bit >= f.bit && b.bit < f.bit + f.bits, `event ${event.seq}, bit ${b.bit}`);
        assert.match(bitName(b, f), /^.+: [01], byte \d+, bit [0-7], 0x[0-9a-f]{2}$/);
      }
    }
  }
  assert.ok(frames > 0);
});

test("what was not sent, or not read, has a row that is no frame", () => {
  const rows = new Rows();
  rows.append(events);
  const unsent = events.find((e) => e.unsent);
  const unread = events.find((e) => e.unread);
  assert.equal(line(unsent), "not sent: PONG FIN · empty · write tcp: write: broken pipe");
  assert.equal(line(unread), "arrived, not read by the server: TEXT FIN masked · 8 bytes · “too late”");
  assert.deepEqual(uncrossed(unsent), { what: "PONG FIN · empty", why: "not sent: write tcp: write: broken pipe", struck: true });
  assert.deepEqual(uncrossed(unread), { what: "TEXT FIN masked · 8 bytes · “too late”", why: "arrived, not read by the server", struck: false });
  for (const e of [unsent, unread]) {
    const row = rows.bySeq.get(e.seq);
    assert.equal(row?.event, e);
    assert.equal(row.js, null);
    assert.deepEqual(row.calls.map((c) => c.enter.call.name), e.unsent ? ["WriteControl"] : []);
    assert.equal(uncrossed(events.find((f) => f.frame)), null);
  }
});
