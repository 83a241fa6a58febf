/**
 * The page: makes its lab, loads the elements that the document has, gives them
 * what they need, and wires the keys.
 *
 * Names lead to the code. The MASK bit, from the server to the screen:
 *   reference/dissect/field.go      names the field MASK of a frame
 *   labserver/internal/web/api.go   serves the fields of an event as JSON
 *   inspector.js                    asks for them, and holds the selected bit
 *   elements/bits.js                draws the bits; WsInspector gives it the fields
 *
 * Modules without a document:
 *   lab.js         the parts of the lab: session.js (stream, API, recording), inspector.js (selection), cursor.js (the
 *                  reader's place, stepping), sockets.js (the page's WebSockets), actions.js (buttons), player.js (plays)
 *   history.js     the events; rows.js their rows; connection.js one connection; shown.js a row at a cursor
 *   align.js       two sides in pairs: beside.js lays them, differences.js says how they differ
 *   play.js        one play; ends.js its connection from both ends; outcome.js, tally.js how it ended; heartbeat.js
 *   act.js         one action and its result; forms.js, predict.js, unmask.js for the elements of that name
 *   bits.js        a frame as bits; machine.js, format.js, hex.js words and numbers; status.js the panel's sentences
 *   compare.js     the matrix of cases; judging.js its runs; headermap.js
 *   api.js, store.js, selection.js, keys.js, tail.js   requests, memory, addresses, keys, scrolling
 *
 * elements/ has the custom elements and the helpers that draw them; css/ has one
 * layer a file, in the order of wslab.css.
 */

import { LabElement, NeedEvent, attempt } from "./elements/dom.js";
import { WsKeys, WsProgress, WsTheme, here } from "./elements/site.js";
import { command, taken } from "./keys.js";
import { Lab } from "./lab.js";

const lab = new Lab();

/** @type {Record<string, () => Promise<Record<string, unknown>>>} the module of each element; the lab comes first, since others read its mode */
const modules = {
  "ws-lab": () => import("./elements/lab.js"),
  "ws-accept": () => import("./elements/accept.js"),
  "ws-bench": () => import("./elements/bench.js"),
  "ws-bits": () => import("./elements/bits.js"),
  "ws-codes": () => import("./elements/codes.js"),
  "ws-compare": () => import("./elements/compare.js"),
  "ws-connections": () => import("./elements/connections.js"),
  "ws-decoder": () => import("./elements/decoder.js"),
  "ws-do": () => import("./elements/do.js"),
  "ws-ends": () => import("./elements/ends.js"),
  "ws-field-card": () => import("./elements/field-card.js"),
  "ws-findings": () => import("./elements/findings.js"),
  "ws-free": () => import("./elements/free.js"),
  "ws-header-map": () => import("./elements/headermap.js"),
  "ws-heartbeat": () => import("./elements/heartbeat.js"),
  "ws-inspector": () => import("./elements/inspector.js"),
  "ws-lengths": () => import("./elements/lengths.js"),
  "ws-log": () => import("./elements/log.js"),
  "ws-matrix": () => import("./elements/matrix.js"),
  "ws-outcome": () => import("./elements/outcome.js"),
  "ws-play": () => import("./elements/play.js"),
  "ws-predict": () => import("./elements/predict.js"),
  "ws-source": () => import("./elements/source.js"),
  "ws-tally": () => import("./elements/tally.js"),
  "ws-timeline": () => import("./elements/timeline.js"),
  "ws-unmask": () => import("./elements/unmask.js"),
};

/** @type {Record<string, string[]>} the elements that an element is made of */
const parts = {
  "ws-bench": ["ws-lab"],
  "ws-compare": ["ws-findings", "ws-matrix"],
  "ws-decoder": ["ws-bits", "ws-field-card"],
  "ws-free": ["ws-connections"],
  "ws-inspector": ["ws-bits", "ws-field-card", "ws-source", "ws-unmask"],
  "ws-lab": ["ws-timeline", "ws-inspector"],
  "ws-play": ["ws-ends", "ws-outcome"],
};

/** The elements that some are made of, the innermost first. @param {string[]} tags @returns {string[]} */
const inner = (tags) => [...new Set(tags.flatMap((tag) => [...inner(parts[tag] || []), tag]))];

/** Loads and defines elements, parts before the whole. @param {string[]} tags */
async function load(tags) {
  for (const module of await Promise.all(inner(tags).map((tag) => modules[tag]()))) {
    for (const value of Object.values(module)) {
      if (typeof value === "function" && value.prototype instanceof LabElement) /** @type {typeof LabElement} */ (value).define();
    }
  }
}

/** Gives an element the lab, or loads another for it. @param {Event} e */
function give(e) {
  if (!(e instanceof NeedEvent)) return;
  if (e.tag) e.loading = load([e.tag]);
  else e.lab = lab;
}

/** The header's end, filled where the server left it to the page. */
function header() {
  const end = document.querySelector("header.site .end");
  for (const element of [WsProgress, WsKeys, WsTheme]) {
    if (end && !end.querySelector(element.tag)) end.append(document.createElement(element.tag), " ");
    element.define();
  }
}

/** Which ways an element can be scrolled. @param {HTMLElement} on */
function scrolls(on) {
  const { overflowX, overflowY } = getComputedStyle(on);
  const can = /auto|scroll/;
  return { x: can.test(overflowX) && on.scrollWidth > on.clientWidth, y: can.test(overflowY) && on.scrollHeight > on.clientHeight };
}

/** @param {KeyboardEvent} e */
function key(e) {
  if (e.defaultPrevented || document.querySelector("dialog[open]")) return;
  const target = e.target instanceof HTMLElement ? e.target : null;
  if (taken(target, e.key, target ? scrolls(target) : undefined)) return;
  const page = here();
  /** @type {Record<string, () => unknown>} */
  const does = {
    step: () => lab.cursor.step(),
    back: () => lab.cursor.back(),
    toggle: () => lab.cursor.toggle(),
    escape: () => closeLog() || lab.cursor.escape(),
    help: () => {
      const keys = document.querySelector("ws-keys");
      if (keys instanceof WsKeys) keys.open();
    },
    next: () => follow("next"),
    previous: () => follow("prev"),
  };
  const name = command(e, page);
  if (!name || (name === "escape" && !page.lab)) return;
  e.preventDefault();
  attempt(lab, () => does[name]());
}

/** The log lies over all else. */
function closeLog() {
  const log = document.querySelector("ws-log");
  if (log) log.shut();
  return !!log;
}

/** @param {string} rel */
function follow(rel) {
  const link = document.querySelector(`nav.pager a[rel~=${rel}]`);
  if (link instanceof HTMLAnchorElement) location.assign(link.href);
}

async function boot() {
  document.addEventListener("keydown", key);
  document.addEventListener("ws-need", give);
  await load(Object.keys(modules).filter((tag) => document.querySelector(tag)));
  header();
}

boot();
