import assert from "node:assert/strict";
import { test } from "node:test";
import { Pairs, PlayPairs } from "../align.js";
import { Ends } from "../ends.js";
import { line } from "../format.js";
import { History } from "../history.js";
import { Rows, View } from "../rows.js";
import { goAt, heldAt, jsAt } from "../shown.js";
import { Acts, Tape, hexOf } from "./events.js";

globalThis.requestAnimationFrame ??= (fn) => setTimeout(fn, 0);
const { Lab } = await import("../lab.js");

/**
 * Two busy connections side by side. What the tab tells comes late, and one
 * frame of gorilla's may wait at the valve for long.
 */
function busy(n, hold = true) {
  const t = new Tape();
  const late = [];
  let held = null;
  for (const [conn, endpoint] of [[1, "reference"], [2, "gorilla"]]) {
    t.open(conn, endpoint);
    t.request(conn);
    t.response(conn);
  }
  for (let i = 0; i < n; i++) {
    for (const [conn, endpoint] of [[1, "reference"], [2, "gorilla"]]) {
      if (conn === 2 && held && i < n - 20) continue;
      if (conn === 2 && held) {
        t.held(2, held, "released");
        held = null;
      }
      const read = t.enter(conn, "ReadMessage");
      const up = t.frame(conn, "client", `${i}`);
      if (hold && conn === 2 && i === 30) {
        t.held(2, (held = up), "waiting");
        continue;
      }
      t.back(conn, read, "ReadMessage", "text, 1 byte");
      const write = t.enter(conn, "WriteMessage", "text, 1 byte");
      t.frame(conn, "server", conn === 2 && i % 7 === 0 ? `not ${i}` : `${i}`);
      t.back(conn, write, "WriteMessage");
      late.push(() => {
        t.script(conn, `${endpoint}-1`, "send", { text: `${i}`, size: 1 });
        t.script(conn, `${endpoint}-1`, "onmessage", { text: `${i}`, size: 1 });
      });
      if (late.length > 5) late.shift()();
    }
  }
  for (const tell of late) tell();
  return t;
}

/** Rows of a stream that is taken in batches, with no more kept than the limit. */
function taken(events, limit, size, views = []) {
  const history = new History({ events: limit, weight: Infinity });
  const rows = new Rows();
  for (let i = 0; i < events.length; i += size) {
    rows.append(history.append(events.slice(i, i + size)));
    const gap = history.trim();
    if (gap) rows.forget(gap);
    for (const v of views) v.sync(rows);
  }
  return { history, rows };
}

/** What a person sees of rows of seq above from, at a cursor. */
const seen = (list, cursor, from) => list.filter((r) => r.seq > from && r.seq <= cursor).map((r) => [r.event.seq, r.seq, jsAt(r, cursor), goAt(r, cursor), heldAt(r, cursor)]);

test("no more is kept than the limit, and what is forgotten is counted", () => {
  const { events } = busy(400);
  const { history, rows } = taken(events, 200, 13);
  assert.ok(history.events.length <= 200 && history.events.length >= 180 - 13);
  assert.equal(history.gap.dropped.count + history.events.length, events.length);
  assert.equal(history.gap.seq + 1, history.events[0].seq);
  assert.ok(rows.list.length < 200);
  assert.equal(rows.bySeq.size, rows.list.length);
  assert.equal(rows.list[0].event, history.gap);
  assert.match(line(history.gap), /^[\d,]+ older events discarded/);
  const conn = rows.conn(1);
  assert.ok(conn.reads.length < 200 && conn.states.length < 10);
});

test("holes that the server left count with what they hold", () => {
  const history = new History({ events: 10, weight: Infinity });
  const hole = { seq: 50, at: 0, conn: 0, from: "server", kind: "dropped", dropped: { count: 50 } };
  history.append([hole, ...Array.from({ length: 20 }, (_, i) => ({ seq: 51 + i, at: 0, conn: 1, from: "client", kind: "bytes" }))]);
  history.trim();
  assert.equal(history.gap.dropped.count, 50 + 20 - history.events.length);
  assert.equal(history.lost, 50);
});

test("large frames are forgotten sooner, and the newest event never", () => {
  const history = new History({ events: 1000, weight: 50_000 });
  const t = new Tape();
  for (let i = 0; i < 40; i++) t.frame(1, "client", "a".repeat(100));
  for (const e of t.events) e.frame.hex = "00".repeat(2000);
  history.append(t.events);
  assert.equal(history.trim().seq + history.events.length, 40);
  assert.ok(history.events.length > 5 && history.events.length < 13);
  history.append([{ ...t.events[0], seq: 41, frame: { ...t.events[0].frame, hex: "00".repeat(60_000) } }]);
  history.trim();
  assert.deepEqual(history.events.map((e) => e.seq), [41]);
  assert.equal(history.trim(), null);
});

test("what is kept shows as if nothing had been forgotten, at every cursor and for all batches", () => {
  const { events } = busy(300);
  const whole = new Rows();
  whole.append(events);
  for (const [limit, size] of [[150, 7], [150, 64], [400, 1]]) {
    const { history, rows } = taken(events, limit, size);
    const from = history.gap.seq;
    for (let cursor = from; cursor <= history.last; cursor++) assert.deepEqual(seen(rows.list.slice(1), cursor, 0), seen(whole.list, cursor, from));
    rows.list.forEach((r, i) => assert.equal(r.index, i));
  }
});

test("a view that keeps up, one that lags and one that is new have the same rows, the hole first", () => {
  const { events } = busy(300);
  for (const mode of ["reference", "gorilla", "naive", "all"]) {
    const up = new View(mode);
    const { rows } = taken(events, 150, 7, [up]);
    const fresh = new View(mode);
    fresh.sync(rows);
    assert.deepEqual(up.list.map((r) => r.event.seq), fresh.list.map((r) => r.event.seq));
    assert.equal(up.list[0].event.dropped?.here, true);
    assert.equal(up.count(rows.list[0].seq), 1);
    const lagging = new View(mode);
    const short = new Rows();
    const history = new History({ events: 150, weight: Infinity });
    for (let i = 0; i < events.length; i += 10) {
      short.append(history.append(events.slice(i, i + 10)));
      if (i % 700 === 0) lagging.sync(short);
      const gap = history.trim();
      if (gap) short.forget(gap);
    }
    lagging.sync(short);
    const same = new View(mode);
    same.sync(short);
    assert.deepEqual(lagging.list.map((r) => r.event.seq), same.list.map((r) => r.event.seq));
  }
});

test("how far a view has moved is told, so that who reads stays where they are", () => {
  const { events } = busy(300);
  const view = new View("all");
  let first = 0; // rows before the one looked at
  let row = null;
  const history = new History({ events: 300, weight: Infinity });
  const rows = new Rows();
  for (const e of events) {
    rows.append(history.append([e]));
    view.sync(rows);
    if (!row && view.list.length > 120) [row, first] = [view.list[119], 119];
    const was = view.gone;
    const gap = history.trim();
    if (!gap) continue;
    rows.forget(gap);
    view.sync(rows);
    if (row && row.seq > gap.seq) assert.equal(view.list[(first -= view.gone - was)], row);
  }
});

test("what is about something forgotten has no row, and what comes later has its own", () => {
  const t = new Tape();
  t.open(1, "reference");
  for (let i = 0; i < 60; i++) t.frame(1, "client", `${i}`);
  for (let i = 0; i < 60; i++) t.script(1, "reference-1", "send", { text: `${i}`, size: 1 });
  const { history, rows } = taken(t.events, 50, 1);
  assert.ok(history.gap.seq > 61);
  assert.equal(rows.list.length, 1);
  t.frame(1, "client", "60");
  t.script(1, "reference-1", "send", { text: "60", size: 2 });
  rows.append(t.events.slice(-2));
  assert.equal(jsAt(rows.list.at(-1), Infinity), "send(“60”)");
});

test("what is held is let go of when it crosses, also when its row is forgotten", () => {
  const t = new Tape();
  t.open(1, "reference");
  const up = t.frame(1, "client", "held");
  t.held(1, up, "waiting");
  t.open(2, "gorilla");
  for (let i = 0; i < 60; i++) t.frame(2, "server", `${i}`);
  const { rows } = taken(t.events, 50, 5);
  assert.equal(rows.bySeq.has(up.seq), false);
  assert.equal(rows.conn(1).held.length, 1);
  t.held(1, up, "released");
  rows.append(t.events.slice(-1));
  assert.equal(rows.conn(1).held.length, 0);
});

test("side by side, pairs that are kept tell what they told; of one whose other half is forgotten nothing is told", () => {
  for (const hold of [true, false]) {
    const { events } = busy(300, hold);
    const whole = new Rows();
    whole.append(events);
    const all = new Pairs();
    all.sync(whole);
    const pairs = new Pairs();
    const { history, rows } = taken(events, 150, 7, [pairs]);
    const from = history.gap.seq;
    assert.equal(pairs.list[0].left.event, history.gap);
    const both = pairs.list.filter((p) => p.left && p.right);
    assert.equal(both.length > 5, !hold);
    for (const p of both) {
      const was = all.bySeq.get(p.left.event.seq);
      assert.equal(was.right.event.seq, p.right.event.seq);
      for (let cursor = from; cursor <= history.last; cursor += 3) assert.deepEqual(pairs.differences(p, cursor), all.differences(was, cursor));
    }
    assert.equal(both.some((p) => pairs.differences(p, Infinity).length), !hold, "an echo that differs is told");
    for (const p of pairs.list) {
      if (p.left && p.right) continue;
      const was = p.left ? all.bySeq.get(p.left.event.seq) : all.bySeq.get(p.right.event.seq);
      if (was && was.left && was.right) assert.deepEqual(pairs.differences(p, Infinity), []);
    }
    for (let i = 1; i < pairs.list.length; i++) assert.ok(pairs.list[i].seq >= pairs.list[i - 1].seq);
    pairs.list.forEach((p, i) => assert.equal(p.index, i));
    for (const row of rows.list) assert.ok([pairs.bySeq.get(row.event.seq).left, pairs.bySeq.get(row.event.seq).right].includes(row));
    assert.ok(pairs.acts.size <= rows.list.length);
  }
});

test("two plays: of a step that is not kept whole nothing is told, and its picture keeps what it has", () => {
  const t = new Tape();
  const acts = [1, 2].map((n) => new Acts(t, ["open", "send text a", "send text b"], { play: `${n}`, as: "raw", branchOf: n === 2 ? "1" : undefined }));
  const ends = new Ends("play-1");
  acts.forEach((a, n) => {
    for (let i = 0; i < 3; i++) {
      a.tell("begin", i);
      if (!i) t.open(n + 1, "reference", `play-${n + 1}`);
      else t.frame(n + 1, "client", i === 2 && n ? "B" : "ab"[i - 1]);
      a.tell("end", i);
    }
  });
  const rows = new Rows();
  const history = new History({ events: 15, weight: Infinity });
  rows.append(history.append(t.events.slice(0, 9)));
  ends.sync(rows);
  const kept = ends.list.length;
  rows.append(history.append(t.events.slice(9)));
  const plays = [...rows.plays.byId.values()];
  const pairs = new PlayPairs(plays[0], plays[1]);
  pairs.sync(rows);
  assert.ok(pairs.list.some((p) => pairs.differences(p, Infinity).length));
  rows.forget(history.trim());
  ends.sync(rows);
  assert.equal(ends.list.length, kept);
  pairs.sync(rows);
  assert.equal(pairs.list[0].left.event, history.gap);
  const told = pairs.list.flatMap((p) => pairs.differences(p, Infinity));
  assert.deepEqual(told.filter((text) => text.startsWith("only")), []);
  assert.ok(told.some((text) => text.includes("the payload")), "the step that both have whole is told of");
  rows.append([]);
  pairs.sync(rows);
  assert.deepEqual(pairs.list.flatMap((p) => pairs.differences(p, Infinity)), told);
});

/** A lab that takes a stream without a server. */
function lab(events, limit) {
  const l = new Lab();
  l.cursor.mode = "all";
  l.session.history = new History({ events: limit, weight: Infinity });
  const take = (from, to) => l.session.take(events.slice(from, to));
  return { l, take };
}

test("stepping back ends at the hole, and forth again leads to the newest", async () => {
  const { events } = busy(200);
  const { l, take } = lab(events, 150);
  for (let i = 0; i < events.length; i += 9) take(i, i + 9);
  const { gap } = l.session.history;
  let presses = 0;
  for (; l.session.notice.text === "" && presses < 1000; presses++) l.cursor.back();
  assert.match(l.session.notice.text, /oldest row that the page keeps/);
  assert.equal(l.cursor.view.count(l.cursor.at), 1);
  l.session.history.cursor = 0;
  assert.equal(l.cursor.at, gap.seq);
  for (let i = 0; i < presses - 1; i++) await l.cursor.step();
  assert.equal(l.cursor.at, Infinity);
  l.cursor.move(-Infinity);
  assert.equal(l.inspector.selection.seq, gap.seq);
  l.cursor.move(1);
  assert.equal(l.inspector.selection.seq, l.cursor.view.list[1].event.seq);
});

test("who stands still is moved to the hole and told; what they look at stays", () => {
  const { events } = busy(300);
  const { l, take } = lab(events, 150);
  take(0, 140);
  l.cursor.show(10);
  const row = l.cursor.view.list[9];
  l.inspector.kept = { event: row.event, fields: [], error: "", row };
  l.inspector.select(row.event.seq);
  l.inspector.details.set(row.event.seq, { event: row.event, fields: [] });
  assert.equal(l.inspector.subject.event, row.event);
  for (let i = 140; i < 700; i += 20) take(i, i + 20);
  assert.equal(l.session.rows.bySeq.has(row.event.seq), false);
  assert.equal(l.cursor.at, l.session.history.gap.seq);
  assert.match(l.session.notice.text, /part of the recording has been discarded/);
  assert.equal(l.inspector.subject.event, row.event);
  l.cursor.move(1);
  assert.ok(l.session.history.cursor >= l.inspector.selection.seq);
});

test("a selection that is kept stays selected while others go", () => {
  const { events } = busy(300);
  const { l, take } = lab(events, 400);
  take(0, 390);
  const row = l.cursor.view.list.findLast((r) => r.event.frame);
  l.inspector.select(row.event.seq);
  const before = l.cursor.index;
  take(390, 420);
  assert.ok(l.session.history.gap);
  assert.equal(l.cursor.view.list[l.cursor.index], row);
  assert.equal(l.cursor.index, before - l.cursor.view.gone);
});

test("a stream of 300,000 events takes no more than its limit", () => {
  const history = new History();
  const rows = new Rows();
  const view = new View("all");
  const hex = hexOf("Hello");
  let seq = 0;
  const open = { seq: ++seq, at: 0, conn: 1, from: "client", kind: "tcp", tcp: { what: "open", endpoint: "reference" } };
  rows.append(history.append([open]));
  const header = { fin: true, opcode: 1, name: "text", masked: true, size: 6, length: "5", form: 7 };
  while (seq < 300_000) {
    const batch = [];
    for (let i = 0; i < 50; i++) {
      const id = seq;
      const add = (kind, from, body) => batch.push({ seq: ++seq, at: seq, conn: 1, from, kind, [kind]: body });
      add("frame", "client", { size: 11, header, hex, payload: hex });
      add("call", "server", { id, name: "ReadMessage", verb: "read", phase: "enter" });
      add("call", "server", { id, name: "ReadMessage", verb: "read", phase: "return", of: seq - 1 });
      add("frame", "server", { size: 7, header, hex, payload: hex });
    }
    rows.append(history.append(batch));
    const gap = history.trim();
    if (gap) rows.forget(gap);
    view.sync(rows);
  }
  const conn = rows.conn(1);
  for (const size of [history.events.length, rows.list.length, rows.bySeq.size, view.list.length, conn.waits.size, conn.open.size, conn.reads.length]) assert.ok(size <= 100_200, `${size}`);
});
