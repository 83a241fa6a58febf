/**
 * Begins plays in the page's session, steps them, and does what a play asks of
 * the tab: opens its WebSocket, sends, closes, leaves. The WebSocket of a play
 * reports to the recording like any other of the page.
 *
 * @typedef {import("./types.js").Step} Step
 * @typedef {import("./types.js").Plan} Plan
 * @typedef {import("./play.js").Play} Play
 * @typedef {"run"|"step"|"pause"} Told what a play was told last: at first to step where it waits before its first step, else to run
 * @typedef {{play: string, token: string, plan: Plan, text: string, failed: string, told: Told}} Begun
 * @typedef {{scenario?: string, text?: string, endpoint: string, as: "raw"|"browser", pause: number, branchOf?: string}} Wish
 */

import { call } from "./api.js";
import { hexBytes, lab, words } from "./lab.js";
import { Orders, after, before, pauses, standing } from "./play.js";

const patience = 5000; // ms for a WebSocket to open before what is to be sent on it

/** @typedef {{ws: WebSocket, frame: HTMLIFrameElement|null, settled: Promise<unknown>}} Socket */

export class Player {
  constructor() {
    this.orders = new Orders();
    /** @type {Map<string, Begun>} the plays begun by this page, by their id */
    this.begun = new Map();
    /** @type {Map<string, Socket>} by token */
    this.sockets = new Map();
    /** @type {string} the play that the keys step */
    this.current = "";
    /** @type {Set<string>} plays of a page before this one, that were told to stop */
    this.stopped = new Set();
    this.session = "";
    this.asked = false; // whether a step is on its way
    /** @type {Promise<unknown>} orders are carried out one after the other */
    this.turn = Promise.resolve();
    lab.addEventListener("events", (e) => this.take(/** @type {CustomEvent} */ (e).detail));
    // What was recorded before this module was there is part of it, too.
    this.take(lab.history.events);
    // A session that is left is left at once, and not when the next one has events.
    lab.addEventListener("change", () => this.take([]));
  }

  /** @param {import("./types.js").LabEvent[]} events */
  take(events) {
    if (lab.session !== this.session) this.fresh();
    for (const s of this.orders.due(events)) this.later(s);
    for (const { step: s } of events) {
      if (!s) continue;
      this.orphan(s);
      const came = (s.phase === "ready" || s.phase === "over") && !s.error;
      if (came && s.play === this.current && this.begun.get(s.play)?.told === "pause") this.tellPause();
    }
    if (events.some((e) => e.step?.phase === "over")) lab.setHidden(document.hidden);
  }

  /** Another session knows none of the plays so far, and gives their numbers to its own. */
  fresh() {
    this.session = lab.session;
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
   * Ends a play of this session that a page before this one began: nobody is
   * left to do what it asks for.
   * @param {Step} s
   */
  orphan(s) {
    if (!lab.resumed || s.phase === "over" || this.orders.own.has(s.client)) return;
    const { session } = lab;
    setTimeout(() => {
      const play = lab.rows.plays.byId.get(s.play);
      // A raw client that runs needs nobody, and comes to its end.
      const helpless = play && play.over === Infinity && (play.as === "browser" || standing(play, Infinity).waits);
      if (session === lab.session && helpless && !this.stopped.has(s.play)) {
        this.stopped.add(s.play);
        this.order(s.play, { do: "stop" }).catch(() => {});
      }
    }, 500);
  }

  /**
   * Begins a play. What is wrong with its text is thrown as the server words it.
   * @param {Wish} wish
   * @returns {Promise<Begun>}
   */
  async begin(wish) {
    lab.alive();
    if (lab.watching) throw new Error("You are watching a connection that is not this page's, so nothing can be played here.");
    await lab.starting;
    if (lab.session !== this.session) this.fresh();
    const { scenario, text, endpoint, as, pause, branchOf } = wish;
    const { session } = lab;
    const answer = await call(this.path, { scenario, text, endpoint, as, pause, branchOf });
    if (session !== lab.session) throw new Error("The session was begun afresh meanwhile: play it again.");
    /** @type {Begun} */
    const begun = { play: answer.play, token: answer.client, plan: answer.scenario, text: text || answer.scenario.text || "", failed: "", told: pause === 0 ? "step" : "run" };
    this.begun.set(begun.play, begun);
    this.current = begun.play;
    lab.acted++;
    lab.resumed = lab.returned = false;
    lab.shared = null;
    lab.history.cursor = Infinity;
    lab.newest();
    lab.turn(/** @type {import("./types.js").Mode} */ (endpoint));
    lab.stepper = this;
    for (const s of this.orders.expect(begun.token)) this.later(s);
    lab.touch();
    return begun;
  }

  get path() {
    return `/api/sessions/${encodeURIComponent(lab.session)}/plays`;
  }

  /** @param {string} play @param {object} body @param {string} [more] */
  order(play, body, more = "") {
    return call(`${this.path}/${encodeURIComponent(play)}${more}`, body);
  }

  // ——— stepping ———

  /** The play that the keys step, once it has been recorded. */
  get play() {
    return lab.rows.plays.byId.get(this.current);
  }

  /**
   * Whether a play does what it was told: it runs, does a step, or will stand
   * behind the step that is being done.
   * @param {Begun|null|undefined} begun
   * @param {Told} told
   */
  obeys(begun, told) {
    const play = begun && lab.rows.plays.byId.get(begun.play);
    const now = play && standing(play, Infinity);
    return !!now && begun.told === told && !now.waits && !now.over;
  }

  /** Whether a play goes on for which this tab must stay. */
  get busy() {
    return [...this.begun.keys()].some((id) => lab.rows.plays.byId.get(id)?.over === Infinity);
  }

  /** One step forward: over what is recorded, then the next that the play waits before. */
  async step() {
    const { play } = this;
    if (!play) return;
    const to = after(play, lab.cursor);
    if (to !== null) return this.seek(to);
    this.seek(Infinity);
    const now = standing(play, Infinity);
    // What a person holds at the wire crosses before the next step is done.
    if (lab.holding && lab.waiting().length) return lab.valve("step");
    if (now.over) return lab.say("This play is over: ← goes back over it, Restart plays it again.");
    if (!now.waits) return lab.say(this.obeys(this.begun.get(play.id), "run") ? "This play runs: Space pauses it." : "The step before is still being done.");
    // Pressed twice while the first is on its way, it is one step.
    if (this.asked) return;
    this.asked = true;
    try {
      await this.tell(play.id, "step", now.current);
      lab.say("");
    } finally {
      this.asked = false;
    }
  }

  back() {
    const { play } = this;
    if (!play) return;
    const to = before(play, lab.cursor);
    if (to === null) return lab.say("This is the beginning of the play.");
    if (to < (lab.history.gap?.seq || 0)) return lab.say("The beginning of the play is too old to be kept.");
    this.seek(to);
  }

  async run() {
    const { play } = this;
    if (!play) return;
    this.seek(Infinity);
    if (play.over === Infinity) await this.tell(play.id, "run");
    lab.say("");
  }

  /** The step that is being done ends, and none is begun after it. */
  async pause() {
    await this.tell(this.current, "pause");
    this.tellPause();
  }

  /** Space runs; while it runs, Space pauses. */
  toggle() {
    const { play } = this;
    if (!play) return;
    if (this.obeys(this.begun.get(play.id), "run")) return this.pause();
    if (play.over !== Infinity && lab.history.live) return lab.say("This play is over: ← goes back over it, Restart plays it again.");
    return this.run();
  }

  /** Says what came of a pause so far. */
  tellPause() {
    const { play } = this;
    if (!play) return;
    const now = standing(play, Infinity);
    if (now.over) lab.say("This play is over: the pause came in its last step.");
    else if (now.waits) lab.say("Paused: → is the next step, Space runs on.");
    else lab.say(`${play.marks[now.current]?.command} is being done. ${pauses(play, now.current)}`);
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
    lab.history.cursor = cursor >= lab.history.last ? Infinity : cursor;
    lab.shared = null;
    lab.selection.into = null;
    lab.newest();
    lab.follow();
    const row = lab.rows.bySeq.get(lab.selection.seq);
    if (row && row.seq > lab.cursor) lab.selection.select(0, false);
    lab.touch();
  }

  // ——— what a play asks of the tab ———

  /** @param {Step} s */
  later(s) {
    const { session } = lab;
    this.turn = this.turn.then(() => (session === lab.session ? this.perform(s) : undefined));
  }

  /** @param {Step} s */
  async perform(s) {
    const { session } = lab;
    let error = "";
    try {
      await this.does(s);
    } catch (e) {
      error = words(e);
    }
    await lab.flush();
    if (session !== lab.session) return;
    try {
      await this.order(s.play, { step: s.index, error: error || undefined }, "/done");
    } catch (e) {
      // A play that is over by now needs no word.
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
    if (!socket) throw new Error("the tab has no WebSocket open in this play");
    const { ws } = socket;
    switch (order.do) {
      case "send":
        await socket.settled;
        if (ws.readyState !== WebSocket.OPEN) throw new Error("the WebSocket is not open, so send() would do nothing");
        return this.send(s, ws);
      case "close":
        return this.close(s, ws);
      case "leave":
        // With its window goes the WebSocket, as when a tab is closed.
        lab.report({ client: s.client, what: "leave", readyState: ws.readyState });
        await lab.flush();
        if (!socket.frame) throw new Error("the WebSocket is the page's own, and the page stays");
        socket.frame.remove();
        return;
    }
    throw new Error(`this page knows no order ${JSON.stringify(order.do)}`);
  }

  /** @param {Step} s */
  async open(s) {
    // What shall be left later needs a window of its own, which can go.
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
    const ws = lab.socket(s.endpoint, s.client, Socket);
    const settled = new Promise((done) => {
      for (const what of ["open", "close"]) ws.addEventListener(what, done, { once: true });
      setTimeout(done, patience);
    });
    this.sockets.set(s.client, { ws, frame, settled });
    lab.setHidden(document.hidden);
    await Promise.race([settled, new Promise((done) => setTimeout(done, 1000))]);
  }

  /** @param {Step} s @param {WebSocket} ws */
  send(s, ws) {
    const { order } = s;
    const at = lab.now();
    if (order?.hex !== undefined && order.text === undefined && !order.repeat) {
      const data = hexBytes(order.hex);
      ws.send(data);
      lab.report({ client: s.client, at, what: "send", readyState: ws.readyState, size: data.length });
      return;
    }
    const text = order?.repeat ? "a".repeat(order.repeat) : order?.text || "";
    ws.send(text);
    lab.report({ client: s.client, at, what: "send", readyState: ws.readyState, text: text.slice(0, 200), size: new Blob([text]).size });
  }

  /** @param {Step} s @param {WebSocket} ws */
  close(s, ws) {
    const { code, reason } = s.order || {};
    const at = lab.now();
    try {
      if (code !== undefined) ws.close(code, reason || "");
      else ws.close();
    } catch (e) {
      const thrown = e instanceof Error || e instanceof DOMException ? `${e.name}: ${e.message}` : String(e);
      lab.report({ client: s.client, at, what: "error", text: `close(${code}) threw ${thrown}` });
      throw new Error(`close(${code}) threw ${thrown}`);
    }
    lab.report({ client: s.client, at, what: "close", code, reason: reason || undefined, readyState: ws.readyState });
  }
}

/** The one player of the page. */
export const player = new Player();
