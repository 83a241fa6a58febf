/**
 * One connection seen from both its ends: six lanes (JavaScript, WebSocket and
 * TCP of the client, and those of the server with its Go code). Time runs
 * downwards. An end's state is the one that the end can know at that moment. The
 * picture is a function of the rows up to the cursor.
 *
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./rows.js").Rows} Rows
 * @typedef {import("./connection.js").Conn} Conn
 * @typedef {import("./types.js").State} State
 *
 * @typedef {"open"|"FIN sent"|"FIN got"|"closed"|"reset"} TcpState
 * @typedef {{clientWs: State|"", clientTcp: TcpState|"", serverTcp: TcpState|"", serverWs: State|""}} Known
 * @typedef {keyof Known} Lane
 * @typedef {{kind: "handshake"|"frame"|"close"|"fin"|"rst"|"note", from: "client"|"server", text: string,
 *   stays: "waiting"|"dropped"|""}} Arrow
 * @typedef {{kind: "row"|"step"|"gap", seq: number, at: number, js: string, go: string, failed: boolean,
 *   waits: boolean, arrow: Arrow|null, text: string, say: string, known: Known}} Line
 * @typedef {{lane: Lane, state: string, from: number, to: number}} Bar from and to are indices of lines, both within
 * @typedef {{lines: Line[], bars: Bar[], last: number}} Picture last: microseconds of the newest line
 */

import { upTo } from "./history.js";
import { count, frameParts, handshakeParts, line, quote } from "./format.js";
import { goAt, heldAt, jsAt, stepAt } from "./shown.js";

const quiet = 250_000; // the shortest time without an event that the picture shows, in microseconds

/** @type {Lane[]} */
export const lanes = ["clientWs", "clientTcp", "serverTcp", "serverWs"];

/** A duration in a suitable unit. @param {number} us */
export function span(us) {
  if (us < 1_000_000) return `${Math.round(us / 1000)} ms`;
  return us < 120_000_000 ? `${(us / 1e6).toFixed(1)} s` : `${Math.floor(us / 6e7)} min ${Math.round((us % 6e7) / 1e6)} s`;
}

/** The rows of one client's connection, and the steps of its play. */
export class Ends {
  /** @param {string} token of the client */
  constructor(token) {
    this.token = token;
    /** @type {Row[]} */
    this.list = [];
    this.taken = 0;
  }

  /** @param {Rows} rows */
  sync(rows) {
    for (this.taken = Math.max(this.taken, rows.gone); this.taken < rows.total; this.taken++) {
      const row = rows.list[this.taken - rows.gone];
      if (row.conn.client === this.token) this.list.push(row);
    }
  }

  /** The connection; undefined until it is recorded. */
  get conn() {
    return this.list.find((r) => r.conn.id)?.conn || null;
  }

  /**
   * @param {number} cursor
   * @param {number} [settled] seq at which the last step of its play was finished
   * @returns {Picture}
   */
  picture(cursor, settled = Infinity) {
    return picture(this.list.slice(0, upTo(this.list, cursor)), cursor, settled);
  }
}

/**
 * @param {Row[]} list the rows of one connection up to the cursor
 * @param {number} cursor
 * @param {number} settled seq after which the play only closes both ends
 * @returns {Picture}
 */
function picture(list, cursor, settled = Infinity) {
  /** @type {Line[]} */
  const lines = [];
  const fold = new Fold();
  let last = -1;
  let tidied = false;
  let unread = false; // whether the server has not read the client's FIN
  let dead = false; // whether the network is silent, so sent bytes do not arrive
  list.forEach((row, i) => {
    const gap = last < 0 ? 0 : row.at - last;
    // Before a step that waited for the learner, the learner caused the silence.
    const own = !!row.mark && row.mark.ready < row.mark.begin;
    if (gap >= quiet) lines.push(blank("gap", row.seq, last, own ? `${span(gap)} until your step` : `${span(gap)} without an event`, fold.known));
    // The clocks of the browser and of Go differ a little. Time must never go back.
    const at = (last = Math.max(last, row.at));
    if (row.seq > settled && !tidied && !row.event.step) lines.push(blank("step", row.event.seq, at, "the run is over: both ends are closed", fold.known));
    tidied = row.seq > settled;
    const step = stepAt(row, cursor);
    if (step) {
      dead = dead || /^wire silent\b/.test(step.command);
      lines.push({ ...blank("step", row.event.seq, at, [step.number, step.command].filter(Boolean).join(" · "), fold.known), say: step.say, failed: step.failed });
      // If the server does not read a FIN, only its sender records it.
      if (!hangsUp.test(step.command) || step.doing || row.conn.as !== "scenario" || dead || finWithin(list, i)) return;
      fold.hangUp();
      unread = true;
      lines.push({ ...blank("row", row.event.seq, at, "", fold.known), arrow: { kind: "fin", from: "client", text: "FIN · not read yet", stays: "" } });
      return;
    }
    const arrow = arrowOf(row, cursor, dead, fold);
    if (unread && arrow?.kind === "fin" && arrow.from === "client") Object.assign(arrow, { kind: "note", text: "read only now: FIN" });
    fold.take(row, cursor, dead, i + 1 < list.length ? list[i + 1].seq - 1 : cursor);
    const go = goAt(row, cursor);
    lines.push({ ...blank("row", row.event.seq, at, "", fold.known), js: jsAt(row, cursor), go: go.text, failed: go.error, waits: go.waiting, arrow });
  });
  return { lines, bars: bars(lines), last: Math.max(last, 0) };
}

const hangsUp = /^(tcp close|tcp half|leave)$/;

/** Whether the FIN of a step was recorded before the next step. @param {Row[]} list @param {number} i */
function finWithin(list, i) {
  for (let k = i + 1; k < list.length && !list[k].event.step; k++) if (list[k].event.from === "client" && ["fin", "rst"].includes(list[k].event.tcp?.what || "")) return true;
  return false;
}

/** @param {Line["kind"]} kind @param {number} seq @param {number} at @param {string} text @param {Known} known @returns {Line} */
const blank = (kind, seq, at, text, known) => ({ kind, seq, at, js: "", go: "", failed: false, waits: false, arrow: null, text, say: "", known: { ...known } });

/**
 * The arrow of a row: the bytes that one end sent, or tried to send, to the other.
 * @param {Row} row
 * @param {number} cursor
 * @param {boolean} dead
 * @param {Fold} fold the state of each end before
 * @returns {Arrow|null}
 */
function arrowOf(row, cursor, dead, fold) {
  const { event: e } = row;
  const { known } = fold;
  const held = heldAt(row, cursor);
  const stays = held === "waiting" ? held : held === "dropped" || held === "unsent" || (dead && e.tcp) ? "dropped" : "";
  const { from } = e;
  if (row.unread && e.script) {
    const { what, code, text, size } = e.script;
    const told = what === "close" ? `CLOSE ${code ?? ""}`.trim() : text === undefined ? count(size || 0, "byte") : quote(text, 20);
    return { kind: what === "close" ? "close" : "frame", from, text: `${told} · not read yet`, stays };
  }
  if (e.frame) {
    const p = frameParts(e.frame);
    const text = [p.kind, p.said || p.size, p.cut].filter(Boolean).join(" ") + p.bad.map((b) => ` × ${b}`).join("");
    // The picture already shows its arrival, at the moment of sending.
    if (row.sent) return { kind: "note", from, text: `read only now: ${text}, sent ${span(row.at - row.sent.at)} earlier`, stays };
    return { kind: e.frame.header.opcode === 8 ? "close" : "frame", from, text, stays };
  }
  if (e.handshake) return { kind: "handshake", from, text: handshakeParts(e.handshake).line.replace(/ HTTP\/\S+$/, ""), stays };
  if (!e.tcp) return e.unsent || e.unread || e.dropped ? { kind: "note", from, text: line(e), stays } : null;
  switch (e.tcp.what) {
    case "open":
      return { kind: "note", from, text: "TCP connection", stays };
    case "fin":
      return { kind: "fin", from, text: "FIN", stays };
    case "closed":
      if (from === "server" && fold.unseen) return { kind: "fin", from, text: "socket closed: FIN or RST", stays };
      // An end sends FIN only once, and never after a RST.
      return row.conn.reset < e.seq || ["FIN sent", "closed"].includes(known[from === "client" ? "clientTcp" : "serverTcp"]) ? { kind: "note", from, text: "socket closed", stays } : { kind: "fin", from, text: "FIN, socket closed", stays };
    case "rst":
      return { kind: "rst", from, text: "RST", stays };
  }
  return { kind: "note", from, text: e.tcp.error?.text || "error", stays };
}

/** The state that each end can know, computed row by row. */
class Fold {
  constructor() {
    /** @type {Known} */
    this.known = { clientWs: "", clientTcp: "", serverTcp: "", serverWs: "" };
    this.drained = false; // the server has read the client's last bytes: its Close frame or its FIN
    this.parted = false; // the server has closed TCP, and the recording does not show how the client noticed
  }

  /**
   * Whether the recording does not show how the server's close() ends TCP. If a
   * socket holds unread bytes, the kernel sends RST instead of FIN. The recording
   * does not have the bytes that arrive after the server's last read.
   */
  get unseen() {
    return !this.drained && this.known.serverTcp === "open";
  }

  /**
   * @param {Row} row
   * @param {number} cursor
   * @param {boolean} dead
   * @param {number} until the last seq before the next row
   */
  take(row, cursor, dead, until) {
    const { known: k } = this;
    const { event: e, conn } = row;
    const stays = heldAt(row, cursor);
    const crossed = stays !== "waiting" && stays !== "dropped" && stays !== "unsent" && !dead;
    const told = (e.script || row.js?.script)?.what;
    if (told === "new WebSocket" || told === "dial") this.client("CONNECTING");
    if (told === "close") this.client("CLOSING");
    if (e.handshake && !k.clientWs) this.client("CONNECTING");
    if (e.handshake?.status === 101 && crossed) this.client("OPEN");
    if (e.frame?.header.opcode === 8 && (e.from === "client" || crossed)) this.client("CLOSING");
    if (e.from === "client" && crossed && (e.frame?.header.opcode === 8 || e.tcp?.what === "fin")) this.drained = true;
    if (e.tcp) this.tcp(e.tcp.what, e.from, crossed);
    if (told === "onclose" || told === "leave") {
      this.client("CLOSED");
      // The browser has also closed TCP. The server notices at its next read.
      k.clientTcp = k.clientTcp === "open" && !this.parted ? "FIN sent" : k.clientTcp === "FIN got" || this.parted ? "closed" : k.clientTcp;
    }
    // A raw client reports how its reading ended.
    if (this.parted && e.script?.what === "read") k.clientTcp = /reset/.test(e.script.text || "") ? "reset" : ["FIN sent", "closed"].includes(k.clientTcp) ? "closed" : "FIN got";
    // Without JavaScript, the client ends with its TCP connection.
    if (!conn.scripted && k.clientWs && (k.clientTcp === "closed" || k.clientTcp === "reset")) this.client("CLOSED");
    const server = conn.stateAt("server", Math.min(until, cursor));
    if (server) k.serverWs = server.state;
    else if (k.serverTcp === "closed" && k.serverWs) k.serverWs = "CLOSED";
  }

  /** The client has sent a FIN that the server's code has not read. */
  hangUp() {
    const { known: k } = this;
    k.clientTcp = k.clientTcp === "FIN got" ? "closed" : k.clientTcp === "open" ? "FIN sent" : k.clientTcp;
  }

  /** States only advance. @param {State} state */
  client(state) {
    const order = ["", "CONNECTING", "OPEN", "CLOSING", "CLOSED"];
    if (order.indexOf(state) > order.indexOf(this.known.clientWs)) this.known.clientWs = state;
  }

  /** @param {string} what @param {"client"|"server"} from @param {boolean} crossed */
  tcp(what, from, crossed) {
    const { known: k } = this;
    const [mine, theirs] = from === "client" ? /** @type {const} */ (["clientTcp", "serverTcp"]) : /** @type {const} */ (["serverTcp", "clientTcp"]);
    if (what === "open") k.clientTcp = k.serverTcp = "open";
    else if (what === "rst") {
      k[mine] = "closed";
      if (crossed) k[theirs] = "reset";
    } else if (what === "closed" && from === "server" && this.unseen) {
      k.serverTcp = "closed";
      this.parted = crossed;
    } else if (what === "fin" || what === "closed") {
      k[mine] = what === "closed" || k[mine] === "FIN got" ? "closed" : k[mine] === "open" ? "FIN sent" : k[mine];
      if (crossed) k[theirs] = k[theirs] === "open" ? "FIN got" : k[theirs] === "FIN sent" ? "closed" : k[theirs];
    }
  }
}

/** @param {Line[]} lines @returns {Bar[]} */
function bars(lines) {
  return lanes.flatMap((lane) => {
    /** @type {Bar[]} */
    const out = [];
    lines.forEach(({ known }, i) => {
      const state = known[lane];
      const open = out[out.length - 1];
      if (open && open.state === state) open.to = i;
      else out.push({ lane, state, from: i, to: i });
    });
    return out.filter((b) => b.state);
  });
}

/**
 * A line in words, for a screen reader.
 * @param {Line} l
 * @param {number} start time at which the picture begins, in microseconds
 */
export function words(l, start) {
  const at = `${((l.at - start) / 1000).toFixed(1)} ms`;
  if (l.kind === "gap") return l.text;
  if (l.kind === "step") return `${/^\d/.test(l.text) ? "step " : ""}${l.text}${l.say ? `: ${l.say}` : ""}`;
  const a = l.arrow;
  const wire = a && (a.kind === "note" ? a.text : `${a.from} to ${a.from === "client" ? "server" : "client"}: ${a.text}${a.stays === "waiting" ? ", held" : a.stays === "dropped" ? ", never arrives" : ""}`);
  return [at, l.js && `client: ${l.js}`, wire, l.go && `server: ${l.go}`].filter(Boolean).join(", ");
}
