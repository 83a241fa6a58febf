/**
 * The recording in the page: events in order of seq. New events are added at the
 * end. If there are too many, the page forgets events at the front. A stream that
 * resumes may repeat events, so the page accepts each seq once.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {{events: number, weight: number}} Limits
 */

/**
 * The page keeps as many events as the server, and about as many characters of
 * their hex and text.
 * @type {Limits}
 */
const most = { events: 100_000, weight: 96 << 20 };

/** The approximate number of characters that an event holds. @param {LabEvent} e */
function weigh(e) {
  const { bytes, frame, handshake, http, message, script, stack } = e;
  const texts = [bytes?.hex, frame?.hex, frame?.payload, frame?.text, handshake?.hex, handshake?.hex, handshake?.hex, http?.hex, http?.hex, http?.text, message?.hex, message?.text, script?.text];
  return texts.reduce((n, text) => n + (text?.length || 0), 200 + 120 * (stack?.calls.length || 0));
}

export class History {
  /** @param {Limits} [limits] */
  constructor(limits = most) {
    this.limits = limits;
    /** @type {LabEvent[]} */
    this.events = [];
    this.weight = 0;
    /** @type {LabEvent|null} the event that replaces the forgotten ones, with the seq of the last of them */
    this.gap = null;
    this.shown = Infinity;
    /** The number of events that the server dropped. */
    this.lost = 0;
  }

  /** Seq of the last visible event, or Infinity to follow the newest. */
  get cursor() {
    return this.shown;
  }

  /** The cursor is never before the forgotten events. */
  set cursor(seq) {
    this.shown = Math.max(seq, this.gap ? this.gap.seq : 0);
  }

  /** Seq of the newest event, 0 before the first. */
  get last() {
    return this.events.length ? this.events[this.events.length - 1].seq : 0;
  }

  get live() {
    return this.cursor >= this.last;
  }

  /**
   * Adds the events that are new and returns them.
   * @param {LabEvent[]} batch in order of seq
   */
  append(batch) {
    let last = this.last;
    const fresh = batch.filter((e) => e.seq > last && ((last = e.seq), true));
    for (const e of fresh) {
      this.events.push(e);
      this.weight += weigh(e);
      if (e.dropped) this.lost += e.dropped.count;
    }
    return fresh;
  }

  /**
   * Forgets the oldest events when there are more than the limits allow, down to
   * 90% of the limits. Returns the event that replaces all forgotten ones; null if
   * this call forgot none.
   * @returns {LabEvent|null}
   */
  trim() {
    const { events, limits } = this;
    if (events.length <= limits.events && this.weight <= limits.weight) return null;
    let n = 0;
    let count = this.gap?.dropped?.count || 0;
    // The newest event always stays.
    while (n < events.length - 1 && (events.length - n > limits.events * 0.9 || this.weight > limits.weight * 0.9)) {
      const e = events[n++];
      this.weight -= weigh(e);
      count += e.dropped ? e.dropped.count : 1;
    }
    if (!n) return null;
    const { seq, at } = events[n - 1];
    this.events = events.slice(n);
    this.gap = { seq, at, conn: 0, from: "server", kind: "dropped", dropped: { count, here: true } };
    this.cursor = this.shown;
    return this.gap;
  }

  /**
   * Returns how many events have a seq of at most seq.
   * @param {number} seq
   */
  count(seq) {
    return upTo(this.events, seq);
  }

  /**
   * Returns the event with this seq. Seqs have gaps where events were dropped.
   * @param {number} seq
   * @returns {LabEvent|undefined}
   */
  get(seq) {
    const e = this.events[this.count(seq) - 1];
    return e && e.seq === seq ? e : undefined;
  }
}

/**
 * Returns how many items of a list in order of seq have a seq of at most seq.
 * @param {ArrayLike<{seq: number}>} list
 * @param {number} seq
 */
export function upTo(list, seq) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (list[mid].seq <= seq) low = mid + 1;
    else high = mid;
  }
  return low;
}
