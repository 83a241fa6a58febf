/**
 * The four ways in which a page receives events: what each one costs, counted from
 * the recording, and when its events arrive. All sizes are bytes on the wire, and all
 * times are microseconds on the session's clock.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {"poll"|"long"|"events"|"socket"} Way
 * @typedef {{rate: number, count: number, poll: number, wait: number, up: number}} Settings rate: events per second; poll, wait: ms; up: messages from the page
 * @typedef {{n: number, at: number}} Tick an event of the source, and when the source made it
 * @typedef {{head: number, data: number}} Bytes head: heads of HTTP, framing of chunks, handshakes, frame headers and control frames; data: everything else
 *
 * @typedef {object} Cost of one way in one run
 * @property {number} requests
 * @property {Set<number>} conns
 * @property {Bytes} up    sent by the page
 * @property {Bytes} down  sent by the server
 * @property {number} fixed bytes to begin and to end, whatever the number of events
 * @property {number[]} each size of each event; only for the ways that begin once
 */

/** @type {Way[]} */
export const ways = ["poll", "long", "events", "socket"];

/** @type {Record<Way, string>} */
export const names = { poll: "Polling", long: "Long polling", events: "Server-Sent Events", socket: "WebSocket" };

/** The values of the sliders. */
export const steps = {
  rate: [0.2, 0.5, 1, 2, 5, 10, 20],
  count: [20, 100],
  poll: [100, 200, 300, 500, 1000, 2000, 5000],
  wait: [500, 1000, 2000, 5000, 10_000, 20_000],
  up: Array.from({ length: 21 }, (_, i) => i),
};

/** @returns {Cost} */
const nothing = () => ({ requests: 0, conns: new Set(), up: { head: 0, data: 0 }, down: { head: 0, data: 0 }, fixed: 0, each: [] });

/** Counts the bytes of one run as its events are recorded. */
export class Costs {
  /**
   * @param {number} run the server's number of the run
   * @param {string} client the token of the page's WebSocket
   */
  constructor(run, client) {
    this.run = run;
    this.client = client;
    /** @type {Record<Way, Cost>} */
    this.of = { poll: nothing(), long: nothing(), events: nothing(), socket: nothing() };
    this.socket = 0; // the connection of the WebSocket
    /** @type {Partial<Record<Way, LabEvent>>} the first request of each way */
    this.request = {};
    /** @type {Partial<Record<Way, LabEvent>>} the first response of each way */
    this.response = {};
    this.last = 0; // seq of the last event that was counted
  }

  /** @param {LabEvent[]} events in order of seq */
  take(events) {
    for (const e of events) {
      if (e.seq <= this.last) continue;
      this.last = e.seq;
      if (e.http?.run === this.run) this.http(e, e.http);
      else if (e.tcp?.what === "open" && e.tcp.client === this.client) this.socket = e.conn;
      else if (this.socket && e.conn === this.socket) this.framed(e);
    }
  }

  /** @param {LabEvent} e @param {import("./types.js").Http} http */
  http(e, http) {
    const { way, what, size } = http;
    const cost = this.of[way];
    const side = e.from === "client" ? cost.up : cost.down;
    cost.conns.add(e.conn);
    if (what === "request") {
      cost.requests++;
      this.request[way] ??= e;
    }
    if (what === "response") this.response[way] ??= e;
    side.head += size - (http.data || 0);
    side.data += http.data || 0;
    if (way !== "events") return;
    // The server may write several events in one piece.
    const n = what === "body" && e.from === "server" ? ((http.text || "").match(/^data:/gm) || []).length : 0;
    for (let i = 0; i < n; i++) cost.each.push(size / n);
    if (!n) cost.fixed += size;
  }

  /** @param {LabEvent} e of the WebSocket's connection */
  framed(e) {
    const cost = this.of.socket;
    const { handshake, frame } = e;
    const side = e.from === "client" ? cost.up : cost.down;
    if (handshake) {
      cost.conns.add(e.conn);
      if (handshake.what === "request") cost.requests++;
      (handshake.what === "request" ? this.request : this.response).socket ??= e;
      side.head += handshake.size;
      cost.fixed += handshake.size;
    } else if (frame) {
      const size = Number(frame.size);
      const control = frame.header.opcode >= 8;
      const data = control ? 0 : size - frame.header.size;
      side.head += size - data;
      side.data += data;
      if (control) cost.fixed += size;
      else if (e.from === "server") cost.each.push(size);
    }
  }
}

/** All bytes of a way. @param {Cost} c */
export const total = (c) => c.up.head + c.up.data + c.down.head + c.down.data;

/** The ways in order of their bytes, the cheapest first. @param {Record<Way, Cost>} of @param {Way[]} [some] */
export const order = (of, some = ways) => [...some].sort((a, b) => total(of[a]) - total(of[b]));

/** The middle value; the mean of the two middle values of an even number. @param {number[]} list @returns {number|null} null for an empty list */
export function median(list) {
  if (!list.length) return null;
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/**
 * How late the events of a way arrived, one delay for each event. The clocks of
 * page and server differ by about a millisecond, so a delay is never below 0.
 * @param {Map<number, number>} ticks when the source made event n
 * @param {Map<number, number>} arrivals when event n arrived
 */
export function delays(ticks, arrivals) {
  const list = [];
  for (const [n, at] of arrivals) {
    const tick = ticks.get(n);
    if (tick !== undefined) list.push(Math.max(0, at - tick));
  }
  return list;
}

/**
 * From how many events on WebSocket costs less than Server-Sent Events.
 * @typedef {object} Turn
 * @property {number} from the number of events; Infinity if it never costs less
 * @property {number} more how many bytes more WebSocket costs without events; negative if it costs less
 * @property {number} less how many bytes less each event costs on WebSocket, on average
 * @property {number} first the averages are those of this many first events; later events have longer numbers
 * @property {{events: number, socket: number}} fixed
 * @property {{events: number, socket: number}} each the average size of an event
 * @property {(n: number) => {events: number, socket: number}} at the bytes with n events
 */

/**
 * @param {Pick<Cost, "fixed"|"each">} events
 * @param {Pick<Cost, "fixed"|"each">} socket
 * @returns {Turn|null} null without an event of both
 */
export function turn(events, socket) {
  const seen = Math.min(events.each.length, socket.each.length);
  if (!seen) return null;
  /** @param {number[]} list @param {number} n */
  const sum = (list, n) => list.slice(0, n).reduce((a, b) => a + b, 0);
  // The sizes of the events of the run are known. Each later event has the average size.
  /** @param {Pick<Cost, "fixed"|"each">} c @param {number} n */
  const bytes = (c, n) => c.fixed + sum(c.each, Math.min(n, seen)) + (Math.max(0, n - seen) * sum(c.each, seen)) / seen;
  const at = (/** @type {number} */ n) => ({ events: bytes(events, n), socket: bytes(socket, n) });
  const fixed = at(0);
  const more = fixed.socket - fixed.events;
  let from = 1;
  while (from <= seen && at(from).socket >= at(from).events) from++;
  const last = at(seen);
  const less = (last.events - fixed.events - last.socket + fixed.socket) / seen;
  if (from > seen) from = less > 0 ? seen + Math.floor((last.socket - last.events) / less) + 1 : Infinity;
  const first = Math.min(seen, Math.max(9, from));
  const each = { events: sum(events.each, first) / first, socket: sum(socket.each, first) / first };
  return { from, more, less: each.events - each.socket, first, fixed, each, at };
}

/** The header fields without which a way does not work, by its request and its response. */
const needed = {
  events: { request: ["host"], response: ["content-type", "transfer-encoding"] },
  socket: { request: ["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"], response: ["upgrade", "connection", "sec-websocket-accept"] },
};

/**
 * The bytes of a recorded request or response that are not optional: its first line,
 * the header fields that its way needs, and the empty line.
 * @param {LabEvent|undefined} e
 * @param {"events"|"socket"} way
 */
function bare(e, way) {
  const head = e?.http || e?.handshake;
  if (!head) return 0;
  const names = needed[way][head.what === "request" ? "request" : "response"];
  const fields = (head.fields || []).filter((f) => names.includes(f.name.toLowerCase()));
  return (head.line || "").length + 2 + fields.reduce((n, f) => n + line(f), 0) + 2;
}

/** The size of a header field with its line end. @param {import("./types.js").HeaderField} f */
const line = (f) => `${f.name}: ${f.value}`.length + 2;

/**
 * The same costs for a program that sends only the header fields it must.
 * @param {Costs} costs
 * @returns {Turn|null}
 */
export function shortest({ of, request, response }) {
  /** @param {"events"|"socket"} way */
  const without = (way) => {
    const [a, b] = [request[way], response[way]];
    const sent = [a, b].reduce((n, e) => n + (e?.http?.size || e?.handshake?.size || 0), 0);
    return { fixed: of[way].fixed - sent + bare(a, way) + bare(b, way), each: of[way].each };
  };
  return request.events && request.socket ? turn(without("events"), without("socket")) : null;
}

/**
 * The result of a run, for predictions. It has no times, because they depend on how busy the computer is.
 * @param {Settings} settings
 * @param {Costs} costs
 */
export function result(settings, { of }) {
  const sorted = order(of);
  const each = Object.fromEntries(ways.map((w) => [w, { requests: of[w].requests, connections: of[w].conns.size, bytes: total(of[w]) }]));
  const { rate, count, poll, wait, up } = settings;
  return { rate, count, interval: poll, wait, up, cheapest: names[sorted[0]], dearest: names[sorted[ways.length - 1]], ...each };
}
