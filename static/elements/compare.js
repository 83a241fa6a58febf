/**
 * /compare: runs of the test cases, their buttons and filters, and one case on the
 * bench.
 *
 * @typedef {import("../compare.js").Column} Column
 */

import { LabElement, bench, button, h, hit, onLeaving } from "./dom.js";
import { openCase } from "./case.js";
import { presence } from "../api.js";
import { browserName, caseOf, isMirrored, serverAddress } from "../compare.js";
import { count, grouped } from "../format.js";
import { Judging, hostOf } from "../judging.js";

/** @extends {LabElement<"session" | "inspector">} */
export class WsCompare extends LabElement {
  static tag = "ws-compare";

  bar = h("div", { class: "bar" });
  form = h("form", { class: "server" });
  notice = h("p", { class: "notice", role: "status" });
  findings = h("ws-findings");
  filters = h("div", { class: "filters" });
  grid = h("ws-matrix");
  spoken = h("div", { class: "hide", "aria-live": "polite" });
  judging = new Judging({
    notice: () => this.drawNotice(),
    line: (line) => this.grid.change(line),
    all: () => this.grid.changeAll(),
    columns: () => this.grid.draw(),
    findings: () => this.findings.show(this.judging.matrix),
    speak: (text) => (this.spoken.textContent = text),
  });

  /** @param {AbortSignal} signal */
  setup(signal) {
    const { grid, judging } = this;
    grid.judging = judging;
    judging.again = () => this.chosen("server");
    this.build();
    window.addEventListener("hashchange", () => this.route(), { signal });
    onLeaving((kept) => judging.leave(kept), () => judging.back(), signal);
    document.addEventListener("ws-shut", () => this.closed(), { signal });
    presence.addEventListener("change", () => this.present(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || judging.wait(), { signal });
    signal.addEventListener("abort", () => judging.end());
    grid.addEventListener("ws-case", (e) => this.attempt(() => this.show(/** @type {CustomEvent} */ (e).detail)), { signal });
    grid.addEventListener("ws-counted", () => this.drawButtons(), { signal });
    grid.addEventListener("ws-sifted", () => this.drawFound(), { signal });
    this.on("click", (e) => this.clicked(e));
    this.on("input", (e) => this.filtering(e));
    this.on("submit", (e) => {
      e.preventDefault();
      this.submit();
    });
    this.on("keydown", (e) => {
      if (e.key === "Escape" && !e.defaultPrevented && !hit(e, "input, select") && bench()?.shut()) e.preventDefault();
    });
    this.load();
  }

  build() {
    const search = h("input", { type: "search", name: "text", placeholder: "5.5/ping-of-126, ping, utf8 …", "aria-label": "Search by words, ID or rule", autocomplete: "off" });
    const choice = (/** @type {string} */ name, /** @type {string} */ label, /** @type {[string, string][]} */ options) =>
      h("label", {}, h("span", { class: "hide" }, label), h("select", { name }, ...options.map(([value, text]) => h("option", { value }, text))));
    this.filters.replaceChildren(
      search,
      choice("section", "Section", [["", "every section"]]),
      choice("verdict", "Verdict", [["", "every verdict"], ["fail", "× fail"], ["no-answer", "∅ no answer in time"], ["not-judged", "? not judged"], ["warning", "≈ warning"], ["note", "i note"], ["pass", "✔ pass"], ["differs", "≠ results differ"], ["differs:reference,gorilla", "≠ reference and gorilla differ"], ["none", "not run yet"]]),
      choice("keyword", "Keyword", [["", "MUST, SHOULD, MAY"], ["MUST", "MUST"], ["SHOULD", "SHOULD"], ["MAY", "MAY"]]),
      h("span", { class: "found soft", role: "status" }),
    );
    this.form.replaceChildren(
      h("label", {}, h("span", {}, "address of your own server "), h("input", { name: "server", value: linked(), placeholder: "ws://localhost:9000/", autocomplete: "off", spellcheck: "false", inputmode: "url" })),
      h("button", {}, "Judge my server"),
      h("output", { class: "failed" }),
    );
    this.replaceChildren(
      h("p", { class: "goal" }, "Each row is one test, run on its own connection. The first sign is for what the endpoint did, the second for how the connection ended: ✔ pass, i note (allowed), ≈ warning (breaks a SHOULD or is too tolerant), × fail (breaks a MUST), ∅ no answer in time, ? not judged. Open a row to see everything that was sent, down to the first wrong bit."),
      h("div", { class: "orders" }, this.bar, this.form),
      this.notice,
      this.findings,
      this.filters,
      this.grid,
      this.spoken,
    );
  }

  /** Reads the cases and opens the one that the address names. */
  async load() {
    const { judging } = this;
    this.route(false);
    try {
      await judging.load();
    } catch (e) {
      return judging.refuse(e);
    }
    const select = this.filters.querySelector("[name=section]");
    if (select) select.append(...judging.matrix.sections.map((s) => h("option", { value: s }, /^\d/.test(s) ? `§${s}` : s)));
    this.route();
    if (linked() && !judging.address) judging.say(`Press Judge my server to judge ${linked()}.`);
  }

  /** Calls fn. If fn throws, the notice says why. @param {() => unknown} fn */
  async attempt(fn) {
    try {
      await fn();
    } catch (e) {
      this.judging.refuse(e);
    }
  }

  /** The lab server stopped answering, or answers again. */
  present() {
    this.drawNotice();
    if (presence.away) return;
    if (!this.judging.matrix.lines.length) this.load();
    else this.judging.wait();
  }

  // ——— the address ———

  /** Shows the case that the page's address names, if it names one. @param {boolean} [opens] */
  route(opens = true) {
    const { hash } = location;
    const map = hash.startsWith("#headers");
    this.hidden = map;
    for (const a of document.querySelectorAll("main.compare .tabs a")) {
      const is = a.getAttribute("href") === "#headers" ? map : !map;
      if (is) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    }
    const id = caseOf(hash);
    if (opens && !id) bench()?.shut(); // the reader has gone to another case
    if (map || !opens) return;
    document.title = "Compare · wslab";
    if (id && id !== this.grid.open) this.attempt(() => this.show(id));
  }

  /** The bench was closed. */
  closed() {
    if (!this.grid.open) return;
    this.grid.mark("");
    if (caseOf(location.hash)) history.replaceState(null, "", `${location.pathname}${location.search}#cases`);
  }

  // ——— drawing ———

  drawNotice() {
    const { text, failed } = this.judging.notice;
    this.notice.classList.toggle("failed", failed);
    this.notice.textContent = text;
  }

  /** Shows how many cases pass the filter. */
  drawFound() {
    const { shown, matrix } = this.grid;
    const found = this.filters.querySelector(".found");
    const all = count(matrix.lines.length, "case");
    if (found) found.textContent = shown.length === matrix.lines.length ? all : `${grouped(shown.length)} of ${all}`;
    this.drawButtons();
  }

  /**
   * The cases of a run that pass the filter; undefined if all pass.
   * @param {Column["kind"]} kind
   */
  chosen(kind) {
    const { shown, matrix } = this.grid;
    if (shown.length === matrix.lines.length) return undefined;
    const column = matrix.columns.find((c) => c.kind === kind);
    return column ? shown.flatMap((l) => matrix.asked(l, column)?.id || []) : [];
  }

  /** The buttons that start and stop runs, and the cases that the page did not send to this browser. */
  drawButtons() {
    const { judging } = this;
    const { matrix, server } = judging;
    const { shown } = this.grid;
    const kinds = new Set(judging.running.keys());
    const browser = matrix.columns.find((c) => c.kind === "browser");
    this.findings.showWithheld(browser && !kinds.has("browser") ? matrix.withheld(browser) : []);
    const own = matrix.columns.filter((c) => c.kind === "own");
    const some = shown.length < matrix.lines.length;
    const again = own.every((c) => !matrix.counts(c).none);
    const key = [[...kinds].sort(), server, again, some && shown.length].join();
    if (this.bar.dataset.key === key || !matrix.lines.length) return;
    this.bar.dataset.key = key;
    const names = own.map((c) => c.label).join(", ");
    const cases = matrix.lines.filter((l) => l.server).length;
    /** @param {Column["kind"]} kind */
    const these = (kind) => {
      const n = this.chosen(kind)?.length;
      return n === undefined ? "" : ` by ${n === 1 ? "this case" : `these ${grouped(n)}`}`;
    };
    /** @param {Column["kind"]} kind @param {string} label @param {string} [primary] */
    const run = (kind, label, primary) => (kinds.has(kind) ? button(`Stop judging ${kind === "own" ? names : kind === "server" ? hostOf(judging.address) : "this browser"}`, { "data-stop": kind }) : button(label, { "data-judge": kind, class: primary }));
    const on = document.activeElement;
    const focus = on instanceof HTMLElement && this.bar.contains(on) ? on.dataset.judge || on.dataset.stop : "";
    this.bar.replaceChildren(
      run("own", some ? `Judge ${names}${these("own")}` : again ? "Judge all again" : `Judge ${names}: ${count(cases, "case")} each`, again ? "" : "primary"),
      run("browser", `Judge this browser${these("browser")}`),
      server ? run("server", `Judge ${hostOf(judging.address)}${these("server") || " again"}`) : "",
    );
    if (focus) /** @type {HTMLElement|null} */ (this.bar.querySelector(`[data-judge=${focus}], [data-stop=${focus}]`))?.focus({ preventScroll: true });
  }

  // ——— what the reader does ———

  /** @param {Event} e */
  filtering(e) {
    const on = e.target;
    // The error was about the previous address, so remove it.
    if (on instanceof HTMLInputElement && on.name === "server") this.form.querySelector("output")?.replaceChildren();
    if (!(on instanceof HTMLInputElement || on instanceof HTMLSelectElement) || !(on.name in this.grid.filter)) return;
    this.grid.filter = { ...this.grid.filter, [on.name]: on.value };
    this.grid.at = 0;
    this.grid.sift();
  }

  /** @param {Event} e */
  clicked(e) {
    const { judging } = this;
    const { matrix } = judging;
    const on = hit(e, "button");
    const link = /** @type {HTMLAnchorElement|null} */ (hit(e, ':is(.wrong, .habits, .risk) a[href^="#"]'));
    const judge = /** @type {Column["kind"]|undefined} */ (on?.dataset.judge);
    const stop = /** @type {Column["kind"]|undefined} */ (on?.dataset.stop);
    const browser = matrix.columns.find((c) => c.kind === "browser");
    if (on?.dataset.risky !== undefined && browser) judging.judge("browser", matrix.withheld(browser), true);
    else if (judge) judging.judge(judge, this.chosen(judge));
    else if (stop) judging.stop(stop);
    else if (link && !e.defaultPrevented && e instanceof MouseEvent && !(e.ctrlKey || e.metaKey || e.shiftKey || e.altKey)) {
      e.preventDefault(); // so that the Back button does not go from case to case
      this.attempt(() => this.show(caseOf(link.hash), false)); // does not scroll away from the text that the reader reads
    }
  }

  /** Starts a run against the server at the typed address. */
  submit() {
    const input = this.form.querySelector("input");
    const output = this.form.querySelector("output");
    if (!input || !output) return;
    const read = serverAddress(input.value);
    output.textContent = "error" in read ? read.error : "";
    if ("error" in read) return input.focus();
    input.value = read.url;
    history.replaceState(null, "", `${location.pathname}?server=${encodeURIComponent(read.url)}${location.hash}`);
    this.judging.take(read.url);
    this.judging.register(read.url, () => this.chosen("server"));
  }

  /**
   * Runs a case once more and opens it.
   * @param {string} id
   * @param {boolean} [reveals] whether to scroll to the row of the case
   */
  async show(id, reveals = true) {
    const { judging, grid } = this;
    const info = judging.matrix.cases.get(id);
    const section = info ? "" : judging.matrix.numbered(id);
    if (section) return this.lead(id, section);
    if (!info) {
      if (judging.matrix.lines.length) judging.say(`There is no case ${id}.`, true);
      return;
    }
    grid.mark(id);
    history.replaceState(null, "", `${location.pathname}${location.search}#${id}`);
    const opened = openCase(this.lab, info, judging.endpointsOf(info), {
      play: () => judging.play(info),
      again: () => this.show(id),
      next: (by) => this.step(id, by),
    });
    if (reveals) grid.reveal(id); // after the bench has its size
    await opened;
  }

  /**
   * Shows a section. An old address names a case in it by a number, which no longer
   * leads to one case.
   * @param {string} id
   * @param {string} section
   */
  lead(id, section) {
    const { grid } = this;
    const select = this.filters.querySelector("[name=section]");
    if (select instanceof HTMLSelectElement) select.value = section;
    grid.filter = { ...grid.filter, section };
    grid.at = 0;
    grid.sift();
    history.replaceState(null, "", `${location.pathname}${location.search}#cases`);
    this.judging.say(`Cases have names now, so the number in the link ${id} does not lead to one case. These are all cases of section ${section}.`);
  }

  /** Opens the case before or after the one that is open. @param {string} id @param {number} by */
  step(id, by) {
    const to = this.grid.next(id, by);
    if (!to) return;
    const on = bench();
    const row = this.grid.rowOf(to);
    if (on && row && on.from?.matches(".line")) on.from = row; // gets the focus when the bench closes
    this.grid.choose(to.id, isMirrored(id) ? browserName : undefined);
  }
}

/** The address of the learner's server in a link to this page. The page only shows it. */
const linked = () => new URLSearchParams(location.search).get("server") || "";
