/**
 * Begins plays in the page's session, steps them, and carries out the orders of a
 * play: open a WebSocket, send, close, leave. The WebSocket of a play reports to
 * the recording like any other of the page.
 *
 * @typedef {import("./types.js").Step} Step
 * @typedef {import("./types.js").Plan} Plan
 * @typedef {import("./play.js").Play} Play
 * @typedef {"run"|"step"|"pause"} Told the last order to a play. At first this is "step" if the play waits before its first step, otherwise "run"
 * @typedef {{play: string, token: string, plan: Plan, text: string, failed: string, told: Told}} Begun
 * @typedef {{scenario?: string, text?: string, endpoint: string, as: "raw"|"browser", pause: number, branchOf?: string}} Wish
 */

import { call, words } from "./api.js";
import { Orders, after, before, pauses, standing } from "./play.js";

const patience = 5000; // how long a message waits for its WebSocket to open, in ms

/** @typedef {{ws: WebSocket, frame: HTMLIFrameElement|null, settled: Promise<unknown>}} Socket */

export class Player {
  /**
   * @param {import("./session.js").Session} session
   * @param {import("./cursor.js").Cursor} cursor
   * @param {import("./inspector.js").Inspector} inspector
   * @param {import("./sockets.js").Sockets} page
   */
  constructor(session, cursor, inspector, page) {
    this.hint = "A scenario is running. → does its next step, ← goes back, Space runs or pauses it.";
    this.session = session;
    this.cursor = cursor;
    this.inspector = inspector;
    this.page = page;
    this.orders = new Orders();
    /** @type {Map<string, Begun>} the plays begun by this page, by their id */
    this.begun = new Map();
    /** @type {Map<string, Socket>} by token */
    this.sockets = new Map();
    /** The play that the keys step. */
    this.current = "";
    /** @type {Set<string>} plays from before a reload that this page has ordered to stop */
    this.stopped = new Set();
    this.of = ""; // ID of the session of these plays
    this.asked = false; // whether a step was ordered and the server has not answered
    /** @type {Promise<unknown>} resolves when the last order is carried out; orders run one after the other */
    this.turn = Promise.resolve();
    session.addEventListener("events", (e) => this.take(/** @type {CustomEvent} */ (e).detail));
    // Close the sockets of the session as soon as it ends, before the next session has events.
    session.addEventListener("change", () => this.take([]));
  }

  /** @param {import("./types.js").LabEvent[]} events */
  take(events) {
    if (this.session.id !== this.of) this.fresh();
    for (const s of this.orders.due(events)) this.later(s);
    for (const { step: s } of events) {
      if (!s) continue;
      this.orphan(s);
      const came = (s.phase === "ready" || s.phase === "over") && !s.error;
      if (came && s.play === this.current && this.begun.get(s.play)?.told === "pause") this.tellPause();
    }
    if (events.some((e) => e.step?.phase === "over")) this.cursor.setHidden(document.hidden);
  }

  /** Drops the plays of the previous session. The next session uses the same numbers. */
  fresh() {
    this.of = this.session.id;
    this.orders = new Orders();
    this.begun.clear();
    this.stopped.clear();
    this.current = "";
    this.turn = Promise.resolve();
    for (const s of this.sockets.values()) {
      s.ws.close();
      s.frame?.remove();
    }
    this.sockets.clear();
  }

  /**
   * Stops a play that this page began before a reload, because no page would carry
   * out its orders.
   * @param {Step} s
   */
  orphan(s) {
    if (!this.session.resumed || s.phase === "over" || this.orders.own.has(s.client)) return;
    const { id } = this.session;
    setTimeout(() => {
      const play = this.session.rows.plays.byId.get(s.play);
      // A run with a raw client needs no page and ends by itself.
      const helpless = play && play.over === Infinity && (play.as === "browser" || standing(play, Infinity).waits);
      if (id === this.session.id && helpless && !this.stopped.has(s.play)) {
        this.stopped.add(s.play);
        this.order(s.play, { do: "stop" }).catch(() => {});
      }
    }, 500);
  }

  /**
   * Begins a play. Throws the server's words for an error in its text.
   * @param {Wish} wish
   * @returns {Promise<Begun>}
   */
  async begin(wish) {
    this.session.alive();
    if (this.session.watching) throw new Error("You are watching a connection of another page, so no scenario can run here.");
    await this.session.starting;
    if (this.session.id !== this.of) this.fresh();
    const { scenario, text, endpoint, as, pause, branchOf } = wish;
    const { id } = this.session;
    const answer = await call(this.path, { scenario, text, endpoint, as, pause, branchOf });
    if (id !== this.session.id) throw new Error("A new session began in the meantime. Run the scenario again.");
    /** @type {Begun} */
    const begun = { play: answer.play, token: answer.client, plan: answer.scenario, text: text || answer.scenario.text || "", failed: "", told: pause === 0 ? "step" : "run" };
    this.begun.set(begun.play, begun);
    this.current = begun.play;
    this.session.acted++;
    this.session.resumed = this.session.returned = false;
    this.cursor.toNewest();
    this.cursor.turn(/** @type {import("./types.js").Mode} */ (endpoint));
    this.cursor.stepper = this;
    for (const s of this.orders.expect(begun.token)) this.later(s);
    this.session.touch();
    return begun;
  }

  get path() {
    return `/api/sessions/${encodeURIComponent(this.session.id)}/plays`;
  }

  /** @param {string} play @param {object} body @param {string} [more] */
  order(play, body, more = "") {
    return call(`${this.path}/${encodeURIComponent(play)}${more}`, body);
  }

  // ——— stepping ———

  /** The play that the keys step, if it is recorded. */
  get play() {
    return this.session.rows.plays.byId.get(this.current);
  }

  /**
   * Whether a play still carries out its last order: it runs, does a step, or will
   * pause after the current step.
   * @param {Begun|null|undefined} begun
   * @param {Told} told
   */
  obeys(begun, told) {
    const play = begun && this.session.rows.plays.byId.get(begun.play);
    const now = play && standing(play, Infinity);
    return !!now && begun.told === told && !now.waits && !now.over;
  }

  /** Whether a play that needs this page is running. */
  get busy() {
    return [...this.begun.keys()].some((id) => this.session.rows.plays.byId.get(id)?.over === Infinity);
  }

  /** Goes one step forward: to the next recorded step, otherwise orders a new step. */
  async step() {
    const { play } = this;
    if (!play) return;
    const to = after(play, this.cursor.at);
    if (to !== null) return this.seek(to);
    this.seek(Infinity);
    const now = standing(play, Infinity);
    // Release a held frame before the next step.
    if (this.session.holding && this.cursor.waiting().length) return this.session.valve("step");
    if (now.over) return this.session.say("This run is over. Press ← to go back through it, or Restart scenario to run it again.");
    if (!now.waits) return this.session.say(this.obeys(this.begun.get(play.id), "run") ? "The scenario is running. Press Space to pause it." : "The previous step is not finished yet.");
    // A second press is ignored until the server has answered the first.
    if (this.asked) return;
    this.asked = true;
    try {
      await this.tell(play.id, "step", now.current);
      this.session.say("");
    } finally {
      this.asked = false;
    }
  }

  back() {
    const { play } = this;
    if (!play) return;
    const to = before(play, this.cursor.at);
    if (to === null) return this.session.say("This is the first step of the run.");
    if (to < (this.session.history.gap?.seq || 0)) return this.session.say("The first steps of this run were discarded because they are too old.");
    this.seek(to);
  }

  async run() {
    const { play } = this;
    if (!play) return;
    this.seek(Infinity);
    if (play.over === Infinity) await this.tell(play.id, "run");
    this.session.say("");
  }

  /** Pauses after the current step. */
  async pause() {
    await this.tell(this.current, "pause");
    this.tellPause();
  }

  /** Runs the play. If it already runs, pauses it. */
  toggle() {
    const { play } = this;
    if (!play) return;
    if (this.obeys(this.begun.get(play.id), "run")) return this.pause();
    if (play.over !== Infinity && this.session.history.live) return this.session.say("This run is over. Press ← to go back through it, or Restart scenario to run it again.");
    return this.run();
  }

  /** Tells the learner whether the pause has begun. */
  tellPause() {
    const { play } = this;
    if (!play) return;
    const now = standing(play, Infinity);
    if (now.over) this.session.say("This run is over: you paused it during its last step.");
    else if (now.waits) this.session.say("Paused. Press → for the next step, or Space to run on.");
    else this.session.say(`The step “${play.marks[now.current]?.command}” is running. ${pauses(play, now.current)}`);
  }

  /** @param {string} id @param {Told} what @param {number} [step] */
  async tell(id, what, step) {
    await this.order(id, { do: what, step });
    const begun = this.begun.get(id);
    if (begun) begun.told = what;
  }

  async stop() {
    const { play } = this;
    if (play && play.over === Infinity) await this.order(play.id, { do: "stop" });
  }

  /** @param {number} cursor */
  seek(cursor) {
    this.session.history.cursor = cursor >= this.session.history.last ? Infinity : cursor;
    this.inspector.shared = null;
    this.inspector.selection.into = null;
    this.inspector.newest();
    this.cursor.follow();
    const row = this.session.rows.bySeq.get(this.inspector.selection.seq);
    if (row && row.seq > this.cursor.at) this.inspector.selection.select(0, false);
    this.session.touch();
  }

  // ——— orders to this page ———

  /** @param {Step} s */
  later(s) {
    const { id } = this.session;
    this.turn = this.turn.then(() => (id === this.session.id ? this.perform(s) : undefined));
  }

  /** @param {Step} s */
  async perform(s) {
    const { id } = this.session;
    let error = "";
    try {
      await this.does(s);
    } catch (e) {
      error = words(e);
    }
    await this.page.flush();
    if (id !== this.session.id) return;
    try {
      await this.order(s.play, { step: s.index, error: error || undefined }, "/done");
    } catch (e) {
      // A play that has ended does not need the answer.
      const begun = this.begun.get(s.play);
      if (begun) begun.failed = words(e);
    }
  }

  /** @param {Step} s */
  async does(s) {
    const { order } = s;
    if (!order) return;
    if (order.do === "open") return this.open(s);
    const socket = this.sockets.get(s.client);
    if (!socket) throw new Error("your page has no WebSocket open in this run");
    const { ws } = socket;
    switch (order.do) {
      case "send":
        await socket.settled;
        if (ws.readyState !== WebSocket.OPEN) throw new Error("the WebSocket is not open, so send() would do nothing");
        this.page.sendOn(ws, s.client, order);
        return;
      case "close": {
        const thrown = this.page.closeOn(ws, s.client, order.code, order.reason);
        if (thrown) throw new Error(`close(${order.code}) threw ${thrown}`);
        return;
      }
      case "leave":
        // If its window is removed, the WebSocket ends as when a tab is closed.
        this.page.report({ client: s.client, what: "leave", readyState: ws.readyState });
        await this.page.flush();
        if (!socket.frame) throw new Error("the WebSocket belongs to this page, and the page stays open");
        socket.frame.remove();
        return;
    }
    throw new Error(`this page does not know the order ${JSON.stringify(order.do)}`);
  }

  /** @param {Step} s */
  async open(s) {
    // If the scenario leaves the page, the socket needs its own window.
    const leaves = this.begun.get(s.play)?.plan.steps.some((step) => /^leave\b/.test(step.command));
    /** @type {HTMLIFrameElement|null} */
    let frame = null;
    /** @type {typeof WebSocket|undefined} */
    let Socket;
    if (leaves) {
      frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      Socket = /** @type {any} */ (frame.contentWindow)?.WebSocket;
    }
    const ws = this.page.dial(s.endpoint, s.client, Socket);
    const settled = new Promise((done) => {
      for (const what of ["open", "close"]) ws.addEventListener(what, done, { once: true });
      setTimeout(done, patience);
    });
    this.sockets.set(s.client, { ws, frame, settled });
    this.cursor.setHidden(document.hidden);
    await Promise.race([settled, new Promise((done) => setTimeout(done, 1000))]);
  }
}
