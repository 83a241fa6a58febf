import assert from "node:assert/strict";
import { test } from "node:test";
import { Costs, delays, median, order, result, shortest, steps, total, turn, ways } from "../ways.js";
import { Race } from "../race.js";
import { Tape } from "./events.js";

const field = (name, value) => ({ name, value, offset: 0, size: `${name}: ${value}`.length + 2 });

/** A part of an exchange of plain HTTP. */
const http = (t, conn, from, body) => t.add("http", conn, from, { exchange: 1, run: 1, hex: "", ...body });

/** A stream of n events on connection 2, and the same events on a WebSocket on connection 3. */
function both(n, { stream = 600, shake = 640 } = {}) {
  const t = new Tape();
  http(t, 2, "client", { what: "request", way: "events", line: "GET /e HTTP/1.1", size: stream, fields: [field("Host", "a:1"), field("User-Agent", "x".repeat(200))] });
  http(t, 2, "server", { what: "response", way: "events", line: "HTTP/1.1 200 OK", status: 200, size: 150, fields: [field("Content-Type", "text/event-stream"), field("Transfer-Encoding", "chunked"), field("Date", "today")] });
  t.open(3, "reference", "ways-1");
  t.add("handshake", 3, "client", { what: "request", line: "GET /w HTTP/1.1", size: shake, hex: "", fields: [field("Host", "a:1"), field("Upgrade", "websocket"), field("Connection", "Upgrade"), field("Sec-WebSocket-Key", "k"), field("Sec-WebSocket-Version", "13"), field("Cookie", "c")] });
  t.add("handshake", 3, "server", { what: "response", line: "HTTP/1.1 101 Switching Protocols", status: 101, size: 129, hex: "", fields: [field("Upgrade", "websocket"), field("Connection", "Upgrade"), field("Sec-WebSocket-Accept", "a")] });
  for (let i = 1; i <= n; i++) {
    http(t, 2, "server", { what: "body", way: "events", size: 32, data: 26, text: `id: ${i}\ndata: tick ${i}\n\n` });
    t.add("frame", 3, "server", { size: 8, header: { opcode: 1, size: 2 } });
  }
  http(t, 2, "server", { what: "end", way: "events", size: 5, total: { up: 600, down: 0, pieces: n } });
  t.add("frame", 3, "client", { size: 8, header: { opcode: 8, size: 6 } });
  t.add("frame", 3, "server", { size: 4, header: { opcode: 8, size: 2 } });
  return t.events;
}

const counted = (events) => {
  const costs = new Costs(1, "ways-1");
  costs.take(events);
  return costs;
};

test("each byte of a run is counted once, as headers or as data, by its sender", () => {
  const { of } = counted(both(3));
  assert.deepEqual([of.events.requests, of.events.conns.size, of.events.up, of.events.down], [1, 1, { head: 600, data: 0 }, { head: 150 + 3 * 6 + 5, data: 3 * 26 }]);
  assert.deepEqual([of.socket.requests, of.socket.conns.size, of.socket.up, of.socket.down], [1, 1, { head: 640 + 8, data: 0 }, { head: 129 + 3 * 2 + 4, data: 3 * 6 }]);
  assert.equal(total(of.events), 600 + 150 + 96 + 5);
  assert.equal(total(of.socket), 640 + 129 + 24 + 12);
});

test("polls share TCP connections, and each is a request", () => {
  const t = new Tape();
  for (let i = 1; i <= 3; i++) {
    http(t, 2, "client", { what: "request", way: "poll", exchange: i, size: 500 });
    http(t, 2, "server", { what: "response", way: "poll", exchange: i, size: 100 });
    http(t, 2, "server", { what: "body", way: "poll", exchange: i, size: 20, data: 20, text: "[]" });
  }
  http(t, 4, "client", { what: "request", way: "poll", exchange: 4, size: 500 });
  const { of } = counted(t.events);
  assert.deepEqual([of.poll.requests, of.poll.conns.size, of.poll.up.head, of.poll.down.head, of.poll.down.data], [4, 2, 2000, 300, 60]);
});

test("another run, and events that were counted before, add nothing", () => {
  const events = both(2);
  const costs = counted(events);
  const before = total(costs.of.events);
  costs.take(events);
  assert.equal(total(costs.of.events), before);
  const other = new Costs(2, "ways-2");
  other.take(events);
  assert.deepEqual(ways.map((w) => total(other.of[w])), [0, 0, 0, 0]);
});

test("several events in one write are several events", () => {
  const t = new Tape();
  http(t, 2, "server", { what: "body", way: "events", size: 60, text: "id: 1\ndata: tick 1\n\nid: 2\ndata: tick 2\n\n" });
  http(t, 2, "server", { what: "body", way: "events", size: 9, text: ": hi\n\n" });
  const { each, fixed } = counted(t.events).of.events;
  assert.deepEqual([each, fixed], [[30, 30], 9]);
});

test("the median is the middle value, and the mean of two middle values", () => {
  assert.equal(median([]), null);
  assert.equal(median([7]), 7);
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([9, 1, 5, 6]), 5.5);
});

test("a delay belongs to its event, and is never below 0", () => {
  const ticks = new Map([[1, 1000], [2, 2000], [3, 3000]]);
  assert.deepEqual(delays(ticks, new Map([[1, 1400], [2, 1990], [9, 5000]])), [400, 0]);
  assert.deepEqual(delays(ticks, new Map()), []);
});

test("WebSocket costs less from the event on at which the sizes say so", () => {
  // 640 + 129 + 12 bytes against 600 + 150 + 5: 26 more, and each event costs 24 less.
  const { of } = counted(both(20));
  const t = turn(of.events, of.socket);
  assert.deepEqual([t.more, t.less, t.from], [26, 24, 2]);
  for (const n of [1, 2, 3]) {
    const run = counted(both(n)).of;
    assert.equal(total(run.socket) < total(run.events), n >= t.from, `${n} events`);
  }
});

test("the turn may be the first event, beyond the run, or nowhere", () => {
  const at = (more, less, n = 5) => turn({ fixed: 100, each: Array(n).fill(10 + less) }, { fixed: 100 + more, each: Array(n).fill(10) })?.from;
  assert.equal(at(-1, 20), 1);
  assert.equal(at(0, 20), 1);
  assert.equal(at(20, 20), 2); // with one event both cost the same
  assert.equal(at(190, 6, 3), 32);
  assert.equal(at(1000, 20), 51);
  assert.equal(at(10, 0), Infinity);
  assert.equal(turn({ fixed: 1, each: [] }, { fixed: 1, each: [] }), null);
});

test("the sum that the page shows leads to the answer that it accepts", () => {
  // An event from the tenth on is a byte larger on both ways, and two bytes larger with its id.
  const size = (n) => String(n).length;
  for (let more = -5; more < 400; more++) {
    const run = (n) => [{ fixed: 193, each: Array.from({ length: n }, (_, i) => 40 + 2 * size(i + 1)) }, { fixed: 193 + more, each: Array.from({ length: n }, (_, i) => 23 + size(i + 1)) }];
    const t = turn(...run(20));
    const { events, socket } = t.at(t.from);
    assert.ok(socket < events && (t.from === 1 || t.at(t.from - 1).socket >= t.at(t.from - 1).events), `${more}: ${t.from}`);
    if (t.from > 20) continue;
    const whole = turn(...run(100));
    assert.equal(t.from, whole.from, `${more}: a longer run says the same`);
    assert.ok(Math.abs(Math.max(0, Math.floor(more / t.less)) + 1 - t.from) <= (t.from > 9 ? 1 : 0), `${more}: ${more} / ${t.less} and ${t.from}`);
  }
});

test("without the header fields that are not needed, the handshake is the longer beginning", () => {
  const costs = counted(both(20));
  const t = shortest(costs);
  const line = (text) => text.length + 2;
  const stream = line("GET /e HTTP/1.1") + line("Host: a:1") + 2 + line("HTTP/1.1 200 OK") + line("Content-Type: text/event-stream") + line("Transfer-Encoding: chunked") + 2;
  const socket = line("GET /w HTTP/1.1") + line("Host: a:1") + line("Upgrade: websocket") * 2 + line("Connection: Upgrade") * 2 + line("Sec-WebSocket-Key: k") + line("Sec-WebSocket-Version: 13") + 2 + line("HTTP/1.1 101 Switching Protocols") + line("Sec-WebSocket-Accept: a") + 2;
  assert.deepEqual(t.fixed, { events: stream + 5, socket: socket + 12 });
  assert.equal(t.from, Math.floor((socket + 12 - stream - 5) / 24) + 1);
  assert.equal(shortest(new Costs(1, "x")), null);
});

test("the result names the ways as the page does", () => {
  const costs = counted(both(20));
  const settings = { rate: 2, count: 20, poll: 300, wait: 2000, up: 0 };
  const r = result(settings, costs);
  assert.deepEqual([r.rate, r.interval, r.dearest, r.socket.bytes, r.socket.requests, r.poll.connections], [2, 300, "Server-Sent Events", 941, 1, 0]);
  assert.deepEqual(order(costs.of).slice(2), ["socket", "events"]);
  for (const [name, value] of Object.entries(settings)) assert.ok(steps[name].includes(value), name);
});

// ——— a run ———

/** A browser for a run: time passes by hand. */
function fake({ noStream = false, noSocket = false, refuse = "" } = {}) {
  const timers = [];
  let now = 0;
  const world = { streams: [], sockets: [], asked: [], news: { poll: [], long: [] }, over: false };
  const wait = { long: [] };
  const source = () => Object.assign(new EventTarget(), { close() { this.shut = true; } });
  return {
    world,
    /** Lets ms pass, and what is planned for that time happens. */
    async pass(ms) {
      for (const end = now + ms; ; ) {
        await new Promise((done) => setImmediate(done));
        timers.sort((a, b) => a.at - b.at);
        if (!timers.length || timers[0].at > end) {
          now = end;
          return;
        }
        now = Math.max(now, timers[0].at);
        timers.shift().fn();
      }
    },
    wait,
    deps: {
      now: () => now * 1000,
      later: (fn, ms) => timers.push({ at: now + ms, fn }),
      stream(url) {
        if (noStream) throw new Error("EventSource is blocked");
        const s = source();
        world.streams.push(Object.assign(s, { url }));
        return s;
      },
      socket(url) {
        const s = Object.assign(source(), { url, readyState: 0, sent: [], send(text) { this.sent.push(text); } });
        world.sockets.push(s);
        if (noSocket) queueMicrotask(() => s.dispatchEvent(Object.assign(new Event("close"), { code: 1006 })));
        return s;
      },
      async fetch(url, init = {}) {
        world.asked.push(`${init.method || "GET"} ${url}`);
        const way = url.split("?")[0];
        if (refuse === way) throw new TypeError("Failed to fetch");
        if (init.method === "POST") return { ok: true, status: 204 };
        const after = Number(/after=(\d+)/.exec(url)[1]);
        const events = () => world.news[way].filter((n) => n > after).map((n) => ({ n, at: n * 1000 }));
        if (way === "long" && !events().length && !world.over) await new Promise((done) => wait.long.push(done));
        return { ok: true, status: events().length || world.over ? 200 : 204, json: async () => events() };
      },
    },
  };
}

const urls = { poll: "poll", long: "long", events: "events", socket: "socket" };
const settings = { rate: 2, count: 2, poll: 300, wait: 2000, up: 0 };

/** Event n reaches the page by every way that is open. */
function tick({ world, wait }, n) {
  world.news.poll.push(n);
  world.news.long.push(n);
  for (const done of wait.long.splice(0)) done();
  const data = JSON.stringify({ n, at: n * 1000 });
  for (const s of world.streams) s.onmessage?.({ lastEventId: String(n), data });
  for (const s of world.sockets) s.dispatchEvent(Object.assign(new Event("message"), { data }));
}

async function open(f, race) {
  const opened = race.open();
  for (const s of f.world.streams) s.onopen();
  for (const s of f.world.sockets) {
    s.readyState = 1;
    s.dispatchEvent(new Event("open"));
  }
  await opened;
  race.begin();
}

test("each way notes when its events arrive, and the run ends with the last of them", async () => {
  const f = fake();
  const race = new Race(settings, urls, f.deps, () => {});
  await open(f, race);
  await f.pass(100);
  tick(f, 1);
  await f.pass(500);
  tick(f, 2);
  await f.pass(400);
  await race.over;
  assert.deepEqual(ways.map((w) => [...race.arrivals[w].keys()]), [[1, 2], [1, 2], [1, 2], [1, 2]]);
  assert.deepEqual([...race.arrivals.poll.values()], [300_000, 900_000], "an event waits for the next poll");
  assert.deepEqual([...race.arrivals.socket.values()], [100_000, 600_000]);
  assert.deepEqual(race.failed, {});
  assert.deepEqual([...race.ticks], [[1, 1000], [2, 2000]], "each event says when the source made it");
  assert.ok(f.world.streams[0].shut && f.world.sockets[0].shut, "everything is closed");
  const asked = f.world.asked.length;
  await f.pass(20_000);
  assert.equal(f.world.asked.length, asked, "nothing is asked for afterwards");
});

test("ways that a browser blocks are named, and the others go on", async () => {
  const f = fake({ noStream: true, noSocket: true });
  const race = new Race(settings, urls, f.deps, () => {});
  await open(f, race);
  tick(f, 1);
  await f.pass(300);
  tick(f, 2);
  await f.pass(700);
  await race.over;
  assert.match(race.failed.events, /could not be opened: EventSource is blocked/);
  assert.match(race.failed.socket, /did not open, close code 1006/);
  assert.deepEqual([race.arrivals.poll.size, race.arrivals.long.size, race.failed.poll, race.failed.long], [2, 2, undefined, undefined]);
});

test("a way that never opens is given up, and a request that fails ends its way alone", async () => {
  const f = fake({ refuse: "poll" });
  const race = new Race({ ...settings, count: 1 }, urls, f.deps, () => {});
  const opened = race.open();
  f.world.streams[0].onopen();
  await f.pass(10_000);
  await opened;
  assert.match(race.failed.socket, /did not open within 10 seconds/);
  race.begin();
  await f.pass(0);
  tick(f, 1);
  await f.pass(0);
  await race.over;
  assert.match(race.failed.poll, /the request failed: Failed to fetch/);
  assert.deepEqual([race.arrivals.events.size, race.arrivals.long.size], [1, 1]);
});

test("a run without events ends by itself, and says which ways received too little", async () => {
  const f = fake();
  const race = new Race(settings, urls, f.deps, () => {});
  await open(f, race);
  tick(f, 1);
  await f.pass(60_000);
  await race.over;
  assert.deepEqual(ways.map((w) => race.failed[w]), Array(4).fill("did not receive every event in time"));
});

test("messages of the page go out on every way", async () => {
  const f = fake();
  const race = new Race({ ...settings, up: 2 }, urls, f.deps, () => {});
  await open(f, race);
  await f.pass(1000);
  race.stop();
  assert.deepEqual(f.world.asked.filter((a) => a.startsWith("POST")), ["POST poll", "POST long", "POST events", "POST poll", "POST long", "POST events"]);
  assert.deepEqual(f.world.sockets[0].sent, ["message 1", "message 2"]);
  assert.equal(race.failed.poll, "was stopped");
});

test("a source that ends early ends the ways that ask", async () => {
  const f = fake();
  const race = new Race(settings, urls, f.deps, () => {});
  await open(f, race);
  tick(f, 1);
  f.world.over = true;
  await f.pass(700);
  assert.deepEqual([race.failed.poll, race.failed.long, race.failed.socket], ["the source ended early", "the source ended early", undefined]);
  race.stop();
});
