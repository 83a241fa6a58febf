/**
 * The timeline: your tab, the wire, the server's Go code. Only the rows in
 * view exist as elements; each has the same height, so a hundred thousand
 * scroll like a hundred.
 *
 * @typedef {import("../rows.js").Row} Row
 * @typedef {import("../align.js").Pair} Pair
 */

import { LabElement, button, h, hit, redraw } from "./dom.js";
import { lab } from "../lab.js";
import { Pairs } from "../align.js";
import { Tail } from "../tail.js";
import { belongs, goAt, heldAt, jsAt, lane, stepAt } from "../rows.js";
import { arrow, delta, frameParts, handshakeParts, line, ms, strip, uncrossed } from "../format.js";

const spare = 6; // rows kept ready above and below those in view
const tableRows = 400;

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
  height = 0; // of one row
  rows = 0;
  gone = 0; // rows that the view had lost at its front
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
    lab.observe(() => this.render(), signal);
  }

  /** Takes the height of a row and of the list as they are now; the rows that were read stay in view. */
  measure() {
    const { scroller } = this;
    const height = this.probe.offsetHeight;
    if (!height) return; // it is not shown
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
    const { view, mode, asTable } = lab;
    const both = view instanceof Pairs;
    this.scroller.hidden = asTable;
    this.table.hidden = !asTable;
    // What a person has just done comes at the end.
    if (lab.news !== this.news) this.tail.follows = this.tableTail.follows = true;
    this.news = lab.news;
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
    const names = both ? view.sides.heads : ["ms", clients(), "on the wire", "server (Go)"];
    if (names.join() !== this.names) {
      this.names = names.join();
      this.head.replaceChildren(...names.map((n) => h("span", { role: "columnheader" }, n)));
    }
    const n = view.count(lab.cursor);
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
    if (!this.height || lab.asTable) return;
    const { view } = lab;
    // A scroll can come between a step and its rendering.
    const n = Math.min(this.rows, view.count(lab.cursor));
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
   * Writes a row, unless it shows the same already; says whether it is selected.
   * @param {HTMLElement} node
   * @param {Row|Pair} item
   * @param {number} i
   */
  fill(node, item, i) {
    const { cursor, selection, view } = lab;
    const rows = "event" in item ? [item] : [item.left, item.right];
    const selected = rows.some((r) => r && r.event.seq === selection.seq) && !lab.shared;
    const settled = "event" in item ? 0 : view.list.length + lab.history.last;
    const key = [lab.mode, lab.server, i, selected, cursor, selection.seq * Number(selected), settled, ...rows.map((r) => r && `${r.event.seq} ${r.version}`)].join();
    if (node.dataset.key === key) return selected;
    node.dataset.key = key;
    const differs = view instanceof Pairs && !("event" in item) ? view.differences(item, cursor) : [];
    // Side by side, the half that it belongs to is the one drawn so.
    const held = rows.some((r) => r && r.seq <= cursor && heldAt(r, cursor) === "waiting");
    const struck = "event" in item && !held ? stay(item, cursor) : "";
    node.className = `row${selected ? " selected" : ""}${held ? " held" : ""}${struck}${differs.length ? " differs" : ""}`;
    if ("event" in item && item.event.tcp?.what === "open") node.classList.add("begins");
    node.setAttribute("aria-selected", String(selected));
    const heading = "event" in item ? stepAt(item, cursor) : null;
    node.classList.toggle("step", !!heading || rows.some((r) => r?.event.step));
    if ("event" in item) node.replaceChildren(time(item, above(i), 0), ...(heading ? [stepCell(heading)] : lanes(item, cursor)));
    else node.replaceChildren(...halves(item, cursor, differs));
    return selected;
  }

  /** @param {MouseEvent} e */
  choose(e) {
    const on = hit(e, "button[data-seq]");
    if (on) return this.pick(Number(on.dataset.seq));
    const row = hit(e, ".row[id]");
    if (!row) return;
    const item = lab.view.list[Number(row.id.slice(4))];
    const half = hit(e, "[data-side]");
    const side = /** @type {"left"|"right"|undefined} */ (half?.dataset.side);
    const target = item && lab.rowOf(item, side);
    if (!target) return;
    if (side) lab.side = !("event" in item) && item.right === target ? "right" : "left";
    lab.select(target.event.seq);
  }

  /** Selects a row of the table. @param {number} seq */
  pick(seq) {
    const { view } = lab;
    if (view instanceof Pairs) lab.side = view.bySeq.get(seq)?.right?.event.seq === seq ? "right" : "left";
    lab.select(seq);
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
    const by = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[e.key];
    if (by === undefined) return;
    const on = hit(e, "button[data-seq]");
    if (on) {
      e.preventDefault();
      const all = /** @type {HTMLElement[]} */ ([...this.table.querySelectorAll("button[data-seq]")]);
      const to = all[Math.max(0, Math.min(all.length - 1, all.indexOf(on) + by))];
      to.focus();
      this.pick(Number(to.dataset.seq));
      return by === Infinity ? lab.newest() : undefined;
    }
    if (e.target !== this.scroller) return;
    e.preventDefault();
    lab.move(by);
    this.reveal(lab.selectedIndex);
  }

  /** Scrolls the least that brings a row into view. @param {number} i */
  reveal(i) {
    if (lab.asTable) return this.revealInTable();
    if (i < 0 || !this.height) return;
    const { scroller, head } = this;
    const top = i * this.height;
    const room = scroller.clientHeight - head.offsetHeight;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + this.height > scroller.scrollTop + room) scroller.scrollTop = top + this.height - room;
    this.tail.moved(scroller);
  }

  /** The same of the selected row of the table. */
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
    const { view, cursor } = lab;
    const n = view.count(cursor);
    const from = Math.max(0, n - tableRows);
    const key = `${lab.mode} ${n} ${cursor} ${lab.rows.version}`;
    if (this.table.dataset.key === key) return;
    this.table.dataset.key = key;
    const names = ["ms", "since the last", "connection", clients(), "on the wire", "server (Go)"];
    if (view instanceof Pairs) names.push("difference");
    const body = h("tbody");
    for (let i = from; i < n; i++) {
      const item = view.list[i];
      const rows = "event" in item ? [item] : [item.left, item.right].filter((r) => r !== null);
      const differs = view instanceof Pairs && !("event" in item) ? view.differences(item, cursor).join("; ") : "";
      for (const row of rows.filter((r) => r.seq <= cursor)) {
        const side = "event" in item ? undefined : item.left === row ? "left" : "right";
        const before = above(i, side);
        const base = view instanceof Pairs ? view.base(row) : 0;
        const held = heldAt(row, cursor);
        const step = stepAt(row, cursor);
        const wire = step ? `${line(row.event)}${step.say ? `: ${step.say}` : ""}` : row.event.script || row.event.call ? "" : line(row.event) + (held === "waiting" ? " (held)" : held in missed ? ` (${missed[held]})` : "");
        const { seq } = row.event;
        const cells = [button(ms(row.at - base), { "data-seq": seq, tabindex: -1, class: "quiet", "aria-label": `${ms(row.at - base)} ms, event ${seq}` }), before ? delta(row.at - before.at) : "", `${row.conn.id} ${row.conn.endpoint}`, jsAt(row, cursor), wire, goAt(row, cursor).text];
        if (view instanceof Pairs) cells.push(differs);
        body.append(h("tr", {}, ...cells.map((c) => h("td", {}, c))));
      }
    }
    const caption = from ? `The newest ${tableRows} of ${n} rows; the log has them all` : "Timeline";
    const { table } = this;
    redraw(table, h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, ...names.map((t) => h("th", { scope: "col" }, t)))), body));
    this.tableTail.fit(table);
  }

  /** Marks the selected row of the table, which is its one Tab stop; else the last is. */
  mark() {
    const all = /** @type {HTMLElement[]} */ ([...this.table.querySelectorAll("button[data-seq]")]);
    const selected = lab.shared ? undefined : all.find((on) => Number(on.dataset.seq) === lab.selection.seq);
    for (const on of all) {
      on.tabIndex = on === (selected || all[all.length - 1]) ? 0 : -1;
      on.setAttribute("aria-pressed", String(on === selected));
      on.closest("tr")?.classList.toggle("in", on === selected);
    }
  }
}

/**
 * The row above an entry, in the same column where there are two.
 * @param {number} i place of the entry
 * @param {import("../align.js").Side} [side]
 * @returns {Row|null}
 */
function above(i, side) {
  const { list } = lab.view;
  for (let k = i - 1; k >= 0; k--) {
    const item = list[k];
    const row = "event" in item ? item : side ? item[side] : null;
    if (row) return row;
  }
  return null;
}

/**
 * When a row was, and how long after the one above it.
 * @param {Row} row
 * @param {Row|null} before
 * @param {number} base of its clock
 */
const time = (row, before, base) => h("span", { class: "t", role: "gridcell" }, h("span", {}, ms(row.at - base)), " ", h("small", {}, before && before.at >= base ? delta(row.at - before.at) : ""));

/** What the lane of the clients is called now. */
const clients = () => lane([...lab.rows.conns.values()].filter((c) => c.id && belongs(c, lab.mode)), lab.watching);

/** How a row stands at the valve, as a class. @param {Row} row @param {number} cursor */
const stay = (row, cursor) => ({ waiting: " held", dropped: " dropped", unsent: " dropped" })[row.event.unsent && row.seq <= cursor ? "unsent" : heldAt(row, cursor)] || "";

/** @type {Record<string, string>} what the table says of a unit that went no further, by its state at the valve */
const missed = { dropped: "dropped", unsent: "not sent", unread: "not read" };

/** @param {Row} row @param {number} cursor */
function lanes(row, cursor) {
  const go = goAt(row, cursor);
  // Nobody records what goes on in a client from outside.
  const js = jsAt(row, cursor) || (row.conn.id && !row.conn.client ? "—" : "");
  return [
    h("span", { class: "js", role: "gridcell", title: js || null }, js),
    h("span", { class: "wire", role: "gridcell" }, ...wire(row, cursor)),
    h("span", { class: `go${go.error ? " failed" : ""}${go.waiting ? " waits" : ""}`, role: "gridcell", title: go.text || null }, go.text),
  ];
}

/** The heading of a step. @param {NonNullable<ReturnType<typeof stepAt>>} s */
const stepCell = (s) =>
  h(
    "span",
    { class: `heading${s.failed ? " failed" : ""}`, role: "gridcell", "aria-colspan": 3, title: s.say || null },
    h("span", { class: "soft" }, s.number && `${s.number} `),
    s.failed && !s.number ? h("b", {}, `× ${s.command}`) : h("code", {}, s.command),
    s.say ? h("span", { class: "say" }, ` ${s.say}`) : s.doing ? h("span", { class: "soft" }, " …") : "",
  );

/** @param {Pair} pair @param {number} cursor @param {string[]} differs */
function halves(pair, cursor, differs) {
  return /** @type {const} */ (["left", "right"]).map((side) => {
    const row = pair[side];
    const seen = row && row.seq <= cursor ? row : null;
    const mark = side === "right" && differs.length > 0 && h("b", { class: "mark", title: differs.join("\n") }, "≠ ");
    const here = seen && seen.event.seq === lab.selection.seq ? " here" : "";
    // A broken server is neither of the two, so it stands under neither.
    const broken = pair.left?.conn.endpoint.startsWith("broken/") ? pair.left.conn.endpoint.slice(7) : "";
    // A hole is in both.
    const whole = broken || pair.left?.event.dropped;
    if (whole && side === "right") return "";
    if (!seen) return h("span", { class: "half none", role: "gridcell", "data-side": side }, mark || "", h("span", { class: "sub" }, differs.length ? "nothing" : "·"));
    const view = /** @type {Pairs} */ (lab.view);
    const clock = time(seen, above(pair.index, side), view.base(seen));
    clock.removeAttribute("role"); // it is part of its half's cell
    const heading = stepAt(seen, cursor);
    if (heading) return h("span", { class: `half${here}`, role: "gridcell", "data-side": side }, clock, stepCell(heading));
    const go = goAt(seen, cursor).text.replace(/ → nil$/, "");
    const js = jsAt(seen, cursor);
    const who = { tab: "tab", raw: "raw", scenario: "raw", outside: "client", "": "client" }[seen.conn.as];
    /** @param {string} from @param {string} text */
    const part = (from, text) => h("span", { class: "part" }, h("i", {}, `${from}: `), text);
    return h(
      "span",
      { class: `half${here}${whole ? " broken" : ""}${stay(seen, cursor)}`, role: "gridcell", "data-side": side, "aria-colspan": whole ? 2 : null },
      clock,
      h("span", { class: "wire" }, mark || "", broken ? h("span", { class: "label" }, `broken server: ${broken.replaceAll("-", " ")}`) : "", ...wire(seen, cursor)),
      h("span", { class: "sub", title: [js && `${who}: ${js}`, go && `Go: ${go}`].filter(Boolean).join(" ⇢ ") || null }, js && part(who, js), js && go ? h("span", { class: "then" }, " ⇢ ") : "", go && part("Go", go)),
    );
  });
}

/** @type {Map<string, string>} gradients by the two bytes that they draw */
const gradients = new Map();

/**
 * The first sixteen bits, small. It is one element with a gradient, not one
 * for each bit: rows come into view thirty at a time.
 * @param {import("../types.js").Frame} frame
 */
function picture(frame) {
  const node = h("span", { class: "strip", "aria-hidden": "true" });
  const bytes = frame.hex.slice(0, 4);
  let gradient = gradients.get(bytes);
  if (!gradient) {
    const slot = 100 / 16.6; // a little more than sixteen: the bytes stand apart
    const stops = strip(frame).flatMap((bit, i) => {
      const from = slot * (i + (i > 7 ? 0.6 : 0));
      const colour = `var(--${i < 8 ? "head" : "len"}-${bit ? "one" : "zero"})`;
      const [a, b, c] = [from, from + slot * 0.82, from + slot].map((at) => `${at.toFixed(2)}%`);
      return [`${colour} ${a} ${b}`, `transparent ${b} ${i === 7 ? `${(from + slot * 1.6).toFixed(2)}%` : c}`];
    });
    gradient = `linear-gradient(to right, ${stops.join(", ")})`;
    gradients.set(bytes, gradient);
  }
  node.style.setProperty("background-image", gradient);
  return node;
}

/**
 * Says why something is not on the wire. The words give way to what they are about.
 * @param {HTMLElement} wait
 * @param {string} why
 * @param {boolean} failed
 */
function missing(wait, why, failed) {
  wait.classList.add("long");
  wait.title = why;
  wait.append(h("span", { class: failed ? "f-code" : null }, why));
}

/** The wire's part of a row. @param {Row} row @param {number} cursor */
function wire(row, cursor) {
  const e = row.event;
  const out = h("span", { class: "what" });
  const left = uncrossed(e);
  if (e.frame) {
    const p = frameParts(e.frame);
    out.append(
      h("span", { class: `arrow ${e.from}` }, `${arrow(e.from)} `),
      picture(e.frame),
      h("b", { class: e.frame.header.opcode === 8 ? "f-code" : null }, p.kind),
      h("span", { class: "flags" }, ` ${p.flags}`),
      h("span", { class: "soft" }, p.size && ` · ${p.size}`),
      h("span", { class: e.frame.close ? "f-code" : "f-data" }, p.said && ` · ${p.said}`),
      h("span", { class: "f-code" }, p.cut && ` · ${p.cut}`, ...p.bad.map((code) => ` × ${code}`)),
    );
  } else if (e.handshake) {
    const p = handshakeParts(e.handshake);
    out.append(h("span", { class: `arrow ${e.from}` }, `${arrow(e.from)} `), p.line, h("span", { class: "soft" }, p.note && ` ${p.note}`));
    if (p.good) out.append(" · ", h("span", { class: "f-head" }, p.good));
    if (p.bad.length) out.append(h("span", { class: "f-code" }, ...p.bad.map((code) => ` × ${code}`)));
  } else if (left) {
    out.append(h("span", { class: `arrow ${e.from}` }, `${arrow(e.from)} `), left.what);
  } else if (!e.script && !e.call) {
    out.append(h("span", { class: `soft${e.dropped ? " f-code" : ""}` }, line(e)));
  }
  const held = heldAt(row, cursor);
  const wait = h("span", { class: "wait" });
  if (held === "waiting" && e.tcp) wait.append(h("b", {}, "waits"), h("span", { class: "more" }, " for what is held before it"));
  else if (held === "waiting") {
    wait.append(h("b", {}, "held"));
    if (lab.server !== "there") wait.append(h("span", { class: "more" }, " to the end"));
    else wait.append(h("span", { class: "more" }, ", press"), " ", h("kbd", {}, "→"));
  } else if (held === "dropped") wait.append(h("span", { class: "f-code" }, "× dropped", h("span", { class: "more" }, ", never crossed")));
  else if (left) missing(wait, left.why, left.struck);
  else if (held === "unsent") missing(wait, `not sent: ${row.held[row.held.length - 1].error || ""}`, true);
  else if (held === "unread") wait.append(h("span", {}, "released, not read"));
  else return [out];
  return [out, wait];
}
