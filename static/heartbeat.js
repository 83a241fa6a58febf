/**
 * When each end notices that a connection is gone. The server sends Pings at an
 * interval, and gives up if no Pong arrives in time. The network may fall silent,
 * and a proxy may close idle connections. This module computes the times, and
 * writes a scenario that measures them. All times are ms since the connection
 * opened.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {{interval: number, timeout: number, silence: number, proxy: number}} Tuning 0 for no silence, no proxy
 * @typedef {{at: number, end: "answered"|"late"|"lost"|"sent"}} Beat
 * @typedef {{beats: Beat[], end: number, cut: number|null, server: number|null, browser: number|null, why: {server: string, browser: string}}} Course
 */

const bounds = { interval: [50, 60_000], timeout: [50, 60_000], silence: [0, 60_000], proxy: [0, 60_000] };
const tail = 300; // ms shown after the last event

/**
 * The error in the values, in words; "" for valid values.
 * @param {Tuning} t
 */
export function wrong(t) {
  for (const [name, [least, most]] of Object.entries(bounds)) {
    const value = t[/** @type {keyof Tuning} */ (name)];
    if (!Number.isFinite(value) || value < least || value > most) return `The ${name} is a number of ms from ${least} to ${most}.`;
  }
  if ((t.silence || t.proxy || t.interval) / t.interval > 100) return "That would be more than 100 Pings. Choose a longer interval.";
  return "";
}

/**
 * The computed course of events.
 * @param {Tuning} t
 * @returns {Course}
 */
export function course(t) {
  const { interval, timeout, silence, proxy } = t;
  const why = { server: "", browser: "" };
  // A proxy counts from the last bytes that passed through it. The first are the handshake.
  const cut = proxy && proxy < interval && (!silence || proxy < silence) ? proxy : null;
  const until = cut ?? (silence || interval * 4);
  /** @type {Beat[]} */
  const beats = [];
  for (let at = interval; at < until; at += interval) beats.push({ at, end: "answered" });
  if (cut !== null) {
    why.server = `the proxy sees no bytes for ${proxy} ms before the first Ping, and closes TCP: the server's read returns EOF`;
    why.browser = "the proxy closes this side, too: onclose 1006, not clean";
    return { beats, end: cut + tail, cut, server: cut, browser: cut, why };
  }
  if (!silence) {
    why.server = why.browser = "each Ping is answered, so nothing goes wrong, and the proxy never sees an idle connection";
    return { beats, end: until + tail, cut, server: null, browser: null, why };
  }
  const lost = Math.ceil(silence / interval) * interval;
  beats.push({ at: lost, end: "lost" });
  const server = lost + timeout;
  why.server = `the Ping at ${lost} ms is the first that is lost, and its Pong is expected within ${timeout} ms`;
  why.browser = "never by itself: JavaScript sees neither Pings nor missing Pings, and the server's FIN is lost like everything else";
  return { beats, end: server + tail, cut, server, browser: null, why };
}

/**
 * A scenario with these values. A raw client closes the connection instead of the
 * proxy.
 * @param {Tuning} t
 * @param {"raw"|"browser"} as
 */
export function scenario(t, as) {
  const c = course(t);
  const lines = [`# A Ping every ${t.interval} ms, its Pong within ${t.timeout} ms`, `server pings every ${t.interval}ms within ${t.timeout}ms`];
  if (as === "raw") lines.push("client answers");
  lines.push("open");
  if (c.cut !== null) {
    lines.push(`wait ${c.cut}ms`, "# The proxy has seen no bytes for too long, and closes TCP.", as === "raw" ? "tcp close" : "leave");
  } else if (t.silence) {
    lines.push(`wait ${t.silence}ms`, "# From here on every byte is lost, and neither end is notified.", "wire silent");
    lines.push(`wait ${c.end - t.silence}ms`);
  } else lines.push(`wait ${c.end}ms`);
  return `${lines.join("\n")}\n`;
}

/**
 * The recorded course of a run of the scenario.
 * @param {LabEvent[]} events of the connection and of its client, in order
 * @param {boolean} over
 * @param {number} [silent] microseconds at which the network fell silent
 * @returns {{beats: Beat[], server: number|null, browser: number|null, silence: number|null}}
 */
export function measured(events, over, silent) {
  const open = events.find((e) => e.handshake?.status === 101);
  if (!open) return { beats: [], server: null, browser: null, silence: null };
  /** @param {LabEvent} e */
  const at = (e) => (e.at - open.at) / 1000;
  /** @type {(Beat & {payload: string})[]} */
  const beats = [];
  const lost = new Set(events.flatMap((e) => (e.held?.state === "dropped" || e.held?.state === "unsent" ? [e.held.of] : [])));
  for (const e of events) {
    if (e.frame?.header.opcode === 9 && e.from === "server") beats.push({ at: at(e), end: "sent", payload: e.frame.payload || "" });
    if (e.frame?.header.opcode !== 10 || e.from !== "client" || lost.has(e.seq)) continue;
    const payload = e.frame.payload || "";
    const beat = beats.find((b) => b.end === "sent" && b.payload === payload);
    if (beat) beat.end = "answered";
  }
  const gone = events.find((e) => e.from === "server" && (e.tcp?.what === "closed" || (e.call?.phase === "return" && e.call.error && e.call.verb !== "write")) && e.at > open.at);
  const told = events.find((e) => e.script?.what === "onclose");
  if (over || gone) for (const b of beats) if (b.end === "sent") b.end = "lost";
  return { beats, server: gone ? at(gone) : null, browser: told ? at(told) : null, silence: silent === undefined ? null : (silent - open.at) / 1000 };
}
