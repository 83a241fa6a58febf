/**
 * The selection: an event, a bit of it, and perhaps a field reached by stepping
 * into the frame. Focus previews a bit, and a click pins it. Bits, fields, source
 * lines and rules all follow this one selection.
 */

export class Selection {
  constructor() {
    /** Seq of the event, 0 for none. */
    this.seq = 0;
    /** The pinned bit, counted from the frame's first. */
    this.bit = 0;
    /** @type {number|null} The bit under focus or pointer. */
    this.preview = null;
    /** @type {number|null} Index of the field reached by stepping into the frame. */
    this.into = null;
    /** Whether a person chose the event. */
    this.chosen = false;
    /** Whether an action led to the event, which stays selected as if it were chosen. */
    this.led = false;
  }

  /** The bit that the page shows. */
  get shown() {
    return this.preview === null ? this.bit : this.preview;
  }

  /**
   * Selects an event. The pinned bit stays, to compare the same bit of two frames.
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

  /** Whether the newest event may take its place. */
  get free() {
    return !this.chosen && !this.led;
  }

  /** Goes on with the newest event. */
  release() {
    this.chosen = this.led = false;
  }

  /** @param {number} bit */
  pin(bit) {
    this.bit = bit;
    this.preview = null;
  }

  /**
   * Undoes the innermost thing, and says whether there was one.
   */
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
 * The address of a frame that carries its own bytes, so that it opens
 * without the server's memory of them.
 * @param {string} hex
 * @param {string} from
 * @param {number} bit
 */
export const frameHash = (hex, from, bit) => `#frame=${hex}&from=${from}&b=${bit}`;

/**
 * Reads either address; null when it is neither (a heading's, for one).
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
