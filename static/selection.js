/**
 * The selection: an event, a bit of it, and during a walk through the frame, a
 * field. Focus previews a bit, and a click pins it. The page's bits, fields, source
 * lines and rules all show this one selection.
 */

export class Selection {
  constructor() {
    /** Seq of the event, 0 for none. */
    this.seq = 0;
    /** The pinned bit, counted from the frame's first. */
    this.bit = 0;
    /** @type {number|null} The bit under focus or pointer. */
    this.preview = null;
    /** @type {number|null} Index of the field that the walk through the frame has reached. */
    this.into = null;
    /** Whether a person chose the event. */
    this.chosen = false;
    /** Whether an action led to the event. Such an event stays selected like one that a person chose. */
    this.led = false;
  }

  /** The bit that the page shows: the previewed bit, or else the pinned one. */
  get shown() {
    return this.preview === null ? this.bit : this.preview;
  }

  /**
   * Selects an event. The pinned bit stays, so that the reader can compare the same
   * bit of two frames.
   * @param {number} seq
   * @param {boolean} chosen by a person
   */
  select(seq, chosen) {
    if (seq !== this.seq) {
      this.preview = null;
      this.into = null;
    }
    this.seq = seq;
    this.chosen = chosen;
    this.led = false;
  }

  /** Selects the event that an action leads to. @param {number} seq */
  lead(seq) {
    this.select(seq, false);
    this.led = true;
  }

  /** Whether the newest event may replace the selected one. */
  get free() {
    return !this.chosen && !this.led;
  }

  /** Ends the selection and follows the newest event. */
  release() {
    this.chosen = this.led = false;
  }

  /** @param {number} bit */
  pin(bit) {
    this.bit = bit;
    this.preview = null;
  }

  /** Undoes the innermost selection. Returns whether there was one. */
  escape() {
    if (this.preview !== null) this.preview = null;
    else if (this.into !== null) this.into = null;
    else if (!this.free) this.release();
    else return false;
    return true;
  }
}

/**
 * The address of a selection within its page.
 * @param {{seq: number, bit: number}} at
 */
export const toHash = (at) => (at.seq ? `#e=${at.seq}&b=${at.bit}` : "");

/**
 * The address of a frame. It contains the frame's bytes, so it works after the
 * server has dropped the frame.
 * @param {string} hex
 * @param {string} from
 * @param {number} bit
 */
export const frameHash = (hex, from, bit) => `#frame=${hex}&from=${from}&b=${bit}`;

/**
 * Reads an address of either form; null for any other address, such as that of a
 * heading.
 * @param {string} hash
 * @returns {{seq: number, bit: number, frame: string, from: "client"|"server"}|null}
 */
export function fromHash(hash) {
  const q = new URLSearchParams(hash.replace(/^#/, ""));
  const frame = q.get("frame") || "";
  const seq = Number(q.get("e")) || 0;
  if (!frame && !seq) return null;
  return { seq, frame, bit: Math.max(0, Number(q.get("b")) || 0), from: q.get("from") === "server" ? "server" : "client" };
}
