import assert from "node:assert/strict";
import { test } from "node:test";
globalThis.EventSource ??= class {
  static CLOSED = 2;
};
const { ApiError, Lines, Presence, Stream } = await import("../api.js");

/** A stream on sources that the test opens, feeds and breaks. */
function rig(status = 200) {
  const r = { urls: [], sources: [], statuses: [], batches: [], timers: [], last: 0, status };
  r.stream = new Stream("ID", () => r.last, (b) => r.batches.push(b), (s) => r.statuses.push(s), {
    open: (url) => {
      const source = { closed: false, close: () => (source.closed = true) };
      r.urls.push(url);
      r.sources.push(source);
      return source;
    },
    probe: async () => r.status,
    later: (fn, ms) => r.timers.push({ fn, ms }),
  });
  r.turn = () => new Promise((done) => setImmediate(done));
  return r;
}

test("a stream that breaks resumes after the last event seen", async () => {
  const r = rig();
  r.stream.open();
  r.sources[0].onopen();
  r.sources[0].onmessage({ data: '[{"seq":1}]' });
  r.last = 7;
  r.sources[0].onerror();
  await r.turn();
  assert.ok(r.sources[0].closed);
  r.timers[0].fn();
  assert.deepEqual(r.urls, ["/api/sessions/ID/events?after=0", "/api/sessions/ID/events?after=7"]);
  assert.deepEqual(r.batches, [[{ seq: 1 }]]);
});

test("a server that is gone is told, and asked again ever more slowly", async () => {
  const r = rig(0);
  r.stream.open();
  for (let i = 0; i < 6; i++) {
    r.sources[i].onerror();
    await r.turn();
    r.timers[i].fn();
  }
  assert.ok(r.statuses.includes("gone"));
  assert.ok(r.timers[0].ms < r.timers[3].ms);
  assert.ok(r.timers.every((t) => t.ms <= 4000));
});

test("a server that is shutting down is gone, not the session lost", async () => {
  const r = rig(503);
  r.stream.open();
  r.sources[0].onerror();
  await r.turn();
  assert.equal(r.statuses.at(-1), "gone");
  assert.equal(r.timers.length, 1);
});

test("a session that the server does not know is lost, and not asked for again", async () => {
  const r = rig(404);
  r.stream.open();
  r.sources[0].onerror();
  await r.turn();
  assert.equal(r.statuses.at(-1), "lost");
  assert.equal(r.timers.length, 0);
});

test("a hidden tab gives its stream back and takes it again when shown", () => {
  const r = rig();
  r.stream.open();
  r.stream.setHidden(true);
  assert.ok(r.sources[0].closed);
  assert.equal(r.statuses.at(-1), "paused");
  r.last = 3;
  r.stream.setHidden(false);
  assert.equal(r.urls.at(-1), "/api/sessions/ID/events?after=3");
});

test("a closed stream stays closed", async () => {
  const r = rig();
  r.stream.open();
  r.stream.close();
  r.sources[0].onerror();
  await r.turn();
  assert.equal(r.timers.length, 0);
  r.stream.open();
  assert.equal(r.urls.length, 1);
});

test("a refusal is read with its remedy", () => {
  assert.equal(new ApiError(400, { error: "no such thing.", fix: "Name another" }).words, "no such thing. Name another");
  assert.equal(new ApiError(500, {}).words, "the server answered with status 500");
});

test("the lines of a run go on after the last one seen, each taken once", () => {
  const lines = [];
  const statuses = [];
  const sources = [];
  const run = new Lines("/api/judge/ID/events", (line) => lines.push(line), (s) => statuses.push(s), (url) => {
    const source = { url, readyState: 0, close: () => (source.closed = true) };
    sources.push(source);
    return source;
  });
  /** @param {number} id */
  const line = (id) => sources.at(-1).onmessage({ lastEventId: String(id), data: String(id) });
  run.open();
  run.open();
  sources[0].onopen();
  [1, 2, 3].forEach(line);
  sources[0].onerror(); // the browser asks again by itself, and begins after the last
  [3, 4].forEach(line);
  run.pause();
  assert.ok(sources[0].closed);
  run.open();
  [5, 6].forEach(line);
  sources[1].readyState = 2;
  sources[1].onerror();
  run.close();
  run.open();
  assert.deepEqual(lines, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(sources.map((s) => s.url), ["/api/judge/ID/events?after=0", "/api/judge/ID/events?after=4"]);
  assert.deepEqual(statuses, ["live", "away", "gone"]);
});

test("a server that does not answer is asked until it does, and each change is told once", async () => {
  const timers = [];
  const told = [];
  let there = false;
  const p = new Presence(async () => there, (fn) => timers.push(fn));
  p.addEventListener("change", () => told.push(p.away));
  p.found(true);
  p.found(false);
  p.found(false);
  assert.equal(timers.length, 1);
  await timers.shift()();
  assert.equal(timers.length, 1);
  there = true;
  await timers.shift()();
  assert.deepEqual(told, [true, false]);
  assert.equal(timers.length, 0);
});
