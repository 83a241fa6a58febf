/**
 * The page: makes its lab, loads the elements that the document has, gives them
 * what they need, and wires the keys. static.go lists the modules.
 */

import { LabElement, NeedEvent, attempt } from "./elements/dom.js";
import { WsKeys, WsProgress, WsTheme, here } from "./elements/site.js";
import { command, taken } from "./keys.js";
import { Lab } from "./lab.js";

const lab = new Lab();

/** The elements of the page, ws-NAME in elements/NAME.js. The lab is first, because other elements read its mode. */
const tags = [
  "ws-lab", "ws-accept", "ws-bench", "ws-bits", "ws-bugs", "ws-builder", "ws-calls", "ws-chat", "ws-checks",
  "ws-codes", "ws-compare", "ws-connections", "ws-decoder", "ws-do", "ws-doors", "ws-ends", "ws-field-card",
  "ws-findings", "ws-free", "ws-header-map", "ws-heartbeat", "ws-inspector", "ws-lengths", "ws-log", "ws-matrix",
  "ws-outcome", "ws-play", "ws-predict", "ws-source", "ws-stack", "ws-streams", "ws-tally", "ws-timeline",
  "ws-unmask", "ws-ways",
];

/** @type {Record<string, string[]>} the elements that an element is made of */
const parts = {
  "ws-bench": ["ws-lab"],
  "ws-builder": ["ws-bits", "ws-field-card"],
  "ws-compare": ["ws-findings", "ws-matrix"],
  "ws-decoder": ["ws-bits", "ws-field-card"],
  "ws-free": ["ws-builder", "ws-connections"],
  "ws-inspector": ["ws-bits", "ws-field-card", "ws-source", "ws-unmask"],
  "ws-lab": ["ws-timeline", "ws-inspector"],
  "ws-play": ["ws-ends", "ws-outcome"],
  "ws-stack": ["ws-calls"],
};

/** @type {Record<string, string>} the style sheet of an element, if no other page needs it */
const sheets = { "ws-bugs": "bugs", "ws-builder": "bugs", "ws-calls": "stack", "ws-checks": "stack", "ws-stack": "stack" };

/** @type {Record<string, string>} a part that is loaded only if the document has this */
const sometimes = { "ws-ends": "[data-play*=tutorials]", "ws-outcome": "[data-play*=tutorials]" };

/** The elements that some are made of, the innermost first. @param {string[]} some @returns {string[]} */
const inner = (some) => [...new Set(some.flatMap((tag) => [...inner(parts[tag] || []), tag]))].filter((tag) => !sometimes[tag] || document.querySelector(sometimes[tag]));

/** Loads a style sheet once. @param {string} name */
function style(name) {
  const href = `/static/css/${name}.css`;
  if (document.querySelector(`link[href="${href}"]`)) return;
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  document.head.append(link);
  return new Promise((done) => (link.onload = link.onerror = done));
}

/** Loads and defines elements, parts before the whole. @param {string[]} wanted */
async function load(wanted) {
  await Promise.all(inner(wanted).map((tag) => sheets[tag] && style(sheets[tag])));
  for (const module of await Promise.all(inner(wanted).map((tag) => import(`./elements/${tag.slice(3)}.js`)))) {
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

/** Adds the elements that the server left out at the end of the header. */
function header() {
  const end = document.querySelector("header.site .end");
  for (const element of [WsProgress, WsKeys, WsTheme]) {
    if (end && !end.querySelector(element.tag)) end.append(document.createElement(element.tag), " ");
    element.define();
  }
}

/** In which directions an element can be scrolled. @param {HTMLElement} on */
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

/** The log covers everything else. */
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
  await load(tags.filter((tag) => document.querySelector(tag)));
  header();
}

boot();
