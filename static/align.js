/**
 * Two connections side by side. Each side keeps its own order. The k-th row of a
 * kind is beside the k-th of the other side; rows without a counterpart are
 * between them.
 *
 * Later differences follow from the first one, until both sides give the same
 * answer again.
 *
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./rows.js").Rows} Rows
 * @typedef {import("./connection.js").Conn} Conn
 * @typedef {"left"|"right"} Side
 *
 * @typedef {object} Pair
 * @property {number} index
 * @property {number} seq it shows once the cursor has reached it
 * @property {Row|null} left
 * @property {Row|null} right
 * @property {boolean} part whether the other half is forgotten, so the halves cannot be compared
 * @property {boolean} differs whether it is a difference that does not follow from another
 *
 * A row with its kind (key), and its group and step (place).
 * @typedef {{row: Row, side: Side, key: string, place: string}} Placed
 *
 * One thing that is compared: the k-th of its kind on both sides.
 * @typedef {{group: Group, like: string, k: number, left: Row|null, right: Row|null, part: boolean, told: string[]|null}} Act told: how the two differ, once both are there
 * @typedef {object} Group
 * @property {Conn|null} left
 * @property {Conn|null} right
 * @property {boolean} parted whether the two sides differed, and did nothing alike since
 * @property {boolean} asked  whether since then both were sent the same
 * @property {Map<string, Act>} acts
 * @property {Map<string, number>} counts how many of a kind there were on a side
 * @property {Map<string, number>} forgotten how many of a kind are
 */

import { upTo } from "./history.js";
import { belongs, nobody } from "./connection.js";
import { beside } from "./beside.js";
import { brief, compared, explain } from "./differences.js";

/**
 * Says on which side and in which group a connection is, null for one that is
 * not shown, and names the sides.
 * @typedef {object} Sides
 * @property {string[]} heads
 * @property {(conn: Conn) => {side: Side, group: string}|null} of
 * @property {(conn: Conn, side: Side) => string} name
 * @property {boolean} [handshake] false where header fields of the opening handshake are not compared
 */

/** @type {Sides} the two servers beside each other, by the round in which both were dialled */
export const byEndpoint = {
  heads: ["reference", "gorilla"],
  of: (conn) => belongs(conn, "both") ? {
    side: conn.endpoint === "gorilla" ? "right" : "left",
    group: conn.round ? `${conn.round}/${conn.nth}` : conn.client || `#${conn.id}`,
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

/** @param {Side} side @returns {Side} */
const across = (side) => (side === "left" ? "right" : "left");

/** Whether a row is an action of the server. @param {Row} row */
const reacts = (row) => row.event.from === "server" && compared(row) !== "";

/** The kind of a row, which its counterpart shares. @param {Row} row */
function kind(row) {
  const { step, tcp, script, call, kind, from } = row.event;
  if (step) return `step ${step.phase} ${step.index}`;
  return compared(row) || `${kind} ${from} ${tcp?.what || script?.what || call?.name || ""}`;
}

/**
 * The number of pairs at the end of the list that may change when rows arrive. It
 * is small while both sides keep pace with each other, and large when one side is
 * far behind.
 */
const loose = { least: 100, most: 4000 };

export class Pairs {
  /** @param {Sides} sides */
  constructor(sides = byEndpoint) {
    this.sides = sides;
    /** @type {Pair[]} */
    this.list = [];
    this.set = 0; // pairs at the front that no longer change
    /** @type {Placed[]} the rows of the other pairs, in order of arrival */
    this.rows = [];
    this.taken = 0; // how many rows were added so far, dropped ones included
    this.gone = 0; // how many pairs the list has dropped at its front
    /** @type {Row|null} the row in place of the forgotten ones */
    this.gap = null;
    /** @type {Map<number, Pair>} by the seq of a row's event */
    this.bySeq = new Map();
    /** @type {Map<Row, Act>} */
    this.acts = new Map();
    /** @type {Map<string, Group>} */
    this.groups = new Map();
  }

  /** @param {Rows} rows */
  sync(rows) {
    if (rows.gap && rows.gap !== this.gap) this.forget(rows, rows.gap);
    if (this.taken === rows.total) return;
    while (this.taken < rows.total) {
      // Pair the rows in small batches, so that the end of the list stays short.
      for (let n = 0; n < loose.least && this.taken < rows.total; n++) this.take(rows.list[this.taken++ - rows.gone]);
      this.lay();
    }
  }

  /**
   * Drops the rows that Rows has forgotten. Their counterparts then have no other
   * half.
   * @param {Rows} rows
   * @param {Row} gap the row in their place
   */
  forget(rows, gap) {
    const size = this.list.length;
    /** @type {Pair[]} */
    const list = [{ index: 0, seq: gap.seq, left: gap, right: null, part: true, differs: false }];
    const old = (/** @type {Row|null} */ row) => !!row && row.seq <= gap.seq;
    let set = 1;
    this.list.forEach((p, i) => {
      if (old(p.left) || old(p.right)) p.part = true;
      if (old(p.left)) p.left = null;
      if (old(p.right)) p.right = null;
      if (!p.left && !p.right) return;
      p.seq = Math.max(p.seq, gap.seq);
      list.push(p);
      if (i < this.set) set = list.length;
    });
    this.list = list;
    this.set = set;
    this.rows = this.rows.filter(({ row }) => !old(row));
    for (const [row, act] of this.acts) {
      if (!old(row)) continue;
      act.part = true;
      this.acts.delete(row);
    }
    for (const g of this.groups.values()) {
      for (const [key, act] of g.acts) {
        if ((act.left && !old(act.left)) || (act.right && !old(act.right))) continue;
        g.acts.delete(key);
        g.forgotten.set(act.like, Math.max(g.forgotten.get(act.like) || 0, act.k + 1));
      }
    }
    this.number(0);
    this.gone += size - this.list.length;
    this.gap = gap;
    this.taken = Math.max(this.taken, rows.gone + 1);
  }

  /** Numbers the pairs. @param {number} from the first of them */
  number(from) {
    if (!from) this.bySeq.clear();
    for (let i = from; i < this.list.length; i++) {
      const p = this.list[i];
      p.index = i;
      if (p.left) this.bySeq.set(p.left.event.seq, p);
      if (p.right) this.bySeq.set(p.right.event.seq, p);
    }
  }

  /** The time from which the time of a row is counted. @param {Row} row */
  base(row) {
    return 0;
  }

  /** Whether a row cannot be compared, because its counterpart may be lost. @param {Row} row */
  lost(row) {
    return false;
  }

  /** @param {Row} row */
  take(row) {
    const place = this.sides.of(row.conn);
    if (!place) return;
    const { side, group: name } = place;
    let g = this.groups.get(name);
    if (!g) this.groups.set(name, (g = { left: null, right: null, parted: false, asked: false, acts: new Map(), counts: new Map(), forgotten: new Map() }));
    // Headings of a play have no connection, so they never end.
    if (row.conn.id || !g[side]) g[side] = row.conn;
    const like = `${row.step} ${kind(row)}`;
    const k = g.counts.get(`${side} ${like}`) || 0;
    g.counts.set(`${side} ${like}`, k + 1);
    const key = `${name} ${like} ${k}`;
    this.rows.push({ row, side, key, place: `${name} ${row.step}` });
    if (!compared(row)) return;
    let act = g.acts.get(key);
    if (!act) g.acts.set(key, (act = { group: g, like, k, left: null, right: null, part: k < (g.forgotten.get(like) || 0), told: null }));
    act[side] = row;
    act.part ||= this.lost(row);
    if (act.left && act.right) act.told = explain(act.left, act.right, this.sides);
    this.acts.set(row, act);
  }

  /** Pairs the rows at the end of the list, and marks the differences. */
  lay() {
    const pairs = beside(this.rows, (row) => {
      const act = reacts(row) && this.acts.get(row);
      if (!act || act.part) return false;
      const other = act.left === row ? act.right : act.left;
      return !other || (this.bySeq.get(other.event.seq)?.index ?? Infinity) >= this.set;
    });
    // A pair is visible as soon as it or any later pair is visible.
    for (let i = pairs.length - 1, least = Infinity; i >= 0; i--) pairs[i].seq = least = Math.min(least, pairs[i].seq);
    for (let i = this.set - 1; i >= 0 && pairs.length && this.list[i].seq > pairs[0].seq; i--) this.list[i].seq = pairs[0].seq;
    this.list.length = this.set;
    this.list.push(...pairs);
    this.number(this.set);
    const states = [...this.groups.values()].map((g) => ({ g, parted: g.parted, asked: g.asked }));
    this.judge(this.set, this.list.length);
    for (const { g, parted, asked } of states) Object.assign(g, { parted, asked });
    // Pairs no longer change once enough rows have arrived after them.
    let n = pairs.length - loose.least;
    while (n > 0 && !(pairs[n - 1].left && pairs[n - 1].right)) n--;
    if (n <= loose.least) {
      if (pairs.length <= loose.most) return;
      n = pairs.length >> 1;
    }
    const stays = new Set();
    const to = this.set + n;
    for (let i = this.set; i < to; i++) stays.add(this.list[i].left).add(this.list[i].right);
    this.rows = this.rows.filter(({ row }) => !stays.has(row));
    this.judge(this.set, to);
    this.set = to;
  }

  /**
   * Marks the pairs whose difference does not follow from another.
   * @param {number} from
   * @param {number} to
   */
  judge(from, to) {
    for (let i = from; i < to; i++) {
      const pair = this.list[i];
      pair.differs = false;
      for (const side of /** @type {const} */ (["left", "right"])) {
        const row = pair[side];
        const act = row && this.acts.get(row);
        if (!row || !act || pair.part || act.part) continue;
        const { group: g } = act;
        const both = act.left && act.right;
        const same = act.told?.length === 0;
        if (row.event.from === "client" && !row.event.script) {
          // A frame from the client does not explain a difference: a frame that is
          // cut off there means that the server had closed the connection.
          if (same) g.asked ||= g.parted;
          else if (both && !g.parted && ![act.left, act.right].some((r) => r?.event.frame?.short)) pair.differs = true;
        } else if (same) {
          if (g.asked && reacts(row)) g.parted = g.asked = false;
        } else if ((both || (reacts(row) && this.silent(pair, row, side, act) < Infinity)) && !g.parted) {
          pair.differs = true;
          g.parted = true;
        }
      }
    }
  }

  /**
   * The first seq at which the other side certainly has no counterpart of a row,
   * because it reacted in another way or has ended. Infinity while a counterpart
   * may still arrive.
   * @param {Pair} pair
   * @param {Row} row
   * @param {Side} side
   * @param {Act} act
   */
  silent(pair, row, side, act) {
    const other = across(side);
    const conn = act.group[other];
    if (!conn || !act.group[side]) return Infinity;
    let seq = conn.ended;
    for (let i = pair.index; i < this.list.length; i++) {
      const beside = this.list[i][other];
      if (!beside || beside.conn !== conn || !reacts(beside)) continue;
      seq = Math.min(seq, beside.event.seq);
      break;
    }
    return Math.max(seq, row.seq);
  }

  /** How many pairs show at the cursor. @param {number} cursor */
  count(cursor) {
    return upTo(this.list, cursor);
  }

  /**
   * The row, on the left if there is one, of the first difference at the cursor.
   * @param {number} cursor
   * @param {number} [from] seq of the first event that counts
   */
  first(cursor, from = 0) {
    for (const p of this.list) {
      const row = p.differs && [p.left, p.right].find((r) => r && r.seq >= from && r.seq <= cursor);
      if (row && this.differences(p, cursor).length) return row;
    }
    return null;
  }

  /**
   * The differences of one pair at the cursor, in words. The list is empty if the
   * differences follow from an earlier difference, or if the other side may still
   * answer.
   * @param {Pair} pair
   * @param {number} cursor
   * @returns {string[]}
   */
  differences(pair, cursor) {
    if (!pair.differs || pair.part) return [];
    /** @type {string[]} */
    const told = [];
    const missing = [];
    for (const side of /** @type {const} */ (["left", "right"])) {
      const row = pair[side];
      const act = row && this.acts.get(row);
      if (!row || !act || act.part || row.seq > cursor) continue;
      if (act.left && act.right) {
        // If the counterpart is elsewhere, the row beside this one is the difference.
        const beside = pair[across(side)];
        if (beside && beside !== act[across(side)]) continue;
        if (Math.max(act.left.seq, act.right.seq) <= cursor) for (const t of act.told || []) if (!told.includes(t)) told.push(t);
      } else if (reacts(row) && this.silent(pair, row, side, act) <= cursor) missing.push(side);
    }
    if (!missing.length && told.length) return told;
    const [left, right] = /** @type {const} */ (["left", "right"]).map((side) => ((pair[side]?.seq ?? Infinity) <= cursor ? pair[side] : null));
    const some = left || right;
    const group = some && this.acts.get(some)?.group;
    if (!group || (!missing.length && !(left && right))) return told;
    // Here the two sides reacted in different ways, or one side did not react.
    /** @param {Row|null} row @param {Side} side */
    const did = (row, side) => {
      const conn = row?.conn || group[side];
      return `${conn ? this.sides.name(conn, side) : side}: ${row ? brief(row) : "nothing"}`;
    };
    return [`${did(left, "left")}; ${did(right, "right")}`, ...told];
  }
}

/**
 * Two plays beside each other, step by step.
 */
export class PlayPairs extends Pairs {
  /**
   * @param {import("./play.js").Play} left
   * @param {import("./play.js").Play} right
   */
  constructor(left, right) {
    super(byPlay(left, right));
    this.plays = { left, right };
    this.begun = false;
    this.lostTo = 0; // seq of the last event that was forgotten before the two were compared
  }

  /** @param {Rows} rows */
  sync(rows) {
    const { left, right } = this.plays;
    if (!this.begun) {
      this.begun = true;
      const first = Math.min(left.seq, right.seq);
      this.gap = rows.gap;
      this.lostTo = rows.gap && rows.gap.seq >= first ? rows.gap.seq : 0;
      this.taken = rows.gone + upTo(rows.list, first - 1);
    }
    super.sync(rows);
  }

  /** A step cannot be compared if some of its events are forgotten. @param {Row} row */
  lost(row) {
    const { left, right } = this.plays;
    return [left, right].some(({ marks }) => (marks[Math.max(0, row.step)]?.begin || 0) <= this.lostTo);
  }

  /** Each play has its own clock. @param {Row} row */
  base(row) {
    return (row.conn.client === this.plays.right.token ? this.plays.right : this.plays.left).at;
  }
}
