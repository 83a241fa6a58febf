/**
 * Whether the reader is at the end of a list that grows, so that the list follows
 * its end. Only a scroll by the reader changes this, not a change of height.
 */

/** @typedef {{scrollTop: number, clientHeight: number, scrollHeight: number}} Scroller */

const near = 4; // pixels from the end that count as the end, because a zoomed page rounds sizes

export class Tail {
  follows = true;
  room = 0; // height of the visible part, in pixels
  size = 0; // height of the whole list, in pixels

  /** Handles a scroll event. A scroll event after a change of size is not from the reader. @param {Scroller} of */
  scrolled(of) {
    if (of.clientHeight !== this.room || of.scrollHeight !== this.size) return;
    this.follows = of.scrollTop + of.clientHeight >= of.scrollHeight - near;
  }

  /** Stays at the place to which the page scrolled to show a row. @param {Scroller} of */
  moved(of) {
    this.room = of.clientHeight;
    this.size = of.scrollHeight;
    this.scrolled(of);
  }

  /** Stores the present sizes. Scrolls to the end if the reader was at the end. @param {Scroller} of */
  fit(of) {
    if (!of.clientHeight) return; // the list is hidden
    if (this.follows) of.scrollTop = of.scrollHeight;
    this.room = of.clientHeight;
    this.size = of.scrollHeight;
  }
}
