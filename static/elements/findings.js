/**
 * Findings about many cases at once: mistakes by their names, habits, and the
 * responses that were not sent to this browser.
 *
 * @typedef {import("../compare.js").Column} Column
 * @typedef {import("../compare.js").Matrix} Matrix
 */

import { LabElement, button, h, rfcLink } from "./dom.js";
import { glyphs, words } from "../compare.js";
import { count, grouped } from "../format.js";

const most = 6; // how many cases are named at first

export class WsFindings extends LabElement {
  static tag = "ws-findings";

  risk = h("div", { class: "risk", role: "note" });
  wrong = h("div", { class: "wrongs" });
  /** @type {WeakMap<Element, string>} the key of the finding that each summary shows */
  madeOf = new WeakMap();

  setup() {
    this.replaceChildren(this.risk, this.wrong);
  }

  /**
   * Shows the findings of every column. A finding that has not changed stays as it
   * is, open or closed.
   * @param {Matrix} matrix
   */
  show({ columns, wrong, habits: all }) {
    const here = new Map([...this.wrong.children].map((old) => [old.getAttribute("data-of"), old]));
    /** @param {string} of @param {object|undefined} told @param {() => HTMLElement} make */
    const kept = (of, told, make) => {
      if (!told) return [];
      const key = JSON.stringify(told);
      const old = here.get(of);
      if (old && this.madeOf.get(old) === key) return [old];
      const made = make();
      this.madeOf.set(made, key);
      return [made];
    };
    const list = columns.flatMap((column) => {
      const told = wrong.get(column.name);
      const habits = all.get(column.name) || [];
      return [...kept(column.name, told, () => mistakesOf(column, /** @type {any} */ (told))), ...kept(`${column.name} in many cases`, habits.length ? habits : undefined, () => habitsOf(column, habits))];
    });
    for (const old of here.values()) if (!list.includes(old)) old.remove();
    list.forEach((one, i) => this.wrong.children[i] === one || this.wrong.insertBefore(one, this.wrong.children[i] || null));
  }

  /** Names the cases that were not sent to this browser, with a button that sends them. @param {string[]} cases */
  showWithheld(cases) {
    const key = cases.join();
    if (this.risk.dataset.key === key) return;
    this.risk.dataset.key = key;
    this.risk.replaceChildren(
      ...(cases.length
        ? [
            h("p", {}, h("b", {}, `${count(cases.length, "response")} ${cases.length === 1 ? "was" : "were"} not sent to this browser`), " (", ...links(cases), `): ${cases.length === 1 ? "it has" : "they have"} client_max_window_bits=8, which this browser did not offer. Firefox 153 freezes when it receives that.`),
            h("p", {}, button(`Send ${cases.length === 1 ? "it" : "them"} and risk a freeze`, { "data-risky": "" }), h("span", { class: "soft" }, " If the browser freezes, all its windows stop responding, and you must end it from outside. Save your work in other tabs first.")),
          ]
        : []),
    );
  }
}

/**
 * The probable mistakes of one column.
 * @param {Column} column
 * @param {{list: import("../compare.js").Diagnosis[], by: number}} told
 */
function mistakesOf(column, { list, by }) {
  return h(
    "details",
    { class: "wrong", "data-of": column.name },
    h("summary", {}, "What seems to be wrong with ", h("b", {}, column.label), h("span", { class: "soft" }, ` ${count(list.length, "mistake")}, of ${count(by, "case")} judged`)),
    h(
      "ol",
      {},
      ...list.map(({ mistake: m, cases }) =>
        h(
          "li",
          {},
          h("p", {}, h("b", {}, m.says), ` ${m.instead}`),
          h("p", {}, `Usually: ${m.usually}.`),
          h("p", { class: "soft" }, h("code", {}, m.code), ", ", section(m.section), "; shown by ", ...links(cases)),
        ),
      ),
    ),
  );
}

/**
 * The habits of one column, each named once.
 * @param {Column} column
 * @param {import("../compare.js").Habit[]} habits
 */
function habitsOf(column, habits) {
  const cases = habits.reduce((n, h) => n + h.cases.length, 0);
  return h(
    "details",
    { class: "habits", "data-of": `${column.name} in many cases`, open: column.kind === "browser" ? "" : null },
    h("summary", {}, "The same result in many cases: ", h("b", {}, column.label), h("span", { class: "soft" }, ` ${count(habits.length, "finding")}, ${count(cases, "result")}`)),
    h("ul", {}, ...habits.map((one) => h("li", {}, h("p", {}, h("span", { class: `v ${one.verdict}` }, `${glyphs[one.verdict]} ${words[one.verdict]}`), ` in ${count(one.cases.length, "case")}: ${one.says}`), h("p", { class: "soft" }, ...links(one.cases))))),
  );
}

/** A section as "RFC 6455 §5.4", with a link to it. @param {string} text */
function section(text) {
  const [, rfc, number] = /^RFC (\d+) §([\d.]+)$/.exec(text) || [];
  return rfc ? rfcLink(number, rfc) : text;
}

/** Links to cases. If there are many, a button adds the rest. @param {string[]} ids */
function links(ids) {
  const all = ids.map((id) => h("a", { href: `#${id}` }, id));
  const listed = (/** @type {Node[]} */ some) => some.flatMap((a, i) => (i ? [", ", a] : [a]));
  if (ids.length <= most + 1) return listed(all);
  const more = button(`Show ${grouped(ids.length - most)} more`, { class: "more quiet" });
  more.addEventListener("click", () => {
    more.before(", ", ...listed(all.slice(most)));
    all[most].focus();
    more.remove();
  });
  return [...listed(all.slice(0, most)), " ", more];
}
