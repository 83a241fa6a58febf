/**
 * Walks through the bytes of units, with the calls at each byte.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").Field} Field
 * @typedef {import("./types.js").StackCall} Call
 * @typedef {import("./stack.js").Piece} Piece
 * @typedef {{op: string, calls: Call[], first: number, last: number, count: number}} Group pieces in a row with the same calls
 * @typedef {{endpoint: string, events: LabEvent[], stacks: LabEvent[]}} Side the units and stacks of one connection
 * @typedef {{from: string, events: (LabEvent|undefined)[]}} Unit the same unit of each side
 */

import { count } from "./format.js";
import { isOwn, pieces, sizeOf } from "./stack.js";

/** The lines of a stack, as a key. @param {Call[]} calls */
const key = (calls) => calls.map((c) => `${c.package} ${c.func} ${c.line}`).join();

/** Joins pieces in a row whose calls have the same lines. @param {Piece[]} list @returns {Group[]} */
export function groups(list) {
  /** @type {Group[]} */
  const out = [];
  for (const { op, calls, first, last } of list) {
    const before = out[out.length - 1];
    if (before && before.op === op && key(before.calls) === key(calls)) {
      before.last = last;
      before.count++;
    } else out.push({ op, calls, first, last, count: 1 });
  }
  return out;
}

/**
 * The calls that a group is named after: the implementation's two innermost, because
 * the innermost is often a helper that many lines call.
 * @param {Call[]} calls
 * @param {string} endpoint
 */
export function named(calls, endpoint) {
  const own = calls.filter((c) => isOwn(c, endpoint)).slice(0, 2);
  return own.length ? own : calls.slice(0, 1);
}

/** The calls of a stack in words. @param {Call[]} calls @param {string} endpoint */
export const placeOf = (calls, endpoint) =>
  named(calls, endpoint)
    .map((c) => `${c.func}, ${c.file} line ${c.line}`)
    .join(", called by ");

/** @param {number} first @param {number} last */
export const range = (first, last) => (first === last ? `byte ${first}` : `bytes ${first}–${last}`);

/** The calls from the outermost to the innermost. Calls in a row outside the implementation are one item. @param {Call[]} calls @param {string} endpoint */
export function nest(calls, endpoint) {
  /** @type {{own: boolean, calls: Call[]}[]} */
  const out = [];
  for (const call of [...calls].reverse()) {
    const own = isOwn(call, endpoint);
    const before = out[out.length - 1];
    if (before && !own && !before.own) before.calls.push(call);
    else out.push({ own, calls: [call] });
  }
  return out;
}

/**
 * Says how a byte crossed the edge of the program.
 * @param {Piece|undefined} p
 * @param {number} byte
 */
export function crossing(p, byte) {
  if (!p) return "The recording has no call stack for this byte.";
  if (p.op === "panic") return "The code panicked here:";
  if (p.op === "respond") return "The code gave this response to net/http here. net/http sent the bytes after the code had returned:";
  const read = p.op === "read";
  if (p.whole === 1) return read ? `One Read returned only byte ${byte}. The code waited for it here:` : `One Write sent only byte ${byte}:`;
  const others = p.whole - (p.last - p.first + 1);
  const more = others ? `, and ${count(others, "byte")} of another unit` : "";
  if (!read) return `One Write sent ${range(p.first, p.last)}${more} at once:`;
  return `One Read returned ${range(p.first, p.last)}${more} at once. A buffer keeps them, so the lines that use the later bytes read from memory. The code waited here:`;
}

/**
 * The fields of a frame that are complete with a byte, and the field that is not.
 * @param {Field[]} fields
 * @param {number} byte
 */
export function known(fields, byte) {
  const read = 8 * (byte + 1);
  const done = fields.filter((f) => f.bit + f.bits <= read);
  const now = fields.find((f) => f.bit < read && f.bit + f.bits > read);
  return { done, now, has: now ? (read - now.bit) / 8 : 0 };
}

/** The text of a handshake up to and with a byte, cut into the line of that byte and the rest. @param {string} text @param {number} byte */
export function lineAt(text, byte) {
  const start = text.lastIndexOf("\n", byte - 1) + 1;
  const end = text.indexOf("\n", byte);
  return { before: text.slice(start, byte), at: text.slice(byte, byte + 1), after: text.slice(byte + 1, end < 0 ? text.length : end) };
}

/**
 * Puts the units of several connections beside each other: the k-th of one sender
 * with the k-th of the same sender.
 * @param {Side[]} sides
 * @returns {Unit[]}
 */
export function together(sides) {
  /** @type {Map<string, Unit>} */
  const units = new Map();
  const order = sides.map((_, i) => i).sort((a, b) => sides[b].events.length - sides[a].events.length);
  for (const i of order) {
    /** @type {Record<string, number>} */
    const seen = {};
    for (const e of sides[i].events) {
      const k = (seen[e.from] = (seen[e.from] || 0) + 1);
      const name = `${e.from} ${k}`;
      const unit = units.get(name) || { from: e.from, events: sides.map(() => undefined) };
      unit.events[i] = e;
      units.set(name, unit);
    }
  }
  return [...units.values()];
}

/** A place in the units of one or more connections, byte by byte. */
export class Walk {
  constructor() {
    /** @type {Side[]} */
    this.sides = [];
    /** @type {Unit[]} */
    this.units = [];
    this.at = 0; // the unit
    this.byte = 0;
    /** @type {Map<string, Piece[]>} by side and unit */
    this.found = new Map();
    this.key = "";
  }

  /** Takes the units and stacks that are recorded by now. Returns whether there are new ones. @param {Side[]} sides */
  take(sides) {
    const now = sides.map((s) => `${s.endpoint} ${s.events.map((e) => e.seq)} ${s.stacks.length}`).join();
    if (now === this.key) return false;
    this.key = now;
    this.sides = sides;
    this.units = together(sides);
    this.found.clear();
    this.to(this.at, this.byte);
    return true;
  }

  get unit() {
    return this.units[this.at];
  }

  /** How many bytes a unit has, on the side that has the most. @param {number} [unit] */
  size(unit = this.at) {
    return Math.max(0, ...(this.units[unit]?.events || []).map(sizeOf));
  }

  /** The pieces of a unit on one side. @param {number} side @param {number} [unit] */
  pieces(side, unit = this.at) {
    const name = `${side} ${unit}`;
    let list = this.found.get(name);
    if (!list) this.found.set(name, (list = pieces(this.sides[side].stacks, this.units[unit]?.events[side])));
    return list;
  }

  /** Goes to a byte of a unit, as far as there is one. @param {number} unit @param {number} byte */
  to(unit, byte) {
    this.at = Math.max(0, Math.min(unit, this.units.length - 1));
    this.byte = Math.max(0, Math.min(byte, this.size() - 1));
  }

  /** Goes one byte on or back, into the next unit or the one before. Returns whether there is such a byte. @param {1|-1} by */
  move(by) {
    const to = this.byte + by;
    if (to >= 0 && to < this.size()) this.byte = to;
    else if (by > 0 && this.at + 1 < this.units.length) this.to(this.at + 1, 0);
    else if (by < 0 && this.at > 0) this.to(this.at - 1, Infinity);
    else return false;
    return true;
  }

  /** Goes on or back to the next byte for which another line waits, on any side. Returns whether there is one. @param {1|-1} by */
  change(by) {
    const here = this.sides.map((_, i) => groups(this.pieces(i)));
    const starts = [...new Set([0, ...here.flatMap((list) => list.map((g) => g.first))])].sort((a, b) => a - b);
    const next = by > 0 ? starts.find((b) => b > this.byte) : starts.reverse().find((b) => b < this.byte);
    if (next !== undefined) this.byte = next;
    else if (by > 0 && this.at + 1 < this.units.length) this.to(this.at + 1, 0);
    else if (by < 0 && this.at > 0) {
      this.to(this.at - 1, Infinity);
      const last = this.sides.flatMap((_, i) => groups(this.pieces(i)).map((g) => g.first));
      this.byte = Math.max(0, ...last);
    } else return false;
    return true;
  }
}

/**
 * Checks the search for the smallest message that one side sends in a number of
 * Writes: the size below it must be recorded, too, in fewer Writes.
 * @param {Side[]} sides
 * @param {string} endpoint
 * @param {number} writes
 */
export function smallest(sides, endpoint, writes) {
  /** @type {Map<number, number>} the number of Writes by the size of the payload */
  const tried = new Map();
  for (const side of sides.filter((s) => s.endpoint === endpoint)) {
    for (const e of side.events) {
      if (e.from !== "server" || !e.frame || e.frame.header.opcode > 2) continue;
      const n = pieces(side.stacks, e).length;
      if (n) tried.set(Number(e.frame.header.length), n);
    }
  }
  const enough = [...tried].filter(([, n]) => n >= writes).map(([size]) => size);
  const fewer = [...tried].filter(([, n]) => n < writes).map(([size]) => size);
  const least = Math.min(...enough);
  const most = Math.max(-1, ...fewer.filter((size) => size < least));
  return { tried: tried.size, least: enough.length ? least : null, most: most < 0 ? null : most, solved: enough.length > 0 && most === least - 1 };
}
