/**
 * A run of raw clients on a bare TCP listener and on net/http: each read of a
 * server, what the server then had of the request, and how it ended.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {{seq: number, size: number, has: string}} Read
 * @typedef {object} Door one server of a run
 * @property {Read[]} reads until the response, and until the end if the response refuses
 * @property {{seq: number, line: string, status: number, body: string}|null} response
 * @property {string} next the first bytes that were read after a response that accepts, in hex
 * @property {number} echo seq of the echo of Hello; 0 if it did not arrive
 * @property {string[]} calls deadlines and Hijack, in order
 * @property {boolean} over the TCP connection has ended
 * @typedef {{client: string, what: string, new: string[][], proto?: string, status?: number, text?: string, error?: string}} Exchange
 * @typedef {{size: number, first: number, next: string, echo: boolean}} Try a request to the naive server: its size, the bytes of the first Read, the bytes that the next Read returned in hex
 */

import { count, grouped, quote } from "./format.js";
import { bytes } from "./hex.js";

const latin1 = new TextDecoder("latin1");

/**
 * One server of a run.
 * @param {LabEvent[]} events of its connection, in order
 * @returns {Door}
 */
export function door(events) {
  /** @type {Door} */
  const d = { reads: [], response: null, next: "", echo: 0, calls: [], over: false };
  let text = "";
  for (const e of events) {
    if (e.bytes && e.from === "client" && d.response?.status !== 101) {
      text += latin1.decode(bytes(e.bytes.hex)).padEnd(e.bytes.size, " ");
      d.reads.push({ seq: e.seq, size: e.bytes.size, has: d.response ? "Read after the response, and discarded" : has(text) });
    }
    if (e.bytes && e.from === "client" && d.response?.status === 101) d.next ||= e.bytes.hex;
    if (e.handshake?.what === "response") d.response ??= { seq: e.seq, line: e.handshake.line, status: e.handshake.status || 0, body: e.handshake.body || "" };
    if (e.frame && e.from === "server" && e.frame.text === "Hello") d.echo ||= e.seq;
    if (e.call?.phase === "enter" && e.call.name.includes("Deadline")) d.calls.push(`${e.call.name.replace("net.Conn.", "")}: ${e.call.args}`);
    if (e.call?.phase === "return" && e.call.name.includes("Hijack")) d.calls.push(`${e.call.name.replace("http.Hijacker.", "")} returns ${e.call.result || e.call.error?.text}`);
    if (e.tcp?.what === "closed" && e.from === "server") d.over = true;
  }
  return d;
}

/** What a server has of a request, in words. @param {string} text the bytes so far */
export function has(text) {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) {
    const lines = text.split("\r\n");
    const rest = lines.pop() || "";
    const part = !rest ? "" : rest.length > 40 ? `${count(rest.length, "byte")} of the next` : `the beginning of the next: ${quote(rest, 40)}`;
    return `${count(lines.length, "whole line")}${part && `, and ${part}`}`;
  }
  const size = end + 4;
  const more = text.length - size;
  return `The whole request, ${count(size, "byte")}${more ? `, and ${count(more, "byte")} after it` : ""}`;
}

/** The TCP connections that a client opened for a request. @param {Exchange} e */
export function opened(e) {
  if (!e.new.length) return "none: it uses the one above";
  return e.new.map((offers) => `1, which offers ${offers.join(" and ") || "no protocol, so HTTP/1.1"}`).join(", ");
}

/** The result of a request. @param {Exchange} e */
export const result = (e) => (e.error ? `The client refuses: ${e.error}` : `${e.status} over ${e.proto}`);

/**
 * What the tries on the naive server show. An echo shows that the server understood
 * the request and the frame after it.
 * @param {Try[]} tries
 * @returns {{solved: boolean, text: string}}
 */
export function smallest(tries) {
  const broken = tries.filter((t) => !t.echo).map((t) => t.size);
  const fine = tries.filter((t) => t.echo).map((t) => t.size);
  if (!broken.length) return { solved: false, text: fine.length ? `A request of ${count(Math.max(...fine), "byte")} does not break the server. Try a longer one.` : "" };
  const least = Math.min(...broken);
  if (fine.includes(least - 1)) return { solved: true, text: `Solved: ${count(least, "byte")} break the server, and ${grouped(least - 1)} do not. The first Read returned ${count(tries.find((t) => t.size === least)?.first ?? 0, "byte")}. The rest of the request stayed in the socket, and the server treats it as the beginning of a frame.` };
  const below = fine.filter((n) => n < least);
  return { solved: false, text: `${count(least, "byte")} break the server. ${below.length ? `${grouped(Math.max(...below))} do not. The smallest is between them.` : "Is a shorter request enough?"}` };
}
