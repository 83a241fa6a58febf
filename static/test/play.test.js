import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { byPlay, PlayPairs } from "../align.js";
import { Ends } from "../ends.js";
import { Orders, after, before, changed, inLine, standing, until, wrongWith } from "../play.js";
import { Rows, View } from "../rows.js";
import { goAt, jsAt, stepAt } from "../shown.js";
import { whose } from "../connection.js";
import { Acts, Tape, ignored } from "./events.js";

const golden = JSON.parse(readFileSync(new URL("events.json", import.meta.url), "utf8")).events;

/** @param {object[]} events @param {number} [size] of a batch */
function rowsOf(events, size = events.length || 1) {
  const rows = new Rows();
  for (let i = 0; i < events.length; i += size) rows.append(events.slice(i, i + size));
  return rows;
}

/** All that the page shows of plays at a cursor. */
function picture(rows, cursor) {
  const view = new View("all");
  view.sync(rows);
  const shown = view.list.slice(0, view.count(cursor)).map((r) => [r.event.seq, stepAt(r, cursor), jsAt(r, cursor), goAt(r, cursor)]);
  const plays = [...rows.plays.byId.values()].map((p) => standing(p, cursor));
  const ends = [...new Set([...rows.conns.values()].map((c) => c.client))].map((token) => {
    const e = new Ends(token);
    e.sync(rows);
    return e.picture(cursor);
  });
  return JSON.stringify({ shown, plays, ends });
}

test("back and forth any number of times gives the same picture, over all that Go records", () => {
  for (const events of [golden, ignored().events]) {
    const rows = rowsOf(events);
    const seen = events.map((e) => picture(rows, e.seq));
    for (let round = 0; round < 2; round++) {
      for (let i = events.length - 1; i >= 0; i--) assert.equal(picture(rows, events[i].seq), seen[i]);
      for (let i = 0; i < events.length; i++) assert.equal(picture(rows, events[i].seq), seen[i]);
    }
    let seed = 7;
    for (let n = 0; n < 200; n++) {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      const i = seed % events.length;
      assert.equal(picture(rows, events[i].seq), seen[i], `event ${events[i].seq}`);
    }
  }
});

test("a play looks the same however the stream cuts its batches", () => {
  const { events } = ignored();
  const whole = picture(rowsOf(events), Infinity);
  for (const size of [1, 2, 5]) assert.equal(picture(rowsOf(events, size), Infinity), whole);
});

test("a step heads the rows of what came of it, and its sentence waits for its end", () => {
  const t = ignored();
  const rows = rowsOf(t.events);
  const heads = rows.list.filter((r) => r.event.step);
  assert.deepEqual(heads.map((r) => r.event.step.command), ["open", "close 1000 bye", "patience 90s", "server tcp read", "server tcp write 8100", "server tcp write 8100"]);
  assert.equal(stepAt(heads[1], heads[1].mark.end - 1).say, "");
  assert.ok(stepAt(heads[1], heads[1].mark.end - 1).doing);
  assert.equal(stepAt(heads[1], heads[1].mark.end).say, "The result of close 1000 bye.");
  const close = rows.list.findIndex((r) => r.event.frame?.close);
  assert.ok(close > rows.list.indexOf(heads[1]) && close < rows.list.indexOf(heads[2]));
});

test("a play stands as its events up to the cursor tell", () => {
  const t = ignored();
  const play = rowsOf(t.events).plays.byId.get("1");
  assert.deepEqual(standing(play, 0).phases, Array(6).fill("todo"));
  assert.equal(standing(play, 0).current, -1);
  assert.ok(standing(play, 1).waits);
  assert.deepEqual(standing(play, play.marks[1].begin).phases.slice(0, 3), ["done", "doing", "todo"]);
  const end = standing(play, Infinity);
  assert.ok(end.over && !end.error && end.phases.every((p) => p === "done"));
});

test("a play that ends early leaves its step failed, and says why", () => {
  const t = new Tape();
  const acts = new Acts(t, ["open", "send text x"]);
  acts.tell("begin", 0);
  acts.over("the browser's tab is gone");
  const rows = rowsOf(t.events);
  const now = standing(rows.plays.byId.get("1"), Infinity);
  assert.deepEqual([now.phases, now.error], [["failed", "todo"], "the browser's tab is gone"]);
  assert.deepEqual(rows.list.map((r) => stepAt(r, Infinity).say), ["", "the browser's tab is gone"]);
});

test("forward and back go step by step, to either end", () => {
  const t = ignored();
  const play = rowsOf(t.events).plays.byId.get("1");
  let cursor = Infinity;
  const backwards = [];
  for (let to = before(play, cursor); to !== null; to = before(play, cursor)) {
    cursor = to;
    backwards.push(standing(play, cursor).phases.filter((p) => p === "done").length);
  }
  assert.deepEqual(backwards, [5, 4, 3, 2, 1, 0]);
  const forwards = [];
  for (let to = after(play, cursor); to !== null && forwards.length < 20; to = after(play, cursor)) {
    cursor = to;
    forwards.push(standing(play, cursor).phases.filter((p) => p === "done").length);
  }
  assert.deepEqual(forwards, [1, 2, 3, 4, 5, 6]);
  assert.equal(standing(play, until(play, 1)).current, 1);
});

test("an order is carried out once, by the tab that began the play", () => {
  const { events } = ignored();
  const tab = new Orders();
  tab.expect("play-1");
  assert.deepEqual(tab.due(events).map((s) => s.order.do), ["open", "close"]);
  assert.deepEqual(tab.due(events), [], "told again by a resumed stream");
  assert.deepEqual(tab.expect("play-1"), []);
});

test("an order that is told before the play's own answer waits for it", () => {
  const { events } = ignored();
  const tab = new Orders();
  assert.deepEqual(tab.due(events.slice(0, 5)), []);
  assert.deepEqual(tab.expect("play-1").map((s) => s.order.do), ["open"]);
  assert.deepEqual(tab.due(events).map((s) => s.order.do), ["close"]);
});

test("a tab that was loaded again, or a second one, carries nothing out", () => {
  const { events } = ignored();
  const reloaded = new Orders();
  assert.deepEqual(reloaded.due(events), []);
  reloaded.expect("play-2");
  assert.deepEqual(reloaded.due(events), []);
  const many = new Orders();
  for (let i = 0; i < 100; i++) many.due(ignored(0, { play: String(i + 1), client: `play-${i + 1}` }).events);
  assert.ok(many.early.length <= 64);
});

test("a raw client's play gives the page no orders", () => {
  const tab = new Orders();
  tab.expect("play-1");
  assert.deepEqual(tab.due(ignored(0, { as: "raw" }).events), []);
  const rows = rowsOf(ignored(0, { as: "raw" }).events);
  assert.equal(whose(rows.conn(1), false), "raw client");
});

test("one command is changed, and what was said of it goes", () => {
  const text = "# A title\n# said of open\nopen\n| ❱ GET\n# of close,\n# in two lines\nclose 1000\nwait 1s\n";
  assert.equal(changed(text, 7, " close 1001 "), "# A title\n# said of open\nopen\nclose 1001\nwait 1s\n");
  assert.equal(changed("# A title\nopen\n", 2, "close"), "# A title\nclose\n");
  const two = "# A title\nopen\n# one write\nbytes 81 80\nbytes 89 80\nread 1\n";
  assert.equal(inLine("bytes 81 80\nbytes 89 80"), "bytes 81 80 89 80");
  assert.equal(changed(two, 4, "bytes 81 80 8a 80", 2), "# A title\nopen\nbytes 81 80 8a 80\nread 1\n");
  assert.throws(() => changed(text, 7, "a\nb"), /one line/);
  assert.throws(() => changed(text, 7, "  "), /Write a command/);
});

/** Two plays, one after the other, as one recording. */
function two() {
  const a = ignored();
  const b = ignored(60_000_000, { play: "2", client: "play-2", branchOf: "1" });
  const n = a.events.length;
  const moved = b.events.map((e) => {
    const copy = structuredClone(e);
    copy.seq += n;
    copy.at += 100_000_000;
    if (copy.conn) copy.conn += 1;
    if (copy.call) copy.call.id += 100;
    for (const names of [copy, copy.call || {}, copy.script || {}]) for (const what of ["by", "told", "of"]) if (names[what]) names[what] += n;
    return copy;
  });
  return [...a.events, ...moved];
}

test("two plays stand beside each other step by step", () => {
  const events = two();
  const change = events.find((e) => e.frame?.close && e.conn === 2);
  change.frame.close.code = 1001;
  for (const e of events) if (e.step?.play === "2" && e.step.index === 1) e.step.command = "close 1001 bye";
  const rows = rowsOf(events);
  const [left, right] = rows.plays.byId.values();
  const pairs = new PlayPairs(left, right);
  pairs.sync(rows);
  assert.ok(pairs.list.every((p) => p.left && p.right), "each row has its counterpart");
  const steps = pairs.list.map((p) => p.left.step);
  assert.deepEqual(steps, [...steps].sort((a, b) => a - b));
  const told = pairs.list.flatMap((p) => pairs.differences(p, Infinity));
  assert.deepEqual(told, ["play 1 closed with 1000, play 2 1001"]);
  assert.equal(pairs.bySeq.get(pairs.first(Infinity).event.seq).right.event, change);
});

test("plays of two servers are named by them", () => {
  const rows = rowsOf(two());
  const [left, right] = rows.plays.byId.values();
  right.endpoint = "gorilla";
  const sides = byPlay(left, right);
  assert.deepEqual(sides.heads, ["play 1: reference", "play 2: gorilla"]);
  assert.equal(sides.name(rows.conn(1), "right"), "gorilla");
});

test("of a changed command the first mistake is told, without what follows from it", () => {
  const of = (what) => `This scenario cannot be played: ${what}. Change the lines that are named.`;
  assert.equal(wrongWith(of('x.txt:4: there is no command "opne"; there are field, open; x.txt:6: ping needs an open before it; x.txt:1: there is no open')), 'there is no command "opne"; there are field, open.');
  assert.equal(wrongWith(of("x.txt:4: ping needs an open before it")), "ping needs an open before it.");
  assert.equal(wrongWith("Write the command in one line."), "Write the command in one line.");
});
