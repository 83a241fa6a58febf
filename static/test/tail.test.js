import assert from "node:assert/strict";
import { test } from "node:test";
import { Tail } from "../tail.js";

/** A list of so many pixels of which so many are seen, as a browser keeps its place. */
class List {
  constructor(size, room) {
    this.scrollHeight = size;
    this.clientHeight = room;
    this.top = 0;
  }

  get scrollTop() {
    return this.top;
  }

  set scrollTop(to) {
    this.top = Math.max(0, Math.min(to, this.scrollHeight - this.clientHeight));
  }

  get left() {
    return this.scrollHeight - this.clientHeight - this.top;
  }
}

test("a list that is read at its end goes on with it, whatever changes its height", () => {
  const list = new List(100, 200);
  const tail = new Tail();
  for (const [size, room] of [[900, 200], [900, 80], [900, 500], [2000, 500], [300, 500], [900, 0], [900, 120]]) {
    [list.scrollHeight, list.clientHeight] = [size, room];
    list.scrollTop = list.top; // the browser keeps the place within the list
    tail.scrolled(list); // and may tell so
    tail.fit(list);
    assert.ok(list.left <= 0 || !room, `${size} ${room}: ${list.left}`);
    assert.ok(tail.follows);
  }
});

test("a person who reads further up is left alone until they come back", () => {
  const list = new List(900, 200);
  const tail = new Tail();
  tail.fit(list);
  list.scrollTop = 300;
  tail.scrolled(list);
  list.scrollHeight = 1200;
  tail.fit(list);
  list.clientHeight = 100;
  tail.fit(list);
  assert.equal(list.top, 300);
  list.scrollTop = 1098; // within what rounding leaves
  tail.scrolled(list);
  list.scrollHeight = 1300;
  tail.fit(list);
  assert.equal(list.left, 0);
});
