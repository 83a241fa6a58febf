/**
 * The selected frame, field and bit, and the fields of frames as the server
 * explains them.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").Detail} Detail
 * @typedef {import("./types.js").Field} Field
 * @typedef {import("./rows.js").Row} Row
 * @typedef {{event: LabEvent, fields: Field[]|null, error: string, row: Row|null}} Subject
 */

import { ApiError, call, sessionPath, words } from "./api.js";
import { fieldAt } from "./bits.js";
import { Selection, fromHash } from "./selection.js";

const maxDetails = 200;

export class Inspector {
  selection = new Selection();
  /** @type {Subject|null} the frame in the page's address */
  shared = null;
  /** @type {Subject|null} the last subject that was shown; used until the fields of the selected one have arrived */
  kept = null;
  /** @type {Map<number, Detail|ApiError>} the server's explanation of frames, by seq */
  details = new Map();
  fetching = 0;
  /** @type {import("./act.js").Act|null} the action whose frame will be selected as soon as it is recorded */
  aim = null;
  hashSeq = 0; // seq of the event that the address names, until that event is recorded
  found = 0; // how often an address, an action or a difference selected an event

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    session.addEventListener("fresh", () => this.reset());
  }

  reset() {
    this.selection = new Selection();
    this.details = new Map();
    this.kept = null;
    this.fetching = 0;
    this.aim = null;
  }

  /**
   * The selected event with the fields of its frame. Until the fields arrive, this
   * is still the whole previous subject, so that no picture appears below the
   * heading of another subject.
   * @returns {Subject|null}
   */
  get subject() {
    if (this.shared) return this.shared;
    const { rows, history } = this.session;
    const row = rows.bySeq.get(this.selection.seq);
    // Keep the subject, even if its row is forgotten.
    if (!row && this.selection.seq && this.kept?.event.seq === this.selection.seq) return this.kept;
    if (!row || row.seq > history.cursor) return (this.kept = null);
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

  /** The field that the shown bit belongs to. */
  get field() {
    const { subject } = this;
    const fields = subject && subject.fields;
    if (!fields || !fields.length) return null;
    const { into } = this.selection;
    if (into !== null && this.selection.preview === null) return fields[into] || null;
    return fields[Math.max(0, fieldAt(fields, this.selection.shown))];
  }

  /**
   * Requests a frame's fields, one request at a time. If many frames arrive, only
   * the selected frame needs a request.
   * @param {number} seq
   */
  async fetchDetail(seq) {
    const { session, details } = this;
    if (this.fetching || !session.id) return;
    this.fetching = seq;
    /** @type {Detail|ApiError} */
    let detail;
    try {
      detail = await call(`${sessionPath(session.id)}/events/${seq}`);
    } catch (e) {
      detail = /** @type {ApiError} */ (e);
    }
    if (details !== this.details) return;
    this.fetching = 0;
    const [oldest] = details.keys();
    if (details.size >= maxDetails) details.delete(oldest);
    details.set(seq, detail);
    // While many frames arrive, the picture follows a little later.
    const row = session.rows.bySeq.get(seq);
    if (row && !(detail instanceof ApiError)) this.kept = { event: row.event, fields: detail.fields, error: "", row };
    session.touch();
  }

  // ——— the page's address ———

  /** Opens the frame or the event that the page's address names. */
  async readAddress() {
    const hash = fromHash(location.hash);
    if (!hash) return;
    if (hash.frame) return this.share(hash.frame, hash.from, hash.bit);
    this.shared = null;
    this.selection.pin(hash.bit);
    this.hashSeq = hash.seq;
    this.find();
    this.session.touch();
  }

  /** Selects the event that the address names as soon as it is recorded. */
  find() {
    const { history, rows } = this.session;
    if (!this.hashSeq || history.last < this.hashSeq) return;
    const row = rows.bySeq.get(this.hashSeq);
    this.hashSeq = 0;
    if (!row) return this.session.say("The event in this page's address has no row in this recording, or was discarded because it is too old.");
    if (row.seq > history.cursor) history.cursor = Infinity;
    this.selection.select(row.event.seq, true);
    this.found++;
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
      if (!frames.length) throw new ApiError(400, { error: "the address does not contain a whole frame" });
      const { frame, fields } = frames[0];
      this.shared = { event: { seq: 0, at: 0, conn: 0, from, kind: "frame", frame }, fields, error: "", row: null };
      this.selection.bit = Math.min(bit, frame.hex.length * 4 - 1);
    } catch (e) {
      this.session.say(`The frame in this page's address cannot be opened: ${words(e)}`, "error");
    }
    this.session.touch();
  }

  // ——— selecting ———

  /**
   * Selects the event that a person chose.
   * @param {number} seq
   * @param {number} [bit]
   */
  select(seq, bit) {
    this.shared = null;
    this.aim = null;
    this.selection.select(seq, true);
    if (bit !== undefined) this.selection.pin(bit);
    this.session.touch();
  }

  /** Ends any selection and selects the newest row from now on. */
  newest() {
    this.aim = null;
    this.selection.release();
  }

  /** @param {number} bit */
  pin(bit) {
    this.selection.pin(bit);
    const { subject } = this;
    if (this.selection.into !== null && subject && subject.fields) this.selection.into = fieldAt(subject.fields, bit);
    if (!this.shared) this.selection.chosen = true;
    this.session.touch();
  }

  /** @param {number|null} bit */
  preview(bit) {
    if (this.selection.preview === bit) return;
    this.selection.preview = bit;
    this.session.touch();
  }

  /** Begins or ends a walk through the selected frame, field by field. */
  into() {
    const { subject, selection } = this;
    if (!subject || !subject.fields) throw new Error("Select a frame first. Step into frame then shows its fields in the order in which a parser reads them.");
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
    this.session.touch();
  }

  /** Undoes the innermost selection. Returns whether there was one. */
  escape() {
    if (!this.shared) return this.selection.escape();
    this.shared = null;
    history.replaceState(null, "", location.pathname + location.search);
    return true;
  }
}
