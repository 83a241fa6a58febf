/**
 * Frames that a person builds: from the fields of a frame to its bytes, and from
 * bytes back to the fields. Every combination is possible, legal or not. The lab
 * server reads the bytes and judges them.
 *
 * @typedef {import("./types.js").Frame} Frame
 * @typedef {"shortest"|"7"|"16"|"64"} Form the length form; shortest: the shortest one that can hold the length
 *
 * @typedef {object} Draft
 * @property {boolean} fin
 * @property {boolean} rsv1
 * @property {boolean} rsv2
 * @property {boolean} rsv3
 * @property {number} opcode
 * @property {Form} form
 * @property {string} length the value in the length field; "" for the size of the payload
 * @property {boolean} masked
 * @property {string} key hex of the masking key
 * @property {Uint8Array} payload as the application sees it, before masking
 *
 * @typedef {Draft|Uint8Array} Item a frame, or bytes that are not a whole header
 */

import { count, opcodeNames } from "./format.js";
import { hexBytes, hexOf, spaced } from "./hex.js";

/** The most bytes that the builder sends in one go. */
export const most = 2048;

/** The frame with which a person begins: the masked Hello of RFC 6455 §5.7. @returns {Draft} */
export const hello = () => ({ fin: true, rsv1: false, rsv2: false, rsv3: false, opcode: 1, form: "shortest", length: "", masked: true, key: "37fa213d", payload: new TextEncoder().encode("Hello") });

/** @type {Record<"7"|"16"|"64", bigint>} the largest value of each length field */
const largest = { 7: 127n, 16: 0xffffn, 64: 0xffff_ffff_ffff_ffffn };

/** @param {bigint} length */
const shortest = (length) => (length < 126n ? "7" : length <= largest[16] ? "16" : "64");

/**
 * The value of the length field. Throws if it has no room.
 * @param {Draft} d
 */
function lengthOf(d) {
  const text = d.length.trim();
  if (text && !/^(\d+|0x[0-9a-f]+)$/i.test(text)) throw new Error("The length is not a whole number. Write, for instance, 5 or 0x7d.");
  const value = text ? BigInt(text) : BigInt(d.payload.length);
  const max = largest[d.form === "shortest" ? 64 : d.form];
  if (value > max) throw new Error(`The length ${value} does not fit. The largest value of ${d.form === "shortest" ? 64 : d.form} bits is ${max}.`);
  return value;
}

/** The bytes of a frame. Throws an error in words for the learner. @param {Draft} d */
export function encode(d) {
  const length = lengthOf(d);
  const form = d.form === "shortest" ? shortest(length) : d.form;
  const marker = form === "7" ? Number(length) : form === "16" ? 126 : 127;
  const bytes = [(d.fin ? 0x80 : 0) | (d.rsv1 ? 0x40 : 0) | (d.rsv2 ? 0x20 : 0) | (d.rsv3 ? 0x10 : 0) | d.opcode, (d.masked ? 0x80 : 0) | marker];
  for (let shift = form === "7" ? -8n : BigInt(form) - 8n; shift >= 0n; shift -= 8n) bytes.push(Number((length >> shift) & 0xffn));
  if (!d.masked) return Uint8Array.from([...bytes, ...d.payload]);
  const key = hexBytes(d.key);
  if (key.length !== 4) throw new Error(`The masking key has ${count(key.length, "byte")}. Write 4 bytes, for instance 37 fa 21 3d.`);
  return Uint8Array.from([...bytes, ...key, ...[...d.payload].map((b, i) => b ^ key[i % 4])]);
}

/** The bytes of several items, one after the other. @param {Item[]} items */
export const encodeAll = (items) => Uint8Array.from(items.flatMap((item) => [...(item instanceof Uint8Array ? item : encode(item))]));

/**
 * The items of bytes, with the frames that the lab server found in them.
 * @param {Uint8Array} bytes
 * @param {Frame[]} frames
 * @returns {Item[]}
 */
export function decode(bytes, frames) {
  /** @type {Item[]} */
  const items = [];
  let at = 0;
  for (const f of frames) {
    if (f.cut) break; // the header is not whole, so it has no fields
    const { header } = f;
    const from = f.offset + header.size;
    at = Math.min(bytes.length, f.offset + Number(f.size));
    const key = header.masked && header.key ? hexBytes(header.key) : null;
    const payload = bytes.slice(from, at).map((b, i) => (key ? b ^ key[i % 4] : b));
    const length = BigInt(header.length);
    items.push({
      fin: header.fin,
      rsv1: header.rsv1,
      rsv2: header.rsv2,
      rsv3: header.rsv3,
      opcode: header.opcode,
      form: String(header.form) === shortest(length) ? "shortest" : /** @type {Form} */ (String(header.form)),
      length: length === BigInt(payload.length) ? "" : String(length),
      masked: header.masked,
      key: header.key || hello().key,
      payload,
    });
  }
  if (at < bytes.length) items.push(bytes.slice(at));
  return items;
}

/** @typedef {"text"|"hex"|"repeat"|"close"} Notation how a person writes a payload */

/**
 * The bytes of a payload that a person wrote.
 * @param {Notation} notation
 * @param {string} text
 */
export function payloadOf(notation, text) {
  if (notation === "hex") return hexBytes(text);
  if (notation === "text") return new TextEncoder().encode(text);
  const [, number = "", rest = ""] = /^\s*(\d*) ?([^]*)$/.exec(text) || [];
  if (notation === "close") {
    if (!number || Number(number) > 65535) throw new Error("A close code is a number from 0 to 65535. Write, for instance, 1000 bye.");
    return Uint8Array.from([Number(number) >> 8, Number(number) & 0xff, ...new TextEncoder().encode(rest)]);
  }
  if (!number || rest || Number(number) > most) throw new Error(`Write how many letters a: a number from 0 to ${most}.`);
  return new Uint8Array(Number(number)).fill(0x61);
}

/**
 * A payload as a person would write it.
 * @param {Uint8Array} payload
 * @param {number} opcode
 * @returns {{notation: Notation, text: string}}
 */
export function payloadAs(payload, opcode) {
  if (payload.length > 20 && payload.every((b) => b === 0x61)) return { notation: "repeat", text: String(payload.length) };
  const close = opcode === 8 && payload.length > 1;
  const text = plain(close ? payload.subarray(2) : payload);
  if (text === null) return { notation: "hex", text: spaced(hexOf(payload)) };
  return close ? { notation: "close", text: `${(payload[0] << 8) | payload[1]} ${text}`.trimEnd() } : { notation: "text", text };
}

/** The text of bytes; null if a line of input cannot hold it. @param {Uint8Array} bytes */
function plain(bytes) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // A space at the end of a close reason would be lost.
    return /[\u0000-\u001f\u007f\ufffd]| $/.test(text) ? null : text;
  } catch {
    return null;
  }
}

/**
 * The places at which TCP cuts the bytes: after how many bytes a part ends.
 * @param {string} text numbers with spaces or commas between them
 * @param {number} size
 */
export function cutsOf(text, size) {
  const cuts = text.split(/[\s,]+/).filter(Boolean).map((word) => {
    const n = Number(word);
    if (!/^\d+$/.test(word) || n < 1 || n >= size) throw new Error(size > 1 ? `${word} is not a place to cut. Write a number from 1 to ${size - 1}.` : "One byte cannot be cut.");
    return n;
  });
  return [...new Set(cuts)].sort((a, b) => a - b);
}

/** The parts of bytes that are cut at these places. @param {Uint8Array} bytes @param {number[]} cuts */
export const partsOf = (bytes, cuts) => [0, ...cuts].map((from, i) => bytes.slice(from, cuts[i] ?? bytes.length));

/** @param {number} opcode */
export const opcodeWord = (opcode) => opcodeNames[opcode] || "reserved";

/** A name for an item, in one line. @param {Item} item */
export function nameOf(item) {
  if (item instanceof Uint8Array) return `${count(item.length, "byte")}, not a whole header`;
  const flags = [item.fin && "FIN", item.rsv1 && "RSV1", item.rsv2 && "RSV2", item.rsv3 && "RSV3", item.masked && "masked"].filter(Boolean).join(" ");
  const name = opcodeNames[item.opcode] || `opcode ${item.opcode}`;
  return `${name.toUpperCase()} ${flags}, ${count(item.payload.length, "byte")}`.replace(" ,", ",");
}
