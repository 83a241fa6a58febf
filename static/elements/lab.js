/**
 * The lab's panel: bar, states, timeline and, under it, the inspector. It
 * begins the page's session.
 *
 * @typedef {import("../types.js").Mode} Mode
 */

import { LabElement, attempt, button, h, hit, onLeaving, segment } from "./dom.js";
import { PlayPairs } from "../align.js";
import { belongs, whose } from "../connection.js";
import { grouped } from "../format.js";
import { upTo } from "../history.js";
import { fromHash, toHash } from "../selection.js";
import { banner, notice, panel, selectionText } from "../status.js";

const order = /** @type {const} */ (["CONNECTING", "OPEN", "CLOSING", "CLOSED"]);
const settled = 300; // ms between a change of the selection and the change of the address
const quiet = 900; // ms between two announcements

/** @extends {LabElement<keyof import("../lab.js").Lab>} */
export class WsLab extends LabElement {
  static tag = "ws-lab";

  states = h("div", { class: "states" });
  bar = h("div", { class: "bar" });
  tools = h("div", { class: "tools" });
  at = h("span", { class: "at", hidden: true }, " ", button("Show newest row", { "data-command": "live", class: "quiet" }));
  banner = h("div", { class: "banner", role: "alert", hidden: true });
  notice = h("p", { class: "notice", role: "status" });
  timeline = h("ws-timeline");
  logPlace = h("div");
  inspector = h("ws-inspector");
  spoken = h("div", { class: "hide", "aria-live": "polite" });
  cursor = Infinity;
  found = 0;
  stateKey = "";
  bannerKey = "";
  placed = ""; // the selection that the address names, or will soon name
  placing = 0;
  announced = "";
  announcing = false;

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Lab");
    const { session, cursor, inspector, sockets, actions } = this.lab;
    const free = this.hasAttribute("free");
    const watch = this.getAttribute("watch") || (free && new URLSearchParams(location.search).get("watch")) || "";
    /** @type {Record<string, () => unknown>} */
    const commands = {
      back: () => cursor.back(),
      step: () => cursor.step(),
      run: () => cursor.run(),
      hold: () => (session.holding ? cursor.run() : cursor.hold()),
      connect: () => actions.act(sockets.open().length ? { do: "close", code: 1000 } : { do: "connect" }),
      table: () => {
        cursor.asTable = !cursor.asTable;
        this.reveal();
      },
      restart: () => this.lab.restart(),
      into: () => inspector.into(),
      log: () => this.log(),
      stack: () => session.stackAtWire(!session.stacking),
      live: () => cursor.show(Infinity),
      leave: () => cursor.escape(),
    };
    this.on("click", (e) => {
      const on = hit(e, "[data-command]");
      const mode = hit(e, "[data-mode]")?.dataset.mode;
      if (on) attempt(this.lab, () => commands[on.dataset.command || ""]?.()).then(() => session.touch());
      else if (mode) this.mode(/** @type {Mode} */ (mode));
    });
    this.build(free, !!watch);
    document.addEventListener("visibilitychange", () => cursor.setHidden(document.hidden), { signal });
    const address = () => (this.placed = fromHash(location.hash) ? location.hash : "");
    address();
    window.addEventListener("hashchange", () => address() && attempt(this.lab, () => inspector.readAddress()), { signal });
    onLeaving(() => this.lab.leave(), () => this.lab.comeBack(), signal);
    session.observe(() => this.render(), signal);
    session.wantStack = this.getAttribute("stack") === "on";
    this.lab.start({
      mode: /** @type {Mode} */ (this.getAttribute("endpoints") || "reference"),
      hold: this.getAttribute("hold") === "on",
      watch,
    });
  }

  /** @param {boolean} free @param {boolean} watching */
  build(free, watching) {
    /** @param {string} command @param {string} label @param {Record<string, string>} [more] */
    const does = (command, label, more) => button(label, { "data-command": command, ...more });
    this.bar.replaceChildren(
      watching ? "" : segment("Server", [["reference", "reference"], ["gorilla", "gorilla"], ["naive", "naive"], ["both", "side by side"], ["plays", "two runs"]], "mode"),
      h("span", { class: "seg", role: "group", "aria-label": "Stepping" }, does("back", "◀", { "aria-label": "Back one row", title: "back one row (←)" }), does("step", "▶ Step", { title: "next row, or release the held frame (→)" }), does("run", "▶▶ Run", { title: "release every frame and show the newest row (Space)" })),
      does("hold", "Hold the wire", { "aria-pressed": "false" }),
      watching ? h("a", { href: "/lab", class: "button" }, "Stop watching") : does("connect", "Connect", { class: "connect" }),
    );
    this.tools.replaceChildren(this.at, does("table", "Show timeline as table", { "aria-pressed": "false" }), does("log", "Show log", { "aria-expanded": "false" }), does("stack", "Record call stacks", { "aria-pressed": "false", title: "for each Read and Write from now on, record which Go calls asked for it" }), watching ? "" : does("restart", "Start new session"));
    const panel = h("div", { class: "panel", id: "wire" }, this.bar, h("div", { class: "under" }, this.states, this.tools), this.banner, this.notice, this.timeline, this.logPlace, this.inspector, this.spoken);
    this.replaceChildren(panel);
    if (free && !watching) {
      this.load("ws-free").then(() => this.prepend(h("ws-free")));
    }
  }

  /** @param {Mode} mode */
  mode(mode) {
    this.lab.cursor.choose(mode);
    this.reveal();
  }

  /** Scrolls to the selected row after the rows were drawn in another way. */
  reveal() {
    requestAnimationFrame(() => requestAnimationFrame(() => this.timeline.reveal(this.lab.cursor.index)));
  }

  render() {
    this.renderBar();
    this.renderStates();
    this.renderBanner();
    this.announce();
    const { cursor, inspector, session } = this.lab;
    const i = cursor.index;
    // A step or an address scrolls the timeline. A selection does not.
    if (cursor.at !== this.cursor || inspector.found !== this.found) {
      this.cursor = cursor.at;
      this.found = inspector.found;
      requestAnimationFrame(() => this.timeline.reveal(i));
    }
    // The address changes a little later, because a held key repeats and browsers limit how often an address may
    // change.
    const { selection, shared, hashSeq } = inspector;
    const at = !shared && (selection.chosen || cursor.stepper || !session.history.live) ? toHash(selection) : "";
    if (at === this.placed || shared || hashSeq) return;
    this.placed = at;
    clearTimeout(this.placing);
    this.placing = setTimeout(() => this.writeAddress(), settled);
  }

  renderBar() {
    const { bar } = this;
    const { session, cursor, inspector, sockets } = this.lab;
    const { mode, view } = cursor;
    for (const on of bar.querySelectorAll("[data-mode]")) on.setAttribute("aria-pressed", String(on instanceof HTMLElement && on.dataset.mode === mode));
    // The naive server appears after something was sent to it.
    const naive = mode === "naive" || [...session.rows.conns.values(), ...session.rows.stages.values()].some((c) => c.endpoint === "naive");
    bar.querySelector("[data-mode=naive]")?.toggleAttribute("hidden", !naive);
    // Two runs appear after the reader has compared two.
    bar.querySelector("[data-mode=plays]")?.toggleAttribute("hidden", !(cursor.views.plays instanceof PlayPairs));
    /** @param {string} command */
    const find = (command) => /** @type {HTMLButtonElement|null} */ (this.querySelector(`[data-command=${command}]`));
    const waits = cursor.waiting().length > 0;
    const n = view.count(cursor.at);
    const behind = n < view.list.length;
    find("hold")?.setAttribute("aria-pressed", String(session.holding && session.server !== "lost"));
    const log = find("log");
    const shown = !!this.logPlace.firstChild;
    if (log) log.textContent = shown ? "Hide log" : "Show log";
    log?.setAttribute("aria-expanded", String(shown));
    find("stack")?.setAttribute("aria-pressed", String(session.stacking && session.server !== "lost"));
    find("table")?.setAttribute("aria-pressed", String(cursor.asTable));
    find("step")?.classList.toggle("primary", waits || behind || inspector.selection.into !== null);
    const connect = find("connect");
    if (connect) {
      const open = sockets.open().length > 0;
      connect.textContent = open ? "Close connection" : "Connect";
      connect.classList.toggle("primary", !open && !session.history.events.length);
    }
    const { at } = this;
    at.hidden = !behind;
    at.firstChild?.replaceWith(`row ${grouped(n)} of ${grouped(view.list.length)} `);
  }

  /** The state of the newest connection of each shown endpoint. */
  renderStates() {
    const { session, sockets } = this.lab;
    const { mode, at } = this.lab.cursor;
    const all = [...session.rows.conns.values()].filter((c) => c.id && !c.plain && belongs(c, mode) && (c.states[0]?.seq || 0) <= at);
    // The page's own connections that are still open, and the newest connection of each server.
    const newest = new Map(all.filter((c) => !c.endpoint.startsWith("broken") || c === all[all.length - 1]).map((c) => [c.endpoint, c]));
    const shown = all.filter((c) => newest.get(c.endpoint) === c || (sockets.byToken.has(c.client) && c.stateAt("client", at)?.state !== "CLOSED")).slice(-4);
    const key = session.server + shown.map((c) => `${c.id} ${sockets.cut(c)} ${upTo(c.states, at)} ${c.states.length} ${c.overAt(at)} ${c.waiting(at)?.enter.seq}`).join() + mode;
    if (key === this.stateKey) return;
    this.stateKey = key;
    const lines = shown.map((conn) => {
      const client = conn.stateAt("client", at);
      const server = conn.stateAt("server", at);
      const own = client || server;
      // A refused handshake changes no state. A page that was left receives no
      // close event. In both cases the connection has ended.
      const over = sockets.byToken.has(conn.client) ? sockets.cut(conn) : conn.overAt(at) || (session.server === "lost" && session.history.live);
      const now = over ? "CLOSED" : own && own.state;
      const words = order.flatMap((s, i) => [i ? " › " : "", now === s ? h("b", { class: s === "CLOSED" ? "closed" : null }, s) : s]);
      const other = !over && client && server && client.state !== server.state ? ` · server: ${server.state}` : "";
      const read = conn.waiting(at);
      const who = whose(conn, session.watching);
      return h("div", { class: "state" }, h("span", { class: "who" }, `${conn.endpoint} · ${who} `), h("span", { class: "hide" }, `state: ${now || "none"}`), h("span", { "aria-hidden": "true" }, ...words), h("span", { class: "soft" }, other, read && !over && server?.state !== "CLOSED" ? ` · the Go code waits in ${read.enter.call?.name}()` : ""));
    });
    this.states.replaceChildren(...(lines.length ? lines : [h("div", { class: "state" }, "0 connections")]));
  }

  renderBanner() {
    const state = panel(this.lab);
    const top = banner(state);
    const said = notice(state);
    const key = JSON.stringify([top, said]);
    if (key === this.bannerKey) return;
    this.bannerKey = key;
    this.banner.hidden = !top;
    this.banner.classList.toggle("info", !!top?.info);
    // Below a case or a header, the button Run again helps instead.
    const does = top?.button && !this.hasAttribute("embedded") ? button(top.button, { "data-command": "restart" }) : "";
    if (top) this.banner.replaceChildren(top.text, top.code && h("code", {}, top.code), top.rest, does);
    this.notice.hidden = !said.text;
    this.notice.classList.toggle("failed", said.failed);
    this.notice.textContent = said.text;
  }

  /** Announces the selected bit or the newest row, with pauses so that the listener can follow. */
  announce() {
    const text = selectionText(this.lab.inspector);
    if (text === this.announced) return;
    this.announced = text;
    if (this.announcing) return;
    this.announcing = true;
    setTimeout(() => {
      this.announcing = false;
      this.spoken.textContent = this.announced;
    }, quiet);
  }

  /** Sets the page's address to the reader's selection. */
  writeAddress() {
    if (this.lab.inspector.shared || this.hasAttribute("embedded") || !this.isConnected) return;
    history.replaceState(null, "", this.placed || location.pathname + location.search);
  }

  async log() {
    await this.load("ws-log");
    if (this.logPlace.firstChild) this.logPlace.replaceChildren();
    else if (this.lab.session.id) this.logPlace.replaceChildren(h("ws-log"));
    this.lab.session.touch();
  }
}
