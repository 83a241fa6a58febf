/**
 * The learner's session: its WebSockets, its recording, the valve and the
 * cursor. Elements show what stands here and call its methods; a "change"
 * event, at most one a frame, says that something is different.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").Detail} Detail
 * @typedef {import("./types.js").Field} Field
 * @typedef {import("./types.js").Frame} Frame
 * @typedef {import("./types.js").Mode} Mode
 * @typedef {import("./types.js").Action} Action
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./rows.js").Conn} Conn
 * @typedef {import("./align.js").Pair} Pair
 * @typedef {{event: LabEvent, fields: Field[]|null, error: string, row: Row|null}} Subject
 */

import { ApiError, Stream, away, call, sessionPath } from "./api.js";
import { History } from "./history.js";
import { Rows, View, belongs, heldAt } from "./rows.js";
import { Pairs, PlayPairs } from "./align.js";
import { Selection, fromHash } from "./selection.js";
import { fieldAt } from "./bits.js";
import { parseHex } from "./format.js";
import { outcome, reasonNeedsCode } from "./forms.js";
import { Act } from "./act.js";
import { recall, remember } from "./store.js";

const maxDetails = 200;
const maxUnsent = 1000;

/** @typedef {{token: string, endpoint: string, n: number, ws: WebSocket}} Socket */
/** @typedef {import("./act.js").World} World */

/** @returns {Record<Mode, View|Pairs>} */
const views = () => ({ reference: new View("reference"), gorilla: new View("gorilla"), naive: new View("naive"), all: new View("all"), both: new Pairs(), plays: new Pairs() });

/**
 * What steps in place of the timeline while a play goes on.
 * @typedef {object} Stepper
 * @property {() => unknown} step
 * @property {() => unknown} back
 * @property {() => unknown} toggle
 * @property {() => unknown} run
 * @property {boolean} busy whether the play needs this page, shown or hidden
 */

export class Lab extends EventTarget {
  session = "";
  starting = Promise.resolve(); // until the session has been asked for
  /** @type {Mode} */
  mode = "reference";
  /** @type {Mode|""} the mode that a play took the place of */
  left = "";
  watching = false;
  holding = false;
  asTable = false;
  /** @type {import("./api.js").StreamStatus} */
  status = "connecting";
  /** @type {{kind: "info"|"error", text: string}} what the last action came to */
  notice = { kind: "info", text: "" };
  noticed = ""; // whether the server was there when that was said
  acted = 0; // how many actions were tried
  news = 0; // how many actions brought something to the end of the recording
  /** @type {Act|null} the action whose frame is to be selected, until that is there */
  aim = null;
  /** Whether the recording shown is from before a reload of the page. */
  resumed = false;
  /** Whether the page was left and shown again, and lost its connections by that. */
  returned = false;
  refusal = ""; // why the server would begin no session, in its words

  history = new History();
  rows = new Rows();
  views = views();
  selection = new Selection();
  /** @type {Subject|null} a frame that came with the address */
  shared = null;
  /** @type {Subject|null} what was shown last, until the fields of what is selected have come */
  kept = null;
  /** @type {"left"|"right"} the side last clicked in, of two side by side */
  side = "left";
  /** @type {Map<number, Detail|ApiError>} what the server told of frames, by seq */
  details = new Map();
  fetching = 0;

  /** @type {Map<string, Socket>} the newest socket of each endpoint */
  sockets = new Map();
  /** @type {Map<string, {ws: WebSocket, opened: boolean, close: {code: number, wasClean: boolean}|null}>} all sockets that this page opened since it was loaded, by token */
  tokens = new Map();
  /** @type {{endpoint: string, token: string}[]} the raw clients dialled last */
  raw = [];
  round = 0;
  /** @type {Stream|null} */
  stream = null;
  epoch = 0; // ms since 1970 at which the session's clock was 0
  wantHold = false;
  turns = 0; // of the valve, by this page
  hashSeq = 0;
  found = 0; // how often an event was selected because the address names it, or two plays part there
  /** @type {object[]} what JavaScript did and the server was not told yet */
  unsent = [];
  sending = false;
  scheduled = false;
  /** @type {Stepper|null} */
  stepper = null;

  reset() {
    this.history = new History();
    this.rows = new Rows();
    this.views = views();
    this.selection = new Selection();
    this.details = new Map();
    this.kept = null;
    this.fetching = 0;
    this.unsent = [];
    this.sockets.clear();
    this.raw = [];
    this.aim = null;
    this.stepper = null;
    this.turnBack();
    if (this.mode === "plays") this.mode = "reference";
  }

  /**
   * Shows what the server of a play does, until something else is done.
   * @param {Mode} mode
   */
  turn(mode) {
    if (this.mode === "all") return;
    this.left ||= this.mode;
    this.mode = mode;
  }

  /** Goes back to the mode from which a play turned away. */
  turnBack() {
    if (this.left) this.mode = this.left;
    this.left = "";
  }

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

  /**
   * Whether the lab server is there; gone is one that does not answer, lost one
   * that does not know the session any more.
   * @returns {World["server"]}
   */
  get server() {
    return this.status === "gone" || this.status === "lost" ? this.status : "there";
  }

  /** What a refusal is true for: until something else is done, or the server comes or goes. */
  get moment() {
    return `${this.session} ${this.acted} ${this.server}`;
  }

  /** What the sentence beside a button is made from. @returns {World} */
  get world() {
    const { rows, session, server, holding } = this;
    return {
      rows,
      session,
      server,
      holding,
      tab: (token) => {
        const own = this.tokens.get(token);
        return own && { readyState: own.ws.readyState, opened: own.opened, close: own.close };
      },
    };
  }

  /** What the panel's own sentences are made from. @returns {import("./status.js").Panel} */
  get panel() {
    const { server, watching, resumed, returned, holding, history } = this;
    const held = this.waiting().flatMap((c) => c.held.filter((row) => !row.event.tcp)); // a FIN follows by itself
    const frames = held.filter((row) => row.event.frame).length;
    const conns = [...this.rows.conns.values()].filter((c) => c.id && belongs(c, this.mode));
    return {
      server,
      watching,
      resumed,
      returned,
      events: history.events.length,
      dropped: history.lost,
      said: this.noticed === server && this.notice.text ? this.notice : null,
      held: { frames, handshakes: held.length - frames },
      holding,
      // It opens one connection to a host at a time, as RFC 6455 §4.1 asks.
      second: holding && this.mode === "both" && !watching && this.open().some((s) => s.ws.readyState === WebSocket.CONNECTING),
      playing: !!this.stepper,
      open: this.open().length > 0 || conns.some((c) => !this.tokens.has(c.client) && !c.overAt(Infinity)),
    };
  }

  // ——— the session ———

  /**
   * Begins the session, or takes up the one that this tab had before a reload.
   * @param {{mode: Mode, hold: boolean, watch: string}} options
   */
  start(options) {
    this.starting = this.begin(options);
    return this.starting;
  }

  /** @param {{mode: Mode, hold: boolean, watch: string}} options */
  async begin(options) {
    this.mode = options.mode;
    this.wantHold = options.hold;
    await this.readAddress();
    if (options.watch) {
      if (this.stream) this.stream.close(); // another session was watched before
      this.reset();
      this.watching = true;
      this.mode = "all";
      this.listen(options.watch);
      return;
    }
    // It is kept only while the page is away, so that a duplicated tab, which
    // gets a copy of the storage, finds nothing and has a session of its own.
    const kept = recall("session", "session");
    remember("session", "session", undefined);
    if (kept && kept.path === location.pathname) {
      this.mode = kept.mode;
      this.holding = kept.holding;
      this.epoch = kept.epoch;
      this.resumed = true;
      this.listen(kept.id);
      return;
    }
    await this.fresh();
  }

  /** Opens what the page's address names: a frame that it carries, or an event. */
  async readAddress() {
    const hash = fromHash(location.hash);
    if (!hash) return;
    if (hash.frame) return this.share(hash.frame, hash.from, hash.bit);
    this.shared = null;
    this.selection.pin(hash.bit);
    this.hashSeq = hash.seq;
    this.find();
    this.touch();
  }

  /** Selects the event that the address names, once it has come. */
  find() {
    if (!this.hashSeq || this.history.last < this.hashSeq) return;
    const row = this.rows.bySeq.get(this.hashSeq);
    this.hashSeq = 0;
    if (!row) return this.say("The event that the address names has no row of its own in this recording, or is too old to be kept.");
    if (row.seq > this.cursor) this.history.cursor = Infinity;
    this.selection.select(row.event.seq, true);
    this.found++;
  }

  /** A session with nothing recorded yet. */
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
      // Whoever refuses is there, and says why.
      if (e instanceof ApiError && away(e.status)) this.status = "gone";
      else this.say((this.refusal = words(e)), "error");
      this.touch();
      setTimeout(() => this.session || this.fresh(), 2000);
    }
  }

  /**
   * Asks again what time it is there: how well the two clocks are set to each
   * other is a matter of how quick the answer is.
   * @param {number} trip ms that the answer took by which they are set
   * @param {string} session
   */
  async setClock(trip, session) {
    for (let i = 0; i < 8 && trip > 0.5; i++) {
      const before = performance.now();
      const answer = await call(sessionPath(session)).catch(() => null);
      const took = performance.now() - before;
      if (!answer || session !== this.session) return;
      if (took < trip) {
        trip = took;
        this.epoch = clockAt(before, answer.now);
      }
    }
  }

  /** @param {string} session */
  listen(session) {
    this.session = session;
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

  /** @param {import("./api.js").StreamStatus} status */
  streamStatus(status) {
    // A recording that is gone right after a reload is no loss to stop at.
    if (status === "lost" && this.resumed && !this.history.events.length) {
      this.resumed = false;
      this.say("The recording from before the reload is gone from the server, so this is a fresh session.");
      this.fresh();
      return;
    }
    this.status = status;
    // Nothing more is recorded of what was under way.
    if (status === "lost") for (const play of this.rows.plays.byId.values()) play.cutOff(this.history.last);
    if (status === "live") {
      this.flush();
      if (this.watching || this.resumed) this.askHolding();
    }
    this.touch();
  }

  /** Asks how the valve of a session stands that this page did not begin. */
  async askHolding() {
    const { session, turns } = this;
    try {
      /** @type {import("./types.js").SessionState} */
      const state = await call(sessionPath(session));
      if (session === this.session && turns === this.turns) this.holding = state.holding;
    } catch {
      // The stream tells of a server or a session that is gone.
    }
    this.touch();
  }

  /** Closes every connection and begins again with an empty recording. */
  async restart() {
    if (this.watching) {
      location.assign("/lab");
      return;
    }
    this.wantHold = this.wantHold || this.holding;
    for (const s of this.sockets.values()) s.ws.close();
    const left = this.session;
    const held = this.holding || [...this.rows.conns.values()].some((c) => c.held.length);
    if (this.stream) this.stream.close();
    this.status = "connecting";
    this.session = "";
    this.shared = null;
    this.resumed = this.returned = false;
    this.reset();
    history.replaceState(null, "", location.pathname + location.search);
    this.say("");
    this.starting = this.fresh();
    // Behind a closed valve the Close frames, and with them the connections, would stay.
    if (left && held) await call(`${sessionPath(left)}/valve`, { do: "run" }).catch(() => {});
    await this.starting;
  }

  /** Gives the stream back, and keeps what a reload needs to take the session up again. */
  leave() {
    this.stream?.setHidden(true);
    if (!this.session || this.watching || this.status === "lost") return;
    this.returned = [...this.sockets.values()].some((s) => s.ws.readyState < WebSocket.CLOSED);
    const { session: id, holding, epoch } = this;
    const mode = this.mode === "plays" ? "both" : this.mode;
    remember("session", "session", { id, mode, holding, epoch, path: location.pathname });
  }

  /** Takes the stream up again, of a page that the browser kept. */
  comeBack() {
    remember("session", "session", undefined);
    this.setHidden(document.hidden);
    this.touch();
  }

  /** A play goes on while its tab is hidden. @param {boolean} hidden */
  setHidden(hidden) {
    if (this.stream) this.stream.setHidden(hidden && !this.stepper?.busy);
  }

  // ——— the recording ———

  /** @param {LabEvent[]} batch */
  take(batch) {
    const fresh = this.history.append(batch);
    if (!fresh.length) return;
    this.rows.append(fresh);
    this.forget();
    this.views[this.mode].sync(this.rows);
    this.find();
    this.follow();
    this.lead();
    if (fresh.some((e) => e.step?.phase === "over")) this.part();
    this.dispatchEvent(new CustomEvent("events", { detail: fresh }));
    this.touch();
  }

  /** Lets go of the oldest events when there are more than the page keeps. */
  forget() {
    const { cursor } = this;
    const gap = this.history.trim();
    if (!gap) return;
    this.rows.forget(gap);
    if (cursor !== this.cursor) {
      this.say("What stood here is older than all that is kept. Hold the wire, and no more comes; Run shows the newest.");
    }
  }

  /**
   * Shows two plays beside each other.
   * @param {import("./play.js").Play} left
   * @param {import("./play.js").Play} right
   */
  beside(left, right) {
    this.views.plays = new PlayPairs(left, right);
    this.mode = "plays";
    this.part();
    this.touch();
  }

  /**
   * Selects the first difference of two plays once both are over, unless a
   * person chose something else.
   */
  part() {
    const { view, selection } = this;
    if (!(view instanceof Pairs) || this.shared || selection.chosen) return;
    const all = [...this.rows.plays.byId.values()];
    const newest = all[all.length - 1];
    const plays = view instanceof PlayPairs ? Object.values(view.plays) : all.filter((p) => p.round === newest.round);
    if (plays.length < 2 || plays.some((p) => p.over === Infinity)) return;
    const row = view.first(this.cursor, Math.min(...plays.map((p) => p.seq)));
    if (!row) return;
    this.aim = null; // the frame that the action caused has been shown until now
    selection.lead(row.event.seq);
    this.found++;
  }

  /** The rows, or pairs of rows, of the mode. */
  get view() {
    const view = this.views[this.mode];
    view.sync(this.rows);
    return view;
  }

  get cursor() {
    return this.history.cursor;
  }

  /** Selects the frame that the last action leads to, as soon as it is known. */
  lead() {
    const { aim } = this;
    if (!aim) return;
    if (this.selection.chosen) {
      this.aim = null;
      return;
    }
    aim.look(this.rows);
    const endpoint = this.view instanceof Pairs && this.side === "right" ? "gorilla" : "reference";
    const { row, sure } = aim.target(endpoint);
    if (sure) this.aim = null;
    // Of a server that is not looked at there is no row to select.
    if (!row || !belongs(row.conn, this.mode)) return;
    if (row.event.seq !== this.selection.seq) this.found++;
    this.selection.lead(row.event.seq);
  }

  /** Goes on with the newest row, whatever was chosen. */
  newest() {
    this.aim = null;
    this.selection.release();
  }

  /** Shows the newest frame, unless a person chose what to look at or an action led there. */
  follow() {
    if (!this.selection.free || this.shared) return;
    const { list } = this.view;
    const n = this.view.count(this.cursor);
    for (let i = n - 1; i >= 0 && i > n - 40; i--) {
      const row = this.rowOf(list[i]);
      if (row && (row.event.frame || row.event.handshake)) return this.selection.select(row.event.seq, false);
    }
    if (!n) this.selection.select(0, false);
  }

  /**
   * The row of a timeline entry: of a pair, the one on the side looked at if
   * it is there. The reference's is, until a person clicks in the other.
   * @param {Row|Pair} item
   * @param {"left"|"right"} [side]
   * @returns {Row|null}
   */
  rowOf(item, side = this.side) {
    if ("event" in item) return item;
    const shown = [item[side], item[side === "left" ? "right" : "left"]];
    return shown.find((row) => row && row.seq <= this.cursor) || null;
  }

  /** Place of the selected row in the view, -1 for none. */
  get selectedIndex() {
    const { view } = this;
    const row = this.rows.bySeq.get(this.selection.seq);
    if (!row) return -1;
    if (view instanceof Pairs) return view.bySeq.get(row.event.seq)?.index ?? -1;
    return view.list.indexOf(row, Math.max(0, view.count(row.seq) - 8));
  }

  /**
   * What the inspector shows: the selected event with the fields of its frame.
   * Until these have come it is what was shown before, whole, so that no
   * picture stands under the heading of another.
   * @returns {Subject|null}
   */
  get subject() {
    if (this.shared) return this.shared;
    const row = this.rows.bySeq.get(this.selection.seq);
    // What is looked at stays, also when its row is forgotten.
    if (!row && this.selection.seq && this.kept?.event.seq === this.selection.seq) return this.kept;
    if (!row || row.seq > this.cursor) return (this.kept = null);
    const { event } = row;
    const detail = this.details.get(event.seq);
    if (event.frame && !detail) {
      this.fetchDetail(event.seq);
      return this.kept || { event, fields: null, error: "", row };
    }
    if (detail instanceof ApiError) this.kept = { event, fields: null, error: detail.words, row };
    else this.kept = { event, fields: detail && event.frame ? detail.fields : null, error: "", row };
    return this.kept;
  }

  /** The field of the subject that the shown bit belongs to. */
  get field() {
    const { subject } = this;
    const fields = subject && subject.fields;
    if (!fields || !fields.length) return null;
    const { into } = this.selection;
    if (into !== null && this.selection.preview === null) return fields[into] || null;
    return fields[Math.max(0, fieldAt(fields, this.selection.shown))];
  }

  /**
   * Asks for a frame's fields, one request at a time: while frames pour in,
   * only the one that is still looked at is worth asking for.
   * @param {number} seq
   */
  async fetchDetail(seq) {
    if (this.fetching || !this.session) return;
    this.fetching = seq;
    const { details, session } = this;
    /** @type {Detail|ApiError} */
    let detail;
    try {
      detail = await call(`${sessionPath(session)}/events/${seq}`);
    } catch (e) {
      detail = /** @type {ApiError} */ (e);
    }
    if (details !== this.details) return;
    this.fetching = 0;
    const [oldest] = details.keys();
    if (details.size >= maxDetails) details.delete(oldest);
    details.set(seq, detail);
    // While frames pour in the picture follows, a little behind.
    const row = this.rows.bySeq.get(seq);
    if (row && !(detail instanceof ApiError)) this.kept = { event: row.event, fields: detail.fields, error: "", row };
    this.touch();
  }

  /**
   * Opens a frame from its bytes alone.
   * @param {string} hex
   * @param {"client"|"server"} from
   * @param {number} bit
   */
  async share(hex, from, bit) {
    try {
      const { frames } = await call("/api/dissect", { hex, from });
      if (!frames.length) throw new ApiError(400, { error: "the address carries no whole frame" });
      const { frame, fields } = frames[0];
      this.shared = { event: { seq: 0, at: 0, conn: 0, from, kind: "frame", frame }, fields, error: "", row: null };
      this.selection.bit = Math.min(bit, frame.hex.length * 4 - 1);
    } catch (e) {
      this.say(`The frame in this page's address cannot be opened: ${words(e)}`, "error");
    }
    this.touch();
  }

  // ——— selecting ———

  /**
   * @param {number} seq
   * @param {number} [bit]
   */
  select(seq, bit) {
    this.shared = null;
    this.aim = null;
    this.selection.select(seq, true);
    if (bit !== undefined) this.selection.pin(bit);
    this.touch();
  }

  /**
   * Moves the selection by rows; Infinity goes to the end.
   * @param {number} by
   */
  move(by) {
    const n = this.view.count(this.cursor);
    // What is forgotten lies where the hole is.
    const at = this.selection.seq <= (this.history.gap?.seq || 0) && this.selection.seq ? 0 : this.selectedIndex;
    const to = Math.max(0, Math.min(n - 1, at < 0 ? (by < 0 ? n - 1 : 0) : at + by));
    const row = n ? this.rowOf(this.view.list[to]) : null;
    if (row) this.select(row.event.seq);
    if (by === Infinity) this.newest();
  }

  /** @param {number} bit */
  pin(bit) {
    this.selection.pin(bit);
    const { subject } = this;
    if (this.selection.into !== null && subject && subject.fields) this.selection.into = fieldAt(subject.fields, bit);
    if (!this.shared) this.selection.chosen = true;
    this.touch();
  }

  /** @param {number|null} bit */
  preview(bit) {
    if (this.selection.preview === bit) return;
    this.selection.preview = bit;
    this.touch();
  }

  /** Begins to walk the selected frame field by field, or stops. */
  into() {
    const { subject, selection } = this;
    if (!subject || !subject.fields) throw new Error("Select a frame first: step into walks its fields in the order a parser reads them.");
    selection.into = selection.into === null ? 0 : null;
    if (!this.shared) selection.chosen = true;
    this.intoField(0);
  }

  /** @param {number} by */
  intoField(by) {
    const { subject, selection } = this;
    if (selection.into === null || !subject || !subject.fields) return;
    const to = selection.into + by;
    if (to >= subject.fields.length) selection.into = null;
    else selection.into = Math.max(0, to);
    selection.pin(subject.fields[Math.min(Math.max(to, 0), subject.fields.length - 1)].bit);
    this.touch();
  }

  /** Lets go of the innermost thing. */
  escape() {
    let done = true;
    if (this.shared) {
      this.shared = null;
      history.replaceState(null, "", location.pathname + location.search);
    } else done = this.selection.escape();
    this.follow();
    this.touch();
    return done;
  }

  // ——— stepping ———

  /** @param {number} n how many rows of the view are to show */
  show(n) {
    const { list } = this.view;
    this.history.cursor = n >= list.length ? Infinity : Math.max(0, list[n].seq - 1);
    const row = n > 0 ? this.rowOf(list[Math.min(n, list.length) - 1]) : null;
    this.shared = null;
    this.aim = null;
    this.selection.select(row ? row.event.seq : 0, false);
    this.touch();
  }

  /** Forward one row, or one unit past the valve; in a play, one step. */
  async step() {
    if (this.selection.into !== null) return this.intoField(1);
    if (this.stepper) return this.stepper.step();
    const n = this.view.count(this.cursor);
    if (n < this.view.list.length) {
      // Rows of one moment (their seqs are equal) show together.
      let to = n + 1;
      while (to < this.view.list.length && this.view.list[to].seq === this.view.list[n].seq) to++;
      return this.show(to);
    }
    this.history.cursor = Infinity;
    this.newest();
    const waiting = this.waiting();
    if (!waiting.length) {
      this.say(
        this.holding
          ? "Nothing is held: do something that crosses the wire."
          : "This is the newest row, and the wire is not held. Press Hold the wire, and what comes next waits here for your step.",
      );
      return;
    }
    // An outside connection has no token to name it by.
    const clients = waiting.every((c) => c.client) ? waiting.map((c) => c.client) : undefined;
    await this.valve("step", clients);
    this.say("");
  }

  back() {
    if (this.selection.into !== null) return this.intoField(-1);
    if (this.stepper) return this.stepper.back();
    const n = this.view.count(this.cursor);
    if (this.history.gap && n <= 1) return this.say("This is the beginning of what is kept.");
    if (n === 0) return this.say("This is the beginning.");
    let to = n - 1;
    while (to > 0 && this.view.list[to - 1].seq === this.view.list[to].seq) to--;
    this.show(to);
  }

  /** Opens the valve and goes to the newest row. */
  async run() {
    if (this.stepper && !this.holding) return this.stepper.run();
    this.history.cursor = Infinity;
    this.newest();
    this.selection.into = null;
    this.follow();
    await this.valve("run");
    this.say("");
  }

  async hold() {
    await this.valve("hold");
    this.say("");
  }

  toggle() {
    if (this.stepper) return this.stepper.toggle();
    return this.holding || !this.history.live ? this.run() : this.hold();
  }

  /** @param {Row} row the oldest one held of its connection */
  async drop(row) {
    await this.valve("drop", row.conn.client ? [row.conn.client] : undefined);
    this.say(`Dropped${this.mode === "both" ? ` (${row.conn.endpoint})` : ""}: the other end never gets these bytes.`);
  }

  /** Connections of the mode with something at the valve. */
  waiting() {
    return [...this.rows.conns.values()].filter((c) => c.held.length && belongs(c, this.mode));
  }

  /** @param {string} what @param {string[]} [clients] */
  async valve(what, clients) {
    this.alive();
    this.turns++;
    await call(`${sessionPath(this.session)}/valve`, { do: what, clients });
    if (what === "hold" || what === "run") this.holding = what === "hold";
    this.touch();
  }

  // ——— doing ———

  /** Throws when there is no server, or no session any more, to do anything. */
  alive() {
    if (this.status === "lost") throw new Error("This session is over. Press Fresh session, then connect.");
    if (this.status === "gone") throw new Error("The lab server does not answer. Start it again with go run ./labserver.");
  }

  get endpoints() {
    return ["reference", "gorilla", "naive"].includes(this.mode) ? [this.mode] : ["reference", "gorilla"];
  }

  /** The newest sockets of the mode that are not closed yet. */
  open() {
    const mine = [...this.sockets.values()].filter((s) => s.ws.readyState < WebSocket.CLOSED);
    return mine.filter((s) => this.endpoints.includes(s.endpoint) || s.endpoint.startsWith("broken/"));
  }

  /**
   * Does what a button of a lesson, or a form of the free lab, asks for, and
   * returns what tells how that stands. What cannot be done throws.
   * @param {Action} a
   * @returns {Promise<Act>}
   */
  async act(a) {
    this.acted++;
    this.aim = null;
    const steers = ["hold", "run", "step", "back"].includes(a.do);
    if (!["back", "restart"].includes(a.do)) this.alive();
    if (this.watching && !steers) throw new Error("You are watching a connection that is not this page's, so this page cannot send on it.");
    this.say("");
    if (!steers) this.stepper = null;
    await this.starting; // whoever is quick presses a button before the session is there
    if (!this.session) throw new Error(this.refusal || "There is no session yet: the lab server does not answer.");
    const act = new Act(a, this.session, this.history.last);
    if (!steers && a.do !== "restart") {
      // What is done now is at the end of the recording.
      this.history.cursor = Infinity;
      this.shared = null;
      this.selection.release();
      this.aim = act;
      this.news++;
    }
    try {
      await this.perform(a, act);
    } catch (e) {
      if (this.aim === act) this.aim = null;
      throw e;
    }
    act.asked = false;
    if (this.aim === act) this.lead();
    this.touch();
    return act;
  }

  /** @param {Action} a @param {Act} act @returns {unknown} */
  perform(a, act) {
    switch (a.do) {
      case "connect":
        return this.connect(act, a.broken ? [`broken/${a.broken}`] : this.endpoints);
      case "send":
        return this.send(a, act);
      case "close":
        return this.close(a, act);
      case "hold":
        return this.hold();
      case "run":
        return this.run();
      case "step":
        return this.step();
      case "back":
        return this.back();
      case "restart":
        return this.restart();
      case "scenario": {
        const n = ++this.round;
        act.clients = this.endpoints.map((endpoint) => ({ endpoint, token: `scenario-${endpoint}-${n}` }));
        return this.orders(act, "scenario", act.clients, ({ endpoint }) => ({ scenario: a.name, endpoint, round: n }));
      }
      case "ping":
      case "pong":
        return this.tell(act, { do: a.do, text: a.text || "", hex: a.hex });
      case "say":
        return this.tell(act, a.hex === undefined ? { do: "text", text: a.text || "" } : { do: "binary", hex: a.hex });
      case "fragments":
        return this.tell(act, { do: "fragments", parts: a.parts });
      case "server-close":
        reasonNeedsCode(a.code, a.reason);
        return this.tell(act, { do: "close", code: a.code, reason: a.reason || undefined });
      case "raw-open":
        return this.dialRaw(a, act);
      case "raw-bytes":
      case "raw-close":
        return this.writeRaw(a, act);
    }
    throw new Error(`This page knows no action ${JSON.stringify(a.do)}.`);
  }

  /** @param {Action} a @param {Act} act */
  async dialRaw(a, act) {
    const n = ++this.round;
    const { fields } = a;
    act.clients = (a.endpoint === "both" ? ["reference", "gorilla"] : [a.endpoint || "reference"]).map((endpoint) => ({ endpoint, token: `raw-${endpoint}-${n}` }));
    this.raw = await this.raws(act, ({ endpoint }) => ({ do: "open", endpoint, fields, round: n }));
  }

  /** @param {Action} a @param {Act} act */
  async writeRaw(a, act) {
    if (!this.raw.length) throw new Error("Dial with the raw client first.");
    const bytes = a.do === "raw-bytes" ? hexBytes(a.hex || "") : null;
    act.size = bytes ? bytes.length : 0;
    act.clients = this.raw;
    await this.raws(act, () => (bytes ? { do: "bytes", hex: hexOf(bytes) } : { do: "close" }));
  }

  /**
   * Orders the same of several raw clients. Returns those that did it, and
   * throws when none did.
   * @param {Act} act
   * @param {(client: import("./act.js").Client) => object} body
   */
  async raws(act, body) {
    const asked = act.clients;
    const results = await Promise.allSettled(asked.map((client) => this.order(act, "raw", client, body(client))));
    act.note = outcome(asked, results);
    return (act.clients = asked.filter((_, i) => results[i].status === "fulfilled"));
  }

  /**
   * Orders something of the server's side of clients.
   * @param {Act} act
   * @param {"server"|"scenario"} what
   * @param {import("./act.js").Client[]} clients
   * @param {(client: import("./act.js").Client) => object} body
   */
  orders(act, what, clients, body) {
    return Promise.all(clients.map((client) => this.order(act, what, client, body(client))));
  }

  /**
   * What an action causes comes after the last event that was there when the
   * server took the order.
   * @param {Act} act
   * @param {string} what
   * @param {import("./act.js").Client} client
   * @param {object} body
   */
  async order(act, what, client, body) {
    const { after } = await this.post(what, { client: client.token, ...body });
    act.began.set(client.token, after);
  }

  /** @param {string} what @param {object} body */
  post(what, body) {
    return call(`${sessionPath(this.session)}/${what}`, body);
  }

  /**
   * Whether a socket of this page is closed with nobody left to record it.
   * @param {Conn} conn
   */
  cut(conn) {
    if (this.status !== "gone" && this.status !== "lost") return false;
    return ![...this.sockets.values()].some((s) => s.token === conn.client && s.ws.readyState < WebSocket.CLOSED);
  }

  /** @param {Act} act @param {string[]} endpoints */
  connect(act, endpoints) {
    this.stepper = null;
    const open = new Map(this.open().map((s) => [s.endpoint, s]));
    const missing = endpoints.filter((e) => !open.has(e));
    if (!missing.length) throw new Error("You are connected already. Close the connection to open another.");
    for (const { round } of this.rows.conns.values()) this.round = Math.max(this.round, round);
    // The second of two endpoints takes the number of the first, which is what
    // sets the two side by side.
    const partner = endpoints.length > 1 ? open.get(endpoints.find((e) => open.has(e)) || "") : undefined;
    let n = partner ? partner.n : ++this.round;
    if (missing.some((e) => this.rows.byClient.has(`${e.split("/")[0]}-${n}`))) n = ++this.round;
    this.resumed = this.returned = false;
    this.shared = null;
    act.clients = missing.map((endpoint) => ({ endpoint, token: `${endpoint.split("/")[0]}-${n}` }));
    for (const endpoint of missing) this.dial(endpoint, n);
  }

  /** @param {string} endpoint @param {number} n */
  dial(endpoint, n) {
    const token = `${endpoint.split("/")[0]}-${n}`;
    const ws = this.socket(endpoint, token, WebSocket, n);
    this.sockets.set(endpoint, { token, endpoint, n, ws });
  }

  /**
   * Opens a WebSocket that tells the recording all it does and is told.
   * @param {string} endpoint
   * @param {string} token
   * @param {typeof WebSocket} [Socket] of the window whose socket it is to be
   * @param {number} [round] which sets the sockets of several endpoints side by side
   */
  socket(endpoint, token, Socket = WebSocket, round = 0) {
    const origin = location.origin.replace(/^http/, "ws");
    const url = `${origin}/ws/${endpoint}?session=${encodeURIComponent(this.session)}&client=${token}${round ? `&round=${round}` : ""}`;
    const session = this.session;
    /** @param {string} what @param {object} [more] */
    const tell = (what, more) => session === this.session && this.report({ client: token, what, readyState: ws.readyState, ...more });
    const began = this.now();
    const ws = new Socket(url);
    ws.binaryType = "arraybuffer";
    /** @type {{ws: WebSocket, opened: boolean, close: {code: number, wasClean: boolean}|null}} */
    const own = { ws, opened: false, close: null };
    this.tokens.set(token, own);
    this.report({ client: token, at: began, what: "new WebSocket", text: `/ws/${endpoint}`, endpoint, round: round || undefined, readyState: ws.readyState });
    ws.onopen = () => {
      own.opened = true;
      tell("onopen");
      this.touch();
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
      if (!own.opened && this.server === "there") {
        this.say(
          `The browser refused or lost the handshake. Your JavaScript is told no more than this: error, then close with code ${code}${reason ? "" : " and no reason"}. No browser tells a script the cause. This lab's log names the rule that the response broke; Chromium names the cause in its console (F12).`,
          "error",
        );
      }
      this.touch();
    };
    return ws;
  }

  /** The sockets that can send. */
  ready() {
    const open = this.open();
    if (!open.length) throw new Error("Nothing is open: press Connect first.");
    const ready = open.filter((s) => s.ws.readyState === WebSocket.OPEN);
    if (ready.length) return ready;
    if (open.some((s) => s.ws.readyState === WebSocket.CONNECTING)) {
      throw new Error(
        this.waiting().length
          ? "The handshake has not crossed yet: it is held. Press → to let it."
          : "The handshake has not crossed yet.",
      );
    }
    throw new Error("The connection is closing: the browser sends no more data.");
  }

  /** @param {Action} a @param {Act} act */
  send(a, act) {
    const ready = this.ready();
    const text = a.hex !== undefined ? "" : a.repeat ? "a".repeat(a.repeat) : a.text || "";
    const data = a.hex !== undefined ? hexBytes(a.hex) : null;
    act.clients = ready;
    act.size = data ? data.length : new Blob([text]).size;
    for (const s of ready) {
      const at = this.now();
      act.at.set(s.token, at);
      if (data) s.ws.send(data);
      else s.ws.send(text);
      const told = data ? { size: data.length } : { text: text.slice(0, 200), size: new Blob([text]).size };
      this.report({ client: s.token, at, what: "send", readyState: s.ws.readyState, ...told });
    }
  }

  /** @param {Action} a @param {Act} act */
  close(a, act) {
    reasonNeedsCode(a.code, a.reason);
    const open = this.open();
    if (!open.length) throw new Error("Nothing is open, so there is nothing to close.");
    let refused = "";
    act.clients = open;
    for (const s of open) {
      const at = this.now();
      act.at.set(s.token, at);
      try {
        if (a.code !== undefined) s.ws.close(a.code, a.reason || "");
        else s.ws.close();
      } catch (e) {
        const thrown = e instanceof Error ? `${e.name}: ${e.message}` : String(e);
        this.report({ client: s.token, at, what: "error", text: `close(${a.code}) threw ${thrown}` });
        refused = `The browser threw ${thrown}`;
        continue;
      }
      this.report({ client: s.token, at, what: "close", code: a.code, reason: a.reason || undefined, readyState: s.ws.readyState });
    }
    if (refused) throw new Error(refused);
  }

  /** Has the server's code do something on each connection. @param {Act} act @param {object} body */
  tell(act, body) {
    act.clients = this.ready();
    return this.orders(act, "server", act.clients, () => body);
  }

  // ——— what JavaScript did, for the recording ———

  /** Microseconds on the session's clock. */
  now() {
    return Math.max(0, Math.round((performance.timeOrigin + performance.now() - this.epoch) * 1000));
  }

  /** @param {{client: string, what: string, at?: number, [more: string]: unknown}} event */
  report(event) {
    if (this.unsent.length < maxUnsent) this.unsent.push({ at: this.now(), ...event });
    this.flush();
  }

  async flush() {
    if (this.sending || !this.session) return;
    this.sending = true;
    // What happens in one turn travels in one request.
    await Promise.resolve();
    while (this.unsent.length && this.session) {
      const { session, unsent: batch } = this;
      this.unsent = [];
      try {
        await this.post("script", batch);
      } catch (e) {
        // With no answer it is kept until the stream is back; a refusal is final.
        if (e instanceof ApiError && away(e.status) && session === this.session) this.unsent = [...batch, ...this.unsent];
        break;
      }
    }
    this.sending = false;
  }
}

/**
 * When the server's clock was at 0, in ms since 1970: it told the time half-way
 * between asking and now.
 * @param {number} asked
 * @param {number} told microseconds
 */
const clockAt = (asked, told) => performance.timeOrigin + (asked + performance.now()) / 2 - told / 1000;

/** @param {unknown} e */
export const words = (e) => (e instanceof ApiError ? e.words : e instanceof Error ? e.message : String(e));

/** Hex that cannot be read: says where, for the field that it was typed in. */
export class HexError extends Error {
  /** @param {string} error @param {number} at */
  constructor(error, at) {
    super(`${error}, at character ${at + 1}.`);
    this.at = at;
  }
}

/** @param {string} text */
export function hexBytes(text) {
  const read = parseHex(text);
  if ("error" in read) throw new HexError(read.error, read.at);
  return read.bytes;
}

/** @param {Uint8Array} bytes */
const hexOf = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

/** The oldest row held of a connection can be dropped; no other. @param {Row} row */
export const canDrop = (row) => row.conn.held[0] === row && heldAt(row, Infinity) === "waiting";

/** The one session of the page. */
export const lab = new Lab();
