/**
 * The helpers that elements share. Data reaches the page as text nodes only;
 * rich() alone accepts markup, the server's own prose, and keeps only the tags
 * that prose needs.
 *
 * @typedef {import("../lab.js").Lab} Lab
 */

import { words } from "../api.js";

/**
 * Makes an element: h("td", { class: "t" }, "text").
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string|number|boolean|null|undefined>} [attributes] false, null and undefined leave one out
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((c) => c !== null && c !== undefined && c !== false).map((c) => (typeof c === "number" ? String(c) : /** @type {Node|string} */ (c))));
  return node;
}

/**
 * @param {string} text
 * @param {Record<string, string|number|boolean|null|undefined>} [attributes]
 */
export const button = (text, attributes = {}) => h("button", { type: "button", ...attributes }, text);

/**
 * Asks for the lab, or asks to load an element. The page answers in app.js. In a
 * test that renders an element alone, the test answers.
 */
export class NeedEvent extends Event {
  /** @type {Partial<Lab>|undefined} */
  lab;
  /** @type {Promise<unknown>|undefined} resolves when the element is defined */
  loading;

  /** @param {string} [tag] of the element, "" for the lab */
  constructor(tag = "") {
    super("ws-need", { bubbles: true });
    this.tag = tag;
  }
}

/**
 * The base class of all elements. An element is defined once, listens only while it
 * is on the page, and receives the parts of the lab that it names in Needs.
 * @template {keyof Lab} [Needs=never]
 */
export class LabElement extends HTMLElement {
  static tag = "";

  /** @type {Pick<Lab, Needs>} */
  lab = /** @type {any} */ (undefined);
  /** @type {AbortController|undefined} */
  leaving;

  static define() {
    if (!customElements.get(this.tag)) customElements.define(this.tag, this);
  }

  connectedCallback() {
    this.leaving = new AbortController();
    if (!this.lab) {
      const need = new NeedEvent();
      this.dispatchEvent(need);
      this.lab = /** @type {Pick<Lab, Needs>} */ (need.lab);
    }
    this.setup(this.leaving.signal);
  }

  disconnectedCallback() {
    this.leaving?.abort();
  }

  /** @param {AbortSignal} signal aborted when the element leaves the page */
  setup(signal) {}

  /** Loads an element that was not on the page at the start. @param {string} tag */
  async load(tag) {
    const need = new NeedEvent(tag);
    this.dispatchEvent(need);
    await need.loading;
  }

  /**
   * Listens on this element while it is on the page.
   * @template {keyof HTMLElementEventMap} K
   * @param {K} type
   * @param {(e: HTMLElementEventMap[K]) => void} fn
   */
  on(type, fn) {
    this.addEventListener(type, fn, { signal: this.leaving?.signal });
  }
}

/**
 * Reports that the reader previews or pins a bit of a frame. If bit is null, the
 * preview ends.
 *
 * @extends {CustomEvent<{bit: number|null, pin: boolean}>}
 */
export class BitEvent extends CustomEvent {
  /** @param {number|null} bit @param {boolean} pin */
  constructor(bit, pin) {
    super("ws-bit", { bubbles: true, detail: { bit, pin } });
  }
}

/**
 * Observes when the reader leaves the page and returns to it. A browser may keep
 * the page frozen and show it again when the reader goes back.
 * @param {(kept: boolean) => void} left kept: whether the browser may keep the page
 * @param {() => void} back the kept page is shown again
 * @param {AbortSignal} signal
 */
export function onLeaving(left, back, signal) {
  window.addEventListener("pagehide", (e) => left(e.persisted), { signal });
  window.addEventListener("pageshow", (e) => e.persisted && back(), { signal });
}

/**
 * Calls fn for the learner. If fn fails, the notice of the lab says why.
 * @param {{session: {say: (text: string, kind: "error") => void}}} lab
 * @param {() => unknown} fn
 */
export async function attempt(lab, fn) {
  try {
    await fn();
  } catch (e) {
    lab.session.say(words(e), "error");
  }
}

/** The place of /compare that shows an opened case or header. */
export const bench = () => document.querySelector("ws-bench");

/**
 * A group of buttons. One of them is pressed.
 * @param {string} name
 * @param {[value: string, label: string][]} options
 * @param {string} data the buttons carry their value as data-DATA
 * @param {string} pressed value of the pressed one, "" for none
 */
export const segment = (name, options, data, pressed = "") => h("span", { class: "seg", role: "group", "aria-label": name }, ...options.map(([value, label]) => button(label, { [`data-${data}`]: value, "aria-pressed": String(value === pressed) })));

/**
 * A table with headed columns.
 * @param {(Node|string)[]} heads
 * @param {Node[]} rows
 * @param {{caption?: string, class?: string}} [more]
 */
export const table = (heads, rows, more = {}) =>
  h("table", { class: more.class }, more.caption && h("caption", {}, more.caption), h("thead", {}, h("tr", {}, ...heads.map((t) => h("th", { scope: "col" }, t)))), h("tbody", {}, ...rows));

/** A link to the lab on a narrow page, where the lab is below and out of sight. On a wide page, nothing. */
export const wireLink = () => (document.querySelector("ws-lab") && matchMedia("(max-width: 60rem)").matches ? h("a", { href: "#wire" }, "see the wire ↓") : "");

/** @param {Event} e @param {string} selector @returns {HTMLElement|null} */
export const hit = (e, selector) => (e.target instanceof Element ? e.target.closest(selector) : null);

/**
 * Replaces the children of an element. If a button or link had the focus, its
 * replacement gets the focus, or the first button or link if there is no
 * replacement.
 * @param {Element} parent
 * @param {...(Node|string)} children
 */
export function redraw(parent, ...children) {
  const had = parent.contains(document.activeElement) ? document.activeElement : null;
  parent.replaceChildren(...children);
  if (!had || parent.contains(had)) return;
  const all = [...parent.querySelectorAll("button:not(:disabled), a[href]")].filter((e) => e instanceof HTMLElement);
  const same = all.find((e) => ["data-command", "data-seq", "href", "class", "aria-label"].every((name) => e.getAttribute(name) === had.getAttribute(name)));
  (same || all[0])?.focus({ preventScroll: true });
}

/**
 * Copies text and says so on the button for a moment.
 * @param {HTMLElement} on
 * @param {string} text
 */
export async function copy(on, text) {
  // If the reader presses again in that moment, the button keeps the first label.
  const label = (on.dataset.label ??= on.textContent || "");
  try {
    await navigator.clipboard.writeText(text);
    on.textContent = "copied ✔";
  } catch {
    on.textContent = "the browser refused";
  }
  setTimeout(() => (on.textContent = label), 1200);
}

const prose = "A ABBR B BR CODE EM I KBD LI OL P PRE SPAN STRONG SUB SUP UL".split(" ");

/**
 * Prose of a lesson, which may have markup. Only text, the tags of prose, classes
 * and links are kept.
 * @param {string} html
 */
export function rich(html) {
  const out = document.createDocumentFragment();
  /** @param {Node} from @param {Node} to */
  const take = (from, to) => {
    for (const node of from.childNodes) {
      if (node instanceof Text) {
        to.appendChild(new Text(node.data));
      } else if (node instanceof HTMLElement) {
        const keep = prose.includes(node.tagName) ? document.createElement(node.tagName) : null;
        const href = node.getAttribute("href") || "";
        if (keep && node.className) keep.className = node.className;
        if (keep && /^(\/|#|https:\/\/)/.test(href)) keep.setAttribute("href", href);
        if (keep) to.appendChild(keep);
        take(node, keep || to);
      }
    }
  };
  take(new DOMParser().parseFromString(html, "text/html").body, out);
  return out;
}

/** A link to a section of an RFC. @param {string} section @param {number|string} [rfc] */
export const rfcLink = (section, rfc = 6455) => h("a", { href: `https://www.rfc-editor.org/rfc/rfc${rfc}#section-${section}` }, `RFC ${rfc} §${section}`);

/** @param {import("../types.js").Violation[]|undefined} list */
export const violations = (list) =>
  h(
    "ul",
    { class: "violations" },
    ...(list || []).map((v) =>
      h("li", {}, h("b", {}, "× "), `${v.sentence} `, h("a", { href: `/rules#${v.code}` }, v.code), v.closeCode ? ` → close ${v.closeCode}` : v.status ? ` → status ${v.status}` : ""),
    ),
  );
