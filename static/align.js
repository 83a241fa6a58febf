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
 * @typedef {object} Pair
 * @property {number} index
 * @property {number} seq
 * @property {Row|null} left
 * @property {Row|null} right
 * @property {boolean} crossed
 * @property {boolean} part whether the other half is forgotten, so that nothing can be told of the two
 * @property {string} kind what it is the k-th of, in its group
 * @property {number} k
 */

import { upTo } from "./history.js";
import { belongs, nobody } from "./rows.js";
import { count, frameLine, quote, stepLine } from "./format.js";

/**
 * What stands beside what: the side of a connection and the group in which it
 * has its counterpart, null for one that is not shown; and how a side is named.
 * @typedef {object} Sides
 * @property {string[]} heads
 * @property {(conn: Conn) => {side: "left"|"right", group: string}|null} of
 * @property {(conn: Conn, side: "left"|"right") => string} name
 */

/** @type {Sides} the two servers beside each other, by the token without its endpoint */
export const byEndpoint = {
  heads: ["reference", "gorilla"],
  of: (conn) => belongs(conn, "both") ? {
    side: conn.endpoint === "gorilla" || (!conn.endpoint && conn.client.includes("gorilla")) ? "right" : "left",
    group: conn.client ? conn.client.replace(/reference|gorilla/, "") : `#${conn.id}`,
  } : null,
  name: (conn, side) => conn.endpoint || (side === "left" ? "reference" : "gorilla"),
};

/**
 * Two plays beside each other.
 * @param {import("./play.js").Play} left
 * @param {import("./play.js").Play} right
 * @returns {Sides}
 */
export function byPlay(left, right) {
  const servers = left.endpoint !== right.endpoint;
  /** @param {import("./play.js").Play} p */
  const name = (p) => (servers ? p.endpoint : `play ${p.id}`);
  return {
    heads: [left, right].map((p) => (servers ? `play ${p.id}: ${p.endpoint}` : `play ${p.id}${p.branchOf ? ", changed" : ""}`)),
    of: (conn) => (conn.client === left.token ? { side: "left", group: "" } : conn.client === right.token ? { side: "right", group: "" } : nobody(conn) ? { side: "left", group: "hole" } : null),
    name: (_, side) => name(side === "left" ? left : right),
  };
}

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
  else if (e.step) what = `${e.step.phase} ${e.step.index}`;
  return `${e.kind} ${e.from} ${what}`;
}

export class Pairs {
  /** @param {Sides} sides */
  constructor(sides = byEndpoint) {
    this.sides = sides;
    /** @type {Pair[]} */
    this.list = [];
    this.taken = 0; // of the rows in total
    this.gone = 0; // pairs that the list has lost at its front
    /** @type {Row|null} what stands for what is forgotten */
    this.gap = null;
    /** @type {Map<string, number>} how many of a kind are forgotten */
    this.forgotten = new Map();
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
    if (rows.gap && rows.gap !== this.gap) this.forget(rows, rows.gap);
    for (; this.taken < rows.total; this.taken++) this.take(rows.list[this.taken - rows.gone]);
  }

  /**
   * Lets go of the rows that Rows has forgotten. What stood beside one of them,
   * or comes to, stands alone from now on.
   * @param {Rows} rows
   * @param {Row} gap what stands for them
   */
  forget(rows, gap) {
    const size = this.list.length;
    const n = upTo(this.list, gap.seq);
    /** @type {Pair[]} */
    const alone = [];
    for (const p of this.list.slice(0, n)) {
      this.forgotten.set(p.kind, Math.max(this.forgotten.get(p.kind) || 0, p.k + 1));
      this.byKey.delete(`${p.kind} ${p.k}`);
      for (const side of /** @type {const} */ (["left", "right"])) {
        const row = p[side];
        if (row && row.seq > gap.seq) alone.push({ ...p, seq: row.seq, left: null, right: null, part: true, [side]: row });
      }
    }
    /** @type {Pair} */
    const hole = { index: 0, seq: gap.seq, left: gap, right: null, crossed: false, part: true, kind: "hole", k: 0 };
    this.list = [hole, ...alone, ...this.list.slice(n)];
    if (alone.length) this.list.sort((a, b) => a.seq - b.seq);
    this.bySeq.clear();
    for (const g of this.groups.values()) g.last = { left: -1, right: -1 };
    this.list.forEach((p, i) => {
      p.index = i;
      for (const side of /** @type {const} */ (["left", "right"])) {
        const row = p[side];
        if (!row) continue;
        this.bySeq.set(row.event.seq, p);
        const g = protocol(row) && this.groups.get(this.sides.of(row.conn)?.group || "");
        if (g) g.last[side] = i;
      }
    });
    this.gone += size - this.list.length;
    this.gap = gap;
    this.taken = Math.max(this.taken, rows.gone + 1);
  }

  /** The time that a row's is counted from. @param {Row} row */
  base(row) {
    return 0;
  }

  /** What a row is, among those of its side. @param {Row} row @param {"left"|"right"} side */
  kindOf(row, side) {
    return kind(row);
  }

  /** @param {Row} row */
  take(row) {
    const place = this.sides.of(row.conn);
    if (!place) return;
    const { side, group: name } = place;
    const g = this.groups.get(name) || { left: null, right: null, last: { left: -1, right: -1 } };
    this.groups.set(name, g);
    // Headings of a play stand under no connection, and so never end.
    if (row.conn.id || !g[side]) g[side] = row.conn;
    const what = this.kindOf(row, side);
    const counted = `${side} ${name} ${what}`;
    const k = this.counts.get(counted) || 0;
    this.counts.set(counted, k + 1);
    const kind = `${name} ${what}`;
    const key = `${kind} ${k}`;
    let pair = this.byKey.get(key);
    if (!pair || pair[side]) {
      pair = { index: this.list.length, seq: row.seq, left: null, right: null, crossed: false, part: k < (this.forgotten.get(kind) || 0), kind, k };
      this.byKey.set(key, pair);
      this.list.push(pair);
    }
    pair[side] = row;
    // A row beside one that the other side had earlier came in another order.
    if (protocol(row)) {
      pair.crossed = pair.crossed || (!row.event.step && pair.index < g.last[side]);
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
    if (!row || pair.part || !protocol(row)) return [];
    if (left && right) {
      const told = explain(left, right, this.sides);
      if (pair.crossed) told.push("the two came in another order on one side");
      return told;
    }
    const place = this.sides.of(row.conn);
    const g = place && this.groups.get(place.group);
    if (!g || !g.left || !g.right) return [];
    const missing = left ? "right" : "left";
    const other = g[missing];
    // What comes later than the cursor was no silence; silence is a difference
    // once the other side went on, or is over.
    if (!other || pair[missing] || (g.last[missing] < pair.index && !other.overAt(cursor))) return [];
    const { sides } = this;
    return [`only ${sides.name(row.conn, left ? "left" : "right")}: ${brief(row)}; ${sides.name(other, missing)} has nothing that answers to it`];
  }
}

/**
 * Two plays beside each other, step by step: one is mostly over before the
 * other begins, so rows stand in the order of the steps that they came of, and
 * those of one step where each began. The list is made anew when rows came; a
 * play has few.
 */
export class PlayPairs extends Pairs {
  /**
   * @param {import("./play.js").Play} left
   * @param {import("./play.js").Play} right
   */
  constructor(left, right) {
    super(byPlay(left, right));
    this.plays = { left, right };
    this.version = -1;
  }

  /** @param {Rows} rows */
  sync(rows) {
    if (rows.version === this.version) return;
    this.version = rows.version;
    const { left, right } = this.plays;
    this.list = [];
    for (const map of [this.byKey, this.bySeq, this.counts, this.groups]) map.clear();
    const first = Math.min(left.seq, right.seq);
    this.gap = rows.gap;
    this.taken = rows.gone + upTo(rows.list, first - 1);
    super.sync(rows);
    const step = new Map(this.list.map((p) => [p, p.left ? this.step(p.left, "left") : p.right ? this.step(p.right, "right") : 0]));
    this.list.sort((a, b) => (step.get(a) || 0) - (step.get(b) || 0) || a.index - b.index);
    // Of a step that is not kept whole nothing can be told.
    const lost = rows.gap && rows.gap.seq >= first ? rows.gap.seq : 0;
    this.list.forEach((p, i) => {
      p.index = i;
      p.part = [left, right].some(({ marks }) => (marks[Math.max(0, step.get(p) || 0)]?.begin || 0) <= lost);
    });
    // Whether the other side went on is asked of the places as they are now.
    for (const g of this.groups.values()) {
      for (const side of /** @type {const} */ (["left", "right"])) g.last[side] = this.list.reduce((n, p) => (p[side] && protocol(/** @type {Row} */ (p[side])) ? p.index : n), -1);
    }
  }

  /** Which step a row came of. @param {Row} row @param {"left"|"right"} side */
  step(row, side) {
    if (nobody(row.conn)) return -1;
    return this.plays[side].marks.reduce((n, m) => (m.begin <= row.event.seq || m.begin <= row.seq ? m.index : n), -1);
  }

  /** @param {Row} row @param {"left"|"right"} side */
  kindOf(row, side) {
    return row.event.step ? kind(row) : `${this.step(row, side)} ${kind(row)}`;
  }

  /** Each play has its own clock. @param {Row} row */
  base(row) {
    return (row.conn.client === this.plays.right.token ? this.plays.right : this.plays.left).at;
  }

  /** All of them: where one side shows nothing yet the row says so. */
  count() {
    return this.list.length;
  }
}

/** @param {Row} row */
function brief(row) {
  const e = row.event;
  if (e.frame) return frameLine(e.frame);
  if (e.handshake) return e.handshake.line;
  if (e.tcp) return `TCP ${e.tcp.what}`;
  if (e.script) return e.script.what;
  if (e.step) return stepLine(e.step);
  return e.call ? e.call.name : e.kind;
}

/**
 * Tells how two rows that answer each other differ.
 * @param {Row} left
 * @param {Row} right
 * @param {Sides} sides
 * @returns {string[]}
 */
export function explain(left, right, sides = byEndpoint) {
  const a = sides.name(left.conn, "left");
  const b = sides.name(right.conn, "right");
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
  } else if (e.step && f.step) {
    differ("did", e.step.command ?? "", f.step.command ?? "");
    differ("ended early", e.step.error ?? "", f.step.error ?? "");
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
    if (f.header.length === g.header.length) differ(`${got} the payload`, ...parting(f.payload || "", g.payload || ""));
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

const most = 64; // hex digits of a payload that are told

/**
 * Two payloads in hex; of long ones, from the first octet in which they differ.
 * @param {string} a
 * @param {string} b
 * @returns {[string, string]}
 */
function parting(a, b) {
  if (Math.max(a.length, b.length) <= most) return [a, b];
  let i = 0;
  while (i < a.length && a.slice(i, i + 2) === b.slice(i, i + 2)) i += 2;
  /** @param {string} hex */
  const cut = (hex) => `${i ? "…" : ""}${hex.slice(i, i + most)}${hex.length > i + most ? "…" : ""}`;
  return [cut(a), cut(b)];
}
