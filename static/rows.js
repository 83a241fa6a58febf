/**
 * The timeline's rows, made from events as they come. A row stands for one
 * thing on the wire; what the tab's JavaScript and the Go code did stands on
 * the row of the frame that it caused or returned, by what was recorded: the
 * k-th send with the k-th client message, a write with the server frame that
 * came between its call and its return. Whatever caused or returned no frame
 * has a row of its own.
 *
 * Rows are appended, in order of seq, and the oldest go when the page keeps
 * their events no more. What shows of a row is a function of the cursor alone,
 * so going back and forth any number of times gives the same picture.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").End} End
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
 * @property {LabEvent|null} js what the tab did or was told
 * @property {LabEvent|null} sent what the tab did to send it, where that has a row of its own
 * @property {boolean} unread  whether it is a send or close whose octets wait at the server, which does not read
 * @property {GoCall|null} go   what the Go code called
 * @property {{seq: number, state: string, error?: string}[]} held its stay at the valve
 * @property {import("./play.js").Mark|null} mark the step of a play that it heads
 * @property {number} version   grows whenever the row changes
 */

import { upTo } from "./history.js";
import { callLine, scriptLine } from "./format.js";
import { Plays, by, said } from "./play.js";

/** What is waiting for its other half, first come first served. @template T */
class Queue {
  constructor() {
    /** @type {T[]} */
    this.items = [];
    this.head = 0;
  }

  get size() {
    return this.items.length - this.head;
  }

  /** @param {T} item */
  push(item) {
    this.items.push(item);
  }

  /** @param {T} item */
  remove(item) {
    const i = this.items.indexOf(item, this.head);
    if (i >= 0) this.items.splice(i, 1);
  }

  /**
   * Takes away the oldest items that are gone, and says how many.
   * @param {(item: T) => boolean} gone
   */
  forget(gone) {
    let n = this.head;
    while (n < this.items.length && gone(this.items[n])) n++;
    const forgotten = n - this.head;
    this.items.splice(0, n);
    this.head = 0;
    return forgotten;
  }

  /** @returns {T|undefined} */
  shift() {
    const item = this.items[this.head];
    if (item === undefined) return undefined;
    // Array.shift moves every item; one cut now and then does not.
    if (++this.head > 1024) {
      this.items.splice(0, this.head);
      this.head = 0;
    }
    return item;
  }
}

/**
 * Two sides of a match: whichever comes first waits for the other. What is
 * forgotten while it waits still has its turn: the k-th goes with the k-th,
 * kept or not.
 * @template L, R
 */
class Match {
  /** @param {(left: L, right: R) => void} join */
  constructor(join) {
    this.join = join;
    /** @type {Queue<L>} */
    this.left = new Queue();
    /** @type {Queue<R>} */
    this.right = new Queue();
    this.gone = { left: 0, right: 0 }; // how many that were forgotten wait
  }

  /** @param {L} item */
  addLeft(item) {
    if (this.gone.right) return void this.gone.right--;
    const other = this.right.shift();
    if (other === undefined) this.left.push(item);
    else this.join(item, other);
  }

  /** @param {R} item */
  addRight(item) {
    if (this.gone.left) return void this.gone.left--;
    const other = this.left.shift();
    if (other === undefined) this.right.push(item);
    else this.join(other, item);
  }

  /** @param {(item: L) => boolean} left @param {(item: R) => boolean} right */
  forget(left, right) {
    this.gone.left += this.left.forget(left);
    this.gone.right += this.right.forget(right);
  }

  /** Whether something of the left waits. */
  get waits() {
    return this.gone.left + this.left.size > 0;
  }
}

/** What the page knows of one connection. */
export class Conn {
  /**
   * @param {number} id
   * @param {(row: Row) => void} changed
   */
  constructor(id, changed) {
    this.id = id;
    this.endpoint = "";
    this.client = "";
    this.path = "";
    this.remote = "";
    /** @type {{seq: number, side: End, state: State, why: string}[]} */
    this.states = [];
    /** @type {GoCall[]} */
    this.reads = [];
    /** Whether its own JavaScript reports its state. */
    this.scripted = false;
    /** @type {""|"raw"|"browser"} what its client is, where a play says so */
    this.as = "";
    /** @type {Record<string, Match<Row, LabEvent>>} the tab's side of rows */
    this.tab = {};
    for (const what of ["new WebSocket", "onopen", "send", "onmessage", "close"]) {
      this.tab[what] = new Match((row, e) => {
        row.js = e;
        changed(row);
      });
    }
    /** @type {Match<Row, GoCall>} client messages, and the reads that returned them */
    this.returned = new Match((row, call) => {
      row.go = call;
      call.row = row;
      changed(row);
    });
    /** @type {Map<number, GoCall>} calls without a return */
    this.open = new Map();
    /** @type {Row|null} */
    this.request = null;
    /** @type {Row|null} */
    this.response = null;
    /** @type {Row|null} */
    this.lastFromClient = null;
    /** @type {Row|null} */
    this.lastFromServer = null;
    /** @type {LabEvent|null} what a raw client wrote and was not seen on the wire yet */
    this.written = null;
    /** @type {Row|null} */
    this.clientClose = null;
    this.serverClosed = false;
    /** @type {Row[]} what waits at the valve now, oldest first */
    this.held = [];
    this.ended = Infinity; // seq at which its TCP connection was over
    this.reset = Infinity; // seq of the RST that ended it
    /** @type {Record<string, Queue<LabEvent>>} what has a row of its own, because nobody read its frame then */
    this.unread = { send: new Queue(), close: new Queue() };
  }

  /**
   * The state of one side at the cursor.
   * @param {End} side
   * @param {number} cursor
   */
  stateAt(side, cursor) {
    for (let i = upTo(this.states, cursor) - 1; i >= 0; i--) {
      if (this.states[i].side === side) return this.states[i];
    }
    return null;
  }

  /** Whether its TCP connection was over at the cursor. @param {number} cursor */
  overAt(cursor) {
    return this.ended !== Infinity && this.ended <= cursor;
  }

  /** The read that the Go code waits in at the cursor. @param {number} cursor */
  waiting(cursor) {
    for (let i = this.reads.length - 1; i >= 0; i--) {
      const r = this.reads[i];
      if (r.enter.seq <= cursor) return !r.ret || r.ret.seq > cursor ? r : null;
    }
    return null;
  }

  /**
   * Forgets what was over at seq; what waits at the valve stays, however long.
   * @param {number} seq
   */
  forget(seq) {
    // Of each side one state stays: the one that it was in.
    const held = new Set(this.held);
    const was = new Set([this.stateAt("client", seq), this.stateAt("server", seq)]);
    this.states = this.states.filter((s) => s.seq > seq || was.has(s));
    this.reads = this.reads.filter((r) => !r.ret || r.ret.seq > seq);
    const row = (/** @type {Row} */ r) => r.seq <= seq && !held.has(r);
    const event = (/** @type {LabEvent} */ e) => e.seq <= seq;
    for (const match of Object.values(this.tab)) match.forget(row, event);
    this.returned.forget(row, (call) => !!call.ret && call.ret.seq <= seq);
  }
}

const write = /write|close|ping|pong|send/i;

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
    /** @type {Map<string, LabEvent[]>} what JavaScript did before its connection was seen */
    this.early = new Map();
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
    if (!conn) this.conns.set(id, (conn = new Conn(id, changed)));
    return conn;
  }

  /**
   * @param {LabEvent} e
   * @param {Conn} conn
   * @param {number} [seq] the row's place, when that is not the event's own
   */
  add(e, conn, seq = e.seq) {
    /** @type {Row} */
    const row = { index: this.list.length, seq, event: e, conn, at: e.at, js: null, sent: null, unread: false, go: null, held: [], mark: null, version: 0 };
    this.list.push(row);
    this.bySeq.set(e.seq, row);
    return row;
  }

  /** @param {LabEvent} e */
  take(e) {
    if (e.script) return this.script(e, e.script);
    if (e.step) return this.step(e, e.step);
    const conn = this.conn(e.conn);
    if (e.tcp) this.tcp(e, e.tcp, conn);
    else if (e.handshake) this.handshake(e, conn);
    else if (e.frame) this.frame(e, e.frame, conn);
    else if (e.call) this.call(e, e.call, conn);
    else if (e.state) {
      conn.states.push({ seq: e.seq, side: e.state.side, state: e.state.state, why: e.state.why || "" });
    } else if (e.held) {
      const { of } = e.held;
      const row = this.bySeq.get(of) || conn.held.find((r) => r.event.seq === of);
      if (!row) return;
      row.held.push({ seq: e.seq, state: e.held.state, error: e.held.error?.text });
      if (e.held.state === "waiting") conn.held.push(row);
      else conn.held = conn.held.filter((r) => r !== row);
      if (e.held.state !== "waiting" && e.held.state !== "released") {
        // Nobody is ever given it.
        const { returned, tab } = conn;
        for (const match of row.event.from === "client" ? [returned] : [tab.onmessage, tab.onopen]) match.left.remove(row);
      }
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
    if (!stage) {
      stage = new Conn(0, changed);
      stage.endpoint = s.endpoint;
      stage.client = s.client;
      stage.as = s.as;
      this.stages.set(s.client, stage);
      const conn = this.byClient.get(s.client);
      if (conn) conn.as = s.as;
    }
    const mark = play.marks[s.index] || null;
    if (s.phase === "begin" && mark && mark.event === e) this.add(e, stage).mark = mark;
    const row = s.phase === "end" && mark && mark.event && this.bySeq.get(mark.event.seq);
    if (row) changed(row);
    // What is not on the wire when its step has settled waits there for a server
    // that does not read.
    const conn = this.byClient.get(s.client);
    if (s.phase === "end" && conn) this.unmatched(conn, e.seq, true);
    if (s.phase === "over" && s.error) this.add(e, stage);
  }

  /**
   * @param {LabEvent} e
   * @param {import("./types.js").Tcp} tcp
   * @param {Conn} conn
   */
  tcp(e, tcp, conn) {
    this.add(e, conn);
    if (tcp.what !== "open") {
      if (tcp.what !== "error" && conn.ended === Infinity) conn.ended = e.seq;
      if (tcp.what === "rst") conn.reset = Math.min(conn.reset, e.seq);
      if (tcp.what === "closed") this.unmatched(conn, e.seq);
      return;
    }
    conn.endpoint = tcp.endpoint || "";
    conn.client = tcp.client || "";
    conn.path = tcp.path || "";
    conn.remote = tcp.remote || "";
    if (!conn.client) return;
    conn.as = this.stages.get(conn.client)?.as || "";
    this.byClient.set(conn.client, conn);
    const early = this.early.get(conn.client) || [];
    this.early.delete(conn.client);
    for (const s of early) this.take(s);
  }

  /** @param {LabEvent} e @param {Conn} conn */
  handshake(e, conn) {
    const row = this.add(e, conn);
    if (e.from === "client") {
      conn.request = row;
      conn.tab["new WebSocket"].addLeft(row);
    } else {
      conn.lastFromServer = row;
      conn.response = row;
      if (e.handshake && e.handshake.status === 101) conn.tab.onopen.addLeft(row);
    }
  }

  /**
   * @param {LabEvent} e
   * @param {import("./types.js").Frame} f
   * @param {Conn} conn
   */
  frame(e, f, conn) {
    const { written } = conn;
    const wrote = e.from === "client" && written !== null;
    if (wrote) conn.written = null;
    const one = wrote && written.script?.size === f.size;
    if (wrote && !one) this.add(written, conn, e.seq);
    const row = this.add(e, conn);
    if (one) row.js = written;
    const { opcode, fin } = f.header;
    const data = opcode < 8;
    const first = opcode === 1 || opcode === 2;
    if (e.from === "client") {
      conn.lastFromClient = row;
      if (first) this.caused("send", row, conn);
      if (data && fin) conn.returned.addLeft(row);
      if (opcode === 8 && !conn.clientClose) {
        conn.clientClose = row;
        // A Close that answers the server's was not caused by close().
        if (!conn.serverClosed || conn.unread.close.size) this.caused("close", row, conn);
      }
    } else {
      conn.lastFromServer = row;
      if (data && fin) conn.tab.onmessage.addLeft(row);
      if (opcode === 8) conn.serverClosed = true;
      for (const call of conn.open.values()) {
        if (call.row || !write.test(call.enter.call?.name || "")) continue;
        call.row = row;
        row.go = call;
        break;
      }
    }
  }

  /**
   * Matches a frame with the send() or close() that it came of.
   * @param {"send"|"close"} what
   * @param {Row} row
   * @param {Conn} conn
   */
  caused(what, row, conn) {
    const sent = conn.unread[what].shift();
    if (sent) row.sent = sent;
    else conn.tab[what].addLeft(row);
  }

  /**
   * @param {LabEvent} e
   * @param {import("./types.js").Call} c
   * @param {Conn} conn
   */
  call(e, c, conn) {
    const reads = /^(Next)?Read/.test(c.name);
    if (c.phase === "enter") {
      /** @type {GoCall} */
      const call = { enter: e, ret: null, row: null };
      conn.open.set(c.id, call);
      if (reads) conn.reads.push(call);
      else if (/upgrade|accept/i.test(c.name) && conn.request && !conn.request.go) {
        call.row = conn.request;
        conn.request.go = call;
        changed(conn.request);
      }
      return;
    }
    const call = conn.open.get(c.id) || { enter: e, ret: null, row: null };
    conn.open.delete(c.id);
    call.ret = e;
    if (call.row) return changed(call.row);
    if (reads && !c.error) return conn.returned.addRight(call);
    if (reads) {
      // The read failed of a frame, if the newest one has no read yet.
      const of = conn.lastFromClient;
      const caused = of && !of.go && (of === conn.clientClose || (of.event.frame?.violations || []).length > 0);
      if (of && caused) {
        of.go = call;
        call.row = of;
        return changed(of);
      }
    }
    call.row = this.add(e, conn);
    call.row.go = call;
  }

  /**
   * @param {LabEvent} e
   * @param {import("./types.js").Script} s
   */
  script(e, s) {
    const conn = (e.conn && this.conn(e.conn)) || this.byClient.get(s.client);
    if (!conn) {
      const early = this.early.get(s.client) || [];
      this.early.set(s.client, early);
      early.push(e);
      // No connection will follow: the browser gave up before one was seen.
      if (s.what === "onclose") {
        this.early.delete(s.client);
        const none = new Conn(0, changed);
        none.client = s.client;
        for (const event of early) this.add(event, none, e.seq);
      }
      return;
    }
    /** @type {Record<string, State>} */
    const states = { "new WebSocket": "CONNECTING", onopen: "OPEN", close: "CLOSING", onclose: "CLOSED", leave: "CLOSED" };
    if (states[s.what]) {
      conn.scripted = true;
      const closed = conn.stateAt("client", Infinity)?.state === "CLOSED";
      if (!closed) conn.states.push({ seq: Math.max(e.seq, conn.states[conn.states.length - 1]?.seq || 0), side: "client", state: states[s.what], why: s.what });
    }
    const match = conn.tab[s.what];
    // Told after the server's Close, close() caused a frame only if that frame
    // came before, and still waits for what caused it.
    if (match && (s.what !== "close" || !conn.serverClosed || match.waits)) return match.addRight(e);
    // The write of a raw client's request stands on its row, or its dial does.
    const asks = s.what === "write" && !conn.lastFromClient && conn.request?.event.handshake?.size === s.size ? conn.request : null;
    if (asks) {
      asks.js ??= e;
      return changed(asks);
    }
    if (s.what === "dial" && conn.request && !conn.request.js) {
      conn.request.js = e;
      return changed(conn.request);
    }
    // A raw client's one write is a row's own when it is that frame, no more
    // and no less; the write and the frame may be told in either order.
    const [near, sized] = s.what === "read" ? [conn.lastFromServer, true] : [conn.lastFromClient, s.what === "write"];
    if (sized && near && !near.js && (near.event.frame || near.event.handshake)?.size === s.size) {
      near.js = e;
      return changed(near);
    }
    if (s.what === "write") {
      if (conn.written) this.add(conn.written, conn, e.seq);
      conn.written = e;
      return;
    }
    if (s.what === "onclose") this.unmatched(conn, e.seq);
    const row = this.add(e, conn, Math.max(e.seq, this.list.length ? this.list[this.list.length - 1].seq : 0));
    row.at = toldAt(e, conn.lastFromServer);
  }

  /**
   * Gives rows of their own to what was called but never reached the wire.
   * @param {Conn} conn
   * @param {number} seq
   * @param {boolean} [unread] whether they may reach it yet
   */
  unmatched(conn, seq, unread = false) {
    if (conn.written) this.add(conn.written, conn, seq);
    conn.written = null;
    for (const what of ["send", "close"]) {
      conn.tab[what].gone.right = 0;
      for (let e = conn.tab[what].right.shift(); e; e = conn.tab[what].right.shift()) {
        const row = this.add(e, conn, seq);
        if (unread) conn.unread[what].push(e);
        row.unread = unread;
      }
    }
  }
}

/**
 * When something of the tab's happened, beside what crossed the wire. Its clock
 * and the server's are set to each other within a millisecond or so, and no
 * better; but nothing is told before what caused it was sent.
 * @param {LabEvent} e
 * @param {Row|null} cause the frame that it is told of
 */
function toldAt(e, cause) {
  return e.script?.what.startsWith("on") && cause ? Math.max(e.at, cause.event.at) : e.at;
}

/**
 * When the tab did, or was told, what stands on a row of the wire.
 * @param {Row} row
 */
export function jsTime(row) {
  if (!row.js) return row.at;
  return row.js.script?.what.startsWith("on") ? toldAt(row.js, row) : Math.min(row.js.at, row.event.at);
}

/** @param {Row} row */
function changed(row) {
  row.version++;
}

/**
 * The state of a row at the valve: "" when it was never held or has crossed.
 * @param {Row} row
 * @param {number} cursor
 */
export function heldAt(row, cursor) {
  const n = upTo(row.held, cursor);
  return n === 0 ? "" : row.held[n - 1].state;
}

/**
 * The heading of a step at the cursor: the command, and its sentence once its
 * effect is recorded.
 * @param {Row} row
 * @param {number} cursor
 */
export function stepAt(row, cursor) {
  const s = row.event.step;
  if (!s) return null;
  if (s.phase === "over") return { number: "", command: "the play ended early", say: s.error || "", doing: false, failed: true };
  const mark = row.mark;
  const ended = !!mark && by(mark.end, cursor);
  const failed = ended && !!mark.error;
  return { number: `${s.index + 1} of ${s.of}`, command: s.command || "", say: failed ? mark.error : mark ? said(mark, cursor) : "", doing: !ended, failed };
}

/**
 * What the tab did or was told, as the row shows it at the cursor. What was
 * told shows once the frame has crossed; the stream brings it a moment after
 * the frame itself, and that moment says nothing.
 * @param {Row} row
 * @param {number} cursor
 */
export function jsAt(row, cursor) {
  if (row.event.script) return scriptLine(row.event.script);
  if (!row.js || !row.js.script) return "";
  const told = row.js.script.what.startsWith("on");
  if (told && heldAt(row, cursor) === "waiting") return "";
  return scriptLine(row.js.script);
}

/**
 * What the Go code called, as the row shows it at the cursor.
 * @param {Row} row
 * @param {number} cursor
 * @returns {{text: string, waiting: boolean, error: boolean}}
 */
export function goAt(row, cursor) {
  const call = row.go;
  const ret = call && call.ret && call.ret.seq <= cursor ? call.ret.call : undefined;
  const entered = call && call.enter.seq <= cursor ? call.enter.call : ret;
  const held = row.event.from === "client" && heldAt(row, cursor) === "waiting";
  if (entered && (ret || !held)) return { text: callLine(entered, ret), waiting: !ret, error: !!(ret && ret.error) };
  const waits = held && row.conn.waiting(cursor)?.enter.call;
  if (waits) return { text: `${callLine(waits)} waiting`, waiting: true, error: false };
  return { text: "", waiting: false, error: false };
}

/**
 * Whose end of a connection the client is.
 * @param {Conn} conn
 * @param {boolean} watching whether the page looks on at a session that is not its own
 */
export function whose(conn, watching) {
  if (conn.as === "raw") return "raw client";
  if (/^(raw|scenario)-/.test(conn.client)) return "raw client";
  if (conn.as || conn.scripted || /^(reference|gorilla|naive|broken)-\d+$/.test(conn.client)) return watching ? "the other tab" : "your tab";
  return conn.client ? "client" : "client (outside)";
}

/**
 * What the lane of the clients is called, for the connections it shows.
 * @param {Iterable<Conn>} conns
 * @param {boolean} watching
 */
export function lane(conns, watching) {
  const names = [...new Set([...conns].map((c) => whose(c, watching)))];
  if (!names.length) return watching ? "client" : "your tab";
  return names.length === 1 ? names[0] : names.length === 2 && names.includes("your tab") ? "your tab, others" : "client";
}

/** Whether it is the place of what is of no connection: a hole in the recording. @param {Conn} conn */
export const nobody = (conn) => !conn.id && !conn.client;

/**
 * Whether a connection belongs to a mode. A broken server is neither
 * endpoint, so it shows beside whichever one is studied; the weekend server
 * has a mode of its own.
 * @param {Conn} conn
 * @param {Mode} mode
 */
export function belongs(conn, mode) {
  if (nobody(conn)) return true;
  const endpoint = conn.endpoint || ["gorilla", "naive"].find((e) => conn.client.includes(e)) || "";
  if (mode === "naive") return endpoint === "naive";
  if (endpoint === "naive") return mode === "all" || mode === "plays";
  if (mode === "reference") return endpoint !== "gorilla";
  if (mode === "gorilla") return endpoint !== "reference";
  return true;
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
