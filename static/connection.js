/**
 * One connection as the recording shows it: its states, its calls, the frames held
 * at the valve, the kind of its client, and the modes that show it.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").End} End
 * @typedef {import("./types.js").As} As
 * @typedef {import("./types.js").Mode} Mode
 * @typedef {import("./types.js").State} State
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./rows.js").GoCall} GoCall
 */

import { upTo } from "./history.js";

/** The servers that the lab runs. */
export const servers = ["reference", "gorilla", "naive"];

/** One connection. */
export class Conn {
  /** @param {number} id */
  constructor(id) {
    this.id = id;
    this.endpoint = "";
    this.client = "";
    /** @type {As|""} who the client is */
    this.as = "";
    this.round = 0; // shared by the connections that one action opened; 0 for none
    this.nth = 0; // its place among the connections to the same endpoint in its round
    this.path = "";
    this.remote = "";
    /** @type {{seq: number, side: End, state: State, why: string}[]} */
    this.states = [];
    /** @type {GoCall[]} */
    this.reads = [];
    /** Whether the client's own JavaScript reports its state. */
    this.scripted = false;
    /** @type {Map<number, GoCall>} calls without a return, by id */
    this.open = new Map();
    /** @type {Map<number, LabEvent>} reports that a later event will name, by seq, oldest first */
    this.waits = new Map();
    /** @type {import("./play.js").Play|null} the play of its client */
    this.play = null;
    /** @type {Row|null} */
    this.response = null;
    /** @type {Row[]} rows that the valve holds now, oldest first */
    this.held = [];
    /** @type {LabEvent[]} the call stacks at its Reads and Writes */
    this.stacks = [];
    this.ended = Infinity; // seq at which its TCP connection ended
    this.reset = Infinity; // seq of the RST that ended it
  }

  /** Whether it never carries WebSocket: plain HTTP, or the raw TCP chat. */
  get plain() {
    return this.endpoint === "http" || this.endpoint === "tcp";
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

  /** Whether the TCP connection had ended at the cursor. @param {number} cursor */
  overAt(cursor) {
    return this.ended !== Infinity && this.ended <= cursor;
  }

  /** The Read in which the Go code waits at the cursor. @param {number} cursor */
  waiting(cursor) {
    for (let i = this.reads.length - 1; i >= 0; i--) {
      const r = this.reads[i];
      if (r.enter.seq <= cursor) return !r.ret || r.ret.seq > cursor ? r : null;
    }
    return null;
  }

  /**
   * Drops the rows that were finished at seq. Held rows stay.
   * @param {number} seq
   */
  forget(seq) {
    // For each side, keep the last state before seq.
    const was = new Set([this.stateAt("client", seq), this.stateAt("server", seq)]);
    this.states = this.states.filter((s) => s.seq > seq || was.has(s));
    this.reads = this.reads.filter((r) => !r.ret || r.ret.seq > seq);
    this.stacks = this.stacks.filter((e) => e.seq > seq);
    for (const of of this.waits.keys()) if (of <= seq) this.waits.delete(of);
  }
}

/**
 * The name of the client of a connection.
 * @param {Conn} conn
 * @param {boolean} watching whether the session belongs to another page
 */
export function whose(conn, watching) {
  if (conn.as === "tab") return watching ? "the other page" : "your page";
  if (conn.as === "raw" || conn.as === "scenario") return "raw client";
  return conn.as === "outside" ? "client (outside)" : "client";
}

/**
 * The name of the clients' lane, which depends on the connections in it.
 * @param {Iterable<Conn>} conns
 * @param {boolean} watching
 */
export function lane(conns, watching) {
  const names = [...new Set([...conns].map((c) => whose(c, watching)))];
  if (!names.length) return watching ? "client" : "your page";
  return names.length === 1 ? names[0] : names.length === 2 && names.includes("your page") ? "your page, others" : "client";
}

/**
 * The run of a ws-doors block that a raw client belongs to, "" for none. The server
 * calls its client RUN-ENDPOINT-ROUND.
 * @param {Conn} conn
 */
export const runOf = (conn) => (conn.client.endsWith(`-${conn.endpoint}-${conn.round}`) ? conn.client.slice(0, -`-${conn.endpoint}-${conn.round}`.length) : "");

/** Whether it is a gap in the recording, which has no connection. @param {Conn} conn */
export const nobody = (conn) => !conn.id && !conn.client;

/**
 * Whether a mode shows a connection. A broken server shows in the modes of both
 * endpoints; the naive server has a mode of its own.
 * @param {Conn} conn
 * @param {Mode} mode
 */
export function belongs(conn, mode) {
  if (nobody(conn)) return true;
  const { endpoint } = conn;
  if (mode === "naive") return endpoint === "naive";
  if (endpoint === "naive") return mode === "all" || mode === "plays";
  if (mode === "reference") return endpoint !== "gorilla";
  if (mode === "gorilla") return endpoint !== "reference";
  return true;
}
