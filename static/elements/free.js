/**
 * The controls of the free lab: actions of the page, of the server, and of a raw
 * client that may send any bytes.
 */

import { LabElement, h, hit } from "./dom.js";
import { closeCode, headerFields } from "../forms.js";
import { HexError } from "../hex.js";
import { Told } from "./told.js";

/** @param {string} label @param {HTMLElement} input */
const field = (label, input) => h("label", {}, h("span", {}, label), input);

/** @param {string} name @param {string} [value] @param {Record<string, string>} [more] */
const text = (name, value = "", more = {}) => h("input", { name, value, autocomplete: "off", spellcheck: "false", ...more });

/** @param {string} name @param {[string, string][]} options */
const choice = (name, options) => h("select", { name }, ...options.map(([value, label]) => h("option", { value }, label)));

/** @param {string} act @param {string} label @param {...HTMLElement} fields */
const form = (act, label, ...fields) => h("form", { "data-act": act }, ...fields, h("button", {}, label), h("output"));

/** @param {string} title @param {boolean} open @param {...HTMLElement} inside */
const group = (title, open, ...inside) => h("details", { open }, h("summary", {}, title), ...inside);

/** @extends {LabElement<"session" | "actions">} */
export class WsFree extends LabElement {
  static tag = "ws-free";

  /** @type {Map<HTMLFormElement, Told>} */
  told = new Map();

  /** @param {AbortSignal} signal */
  setup(signal) {
    const mistakes = this.closest("ws-lab")?.getAttribute("mistakes")?.split(" ") || [];
    this.replaceChildren(
      group(
        "Your page",
        true,
        form("connect", "Connect", h("p", { class: "soft" }, "Opens a WebSocket to each server that is chosen in the bar.")),
        form("send", "Send text", field("text", text("text", "Hello"))),
        form("send", "Send binary", field("hex", text("hex", "01 02 ff"))),
        form("close", "Close with this code", field("close code", text("code", "1000", { inputmode: "numeric", size: "5" })), field("close reason", text("reason", "bye"))),
      ),
      group(
        "The server's Go code",
        false,
        form("say", "Send text from the server", field("text", text("text", "from Go"))),
        form("fragments", "Send fragments from the server", field("fragments, one in each line", h("textarea", { name: "parts", rows: 2 }, "He\nllo"))),
        form("ping", "Send Ping from the server", field("payload", text("text", "are you there?"))),
        form("pong", "Send Pong from the server", field("payload", text("text", ""))),
        form("server-close", "Send Close frame from the server", field("close code", text("code", "1000", { inputmode: "numeric", size: "5" })), field("close reason", text("reason", "going"))),
      ),
      group(
        "A raw client in Go, which may send any bytes",
        false,
        form(
          "raw-open",
          "Dial server",
          field("to", choice("endpoint", [["reference", "reference"], ["gorilla", "gorilla"], ["both", "both"]])),
          field("header fields to change: Name: value, or −Name to remove one", h("textarea", { name: "fields", rows: 2, spellcheck: "false", placeholder: "Sec-WebSocket-Version: 8\n-Upgrade" })),
        ),
        form("raw-bytes", "Write bytes", h("h2", { class: "hide" }, "Frame builder"), h("ws-builder")),
        form("raw-close", "Close TCP connection"),
      ),
      group("A server that gets the handshake wrong", false, form("broken", "Connect to broken server", field("mistake", choice("broken", mistakes.map((m) => [m, m.replaceAll("-", " ")]))))),
      group("Open connections of this lab server", true, h("ws-connections")),
    );
    this.on("submit", (e) => {
      e.preventDefault();
      const on = hit(e, "form");
      if (on instanceof HTMLFormElement) this.submit(on);
    });
    this.lab.session.observe(() => this.told.forEach((told) => told.render()), signal);
  }

  /** @param {HTMLFormElement} on */
  async submit(on) {
    const said = on.querySelector("output");
    if (!said) return;
    const told = this.told.get(on) || new Told(said, this.lab);
    this.told.set(on, told);
    const data = new FormData(on);
    /** @param {string} name */
    const get = (name) => (data.has(name) ? String(data.get(name)) : undefined);
    const act = on.dataset.act || "";
    /** @type {import("../types.js").Action} */
    const action = { do: act === "broken" ? "connect" : act, text: get("text"), hex: get("hex"), reason: get("reason"), broken: get("broken"), endpoint: get("endpoint") };
    action.parts = get("parts")?.split(/\r?\n/);
    // The response shows the mistake in the handshake.
    if (action.broken) action.shows = { kind: "handshake", what: "response" };
    const builder = on.querySelector("ws-builder");
    const e = await told.after(() => {
      if (builder) {
        if (builder.error) throw new Error(builder.error);
        action.parts = builder.parts;
      }
      action.code = closeCode(get("code") || "");
      action.fields = headerFields(get("fields") || "");
      return this.lab.actions.act(action);
    });
    const input = on.elements.namedItem("hex");
    if (e instanceof HexError && (input instanceof HTMLInputElement || input instanceof HTMLTextAreaElement)) {
      input.focus();
      input.setSelectionRange(e.at, e.at + 1);
    }
  }
}
