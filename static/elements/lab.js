/**
 * The lab's panel: bar, states, timeline and, under it, what is selected.
 * It owns the page's session for as long as the page lasts.
 *
 * @typedef {import("../lab.js").Subject} Subject
 * @typedef {import("../rows.js").Row} Row
 * @typedef {import("../types.js").Handshake} Handshake
 * @typedef {import("../types.js").Mode} Mode
 */

import { BitEvent, LabElement, attempt, button, copy, h, hit, onLeaving, redraw, rfcLink, violations } from "./dom.js";
import { canDrop, lab } from "../lab.js";
import { Pairs, PlayPairs } from "../align.js";
import { bitName } from "../bits.js";
import { upTo } from "../history.js";
import { belongs, goAt, heldAt, jsAt, jsTime, whose } from "../rows.js";
import { arrow, count, frameLine, grouped, line, ms, refused } from "../format.js";
import { banner, notice } from "../status.js";
import { frameHash, fromHash, toHash } from "../selection.js";
import { WsTimeline } from "./timeline.js";
import { WsBits } from "./bits.js";
import { WsFieldCard } from "./field-card.js";
import { WsSource } from "./source.js";
import { WsUnmask } from "./unmask.js";

const order = /** @type {const} */ (["CONNECTING", "OPEN", "CLOSING", "CLOSED"]);
const settled = 300; // ms until the address says where a person went
const quiet = 900; // ms between two announcements
const longest = 2000; // bytes of a frame that an address can carry

export class WsLab extends LabElement {
  static tag = "ws-lab";

  static define() {
    for (const part of [WsTimeline, WsBits, WsFieldCard, WsSource, WsUnmask]) part.define();
    super.define();
  }

  states = h("div", { class: "states" });
  bar = h("div", { class: "bar" });
  tools = h("div", { class: "tools" });
  at = h("span", { class: "at", hidden: true }, " ", button("to the newest", { "data-command": "live", class: "quiet" }));
  banner = h("div", { class: "banner", role: "alert", hidden: true });
  notice = h("p", { class: "notice", role: "status" });
  timeline = new WsTimeline();
  logPlace = h("div");
  heading = h("div", { class: "title" });
  empty = h("p", { class: "empty soft" });
  differs = h("div", { class: "differences", hidden: true });
  bits = new WsBits();
  card = new WsFieldCard();
  source = new WsSource();
  unmask = new WsUnmask();
  shake = h("div", { class: "shake" });
  ends = h("div", { class: "card ends" });
  spoken = h("div", { class: "hide", "aria-live": "polite" });
  frameParts = h("div", { class: "frame" }, this.bits, h("div", { class: "cards" }, this.card, this.source, this.unmask));
  cursor = Infinity;
  found = 0;
  stateKey = "";
  bannerKey = "";
  placed = ""; // what the address says of the selection, or will in a moment
  placing = 0;
  announced = "";
  announcing = false;
  /** @type {Handshake|undefined} */
  handshake;

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Lab");
    const free = this.hasAttribute("free");
    const watch = this.getAttribute("watch") || (free && new URLSearchParams(location.search).get("watch")) || "";
    /** @type {Record<string, () => unknown>} */
    const commands = {
      back: () => lab.back(),
      step: () => lab.step(),
      run: () => lab.run(),
      hold: () => (lab.holding ? lab.run() : lab.hold()),
      connect: () => (lab.open().length ? lab.act({ do: "close", code: 1000 }) : lab.act({ do: "connect" })),
      table: () => {
        lab.asTable = !lab.asTable;
        this.reveal();
      },
      restart: () => lab.restart(),
      into: () => lab.into(),
      log: () => this.log(),
      live: () => lab.show(Infinity),
      leave: () => lab.escape(),
    };
    this.on("click", (e) => {
      const on = hit(e, "[data-command]");
      const mode = hit(e, "[data-mode]")?.dataset.mode;
      if (on) attempt(() => commands[on.dataset.command || ""]()).then(() => lab.touch());
      else if (mode) this.mode(/** @type {Mode} */ (mode));
      else if (hit(e, ".link")) this.copyLink(/** @type {HTMLElement} */ (hit(e, ".link")));
      else if (hit(e, ".drop") && lab.subject?.row) attempt(() => lab.drop(/** @type {Row} */ (lab.subject?.row)));
    });
    this.addEventListener(
      "ws-bit",
      (e) => {
        if (!(e instanceof BitEvent)) return;
        if (e.detail.pin && e.detail.bit !== null) lab.pin(e.detail.bit);
        else lab.preview(e.detail.bit);
      },
      { signal },
    );
    this.build(free, !!watch);
    document.addEventListener("visibilitychange", () => lab.setHidden(document.hidden), { signal });
    const address = () => (this.placed = fromHash(location.hash) ? location.hash : "");
    address();
    window.addEventListener("hashchange", () => address() && attempt(() => lab.readAddress()), { signal });
    onLeaving(() => lab.leave(), () => lab.comeBack(), signal);
    lab.observe(() => this.render(), signal);
    lab.start({
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
      h("span", { class: "seg", role: "group", "aria-label": "Server", hidden: watching }, ...[["reference", "reference"], ["gorilla", "gorilla"], ["naive", "naive"], ["both", "side by side"], ["plays", "two plays"]].map(([mode, label]) => button(label, { "data-mode": mode }))),
      h("span", { class: "seg", role: "group", "aria-label": "Stepping" }, does("back", "◀", { "aria-label": "Back", title: "back (←)" }), does("step", "▶ Step", { title: "step (→)" }), does("run", "▶▶ Run", { title: "run (Space)" })),
      does("hold", "Hold the wire", { "aria-pressed": "false" }),
      watching ? h("a", { href: "/lab", class: "button" }, "Stop watching") : does("connect", "Connect", { class: "connect" }),
    );
    this.tools.replaceChildren(this.at, does("table", "as table", { "aria-pressed": "false" }), does("log", "log"), watching ? "" : does("restart", "restart"));
    this.unmask.setAttribute("whole", "");
    this.unmask.className = "card";
    const inspect = h("div", { class: "inspect" }, this.heading, this.empty, this.differs, this.frameParts, this.shake, this.ends);
    const panel = h("div", { class: "panel", id: "wire" }, this.bar, h("div", { class: "under" }, this.states, this.tools), this.banner, this.notice, this.timeline, this.logPlace, inspect, this.spoken);
    this.replaceChildren(panel);
    if (free && !watching) {
      import("./free.js").then(({ WsFree }) => {
        WsFree.define();
        this.prepend(new WsFree());
      });
    }
  }

  /** @param {Mode} mode */
  mode(mode) {
    lab.mode = mode;
    lab.left = ""; // a person chose
    lab.follow();
    const i = lab.selectedIndex;
    if (i < 0) lab.newest();
    lab.follow();
    lab.touch();
    this.reveal();
  }

  /** Brings the selected row into view, once the rows are drawn another way. */
  reveal() {
    requestAnimationFrame(() => requestAnimationFrame(() => this.timeline.reveal(lab.selectedIndex)));
  }

  render() {
    this.renderBar();
    this.renderStates();
    this.renderBanner();
    this.renderSubject();
    this.announce();
    const i = lab.selectedIndex;
    // A step or an address may lead out of view; a mere selection never moves the timeline.
    if (lab.cursor !== this.cursor || lab.found !== this.found) {
      this.cursor = lab.cursor;
      this.found = lab.found;
      requestAnimationFrame(() => this.timeline.reveal(i));
    }
    // No sooner than a held key lets go: browsers refuse to be asked that often.
    const { selection, stepper, history, shared } = lab;
    const at = !shared && (selection.chosen || stepper || !history.live) ? toHash(selection) : "";
    if (at === this.placed || shared || lab.hashSeq) return;
    this.placed = at;
    clearTimeout(this.placing);
    this.placing = setTimeout(() => this.writeAddress(), settled);
  }

  renderBar() {
    const { bar } = this;
    for (const on of bar.querySelectorAll("[data-mode]") ) on.setAttribute("aria-pressed", String(on instanceof HTMLElement && on.dataset.mode === lab.mode));
    // The weekend server is there once something was said to it.
    const naive = lab.mode === "naive" || [...lab.rows.conns.values(), ...lab.rows.stages.values()].some((c) => c.endpoint === "naive");
    bar.querySelector("[data-mode=naive]")?.toggleAttribute("hidden", !naive);
    // Two plays are one more thing to stand side by side, once there are two.
    bar.querySelector("[data-mode=plays]")?.toggleAttribute("hidden", !(lab.views.plays instanceof PlayPairs));
    /** @param {string} command */
    const find = (command) => /** @type {HTMLButtonElement|null} */ (this.querySelector(`[data-command=${command}]`));
    const waits = lab.waiting().length > 0;
    const behind = lab.view.count(lab.cursor) < lab.view.list.length;
    find("hold")?.setAttribute("aria-pressed", String(lab.holding && lab.server !== "lost"));
    find("table")?.setAttribute("aria-pressed", String(lab.asTable));
    find("step")?.classList.toggle("primary", waits || behind || lab.selection.into !== null);
    const connect = find("connect");
    if (connect) {
      const open = lab.open().length > 0;
      connect.textContent = open ? "Close" : "Connect";
      connect.classList.toggle("primary", !open && !lab.history.events.length);
    }
    const { at } = this;
    at.hidden = !behind;
    at.firstChild?.replaceWith(`row ${grouped(lab.view.count(lab.cursor))} of ${grouped(lab.view.list.length)} `);
  }

  /** The state of the newest connection of each endpoint that is shown. */
  renderStates() {
    const all = [...lab.rows.conns.values()].filter((c) => c.id && belongs(c, lab.mode) && (c.states[0]?.seq || 0) <= lab.cursor);
    // The tab's own connections that are not over, and the newest of each server.
    const newest = new Map(all.filter((c) => !c.endpoint.startsWith("broken") || c === all[all.length - 1]).map((c) => [c.endpoint, c]));
    const shown = all.filter((c) => newest.get(c.endpoint) === c || (lab.tokens.has(c.client) && c.stateAt("client", lab.cursor)?.state !== "CLOSED")).slice(-4);
    const key = lab.server + shown.map((c) => `${c.id} ${lab.cut(c)} ${upTo(c.states, lab.cursor)} ${c.states.length} ${c.overAt(lab.cursor)} ${c.waiting(lab.cursor)?.enter.seq}`).join() + lab.mode;
    if (key === this.stateKey) return;
    this.stateKey = key;
    const lines = shown.map((conn) => {
      const client = conn.stateAt("client", lab.cursor);
      const server = conn.stateAt("server", lab.cursor);
      const own = client || server;
      // A handshake that was refused changes no state, and a page that was left
      // is told of no close; but both connections end.
      const over = lab.tokens.has(conn.client) ? lab.cut(conn) : conn.overAt(lab.cursor) || (lab.server === "lost" && lab.history.live);
      const now = over ? "CLOSED" : own && own.state;
      const words = order.flatMap((s, i) => [i ? " › " : "", now === s ? h("b", { class: s === "CLOSED" ? "closed" : null }, s) : s]);
      const other = !over && client && server && client.state !== server.state ? ` · the server's side: ${server.state}` : "";
      const read = conn.waiting(lab.cursor);
      const who = whose(conn, lab.watching);
      return h("div", { class: "state" }, h("span", { class: "who" }, `${conn.endpoint} · ${who} `), h("span", { class: "hide" }, `state: ${now || "none"}`), h("span", { "aria-hidden": "true" }, ...words), h("span", { class: "soft" }, other, read && !over && server?.state !== "CLOSED" ? ` · Go waits in ${read.enter.call?.name}()` : ""));
    });
    this.states.replaceChildren(...(lines.length ? lines : [h("div", { class: "state" }, "no connection yet")]));
  }

  renderBanner() {
    const top = banner(lab.panel);
    const said = notice(lab.panel);
    const key = JSON.stringify([top, said]);
    if (key === this.bannerKey) return;
    this.bannerKey = key;
    this.banner.hidden = !top;
    this.banner.classList.toggle("info", !!top?.info);
    // Beside a case or a header, playing it again is what helps.
    const does = top?.button && !this.hasAttribute("embedded") ? button(top.button, { "data-command": "restart" }) : "";
    if (top) this.banner.replaceChildren(top.text, top.code && h("code", {}, top.code), top.rest, does);
    this.notice.hidden = !said.text;
    this.notice.classList.toggle("failed", said.failed);
    this.notice.textContent = said.text;
  }

  renderSubject() {
    const { subject } = lab;
    const { bits, card, source, unmask, empty, frameParts, shake, ends, differs } = this;
    const frame = subject?.event.frame;
    const handshake = subject?.event.handshake;
    const ready = !!(frame && subject?.fields);
    empty.hidden = !!subject && (!frame || ready);
    empty.textContent = !subject
      ? lab.view.list.length ? "Select a row to see its bits." : lab.watching ? "Waiting for the connection's first bytes." : "Nothing has crossed the wire yet. Connect, and each byte will stand here."
      : subject.error || "Reading the frame…";
    frameParts.hidden = !ready;
    shake.hidden = !handshake;
    unmask.toggleAttribute("hidden", !frame?.header.masked || !frame.payload);
    this.renderTitle(subject);
    this.renderDiffs(subject);
    const { field, selection } = lab;
    document.documentElement.dataset.group = (frame && field?.group) || "";
    if (frame && subject && subject.fields) {
      bits.show(frame, subject.fields, { bit: selection.bit, shown: selection.shown, into: selection.into }, lab.asTable);
      card.show(field, selection.shown, selection.into === null ? [] : subject.fields.slice(0, selection.into));
      source.show(field, subject.fields);
      unmask.show(frame);
    }
    if (handshake && subject && handshake !== this.handshake) shake.replaceChildren(...shakeTable(handshake));
    this.handshake = handshake;
    this.renderEnds(subject);
  }

  /** @param {Subject|null} subject */
  renderTitle(subject) {
    const title = this.heading;
    const { into } = lab.selection;
    const fields = subject?.fields;
    const { row } = subject || { row: null };
    const held = row ? heldAt(row, lab.cursor) : "";
    const key = subject ? `${subject.event.seq} ${row?.version} ${held} ${into} ${!!fields} ${subject === lab.shared} ${lab.server}` : "";
    if (key === title.dataset.key) return;
    title.dataset.key = key;
    title.hidden = !subject;
    if (!subject) return;
    const e = subject.event;
    const what = h("h2", {}, e.frame ? `${arrow(e.from)} ${frameLine(e.frame)}` : line(e));
    const where = subject === lab.shared ? "a frame from the page's address" : e.dropped ? `up to event ${e.seq} · ${ms(e.at)} ms` : `${row?.conn.endpoint || "connection"} · connection ${e.conn} · event ${e.seq} · ${ms(e.at)} ms${e.frame ? ` · ${count(e.frame.cut ? e.frame.hex.length / 2 : e.frame.size, "byte")} at offset ${grouped(e.frame.offset)}` : ""}`;
    const tools = h("span", { class: "buttons" });
    if (e.frame && fields) {
      if (into === null) tools.append(button("Step into", { "data-command": "into", title: "walk the fields in the order a parser reads them" }));
      else tools.append(h("b", {}, `field ${into + 1} of ${fields.length}: ${fields[into]?.name} `), button("◀", { "data-command": "back", "aria-label": "Field before" }), button("▶", { "data-command": "step", "aria-label": "Next field" }), button("Leave", { "data-command": "into" }));
      if (!e.frame.gap && e.frame.hex.length <= 2 * longest) tools.append(button("copy link to this frame", { class: "link quiet" }));
    }
    if (row && held === "waiting" && canDrop(row) && lab.server === "there") tools.append(button(lab.mode === "both" ? `Drop (${row.conn.endpoint})` : "Drop", { class: "drop" }));
    if (subject === lab.shared) tools.append(button("Close", { "data-command": "leave" }));
    redraw(title, what, tools, h("p", { class: "soft" }, where), violations(e.frame?.violations));
  }

  /** The differences of the pair that is shown. @param {Subject|null} subject */
  renderDiffs(subject) {
    const { differs } = this;
    const { view, cursor } = lab;
    if (!(view instanceof Pairs)) {
      differs.hidden = true;
      return;
    }
    const pair = view.bySeq.get(subject?.event.seq || 0);
    const told = pair ? view.differences(pair, cursor) : [];
    differs.hidden = !told.length;
    const text = told.join("\n");
    if (differs.dataset.text === text) return;
    differs.dataset.text = text;
    differs.replaceChildren(h("b", {}, "≠ "), h("ul", {}, ...told.map((t) => h("li", {}, t))));
  }

  /** Both ends' part in the selected row, with errors in full. @param {Subject|null} subject */
  renderEnds(subject) {
    const { ends } = this;
    const row = subject?.row;
    const { cursor } = lab;
    const key = row ? `${row.event.seq} ${row.version} ${cursor} ${lab.history.last === row.seq}` : "";
    if (ends.dataset.key === key) return;
    ends.dataset.key = key;
    ends.hidden = !row;
    if (!subject || !row) return;
    /** @type {(Node|string)[]} */
    const list = [];
    /** @param {string} term @param {...(Node|string)} value */
    const say = (term, ...value) => list.push(h("dt", {}, term), h("dd", {}, ...value));
    const { event: e } = row;
    const js = jsAt(row, cursor);
    if (js) {
      const event = row.js || e;
      say(whose(row.conn, lab.watching), h("code", {}, js), ` at ${ms(jsTime(row))} ms`, event.script?.readyState === undefined ? "" : `, readyState ${event.script.readyState}`);
      if (event.script?.what === "onerror") say("", "JavaScript is told no more than this; the cause stands in the browser's console only.");
    }
    const go = goAt(row, cursor);
    const [call] = row.calls;
    if (go.text) say("server (Go)", h("code", {}, go.text), call ? ` called at ${ms(call.enter.at)} ms${call.ret && call.ret.seq <= cursor ? `, back at ${ms(call.ret.at)} ms` : ""}` : "");
    const error = row.calls.map(({ ret }) => ret && ret.seq <= cursor && ret.call?.error).find((e) => e) || e.tcp?.error;
    if (error) say("error", h("code", { class: "f-code" }, error.type), " ", error.text);
    if (e.frame?.fragment) say("fragment", `number ${e.frame.fragment.index + 1} of a ${e.frame.fragment.opcode} message${e.frame.fragment.final ? ", the last" : ""}`);
    if (e.tcp?.what === "open") say("connection", `${e.tcp.remote} to ${e.tcp.local}, ${e.tcp.path}`);
    const { before, after } = machines(row, cursor);
    if (before || after) say("the reference's machine", before ? `before: ${machine(before)}` : "", after ? h("span", {}, h("br"), `after: ${machine(after)}`) : "");
    ends.hidden = !list.length;
    ends.replaceChildren(h("h3", {}, "Both ends"), h("dl", {}, ...list));
  }

  /** Says the selected bit or the newest row, never faster than it can be heard. */
  announce() {
    const { subject, field, selection } = lab;
    let text = "";
    if (subject && field && subject.event.frame) {
      const bit = selection.shown;
      const value = /** @type {0|1} */ (parseInt(subject.event.frame.hex.slice((bit >> 3) * 2, (bit >> 3) * 2 + 2) || "0", 16) >> (7 - (bit % 8)) & 1);
      text = `${line(subject.event)}. ${selection.into === null ? bitName({ bit, byte: bit >> 3, value, mask: 0x80 >> bit % 8, field: 0 }, field) : `${field.name}: ${field.value}`}`;
    } else if (subject) text = line(subject.event);
    if (text === this.announced) return;
    this.announced = text;
    if (this.announcing) return;
    this.announcing = true;
    setTimeout(() => {
      this.announcing = false;
      this.spoken.textContent = this.announced;
    }, quiet);
  }

  /** Keeps the page's address at what a person went to. */
  writeAddress() {
    if (lab.shared || this.hasAttribute("embedded") || !this.isConnected) return;
    history.replaceState(null, "", this.placed || location.pathname + location.search);
  }

  /** @param {HTMLElement} on */
  copyLink(on) {
    const { subject, selection } = lab;
    if (subject?.event.frame) copy(on, `${location.origin}/lab${frameHash(subject.event.frame.hex, subject.event.from, selection.bit)}`);
  }

  async log() {
    const { WsLog } = await import("./log.js");
    WsLog.define();
    if (this.logPlace.firstChild) this.logPlace.replaceChildren();
    else if (lab.session) this.logPlace.replaceChildren(new WsLog());
  }
}

/** Which rules judge which header field; the rest only inform. @type {Record<string, RegExp>} */
const judged = {
  host: /host/,
  upgrade: /upgrade/,
  connection: /connection/,
  "sec-websocket-key": /key/,
  "sec-websocket-version": /version/,
  "sec-websocket-accept": /accept/,
  "sec-websocket-protocol": /subprotocol/,
  "sec-websocket-extensions": /extension/,
};

/** The header lines of a handshake: what each is for, and the verdict. @param {Handshake} s */
function shakeTable(s) {
  // Of an answer that opens nothing no field has a rule to keep.
  const opens = s.what === "request" || s.status === 101;
  const rows = (s.fields || []).map((f) => {
    const rule = judged[f.name.toLowerCase()];
    const broken = rule && (s.violations || []).some((v) => rule.test(v.code));
    const verdict = broken ? "× broken" : rule && opens ? "✔" : "i";
    const sections = f.rfc === undefined || f.rfc === "" ? [] : [f.rfc].flat();
    return h("tr", { class: broken ? "bad" : null }, h("th", { scope: "row", class: "mono" }, f.name), h("td", { class: "mono value" }, f.value), h("td", {}, f.meaning || "", " ", ...sections.map(rfcLink)), h("td", {}, verdict));
  });
  const names = ["header field", "value", "what it is for", ""];
  const { accept: a } = s;
  return [
    h("p", { class: "mono startline" }, s.line),
    refused(s) ? h("p", { class: "soft" }, "i Not opened. This answer is plain HTTP: the request was not one to say yes to, so no rule of the opening handshake judges it.") : "",
    violations(s.violations),
    h("div", { class: "wide" }, h("table", {}, h("thead", {}, h("tr", {}, ...names.map((n) => h("th", { scope: "col" }, n)))), h("tbody", {}, ...rows))),
    s.body ? h("div", { class: "card" }, h("h3", {}, "What the answer says behind its header"), h("pre", { tabindex: 0 }, s.body)) : "",
    a
      ? h("div", { class: "card" }, h("h3", {}, "Sec-WebSocket-Accept, worked"), h("dl", {}, ...[["key", a.key, "f-key"], ["+ GUID", a.guid, "f-len"], ["SHA-1", a.sha1, "f-head"], ["base64", a.expected, "f-data"], ["answered", a.got || "nothing", a.got === a.expected ? "f-data" : "f-code"]].flatMap(([t, d, c]) => [h("dt", {}, t), h("dd", {}, h("code", { class: c }, d), t === "answered" ? (a.got === a.expected ? " ✔ the same" : " × not the same") : "")])), a.mistake ? h("p", {}, "i ", a.mistake) : "")
      : "",
  ];
}

/**
 * The machine of the reference before and after a frame, from its own
 * reports around it.
 * @param {Row} row
 * @param {number} cursor
 */
function machines(row, cursor) {
  const { events } = lab.history;
  const at = lab.history.count(row.event.seq);
  if (row.conn.endpoint !== "reference" || !row.event.frame || !lab.history.get(row.event.seq)) return { before: null, after: null };
  /** @param {number} i */
  const state = (i) => (events[i].conn === row.conn.id && events[i].state?.machine && events[i].state) || null;
  let before = null;
  for (let i = at - 2; i >= 0 && i > at - 400 && !before; i--) before = state(i);
  let after = null;
  for (let i = at; i < events.length && i < at + 60 && events[i].seq <= cursor && !after; i++) {
    const e = events[i];
    if (e.conn !== row.conn.id) continue;
    if (e.frame && e.from === row.event.from) break;
    // It reports changes only: code that has come back without one found none.
    after = e.call?.phase === "return" ? before : state(i);
  }
  return { before, after };
}

/** @param {import("../types.js").StateChange} s */
function machine(s) {
  const m = s.machine || {};
  const message = m.message ? `inside a ${m.message} message, ${count(m.fragments || 0, "fragment")}, ${count(m.bytes || 0, "byte")}` : "between messages";
  return `${s.state}, ${message}${m.closeReceived ? ", Close received" : ""}${m.closeSent ? ", Close sent" : ""}`;
}
