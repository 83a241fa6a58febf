/**
 * The timeline: your tab, the wire, the server's Go code. Only the rows in view
 * exist as elements. All have the same height, so a list of a hundred thousand rows
 * scrolls as fast as one of a hundred.
 *
 * @typedef {import("../rows.js").Row} Row
 * @typedef {import("../align.js").Pair} Pair
 */

import { LabElement, button, h, hit, redraw, table } from "./dom.js";
import { Pairs } from "../align.js";
import { Tail } from "../tail.js";
import { belongs, lane } from "../connection.js";
import { above, halves, lanes, missed, stay, stepCell, time } from "./row.js";
import { goAt, heldAt, jsAt, stepAt } from "../shown.js";
import { delta, line, ms } from "../format.js";

const spare = 6; // how many rows exist above and below those in view
const tableRows = 400;

/** @extends {LabElement<"session" | "cursor" | "inspector">} */
export class WsTimeline extends LabElement {
  static tag = "ws-timeline";

  head = h("div", { class: "head", role: "row" });
  space = h("div", { class: "space", role: "rowgroup" });
  scroller = h("div", { class: "scroll", role: "grid", tabindex: 0, "aria-label": "Timeline" }, this.head, this.space);
  table = h("div", { class: "twin", tabindex: 0, hidden: true });
  probe = h("div", { class: "row probe", "aria-hidden": "true" });
  tail = new Tail();
  tableTail = new Tail();
  news = 0;
  /** @type {Map<number, HTMLElement>} the rows that exist as elements */
  shown = new Map();
  height = 0; // height of one row
  rows = 0;
  gone = 0; // how many rows the view had dropped at its front
  mode = "";
  names = "";

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.replaceChildren(this.scroller, this.table);
    this.space.append(this.probe);
    this.scroller.addEventListener(
      "scroll",
      () => {
        this.tail.scrolled(this.scroller);
        this.draw();
      },
      { signal, passive: true },
    );
    this.table.addEventListener("scroll", () => this.tableTail.scrolled(this.table), { signal, passive: true });
    const sizes = new ResizeObserver(() => {
      this.measure();
      this.tableTail.fit(this.table);
    });
    for (const of of [this.scroller, this.probe, this.table]) sizes.observe(of);
    signal.addEventListener("abort", () => sizes.disconnect());
    this.on("click", (e) => this.choose(e));
    this.on("keydown", (e) => this.key(e));
    this.lab.session.observe(() => this.render(), signal);
  }

  /** Measures the height of a row and of the list; the rows in view stay in view. */
  measure() {
    const { scroller } = this;
    const height = this.probe.offsetHeight;
    if (!height) return; // the timeline is hidden
    if (height === this.height) {
      this.tail.fit(scroller);
      return this.draw();
    }
    const at = this.height ? scroller.scrollTop / this.height : 0;
    this.height = height;
    for (const node of this.shown.values()) node.remove();
    this.shown.clear();
    this.rows = -1;
    this.render();
    if (this.tail.follows) return;
    scroller.scrollTop = at * height;
    this.draw();
  }

  render() {
    const { view, mode, asTable, news, at } = this.lab.cursor;
    const both = view instanceof Pairs;
    this.scroller.hidden = asTable;
    this.table.hidden = !asTable;
    // The effects of a new action are at the end, so scroll there.
    if (news !== this.news) this.tail.follows = this.tableTail.follows = true;
    this.news = news;
    if (asTable) {
      this.renderTable();
      return this.mark();
    }
    if (mode !== this.mode) {
      this.mode = mode;
      this.classList.toggle("both", both);
      this.rows = -1;
      this.gone = view.gone;
      this.measure();
    }
    const names = both ? view.sides.heads : ["ms", this.clients, "on the wire", "server (Go)"];
    if (names.join() !== this.names) {
      this.names = names.join();
      this.head.replaceChildren(...names.map((n) => h("span", { role: "columnheader" }, n)));
    }
    const n = view.count(at);
    const { scroller } = this;
    const forgotten = view.gone - this.gone;
    this.gone = view.gone;
    if (n !== this.rows || forgotten) {
      this.rows = n;
      this.space.style.setProperty("height", `${n * this.height}px`);
      scroller.setAttribute("aria-rowcount", String(n));
      if (forgotten && !this.tail.follows) scroller.scrollTop -= forgotten * this.height;
    }
    this.tail.fit(scroller);
    this.draw();
  }

  draw() {
    const { view, at, asTable } = this.lab.cursor;
    if (!this.height || asTable) return;
    // A scroll event can arrive between a step and its rendering.
    const n = Math.min(this.rows, view.count(at));
    const top = this.scroller.scrollTop;
    const from = Math.max(0, Math.floor(top / this.height) - spare);
    const to = Math.min(n, Math.ceil((top + this.scroller.clientHeight) / this.height) + spare);
    const free = [];
    for (const [i, node] of this.shown) {
      if (i >= from && i < to) continue;
      this.shown.delete(i);
      free.push(node);
    }
    let active = "";
    for (let i = from; i < to; i++) {
      let node = this.shown.get(i);
      if (!node) {
        node = free.pop() || this.space.appendChild(h("div", { role: "row" }));
        node.dataset.key = "";
        node.style.setProperty("transform", `translateY(${i * this.height}px)`);
        node.id = `row-${i}`;
        node.setAttribute("aria-rowindex", String(i + 1));
        this.shown.set(i, node);
      }
      if (this.fill(node, view.list[i], i)) active = node.id;
    }
    for (const node of free) node.remove();
    if (active) this.scroller.setAttribute("aria-activedescendant", active);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  /**
   * Writes a row, unless its content is unchanged. Returns whether the row is
   * selected.
   * @param {HTMLElement} node
   * @param {Row|Pair} item
   * @param {number} i
   */
  fill(node, item, i) {
    const { session, inspector, cursor: place } = this.lab;
    const { view, at: cursor } = place;
    const { seq } = inspector.selection;
    const look = { cursor, view, selected: seq, server: session.server };
    const rows = "event" in item ? [item] : [item.left, item.right];
    const selected = rows.some((r) => r && r.event.seq === seq) && !inspector.shared;
    const settled = "event" in item ? 0 : view.list.length + session.history.last;
    const key = [place.mode, session.server, i, selected, cursor, seq * Number(selected), settled, ...rows.map((r) => r && `${r.event.seq} ${r.version}`)].join();
    if (node.dataset.key === key) return selected;
    node.dataset.key = key;
    const differs = view instanceof Pairs && !("event" in item) ? view.differences(item, cursor) : [];
    // In two columns, only the half with the piece is struck through.
    const held = rows.some((r) => r && r.seq <= cursor && heldAt(r, cursor) === "waiting");
    const struck = "event" in item && !held ? stay(item, cursor) : "";
    node.className = `row${selected ? " selected" : ""}${held ? " held" : ""}${struck}${differs.length ? " differs" : ""}`;
    if ("event" in item && item.event.tcp?.what === "open") node.classList.add("begins");
    node.setAttribute("aria-selected", String(selected));
    const heading = "event" in item ? stepAt(item, cursor) : null;
    node.classList.toggle("step", !!heading || rows.some((r) => r?.event.step));
    if ("event" in item) node.replaceChildren(time(item, above(view.list, i), 0), ...(heading ? [stepCell(heading)] : lanes(item, look)));
    else node.replaceChildren(...halves(item, look, differs));
    return selected;
  }

  /** @param {MouseEvent} e */
  choose(e) {
    const on = hit(e, "button[data-seq]");
    if (on) return this.pick(Number(on.dataset.seq));
    const row = hit(e, ".row[id]");
    if (!row) return;
    const { cursor, inspector } = this.lab;
    const item = cursor.view.list[Number(row.id.slice(4))];
    const half = hit(e, "[data-side]");
    const side = /** @type {"left"|"right"|undefined} */ (half?.dataset.side);
    const target = item && cursor.rowOf(item, side);
    if (!target) return;
    if (side) cursor.side = !("event" in item) && item.right === target ? "right" : "left";
    inspector.select(target.event.seq);
  }

  /** Selects a row of the table. @param {number} seq */
  pick(seq) {
    const { cursor, inspector } = this.lab;
    const { view } = cursor;
    if (view instanceof Pairs) cursor.side = view.bySeq.get(seq)?.right?.event.seq === seq ? "right" : "left";
    inspector.select(seq);
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
    const by = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[e.key];
    if (by === undefined) return;
    const { cursor, inspector } = this.lab;
    const on = hit(e, "button[data-seq]");
    if (on) {
      e.preventDefault();
      const all = /** @type {HTMLElement[]} */ ([...this.table.querySelectorAll("button[data-seq]")]);
      const to = all[Math.max(0, Math.min(all.length - 1, all.indexOf(on) + by))];
      to.focus();
      this.pick(Number(to.dataset.seq));
      return by === Infinity ? inspector.newest() : undefined;
    }
    if (e.target !== this.scroller) return;
    e.preventDefault();
    cursor.move(by);
    this.reveal(cursor.index);
  }

  /** Scrolls as little as needed to show a row. @param {number} i */
  reveal(i) {
    if (this.lab.cursor.asTable) return this.revealInTable();
    if (i < 0 || !this.height) return;
    const { scroller, head } = this;
    const top = i * this.height;
    const room = scroller.clientHeight - head.offsetHeight;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + this.height > scroller.scrollTop + room) scroller.scrollTop = top + this.height - room;
    this.tail.moved(scroller);
  }

  /** Scrolls to the selected row of the table. */
  revealInTable() {
    const { table } = this;
    const row = table.querySelector("tr.in")?.getBoundingClientRect();
    const head = table.querySelector("thead")?.getBoundingClientRect();
    if (!row || !head) return;
    const { top, bottom } = table.getBoundingClientRect();
    if (row.top < top + head.height) table.scrollTop -= top + head.height - row.top;
    else if (row.bottom > bottom) table.scrollTop += row.bottom - bottom;
    this.tableTail.scrolled(table);
  }

  renderTable() {
    const { session, cursor: place } = this.lab;
    const { view, at: cursor } = place;
    const n = view.count(cursor);
    const from = Math.max(0, n - tableRows);
    const key = `${place.mode} ${n} ${cursor} ${session.rows.version}`;
    if (this.table.dataset.key === key) return;
    this.table.dataset.key = key;
    const names = ["ms", "since the last", "connection", this.clients, "on the wire", "server (Go)"];
    if (view instanceof Pairs) names.push("difference");
    const lines = [];
    for (let i = from; i < n; i++) {
      const item = view.list[i];
      const rows = "event" in item ? [item] : [item.left, item.right].filter((r) => r !== null);
      const differs = view instanceof Pairs && !("event" in item) ? view.differences(item, cursor).join("; ") : "";
      for (const row of rows.filter((r) => r.seq <= cursor)) {
        const side = "event" in item ? undefined : item.left === row ? "left" : "right";
        const before = above(view.list, i, side);
        const base = view instanceof Pairs ? view.base(row) : 0;
        const held = heldAt(row, cursor);
        const step = stepAt(row, cursor);
        const wire = step ? `${line(row.event)}${step.say ? `: ${step.say}` : ""}` : row.event.script || row.event.call ? "" : line(row.event) + (held === "waiting" ? " (held)" : held in missed ? ` (${missed[held]})` : "");
        const { seq } = row.event;
        const cells = [button(ms(row.at - base), { "data-seq": seq, tabindex: -1, class: "quiet", "aria-label": `${ms(row.at - base)} ms, event ${seq}` }), before ? delta(row.at - before.at) : "", `${row.conn.id} ${row.conn.endpoint}`, jsAt(row, cursor), wire, goAt(row, cursor).text];
        if (view instanceof Pairs) cells.push(differs);
        lines.push(h("tr", {}, ...cells.map((c) => h("td", {}, c))));
      }
    }
    const caption = from ? `The newest ${tableRows} of ${n} rows. The log has all of them.` : "Timeline";
    redraw(this.table, table(names, lines, { caption }));
    this.tableTail.fit(this.table);
  }

  /** Marks the selected row of the table, which has the only Tab stop. Without a selection, the last row has it. */
  mark() {
    const all = /** @type {HTMLElement[]} */ ([...this.table.querySelectorAll("button[data-seq]")]);
    const { shared, selection } = this.lab.inspector;
    const selected = shared ? undefined : all.find((on) => Number(on.dataset.seq) === selection.seq);
    for (const on of all) {
      on.tabIndex = on === (selected || all[all.length - 1]) ? 0 : -1;
      on.setAttribute("aria-pressed", String(on === selected));
      on.closest("tr")?.classList.toggle("in", on === selected);
    }
  }

  /** The name of the clients' lane. */
  get clients() {
    const { session, cursor } = this.lab;
    return lane([...session.rows.conns.values()].filter((c) => c.id && belongs(c, cursor.mode)), session.watching);
  }
}
