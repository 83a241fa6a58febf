/**
 * The timeline's rows, made from events as they arrive. A row is one thing on the
 * wire, with the client's report and the server's calls about it. The recording
 * says which events belong together. Of two such events, the later one names the
 * earlier: a call or a report names the event (of), or the event names them (by,
 * told). A call or report that is not about the wire has its own row.
 *
 * New rows are added in order of seq and of time. The oldest rows are dropped with
 * their events. The text of a row is a function of the cursor, so going back and
 * forth always gives the same picture.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").Mode} Mode
 * @typedef {import("./types.js").State} State
 *
 * @typedef {{enter: LabEvent, ret: LabEvent|null, row: Row|null}} GoCall
 * @typedef {object} Row
 * @property {number} index     in the list, as it is now
 * @property {number} seq its place: the row is visible once the cursor has reached it
 * @property {LabEvent} event
 * @property {Conn} conn
 * @property {number} at
 * @property {number} step the step of its client's play that caused it; -1 for none
 * @property {LabEvent|null} js the report of the client's JavaScript
 * @property {LabEvent|null} sent the report of sending it, if that report has its own row
 * @property {boolean} unread  whether it is a send or close whose bytes the server has not read
 * @property {GoCall[]} calls   of the Go code
 * @property {{seq: number, state: string, error?: string}[]} held its states at the valve
 * @property {import("./play.js").Mark|null} mark the step of a play that it heads
 * @property {number} version   grows whenever the row changes
 */

import { upTo } from "./history.js";
import { Conn, belongs } from "./connection.js";
import { Plays } from "./play.js";

/** The empty list that rows without calls share. @type {never[]} */
const none = [];

export class Rows {
  constructor() {
    /** @type {Row[]} */
    this.list = [];
    /** @type {Map<number, Conn>} */
    this.conns = new Map();
    /** @type {Map<number, Row>} by the seq of the row's event */
    this.bySeq = new Map();
    /** @type {Map<string, Conn>} */
    this.byClient = new Map();
    /** @type {Map<string, LabEvent[]>} reports of clients whose connections are not recorded yet, by token */
    this.early = new Map();
    /** @type {Map<string, number>} connections of a round to an endpoint */
    this.rounds = new Map();
    this.plays = new Plays();
    /** @type {Map<string, Conn>} the connections of the headings of plays, by token */
    this.stages = new Map();
    this.version = 0;
    this.gone = 0; // how many rows the list has dropped at its front
    /** @type {Row|null} the row that replaces the dropped ones */
    this.gap = null;
  }

  /** The number of rows so far, dropped ones included. */
  get total() {
    return this.gone + this.list.length;
  }

  /** @param {LabEvent[]} events in order of seq, each given once */
  append(events) {
    for (const e of events) this.take(e);
    this.version++;
  }

  /**
   * Drops the rows of forgotten events, and adds one row in their place.
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
   * Adds a row. Its time is never before that of the row above it: a page's reports
   * arrive late, and its clock differs from the server's by about a millisecond.
   * @param {LabEvent} e
   * @param {Conn} conn
   * @param {number} [seq] the row's place, if it differs from the event's seq
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
   * Adds the cause of a row to it: an open call, or a report.
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

  /** Takes out a report that waited until an event names it. @param {Conn} conn @param {number} seq */
  claim(conn, seq) {
    const report = conn.waits.get(seq) || null;
    conn.waits.delete(seq);
    return report;
  }

  /** Adds a call to the row that it is about. @param {Row} row @param {GoCall} call */
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
      // These bytes complete no frame, so the report of writing them needs a row.
      const wrote = e.by ? this.claim(conn, e.by) : null;
      if (wrote) this.add(wrote, conn, e.seq);
      if (conn.endpoint === "tcp") this.add(e, conn);
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
      // Only the oldest held row can be dropped, so the next row changes as well.
      if (conn.held[0]) changed(conn.held[0]);
      changed(row);
    } else if (e.stack) conn.stacks.push(e); // the inspector shows them with the bytes of a row
    else if (e.http || e.unsent || e.unread || e.dropped) this.add(e, conn);
  }

  /**
   * Adds a step of a play, as the heading of the rows that it caused.
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
    // If bytes are not recorded when their step is finished, the server has not
    // read them.
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
    else if (!c.of) this.about(this.add(e, conn), call); // otherwise its row is forgotten
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
    // The browser gave up before a connection was recorded, so none will follow.
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
    if (s.of && !row) return; // the row is forgotten
    if (s.what === "onclose") this.alone(conn, seq);
    this.add(e, conn, seq);
  }

  /**
   * Gives reports whose bytes never reached the wire their own rows.
   * @param {Conn} conn
   * @param {number} seq
   * @param {boolean} [unread] whether the bytes may still be read
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

/** The rows of one mode. They are updated together with Rows. */
export class View {
  /** @param {Mode} mode */
  constructor(mode) {
    this.mode = mode;
    /** @type {Row[]} */
    this.list = [];
    this.taken = 0; // how many rows of Rows this view has read, dropped ones included
    this.gone = 0; // how many rows the list has dropped at its front
    /** @type {Row|null} the row that replaces the dropped ones */
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

  /** Drops the rows that Rows has forgotten. @param {Rows} rows @param {Row} gap the row that replaces them */
  forget(rows, gap) {
    this.gap = gap;
    const n = upTo(this.list, gap.seq);
    this.list = [gap, ...this.list.slice(n)];
    this.gone += n - 1;
    this.taken = Math.max(this.taken, rows.gone + 1);
  }

  /** How many rows are visible at the cursor. @param {number} cursor */
  count(cursor) {
    return upTo(this.list, cursor);
  }
}
