/**
 * The reader's place in the recording: the rows of the mode, how many of them are
 * visible, whether the page follows the newest row, and stepping.
 *
 * @typedef {import("./types.js").Mode} Mode
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./align.js").Pair} Pair
 * @typedef {import("./play.js").Play} Play
 */

import { Pairs, PlayPairs } from "./align.js";
import { belongs, servers } from "./connection.js";
import { View } from "./rows.js";

/** @returns {Record<Mode, View|Pairs>} */
const views = () => ({ reference: new View("reference"), gorilla: new View("gorilla"), naive: new View("naive"), all: new View("all"), both: new Pairs(), plays: new Pairs() });

/**
 * Steps a play, or the bytes of a walk. Meanwhile the keys do not step the timeline.
 * @typedef {object} Stepper
 * @property {() => unknown} step
 * @property {() => unknown} back
 * @property {() => unknown} toggle
 * @property {() => unknown} run
 * @property {string} hint what the keys do
 * @property {boolean} busy whether the play needs this page, shown or hidden
 */

export class Cursor {
  /** @type {Mode} */
  mode = "reference";
  /** @type {Mode|""} the mode to which the page returns after a play */
  left = "";
  /** @type {"left"|"right"} of two sides, the one that the reader last clicked in */
  side = "left";
  asTable = false;
  news = 0; // how many actions added something to the end of the recording
  /** @type {Stepper|null} */
  stepper = null;
  views = views();

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./inspector.js").Inspector} inspector
   */
  constructor(session, inspector) {
    this.session = session;
    this.inspector = inspector;
    session.addEventListener("fresh", () => this.reset());
    session.addEventListener("events", (e) => this.take(/** @type {CustomEvent} */ (e).detail));
  }

  reset() {
    this.views = views();
    this.stepper = null;
    this.turnBack();
    if (this.mode === "plays") this.mode = "reference";
  }

  /** Seq of the last visible event, or Infinity to follow the newest. */
  get at() {
    return this.session.history.cursor;
  }

  set at(seq) {
    this.session.history.cursor = seq;
  }

  /** Closes the stream while the tab is hidden, unless a play needs it. @param {boolean} hidden */
  setHidden(hidden) {
    this.session.setHidden(hidden && !this.stepper?.busy);
  }

  /** @param {import("./types.js").LabEvent[]} fresh */
  take(fresh) {
    this.views[this.mode].sync(this.session.rows);
    this.inspector.find();
    this.follow();
    this.lead();
    if (fresh.some((e) => e.step?.phase === "over")) this.showDifference();
  }

  // ——— modes ———

  /**
   * Shows the server of a play until the reader's next action.
   * @param {Mode} mode
   */
  turn(mode) {
    if (this.mode === "all") return;
    this.left ||= this.mode;
    this.mode = mode;
  }

  /** Returns to the mode that was shown before a play. */
  turnBack() {
    if (this.left) this.mode = this.left;
    this.left = "";
  }

  /** Shows the mode that a person chose. @param {Mode} mode */
  choose(mode) {
    this.mode = mode;
    this.left = "";
    this.follow();
    if (this.index < 0) this.inspector.newest();
    this.follow();
    this.session.touch();
  }

  /** Shows two plays beside each other. @param {Play} left @param {Play} right */
  beside(left, right) {
    this.views.plays = new PlayPairs(left, right);
    this.mode = "plays";
    this.showDifference();
    this.session.touch();
  }

  /** The servers that an action of the page goes to. */
  get endpoints() {
    return servers.includes(this.mode) ? [this.mode] : ["reference", "gorilla"];
  }

  /** The rows, or pairs of rows, of the mode. */
  get view() {
    const view = this.views[this.mode];
    view.sync(this.session.rows);
    return view;
  }

  /** Connections of the mode with something held at the valve. */
  waiting() {
    return [...this.session.rows.conns.values()].filter((c) => c.held.length && belongs(c, this.mode));
  }

  // ——— following ———

  /** Selects the newest frame, unless a person chose another or an action led there. */
  follow() {
    const { selection, shared } = this.inspector;
    if (!selection.free || shared) return;
    const { list } = this.view;
    const n = this.view.count(this.at);
    for (let i = n - 1; i >= 0 && i > n - 40; i--) {
      const row = this.rowOf(list[i]);
      if (row && (row.event.frame || row.event.handshake)) return selection.select(row.event.seq, false);
    }
    if (!n) selection.select(0, false);
  }

  /** Selects the frame that the last action leads to as soon as that frame is recorded. */
  lead() {
    const { inspector } = this;
    const { aim, selection } = inspector;
    if (!aim) return;
    if (selection.chosen) {
      inspector.aim = null;
      return;
    }
    aim.look(this.session.rows);
    const endpoint = this.view instanceof Pairs && this.side === "right" ? "gorilla" : "reference";
    const { row, sure } = aim.target(endpoint);
    if (sure) inspector.aim = null;
    // A server that is not shown has no row to select.
    if (!row || !belongs(row.conn, this.mode)) return;
    if (row.event.seq !== selection.seq) inspector.found++;
    selection.lead(row.event.seq);
  }

  /**
   * Selects the first difference of two plays once both are over, unless a
   * person chose something else.
   */
  showDifference() {
    const { view, inspector } = this;
    const { rows } = this.session;
    if (!(view instanceof Pairs) || inspector.shared || inspector.selection.chosen) return;
    const all = [...rows.plays.byId.values()];
    const newest = all[all.length - 1];
    const plays = view instanceof PlayPairs ? Object.values(view.plays) : all.filter((p) => p.round === newest.round);
    if (plays.length < 2 || plays.some((p) => p.over === Infinity)) return;
    const row = view.first(this.at, Math.min(...plays.map((p) => p.seq)));
    if (!row) return;
    inspector.aim = null; // until now the frame that the action caused was selected
    inspector.selection.lead(row.event.seq);
    inspector.found++;
  }

  /** Follows the newest rows again, without a selection by the reader. */
  toNewest() {
    this.at = Infinity;
    this.inspector.shared = null;
    this.inspector.newest();
  }

  // ——— rows ———

  /**
   * The row of a timeline entry. Of a pair, it is the row on the side that the
   * reader last clicked in, if there is one. Before any click, that side is the
   * reference.
   * @param {Row|Pair} item
   * @param {"left"|"right"} [side]
   * @returns {Row|null}
   */
  rowOf(item, side = this.side) {
    if ("event" in item) return item;
    const shown = [item[side], item[side === "left" ? "right" : "left"]];
    return shown.find((row) => row && row.seq <= this.at) || null;
  }

  /** Place of the selected row in the view, -1 for none. */
  get index() {
    const { view } = this;
    const row = this.session.rows.bySeq.get(this.inspector.selection.seq);
    if (!row) return -1;
    if (view instanceof Pairs) return view.bySeq.get(row.event.seq)?.index ?? -1;
    return view.list.indexOf(row, Math.max(0, view.count(row.seq) - 8));
  }

  /**
   * Moves the selection by rows; Infinity goes to the end.
   * @param {number} by
   */
  move(by) {
    const { inspector, view } = this;
    const { seq } = inspector.selection;
    const n = view.count(this.at);
    // The gap replaces the rows that are forgotten.
    const at = seq <= (this.session.history.gap?.seq || 0) && seq ? 0 : this.index;
    const to = Math.max(0, Math.min(n - 1, at < 0 ? (by < 0 ? n - 1 : 0) : at + by));
    const row = n ? this.rowOf(view.list[to]) : null;
    if (row) inspector.select(row.event.seq);
    if (by === Infinity) inspector.newest();
  }

  /** Undoes the innermost selection. Returns whether there was one. */
  escape() {
    const done = this.inspector.escape();
    this.follow();
    this.session.touch();
    return done;
  }

  // ——— stepping ———

  /** @param {number} n how many rows of the view become visible */
  show(n) {
    const { inspector, view } = this;
    const { list } = view;
    this.at = n >= list.length ? Infinity : Math.max(0, list[n].seq - 1);
    const row = n > 0 ? this.rowOf(list[Math.min(n, list.length) - 1]) : null;
    inspector.shared = null;
    inspector.aim = null;
    inspector.selection.select(row ? row.event.seq : 0, false);
    this.session.touch();
  }

  /** Steps forward one row, or releases one held unit. In a play, does one step. */
  async step() {
    const { session, inspector } = this;
    if (inspector.selection.into !== null) return inspector.intoField(1);
    if (this.stepper) return this.stepper.step();
    const { list } = this.view;
    const n = this.view.count(this.at);
    if (n < list.length) {
      // Rows with the same seq become visible together.
      let to = n + 1;
      while (to < list.length && list[to].seq === list[n].seq) to++;
      return this.show(to);
    }
    this.at = Infinity;
    inspector.newest();
    const waiting = this.waiting();
    if (!waiting.length) {
      session.say(
        session.holding
          ? "0 frames are held. Send something, and its frame stops here."
          : "You are at the newest row and the wire is not held. Press Hold the wire to stop the next frame here.",
      );
      return;
    }
    // A client from outside has no token, so no request can name its connection.
    const clients = waiting.every((c) => c.client) ? waiting.map((c) => c.client) : undefined;
    await session.valve("step", clients);
    session.say("");
  }

  back() {
    const { session, inspector } = this;
    if (inspector.selection.into !== null) return inspector.intoField(-1);
    if (this.stepper) return this.stepper.back();
    const { list } = this.view;
    const n = this.view.count(this.at);
    if (session.history.gap && n <= 1) return session.say("This is the oldest row that the page keeps.");
    if (n === 0) return session.say("This is the first row.");
    let to = n - 1;
    while (to > 0 && list[to - 1].seq === list[to].seq) to--;
    this.show(to);
  }

  /** Opens the valve and goes to the newest row. */
  async run() {
    const { session, inspector } = this;
    if (this.stepper && !session.holding) return this.stepper.run();
    this.at = Infinity;
    inspector.newest();
    inspector.selection.into = null;
    this.follow();
    await session.valve("run");
    session.say("");
  }

  async hold() {
    await this.session.valve("hold");
    this.session.say("");
  }

  /** Continues if the wire is held or the play is paused. Otherwise holds or pauses. */
  toggle() {
    if (this.stepper) return this.stepper.toggle();
    return this.session.holding || !this.session.history.live ? this.run() : this.hold();
  }

  /** @param {Row} row the oldest held row of its connection */
  async drop(row) {
    await this.session.valve("drop", row.conn.client ? [row.conn.client] : undefined);
    this.session.say(`Dropped${this.mode === "both" ? ` (${row.conn.endpoint})` : ""}: the ${row.event.from === "client" ? "server" : "client"} never receives these bytes.`);
  }
}
