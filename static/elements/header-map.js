/**
 * The frame header map: a picture of 256 × 256 headers, its legend, and the header
 * under the cursor. A table shows the same. Enter or a click sends that header.
 *
 * @typedef {import("../headermap.js").HeaderMap} HeaderMap
 * @typedef {import("../headermap.js").Place} Place
 */

import { LabElement, bench, button, h, hit, onLeaving, redraw } from "./dom.js";
import { call, presence, words as why } from "../api.js";
import { grouped } from "../format.js";
import { code, columns, counts, decode, differing, fields, fromHash, kinds, made, move, paint, size, start, table, toHash, verdict, words } from "../headermap.js";

/** @type {[string, "server"|"client"][]} */
const targets = [["reference", "server"], ["gorilla", "server"], ["naive", "server"], ["reference", "client"], ["gorilla", "client"]];

const most = 24; // if at most this many headers differ, the page names each one

/** @param {{endpoint: string, role: string}} t */
const key = (t) => `${t.endpoint}-${t.role}`;

/** @param {string} text @param {Record<string, string>} data */
const option = (text, data) => button(text, { "aria-pressed": "false", ...Object.fromEntries(Object.entries(data).map(([k, v]) => [`data-${k}`, v])) });

export class WsHeaderMap extends LabElement {
  static tag = "ws-header-map";

  /** @type {Place} */
  place = start;
  /** @type {Map<string, HeaderMap>} */
  maps = new Map();
  /** @type {Map<string, Promise<HeaderMap>>} */
  asked = new Map();
  /** @type {number|null} the header under the pointer */
  over = null;
  drawn = "";
  sending = false;

  who = h("div", { class: "choices" });
  canvas = h("canvas", { width: size, height: size, "aria-hidden": "true" });
  cross = h("div", { class: "cross" });
  map = h("div", { class: "map", tabindex: 0, role: "application", "aria-roledescription": "map of 65,536 headers", "aria-label": "First byte across, second byte down. Arrows, PageUp, PageDown, Home and End move; Enter sends the header.", "aria-describedby": "map-readout" }, this.canvas, this.cross);
  legend = h("ul", { class: "legend" });
  readout = h("div", { class: "readout", id: "map-readout" });
  spoken = h("div", { class: "hide", "aria-live": "polite" });
  twin = h("div", { class: "wide" });
  status = h("p", { class: "soft", role: "status" });
  notice = h("p", { class: "notice failed", role: "alert", hidden: true });

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.build();
    window.addEventListener("hashchange", () => this.route(), { signal });
    const room = new ResizeObserver(() => this.fit());
    room.observe(this);
    signal.addEventListener("abort", () => room.disconnect());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint(), { signal });
    const themes = new MutationObserver(() => this.repaint());
    themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    signal.addEventListener("abort", () => themes.disconnect());
    this.on("click", (e) => this.clicked(e));
    onLeaving(() => {}, () => this.route(), signal);
    // If a map could not be loaded, load it when the lab server is back.
    presence.addEventListener("change", () => presence.away || this.route(), { signal });
    const { map } = this;
    map.addEventListener("keydown", (e) => this.key(e), { signal });
    map.addEventListener("pointermove", (e) => this.preview(this.at(e)), { signal });
    map.addEventListener("pointerleave", () => this.preview(null), { signal });
    this.route();
  }

  build() {
    const role = (/** @type {string} */ r) => targets.filter((t) => t[1] === r).map(([endpoint]) => option(endpoint, { endpoint, role: r }));
    this.who.replaceChildren(
      h("span", { class: "choice" }, h("span", { class: "soft" }, "server "), h("span", { class: "seg", role: "group", "aria-label": "As a server" }, ...role("server"))),
      h("span", { class: "choice" }, h("span", { class: "soft" }, "client "), h("span", { class: "seg", role: "group", "aria-label": "As a client" }, ...role("client"))),
      h("span", { class: "choice" }, h("span", { class: "soft" }, "sent first "), h("span", { class: "seg", role: "group", "aria-label": "Sent first" }, option("nothing", { context: "fresh" }), option("half a message", { context: "fragmented" }))),
      h("span", { class: "choice" }, h("span", { class: "soft" }, "show only differences from "), h("span", { class: "seg others", role: "group", "aria-label": "Show only differences from" })),
    );
    const nibbles = Array.from({ length: 16 }, (_, i) => h("span", {}, `${i.toString(16)}0`));
    this.replaceChildren(
      h("p", { class: "goal" }, "Every frame begins with two bytes, and there are 65,536 pairs of them. Each pair was sent on its own connection, with the length, masking key and payload that it announces, followed by a Ping. The map shows the result."),
      this.who,
      this.notice,
      h(
        "div",
        { class: "chart" },
        h(
          "div",
          { class: "plot" },
          h("div", { class: "corner" }, h("b", { class: "f-head" }, "first byte →")),
          h("div", { class: "across f-head" }, ...nibbles),
          h("div", { class: "down f-len" }, h("span", {}, "00"), h("span", {}, "MASK 0"), h("span", {}, "7f"), h("span", {}, "80"), h("span", {}, "MASK 1"), h("span", {}, "ff")),
          this.map,
          h("p", { class: "soft under-map" }, "↓ second byte. Across, each column of 16 has one value of FIN and RSV1–3. Within it the opcode goes from 0 to F."),
        ),
        h("div", { class: "beside" }, this.readout, this.legend, this.status),
      ),
      h("details", { class: "twin-of-map" }, h("summary", {}, "Show map as table"), this.twin),
      this.spoken,
    );
  }

  /** Shows the place on the map that the address names, if there is one. */
  route() {
    const place = fromHash(location.hash);
    this.hidden = !place;
    if (!place) return;
    this.place = place;
    document.title = "Frame header map · wslab";
    this.fit();
    this.draw();
    this.load();
  }

  /** @param {Partial<Place>} change */
  go(change) {
    const next = { ...this.place, ...change };
    if (next.other === next.endpoint || (next.role === "client" && next.other === "naive")) next.other = "";
    history.replaceState(null, "", toHash(next));
    this.place = next;
    this.draw();
    this.load();
  }

  /** @param {{endpoint: string, role: string}} t */
  ask(t) {
    const name = key(t);
    let asked = this.asked.get(name);
    if (!asked) {
      asked = call(`/api/headermap?endpoint=${t.endpoint}&role=${t.role}`).then((json) => {
        const map = decode(json);
        this.maps.set(name, map);
        return map;
      });
      asked.catch(() => this.asked.delete(name));
      this.asked.set(name, asked);
    }
    return asked;
  }

  /** Loads the map that is shown, then the map that it is compared with, then the others of the role. */
  async load() {
    const { place } = this;
    const first = [place.endpoint, place.other].filter(Boolean);
    const rest = targets.filter(([endpoint, role]) => role === place.role && !first.includes(endpoint)).map(([endpoint]) => endpoint);
    try {
      for (const endpoint of [...first, ...rest]) {
        if (this.place.role !== place.role) return;
        await this.ask({ endpoint, role: place.role });
        this.draw();
      }
      this.notice.hidden = true;
    } catch (e) {
      this.notice.hidden = false;
      this.notice.replaceChildren(why(e), " ", option("Load map again", { again: "yes" }));
    }
  }

  /** Scales the picture by a whole number, so that every header has the same size. */
  fit() {
    const { plot } = { plot: this.querySelector(".plot") };
    const room = Math.min((plot?.parentElement?.clientWidth || 300) - 36, window.innerHeight - 190);
    const scale = Math.max(1, Math.min(3, Math.floor(room / size)));
    this.style.setProperty("--scale", String(scale));
  }

  get shown() {
    return this.over ?? this.place.header;
  }

  draw() {
    const { place } = this;
    for (const on of this.querySelectorAll("[aria-pressed]")) {
      if (!(on instanceof HTMLElement)) continue;
      const { endpoint, role, context, other } = on.dataset;
      const is = endpoint ? endpoint === place.endpoint && role === place.role : context ? context === place.context : other !== undefined && other === place.other;
      on.setAttribute("aria-pressed", String(is));
    }
    this.drawOthers();
    const map = this.maps.get(key(place));
    const other = place.other ? this.maps.get(key({ endpoint: place.other, role: place.role })) : undefined;
    this.status.textContent = map ? `${made(map)} Each connection ran the endpoint’s real code over an in-memory network. To rebuild all maps: go run ./compare headers` : "Loading the map…";
    this.map.classList.toggle("busy", !map);
    const drawn = map ? `${key(place)} ${place.context} ${other ? place.other : ""}` : "";
    if (map && drawn !== this.drawn) {
      this.drawn = drawn;
      this.picture(map, other);
    }
    this.point();
  }

  drawOthers() {
    const { place } = this;
    const group = this.querySelector(".others");
    const names = ["", ...targets.filter(([endpoint, role]) => role === place.role && endpoint !== place.endpoint).map(([endpoint]) => endpoint)];
    if (!(group instanceof HTMLElement) || group.dataset.key === names.join() + place.other) return;
    group.dataset.key = names.join() + place.other;
    group.replaceChildren(...names.map((other) => button(other || "off", { "data-other": other, "aria-pressed": String(other === place.other) })));
  }

  repaint() {
    this.drawn = "";
    if (!this.hidden) this.draw();
  }

  /** @param {HeaderMap} map @param {HeaderMap|undefined} other */
  picture(map, other) {
    const painted = paint(map, this.place.context);
    const differs = other ? differing(map, other, this.place.context) : null;
    const colours = kinds.map((k) => this.colour(`--map-${k.id}`));
    const ground = this.colour("--map-ground");
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const image = context.createImageData(size, size);
    for (let n = 0; n < painted.length; n++) {
      const at = 4 * ((n & 0xff) * size + (n >> 8));
      image.data.set(differs && !differs[n] ? ground : colours[painted[n]], at);
    }
    context.putImageData(image, 0, 0);
    const chosen = differs ? painted.filter((_, n) => differs[n]) : painted;
    const list = counts(chosen).sort((a, b) => b.count - a.count);
    const there = differs && chosen.length <= most ? [...differs.keys()].filter((n) => differs[n]) : [];
    this.legend.replaceChildren(
      ...(differs ? [h("li", { class: "soft" }, `${grouped(chosen.length)} of 65,536 headers ${chosen.length === 1 ? "has" : "have"} a different result at ${this.place.other}:`)] : []),
      ...list.map((c) => h("li", {}, h("i", { class: `swatch k-${kinds[c.kind].id}` }), h("b", {}, kinds[c.kind].glyph), ` ${kinds[c.kind].words} `, h("span", { class: "n" }, grouped(c.count)))),
      there.length ? h("li", { class: "there" }, ...there.map((n) => button(fields(n).bytes, { "data-header": String(n), "aria-label": `Go to ${fields(n).bytes}` }))) : "",
    );
    this.drawTable(painted);
  }

  /** @param {string} name of a custom property @returns {number[]} */
  colour(name) {
    const probe = h("i", {});
    probe.style.color = `var(${name})`;
    this.append(probe);
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    const { color } = getComputedStyle(probe);
    probe.remove();
    if (!context) return [0, 0, 0, 255];
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  }

  /** @param {Uint8Array} painted */
  drawTable(painted) {
    const cell = (/** @type {{kind: number, count: number}[]} */ list) =>
      h("td", {}, ...list.map((c) => h("div", {}, h("i", { class: `swatch k-${kinds[c.kind].id}` }), `${kinds[c.kind].glyph} ${kinds[c.kind].short}`, list.length > 1 ? h("span", { class: "soft" }, ` ${grouped(c.count)}`) : "")));
    this.twin.replaceChildren(
      h(
        "table",
        {},
        h("caption", { class: "soft" }, "Rows: FIN, RSV1–3 and opcode; columns: MASK and the 7-bit length."),
        h("thead", {}, h("tr", {}, ...["FIN", "RSV", "opcode", ...columns].map((c) => h("th", { scope: "col" }, c)))),
        h("tbody", {}, ...table(painted).map((r) => h("tr", {}, h("th", { scope: "row" }, r.fin), h("td", {}, r.rsv), h("th", { scope: "row" }, r.opcode), ...r.cells.map(cell)))),
      ),
    );
  }

  /** Draws the cross and the words for the selected header. */
  point() {
    const n = this.shown;
    this.cross.style.setProperty("--x", String(n >> 8));
    this.cross.style.setProperty("--y", String(n & 0xff));
    const { place } = this;
    const f = fields(n);
    const said = targets
      .filter(([, role]) => role === place.role)
      .flatMap(([endpoint]) => {
        const map = this.maps.get(key({ endpoint, role: place.role }));
        return map ? [{ endpoint, ...verdict(map, place.context, n) }] : [];
      })
      .sort((a, b) => Number(b.endpoint === place.endpoint) - Number(a.endpoint === place.endpoint));
    const own = said[0]?.endpoint === place.endpoint ? said[0] : undefined;
    const sender = place.role === "server" ? "client" : "server";
    redraw(
      this.readout,
      h("h2", {}, h("code", {}, h("span", { class: "f-head" }, f.bytes.slice(0, 2)), " ", h("span", { class: "f-len" }, f.bytes.slice(3)))),
      h("p", {}, words(n), `, from a ${sender}`, place.context === "fragmented" ? ", inside a message" : ""),
      h("dl", {}, ...said.flatMap((v) => [h("dt", {}, v.endpoint), h("dd", {}, h("i", { class: `swatch k-${kinds[v.kind].id}` }), h("b", {}, v.glyph), ` ${v.sentence}`)])),
      own?.rules.length ? h("p", { class: "rules-broken" }, "It breaks ", ...own.rules.flatMap((r, i) => [i ? ", " : "", h("a", { href: `/rules#${r}` }, r)])) : h("p", { class: "rules-broken soft" }, own ? "It breaks no rule." : ""),
      button(`Send header to ${place.endpoint}`, { class: "primary send" }),
    );
    if (own && this.over === null) this.spoken.textContent = `${f.bytes}: ${words(n)}. ${kinds[own.kind].words}`;
  }

  /** @param {PointerEvent|MouseEvent} e */
  at(e) {
    const box = this.canvas.getBoundingClientRect();
    const within = (/** @type {number} */ v) => Math.max(0, Math.min(size - 1, Math.floor(v)));
    return (within(((e.clientX - box.left) / box.width) * size) << 8) | within(((e.clientY - box.top) / box.height) * size);
  }

  /** @param {number|null} n */
  preview(n) {
    if (n === this.over) return;
    this.over = n;
    this.point();
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Enter") {
      e.preventDefault();
      this.send();
      return;
    }
    if (e.key === "Escape" && bench()?.shut()) e.preventDefault();
    const to = move(this.place.header, e.key);
    if (to < 0) return;
    e.preventDefault();
    this.over = null;
    this.place = { ...this.place, header: to };
    history.replaceState(null, "", toHash(this.place));
    this.point();
  }

  /** @param {Event} e */
  clicked(e) {
    const on = hit(e, "button");
    if (hit(e, ".map") && e instanceof MouseEvent) {
      this.over = null;
      this.go({ header: this.at(e) });
      this.send();
    } else if (on?.classList.contains("send")) this.send();
    else if (on?.dataset.again) this.load();
    else if (on?.dataset.endpoint) this.go({ endpoint: on.dataset.endpoint, role: on.dataset.role === "client" ? "client" : "server" });
    else if (on?.dataset.header) this.go({ header: Number(on.dataset.header) });
    else if (on?.dataset.context) this.go({ context: on.dataset.context });
    else if (on?.dataset.other !== undefined) this.go({ other: on.dataset.other });
  }

  /** Sends the header over TCP and opens the recording. */
  async send() {
    if (this.sending) return;
    this.sending = true;
    const { endpoint, role, context, header } = this.place;
    const title = h("h2", {}, h("code", {}, fields(header).bytes), ` sent to ${endpoint}`);
    try {
      const { session } = await call("/api/judge/header", { header: code(header), endpoint, role, context });
      bench()?.tell(title, h("p", { class: "soft" }, `${words(header)}. ${context === "fragmented" ? "The first frame of a text message was sent before it. " : ""}A Ping was sent after it: a Pong shows that the frame was read to its end.`));
      bench()?.show(session, role === "client");
      this.notice.hidden = true;
    } catch (e) {
      this.notice.hidden = false;
      this.notice.textContent = why(e);
    } finally {
      this.sending = false;
    }
  }
}
