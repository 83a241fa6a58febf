/**
 * Computes the accept value of the page's newest handshake, one step at a time: the
 * handshake key, the GUID, SHA-1, base64, and the server's value.
 *
 * @typedef {import("../types.js").Accept} Accept
 */

import { LabElement, button, h, hit } from "./dom.js";

/** @extends {LabElement<"session" | "inspector">} */
export class WsAccept extends LabElement {
  static tag = "ws-accept";

  step = 1;
  seq = 0;
  endpoint = "";
  /** @type {Accept|undefined} */
  accept;

  /** @param {AbortSignal} signal */
  setup(signal) {
    this.on("click", (e) => {
      if (hit(e, ".next")) this.step++;
      else if (hit(e, ".all")) this.step = 5;
      else if (hit(e, ".first")) this.step = 1;
      else return;
      this.draw();
      this.querySelector("button")?.focus();
    });
    this.draw();
    this.lab.session.observe(() => {
      const found = newest(this.lab);
      if (found.seq === this.seq) return;
      this.seq = found.seq;
      // If the handshake key changes, begin again at the first step.
      if (found.accept?.key !== this.accept?.key) this.step = 1;
      this.accept = found.accept;
      this.endpoint = found.endpoint;
      this.draw();
    }, signal);
  }

  draw() {
    const { accept: a, step } = this;
    if (!a) {
      this.replaceChildren(h("p", { class: "soft" }, "Connect to see how the accept value of your own handshake key is computed."));
      return;
    }
    const good = a.expected === a.got;
    const steps = [
      h("li", {}, "Your browser chose 16 random bytes and sent them in base64 as the handshake key: ", h("code", { class: "f-key" }, a.key)),
      h("li", {}, "The server appends the fixed GUID of RFC 6455 to that text: ", h("code", {}, h("span", { class: "f-key" }, a.key), h("span", { class: "f-len" }, a.guid))),
      h("li", {}, "The SHA-1 hash of that text is 20 bytes, here in hex: ", h("code", { class: "f-head" }, a.sha1)),
      h("li", {}, "The same 20 bytes in base64 are the accept value: ", h("code", { class: "f-data" }, a.expected)),
      h(
        "li",
        {},
        `${this.endpoint ? `The ${this.endpoint} server` : "The server"} answered: `,
        h("code", { class: good ? "f-data" : "f-code" }, a.got || "nothing"),
        " ",
        h("b", { class: good ? "f-data" : "f-code" }, good ? "✔ pass: every character is the same" : "× fail: not the same, so the browser fails the connection"),
        a.mistake && h("p", {}, "note: ", a.mistake),
      ),
    ];
    this.replaceChildren(
      h("ol", { class: "steps" }, ...steps.slice(0, step)),
      h("p", { class: "buttons" }, ...(step < 5 ? [button("Show next step", { class: "next" }), " ", button("Show all steps", { class: "all quiet" })] : [button("Show first step again", { class: "first quiet" })])),
    );
  }
}

/**
 * The selected response. If none is selected, the newest response to this page.
 * @param {Pick<import("../lab.js").Lab, "session" | "inspector">} lab
 */
function newest({ session, inspector }) {
  const { rows, history } = session;
  const selected = rows.bySeq.get(inspector.selection.seq);
  const responses = [selected, ...[...rows.conns.values()].map((c) => c.response).reverse()];
  for (const row of responses) {
    const accept = row?.event.handshake?.accept;
    if (row && accept && row.conn.scripted && row.seq <= history.cursor) return { seq: row.event.seq, accept, endpoint: row.conn.endpoint };
  }
  return { seq: 0, accept: undefined, endpoint: "" };
}
