/**
 * The recording as the page holds it: events in order of seq, appended only.
 * A stream that resumes may repeat events, so each seq is taken once.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 */

export class History {
  constructor() {
    /** @type {LabEvent[]} */
    this.events = [];
    /** Seq of the last event shown, or Infinity to follow the newest. */
    this.cursor = Infinity;
    /** Events that the server had to drop, as its dropped events told. */
    this.lost = 0;
  }

  /** Seq of the newest event, 0 before the first. */
  get last() {
    return this.events.length ? this.events[this.events.length - 1].seq : 0;
  }

  get live() {
    return this.cursor >= this.last;
  }

  /**
   * Takes the events that are new and returns them.
   * @param {LabEvent[]} batch in order of seq
   */
  append(batch) {
    let last = this.last;
    const fresh = batch.filter((e) => e.seq > last && ((last = e.seq), true));
    for (const e of fresh) {
      this.events.push(e);
      if (e.dropped) this.lost += e.dropped.count;
    }
    return fresh;
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
