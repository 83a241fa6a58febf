/**
 * A walk through the bytes of the learner's own message: at each byte the lines of
 * Go that read it or wrote it, in gorilla and in the reference, the bits of the
 * byte, and the fields that are known so far.
 *
 * @typedef {import("../walk.js").Side} Side
 * @typedef {import("../types.js").LabEvent} LabEvent
 * @typedef {{send: number, reads: number, find: number}} Settings reads: bytes for each Read, 0 for no
 * limit; find: the exercise is the smallest message that gorilla sends in so many Writes, 0 for none
 */

import { BitEvent, LabElement, button, h, hit, redraw } from "./dom.js";
import { words } from "../api.js";
import { fieldAt, layout } from "../bits.js";
import { count, grouped, opcodeNames } from "../format.js";
import { upTo } from "../history.js";
import { bytes, hexOf, printable } from "../hex.js";
import { pieceAt, sizeOf } from "../stack.js";
import { Walk, known, lineAt, placeOf, smallest } from "../walk.js";

const pace = 350; // ms for each byte while the walk plays
const patience = 15_000; // how long the page waits for a connection or an echo, in ms
const longest = { reads: 1000, plain: 65_536 }; // maximum size of the message in bytes, with and without short Reads

/** @extends {LabElement<"session" | "cursor" | "inspector" | "sockets" | "actions">} */
export class WsStack extends LabElement {
  static tag = "ws-stack";

  /** @type {Settings} */
  settings = { send: 130, reads: 1, find: 0 };
  walk = new Walk();
  /** @type {{token: string, endpoint: string}[]} the connections of the last run */
  clients = [];
  since = 0; // seq before the last run
  session = "";
  ran = 0; // size of the message of the last run
  busy = false;
  judged = -1; // seq of the last event that the exercise knows
  key = "";
  picked = ""; // the unit that the lab shows
  /** @type {ReturnType<typeof setInterval>|undefined} */
  clock;
  form = h("form", { class: "buttons" });
  said = h("output");
  units = h("div", { class: "seg wrap", role: "group", "aria-label": "Handshakes and frames" });
  bar = h("div", { class: "playbar" });
  where = h("p", { class: "where" });
  picture = h("div", { class: "picture" });
  fields = h("p", { class: "known" });
  columns = h("div", { class: "columns" });
  whole = h("div", { class: "walk", hidden: true });
  found = h("p", { class: "found", role: "status", hidden: true });
  spoken = h("p", { class: "hide", "aria-live": "polite" });

  /** @type {import("../cursor.js").Stepper} */
  stepper = {
    hint: "A walk through the bytes is in use. → goes to the next byte, ← to the previous one, Space plays the walk or stops it.",
    busy: false,
    step: () => this.move(1),
    back: () => this.move(-1),
    toggle: () => this.play(),
    run: () => this.play(),
  };

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.settings = { ...this.settings, ...JSON.parse(this.dataset.stack || "{}") };
    const { send, reads, find } = this.settings;
    const most = reads ? longest.reads : longest.plain;
    this.form.replaceChildren(
      h("label", {}, "binary message of ", h("input", { name: "size", type: "number", min: 0, max: most, value: send, inputmode: "numeric", required: true }), " bytes"),
      h("button", { class: "primary" }, "Send message"),
    );
    const title = find ? "Search with your own messages" : reads === 1 ? "Your message, one byte at a time" : reads ? `Your message, ${count(reads, "byte")} for each Read` : "Your message, as TCP delivers it";
    this.whole.replaceChildren(this.units, this.bar, this.where, this.picture, this.fields, this.columns);
    this.replaceChildren(h("h3", {}, title), this.form, this.said, this.found, this.whole, this.spoken);
    this.on("submit", (e) => {
      if (e.target !== this.form) return;
      e.preventDefault();
      this.go(Number(new FormData(this.form).get("size")));
    });
    this.on("click", (e) => this.pressed(e));
    this.addEventListener("ws-bit", (e) => e instanceof BitEvent && e.detail.bit !== null && this.seek(this.walk.at, e.detail.bit >> 3), { signal });
    signal.addEventListener("abort", () => clearInterval(this.clock));
    this.lab.session.observe(() => this.render(), signal);
  }

  /** @param {MouseEvent} e */
  pressed(e) {
    const unit = hit(e, "[data-unit]")?.dataset.unit;
    const what = hit(e, "[data-walk]")?.dataset.walk;
    if (unit !== undefined) return this.seek(Number(unit), 0);
    if (what === "next") this.move(1);
    else if (what === "back") this.move(-1);
    else if (what === "line") this.line(1);
    else if (what === "play") this.play();
    else if (what === "larger") this.larger();
  }

  // ——— the run ———

  /** Sends a message, and shows its bytes. @param {number} size */
  async go(size = this.settings.send) {
    const { session, cursor, sockets, actions } = this.lab;
    if (this.busy) return;
    this.busy = true;
    this.stop();
    this.say("The message is on its way.");
    try {
      session.alive();
      await session.starting;
      // At its limit of call stacks, a connection counts from 0 when they are turned off.
      const full = sockets.open().some((s) => session.rows.byClient.get(s.token)?.stacks.some((e) => e.stack?.op === "full"));
      if (full) await session.stackAtWire(false);
      await session.stackAtWire(true);
      cursor.turnBack();
      if (cursor.mode !== "both") cursor.choose("both");
      const after = session.history.last;
      if (!cursor.endpoints.every((e) => sockets.open().some((s) => s.endpoint === e))) await actions.act({ do: "connect" });
      await this.until(() => sockets.open().length > 0 && sockets.open().every((s) => s.ws.readyState === WebSocket.OPEN), "The connection did not open.");
      await session.sip(this.settings.reads);
      const act = await actions.act({ do: "send", hex: hexOf(Uint8Array.from({ length: size }, (_, i) => i % 256)) });
      Object.assign(this, { clients: act.clients, since: after, session: session.id, ran: size, key: "", picked: "" });
      this.walk = new Walk();
      const first = session.history.last;
      await this.until(() => this.sides(first - 1).every(({ events }) => events.some((e) => e.from === "server" && e.frame)), "The echo did not arrive.");
      this.say(`Sent ${count(size, "byte")} to ${this.clients.map((c) => c.endpoint).join(" and ")}.`);
      this.render();
      this.begin();
    } catch (e) {
      this.say(`× ${words(e)}`, true);
    } finally {
      this.busy = false;
      if (this.settings.reads && session.id) await session.sip(0).catch(() => {});
    }
  }

  /** Waits for a condition, which events change. @param {() => boolean} is @param {string} otherwise */
  async until(is, otherwise) {
    const { session } = this.lab;
    const end = performance.now() + patience;
    while (!is()) {
      if (performance.now() > end) throw new Error(`${otherwise} Release the held frames, or press Start new session and try again.`);
      await new Promise((done) => {
        const timer = setTimeout(done, 200);
        session.addEventListener("events", () => (clearTimeout(timer), done(null)), { once: true });
      });
    }
  }

  /** @param {string} text @param {boolean} [failed] */
  say(text, failed = false) {
    this.said.classList.toggle("failed", failed);
    this.said.textContent = text;
  }

  /** The connections of the last run, gorilla first, with the units after an event. @param {number} [after] @returns {Side[]} */
  sides(after = this.since) {
    const { rows } = this.lab.session;
    const list = rows.list.slice(upTo(rows.list, after));
    const order = [...this.clients].sort((a, b) => Number(b.endpoint === "gorilla") - Number(a.endpoint === "gorilla"));
    return order.flatMap(({ token, endpoint }) => {
      const conn = rows.byClient.get(token);
      return conn ? [{ endpoint, stacks: conn.stacks, events: list.filter((r) => r.conn === conn && (r.event.frame || r.event.handshake)).map((r) => r.event) }] : [];
    });
  }

  /** Goes to the first byte of the message. The exercise is about the echo. */
  begin() {
    const from = this.settings.find ? "server" : "client";
    const at = this.walk.units.findIndex((u) => u.from === from && u.events.some((e) => e?.frame));
    this.lab.inspector.found++;
    this.seek(Math.max(0, at), 0);
  }

  // ——— walking ———

  /** From now on, the keys walk here. */
  take() {
    if (this.walk.units.length) this.lab.cursor.stepper = this.stepper;
  }

  /** @param {number} unit @param {number} byte */
  seek(unit, byte) {
    this.stop();
    this.take();
    this.walk.to(unit, byte);
    this.draw();
  }

  /** @param {1|-1} by */
  move(by) {
    this.stop();
    this.take();
    if (this.walk.move(by)) return this.draw();
    this.lab.session.say(by > 0 ? "This is the last byte of the walk." : "This is the first byte of the walk.");
  }

  /** @param {1|-1} by */
  line(by) {
    this.stop();
    this.take();
    if (this.walk.change(by)) this.draw();
  }

  stop() {
    if (this.clock === undefined) return;
    clearInterval(this.clock);
    this.clock = undefined;
    this.drawBar();
  }

  /** Walks on by itself, or stops. */
  play() {
    if (this.clock !== undefined) return this.stop();
    this.take();
    this.clock = setInterval(() => {
      if (this.lab.cursor.stepper !== this.stepper || !this.walk.move(1)) this.stop();
      else this.draw();
    }, pace);
    this.drawBar();
  }

  /** Shows the walk on the whole page, where both sources have room beside each other. */
  larger() {
    const dialog = h("dialog", { class: "larger", "aria-label": "Walk through the bytes" });
    const home = h("span");
    this.whole.replaceWith(home);
    dialog.append(this.whole, h("form", { method: "dialog" }, h("button", {}, "Close walk")));
    this.append(dialog);
    this.drawBar();
    dialog.addEventListener("keydown", (e) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      const scrolls = e.target instanceof HTMLElement && e.target.localName === "pre";
      if (!by || scrolls) return;
      e.preventDefault();
      this.move(/** @type {1|-1} */ (by));
    });
    dialog.addEventListener("close", () => {
      home.replaceWith(this.whole);
      dialog.remove();
      this.drawBar();
      /** @type {HTMLElement|null} */ (this.querySelector("[data-walk=larger]"))?.focus();
    });
    dialog.showModal();
  }

  // ——— drawing ———

  render() {
    const { session } = this.lab;
    if (this.session && session.id !== this.session) {
      this.stop();
      this.session = "";
      this.clients = [];
      this.walk = new Walk();
      this.whole.hidden = true;
      this.say("");
    }
    if (this.clients.length && this.walk.take(this.sides())) this.drawUnits();
    this.whole.hidden = !this.walk.units.length;
    this.draw();
    this.judge();
  }

  drawUnits() {
    redraw(
      this.units,
      ...this.walk.units.map((u, i) => {
        const e = u.events.find((e) => e);
        const name = e?.frame ? opcodeNames[e.frame.header.opcode] || e.frame.header.name : e?.handshake?.what || "";
        const on = button("", { "data-unit": i });
        on.append(h("span", { "aria-hidden": "true" }, u.from === "client" ? "❱ " : "❰ "), `${name}, ${count(this.walk.size(i), "byte")}`, h("span", { class: "hide" }, `, from the ${u.from}`));
        return on;
      }),
    );
    this.drawBar();
    this.key = "";
  }

  drawBar() {
    /** @param {string} what @param {string} label @param {Record<string, string>} [more] */
    const does = (what, label, more) => button(label, { "data-walk": what, ...more });
    const playing = this.clock !== undefined;
    redraw(
      this.bar,
      h("span", { class: "seg", role: "group", "aria-label": "Walk" }, does("back", "◀", { "aria-label": "Previous byte", title: "previous byte (←)" }), does("next", "▶ Next byte", { title: "next byte (→)" }), does("line", "Next line of code", { title: "the next byte for which another line waits" }), does("play", playing ? "❚❚ Stop walk" : "▶▶ Play walk", { title: "play or stop (Space)" })),
      this.whole.closest("dialog") ? "" : does("larger", "Enlarge walk", { class: "quiet" }),
    );
  }

  draw() {
    const { walk } = this;
    const { inspector, cursor } = this.lab;
    const unit = walk.unit;
    if (!unit) return;
    // The lab shows the same byte in the picture of its frame.
    const mine = walk.sides.findIndex((s, i) => unit.events[i] && (cursor.mode === s.endpoint || !["reference", "gorilla", "naive"].includes(cursor.mode)));
    const event = unit.events[Math.max(0, mine)] || unit.events.find((e) => e);
    if (!event) return;
    const detail = event.frame ? inspector.details.get(event.seq) : undefined;
    const fields = detail && "fields" in detail ? detail.fields : [];
    const key = `${walk.key} ${walk.at} ${walk.byte} ${event.seq} ${fields.length}`;
    if (key === this.key) return;
    this.key = key;
    const place = `${event.seq} ${walk.byte}`;
    if (cursor.stepper === this.stepper && place !== this.picked) {
      this.picked = place;
      if (cursor.mode === "both") cursor.side = walk.sides[Math.max(0, mine)].endpoint === "gorilla" ? "right" : "left";
      inspector.select(event.seq, 8 * walk.byte);
    } else if (event.frame && !detail) inspector.fetchDetail(event.seq);
    for (const on of this.units.querySelectorAll("[data-unit]")) on.setAttribute("aria-pressed", String(on instanceof HTMLElement && Number(on.dataset.unit) === walk.at));
    this.drawByte(event, fields);
    this.drawColumns(fields[fieldAt(fields, 8 * walk.byte)]?.site || "");
  }

  /** The byte in its row of the frame's picture, and the fields so far. @param {LabEvent} event @param {import("../types.js").Field[]} fields */
  drawByte(event, fields) {
    const { byte } = this.walk;
    const { frame, handshake } = event;
    const value = bytes((frame?.hex || handshake?.hex || "").slice(2 * byte, 2 * byte + 2))[0];
    const shown = value === undefined ? "" : `0x${value.toString(16).padStart(2, "0")}${handshake && printable(value) ? ` ${printable(value)}` : ""}`;
    this.where.replaceChildren(h("b", {}, `byte ${byte} of ${grouped(sizeOf(event))}`), ` ${shown}`);
    this.picture.replaceChildren();
    this.fields.textContent = "";
    if (handshake) {
      const line = lineAt(new TextDecoder("latin1").decode(bytes(handshake.hex)), byte);
      const sign = { "\r": "␍", "\n": "␊" }[line.at] || line.at;
      this.picture.append(h("pre", { tabindex: 0, role: "group", "aria-label": "Line of the handshake" }, line.before, h("mark", {}, sign), h("span", { class: "unread" }, line.after)));
      return;
    }
    if (!frame || !fields.length) return;
    const row = layout(frame, fields, byte).words.find((w) => w.kind === "bits" && w.bytes.some((b) => b.byte === byte));
    if (row?.kind === "bits") {
      this.picture.append(
        h("div", { class: "bits", "aria-hidden": "true" }, h("div", { class: "word" }, ...row.bytes.map((b) => h("div", { class: "byte" }, ...b.bits.map((bit) => h("span", { class: "cell" }, h("span", { "data-bit": bit.bit, class: `g-${fields[bit.field]?.group || "data"}${bit.value ? " one" : ""}${b.byte > byte ? " unread" : ""}${b.byte === byte ? " in" : ""}` }, bit.value, h("small", { "data-letter": fields[bit.field]?.letter })))), h("span", { class: `label${b.byte === byte ? " at" : ""}` }, `byte ${b.byte}`))))),
      );
    }
    const { done, now, has } = known(fields, byte);
    const sofar = done.map((f) => `${f.name} ${f.value}`).join(" · ");
    this.fields.replaceChildren(h("b", {}, "Known so far: "), [sofar, now && `${now.name}: ${has} of ${count(now.bits / 8, "byte")}`].filter(Boolean).join(" · ") || "nothing");
  }

  /** @param {string} site the place in the reference that reads the field of the byte */
  drawColumns(site) {
    const { walk } = this;
    const want = walk.sides.length;
    while (this.columns.children.length > want) this.columns.lastElementChild?.remove();
    while (this.columns.children.length < want) this.columns.append(h("ws-calls"));
    /** @type {string[]} */
    const told = [];
    walk.sides.forEach(({ endpoint }, i) => {
      const event = walk.unit.events[i];
      const list = walk.pieces(i);
      const calls = /** @type {import("./calls.js").WsCalls} */ (this.columns.children[i]);
      calls.show(event ? `${endpoint} ${walk.unit.from === "client" ? "reads" : "writes"} ${count(sizeOf(event), "byte")}` : `${endpoint} has no such frame`, endpoint, list, walk.byte, endpoint === "reference" && walk.unit.from === "client" ? site : "");
      const piece = pieceAt(list, walk.byte);
      if (piece) told.push(`${endpoint}: ${placeOf(piece.calls, endpoint)}`);
    });
    this.spoken.textContent = `Byte ${walk.byte} of ${walk.size()}. ${told.join(". ")}. ${this.fields.textContent}`;
  }

  /** Checks the exercise. */
  judge() {
    const { find } = this.settings;
    const { rows, history } = this.lab.session;
    if (!find || this.judged === history.last) return;
    this.judged = history.last;
    const sides = [...rows.conns.values()].filter((c) => c.endpoint === "gorilla" && c.as === "tab").map((c) => ({ endpoint: c.endpoint, stacks: c.stacks, events: rows.list.filter((r) => r.conn === c && r.event.frame).map((r) => r.event) }));
    const { tried, least, most, solved } = smallest(sides, "gorilla", find);
    this.found.hidden = !tried;
    this.found.classList.toggle("won", solved);
    const text = solved
      ? `✔ Found. gorilla sent ${count(least || 0, "byte")} in ${count(find, "Write")}, and ${count(most || 0, "byte")} in fewer.`
      : `${least === null ? "" : `In ${count(find, "Write")}: ${count(least, "byte")}. `}${most === null ? "" : `In fewer: ${count(most, "byte")}. `}The smallest is ${least === null ? `above ${grouped(most || 0)}` : `from ${grouped((most ?? -1) + 1)} to ${grouped(least)}`}.`;
    if (this.found.textContent !== text) this.found.textContent = text;
  }
}
