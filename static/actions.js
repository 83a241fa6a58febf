/**
 * The actions of the buttons of a lesson and of the forms of the free lab.
 *
 * @typedef {import("./types.js").Action} Action
 * @typedef {import("./act.js").Client} Client
 */

import { Act } from "./act.js";
import { outcome, reasonNeedsCode } from "./forms.js";
import { hexBytes, hexOf } from "./hex.js";

const steers = ["hold", "run", "step", "back"];

export class Actions {
  /** @type {Client[]} the raw clients dialled last */
  raw = [];

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./cursor.js").Cursor} cursor
   * @param {import("./inspector.js").Inspector} inspector
   * @param {import("./sockets.js").Sockets} sockets
   * @param {() => unknown} restart begins a fresh session
   */
  constructor(session, cursor, inspector, sockets, restart) {
    this.session = session;
    this.cursor = cursor;
    this.inspector = inspector;
    this.sockets = sockets;
    this.restart = restart;
    session.addEventListener("fresh", () => (this.raw = []));
  }

  /** The state from which the sentence beside a button is made. @returns {import("./act.js").World} */
  get world() {
    const { rows, id, server, holding } = this.session;
    return {
      rows,
      session: id,
      server,
      holding,
      tab: (token) => {
        const own = this.sockets.byToken.get(token);
        return own && { readyState: own.ws.readyState, opened: own.opened, close: own.close };
      },
    };
  }

  /**
   * Does an action and returns its Act, which reports the result. If the action is
   * not possible, throws an error in words for the learner.
   * @param {Action} a
   * @returns {Promise<Act>}
   */
  async act(a) {
    const { session, cursor, inspector } = this;
    session.acted++;
    inspector.aim = null;
    const steering = steers.includes(a.do);
    if (!["back", "restart"].includes(a.do)) session.alive();
    if (session.watching && !steering) throw new Error("You are watching a connection of another page, so this page cannot send on it.");
    session.say("");
    if (!steering) cursor.stepper = null;
    await session.starting; // a quick reader presses a button before the session has begun
    if (!session.id) throw new Error(session.refusal || "There is no session yet, because the lab server does not answer.");
    const act = new Act(a, session.id, session.history.last);
    if (!steering && a.do !== "restart") {
      // Its effects will be at the end of the recording.
      cursor.toNewest();
      inspector.aim = act;
      cursor.news++;
    }
    try {
      await this.perform(a, act);
    } catch (e) {
      if (inspector.aim === act) inspector.aim = null;
      throw e;
    }
    act.asked = false;
    if (inspector.aim === act) cursor.lead();
    session.touch();
    return act;
  }

  /** @param {Action} a @param {Act} act @returns {unknown} */
  perform(a, act) {
    switch (a.do) {
      case "connect":
        return this.connect(a, act);
      case "send":
        return this.sockets.send(a, act);
      case "close":
        return this.sockets.close(a, act);
      case "hold":
        return this.cursor.hold();
      case "run":
        return this.cursor.run();
      case "step":
        return this.cursor.step();
      case "back":
        return this.cursor.back();
      case "restart":
        return this.restart();
      case "scenario": {
        const n = ++this.sockets.round;
        act.clients = this.cursor.endpoints.map((endpoint) => ({ endpoint, token: `scenario-${endpoint}-${n}` }));
        return this.orders(act, "scenario", act.clients, ({ endpoint }) => ({ scenario: a.name, endpoint, round: n }));
      }
      case "ping":
      case "pong":
        return this.tell(act, { do: a.do, text: a.text || "", hex: a.hex });
      case "say":
        return this.tell(act, a.hex === undefined ? { do: "text", text: a.text || "" } : { do: "binary", hex: a.hex });
      case "fragments":
        return this.tell(act, { do: "fragments", parts: a.parts });
      case "server-close":
        reasonNeedsCode(a.code, a.reason);
        return this.tell(act, { do: "close", code: a.code, reason: a.reason || undefined });
      case "raw-open":
        return this.dialRaw(a, act);
      case "raw-bytes":
      case "raw-close":
        return this.writeRaw(a, act);
    }
    throw new Error(`This page does not know the action ${JSON.stringify(a.do)}.`);
  }

  /** @param {Action} a @param {Act} act */
  connect(a, act) {
    this.sockets.connect(act, a.broken ? [`broken/${a.broken}`] : this.cursor.endpoints);
    this.session.resumed = this.session.returned = false;
  }

  /** @param {Action} a @param {Act} act */
  async dialRaw(a, act) {
    const n = ++this.sockets.round;
    const { fields } = a;
    act.clients = (a.endpoint === "both" ? ["reference", "gorilla"] : [a.endpoint || "reference"]).map((endpoint) => ({ endpoint, token: `raw-${endpoint}-${n}` }));
    this.raw = await this.raws(act, ({ endpoint }) => ({ do: "open", endpoint, fields, round: n }));
  }

  /** Writes the parts of some bytes one after the other, or closes TCP. @param {Action} a @param {Act} act */
  async writeRaw(a, act) {
    if (!this.raw.length) throw new Error("The raw client is not connected. Press Dial server first.");
    const parts = a.do === "raw-bytes" ? (a.parts || [a.hex || ""]).map(hexBytes) : [];
    act.clients = this.raw;
    if (a.do === "raw-close") await this.raws(act, () => ({ do: "close" }));
    for (const [i, part] of parts.entries()) {
      if (i) {
        const { delivered } = await import("./parts.js");
        await delivered(this.session, act);
      }
      act.size += part.length;
      await this.raws(act, () => ({ do: "bytes", hex: hexOf(part) }));
    }
  }

  /**
   * Sends the same order to several raw clients. Returns the clients that carried
   * it out, and throws if none did.
   * @param {Act} act
   * @param {(client: Client) => object} body
   */
  async raws(act, body) {
    const asked = act.clients;
    const results = await Promise.allSettled(asked.map((client) => this.order(act, "raw", client, body(client))));
    act.note = outcome(asked, results);
    return (act.clients = asked.filter((_, i) => results[i].status === "fulfilled"));
  }

  /** Orders the server's code to do something on each connection. @param {Act} act @param {object} body */
  tell(act, body) {
    act.clients = this.sockets.ready();
    return this.orders(act, "server", act.clients, () => body);
  }

  /**
   * Sends an order to the server's side of each client.
   * @param {Act} act
   * @param {"server"|"scenario"} what
   * @param {Client[]} clients
   * @param {(client: Client) => object} body
   */
  orders(act, what, clients, body) {
    return Promise.all(clients.map((client) => this.order(act, what, client, body(client))));
  }

  /**
   * The effects of an action come after the last event that was recorded when the
   * server accepted the order.
   * @param {Act} act
   * @param {string} what
   * @param {Client} client
   * @param {object} body
   */
  async order(act, what, client, body) {
    const { after } = await this.session.post(what, { client: client.token, ...body });
    if (!act.began.has(client.token)) act.began.set(client.token, after);
  }
}
