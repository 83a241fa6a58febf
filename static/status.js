/**
 * The panel's own sentences, made from the present state: the banner says why the
 * panel cannot continue. The notice says why something was refused, or suggests the
 * next action.
 *
 * @typedef {object} Panel
 * @property {"there"|"gone"|"lost"} server gone: the server does not answer; lost: the server does not know the session
 * @property {boolean} watching whether the session is not the page's own
 * @property {boolean} resumed whether the page was loaded again
 * @property {boolean} returned whether the browser closed the page's connections when it was left
 * @property {number} events that are recorded
 * @property {number} dropped events that could not be kept
 * @property {{kind: "info"|"error", text: string}|null} said the result of the last action, while it is true
 * @property {{frames: number, handshakes: number}} held
 * @property {boolean} holding
 * @property {boolean} second whether the other endpoint's connection waits for the first handshake
 * @property {string} playing the hint of what the keys step, "" for the timeline
 * @property {boolean} open whether a connection is open or opening
 */

import { bitName } from "./bits.js";
import { belongs } from "./connection.js";
import { count, line } from "./format.js";

/** The state of the panel now. @param {import("./lab.js").Lab} lab @returns {Panel} */
export function panel({ session, cursor, sockets }) {
  const { server, watching, resumed, returned, holding, history, notice: said } = session;
  const held = cursor.waiting().flatMap((c) => c.held.filter((row) => !row.event.tcp)); // the valve releases a FIN by itself
  const frames = held.filter((row) => row.event.frame).length;
  const conns = [...session.rows.conns.values()].filter((c) => c.id && belongs(c, cursor.mode));
  const open = sockets.open();
  return {
    server,
    watching,
    resumed,
    returned,
    events: history.events.length,
    dropped: history.lost,
    said: session.noticed === server && said.text ? said : null,
    held: { frames, handshakes: held.length - frames },
    holding,
    // A browser opens one connection to a host at a time, as RFC 6455 §4.1 asks.
    second: holding && cursor.mode === "both" && !watching && open.some((s) => s.ws.readyState === WebSocket.CONNECTING),
    playing: cursor.stepper?.hint || "",
    open: open.length > 0 || conns.some((c) => !c.plain && !(sockets.byToken.has(c.client) ? sockets.byToken.get(c.client)?.ws.readyState === WebSocket.CLOSED : c.overAt(Infinity))),
  };
}

/** The selection as a screen reader says it. @param {import("./inspector.js").Inspector} inspector */
export function selectionText({ subject, field, selection }) {
  if (!subject) return "";
  const { event } = subject;
  if (!field || !event.frame) return line(event);
  const { shown: bit, into } = selection;
  if (into !== null) return `${line(event)}. ${field.name}: ${field.value}`;
  const byte = bit >> 3;
  const value = /** @type {0|1} */ ((parseInt(event.frame.hex.slice(byte * 2, byte * 2 + 2) || "0", 16) >> (7 - (bit % 8))) & 1);
  return `${line(event)}. ${bitName({ bit, byte, value, mask: 0x80 >> bit % 8, field: 0 }, field)}`;
}

/**
 * The banner: a text, a command in it, and the label of its button; null if there
 * is no banner.
 * @param {Panel} p
 * @returns {{text: string, code: string, rest: string, button: string, info: boolean}|null}
 */
export function banner(p) {
  if (p.server === "gone") return { text: "The lab server does not answer. Start it again with ", code: "go run ./labserver", rest: ". This page keeps trying.", button: "", info: false };
  if (p.server === "lost") return { text: "The lab server restarted or dropped this session. What you see here is complete; nothing more will be recorded. ", code: "", rest: "", button: p.watching ? "Open the free lab" : "Start new session", info: false };
  const text = p.resumed && p.events ? "You reloaded this page, and the browser closed its connections. " : p.returned ? "You left this page, and the browser closed its connections. " : "";
  return text ? { text: `${text}The recording is still here. `, code: "", rest: "", button: "Start new session", info: true } : null;
}

/**
 * The notice under the bar; empty while the banner says why the panel cannot
 * continue.
 * @param {Panel} p
 * @returns {{text: string, failed: boolean}}
 */
export function notice(p) {
  if (p.server !== "there") return { text: "", failed: false };
  const dropped = p.dropped ? `The page was too slow for ${count(p.dropped, "event")}, so ${p.dropped === 1 ? "it was" : "they were"} dropped. The timeline shows where. ` : "";
  return { text: dropped + (p.said?.text || hint(p)), failed: p.said?.kind === "error" };
}

/** The hint for the next action. @param {Panel} p */
function hint(p) {
  const second = p.second ? " Side by side, the browser opens the second connection when the first handshake is complete." : "";
  const { frames, handshakes } = p.held;
  const held = [frames && count(frames, "frame"), handshakes && count(handshakes, "handshake message")].filter(Boolean).join(" and ");
  if (held) return `${held} ${frames + handshakes === 1 ? "is" : "are"} held. → releases the oldest one on each connection.${second}`;
  if (p.playing) return p.playing;
  if (p.holding) return `The wire is held. Each frame and handshake message waits for your step.${second}`;
  if (!p.events) return "Connect to see everything that is sent and received.";
  if (!p.open && !p.watching) return "No connection is open. Press Connect to open one.";
  return "The wire is not held. Press Hold the wire to go step by step.";
}
