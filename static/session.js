/**
 * One recording session: its stream and API, and the recording as the page
 * holds it. It sends "change" at most once a frame, "events" with each batch of
 * new events, "fresh" when a new recording begins, and "live" when the stream is
 * connected.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {"there"|"gone"|"lost"} Server gone: the server does not answer; lost: the server does not know the session
 */

import { ApiError, Stream, away, call, sessionPath, words } from "./api.js";
import { History } from "./history.js";
import { Rows } from "./rows.js";

export class Session extends EventTarget {
  id = ""; // ID of the session; "" until the server has begun it
  starting = Promise.resolve(); // resolves when the session has been requested
  /** @type {import("./api.js").StreamStatus} */
  status = "connecting";
  /** @type {Stream|null} */
  stream = null;
  history = new History();
  rows = new Rows();
  epoch = 0; // time 0 of the session's clock, in ms since 1970
  refusal = ""; // why the server refused to begin a session, in the server's words
  watching = false; // whether the session belongs to another page
  resumed = false; // whether the recording is from before a reload of the page
  returned = false; // whether the browser closed the page's connections when the reader left the page
  holding = false; // whether the valve holds frames
  wantHold = false; // whether the valve of a new session holds frames at first
  stacking = false; // whether the tap records the calls at each Read and Write
  wantStack = false; // whether a new session records them from its start
  turns = 0; // how many commands this page has given to the valve

  /** @type {{kind: "info"|"error", text: string}} the result of the last action */
  notice = { kind: "info", text: "" };
  /** @type {Server} the state of the server when the notice was written */
  noticed = "there";
  acted = 0; // how many actions were tried
  /** @type {LabEvent[]} results that elements computed, for predictions */
  results = [];
  scheduled = false;

  // ——— telling the elements ———

  /** Notifies the elements, at most once a frame. */
  touch() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.dispatchEvent(new Event("change"));
    });
  }

  /**
   * Calls fn now and at every change.
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

  /** A refusal is shown until the next action, or until the state of the server changes. */
  get moment() {
    return `${this.id} ${this.acted} ${this.server}`;
  }

  /** Throws if there is no server or no session for an action. */
  alive() {
    if (this.status === "lost") throw new Error("This session is over. Press Start new session, then Connect.");
    if (this.status === "gone") throw new Error("The lab server does not answer. Start it again with go run ./labserver.");
  }

  /** Throws if the wire is held, for a run in which nothing may wait for a step. */
  flowing() {
    this.alive();
    if (this.holding) throw new Error("The wire is held, so WebSockets wait. Press Run in the bar of the lab, then start again.");
  }

  // ——— beginning and ending ———

  /** Begins a session with an empty recording. While the server does not answer, asks again. */
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
      this.stacking = false;
      if (this.wantStack) await this.stackAtWire(true);
      this.refusal = "";
    } catch (e) {
      // A server that refuses does answer, and gives the reason.
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
    this.results = [];
    this.dispatchEvent(new Event("fresh"));
  }

  /** Shows the session of another page. @param {string} id */
  watch(id) {
    if (this.stream) this.stream.close(); // the page watched another session before
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
    this.wantStack = this.wantStack || this.stacking;
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
    // A valve that holds frames would also hold the Close frames, so the connections would stay open.
    if (left && held) await call(`${sessionPath(left)}/valve`, { do: "run" }).catch(() => {});
    await this.starting;
  }

  /**
   * Asks again for the server's time. A quicker answer gives a more exact time.
   * @param {number} trip how long the answer that set the clock took, in ms
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
    // Right after a reload, if the server has dropped the recording, begin a new one.
    if (status === "lost" && this.resumed && !this.history.events.length) {
      this.resumed = false;
      this.say("The server no longer has the recording from before the reload, so this is a new session.");
      this.fresh();
      return;
    }
    this.status = status;
    // The recording of a play in progress ends here.
    if (status === "lost") for (const play of this.rows.plays.byId.values()) play.cutOff(this.history.last);
    if (status === "live") {
      this.dispatchEvent(new Event("live"));
      if (this.watching || this.resumed) this.askHolding();
    }
    this.touch();
  }

  /** Asks whether the valve holds frames, for a session that this page did not begin. */
  async askHolding() {
    const { id, turns } = this;
    try {
      /** @type {import("./types.js").SessionState} */
      const state = await call(sessionPath(id));
      if (id === this.id && turns === this.turns) {
        this.holding = state.holding;
        this.stacking = state.stack;
      }
    } catch {
      // The stream reports that the server does not answer, or does not know the session.
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

  /** Drops the oldest events if there are more than the page keeps. */
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

  /** Adds a result that an element computed from a run. @param {import("./types.js").Result} kind @param {Record<string, unknown>} result */
  tell(kind, result) {
    this.results.push({ seq: this.history.last, at: this.now(), conn: 0, from: "client", kind, [kind]: result });
    this.touch();
  }

  // ——— the API ———

  /** @param {string} what */
  get(what) {
    return call(`${sessionPath(this.id)}/${what}`);
  }

  /** @param {string} what @param {object} body */
  post(what, body) {
    return call(`${sessionPath(this.id)}/${what}`, body);
  }

  /** Turns the recording of call stacks on or off, for all connections. @param {boolean} on */
  async stackAtWire(on) {
    this.alive();
    this.turns++;
    await this.post("valve", { do: "stack", on });
    this.stacking = on;
    this.touch();
  }

  /** Limits each Read of a server. @param {number} bytes 0 for no limit */
  async sip(bytes) {
    this.alive();
    await this.post("valve", { do: "sip", bytes });
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
 * The time at which the server's clock was 0, in ms since 1970. The estimate is
 * that the server read its clock half-way between the request and now.
 * @param {number} asked
 * @param {number} told microseconds
 */
const clockAt = (asked, told) => performance.timeOrigin + (asked + performance.now()) / 2 - told / 1000;
