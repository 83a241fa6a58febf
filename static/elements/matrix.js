/**
 * The grid of cases: a row for each line, a cell for each column. One row has
 * the Tab stop; Enter or a click opens its case.
 *
 * @typedef {import("../compare.js").Column} Column
 * @typedef {import("../compare.js").Line} Line
 * @typedef {import("../compare.js").Matrix} Matrix
 */

import { LabElement, h, hit } from "./dom.js";
import { because, browserName, everything, glyphs, nameOf, said, scriptText, sectionOf, tally, tallyWords, words } from "../compare.js";

const page = 12; // how many rows PageUp and PageDown move

export class WsMatrix extends LabElement {
  static tag = "ws-matrix";

  /** @type {Pick<import("../judging.js").Judging, "matrix" | "running" | "runOf">|undefined} */
  judging;
  filter = { ...everything };
  /** @type {Line[]} */
  shown = [];
  /** @type {Map<Line, {row: HTMLElement, cells: Map<string, HTMLElement>}>} */
  drawn = new Map();
  /** @type {Set<Line>} */
  stale = new Set();
  scheduled = false;
  at = 0; // index of the row that has the Tab stop
  open = ""; // ID of the case that is shown

  setup() {
    this.classList.add("matrix");
    this.setAttribute("role", "grid");
    this.setAttribute("aria-label", "Cases and the result of each endpoint");
    this.on("keydown", (e) => this.key(e));
    this.on("click", (e) => {
      const row = hit(e, ".line[data-id]");
      if (row) this.choose(row.dataset.id || "", hit(e, ".cell")?.dataset.column);
    });
  }

  get matrix() {
    if (!this.judging) throw new Error("ws-matrix needs its judging before it is drawn");
    return this.judging.matrix;
  }

  // ——— drawing ———

  /** Marks a line as changed, and draws it with the next frame. @param {Line} line */
  change(line) {
    this.stale.add(line);
    this.soon();
  }

  changeAll() {
    for (const line of this.matrix.lines) this.stale.add(line);
    this.soon();
  }

  soon() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.freshen();
    });
  }

  /** Draws the changes. */
  freshen() {
    const hides = this.filter.verdict && this.stale.size > 0;
    for (const line of this.stale) this.fill(line);
    this.stale.clear();
    this.head();
    if (hides) this.sift();
  }

  /** Draws the whole grid, after the columns have changed. */
  draw() {
    const { columns, lines } = this.matrix;
    this.style.setProperty("--columns", String(columns.length));
    this.setAttribute("aria-rowcount", String(lines.length + 1));
    this.drawn.clear();
    /** @type {HTMLElement[]} */
    const rows = [h("div", { class: "line names", role: "row" })];
    for (const line of lines) {
      const c = this.matrix.about(line);
      const cells = new Map(columns.map((column) => [column.name, h("div", { class: "cell", role: "gridcell", "data-column": column.name })]));
      const row = h(
        "div",
        { class: "line", role: "row", tabindex: -1, "data-id": line.id },
        h("div", { class: "id", role: "rowheader" }, h("b", {}, sectionOf(line.id)), " ", h("span", { class: "keyword soft" }, c.keyword)),
        h("div", { class: "title", role: "gridcell" }, h("b", { class: "number", "aria-hidden": "true" }, `${sectionOf(line.id)} `), c.title, " ", h("code", { class: "name soft" }, nameOf(line.id))),
        ...cells.values(),
      );
      this.drawn.set(line, { row, cells });
      rows.push(row);
      this.fill(line);
    }
    this.replaceChildren(...rows);
    this.head();
    this.sift();
  }

  /** Draws the cells of a line. @param {Line} line */
  fill(line) {
    const drawn = this.drawn.get(line);
    if (!drawn) return;
    const told = [];
    for (const column of this.matrix.columns) {
      const cell = drawn.cells.get(column.name);
      if (!cell) continue;
      const asks = this.matrix.asked(line, column);
      const r = this.matrix.of(line, column);
      const key = r ? `${r.verdict} ${r.closing} ${r.reason}` : asks ? (this.judging?.runOf(column) ? "runs" : "none") : "never";
      if (asks) told.push(`${column.label}: ${said(r)}`);
      if (cell.dataset.key === key) continue;
      cell.dataset.key = key;
      cell.title = r ? [because(r), r.says, ...(r.script?.length ? [`JavaScript received: ${r.script.map(scriptText).join("; ")}.`] : [])].filter(Boolean).join(" ") : asks ? "" : "This case does not apply to it.";
      if (r) cell.replaceChildren(mark(r.verdict), mark(r.closing));
      else cell.replaceChildren(h("span", { class: "soft" }, asks ? (key === "runs" ? "…" : "·") : ""));
    }
    drawn.row.setAttribute("aria-label", `${line.id} ${this.matrix.about(line).title}. ${told.join(". ")}`);
  }

  /** Draws the names of the columns with their counts. */
  head() {
    const names = this.querySelector(".names");
    if (!(names instanceof HTMLElement)) return;
    const { matrix } = this;
    const kinds = new Set(this.judging?.running.keys());
    const key = matrix.columns.map((c) => `${c.name} ${tally(matrix.counts(c))} ${kinds.has(c.kind)}`).join();
    if (names.dataset.key !== key) {
      names.dataset.key = key;
      names.replaceChildren(h("div", { class: "id", role: "columnheader" }, "case"), h("div", { class: "title", role: "columnheader" }, "title"), ...matrix.columns.map((c) => columnHead(c, matrix.counts(c), kinds.has(c.kind))));
    }
    this.dispatchEvent(new Event("ws-counted"));
  }

  /** Shows the lines that pass the filter. */
  sift() {
    const { matrix } = this;
    this.shown = matrix.filtered(this.filter);
    const shown = new Set(this.shown);
    let section = "";
    for (const line of matrix.lines) {
      const drawn = this.drawn.get(line);
      if (!drawn) continue;
      const here = shown.has(line);
      drawn.row.hidden = !here;
      const is = sectionOf(line.id);
      drawn.row.classList.toggle("begins", here && is !== section);
      if (here) section = is;
    }
    this.at = Math.max(0, Math.min(this.at, this.shown.length - 1));
    this.tabStop();
    this.dispatchEvent(new Event("ws-sifted"));
  }

  /** Gives one row the Tab stop. */
  tabStop() {
    for (const { row } of this.drawn.values()) row.tabIndex = -1;
    const row = this.rowOf(this.shown[this.at]);
    if (row) row.tabIndex = 0;
  }

  /** @param {Line|undefined} line */
  rowOf(line) {
    return line && this.drawn.get(line)?.row;
  }

  /** Scrolls to the row of a case and gives the row the Tab stop. @param {string} id */
  reveal(id) {
    const line = this.matrix.line(id);
    const row = this.rowOf(line);
    if (!line || !row) return;
    if (this.shown.includes(line)) this.at = this.shown.indexOf(line);
    this.tabStop();
    // Rows out of view have an estimated height, so the place of a row is only known some frames later.
    let frames = 6;
    const look = () => {
      row.scrollIntoView({ block: "nearest" });
      if (--frames) requestAnimationFrame(look);
    };
    look();
  }

  /** Marks the row of the shown case. @param {string} id "" for none */
  mark(id) {
    this.open = id;
    const line = id ? this.matrix.line(id) : undefined;
    for (const [l, { row }] of this.drawn) row.classList.toggle("open", l === line);
  }

  // ——— what the reader does ———

  /**
   * Opens a case of a line. This is the case for clients if the column is the
   * browser's or the line has no case for servers. Otherwise it is the case for
   * servers.
   * @param {string} id
   * @param {string} [column]
   */
  choose(id, column) {
    const line = this.matrix.line(id);
    if (!line) return;
    this.at = Math.max(0, this.shown.indexOf(line));
    this.tabStop();
    const c = (column === browserName && line.client) || line.server || line.client;
    if (c) this.dispatchEvent(new CustomEvent("ws-case", { bubbles: true, detail: c.id }));
  }

  /** The line before or after that of a case. @param {string} id @param {number} by */
  next(id, by) {
    const line = this.matrix.line(id);
    const among = line && !this.shown.includes(line) ? this.matrix.lines : this.shown; // an address may name a case that the filter hides
    return line && among[among.indexOf(line) + by];
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || !this.shown.length) return;
    /** @type {Record<string, number>} */
    const to = { ArrowUp: this.at - 1, ArrowDown: this.at + 1, PageUp: this.at - page, PageDown: this.at + page, Home: 0, End: this.shown.length - 1 };
    if (e.key === "Enter") {
      e.preventDefault();
      return this.choose(this.shown[this.at].id);
    }
    if (to[e.key] === undefined) return;
    e.preventDefault();
    this.at = Math.max(0, Math.min(this.shown.length - 1, to[e.key]));
    this.tabStop();
    const row = this.rowOf(this.shown[this.at]);
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  }
}

/** @param {Column} c @param {ReturnType<Matrix["counts"]>} n @param {boolean} runs */
function columnHead(c, n, runs) {
  const done = n.asked - n.none;
  return h(
    "div",
    { class: "cell", role: "columnheader", title: "the behavior, then how the connection ended" },
    h("b", {}, ...c.label.split(/(?<=:)/).flatMap((part, i) => (i ? [h("wbr"), part] : [part]))),
    h("span", { class: "tally", title: tallyWords(n) || null }, done ? tally(n) : "not judged"),
    runs ? h("progress", { max: n.asked, value: done, "aria-label": `${c.label}: ${done} of ${n.asked}` }) : "",
  );
}

/** @param {import("../compare.js").Verdict} verdict */
const mark = (verdict) => h("span", { class: `v ${verdict}` }, h("b", {}, glyphs[verdict]), h("span", { class: "say" }, ` ${words[verdict]}`));
