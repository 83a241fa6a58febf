/**
 * Carries out orders, each run of a scenario in an iframe of its own, and reports the
 * calls and events of JavaScript. Removing an iframe is like closing a tab.
 *
 * @typedef {{play: string, step: number, url: string, order: Order}} Message
 * @typedef {{do: string, text?: string, hex?: string, repeat?: number, code?: number, reason?: string}} Order
 */

/** @type {Map<string, {frame: HTMLIFrameElement, socket: WebSocket}>} */
const plays = new Map();

/** @type {object[]} */
let unsent = [];
let sending = false;

/** @param {object} report */
async function report(report) {
  unsent.push({ at: performance.now(), ...report });
  if (sending) return;
  sending = true;
  await Promise.resolve(); // reports of one turn go into one request
  while (unsent.length) {
    const batch = unsent;
    unsent = [];
    await tell(batch);
  }
  sending = false;
}

/**
 * Sends reports to the server. The fastest of these requests shows how far the two
 * clocks differ.
 * @param {object[]} reports
 */
const tell = (reports) => fetch("told", { method: "POST", body: JSON.stringify({ now: performance.now(), reports }) }).catch(() => {});

/** @param {string} hex */
const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** @param {string} text */
const size = (text) => new TextEncoder().encode(text).length;

/** @param {Message} message */
function open({ play, url }) {
  const frame = document.createElement("iframe");
  document.body.append(frame);
  /** @type {Window & typeof globalThis} */
  const realm = /** @type {any} */ (frame.contentWindow);
  /** @param {string} what @param {object} [more] */
  const hear = (what, more) => report({ play, script: { what, readyState: socket.readyState, ...more } });
  const at = performance.now();
  const socket = new realm.WebSocket(url);
  socket.binaryType = "arraybuffer";
  plays.set(play, { frame, socket });
  report({ play, at, script: { what: "new WebSocket", text: new URL(url).pathname, readyState: socket.readyState } });
  socket.onopen = () => hear("onopen");
  socket.onerror = () => hear("onerror");
  socket.onmessage = ({ data }) =>
    typeof data === "string" ? hear("onmessage", { text: data.slice(0, 200), size: size(data) }) : hear("onmessage", { size: data.byteLength });
  socket.onclose = ({ code, reason, wasClean }) => hear("onclose", { code, reason, wasClean });
}

/** @param {Message} message */
function perform(message) {
  const { play, order } = message;
  if (order.do === "open") return open(message);
  const found = plays.get(play);
  if (!found) throw new Error(`there is no WebSocket to ${order.do}`);
  const { frame, socket } = found;
  const at = performance.now();
  switch (order.do) {
    case "send": {
      const data = order.hex ? fromHex(order.hex) : order.repeat ? "a".repeat(order.repeat) : (order.text ?? "");
      socket.send(data);
      const told = typeof data === "string" ? { text: data.slice(0, 200), size: size(data) } : { size: data.length };
      return report({ play, at, script: { what: "send", readyState: socket.readyState, ...told } });
    }
    case "close":
      if (order.code === undefined) socket.close();
      else socket.close(order.code, order.reason ?? "");
      return report({ play, at, script: { what: "close", code: order.code, reason: order.reason, readyState: socket.readyState } });
    case "leave":
      report({ play, at, script: { what: "leave" } });
      plays.delete(play);
      frame.remove();
      return;
  }
  throw new Error(`this page cannot ${order.do}`);
}

for (let i = 0; i < 8; i++) await tell([]);

new EventSource("orders").onmessage = ({ data }) => {
  const message = /** @type {Message} */ (JSON.parse(data));
  if (message.order.do === "over") {
    plays.get(message.play)?.frame.remove();
    plays.delete(message.play);
    return;
  }
  let error;
  try {
    perform(message);
  } catch (e) {
    error = String(e);
  }
  report({ play: message.play, done: { step: message.step, error } });
};
