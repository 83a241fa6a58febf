/**
 * The same chat over raw TCP and over WebSocket, as the recording shows it: what the
 * client wrote, what was on the wire, and what the server's code read.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {object} Side
 * @property {string[]} wrote what the client's code wrote, one entry for each call
 * @property {string[]} wire  what the server's socket delivered, one entry for each piece
 * @property {string[]|null} units what divides the pieces into messages; null if nothing does
 * @property {string[]} read  what each read of the server's code returned
 * @property {number} bytes of the messages on the wire, without the handshake and the Close frames
 * @property {number} before bytes of the handshake
 */

import { count, frameLine, quote } from "./format.js";
import { bytes } from "./hex.js";

const text = (/** @type {string} */ hex) => quote(new TextDecoder().decode(bytes(hex)), 60);

/**
 * The raw TCP connection.
 * @param {LabEvent[]} events of its connection
 * @returns {Side}
 */
export function tcpSide(events) {
  const sent = events.filter((e) => e.bytes && e.from === "client");
  const { wrote, read } = calls(events);
  return {
    wrote,
    wire: sent.map((e) => `${count(e.bytes?.size || 0, "byte")} ${text(e.bytes?.hex || "")}`),
    units: null,
    read,
    bytes: sent.reduce((n, e) => n + (e.bytes?.size || 0), 0),
    before: 0,
  };
}

/**
 * The WebSocket.
 * @param {LabEvent[]} events of its connection
 * @returns {Side}
 */
export function socketSide(events) {
  const frames = events.filter((e) => e.frame && e.from === "client");
  const sent = frames.filter((e) => (e.frame?.header.opcode || 0) < 8);
  const opened = events.find((e) => e.handshake?.what === "response")?.seq ?? Infinity;
  const writes = new Map(events.filter((e) => e.script?.what === "write").map((e) => [e.seq, e.script]));
  return {
    wrote: sent.flatMap((e) => {
      const write = writes.get(e.by || e.told || 0);
      return write ? `${count(write.size || 0, "byte")}: a frame with ${quote(e.frame?.text || "", 60)}` : [];
    }),
    wire: events.filter((e) => e.bytes && e.from === "client" && e.seq > opened).map((e) => count(e.bytes?.size || 0, "byte")),
    units: frames.map((e) => (e.frame ? `${count(e.frame.size, "byte")}: ${frameLine(e.frame)}` : "")),
    read: calls(events).read,
    bytes: sent.reduce((n, e) => n + Number(e.frame?.size), 0),
    before: events.reduce((n, e) => n + (e.handshake?.size || 0), 0),
  };
}

/** The client's writes and the server's reads that returned data. @param {LabEvent[]} events */
function calls(events) {
  const returns = events.filter((e) => e.call?.phase === "return" && !e.call.error);
  return {
    wrote: events.filter((e) => e.from === "client" && e.call?.phase === "enter" && e.call.verb === "write").map((e) => e.call?.args || ""),
    read: returns.filter((e) => e.from === "server" && e.call?.verb === "read").map((e) => e.call?.result || ""),
  };
}
