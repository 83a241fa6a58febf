/**
 * Both ends of one connection as a picture: the client's lanes at the left, the
 * server's at the right, the wire between them, time downwards. Each row is a button
 * that selects its event. A table shows the same.
 *
 * @typedef {import("../ends.js").Line} Line
 * @typedef {import("../ends.js").Picture} Picture
 */

import { LabElement, button, h, hit, table } from "./dom.js";
import { Ends, lanes, words } from "../ends.js";
import { count, ms } from "../format.js";
import { belongs, whose } from "../connection.js";

const most = 150; // maximum number of lines drawn; a longer picture omits the first lines

const laneNames = { clientWs: "WebSocket", clientTcp: "TCP", serverTcp: "TCP", serverWs: "WebSocket" };

/** @param {HTMLElement} node @param {number} from @param {number} [to] lines, both within */
function place(node, from, to = from) {
  node.style.setProperty("--i", String(from));
  node.style.setProperty("--n", String(to - from + 1));
  return node;
}

/** @extends {LabElement<"session" | "cursor" | "inspector">} */
export class WsEnds extends LabElement {
  static tag = "ws-ends";

  /** @type {Ends|null} */
  ends = null;
  name = "";
  asTable = false;
  at = 0; // the row that has the Tab stop
  key = "";
  grid = h("div", { class: "lanes" });
  twin = h("div", { class: "wide" });
  foot = h("p", { class: "legend" });

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.replaceChildren(this.grid, this.twin, this.foot);
    this.on("click", (e) => {
      const on = hit(e, ".line");
      if (on) this.choose(Number(on.dataset.seq));
      else if (hit(e, ".twins")) {
        this.asTable = !this.asTable;
        this.key = "";
        this.render();
        /** @type {HTMLElement|null} */ (this.querySelector(".twins"))?.focus();
      }
    });
    this.on("keydown", (e) => this.move(e));
    this.lab.session.observe(() => this.render(), signal);
  }

  /**
   * Shows the connection of a client.
   * @param {string} token
   * @param {string} title
   */
  show(token, title) {
    if (this.ends?.token === token && this.name === title) return;
    this.ends = new Ends(token);
    this.name = title;
    this.key = "";
    this.render();
  }

  render() {
    const { ends } = this;
    if (!ends || !this.isConnected) return;
    const before = ends.list.length;
    const { rows, history } = this.lab.session;
    ends.sync(rows);
    const { cursor } = history;
    const versions = ends.list.reduce((n, r) => n + r.version, 0);
    const key = [cursor, ends.list.length, versions, this.asTable, this.name].join();
    if (key !== this.key) {
      this.key = key;
      // A new session has other rows.
      if (rows.total < ends.taken) this.ends = new Ends(ends.token);
      this.draw(ends.picture(cursor, rows.plays.byToken.get(ends.token)?.settled), before);
    }
    for (const on of this.grid.querySelectorAll(".line")) on.setAttribute("aria-pressed", String(on instanceof HTMLElement && Number(on.dataset.seq) === this.lab.inspector.selection.seq));
  }

  /** @param {Picture} all @param {number} before */
  draw(all, before) {
    const conn = this.ends?.conn;
    const cut = Math.max(0, all.lines.length - most);
    const lines = all.lines.slice(cut);
    const start = lines.find((l) => l.kind !== "gap")?.at || 0;
    const client = conn ? whose(conn, this.lab.session.watching) : "client";
    const server = `server (${conn?.endpoint || "Go"})`;
    this.grid.hidden = this.asTable;
    this.twin.hidden = !this.asTable;
    this.grid.setAttribute("role", "group");
    this.grid.setAttribute("aria-label", `${this.name || "Both ends of the connection"}: ${lines.length} rows. Arrow keys move, Enter selects.`);
    if (this.asTable) this.twin.replaceChildren(twin(lines, start, client, server));
    else {
      const focused = this.grid.contains(document.activeElement);
      /** @type {Node[]} */
      const parts = [
        h("b", { class: "end client" }, client),
        h("b", { class: "end server" }, server),
        ...[["t", "ms"], ["js", client === "raw client" ? "its code" : "JavaScript"], ["clientWs", "WS"], ["clientTcp", "TCP"], ["wire", "on the wire"], ["serverTcp", "TCP"], ["serverWs", "WS"], ["go", "Go"]].map(([lane, text]) => h("span", { class: `col ${lane}`, "aria-hidden": "true" }, text)),
      ];
      for (const bar of all.bars) {
        const from = Math.max(0, bar.from - cut);
        const to = bar.to - cut;
        if (to < 0) continue;
        const state = bar.state.replaceAll(" ", "-");
        parts.push(place(h("span", { class: `life ${bar.lane} s-${state}`, title: `${laneNames[bar.lane]} of the ${bar.lane.startsWith("client") ? "client" : "server"}: ${bar.state}`, "aria-hidden": "true" }, fits(bar.state, to - from + 1) && h("i", {}, bar.state)), from, to));
        if (bar.lane === "clientWs" || bar.lane === "serverWs") parts.push(place(h("span", { class: `shade ${bar.lane} s-${state}`, "aria-hidden": "true" }), from, to));
      }
      this.at = Math.min(this.at, Math.max(0, lines.length - 1));
      lines.forEach((l, i) => parts.push(...drawn(l, i, start, i === this.at)));
      if (cut) parts.push(h("span", { class: "cut soft" }, `${count(cut, "earlier row")} in the timeline`));
      this.grid.replaceChildren(...parts);
      if (focused) this.hits()[this.at]?.focus({ preventScroll: true });
    }
    const legend = [["CONNECTING", "CONNECTING"], ["OPEN", "OPEN"], ["CLOSING", "CLOSING, FIN sent or received"], ["CLOSED", "CLOSED"], ["reset", "reset"]];
    this.foot.replaceChildren(
      ...(this.asTable ? [] : [h("span", { class: "soft" }, "what that end can know at that moment: "), ...legend.map(([state, text]) => h("span", { class: "key" }, h("i", { class: `s-${state}` }), text))]),
      button("Show picture as table", { class: "twins quiet", "aria-pressed": String(this.asTable) }),
    );
  }

  /** @returns {HTMLElement[]} */
  hits() {
    return [...this.grid.querySelectorAll("button.line")].filter((b) => b instanceof HTMLElement);
  }

  /** @param {KeyboardEvent} e */
  move(e) {
    if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey || !hit(e, ".line")) return;
    const all = this.hits();
    const by = { ArrowUp: this.at - 1, ArrowDown: this.at + 1, Home: 0, End: all.length - 1 }[e.key];
    if (by === undefined) return;
    e.preventDefault();
    const here = all.findIndex((b) => b === document.activeElement);
    const to = Math.max(0, Math.min(all.length - 1, e.key.startsWith("Arrow") ? here + (e.key === "ArrowUp" ? -1 : 1) : by));
    all.forEach((b, i) => (b.tabIndex = i === to ? 0 : -1));
    this.at = to;
    all[to].focus();
  }

  /** Selects a row's event in the timeline, and scrolls to it. @param {number} seq */
  choose(seq) {
    const { session, cursor, inspector } = this.lab;
    const row = session.rows.bySeq.get(seq);
    if (!row) return;
    this.at = Math.max(0, this.hits().findIndex((b) => b.dataset.seq === String(seq)));
    if (cursor.mode === "plays") {
      const { view } = cursor;
      if ("bySeq" in view) cursor.side = view.bySeq.get(seq)?.right === row ? "right" : "left";
    } else if (!belongs(row.conn, cursor.mode)) cursor.mode = row.conn.endpoint === "gorilla" || row.conn.endpoint === "naive" ? row.conn.endpoint : "reference";
    inspector.select(seq);
    const timeline = document.querySelector("ws-timeline");
    if (timeline) requestAnimationFrame(() => requestAnimationFrame(() => timeline.reveal(cursor.index)));
  }
}

/** Whether the name of a state fits along its bar. @param {string} state @param {number} n lines */
const fits = (state, n) => n * 27 > state.length * 6.3 + 8;

/** A time in ms, short enough for its column. @param {number} us */
const clock = (us) => (us < 10_000_000 ? ms(us) : String(Math.round(us / 1000)));

/**
 * @param {Line} l
 * @param {number} i
 * @param {number} start
 * @param {boolean} stop whether the line has the Tab stop
 * @returns {HTMLElement[]}
 */
function drawn(l, i, start, stop) {
  const on = h("button", { type: "button", class: `line ${l.kind}`, "data-seq": l.seq, tabindex: stop ? 0 : -1, "aria-label": words(l, start) });
  if (l.kind === "gap") {
    return [place(h("span", { class: "nothing", "aria-label": l.text }, h("span", {}, l.text)), i)];
  }
  /** @param {string} lane @param {...(Node|string|false)} inside */
  const cell = (lane, ...inside) => place(h("span", { class: lane, "aria-hidden": "true" }, ...inside), i);
  const time = cell("t", clock(l.at - start));
  if (l.kind === "step") return [place(on, i), time, cell(`chip${l.failed ? " failed" : ""}`, h("code", {}, l.text.replace(/^(\d+) of \d+ · /, "$1 · ")))];
  const out = [place(on, i), time];
  if (l.js) out.push(cell("js", l.js));
  if (l.go) out.push(cell(`go${l.failed ? " failed" : ""}${l.waits ? " waits" : ""}`, l.go));
  const { arrow: a } = l;
  if (a) out.push(cell(`wire ${a.kind} from-${a.from}${a.stays ? ` stays ${a.stays}` : ""}`, h("span", { class: "text" }, a.text, a.stays === "dropped" && " × lost", a.stays === "waiting" && " · held"), a.kind !== "note" && h("i", { class: "shaft" })));
  return out;
}

/** @param {Line[]} lines @param {number} start @param {string} client @param {string} server */
function twin(lines, start, client, server) {
  const heads = ["ms", `${client}: code`, "client: WebSocket", "client: TCP", "on the wire", "server: TCP", "server: WebSocket", `${server}: Go`];
  const rows = lines.map((l) => {
    if (l.kind !== "row") return h("tr", {}, h("td", {}, l.kind === "gap" ? "" : ms(l.at - start)), h("td", { colspan: 7, class: "soft" }, l.kind === "step" && /^\d/.test(l.text) ? `step ${l.text}` : l.text));
    const states = lanes.map((lane) => l.known[lane] || "—");
    const a = l.arrow;
    const wire = a ? `${a.kind === "note" ? "" : a.from === "client" ? "client to server: " : "server to client: "}${a.text}${a.stays === "dropped" ? " × lost" : a.stays ? " · held" : ""}` : "";
    return h("tr", {}, ...[ms(l.at - start), l.js, states[0], states[1], wire, states[2], states[3], l.go].map((text) => h("td", {}, text)));
  });
  return table(heads, rows, { class: "endstable", caption: "Both ends of the connection" });
}

