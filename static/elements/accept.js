/**
 * Works the accept value of the learner's newest handshake, one step at a
 * time: the key, the GUID behind it, SHA-1, base64, and what the server said.
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
      // Another connection is worked from its beginning; it is another key.
      if (found.accept?.key !== this.accept?.key) this.step = 1;
      this.accept = found.accept;
      this.endpoint = found.endpoint;
      this.draw();
    }, signal);
  }

  draw() {
    const { accept: a, step } = this;
    if (!a) {
      this.replaceChildren(h("p", { class: "soft" }, "Connect, and the accept value of your own key is worked here."));
      return;
    }
    const good = a.expected === a.got;
    const steps = [
      h("li", {}, "Your browser made up 16 bytes and sent them in base64, as the key: ", h("code", { class: "f-key" }, a.key)),
      h("li", {}, "The server puts the GUID of RFC 6455 behind it, as text: ", h("code", {}, h("span", { class: "f-key" }, a.key), h("span", { class: "f-len" }, a.guid))),
      h("li", {}, "SHA-1 of those characters, 20 bytes in hex: ", h("code", { class: "f-head" }, a.sha1)),
      h("li", {}, "Those 20 bytes in base64: ", h("code", { class: "f-data" }, a.expected)),
      h(
        "li",
        {},
        `What ${this.endpoint || "the server"} answered: `,
        h("code", { class: good ? "f-data" : "f-code" }, a.got || "nothing"),
        " ",
        h("b", { class: good ? "f-data" : "f-code" }, good ? "✔ the same, character by character" : "× not the same: the browser fails the connection"),
        a.mistake && h("p", {}, "i ", a.mistake),
      ),
    ];
    this.replaceChildren(
      h("ol", { class: "steps" }, ...steps.slice(0, step)),
      h("p", { class: "buttons" }, ...(step < 5 ? [button("Next step", { class: "next" }), " ", button("Show all", { class: "all quiet" })] : [button("From the beginning", { class: "first quiet" })])),
    );
  }
}

/**
 * The response that is selected, or else the newest to this tab, whichever way
 * its accept value came out.
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
