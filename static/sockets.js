/**
 * The page's own WebSockets, and the reports of its JavaScript's calls and events
 * for the recording.
 *
 * @typedef {import("./act.js").Act} Act
 * @typedef {import("./types.js").Action} Action
 * @typedef {{token: string, endpoint: string, n: number, ws: WebSocket}} Socket n: the round in which it was opened
 * @typedef {{ws: WebSocket, opened: boolean, close: {code: number, wasClean: boolean}|null}} Own
 */

import { ApiError, away } from "./api.js";
import { hexBytes } from "./hex.js";
import { reasonNeedsCode } from "./forms.js";

const maxUnsent = 1000;

export class Sockets {
  /** @type {Map<string, Socket>} the newest socket of each endpoint */
  newest = new Map();
  /** @type {Map<string, Own>} all sockets that this page has opened since it was loaded, by token */
  byToken = new Map();
  round = 0;
  /** @type {object[]} reports that the server does not have yet */
  unsent = [];
  sending = false;

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./cursor.js").Cursor} cursor
   */
  constructor(session, cursor) {
    this.session = session;
    this.cursor = cursor;
    session.addEventListener("fresh", () => this.reset());
    session.addEventListener("live", () => this.flush());
  }

  reset() {
    this.unsent = [];
    this.newest.clear();
  }

  /** The newest sockets of the mode that are not closed yet. */
  open() {
    const mine = [...this.newest.values()].filter((s) => s.ws.readyState < WebSocket.CLOSED);
    return mine.filter((s) => this.cursor.endpoints.includes(s.endpoint) || s.endpoint.startsWith("broken/"));
  }

  /** Whether any socket of the page is not closed yet. */
  get some() {
    return [...this.newest.values()].some((s) => s.ws.readyState < WebSocket.CLOSED);
  }

  closeAll() {
    for (const s of this.newest.values()) s.ws.close();
  }

  /**
   * Whether a socket of this page is closed, but the recording does not show it
   * because the server does not answer.
   * @param {import("./connection.js").Conn} conn
   */
  cut(conn) {
    if (this.session.server === "there") return false;
    return ![...this.newest.values()].some((s) => s.token === conn.client && s.ws.readyState < WebSocket.CLOSED);
  }

  /** The sockets that can send. Throws if there are none. */
  ready() {
    const open = this.open();
    if (!open.length) throw new Error("No connection is open. Press Connect first.");
    const ready = open.filter((s) => s.ws.readyState === WebSocket.OPEN);
    if (ready.length) return ready;
    if (open.some((s) => s.ws.readyState === WebSocket.CONNECTING)) {
      throw new Error(
        this.cursor.waiting().length
          ? "The handshake is held, so the connection is not open yet. Press → to release it."
          : "The handshake is not complete yet, so the connection is not open.",
      );
    }
    throw new Error("The connection is closing, so the browser sends no more data.");
  }

  /** Opens a socket to each endpoint to which this page has none. @param {Act} act @param {string[]} endpoints */
  connect(act, endpoints) {
    const { rows } = this.session;
    const open = new Map(this.open().map((s) => [s.endpoint, s]));
    const missing = endpoints.filter((e) => !open.has(e));
    if (!missing.length) throw new Error("You are already connected. Close the connection to open another.");
    for (const { round } of rows.conns.values()) this.round = Math.max(this.round, round);
    // The second of two endpoints gets the round of the first, so that the page
    // shows the two side by side.
    const partner = endpoints.length > 1 ? open.get(endpoints.find((e) => open.has(e)) || "") : undefined;
    let n = partner ? partner.n : ++this.round;
    if (missing.some((e) => rows.byClient.has(`${e.split("/")[0]}-${n}`))) n = ++this.round;
    act.clients = missing.map((endpoint) => ({ endpoint, token: `${endpoint.split("/")[0]}-${n}` }));
    for (const { endpoint, token } of act.clients) this.newest.set(endpoint, { token, endpoint, n, ws: this.dial(endpoint, token, WebSocket, n) });
  }

  /**
   * Opens a WebSocket and reports the calls and events of JavaScript.
   * @param {string} endpoint
   * @param {string} token
   * @param {typeof WebSocket} [Socket] the constructor of the window that will own the socket
   * @param {number} [round] sockets of one round are shown side by side
   * @param {string} [path] of the WebSocket, if the server chose it
   */
  dial(endpoint, token, Socket = WebSocket, round = 0, path = "") {
    const { session } = this;
    const { id } = session;
    const origin = location.origin.replace(/^http/, "ws");
    const url = path ? new URL(path, origin).href : `${origin}/ws/${endpoint}?session=${encodeURIComponent(id)}&client=${token}${round ? `&round=${round}` : ""}`;
    /** @param {string} what @param {object} [more] */
    const tell = (what, more) => id === session.id && this.report({ client: token, what, readyState: ws.readyState, ...more });
    const began = session.now();
    const ws = new Socket(url);
    ws.binaryType = "arraybuffer";
    /** @type {Own} */
    const own = { ws, opened: false, close: null };
    this.byToken.set(token, own);
    this.report({ client: token, at: began, what: "new WebSocket", text: `/ws/${endpoint}`, endpoint, round: round || undefined, readyState: ws.readyState });
    ws.onopen = () => {
      own.opened = true;
      tell("onopen");
      session.touch();
    };
    ws.onmessage = (e) => {
      if (typeof e.data === "string") tell("onmessage", { text: e.data.slice(0, 200), size: new Blob([e.data]).size });
      else tell("onmessage", { size: e.data.byteLength });
    };
    ws.onerror = () => tell("onerror");
    ws.onclose = (e) => {
      const { code, reason, wasClean } = e;
      own.close = { code, wasClean };
      tell("onclose", { code, reason, wasClean });
      if (!own.opened && session.server === "there") {
        session.say(
          `The browser refused or lost the handshake. Your JavaScript receives only an error event and a close event with code ${code}${reason ? "" : " and no reason"}. Browsers never report the cause to a script. The log of this lab names the rule that the response broke; Chromium names the cause in its console (F12).`,
          "error",
        );
      }
      session.touch();
    };
    return ws;
  }

  /** @param {Action} a @param {Act} act */
  send(a, act) {
    const ready = this.ready();
    act.clients = ready;
    for (const s of ready) {
      const { at, size } = this.sendOn(s.ws, s.token, a);
      act.at.set(s.token, at);
      act.size = size;
    }
  }

  /**
   * Sends text, or bytes if hex is given, and reports the call.
   * @param {WebSocket} ws
   * @param {string} token
   * @param {{text?: string, hex?: string, repeat?: number}} of
   */
  sendOn(ws, token, { text, hex, repeat }) {
    const data = hex !== undefined && text === undefined && !repeat ? hexBytes(hex) : null;
    const written = repeat ? "a".repeat(repeat) : text || "";
    const size = data ? data.length : new Blob([written]).size;
    const at = this.session.now();
    ws.send(data || written);
    this.report({ client: token, at, what: "send", readyState: ws.readyState, ...(data ? {} : { text: written.slice(0, 200) }), size });
    return { at, size };
  }

  /** @param {Action} a @param {Act} act */
  close(a, act) {
    reasonNeedsCode(a.code, a.reason);
    const open = this.open();
    if (!open.length) throw new Error("No connection is open, so there is nothing to close.");
    let refused = "";
    act.clients = open;
    for (const s of open) {
      act.at.set(s.token, this.session.now());
      const thrown = this.closeOn(s.ws, s.token, a.code, a.reason);
      if (thrown) refused = `The browser threw ${thrown}`;
    }
    if (refused) throw new Error(refused);
  }

  /**
   * Calls close() and reports the call. Returns the exception that the browser
   * threw, or "".
   * @param {WebSocket} ws
   * @param {string} token
   * @param {number} [code]
   * @param {string} [reason]
   */
  closeOn(ws, token, code, reason) {
    const at = this.session.now();
    try {
      if (code !== undefined) ws.close(code, reason || "");
      else ws.close();
    } catch (e) {
      const thrown = e instanceof Error ? `${e.name}: ${e.message}` : String(e);
      this.report({ client: token, at, what: "error", text: `close(${code}) threw ${thrown}` });
      return thrown;
    }
    this.report({ client: token, at, what: "close", code, reason: reason || undefined, readyState: ws.readyState });
    return "";
  }

  // ——— reports for the recording ———

  /** @param {{client: string, what: string, at?: number, [more: string]: unknown}} event */
  report(event) {
    if (this.unsent.length < maxUnsent) this.unsent.push({ at: this.session.now(), ...event });
    this.flush();
  }

  async flush() {
    const { session } = this;
    if (this.sending || !session.id) return;
    this.sending = true;
    // Reports made in one turn of the event loop are sent in one request.
    await Promise.resolve();
    while (this.unsent.length && session.id) {
      const { id } = session;
      const batch = this.unsent;
      this.unsent = [];
      try {
        await session.post("script", batch);
      } catch (e) {
        // Without an answer, keep the reports until the stream is back. A refusal is final.
        if (e instanceof ApiError && away(e.status) && id === session.id) this.unsent = [...batch, ...this.unsent];
        break;
      }
    }
    this.sending = false;
  }
}
