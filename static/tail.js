/**
 * Whether a list that grows is read at its end, and so goes on with it. Only a
 * person who scrolls decides that. A list or a window that changes its height
 * moves the end as well, and says nothing about where the person wants to read.
 */

/** @typedef {{scrollTop: number, clientHeight: number, scrollHeight: number}} Scroller */

const near = 4; // pixels from the end that still are the end: sizes are rounded when a page is zoomed

export class Tail {
  follows = true;
  room = 0; // what is seen of the list, in pixels
  size = 0; // of the whole list

  /** Takes a scroll event. One that comes together with another size was not a person's. @param {Scroller} of */
  scrolled(of) {
    if (of.clientHeight !== this.room || of.scrollHeight !== this.size) return;
    this.follows = of.scrollTop + of.clientHeight >= of.scrollHeight - near;
  }

  /** Takes a scroll that the page made to show a row: there it stays. @param {Scroller} of */
  moved(of) {
    this.room = of.clientHeight;
    this.size = of.scrollHeight;
    this.scrolled(of);
  }

  /** Takes the sizes as they are now, and scrolls to the end if the list is read there. @param {Scroller} of */
  fit(of) {
    if (!of.clientHeight) return; // it is not shown, and has no place
    if (this.follows) of.scrollTop = of.scrollHeight;
    this.room = of.clientHeight;
    this.size = of.scrollHeight;
  }
}
