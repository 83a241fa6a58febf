/**
 * One action, the frames that it caused, and its result so far.
 *
 * An action leads to the first frame that its own side sends, not to the answer. A
 * button can name another frame. The page makes the sentence beside the button from
 * the present state, so the sentence never describes a connection that has closed
 * since.
 *
 * @typedef {import("./types.js").Action} Action
 * @typedef {import("./types.js").End} End
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./rows.js").Rows} Rows
 * @typedef {import("./predict.js").Question["about"]} About
 * @typedef {{endpoint: string, token: string}} Client
 * @typedef {{readyState: number, opened: boolean, close: {code: number, wasClean: boolean}|null}} Tab the state of a WebSocket of the page
 * @typedef {{rows: Rows, session: string, server: "there"|"gone"|"lost", holding: boolean, tab: (token: string) => Tab|undefined}} World
 * @typedef {{sign: "✔"|"×"|"…"|"", text: string}} Status
 */

import { upTo } from "./history.js";
import { heldAt } from "./shown.js";
import { matches } from "./predict.js";
import { capital, count } from "./format.js";

const most = 5000; // how many rows the page searches for the effects of an action
const apart = 5000; // how far back the server may have set a page's clock, in microseconds

/** @param {End} from @param {string} [opcode] @returns {About} */
const frame = (from, opcode) => (opcode ? { kind: "frame", from, opcode } : { kind: "frame", from });

/**
 * The events that an action causes from its own side, the best first.
 * @param {Action} a
 * @returns {About[]}
 */
export function caused(a) {
  const data = a.hex === undefined ? "text" : "binary";
  switch (a.do) {
    case "connect":
    case "raw-open":
      return [{ kind: "handshake", from: "client" }];
    case "send":
      return [frame("client", data)];
    case "close":
      return [frame("client", "close")];
    case "raw-bytes":
      return [frame("client")];
    case "raw-close":
      return [{ kind: "tcp", from: "client" }];
    case "scenario":
      // A refused scenario has only its request.
      return [frame("client"), { kind: "handshake", from: "client" }];
    case "ping":
    case "pong":
      return [frame("server", a.do)];
    case "say":
      return [frame("server", data)];
    case "fragments":
      return [frame("server", "text")];
    case "server-close":
      return [frame("server", "close")];
  }
  return [];
}

export class Act {
  /**
   * @param {Action} action
   * @param {string} session
   * @param {number} after seq of the last event before it
   */
  constructor(action, session, after) {
    this.action = action;
    this.session = session;
    this.after = after;
    /** @type {Client[]} */
    this.clients = [];
    /** @type {Map<string, number>} when JavaScript did the action, in microseconds, by token */
    this.at = new Map();
    this.size = 0; // bytes that the action sends
    this.note = ""; // why a client could not do the action
    this.asked = true; // whether the server has not accepted the order yet
    /** @type {Map<string, number>} seq of the last event when the server accepted the order, by token */
    this.began = new Map();
    /** @type {Map<string, {row: Row, best: boolean}>} the first frame that the action caused, by token */
    this.rows = new Map();
    /** @type {Set<string>} tokens whose first frame is known for certain */
    this.known = new Set();
    /** @type {Map<string, Row>} the row that the button names, by token */
    this.named = new Map();
  }

  /** Takes new rows. @param {Rows} rows */
  look(rows) {
    const wants = caused(this.action);
    const { shows } = this.action;
    for (const { token } of this.clients) {
      const conn = rows.byClient.get(token);
      const named = this.named.has(token) || !shows;
      if (!conn || !wants.length || (named && this.known.has(token))) continue;
      const after = this.began.get(token) ?? this.after;
      const from = upTo(rows.list, after);
      const own = rows.list.slice(from, from + most).filter((r) => r.conn === conn && r.event.seq > after);
      const found = wants.map((about) => own.find((r) => matches(about, r.event) && this.mine(token, r)));
      const row = found.find((r) => r);
      if (!row) {
        this.rows.delete(token);
        continue;
      }
      const best = row === found[0];
      this.rows.set(token, { row, best });
      if (best && !this.asked && (!this.at.has(token) || row.js)) this.known.add(token);
      if (named) continue;
      const play = rows.plays.byToken.get(token);
      const context = { endpoint: conn.endpoint, scenario: play ? play.scenario : this.action.name || "" };
      const other = shows && own.find((r) => r.seq >= row.seq && matches(shows, r.event, context));
      if (other) this.named.set(token, other);
    }
  }

  /** Whether no other call of the page is known to have sent a frame. @param {string} token @param {Row} row */
  mine(token, row) {
    const at = this.at.get(token);
    return at === undefined || !row.js || Math.abs(row.js.at - at) < apart;
  }

  /**
   * The row that the action leads to so far, and whether that row is final.
   * @param {string} endpoint the shown one of two
   * @returns {{row: Row|null, sure: boolean}}
   */
  target(endpoint) {
    const order = [...this.clients].sort((a, b) => Number(b.endpoint === endpoint) - Number(a.endpoint === endpoint));
    const { shows } = this.action;
    for (const [i, { token }] of order.entries()) {
      const own = this.rows.get(token);
      const named = this.named.get(token);
      const row = named || own?.row;
      if (!row) continue;
      return { row, sure: i === 0 && this.known.has(token) && (!shows || !!named) };
    }
    return { row: null, sure: false };
  }

  /**
   * The result of the action so far; null if there is nothing to say.
   * @param {World} world
   * @returns {Status|null}
   */
  status(world) {
    if (this.session !== world.session) return null;
    const there = world.server === "there";
    switch (this.action.do) {
      case "hold":
        return there && world.holding ? { sign: "✔", text: "The wire is held." } : null;
      case "run":
        return there && !world.holding ? { sign: "✔", text: "The wire is not held." } : null;
      case "step":
      case "back":
      case "restart":
        return null;
    }
    /** @type {Map<string, {status: Status, of: Client[]}>} */
    const told = new Map();
    for (const client of this.clients) {
      const status = this.one(client, world);
      const key = `${status.sign} ${status.text}`;
      const same = told.get(key) || { status, of: [] };
      same.of.push(client);
      told.set(key, same);
    }
    const list = [...told.values()];
    const text = [...list.map(({ status, of }) => fill(status.text, of)), this.note].filter(Boolean).join(" ");
    const signs = list.map(({ status }) => status.sign);
    const sign = this.note || signs.includes("×") ? "×" : signs.includes("…") ? "…" : signs.includes("") ? "" : "✔";
    return { sign, text };
  }

  /**
   * The result of the action so far for one client. In the text "%s" is the name of
   * the server, "%c" its connection, and "%v" the verb for that.
   * @param {Client} client
   * @param {World} world
   * @returns {Status}
   */
  one({ token }, world) {
    const { do: what } = this.action;
    const conn = world.rows.byClient.get(token);
    const tab = world.tab(token);
    const row = this.rows.get(token)?.row;
    const held = row ? heldAt(row, Infinity) : "";
    const over = tab ? tab.readyState === 3 : (!!conn && conn.overAt(Infinity)) || world.server === "lost";
    if (what === "connect" && tab) return connection(tab, !!conn?.held.length);
    if (what === "close" && over) return closed(tab);
    if (what === "raw-open") return rawConnection(conn?.response?.event.handshake?.status, over);
    if (what === "raw-close") return over ? { sign: "✔", text: "The raw client's TCP %c %v closed." } : { sign: "…", text: "The raw client is closing its TCP %c." };
    if (what === "scenario") return ran(this.action.name || "", world.rows.plays.byToken.get(token), world.server);
    const [doing, done] = words(what, this.size);
    if (held === "dropped") return { sign: "×", text: `Dropped on the wire: ${done} to %s, which never receives it.` };
    if (held === "waiting") return over ? { sign: "×", text: "Not delivered: the %c closed while the frame was held." } : { sign: "…", text: `Held on the wire: ${done}. Press → to release it.` };
    // A raw client may write bytes that are not a frame.
    const is = row || (what === "raw-bytes" && !this.asked);
    if (!is) return over ? { sign: "×", text: "Not sent: the %c closed first." } : { sign: "…", text: `${capital(doing)}.` };
    return over ? { sign: "", text: `${capital(done)}. The %c %v now closed.` } : { sign: "✔", text: `${capital(done)}.` };
  }
}

/** Names servers in a sentence. @param {string} text @param {Client[]} of */
function fill(text, of) {
  const names = of.map((c) => c.endpoint).join(" and ");
  return text.replaceAll("%c", `connection${of.length > 1 ? "s" : ""} to ${names}`).replaceAll("%v", of.length > 1 ? "are" : "is").replaceAll("%s", names);
}

/** What an action does and has done. @param {string} what @param {number} size @returns {[string, string]} */
function words(what, size) {
  switch (what) {
    case "send":
      return [`your page is sending ${count(size, "byte")}`, `your page sent ${count(size, "byte")}`];
    case "raw-bytes":
      return [`the raw client is writing ${count(size, "byte")}`, `the raw client wrote ${count(size, "byte")}`];
    case "close":
      return ["your browser is sending a Close frame", "your browser sent a Close frame"];
    case "ping":
      return ["the server is sending a Ping", "the server sent a Ping"];
    case "pong":
      return ["the server is sending a Pong", "the server sent a Pong"];
    case "server-close":
      return ["the server is sending a Close frame", "the server sent a Close frame"];
    case "fragments":
      return ["the server is sending fragments", "the server sent fragments"];
  }
  return ["the server is sending a message", "the server sent a message"];
}

/** @param {Tab} tab @param {boolean} held whether the tab's handshake waits on the wire @returns {Status} */
function connection(tab, held) {
  if (tab.readyState === 0) return { sign: "…", text: held ? "Connecting to %s. The handshake is held: press → to release it." : "Connecting to %s." };
  if (tab.readyState === 1) return { sign: "✔", text: "Connected to %s." };
  if (tab.readyState === 2) return { sign: "…", text: "Closing the %c." };
  if (!tab.opened) return { sign: "×", text: "Failed: the %c did not open." };
  return closed(tab);
}

/** @param {Tab} [tab] @returns {Status} */
function closed(tab) {
  const how = tab?.close ? ` with ${tab.close.code}${tab.close.wasClean ? "" : ", not clean"}` : "";
  return { sign: tab?.close && !tab.close.wasClean ? "×" : "", text: `The %c %v closed${how}.` };
}

/** @param {number|undefined} status of the response @param {boolean} over @returns {Status} */
function rawConnection(status, over) {
  if (status !== undefined && status !== 101) return { sign: "×", text: `Refused: %s answered the raw client with ${status}.` };
  if (over) return status ? { sign: "", text: "The raw client's %c %v now closed." } : { sign: "×", text: "Failed: the raw client's %c did not open." };
  return status ? { sign: "✔", text: "The raw client is connected to %s." } : { sign: "…", text: "The raw client is connecting to %s." };
}

/** @param {string} name @param {import("./play.js").Play|undefined} play @param {World["server"]} server @returns {Status} */
function ran(name, play, server) {
  if (play && play.over !== Infinity && !play.cut) return play.error ? { sign: "×", text: `Failed: the scenario ${name} ended early on %s.` } : { sign: "✔", text: `The raw client ran the scenario ${name} on %s.` };
  if (server === "lost") return { sign: "×", text: `Failed: the scenario ${name} did not end on %s.` };
  return { sign: "…", text: `The raw client is running the scenario ${name} on %s.` };
}
