/**
 * Words for what was recorded: times, hex, and one line for each event.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").Frame} Frame
 * @typedef {import("./types.js").Handshake} Handshake
 * @typedef {import("./types.js").Tcp} Tcp
 * @typedef {import("./types.js").Script} Script
 * @typedef {import("./types.js").Call} Call
 * @typedef {import("./types.js").Piece} Piece
 */

import { bytes, spaced } from "./hex.js";

/** @param {number} us microseconds */
export const ms = (us) => (us / 1000).toFixed(1);

/** @param {number} us microseconds since the previous event */
export const delta = (us) => (us < 0 ? "−" : "+") + ms(Math.abs(us));

/** @param {number|string} n */
export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

/** @param {number|string} n @param {string} unit */
export const count = (n, unit) => `${grouped(n)} ${unit}${String(n) === "1" ? "" : "s"}`;

/** A sentence or word with a capital first letter. @param {string} text */
export const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

/**
 * Quotes text in one line, cut to max characters, with control characters
 * made visible.
 * @param {string} text
 * @param {number} [max]
 */
export function quote(text, max = 32) {
  const shown = [...text.slice(0, max + 1)];
  const cut = shown.length > max;
  const line = shown.slice(0, max).join("").replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)));
  return `“${line}${cut ? "…" : ""}”`;
}

/** The opcodes of RFC 6455 §5.2 by their numbers; "" for reserved ones. */
export const opcodeNames = ["continuation", "text", "binary", "", "", "", "", "", "Close", "Ping", "Pong"];

/** @param {LabEvent["from"]} from */
export const arrow = (from) => (from === "client" ? "❱" : "❰");

/**
 * The missing rest of a cut frame, "" for a whole frame. If the header is cut, the
 * length is unknown.
 * @param {Frame} f
 */
export function missing(f) {
  if (!f.short) return "";
  const bytes = count(f.short, "byte");
  return f.cut ? `incomplete header: at least ${bytes.replace(" byte", " more byte")} ${f.short === 1 ? "is" : "are"} needed` : `${bytes} ${f.missing || "missing"}`;
}

/**
 * One line for a frame, in parts. The page gives each part the color of its field.
 * @param {Frame} f
 */
export function frameParts(f) {
  const h = f.header;
  const flags = [h.fin ? "FIN" : "", h.rsv1 && "RSV1", h.rsv2 && "RSV2", h.rsv3 && "RSV3", h.masked && "masked"];
  const kind = h.name.toUpperCase();
  const said = f.close
    ? f.close.code === 1005 && !f.payload ? "no code" : `${f.close.code}${f.close.reason ? " " + quote(f.close.reason) : ""}`
    : f.text !== undefined
      ? f.text && quote(f.text)
      : f.payload && (asText(f) || bytesShown(f.payload));
  return {
    kind,
    flags: flags.filter(Boolean).join(" "),
    size: f.close || f.cut ? "" : h.length === "0" ? "empty" : count(h.length, "byte"),
    said: said || "",
    cut: missing(f),
    bad: (f.violations || []).map((v) => v.code),
  };
}

/**
 * The payload of a control frame as text, or the kept bytes of a long message. If
 * they are not printable text, "".
 * @param {Frame} f
 */
function asText(f) {
  if (f.header.opcode === 2 || (f.header.opcode === 1 && !f.gap)) return "";
  const text = new TextDecoder().decode(bytes(f.payload?.slice(0, 160)));
  return /[\u0000-\u001f\ufffd]/.test(text) ? "" : quote(text);
}

/** @param {string} text hex */
function bytesShown(text) {
  return spaced(text.slice(0, 16)) + (text.length > 16 ? " …" : "");
}

/** @param {Frame} f */
export function frameLine(f) {
  const p = frameParts(f);
  const parts = [`${p.kind} ${p.flags}`.trim(), p.size, p.said, p.cut];
  return parts.filter(Boolean).join(" · ") + p.bad.map((code) => ` × ${code}`).join("");
}

/**
 * A piece that was not sent, or that was not read, in a line.
 * @param {Piece} p
 */
function pieceLine(p) {
  if (p.frame) return frameLine({ ...p.frame, violations: [] });
  return p.handshake ? startLine(p.handshake.line) : `${count(p.size, "byte")} ${bytesShown(p.hex)}`.trim();
}

/**
 * The line of a piece in two parts: the piece, which the page strikes through, and
 * the reason. Null if the event has no piece.
 * @param {LabEvent} e
 */
export function uncrossed(e) {
  if (e.unsent) return { what: pieceLine(e.unsent), why: `not sent${e.unsent.error ? `: ${e.unsent.error.text}` : ""}`, struck: true };
  const receiver = e.from === "client" ? "server" : "client";
  return e.unread ? { what: pieceLine(e.unread), why: `arrived, not read by the ${receiver}`, struck: false } : null;
}

/** The request's target without the page's own query. @param {string} line */
const startLine = (line) => line.replace(/\?\S*/, "");

/**
 * Whether a server rightly opened no WebSocket. Its response is then plain HTTP,
 * to which no rule of RFC 6455 applies.
 * @param {Handshake} h
 */
export const refused = (h) => h.what === "response" && h.status !== 101 && !h.violations?.length;

/** @param {Handshake} h */
export function handshakeParts(h) {
  const bad = (h.violations || []).map((v) => v.code);
  if (h.what === "request") return { line: startLine(h.line), note: `+ ${count((h.fields || []).length, "header")}`, good: "", bad };
  if (refused(h)) return { line: h.line.replace(/^HTTP\/\S+ /, ""), note: "· note: refused, plain HTTP", good: "", bad };
  const good = h.accept && h.accept.got && h.accept.got === h.accept.expected ? "Sec-WebSocket-Accept ✔" : "";
  return { line: h.line.replace(/^HTTP\/\S+ /, ""), note: "", good, bad };
}

/** @param {Handshake} h */
export function handshakeLine(h) {
  const p = handshakeParts(h);
  return [p.line, p.note || p.good].filter(Boolean).join(" ") + p.bad.map((code) => ` × ${code}`).join("");
}

/**
 * A part of an exchange of plain HTTP. The path of the session is left out.
 * @param {import("./types.js").Http} x
 * @param {LabEvent["from"]} from
 */
function httpLine(x, from) {
  const of = { poll: "polling", long: "long polling", events: "Server-Sent Events" }[x.way];
  const line = (x.line || "").replace(/\/api\/sessions\/[^/]+/, "…").replace(/ ?HTTP\/1\.1 ?/, "");
  const what = x.what === "end" ? `end of the response${x.cut ? ", cut off" : ""}` : x.what === "body" ? `body ${quote(x.text || "")}` : line;
  return `${arrow(from)} ${of}: ${what} · ${count(x.size, "byte")}`;
}

/** @param {Tcp} t @param {LabEvent["from"]} from */
export function tcpLine(t, from) {
  const who = from === "client" ? "the client" : "the server";
  // The recording shows who ended it and how long the valve held something, but not the reason.
  const meanwhile = t.backlog ? `, with ${count(t.backlog.units, "unit")} held${t.backlog.units === 1 ? "" : ", the oldest"} for ${(t.backlog.for / 1e6).toFixed(1)} s` : "";
  switch (t.what) {
    case "open":
      return `TCP open · ${t.endpoint || "connection"} · ${t.remote || ""}`;
    case "fin":
      return `TCP FIN from ${who}${meanwhile}`;
    case "rst":
      return `TCP RST from ${who}${meanwhile}`;
    case "closed":
      return `TCP closed by ${who}${meanwhile}`;
  }
  return `TCP error: ${t.error ? t.error.text : "unknown"}`;
}

/** @param {Script} s */
export function scriptLine(s) {
  const text = s.text === undefined ? "" : s.text;
  switch (s.what) {
    case "new WebSocket":
      return "new WebSocket(…)";
    case "send":
      return s.text === undefined ? `send(${count(s.size || 0, "byte")})` : `send(${sized(text, s.size)})`;
    case "onmessage":
      return s.text === undefined ? `onmessage ${count(s.size || 0, "byte")}` : `onmessage ${sized(text, s.size)}`;
    case "close":
      return `close(${[s.code, s.reason && JSON.stringify(s.reason)].filter(Boolean).join(", ")})`;
    case "onclose":
      return `onclose ${s.code}${s.reason ? " " + quote(s.reason, 24) : ""}${s.wasClean ? "" : ", not clean"}`;
    case "write":
    case "read":
      return `${s.what} ${s.size === undefined ? text : count(s.size, "byte")}`;
  }
  return text ? `${s.what}: ${startLine(text)}` : s.what;
}

/** @param {string} text @param {number} [size] */
const sized = (text, size) => quote(text, 20) + (text.length > 20 && size ? ` ${grouped(size)}` : "");

/** @param {Call} enter @param {Call} [ret] the return of the same call, once it is recorded */
export function callLine(enter, ret) {
  const head = `${enter.name}(${enter.verb === "read" ? "" : shorter(enter.args)})`;
  if (!ret) return `${head} …`;
  return `${head} → ${ret.error ? ret.error.text : shorter(ret.result) || "nil"}`;
}

/** @param {string} [text] */
const shorter = (text = "") => text.replace(/ bytes?\b/, "");

/**
 * The first two bytes as bits, for the small picture of a frame.
 * @param {Frame} f
 */
export function strip(f) {
  return [...bytes(f.hex.slice(0, 4))].flatMap((b) => [7, 6, 5, 4, 3, 2, 1, 0].map((k) => (b >> k) & 1));
}

/** @param {import("./types.js").Step} s */
export function stepLine(s) {
  if (s.phase === "over") return s.error ? `the run ended early: ${s.error}` : "the run is over";
  return `step ${s.index + 1} of ${s.of}: ${s.command || ""}`;
}

/** The line of an event in plain words. @param {LabEvent} e */
export function line(e) {
  if (e.step) return stepLine(e.step);
  if (e.frame) return `${arrow(e.from)} ${frameLine(e.frame)}`;
  if (e.handshake) return `${arrow(e.from)} ${handshakeLine(e.handshake)}`;
  const left = uncrossed(e);
  if (left) return `${left.why.split(":")[0]}: ${left.what}${e.unsent?.error ? ` · ${e.unsent.error.text}` : ""}`;
  if (e.tcp) return tcpLine(e.tcp, e.from);
  if (e.script) return scriptLine(e.script);
  if (e.call) return callLine(e.call);
  if (e.bytes) return `${arrow(e.from)} ${count(e.bytes.size, "byte")} ${bytesShown(e.bytes.hex)}`;
  if (e.http) return httpLine(e.http, e.from);
  if (e.dropped?.here) return `${count(e.dropped.count, "older event")} discarded: the page keeps the newest`;
  if (e.dropped) return `${count(e.dropped.count, "event")} dropped: this part of the recording is missing`;
  return /** @type {Record<string, string>} */ ({ ways: "the run of the four ways", streams: "the count of streams", chat: "the two chats" })[e.kind] || e.kind;
}
