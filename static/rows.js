/**
 * The timeline's rows, made from events as they come. A row stands for one
 * thing on the wire; what the client's code did or was told, and what the
 * server's code called, stands on the row of the event that it is about. The
 * recording says which that is: a call or a report names it (of), or it names
 * them (by, told), whichever was recorded later. What is about nothing on the
 * wire has a row of its own.
 *
 * Rows are appended, in order of seq and of time, and the oldest go when the
 * page keeps their events no more. What shows of a row is a function of the
 * cursor alone, so going back and forth any number of times gives the same
 * picture.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").Mode} Mode
 * @typedef {import("./types.js").State} State
 *
 * @typedef {{enter: LabEvent, ret: LabEvent|null, row: Row|null}} GoCall
 * @typedef {object} Row
 * @property {number} index     in the list, as it is now
 * @property {number} seq       its place: it shows once the cursor has reached it
 * @property {LabEvent} event
 * @property {Conn} conn
 * @property {number} at
 * @property {number} step      of its client's play, which it came of; -1 for none
 * @property {LabEvent|null} js what the client's code did or was told
 * @property {LabEvent|null} sent what the client's code did to send it, where that has a row of its own
 * @property {boolean} unread  whether it is a send or close whose bytes wait at the server, which does not read
 * @property {GoCall[]} calls   what the Go code called
 * @property {{seq: number, state: string, error?: string}[]} held its stay at the valve
 * @property {import("./play.js").Mark|null} mark the step of a play that it heads
 * @property {number} version   grows whenever the row changes
 */

import { upTo } from "./history.js";
import { Conn, belongs } from "./connection.js";
import { Plays } from "./play.js";

/** Most rows have none of one thing or the other, so all of them share it. @type {never[]} */
const none = [];

export class Rows {
  constructor() {
    /** @type {Row[]} */
    this.list = [];
    /** @type {Map<number, Conn>} */
    this.conns = new Map();
    /** @type {Map<number, Row>} by the seq of the event that the row stands for */
    this.bySeq = new Map();
    /** @type {Map<string, Conn>} */
    this.byClient = new Map();
    /** @type {Map<string, LabEvent[]>} what clients reported before their connection was seen */
    this.early = new Map();
    /** @type {Map<string, number>} connections of a round to an endpoint */
    this.rounds = new Map();
    this.plays = new Plays();
    /** @type {Map<string, Conn>} what the headings of a play stand under, by its token */
    this.stages = new Map();
    this.version = 0;
    this.gone = 0; // rows that the list has lost at its front
    /** @type {Row|null} what stands for them */
    this.gap = null;
  }

  /** How many rows there have been: the place behind the last, had none gone. */
  get total() {
    return this.gone + this.list.length;
  }

  /** @param {LabEvent[]} events in order of seq, each given once */
  append(events) {
    for (const e of events) this.take(e);
    this.version++;
  }

  /**
   * Lets go of the rows up to an event that stands for all that is forgotten;
   * that one has a row in their place.
   * @param {LabEvent} gap
   */
  forget(gap) {
    const n = upTo(this.list, gap.seq);
    for (const row of this.list.slice(0, n)) this.bySeq.delete(row.event.seq);
    const rest = this.list.slice(n);
    this.list = [];
    this.gap = this.add(gap, this.conn(0));
    for (const row of rest) row.index = this.list.push(row) - 1;
    this.gone += n - 1;
    for (const conn of this.conns.values()) conn.forget(gap.seq);
    this.version++;
  }

  /** @param {number} id */
  conn(id) {
    let conn = this.conns.get(id);
    if (!conn) this.conns.set(id, (conn = new Conn(id)));
    return conn;
  }

  /**
   * Adds a row. Its time is never before that of the row above it: what a tab
   * reports comes a moment later than what crossed the wire meanwhile, and its
   * clock and the server's are set to each other within a millisecond or so.
   * @param {LabEvent} e
   * @param {Conn} conn
   * @param {number} [seq] the row's place, when that is not the event's own
   */
  add(e, conn, seq = e.seq) {
    const last = this.list[this.list.length - 1];
    const at = Math.max(e.at, last ? last.at : 0);
    const step = conn.play ? conn.play.begun : -1;
    /** @type {Row} */
    const row = { index: this.list.length, seq, event: e, conn, at, step, js: null, sent: null, unread: false, calls: none, held: none, mark: null, version: 0 };
    this.list.push(row);
    this.bySeq.set(e.seq, row);
    if (e.by) this.caused(row, e.by);
    if (e.told) row.js ??= this.claim(conn, e.told);
    return row;
  }

  /**
   * Puts what a row came of on it: a call that is under way, or a report.
   * @param {Row} row
   * @param {number} seq of the call's enter event, or of the report
   */
  caused(row, seq) {
    for (const call of row.conn.open.values()) {
      if (call.enter.seq === seq) return this.about(row, call);
    }
    row.js = this.claim(row.conn, seq);
    row.sent = (!row.js && this.bySeq.get(seq)?.event) || null;
  }

  /** A report that waited to be named. @param {Conn} conn @param {number} seq */
  claim(conn, seq) {
    const report = conn.waits.get(seq) || null;
    conn.waits.delete(seq);
    return report;
  }

  /** Puts a call on the row that it is about. @param {Row} row @param {GoCall} call */
  about(row, call) {
    if (!row.calls.includes(call)) row.calls = [...row.calls, call];
    call.row = row;
    changed(row);
  }

  /** @param {LabEvent} e */
  take(e) {
    if (e.script) return this.script(e, e.script);
    if (e.step) return this.step(e, e.step);
    const conn = this.conn(e.conn);
    if (e.tcp) this.tcp(e, e.tcp, conn);
    else if (e.bytes) {
      // These bytes complete nothing: what wrote them has no row to stand on.
      const wrote = e.by ? this.claim(conn, e.by) : null;
      if (wrote) this.add(wrote, conn, e.seq);
    } else if (e.handshake || e.frame) {
      const row = this.add(e, conn);
      if (e.handshake?.what === "response") conn.response = row;
    } else if (e.call) this.call(e, e.call, conn);
    else if (e.state) {
      conn.states.push({ seq: e.seq, side: e.state.side, state: e.state.state, why: e.state.why || "" });
    } else if (e.held) {
      const { of } = e.held;
      const row = this.bySeq.get(of) || conn.held.find((r) => r.event.seq === of);
      if (!row) return;
      row.held = [...row.held, { seq: e.seq, state: e.held.state, error: e.held.error?.text }];
      if (e.held.state === "waiting") conn.held.push(row);
      else conn.held = conn.held.filter((r) => r !== row);
      // Only the oldest can be dropped, so the one after it changes as well.
      if (conn.held[0]) changed(conn.held[0]);
      changed(row);
    } else if (e.unsent || e.unread || e.dropped) this.add(e, conn);
  }

  /**
   * A step of a play heads the rows of what came of it.
   * @param {LabEvent} e
   * @param {import("./types.js").Step} s
   */
  step(e, s) {
    const play = this.plays.take(e, s);
    let stage = this.stages.get(s.client);
    const conn = this.byClient.get(s.client);
    if (!stage) {
      stage = new Conn(0);
      stage.endpoint = s.endpoint;
      stage.client = s.client;
      stage.as = s.as === "browser" ? "tab" : "scenario";
      stage.round = s.round || 0;
      stage.play = play;
      this.stages.set(s.client, stage);
      if (conn) conn.play = play;
    }
    const mark = play.marks[s.index] || null;
    if (s.phase === "begin" && mark && mark.event === e) this.add(e, stage).mark = mark;
    const row = s.phase === "end" && mark && mark.event && this.bySeq.get(mark.event.seq);
    if (row) changed(row);
    // What is not on the wire when its step has settled waits there for a server
    // that does not read.
    if (s.phase === "end" && conn) this.alone(conn, e.seq, true);
    if (s.phase === "over" && s.error) this.add(e, stage);
  }

  /**
   * @param {LabEvent} e
   * @param {import("./types.js").Tcp} tcp
   * @param {Conn} conn
   */
  tcp(e, tcp, conn) {
    if (tcp.what !== "open") {
      if (tcp.what === "closed" || tcp.what === "rst") this.alone(conn, e.seq);
      this.add(e, conn);
      if (tcp.what !== "error" && conn.ended === Infinity) conn.ended = e.seq;
      if (tcp.what === "rst") conn.reset = Math.min(conn.reset, e.seq);
      return;
    }
    conn.endpoint = tcp.endpoint || "";
    conn.client = tcp.client || "";
    conn.as = tcp.as || "";
    conn.round = tcp.round || 0;
    conn.path = tcp.path || "";
    conn.remote = tcp.remote || "";
    if (conn.round) {
      const of = `${conn.round} ${conn.endpoint}`;
      conn.nth = this.rounds.get(of) || 0;
      this.rounds.set(of, conn.nth + 1);
    }
    if (conn.client) {
      conn.play = this.plays.byToken.get(conn.client) || null;
      this.byClient.set(conn.client, conn);
      const early = this.early.get(conn.client) || [];
      this.early.delete(conn.client);
      for (const s of early) this.report(s, /** @type {import("./types.js").Script} */ (s.script), conn, e.seq);
    }
    this.add(e, conn);
  }

  /**
   * @param {LabEvent} e
   * @param {import("./types.js").Call} c
   * @param {Conn} conn
   */
  call(e, c, conn) {
    const row = c.of ? this.bySeq.get(c.of) : undefined;
    if (c.phase === "enter") {
      /** @type {GoCall} */
      const call = { enter: e, ret: null, row: null };
      conn.open.set(c.id, call);
      if (c.verb === "read") conn.reads.push(call);
      if (row) this.about(row, call);
      return;
    }
    const call = conn.open.get(c.id) || { enter: e, ret: null, row: null };
    conn.open.delete(c.id);
    call.ret = e;
    if (row) this.about(row, call);
    else if (call.row) changed(call.row);
    else if (!c.of) this.about(this.add(e, conn), call); // else what it is about is forgotten
  }

  /**
   * @param {LabEvent} e
   * @param {import("./types.js").Script} s
   */
  script(e, s) {
    if (e.conn) return this.report(e, s, this.conn(e.conn), e.seq);
    const early = this.early.get(s.client) || [];
    this.early.set(s.client, early);
    early.push(e);
    if (s.what !== "onclose") return;
    // No connection will follow: the browser gave up before one was seen.
    this.early.delete(s.client);
    const none = new Conn(0);
    none.client = s.client;
    none.as = "tab";
    for (const { script } of early) {
      none.endpoint ||= script?.endpoint || "";
      none.round ||= script?.round || 0;
    }
    for (const event of early) this.add(event, none, e.seq);
  }

  /**
   * @param {LabEvent} e
   * @param {import("./types.js").Script} s
   * @param {Conn} conn
   * @param {number} seq
   */
  report(e, s, conn, seq) {
    /** @type {Record<string, State>} */
    const states = { "new WebSocket": "CONNECTING", onopen: "OPEN", close: "CLOSING", onclose: "CLOSED", leave: "CLOSED" };
    if (states[s.what] && conn.as !== "raw" && conn.as !== "scenario") {
      conn.scripted = true;
      const closed = conn.stateAt("client", Infinity)?.state === "CLOSED";
      if (!closed) conn.states.push({ seq: Math.max(seq, conn.states[conn.states.length - 1]?.seq || 0), side: "client", state: states[s.what], why: s.what });
    }
    if (s.awaits) return void conn.waits.set(e.seq, e);
    const row = s.of ? this.bySeq.get(s.of) : undefined;
    if (row && !row.js) {
      row.js = e;
      return changed(row);
    }
    if (s.of && !row) return; // it is forgotten
    if (s.what === "onclose") this.alone(conn, seq);
    this.add(e, conn, seq);
  }

  /**
   * Gives rows of their own to what was called but never reached the wire.
   * @param {Conn} conn
   * @param {number} seq
   * @param {boolean} [unread] whether they may reach it yet
   */
  alone(conn, seq, unread = false) {
    for (const e of conn.waits.values()) {
      const row = this.add(e, conn, seq);
      row.unread = unread && ["send", "close"].includes(e.script?.what || "");
    }
    conn.waits.clear();
  }
}

/** @param {Row} row */
function changed(row) {
  row.version++;
}

/** The rows of one mode, kept up to date in step with Rows. */
export class View {
  /** @param {Mode} mode */
  constructor(mode) {
    this.mode = mode;
    /** @type {Row[]} */
    this.list = [];
    this.taken = 0; // of the rows in total
    this.gone = 0; // rows that the list has lost at its front
    /** @type {Row|null} what stands for them */
    this.gap = null;
  }

  /** @param {Rows} rows */
  sync(rows) {
    if (rows.gap && rows.gap !== this.gap) this.forget(rows, rows.gap);
    for (; this.taken < rows.total; this.taken++) {
      const row = rows.list[this.taken - rows.gone];
      if (belongs(row.conn, this.mode)) this.list.push(row);
    }
  }

  /** Lets go of the rows that Rows has forgotten. @param {Rows} rows @param {Row} gap what stands for them */
  forget(rows, gap) {
    this.gap = gap;
    const n = upTo(this.list, gap.seq);
    this.list = [gap, ...this.list.slice(n)];
    this.gone += n - 1;
    this.taken = Math.max(this.taken, rows.gone + 1);
  }

  /** How many rows show at the cursor. @param {number} cursor */
  count(cursor) {
    return upTo(this.list, cursor);
  }
}
