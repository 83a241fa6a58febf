/**
 * The heartbeat tuner: when each end notices a silence, computed and measured. It
 * also shows the Pings to this page and the page's Pongs.
 *
 * @typedef {import("../heartbeat.js").Tuning} Tuning
 * @typedef {import("../heartbeat.js").Beat} Beat
 */

import { LabElement, button, h, hit, segment, table } from "./dom.js";
import { words } from "../api.js";
import { course, measured, scenario, wrong } from "../heartbeat.js";
import { bytes } from "../hex.js";
import { capital, count, quote } from "../format.js";

/** @type {[keyof Tuning, string, string][]} */
const fields = [
  ["interval", "a Ping every", "ms"],
  ["timeout", "its Pong within", "ms"],
  ["silence", "the network falls silent at", "ms (0: never)"],
  ["proxy", "a proxy closes idle connections after", "ms (0: no proxy)"],
];

/** @extends {LabElement<"session" | "inspector" | "sockets" | "actions" | "player">} */
export class WsHeartbeat extends LabElement {
  static tag = "ws-heartbeat";

  /** @type {Tuning} */
  tuning = { interval: 500, timeout: 200, silence: 1200, proxy: 0 };
  /** @type {"raw"|"browser"} */
  as = "browser";
  /** @type {import("../player.js").Begun|null} */
  begun = null;
  /** @type {Tuning|null} the values of the run */
  ran = null;
  session = "";
  key = "";
  pinged = "";
  form = h("form", { class: "tuning" });
  chart = h("div", { class: "chart" });
  said = h("output");
  refused = ""; // the session's moment at the refusal
  live = h("div", { class: "pings" });

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.form.replaceChildren(
      ...fields.map(([name, label, unit]) => h("label", {}, h("span", {}, label), h("span", {}, h("input", { name, type: "number", min: 0, max: 60000, step: 50, value: this.tuning[name], inputmode: "numeric" }), h("small", { class: "soft" }, ` ${unit}`)))),
      h("p", { class: "buttons" }, h("button", { class: "primary" }, "Run heartbeat"), this.choice()),
    );
    const ping = h("form", { class: "ping" }, h("label", {}, h("span", {}, "payload of the server’s Ping"), h("input", { name: "payload", value: "are you there?", maxlength: 125, autocomplete: "off" })), h("button", {}, "Send Ping to your browser"));
    this.replaceChildren(h("h3", {}, "Tune a heartbeat"), this.form, this.said, this.chart, h("h3", {}, "A Ping to your own browser, and its Pong"), ping, this.live);
    this.on("submit", (e) => {
      e.preventDefault();
      if (e.target === this.form) this.attempt(() => this.run());
      else this.attempt(() => this.ping(String(new FormData(ping).get("payload") || "")));
    });
    this.on("input", (e) => {
      if (!(e.target instanceof HTMLInputElement) || e.target.form !== this.form) return;
      this.tuning = { ...this.tuning, [e.target.name]: e.target.value === "" ? NaN : Number(e.target.value) };
      this.key = "";
      this.render();
    });
    this.on("click", (e) => {
      const as = hit(e, "[data-as]")?.dataset.as;
      const seq = hit(e, "[data-seq]")?.dataset.seq;
      if (seq) this.lab.inspector.select(Number(seq));
      if (!as) return;
      this.as = as === "raw" ? "raw" : "browser";
      for (const on of this.querySelectorAll("[data-as]")) on.setAttribute("aria-pressed", String(on instanceof HTMLElement && on.dataset.as === as));
    });
    this.lab.session.observe(() => this.render(), signal);
  }

  choice() {
    return segment("Client", [["browser", "with your browser"], ["raw", "with a raw client"]], "as", this.as);
  }

  /** @param {() => unknown} fn */
  async attempt(fn) {
    this.said.classList.remove("failed");
    this.said.textContent = "";
    try {
      await fn();
    } catch (e) {
      this.said.classList.add("failed");
      this.said.textContent = `× ${words(e)}`;
      this.refused = this.lab.session.moment;
    }
  }

  async run() {
    const what = wrong(this.tuning);
    if (what) throw new Error(what);
    const planned = course(this.tuning);
    if (planned.cut !== null && this.as === "browser") {
      this.said.textContent = "There is no proxy here, so a raw client closes TCP in its place. ";
    }
    const as = planned.cut !== null ? "raw" : this.as;
    this.begun = await this.lab.player.begin({ text: scenario(this.tuning, as), endpoint: "reference", as, pause: -1 });
    this.session = this.lab.session.id; // the session may have begun a moment ago
    this.ran = { ...this.tuning };
    this.key = "";
    this.render();
  }

  /** Orders the server to send a Ping. Opens a connection first if there is none. @param {string} text */
  async ping(text) {
    const bytes = new TextEncoder().encode(text).length;
    if (bytes > 125) throw new Error(`The payload has ${bytes} bytes; a control frame carries at most 125.`);
    const { sockets, actions } = this.lab;
    if (!sockets.open().some((s) => s.ws.readyState <= WebSocket.OPEN)) await actions.act({ do: "connect" });
    await Promise.all(sockets.open().filter((s) => s.ws.readyState === WebSocket.CONNECTING).map((s) => new Promise((done) => ["open", "close"].forEach((what) => s.ws.addEventListener(what, done, { once: true })))));
    await actions.act({ do: "ping", text });
  }

  render() {
    const { session } = this.lab;
    if (this.refused && this.refused !== session.moment) {
      this.refused = this.said.textContent = "";
      this.said.classList.remove("failed");
    }
    if (session.id !== this.session) {
      this.session = session.id;
      this.begun = null;
    }
    const play = this.begun && session.rows.plays.byId.get(this.begun.play);
    const key = JSON.stringify([this.tuning, play ? [play.id, session.history.last, play.over < Infinity, play.cut] : 0]);
    if (key !== this.key) {
      this.key = key;
      this.draw(play || null);
    }
    this.drawPings();
  }

  /** @param {import("../play.js").Play|null} play */
  draw(play) {
    const what = wrong(this.tuning);
    if (what) {
      this.chart.replaceChildren(h("p", { class: "failed" }, `× ${what}`));
      return;
    }
    const planned = course(this.tuning);
    const same = this.ran && JSON.stringify(this.ran) === JSON.stringify(this.tuning);
    let run = null;
    if (play && same && this.begun) {
      const events = this.lab.session.eventsOf(play).filter((e) => e.seq <= play.settled);
      run = measured(events, play.over !== Infinity && !play.cut, play.marks.find((m) => m.command === "wire silent")?.event?.at);
    }
    const { silence } = this.tuning;
    const end = Math.max(planned.end, ...(run?.beats.map((b) => b.at) || []), run?.server || 0, run?.browser || 0) + 80;
    const late = run?.silence && Math.abs(run.silence - silence) > 40 ? Math.round(run.silence) : 0;
    const dark = planned.cut === null && silence ? silence : null;
    this.chart.replaceChildren(
      h("div", { class: "tracks", "aria-hidden": "true" }, ...track("computed", planned.beats, planned.server, planned.browser, dark, end), ...(run ? track("measured", run.beats, run.server, run.browser, run.silence, end) : [])),
      h(
        "div",
        { class: "wide" },
        table(
          ["who notices, and when", "computed", "measured"],
          /** @type {const} */ (["server", "browser"]).map((who) =>
            h("tr", {}, h("th", { scope: "row" }, who === "server" ? "the server" : "the browser"), h("td", { class: "mono" }, time(planned[who])), h("td", { class: "mono" }, run ? (who === "browser" && play?.as === "raw" ? h("span", { class: "soft" }, "not involved") : run[who] === null && play?.cut ? h("span", { class: "soft" }, "not measured: the session ended first") : run[who] === null && play?.over === Infinity ? "…" : time(run[who])) : h("span", { class: "soft" }, "not run"))),
          ),
        ),
      ),
      h("p", { class: "small" }, h("b", {}, "The server: "), `${planned.why.server}. `, h("b", {}, "The browser: "), `${planned.why.browser}.`),
      late ? h("p", { class: "small" }, `In this run the network fell silent at ${late} ms, because a step begins when the previous one is finished. For that time, the computed value is ${time(course({ ...this.tuning, silence: late }).server)}.`) : "",
      h("p", { class: "soft small" }, beatsTold(planned.beats, "computed"), run ? ` ${beatsTold(run.beats, "measured")}` : ""),
    );
  }

  /** Draws the newest Pings of the page's connections. */
  drawPings() {
    const { session, sockets } = this.lab;
    const { list, stages } = session.rows;
    /** @type {import("../rows.js").Row[]} */
    const pings = [];
    for (let i = list.length - 1; i >= 0 && i > list.length - 3000 && pings.length < 6; i--) {
      const { event: e } = list[i];
      if (e.frame?.header.opcode === 9 && e.from === "server" && sockets.byToken.has(list[i].conn.client) && !stages.has(list[i].conn.client)) pings.unshift(list[i]);
    }
    const rows = pings.map((row) => {
      const payload = row.event.frame?.payload || "";
      const pong = list.slice(row.index + 1, row.index + 400).find((r) => r.conn === row.conn && r.event.from === "client" && r.event.frame?.header.opcode === 10 && (r.event.frame.payload || "") === payload);
      return { row, pong, payload };
    });
    const key = rows.map((r) => `${r.row.event.seq} ${r.pong?.event.seq}`).join();
    if (key === this.pinged && this.live.firstChild) return;
    this.pinged = key;
    /** @param {string} hex */
    const text = (hex) => quote(new TextDecoder().decode(bytes(hex)), 40);
    this.live.replaceChildren(
      rows.length
        ? h("div", { class: "wide" }, table(["server’s Ping", "browser’s Pong", "after", "JavaScript received"], rows.map(({ row, pong, payload }) => h("tr", {}, h("td", {}, button(text(payload), { class: "quiet", "data-seq": row.event.seq })), h("td", {}, pong ? button(text(pong.event.frame?.payload || ""), { class: "quiet", "data-seq": pong.event.seq }) : h("span", { class: "soft" }, "not yet")), h("td", { class: "mono" }, pong ? `${((pong.at - row.at) / 1000).toFixed(1)} ms` : ""), h("td", {}, "nothing")))))
        : h("p", { class: "soft" }, "The browser itself answers: JavaScript has no event for a Ping, and no function to send one."),
    );
  }
}

/** @param {number|null} at */
const time = (at) => (at === null ? "never" : `${at.toFixed(0)} ms`);

/** @param {Beat[]} beats @param {string} how */
function beatsTold(beats, how) {
  const lost = beats.filter((b) => b.end === "lost");
  return `${capital(how)}: ${count(beats.length, "Ping")}, ${beats.filter((b) => b.end === "answered").length} answered${lost.length ? `, lost: ${lost.map((b) => `${b.at.toFixed(0)} ms`).join(", ")}` : ""}.`;
}

/**
 * @param {string} name
 * @param {Beat[]} beats
 * @param {number|null} server
 * @param {number|null} browser
 * @param {number|null} silence
 * @param {number} end
 */
function track(name, beats, server, browser, silence, end) {
  /** @param {HTMLElement} node @param {number} from @param {number} [to] */
  const put = (node, from, to) => {
    node.style.setProperty("inset-inline-start", `${(100 * from) / end}%`);
    if (to !== undefined) node.style.setProperty("inline-size", `${(100 * (to - from)) / end}%`);
    return node;
  };
  const inside = beats.map((b) => put(h("i", { class: `beat ${b.end}`, title: `Ping at ${b.at.toFixed(0)} ms, ${b.end}` }, b.end === "lost" ? "×" : ""), b.at));
  if (silence !== null) inside.unshift(put(h("i", { class: "silence" }, h("span", {}, "silence")), silence, end));
  if (server !== null) inside.push(put(h("i", { class: `notice-at${server > 0.7 * end ? " left" : ""}` }, h("span", {}, `server ${time(server)}`)), server));
  if (browser !== null) inside.push(put(h("i", { class: `notice-at browser${browser > 0.7 * end ? " left" : ""}` }, h("span", {}, `browser ${time(browser)}`)), browser));
  return [h("span", { class: "soft" }, name), h("div", { class: "track" }, ...inside)];
}
