/**
 * The selected event: its title, and the calls of both ends. For a frame, also its
 * bits, and the meaning and source of a field. For a handshake, also its header
 * fields.
 *
 * @typedef {import("../inspector.js").Subject} Subject
 * @typedef {import("../rows.js").Row} Row
 */

import { BitEvent, LabElement, attempt, button, copy, h, hit, redraw, violations } from "./dom.js";
import { Pairs } from "../align.js";
import { whose } from "../connection.js";
import { arrow, count, frameLine, grouped, line, ms } from "../format.js";
import { around, machineText } from "../machine.js";
import { frameHash } from "../selection.js";
import { canDrop, goAt, heldAt, jsAt, jsTime } from "../shown.js";

const longest = 2000; // maximum size in bytes of a frame that an address can carry

/** @extends {LabElement<"session" | "cursor" | "inspector">} */
export class WsInspector extends LabElement {
  static tag = "ws-inspector";

  heading = h("div", { class: "title" });
  empty = h("p", { class: "empty soft" });
  differs = h("div", { class: "differences", hidden: true });
  bits = h("ws-bits");
  card = h("ws-field-card");
  source = h("ws-source");
  unmask = h("ws-unmask", { whole: true, class: "card" });
  shake = h("div", { class: "shake" });
  ends = h("div", { class: "card ends" });
  asked = false; // whether the element for them is loaded
  wireCalls = h("div"); // the call stacks of the unit, if they are recorded
  frameParts = h("div", { class: "frame" }, this.bits, h("div", { class: "cards" }, this.card, this.source, this.unmask));
  /** @type {import("../types.js").Handshake|import("../types.js").Http|undefined} the message that shake shows */
  message;

  /** @param {AbortSignal} signal */
  setup(signal) {
    const { session, inspector, cursor } = this.lab;
    this.classList.add("inspect");
    this.replaceChildren(this.heading, this.empty, this.differs, this.frameParts, this.shake, this.wireCalls, this.ends);
    this.on("click", (e) => {
      const link = hit(e, ".link");
      const row = inspector.subject?.row;
      if (link) this.copyLink(link);
      else if (hit(e, ".drop") && row) attempt(this.lab, () => cursor.drop(row));
    });
    this.addEventListener(
      "ws-bit",
      (e) => {
        if (!(e instanceof BitEvent)) return;
        if (e.detail.pin && e.detail.bit !== null) inspector.pin(e.detail.bit);
        else inspector.preview(e.detail.bit);
      },
      { signal },
    );
    session.observe(() => this.render(), signal);
  }

  render() {
    const { inspector, cursor, session } = this.lab;
    const { subject, field, selection } = inspector;
    const { bits, card, source, unmask, empty, frameParts, shake, ends, differs } = this;
    const frame = subject?.event.frame;
    const message = subject?.event.handshake || subject?.event.http;
    const ready = !!(frame && subject?.fields);
    empty.hidden = !!subject && (!frame || ready);
    empty.textContent = !subject
      ? cursor.view.list.length ? "Select a row to see its bits." : session.watching ? "Waiting for the first bytes of the connection." : "Connect to see every byte that is sent and received."
      : subject.error || "Reading the frame…";
    frameParts.hidden = !ready;
    shake.hidden = !message;
    unmask.toggleAttribute("hidden", !frame?.header.masked || !frame.payload);
    this.renderTitle(subject);
    this.renderDiffs(subject);
    document.documentElement.dataset.group = (frame && field?.group) || "";
    if (frame && subject && subject.fields) {
      bits.show(frame, subject.fields, { bit: selection.bit, shown: selection.shown, into: selection.into }, cursor.asTable);
      card.show(field, selection.shown, selection.into === null ? [] : subject.fields.slice(0, selection.into));
      source.show(field, subject.fields);
      unmask.show(frame);
    }
    if (subject && message !== this.message) this.renderMessage(subject.event);
    this.message = message;
    this.renderCalls(subject);
    this.renderEnds(subject);
  }

  /** Draws a handshake, or a part of plain HTTP. @param {import("../types.js").LabEvent} e */
  async renderMessage({ handshake, http }) {
    this.shake.replaceChildren();
    if (!handshake && !http) return;
    const { handshakeTable, httpTable } = await import("./handshake.js");
    if (this.message === (handshake || http)) this.shake.replaceChildren(...(handshake ? handshakeTable(handshake) : http ? httpTable(http) : []));
  }

  /** @param {Subject|null} subject */
  renderTitle(subject) {
    const title = this.heading;
    const { inspector, cursor, session } = this.lab;
    const { into } = inspector.selection;
    const shared = subject === inspector.shared;
    const fields = subject?.fields;
    const { row } = subject || { row: null };
    const held = row ? heldAt(row, cursor.at) : "";
    const key = subject ? `${subject.event.seq} ${row?.version} ${held} ${into} ${!!fields} ${shared} ${session.server}` : "";
    if (key === title.dataset.key) return;
    title.dataset.key = key;
    title.hidden = !subject;
    if (!subject) return;
    const e = subject.event;
    const what = h("h2", {}, e.frame ? `${arrow(e.from)} ${frameLine(e.frame)}` : line(e));
    const where = shared ? "a frame from this page's address" : e.dropped ? `up to event ${e.seq} · ${ms(e.at)} ms` : `${row?.conn.endpoint || "connection"} · connection ${e.conn} · event ${e.seq} · ${ms(e.at)} ms${e.frame ? ` · ${count(e.frame.cut ? e.frame.hex.length / 2 : e.frame.size, "byte")} at offset ${grouped(e.frame.offset)}` : ""}`;
    const tools = h("span", { class: "buttons" });
    if (e.frame && fields) {
      if (into === null) tools.append(button("Step into frame", { "data-command": "into", title: "show the fields in the order in which a parser reads them" }));
      else tools.append(h("b", {}, `field ${into + 1} of ${fields.length}: ${fields[into]?.name} `), button("◀", { "data-command": "back", "aria-label": "Previous field" }), button("▶", { "data-command": "step", "aria-label": "Next field" }), button("Leave frame", { "data-command": "into" }));
      if (!e.frame.gap && e.frame.hex.length <= 2 * longest) tools.append(button("Copy link to frame", { class: "link quiet" }));
    }
    if (row && held === "waiting" && canDrop(row) && session.server === "there") tools.append(button(`Drop ${e.frame ? "frame" : "handshake"}${cursor.mode === "both" ? ` (${row.conn.endpoint})` : ""}`, { class: "drop" }));
    if (shared) tools.append(button("Close this frame", { "data-command": "leave" }));
    redraw(title, what, tools, h("p", { class: "soft" }, where), violations(e.frame?.violations));
  }

  /** The differences of the shown pair. @param {Subject|null} subject */
  renderDiffs(subject) {
    const { differs } = this;
    const { view, at: cursor } = this.lab.cursor;
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
    differs.replaceChildren(h("b", {}, "≠ differs: "), h("ul", {}, ...told.map((t) => h("li", {}, t))));
  }

  /** The calls at the Reads or Writes of the unit, for the selected byte. @param {Subject|null} subject */
  async renderCalls(subject) {
    const { wireCalls, lab } = this;
    const row = subject?.row;
    const has = row?.event.frame || row?.event.handshake || row?.event.call?.error;
    wireCalls.hidden = !row?.conn.stacks.length || !has;
    if (!row || wireCalls.hidden) return;
    if (!this.asked) {
      this.asked = true;
      await this.load("ws-calls");
      wireCalls.append(h("ws-calls", { class: "card" }));
    }
    wireCalls.querySelector("ws-calls")?.showUnit(row.conn, row.event, lab.inspector.selection.shown >> 3);
  }

  /** The JavaScript and Go calls of the selected row, with errors in full. @param {Subject|null} subject */
  renderEnds(subject) {
    const { ends } = this;
    const row = subject?.row;
    const { session } = this.lab;
    const { history, watching } = session;
    const { cursor } = history;
    const key = row ? `${row.event.seq} ${row.version} ${cursor} ${history.last === row.seq}` : "";
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
      say(whose(row.conn, watching), h("code", {}, js), ` at ${ms(jsTime(row))} ms`, event.script?.readyState === undefined ? "" : `, readyState ${event.script.readyState}`);
      if (event.script?.what === "onerror") say("", "JavaScript receives only this event. The cause is only in the browser's console.");
    }
    const go = goAt(row, cursor);
    const [call] = row.calls;
    if (go.text) say("server (Go)", h("code", {}, go.text), call ? ` called at ${ms(call.enter.at)} ms${call.ret && call.ret.seq <= cursor ? `, back at ${ms(call.ret.at)} ms` : ""}` : "");
    const error = row.calls.map(({ ret }) => ret && ret.seq <= cursor && ret.call?.error).find((e) => e) || e.tcp?.error;
    if (error) say("error", h("code", { class: "f-code" }, error.type), " ", error.text);
    if (e.frame?.fragment) say("fragment", `number ${e.frame.fragment.index + 1} of a ${e.frame.fragment.opcode} message${e.frame.fragment.final ? ", the last" : ""}`);
    if (e.tcp?.what === "open") say("connection", `${e.tcp.remote} to ${e.tcp.local}, ${e.tcp.path}`);
    const { before, after } = around(history, row, cursor);
    if (before || after) say("the reference's state machine", before ? `before: ${machineText(before)}` : "", after ? h("span", {}, h("br"), `after: ${machineText(after)}`) : "");
    ends.hidden = !list.length;
    ends.replaceChildren(h("h3", {}, "Both ends"), h("dl", {}, ...list));
  }

  /** @param {HTMLElement} on */
  copyLink(on) {
    const { subject, selection } = this.lab.inspector;
    if (subject?.event.frame) copy(on, `${location.origin}/lab${frameHash(subject.event.frame.hex, subject.event.from, selection.bit)}`);
  }
}
