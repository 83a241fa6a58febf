/**
 * One recording session: its stream and API, and the recording as the page
 * holds it. It sends "change" at most once a frame, "events" with each batch of
 * new events, "fresh" when the recording begins again, and "live" when the
 * stream is connected.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {"there"|"gone"|"lost"} Server gone: it does not answer; lost: it does not know the session
 */

import { ApiError, Stream, away, call, sessionPath, words } from "./api.js";
import { History } from "./history.js";
import { Rows } from "./rows.js";

export class Session extends EventTarget {
  id = ""; // "" until the server has begun it
  starting = Promise.resolve(); // until the session has been asked for
  /** @type {import("./api.js").StreamStatus} */
  status = "connecting";
  /** @type {Stream|null} */
  stream = null;
  history = new History();
  rows = new Rows();
  epoch = 0; // ms since 1970 at which the session's clock was 0
  refusal = ""; // why the server would begin no session, in its words
  watching = false; // whether the session belongs to another page
  resumed = false; // whether the recording is from before a reload of the page
  returned = false; // whether the browser closed the page's connections when it was left
  holding = false; // whether the valve holds the wire
  wantHold = false; // whether a new session begins with a held wire
  turns = 0; // of the valve, by this page

  /** @type {{kind: "info"|"error", text: string}} the result of the last action */
  notice = { kind: "info", text: "" };
  /** @type {Server} whether the server was there when that was said */
  noticed = "there";
  acted = 0; // how many actions were tried
  scheduled = false;

  // ——— telling the elements ———

  /** Tells the elements, once a frame however often it is called. */
  touch() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.dispatchEvent(new Event("change"));
    });
  }

  /**
   * Calls fn at every change, and once now.
   * @param {() => void} fn
   * @param {AbortSignal} signal
   */
  observe(fn, signal) {
    this.addEventListener("change", fn, { signal });
    fn();
  }

  /** @param {string} text @param {"info"|"error"} [kind] */
  say(text, kind = "info") {
    this.notice = { kind, text };
    this.noticed = this.server;
    this.touch();
  }

  /** Whether the lab server is there. @returns {Server} */
  get server() {
    return this.status === "gone" || this.status === "lost" ? this.status : "there";
  }

  /** A refusal is true until something else is done, or the server comes or goes. */
  get moment() {
    return `${this.id} ${this.acted} ${this.server}`;
  }

  /** Throws when there is no server, or no session any more, to do anything. */
  alive() {
    if (this.status === "lost") throw new Error("This session is over. Press Start new session, then Connect.");
    if (this.status === "gone") throw new Error("The lab server does not answer. Start it again with go run ./labserver.");
  }

  // ——— beginning and ending ———

  /** Begins a session with nothing recorded yet. Asks again while the server is away. */
  async fresh() {
    try {
      const before = performance.now();
      const answer = await call("/api/sessions", {});
      this.epoch = clockAt(before, answer.now);
      this.setClock(performance.now() - before, answer.session);
      this.reset();
      this.listen(answer.session);
      this.holding = false;
      if (this.wantHold) await this.valve("hold");
      this.refusal = "";
    } catch (e) {
      // A server that refuses is there, and says why.
      if (e instanceof ApiError && away(e.status)) this.status = "gone";
      else this.say((this.refusal = words(e)), "error");
      this.touch();
      setTimeout(() => this.id || this.fresh(), 2000);
    }
  }

  /** Empties the recording. */
  reset() {
    this.history = new History();
    this.rows = new Rows();
    this.dispatchEvent(new Event("fresh"));
  }

  /** Shows the session of another page. @param {string} id */
  watch(id) {
    if (this.stream) this.stream.close(); // another session was watched before
    this.reset();
    this.watching = true;
    this.listen(id);
  }

  /**
   * Continues the session that this page had before a reload.
   * @param {{id: string, holding: boolean, epoch: number}} kept
   */
  resume({ id, holding, epoch }) {
    this.holding = holding;
    this.epoch = epoch;
    this.resumed = true;
    this.listen(id);
  }

  /** Leaves the session and begins another with an empty recording. */
  async restart() {
    this.wantHold = this.wantHold || this.holding;
    const left = this.id;
    const held = this.holding || [...this.rows.conns.values()].some((c) => c.held.length);
    if (this.stream) this.stream.close();
    this.status = "connecting";
    this.id = "";
    this.resumed = this.returned = false;
    this.reset();
    history.replaceState(null, "", location.pathname + location.search);
    this.say("");
    this.starting = this.fresh();
    // A closed valve would keep the Close frames, and with them the connections.
    if (left && held) await call(`${sessionPath(left)}/valve`, { do: "run" }).catch(() => {});
    await this.starting;
  }

  /**
   * Asks again for the server's time: the quicker the answer, the better the
   * two clocks are set to each other.
   * @param {number} trip ms that the answer took by which they are set
   * @param {string} session
   */
  async setClock(trip, session) {
    for (let i = 0; i < 8 && trip > 0.5; i++) {
      const before = performance.now();
      const answer = await call(sessionPath(session)).catch(() => null);
      const took = performance.now() - before;
      if (!answer || session !== this.id) return;
      if (took < trip) {
        trip = took;
        this.epoch = clockAt(before, answer.now);
      }
    }
  }

  /** Microseconds on the session's clock. */
  now() {
    return Math.max(0, Math.round((performance.timeOrigin + performance.now() - this.epoch) * 1000));
  }

  // ——— the stream ———

  /** @param {string} session */
  listen(session) {
    this.id = session;
    this.status = "connecting";
    this.stream = new Stream(
      session,
      () => this.history.last,
      (batch) => this.take(batch),
      (status) => this.streamStatus(status),
    );
    this.setHidden(document.hidden);
    this.touch();
  }

  /** @param {boolean} hidden */
  setHidden(hidden) {
    if (this.stream) this.stream.setHidden(hidden);
  }

  /** @param {import("./api.js").StreamStatus} status */
  streamStatus(status) {
    // Right after a reload, a recording that is gone is replaced by a fresh one.
    if (status === "lost" && this.resumed && !this.history.events.length) {
      this.resumed = false;
      this.say("The server no longer has the recording from before the reload, so this is a new session.");
      this.fresh();
      return;
    }
    this.status = status;
    // Nothing more is recorded of a play that was under way.
    if (status === "lost") for (const play of this.rows.plays.byId.values()) play.cutOff(this.history.last);
    if (status === "live") {
      this.dispatchEvent(new Event("live"));
      if (this.watching || this.resumed) this.askHolding();
    }
    this.touch();
  }

  /** Asks whether the wire is held, of a session that this page did not begin. */
  async askHolding() {
    const { id, turns } = this;
    try {
      /** @type {import("./types.js").SessionState} */
      const state = await call(sessionPath(id));
      if (id === this.id && turns === this.turns) this.holding = state.holding;
    } catch {
      // The stream reports a server or a session that is gone.
    }
    this.touch();
  }

  /** @param {LabEvent[]} batch */
  take(batch) {
    const fresh = this.history.append(batch);
    if (!fresh.length) return;
    this.rows.append(fresh);
    this.forget();
    this.dispatchEvent(new CustomEvent("events", { detail: fresh }));
    this.touch();
  }

  /** Drops the oldest events when there are more than the page keeps. */
  forget() {
    const { cursor } = this.history;
    const gap = this.history.trim();
    if (!gap) return;
    this.rows.forget(gap);
    if (cursor !== this.history.cursor) {
      this.say("This part of the recording has been discarded. Hold the wire to stop new rows, or press Run to go to the newest.");
    }
  }

  /** The events of a play's connection and the reports of its client, in order. @param {import("./play.js").Play} play */
  eventsOf(play) {
    const { history, rows } = this;
    const conn = rows.byClient.get(play.token);
    return history.events.slice(history.count(play.seq - 1)).filter((e) => (conn && e.conn === conn.id) || e.script?.client === play.token);
  }

  // ——— the API ———

  /** @param {string} what @param {object} body */
  post(what, body) {
    return call(`${sessionPath(this.id)}/${what}`, body);
  }

  /** @param {string} what @param {string[]} [clients] */
  async valve(what, clients) {
    this.alive();
    this.turns++;
    await this.post("valve", { do: what, clients });
    if (what === "hold" || what === "run") this.holding = what === "hold";
    this.touch();
  }
}

/**
 * When the server's clock was at 0, in ms since 1970: the server read its clock
 * half-way between the request and now.
 * @param {number} asked
 * @param {number} told microseconds
 */
const clockAt = (asked, told) => performance.timeOrigin + (asked + performance.now()) / 2 - told / 1000;
