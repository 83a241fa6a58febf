/**
 * The few helpers that elements are glued with. Data reaches the page as text
 * nodes only; the one place that takes markup takes the server's own prose,
 * and keeps of it what prose needs.
 */

import { lab, words } from "../lab.js";

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

/** What all elements of the lab share: defined once, and listening only while on the page. */
export class LabElement extends HTMLElement {
  static tag = "";

  /** @type {AbortController|undefined} */
  leaving;

  static define() {
    if (!customElements.get(this.tag)) customElements.define(this.tag, this);
  }

  connectedCallback() {
    this.leaving = new AbortController();
    this.setup(this.leaving.signal);
  }

  disconnectedCallback() {
    this.leaving?.abort();
  }

  /** @param {AbortSignal} signal aborted when the element leaves the page */
  setup(signal) {}

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
 * Tells whoever shows a frame that a bit of it is previewed or pinned; a bit
 * of null ends the preview.
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
 * Watches the page being left and shown again. A browser may keep a page that
 * is left, frozen, and show the same one when the reader goes back to it.
 * @param {(kept: boolean) => void} left kept: whether the browser may keep the page
 * @param {() => void} back the kept page is shown again
 * @param {AbortSignal} signal
 */
export function onLeaving(left, back, signal) {
  window.addEventListener("pagehide", (e) => left(e.persisted), { signal });
  window.addEventListener("pageshow", (e) => e.persisted && back(), { signal });
}

/**
 * Does something for the learner; when it fails, says why where notices stand.
 * @param {() => unknown} fn
 */
export async function attempt(fn) {
  try {
    await fn();
  } catch (e) {
    lab.say(words(e), "error");
  }
}

/** On a narrow page the lab is below, out of sight: a link to it; nothing elsewhere. */
export const wireLink = () => (document.querySelector("ws-lab") && matchMedia("(max-width: 60rem)").matches ? h("a", { href: "#wire" }, "see the wire ↓") : "");

/** @param {Event} e @param {string} selector @returns {HTMLElement|null} */
export const hit = (e, selector) => (e.target instanceof Element ? e.target.closest(selector) : null);

/**
 * Replaces what an element holds. The button or link that had the focus has it
 * again, made anew; where there is no such any more, the first one has.
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
  // Pressed again in that moment, the button still knows what it said before.
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
 * Prose of a lesson, which may hold markup. Anything but text, the tags of
 * prose, classes and links within the site or to the RFC is left out.
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

/** @param {string} section of RFC 6455 */
export const rfcLink = (section) => h("a", { href: `https://www.rfc-editor.org/rfc/rfc6455#section-${section}` }, `RFC 6455 §${section}`);

/** @param {import("../types.js").Violation[]|undefined} list */
export const violations = (list) =>
  h(
    "ul",
    { class: "violations" },
    ...(list || []).map((v) =>
      h("li", {}, h("b", {}, "× "), `${v.sentence} `, h("a", { href: `/rules#${v.code}` }, v.code), v.closeCode ? ` → close ${v.closeCode}` : v.status ? ` → status ${v.status}` : ""),
    ),
  );
