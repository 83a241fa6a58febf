/**
 * Registers the elements that the page uses and wires its keys. Elements that
 * a page does not have are not loaded.
 */

import { LabElement, attempt } from "./elements/dom.js";
import { WsKeys, WsProgress, WsTheme, here } from "./elements/site.js";
import { command, taken } from "./keys.js";
import { lab } from "./lab.js";

/** @type {Record<string, () => Promise<Record<string, unknown>>>} modules by the tag that needs them */
const modules = {
  "ws-lab": () => import("./elements/lab.js"),
  "ws-do": () => import("./elements/do.js"),
  "ws-predict": () => import("./elements/predict.js"),
  "ws-accept": () => import("./elements/accept.js"),
  "ws-decoder": () => import("./elements/decoder.js"),
  "ws-lengths": () => import("./elements/lengths.js"),
  "ws-unmask": () => import("./elements/unmask.js"),
  "ws-play": () => import("./elements/play.js"),
  "ws-tally": () => import("./elements/tally.js"),
  "ws-codes": () => import("./elements/codes.js"),
  "ws-heartbeat": () => import("./elements/heartbeat.js"),
  "ws-compare": () => import("./elements/compare.js"),
  "ws-header-map": () => import("./elements/headermap.js"),
  "ws-bench": () => import("./elements/bench.js"),
};
/** @param {Record<string, unknown>} module */
function define(module) {
  for (const value of Object.values(module)) {
    if (typeof value === "function" && value.prototype instanceof LabElement) /** @type {typeof LabElement} */ (value).define();
  }
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
    step: () => lab.step(),
    back: () => lab.back(),
    toggle: () => lab.toggle(),
    escape: () => closeLog() || lab.escape(),
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
  attempt(() => does[name]());
}

/** The log lies over all else. */
function closeLog() {
  const log = /** @type {import("./elements/log.js").WsLog|null} */ (document.querySelector("ws-log"));
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
  const tags = Object.keys(modules).filter((tag) => document.querySelector(tag));
  const loaded = await Promise.all(tags.map((tag) => modules[tag]()));
  loaded.forEach(define);
  header();
}

boot();
