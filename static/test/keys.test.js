import assert from "node:assert/strict";
import { test } from "node:test";
import { bindings, command, help, taken } from "../keys.js";

const everything = { lab: true, next: true, previous: true };
const press = (key, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

test("every key of a lesson does what the help says", () => {
  const does = Object.fromEntries(["ArrowRight", "ArrowLeft", " ", ".", "?", "PageDown", "PageUp", "Escape"].map((k) => [k, command(press(k), everything)]));
  assert.deepEqual(does, { ArrowRight: "step", ArrowLeft: "back", " ": "toggle", ".": "toggle", "?": "help", PageDown: "next", PageUp: "previous", Escape: "escape" });
});

test("the help lists what works on the page, and no more", () => {
  const page = { lab: false, next: false, previous: false };
  assert.deepEqual(help(page).flatMap((b) => b.shown), ["?", "Esc"]);
  for (const b of bindings) for (const key of b.keys) assert.equal(command(press(key), page) !== null, help(page).includes(b));
});

test("a key with a modifier is the browser's", () => {
  assert.equal(command(press("ArrowLeft", { altKey: true }), everything), null);
  assert.equal(command(press("ArrowRight", { shiftKey: true }), everything), null);
  assert.equal(command(press("?", { shiftKey: true }), everything), "help");
});

test("keys are off in inputs; Space is the button's own", () => {
  assert.ok(taken({ localName: "input" }, "ArrowRight"));
  assert.ok(taken({ localName: "textarea" }, "."));
  assert.ok(taken({ localName: "button" }, " "));
  assert.ok(!taken({ localName: "button" }, "ArrowRight"));
  assert.ok(!taken(null, " "));
});

test("what scrolls has the keys that scroll it, and only those", () => {
  const pre = { localName: "pre" };
  assert.ok(taken(pre, "ArrowRight", { x: true, y: false }));
  assert.ok(taken(pre, "PageDown", { x: false, y: true }));
  assert.ok(!taken(pre, "PageDown", { x: true, y: false }));
  assert.ok(!taken(pre, "ArrowLeft", { x: false, y: true }));
  assert.ok(!taken(pre, "ArrowLeft"));
  assert.ok(!taken(pre, " ", { x: true, y: true }));
});
