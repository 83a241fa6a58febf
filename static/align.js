/**
 * Two connections side by side: rows stand beside each other when they answer
 * the same thing, the k-th of a kind in the same direction. The masking key,
 * the handshake's key, addresses and times differ at every run, so they count
 * as no difference; every other difference is told in words.
 *
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./rows.js").Rows} Rows
 * @typedef {import("./rows.js").Conn} Conn
 * @typedef {import("./types.js").Frame} Frame
 * @typedef {import("./types.js").Handshake} Handshake
 *
 * @typedef {{index: number, seq: number, left: Row|null, right: Row|null, crossed: boolean}} Pair
 */

import { upTo } from "./history.js";
import { count, frameLine, quote } from "./format.js";

/** The token of a connection without its endpoint: equal for two to compare. @param {Conn} conn */
const group = (conn) => (conn.client ? conn.client.replace(/reference|gorilla/, "") : `#${conn.id}`);

/**
 * Whether a row is of the protocol. How the Go code, or a raw client in Go,
 * goes about its reads is its own affair, and no difference.
 * @param {Row} row
 */
const protocol = (row) => !row.event.call && !["read", "write", "dial"].includes(row.event.script?.what || "");

/** What a row is, for counting the k-th of a kind. @param {Row} row */
function kind(row) {
  const e = row.event;
  let what = "";
  if (e.frame) what = e.frame.header.opcode < 8 ? "data" : e.frame.header.name;
  else if (e.handshake) what = e.handshake.what;
  else if (e.tcp) what = e.tcp.what;
  else if (e.script) what = e.script.what;
  else if (e.call) what = e.call.name;
  return `${e.kind} ${e.from} ${what}`;
}

export class Pairs {
  constructor() {
    /** @type {Pair[]} */
    this.list = [];
    this.taken = 0;
    /** @type {Map<string, Pair>} */
    this.byKey = new Map();
    /** @type {Map<number, Pair>} by the seq of a row's event */
    this.bySeq = new Map();
    /** @type {Map<string, number>} */
    this.counts = new Map();
    /** @type {Map<string, {left: Conn|null, right: Conn|null, last: {left: number, right: number}}>} */
    this.groups = new Map();
  }

  /** @param {Rows} rows */
  sync(rows) {
    for (; this.taken < rows.list.length; this.taken++) this.take(rows.list[this.taken]);
  }

  /** @param {Row} row */
  take(row) {
    const side = row.conn.endpoint === "gorilla" || (!row.conn.endpoint && row.conn.client.includes("gorilla")) ? "right" : "left";
    const name = group(row.conn);
    const g = this.groups.get(name) || { left: null, right: null, last: { left: -1, right: -1 } };
    this.groups.set(name, g);
    g[side] = row.conn;
    const counted = `${side} ${name} ${kind(row)}`;
    const k = this.counts.get(counted) || 0;
    this.counts.set(counted, k + 1);
    const key = `${name} ${kind(row)} ${k}`;
    let pair = this.byKey.get(key);
    if (!pair || pair[side]) {
      pair = { index: this.list.length, seq: row.seq, left: null, right: null, crossed: false };
      this.byKey.set(key, pair);
      this.list.push(pair);
    }
    pair[side] = row;
    // A row beside one that the other side had earlier came in another order.
    if (protocol(row)) {
      pair.crossed = pair.crossed || pair.index < g.last[side];
      g.last[side] = Math.max(g.last[side], pair.index);
    }
    this.bySeq.set(row.event.seq, pair);
  }

  /** How many pairs show at the cursor. @param {number} cursor */
  count(cursor) {
    return upTo(this.list, cursor);
  }

  /**
   * The differences of one pair at the cursor, in words; none while the other
   * side may still answer.
   * @param {Pair} pair
   * @param {number} cursor
   * @returns {string[]}
   */
  differences(pair, cursor) {
    const left = pair.left && pair.left.seq <= cursor ? pair.left : null;
    const right = pair.right && pair.right.seq <= cursor ? pair.right : null;
    const row = left || right;
    if (!row || !protocol(row)) return [];
    if (left && right) {
      const told = explain(left, right);
      if (pair.crossed) told.push("the two came in another order on one side");
      return told;
    }
    const g = this.groups.get(group(row.conn));
    if (!g || !g.left || !g.right) return [];
    const missing = left ? "right" : "left";
    const other = g[missing];
    // Silence is a difference once the other side went on, or is over.
    if (!other || (g.last[missing] < pair.index && !other.overAt(cursor))) return [];
    const never = other.endpoint || (left ? "gorilla" : "reference");
    return [`only ${row.conn.endpoint}: ${brief(row)}; ${never} has nothing that answers to it`];
  }
}

/** @param {Row} row */
function brief(row) {
  const e = row.event;
  if (e.frame) return frameLine(e.frame);
  if (e.handshake) return e.handshake.line;
  if (e.tcp) return `TCP ${e.tcp.what}`;
  if (e.script) return e.script.what;
  return e.call ? e.call.name : e.kind;
}

/**
 * Tells how two rows that answer each other differ.
 * @param {Row} left
 * @param {Row} right
 * @returns {string[]}
 */
export function explain(left, right) {
  const a = left.conn.endpoint || "reference";
  const b = right.conn.endpoint || "gorilla";
  /** @type {string[]} */
  const told = [];
  /** @param {string} what @param {unknown} x @param {unknown} y */
  const differ = (what, x, y) => {
    if (x !== y) told.push(`${a} ${what} ${x === "" ? "nothing" : x}, ${b} ${y === "" ? "nothing" : y}`);
  };
  const e = left.event;
  const f = right.event;
  if (e.frame && f.frame) frames(e.from, e.frame, f.frame, differ);
  else if (e.handshake && f.handshake) told.push(...handshakes(e.handshake, f.handshake, differ));
  else if (e.script && f.script) {
    differ("told JavaScript the code", e.script.code ?? "", f.script.code ?? "");
    differ("told it the reason", e.script.reason ?? "", f.script.reason ?? "");
    if (e.script.what === "onclose") differ("left wasClean", String(e.script.wasClean), String(f.script.wasClean));
  } else if (e.tcp && f.tcp && e.tcp.what === "error") differ("met", e.tcp.error?.text ?? "", f.tcp.error?.text ?? "");
  const [x, y] = [codes(e.frame || e.handshake), codes(f.frame || f.handshake)];
  // What a client sent is the client's fault, whichever server got it.
  const [mine, theirs] = e.from === "client" ? [`what was sent to ${a}`, `what was sent to ${b}`] : [a, b];
  if (x !== y) told.push([x && `${mine} broke ${x}`, y && `${theirs} broke ${y}`].filter(Boolean).join(", "));
  if (!!left.go?.ret?.call?.error !== !!right.go?.ret?.call?.error) {
    differ("'s Go code got back", left.go?.ret?.call?.error?.text ?? "no error", right.go?.ret?.call?.error?.text ?? "no error");
    told.push((told.pop() || "").replace(" 's", "'s"));
  }
  return told;
}

/**
 * @param {string} from
 * @param {Frame} f
 * @param {Frame} g
 * @param {(what: string, x: unknown, y: unknown) => void} differ
 */
function frames(from, f, g, differ) {
  const got = from === "client" ? "was sent" : "sent";
  if (f.close && g.close) {
    differ("closed with", f.close.code, g.close.code);
    differ("gave the reason", f.close.reason && quote(f.close.reason, 80), g.close.reason && quote(g.close.reason, 80));
  } else {
    differ(got, f.header.name, g.header.name);
    differ(`${got} a payload of`, count(f.header.length, "byte"), count(g.header.length, "byte"));
    if (f.header.length === g.header.length) differ(`${got} the payload`, f.payload || "", g.payload || "");
  }
  const bits = /** @type {const} */ (["fin", "rsv1", "rsv2", "rsv3", "masked"]);
  for (const bit of bits) differ(`${got} ${bit === "masked" ? "MASK" : bit.toUpperCase()}`, Number(f.header[bit]), Number(g.header[bit]));
  differ(`${got} a length form of`, `${f.header.form} bits`, `${g.header.form} bits`);
}

/** @param {Frame|Handshake|undefined} h */
const codes = (h) => (h?.violations || []).map((v) => v.code).join(" and ");

const perRun = ["sec-websocket-key", "sec-websocket-accept", "date", "host", "origin", "cookie"];

/**
 * @param {Handshake} h
 * @param {Handshake} i
 * @param {(what: string, x: unknown, y: unknown) => void} differ
 * @returns {string[]} what is not the protocol's affair
 */
function handshakes(h, i, differ) {
  const got = h.what === "request" ? "was asked with" : "answered";
  if (h.what === "response") {
    differ("answered with status", h.status ?? "", i.status ?? "");
    // One opened and the other did not: what else differs follows from that.
    if ((h.status === 101) !== (i.status === 101)) return [];
  }
  // Two refusals are plain HTTP, but for the version that a server names.
  const judged = h.what === "response" && h.status !== 101 ? /^sec-websocket-/i : /^(upgrade|connection|sec-websocket-.*)$/i;
  const mine = fields(h);
  const theirs = fields(i);
  const others = [];
  for (const name of new Set([...mine.keys(), ...theirs.keys()])) {
    if (perRun.includes(name.toLowerCase())) continue;
    if (judged.test(name)) differ(`${got} ${name}:`, mine.get(name) ?? "", theirs.get(name) ?? "");
    else if (mine.get(name) !== theirs.get(name)) others.push(name);
  }
  return others.length ? [`fields of plain HTTP differ: ${others.join(", ")}`] : [];
}

/** @param {Handshake} h @returns {Map<string, string>} */
function fields(h) {
  /** @type {Map<string, string>} */
  const out = new Map();
  for (const f of h.fields || []) {
    // Names are the same in any case; the first spelling is the one shown.
    const name = [...out.keys()].find((n) => n.toLowerCase() === f.name.toLowerCase()) || f.name;
    out.set(name, out.has(name) ? `${out.get(name)}, ${f.value}` : f.value);
  }
  return out;
}
