/**
 * Tries each close code of the table: in the browser's own close(), sent by a server
 * to the browser, and sent by a raw client to the server.
 */

import { LabElement, button, h, hit, segment } from "./dom.js";
import { words } from "../api.js";
import { standing } from "../play.js";

/** @typedef {"browser"|"server"|"raw"} Way */
/** @type {[Way, string, string][]} */
const ways = [
  ["browser", "Call close(CODE)", "your page calls close() with it"],
  ["server", "Send CODE from the server", "the server sends it to your browser"],
  ["raw", "Send CODE from a raw client", "a raw client sends it to the server"],
];

/** @extends {LabElement<"session" | "cursor" | "player">} */
export class WsCodes extends LabElement {
  static tag = "ws-codes";

  /** @type {"reference"|"gorilla"} */
  endpoint = "reference";
  /** @type {Map<string, import("../player.js").Begun>} the play whose result is shown, by "CODE WAY" */
  runs = new Map();
  key = "";
  session = "";
  /** @type {Map<string, string>} the session's moment at each refusal, by "CODE WAY" */
  refused = new Map();

  /** @param {AbortSignal} signal */
  setup(signal) {
    if (this.lab.cursor.mode === "gorilla") this.endpoint = "gorilla";
    for (const row of this.querySelectorAll("tr[data-code]")) {
      if (!(row instanceof HTMLElement) || row.querySelector(".try")) continue;
      const { code } = row.dataset;
      row.querySelector("th")?.append(h("span", { class: "try" }, button("Try code", { "data-open": code, "aria-expanded": "false", "aria-label": `Try code ${code}` })));
    }
    const choice = h("p", { class: "buttons choice" }, h("span", { class: "soft" }, "Server for these tests: "), segment("Server", [["reference", "reference"], ["gorilla", "gorilla"]], "endpoint", this.endpoint));
    this.querySelector(".choice")?.remove();
    this.prepend(choice);
    this.on("click", (e) => {
      const open = hit(e, "[data-open]");
      const on = hit(e, "[data-way]");
      const endpoint = hit(e, "[data-endpoint]");
      if (open) this.toggle(open);
      else if (on) this.attempt(on);
      else if (endpoint) {
        this.endpoint = endpoint.dataset.endpoint === "gorilla" ? "gorilla" : "reference";
        for (const b of this.querySelectorAll("[data-endpoint]")) b.setAttribute("aria-pressed", String(b === endpoint));
      }
    });
    this.lab.session.observe(() => this.render(), signal);
  }

  /** Opens or closes the row of trials below a code. @param {HTMLElement} on */
  toggle(on) {
    const code = on.dataset.open || "";
    const row = on.closest("tr");
    const next = row?.nextElementSibling;
    if (next?.classList.contains("trials")) {
      next.remove();
      on.setAttribute("aria-expanded", "false");
      return;
    }
    on.setAttribute("aria-expanded", "true");
    const list = ways.map(([way, label, what]) => h("li", {}, button(label.replace("CODE", code), { "data-way": way, "data-code": code, title: what }), h("output", { "data-result": `${code} ${way}` }, "")));
    row?.after(h("tr", { class: "trials" }, h("td", { colspan: 5 }, h("ul", {}, ...list))));
    this.key = "";
    this.render();
  }

  /** @param {HTMLElement} on */
  async attempt(on) {
    const { session, player } = this.lab;
    const { code = "", way = "" } = on.dataset;
    const id = `${code} ${way}`;
    const said = this.querySelector(`[data-result="${id}"]`);
    said?.classList.remove("failed");
    said?.replaceChildren("…");
    try {
      const as = way === "raw" ? "raw" : "browser";
      const begun = await player.begin({ text: text(/** @type {Way} */ (way), Number(code)), endpoint: this.endpoint, as, pause: -1 });
      this.session = session.id; // the session may have begun a moment ago
      this.runs.set(id, begun);
      this.key = "";
    } catch (e) {
      this.runs.delete(id);
      said?.classList.add("failed");
      said?.replaceChildren(`× ${words(e)}`);
      this.refused.set(id, session.moment);
    }
    session.touch();
  }

  render() {
    const { session } = this.lab;
    const key = `${session.id} ${session.history.last} ${this.runs.size} ${session.moment}`;
    if (key === this.key) return;
    this.key = key;
    for (const [id, moment] of this.refused) {
      if (moment === session.moment) continue;
      this.refused.delete(id);
      if (!this.runs.has(id)) this.querySelector(`[data-result="${id}"]`)?.replaceChildren();
    }
    // Drop the results of another session.
    if (this.session !== session.id) {
      this.runs.clear();
      for (const said of this.querySelectorAll("[data-result]")) said.replaceChildren();
    }
    this.session = session.id;
    for (const [id, begun] of this.runs) {
      const play = session.rows.plays.byId.get(begun.play);
      const said = this.querySelector(`[data-result="${id}"]`);
      if (!said) continue;
      if (play && play.token === begun.token) said.replaceChildren(...this.told(play, id.split(" ")[1] === "raw"));
      else if (session.server === "lost") said.replaceChildren("× Not run: the session ended first.");
    }
  }

  /**
   * The recorded result of a trial.
   * @param {import("../play.js").Play} play
   * @param {boolean} raw
   * @returns {(Node|string)[]}
   */
  told(play, raw) {
    const events = this.lab.session.eventsOf(play);
    const threw = events.find((e) => e.script?.what === "error");
    if (threw) return [h("b", { class: "f-code" }, "× "), threw.script?.text || "", h("span", { class: "soft" }, " No frame was sent.")];
    /** @type {(Node|string)[]} */
    const out = [];
    for (const e of events) {
      if (e.frame?.close) {
        const { code, reason } = e.frame.close;
        const bad = (e.frame.violations || []).map((v) => v.code).join(", ");
        out.push(h("span", { class: `arrow ${e.from}` }, e.from === "client" ? "❱ " : "❰ "), h("code", { class: "f-code" }, `CLOSE ${code === 1005 && !e.frame.payload ? "without a code" : code}${reason ? ` “${reason}”` : ""}`), bad ? h("b", { class: "f-code" }, ` × breaks ${bad}`) : "", "  ");
      }
      if (e.script?.what === "onclose" && !raw) out.push("onclose ", h("code", { class: "f-code" }, String(e.script.code)), `${e.script.wasClean ? ", clean" : ", not clean"}  `);
    }
    const now = standing(play, Infinity);
    if (!now.over) out.push(h("span", { class: "soft" }, out.length ? "…" : "running…"));
    else if (!out.length) out.push(h("span", { class: "soft" }, now.error || "No Close frame was sent."));
    return out;
  }
}

/**
 * The scenario of a trial.
 * @param {Way} way
 * @param {number} code
 */
function text(way, code) {
  const who = { browser: "The page", server: "The server", raw: "A raw client" }[way];
  const title = `# ${who} closes with ${code}`;
  if (way === "server") return `${title}\nserver by hand\nopen\nserver says close ${code}\nserver tcp read\nserver tcp close\npatience 3s\n`;
  if (way === "browser") return `${title}\nopen\nclose ${code}\npatience 5s\n`;
  return `${title}\nopen\nclose ${code}\nread eof\n`;
}
